"""SNS: one topic, which people subscribe to by mail."""

from typing import Any


class SnsTopic:
    def __init__(self, client: Any, arn: str):
        self.client = client
        self.arn = arn

    def publish(self, subject: str, message: str) -> None:
        """`subject`: ASCII, one line, fewer than 100 characters (`notifications/notification.py` sees to that)."""
        self.client.publish(TopicArn=self.arn, Subject=subject, Message=message)
