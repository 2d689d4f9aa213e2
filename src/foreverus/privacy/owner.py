"""Receipts of deletions, for whoever owns the AWS account: by their own AWS credentials."""

from collections.abc import Sequence

from foreverus.access.owner import outputs_of
from foreverus.aws.account import Account, told
from foreverus.aws.dynamo import Table
from foreverus.errors import NotFound
from foreverus.privacy.receipts import Erasure, Erasures


def receipts_of(account: Account, stack: str, receipt_id: str, limit: int) -> Sequence[Erasure]:
    """That one; the newest ones where none is named. Raises NotFound for a stack or receipt that is not there, and
    CannotLook."""
    outputs = outputs_of(account, stack)
    if "TableName" not in outputs:
        raise NotFound(f"The stack {stack} has no TableName: deploy it again with this version, then try again.")
    kept = Erasures(Table(account.client("dynamodb"), outputs["TableName"]))
    if not receipt_id:
        with told("dynamodb:Query"):
            return kept.newest(limit)
    with told("dynamodb:GetItem"):
        found = kept.get(receipt_id)
    if found is None:
        raise NotFound(f"There is no receipt {receipt_id} in the stack {stack}.")
    return [found]
