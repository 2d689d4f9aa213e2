"""The one rule for what fails among many: each alone, everything is tried, then the whole fails and names them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from foreverus.errors import ForeverUsError

logger = logging.getLogger(__name__)


class Attempts:
    """What failed so far. `raise_any` makes the whole fail, once everything else is done."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    @contextmanager
    def at(self, what: str) -> Iterator[None]:
        """Notes an exception of its block under `what`, for people, and goes on after the block."""
        try:
            yield
        except Exception as err:
            logger.exception("failed: %s", what)
            self.failed.append(f"{what}: {err!r}")

    def raise_any(self, error: type[ForeverUsError]) -> None:
        """Raises `error` with the text of all that failed, if anything did."""
        if self.failed:
            raise error("; ".join(self.failed))
