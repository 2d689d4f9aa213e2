"""DynamoDB's values in Python's own types: the serialising that boto3's low-level client leaves to its caller.

The resource API does the same, but costs a cold start 100 ms more to import and build.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

MOST_INT = 10**38  # of 38 digits, as many as DynamoDB holds
SMALLEST = 1e-110  # of 17 digits that DynamoDB holds whole; what is nearer to zero is kept as 0

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def to_attribute_values(item: Mapping[str, object]) -> dict[str, object]:
    """`{"n": 1.5}` → `{"n": {"N": "1.5"}}`. Floats become decimals, as DynamoDB wants them."""
    return {name: _wire(value) for name, value in item.items()}


def from_attribute_values(image: Mapping[str, Any]) -> dict[str, Any]:
    """The way back: whole numbers become int, others float."""
    return {name: _value(value) for name, value in image.items()}


# boto3 tries a value's type against every one that there is: what most values are, it need not be asked.


def _wire(value: object) -> dict[str, object]:
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind is bool:
        return {"BOOL": value}
    if isinstance(value, int) and kind is int and -MOST_INT < value < MOST_INT:
        return {"N": str(value)}
    return dict(_serialize(_to_decimal(value)))


def _value(wire: Any) -> Any:
    if "S" in wire:
        return wire["S"]
    if "N" in wire and (digits := wire["N"]).isascii() and digits.isdigit():
        return int(digits)
    return _from_decimal(_deserialize(wire))


def _to_decimal(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(repr(value)) if abs(value) >= SMALLEST else Decimal(0)
    if isinstance(value, Mapping):
        return {k: _to_decimal(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_to_decimal(v) for v in value]
    return value


def _from_decimal(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {k: _from_decimal(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_from_decimal(v) for v in value]
    return value
