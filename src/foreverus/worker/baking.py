"""A bake's GPU: nobody is answered on it. Its disk is offered to the bake that waits, and is kept still until that is
done, or for an hour: a bake that was stopped never says so."""

import asyncio
import logging
import os

from foreverus import ids
from foreverus.aws.step_functions import TaskRefused
from foreverus.concurrency import Background, first_of, stop
from foreverus.worker.boot import Boot
from foreverus.worker.engine import EngineWatch
from foreverus.worker.ports import WorkerPorts
from foreverus.worker.shutdown import ENDED, session_lost
from foreverus.worker.watch import MailboxWatch

log = logging.getLogger(__name__)

OFFER_RETRY_S = 1.0
MOST_S = 3600.0  # that an image may take: longer than `bake_image` waits for one


class Baking:
    """`boot` has ended well: the engine has answered one real completion."""

    def __init__(self, ports: WorkerPorts, watch: MailboxWatch, boot: Boot):
        self.ports = ports
        self.watch = watch
        self.boot = boot

    async def run(self) -> bool:
        """Whether this session was a bake's. One that nobody bakes any more is a session like any other: who waits for
        it is answered."""
        snapshot = await self.watch.own_snapshot()
        if not snapshot.bake_token:
            return False
        shutdown = self.ports.shutdown
        await self.ports.run_blocking(os.sync)  # the image is taken without a restart: what was written is on the disk
        if not shutdown.stopping.is_set() and not await self._offer(snapshot.bake_token):
            log.warning("nobody bakes any more: the session serves")
            return False
        beside = Background(on_crash=lambda error: shutdown.begin(session_lost(f"A watcher failed: {error!r}")))
        beside.start(self.boot.report_until_told(shutdown))
        beside.start(EngineWatch(self.ports.engine, self.ports.units, shutdown, self.ports.timings).run())
        done, stopping = asyncio.create_task(self._done()), asyncio.create_task(shutdown.stopping.wait())
        late = asyncio.create_task(asyncio.sleep(MOST_S))
        try:
            await first_of(done, stopping, late)
            shutdown.begin(ENDED)
        finally:
            await stop(done, stopping, late)
            await beside.finish(0)
        return True

    async def _offer(self, token: str) -> bool:
        """Whether the bake takes it."""
        p = self.ports
        offer = {
            "session_id": p.me.session_id,
            "instance_id": p.me.instance_id,
            "healthy_at": ids.timestamp(p.clock()),
        }
        while not p.shutdown.stopping.is_set():
            try:
                await p.run_blocking(p.tasks.succeed, token, offer)
                return True
            except TaskRefused:
                return False
            except Exception as err:
                log.warning("offering the disk: %r", err)
            await asyncio.sleep(OFFER_RETRY_S)
        return True

    async def _done(self) -> None:
        """Until the bake has what it wanted, or has failed at it."""
        async with self.watch.changed:
            await self.watch.changed.wait_for(lambda: self.watch.snapshot is not None and self.watch.snapshot.baked)
