"""Updates of a batch's record, as DynamoDB takes them. Pure."""

from collections.abc import Collection

from foreverus.aws import keys
from foreverus.aws.dynamo import Values
from foreverus.batches.records import BatchRef, BatchStatus


def conditional(
    ref: BatchRef, changes: Values, status_in: Collection[BatchStatus], remove: str = ""
) -> tuple[keys.Key, str, Values, str, dict[str, str]]:
    """(key, expression, values, condition, names) of an update of a batch in one of these statuses."""
    allowed = {f":allowed{n}": status.value for n, status in enumerate(sorted(status_in))}
    condition = "attribute_exists(pk)" + (f" AND #status_ IN ({', '.join(allowed)})" if allowed else "")
    names = names_of(changes) | ({"#status_": "status"} if allowed else {})
    expression = sets(changes) + (f" REMOVE {remove}" if remove else "")
    return keys.batch_key(ref.user_id, ref.batch_id), expression, values_of(changes) | allowed, condition, names


def sets(values: Values) -> str:
    return "SET " + ", ".join(f"#{name} = :{name}" for name in values)


def values_of(values: Values) -> dict[str, object]:
    return {f":{name}": value for name, value in values.items()}


def names_of(values: Values) -> dict[str, str]:
    return {f"#{name}": name for name in values}
