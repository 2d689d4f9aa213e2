"""How much may still be spent on calls that are paid by the token, many of them under way at once. Pure."""

from dataclasses import dataclass

from foreverus.errors import SpendCapReached


@dataclass
class Allowance:
    """USD. A call takes what it may cost at most before it is made, and settles for what it did cost.

    >>> allowance = Allowance(1.0)
    >>> allowance.take(0.75)
    >>> allowance.settle(0.75, 0.25)
    >>> allowance.left_usd
    0.75
    """

    left_usd: float

    def take(self, most_usd: float) -> None:
        """Raises SpendCapReached: the call is not to be made."""
        if most_usd > self.left_usd:
            raise SpendCapReached(f"US$ {self.left_usd:.6f} are left of a cap, and this may cost {most_usd:.6f}.")
        self.left_usd -= most_usd

    def settle(self, most_usd: float, usd: float = 0.0) -> None:
        self.left_usd += most_usd - usd
