"""Secrets that were made for as long as somebody worked, and are still there: whoever made them was cut off."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from foreverus.aws.lent_secrets import LentSecrets
from foreverus.sweeps.sweep import Repair


@dataclass(frozen=True)
class SecretsLeftOver:
    lent: LentSecrets

    def __call__(self) -> Iterator[Repair]:
        for name in self.lent.overdue():
            yield Repair(name, partial(self._delete, name))

    def _delete(self, name: str) -> str:
        self.lent.take_back(name)
        return "deleted"
