"""What DynamoDB says when it has not written."""

from botocore.exceptions import ClientError


def conditions_failed(err: ClientError) -> list[int]:
    """Which writes' conditions were not met; none where the error is another one."""
    code = err.response["Error"]["Code"]
    if code == "ConditionalCheckFailedException":
        return [0]
    if code != "TransactionCanceledException":
        return []
    return [place for place, reason in enumerate(_reasons(err)) if reason == "ConditionalCheckFailed"]


def _reasons(err: ClientError) -> list[str]:
    """A cancelled transaction's reason for each of its writes, in their order (`None` where that write was fine)."""
    return [str(reason.get("Code")) for reason in err.response.get("CancellationReasons", [])]


def collided(err: ClientError) -> bool:
    """Nothing is wrong with the write; another transaction had the item just then."""
    code = err.response["Error"]["Code"]
    if code == "TransactionCanceledException":
        return "TransactionConflict" in _reasons(err)
    return code in ("TransactionConflictException", "TransactionInProgressException")
