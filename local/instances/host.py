"""Watches the emulator's instances and keeps one machine for each that a session launched."""

import asyncio
import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator

from local.instances import package
from local.instances.cloud import Cloud, Instance
from local.instances.engine import EngineOptions
from local.instances.machine import POWER_TIMER, TERMINATED, Machine
from local.instances.places import Places
from local.instances.units import PowerSupply

BLIND_S = 0.25  # until it looks again when the emulator did not answer


class HostFailed(Exception):
    """The host cannot run; the text says why."""


@contextlib.contextmanager
def alone(places: Places) -> Iterator[None]:
    """One host to a directory: a second one would take the first one's machines for left-overs.

    The lock is on the directory itself. The kernel drops it when the host ends, however it ends.
    """
    places.instances.mkdir(parents=True, exist_ok=True)
    handle = os.open(places.instances, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HostFailed(f"another host runs already with {places.state}") from None
        yield
    finally:
        os.close(handle)


class Host:
    def __init__(self, places: Places, say: Callable[[str], None], engine: EngineOptions):
        self._places = places
        self._say = say
        self._engine = engine
        self._cloud = Cloud()
        self._machines: dict[str, Machine] = {}
        self._lives: set[asyncio.Task[None]] = set()
        # An instance boots once. One whose machine has just gone may still be in an answer that is on its way.
        self._seen: set[str] = set()
        self._power = PowerSupply(self._power_off)
        # What an earlier host left behind when it was cut off.
        self._cut_off = {path.name for path in places.instances.iterdir() if path.is_dir()}
        package.prune(places.packages)

    async def run(self) -> None:
        """Until it is cancelled or its parent is gone; then every machine's power is cut."""
        await self._power.start()
        self._say(f"watching {self._cloud.endpoint}")
        guard = asyncio.create_task(self._power.watch())
        watch = asyncio.create_task(self._watch())
        try:
            done, _ = await asyncio.wait([guard, watch], return_when=asyncio.FIRST_COMPLETED)
            if guard in done:
                raise HostFailed("the machines' guard has died, and no machine may run without it")
        finally:
            watch.cancel()
            for life in self._lives:
                life.cancel()
            await asyncio.gather(watch, *self._lives, return_exceptions=True)
            await self._power.stop()
            await asyncio.gather(guard, return_exceptions=True)

    async def _watch(self) -> None:
        parent = os.getppid()
        blind, change = False, 0
        while os.getppid() == parent:  # an orphan has nobody left to stop it
            try:
                change = await self._cloud.next_change(change)
                self._compare(await asyncio.to_thread(self._cloud.live_instances))
                if blind:
                    self._say("the emulator answers again")
                blind = False
            except Exception as error:  # the emulator starts, stops or is busy: machines go on, as on AWS
                if not blind:
                    self._say(f"cannot see the instances: {error}")
                blind = True
                await asyncio.sleep(BLIND_S)

    def _compare(self, live: dict[str, Instance]) -> None:
        for instance_id, machine in self._machines.items():
            if instance_id not in live:
                machine.end(TERMINATED)
        for instance_id in live.keys() - self._seen:
            self._seen.add(instance_id)
            life = asyncio.create_task(self._live(live[instance_id]))
            self._lives.add(life)
            life.add_done_callback(self._lives.discard)
        for instance_id in self._cut_off - live.keys():
            self._cut_off.discard(instance_id)
            shutil.rmtree(self._places.machine(instance_id), ignore_errors=True)

    async def _live(self, instance: Instance) -> None:
        if instance.id in self._cut_off:
            # On AWS an instance is gone with its hardware; its user data has run and its memory is lost.
            self._say(f"{instance.id} was cut off together with an earlier host: it is terminated")
            await self._terminate(instance.id)
            return
        try:
            launch = await asyncio.to_thread(self._cloud.launch_of, instance.id)
            if launch is None:
                self._say(f"{instance.id} was not launched by a fleet: it is left alone")
                return
            machine = Machine(
                instance,
                launch,
                cloud=self._cloud,
                power=self._power,
                places=self._places,
                say=self._say,
                tell_ec2=self._terminate,
                engine=self._engine,
            )
            self._machines[instance.id] = machine
            await machine.live()
        except Exception as error:
            self._say(f"{instance.id} cannot run: {type(error).__name__}: {error}")
            await self._terminate(instance.id)
        finally:
            self._machines.pop(instance.id, None)

    async def _terminate(self, instance_id: str) -> None:
        """Until EC2 knows: an instance that looks alive with no machine behind it would be a lie."""
        while True:
            try:
                return await asyncio.to_thread(self._cloud.terminate, instance_id)
            except Exception as error:
                self._say(f"{instance_id}: cannot tell EC2: {error}")
                await asyncio.sleep(1)

    def _power_off(self, instance_id: str) -> None:
        if machine := self._machines.get(instance_id):
            machine.end(POWER_TIMER)
