"""USD as the purse and the ledger keep them: decimals of nine places, so that what is added and taken away again leaves
nothing behind. Pure.

Floats would drift: 0.1 + 0.2 - 0.2 is not 0.1. DynamoDB's own numbers are decimals, and its ADD is exact.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

NOTHING = Decimal(0)
_PLACE = Decimal("1e-9")  # a token of the cheapest model costs a hundred times as much


def exact(usd: float | Decimal) -> Decimal:
    """
    >>> exact(0.1) + exact(0.2) - exact(0.2) == exact(0.1)
    True
    """
    return _decimal(usd).quantize(_PLACE, ROUND_HALF_EVEN)


def at_most(usd: float | Decimal) -> Decimal:
    """Rounded up: what a guard keeps back.

    >>> at_most(1e-10)
    Decimal('1E-9')
    """
    return _decimal(usd).quantize(_PLACE, ROUND_CEILING)


def at_least(usd: float | Decimal) -> Decimal:
    """Rounded down: what a guard gives."""
    return _decimal(usd).quantize(_PLACE, ROUND_FLOOR)


def _decimal(usd: float | Decimal) -> Decimal:
    return usd if isinstance(usd, Decimal) else Decimal(repr(float(usd)))
