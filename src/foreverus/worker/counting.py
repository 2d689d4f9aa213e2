"""What batch lines cost in tokens, added to the session's record every few seconds, and each line once."""

import asyncio
import logging
from collections.abc import Sequence

from foreverus.batches.records import LineResult
from foreverus.concurrency import RunBlocking
from foreverus.sessions.mailbox import LineCount, Mailbox
from foreverus.worker.watch import MailboxWatch

log = logging.getLogger(__name__)

EVERY_S = 5.0
LAST_S = 3.0


class LineCounter:
    """Every write has a number of its own and is refused the second time, so one whose answer was lost is sent again.
    What a killed worker had not written is missing in its session's totals; the batch's own come from its lines."""

    def __init__(self, mailbox: Mailbox, watch: MailboxWatch, run_blocking: RunBlocking):
        self._mailbox = mailbox
        self._watch = watch
        self._run_blocking = run_blocking
        self._new = LineCount()
        self._sending = LineCount()
        self._number = 0
        self._writing = asyncio.Lock()

    def add(self, lines: Sequence[LineResult]) -> None:
        """Lines that were finished just now; errors have cost nothing that anybody told us."""
        self._new = self._new.plus(
            LineCount(
                sum(line.prompt_tokens for line in lines),
                sum(line.completion_tokens for line in lines),
                len(lines),
            )
        )

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            await self.write()

    async def finish(self) -> None:
        """The last write; a session that nobody can reach does not wait for it."""
        try:
            async with asyncio.timeout(LAST_S):
                await self.write()
        except TimeoutError:
            log.warning("the last lines are not counted in the session's record")

    async def write(self) -> None:
        async with self._writing:
            if not self._sending.lines:
                if not self._new.lines:
                    return
                self._sending, self._new = self._new, LineCount()
                self._number += 1
            try:
                await self._run_blocking(
                    self._mailbox.count_lines, await self._watch.own_snapshot(), self._sending, self._number
                )
            except Exception as err:
                log.warning("counting lines: %r", err)
                return
            self._sending = LineCount()
