"""Permissions of SQS's batch calls.

AWS: SendMessageBatch, DeleteMessageBatch and ChangeMessageVisibilityBatch need the permission of the single call; IAM
knows no actions of their own. (Service Authorization Reference, "Actions defined by Amazon SQS".)
Emulator: asks for `sqs:ChangeMessageVisibilityBatch` and the like, which no policy for AWS grants.
"""

from typing import Any

from local.patches import Options

BATCHES = ("sqs:SendMessageBatch", "sqs:DeleteMessageBatch", "sqs:ChangeMessageVisibilityBatch")


def apply(options: Options) -> None:
    from ministack.core import iam_actions

    original = iam_actions.extract_iam_action

    def extract_iam_action(*arguments: Any, **named: Any) -> str | None:
        action: str | None = original(*arguments, **named)
        return action.removesuffix("Batch") if action in BATCHES else action

    iam_actions.extract_iam_action = extract_iam_action
