"""What people want stopped: the ids of the session's record, brought to whoever has that work in hand.

An id that nobody here has in hand is dropped. Whoever asks for a stop notes it beside the work first, so one that comes
to the work later reads it there.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Stops:
    def __init__(self) -> None:
        self._in_hand: dict[str, asyncio.Event] = {}

    @contextmanager
    def listening(self, work_id: str) -> Iterator[asyncio.Event]:
        """An event that is set when the work is to be stopped. Begin before you read whether it is already."""
        event = self._in_hand[work_id] = asyncio.Event()
        try:
            yield event
        finally:
            self._in_hand.pop(work_id, None)

    def take(self, work_ids: Iterable[str]) -> None:
        for work_id in work_ids:
            if event := self._in_hand.get(work_id):
                event.set()
