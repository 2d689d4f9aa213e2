"""What people are told, through SNS. Never prompts or answers."""

from typing import Any

SUBJECT_LIMIT = 100  # SNS: ASCII, one line, fewer than 100 characters


class SnsTopic:
    def __init__(self, client: Any, arn: str):
        self.client = client
        self.arn = arn

    def send(self, subject: str, message: str) -> None:
        self.client.publish(TopicArn=self.arn, Subject=subject[: SUBJECT_LIMIT - 1], Message=message)
