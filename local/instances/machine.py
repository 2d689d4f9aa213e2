"""One machine's life, from the instance's launch to its end.

    metadata service ─▶ power timer ─▶ engine ─┬─▶ … until one of the five endings
                                       package ┴▶ worker

It ends when the worker exits (its systemd unit has `ExecStopPost=poweroff`), when the instance is terminated through
the API, when the power timer fires, when a spot interruption's time has come, or when the boot fails. An engine that
dies ends nothing: the worker must notice.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from local.instances import last_log, package, user_data
from local.instances.cloud import Cloud, Instance, Launch
from local.instances.engine import EngineOptions
from local.instances.metadata import Metadata
from local.instances.places import ROOT, Places, read_json, write_json
from local.instances.units import PowerSupply, Unit
from local.ports import Port

API_GRACE_S = 4.0  # EC2 presses the power button: the machine has moments, the same for a spot interruption's end
# The environment that user data makes on a GPU instance, from requirements/worker.lock.
PYTHON = ROOT / ".local" / "worker" / "bin" / "python"
OFF_GRACE_S = 20.0  # the machine's own `poweroff` waits for its units this long


@dataclass(frozen=True)
class Ending:
    """why: for the log. grace_s: how long the worker may take. ec2_knows: whether EC2 has done it itself. planned: the
    log is in our files anyway, so an end as any other starts no program to keep it."""

    why: str
    grace_s: float
    ec2_knows: bool = False
    planned: bool = False


TERMINATED = Ending("the instance was terminated", API_GRACE_S, ec2_knows=True, planned=True)
POWER_TIMER = Ending("the power timer fired: maximum life", OFF_GRACE_S)


class Machine:
    def __init__(
        self,
        instance: Instance,
        launch: Launch,
        *,
        cloud: Cloud,
        power: PowerSupply,
        places: Places,
        say: Callable[[str], None],
        tell_ec2: Callable[[str], Awaitable[None]],
        engine: EngineOptions,
    ):
        """`tell_ec2` terminates an instance, and does not return before it is terminated."""
        self.id = instance.id
        self._image_id = instance.image_id
        self._launch = launch
        self._cloud = cloud
        self._power = power
        self._places = places
        self._say = say
        self._tell_ec2 = tell_ec2
        self._engine = engine
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._units: dict[str, Unit] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._keeping: tuple[list[str], dict[str, str]] | None = None  # the program that keeps the log, its environment
        self._port = Port()  # the engine's
        self._metadata = Metadata(instance, launch, self._credentials, places.spot_notice(instance.id))

    def end(self, ending: Ending) -> None:
        """The first ending counts."""
        if not self._ending.done():
            self._ending.set_result(ending)

    async def live(self) -> None:
        """Boots, runs and ends the machine; afterwards no process of it is left and EC2 has been told."""
        self._places.machine(self.id).mkdir(parents=True)
        self._places.logs.mkdir(parents=True, exist_ok=True)
        self._tasks = [asyncio.create_task(self._boot()), asyncio.create_task(self._watch_spot())]
        try:
            ending = await asyncio.shield(self._ending)
        except asyncio.CancelledError:  # the host ends: the power is cut, and nobody tells EC2
            await self._halt(0, keep_log=False)
            raise
        self._say(f"{self.id} ends: {ending.why}")
        await self._halt(ending.grace_s, keep_log=not ending.planned)
        if not ending.ec2_knows:
            await self._tell_ec2(self.id)
        shutil.rmtree(self._places.machine(self.id), ignore_errors=True)
        self._say(f"{self.id} is off")

    async def _boot(self) -> None:
        started = time.monotonic()
        try:
            boot = user_data.parse(self._launch.user_data)
            self._power.order("arm", self.id, boot.power_off_after_s)  # the first act, as in bootcmd
            metadata_url = await self._metadata.start()
            engine_url = f"http://127.0.0.1:{self._port.leave()}"
            if await asyncio.to_thread(self._cloud.is_baked, self._image_id):
                for unit in ("image", "weights"):  # on the disk already: the machine's prepare.sh says so
                    self._say_unit(unit, "prepared")
            processes = {"metadata_url": metadata_url, "engine_url": engine_url, "lifecycle": self._launch.lifecycle}
            await self._start_engine(boot, engine_url)
            code = await asyncio.to_thread(
                package.fetch, self._cloud, metadata_url, boot.package, self._places.packages
            )
            await self._start_worker(boot, code, metadata_url, engine_url)
        except Exception as error:  # whatever it is: a machine that cannot boot must not stay on
            self.end(Ending(f"the boot failed: {type(error).__name__}: {error}", 0))
            return
        processes |= {name: unit.pid for name, unit in self._units.items()}
        write_json(self._places.processes(self.id), processes)
        self._say(
            f"{self.id} ({self._launch.lifecycle}) started engine {engine_url} and worker "
            f"in {time.monotonic() - started:.2f} s; it powers itself off after {boot.power_off_after_s} s"
        )
        status = await self._units["worker"].ended()
        self.end(Ending(f"the worker exited with status {status}", 0, planned=status == 0))

    async def _start_engine(self, boot: user_data.Boot, engine_url: str) -> None:
        worker = boot.worker
        options = {
            "--port": engine_url.rpartition(":")[2],
            # One more than the worker fills: vLLM takes a request at once where a batch's line has just given way, and
            # llama.cpp notices only a second later that nobody waits for that line any more.
            "--slots": str(int(worker["ENGINE_SLOTS"]) + 1),
            "--context": worker["CONTEXT_TOKENS"],
            # A GPU does not compute on the processors that run Lambdas, the table and the page: those come first.
            "--nice": "10",
            "--model-id": worker["MODEL_ID"],
            "--threads": str(self._engine.threads),
            "--pace-file": str(self._places.pace),
        }
        if self._engine.pace is not None:
            options["--pace"] = str(self._engine.pace)
        command = [sys.executable, "-m", "local.engine", *(word for option in options.items() for word in option)]
        self._say_unit("engine", "working")
        await self._start("engine", command, {"PYTHONPATH": str(ROOT)})
        self._tasks.append(asyncio.create_task(self._watch_engine(self._units["engine"])))

    async def _start_worker(self, boot: user_data.Boot, code: object, metadata_url: str, engine_url: str) -> None:
        # No credentials: the worker must find its role in the metadata service, as on EC2.
        machine = {
            "PYTHONPATH": str(code),
            "PYTHONUNBUFFERED": "1",
            "AWS_ENDPOINT_URL": self._cloud.endpoint,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata_url,
            "ENGINE_URL": engine_url,
            "MACHINE_DIR": str(self._places.units(self.id)),
        }
        if group := boot.machine.get("MACHINE_LOG_GROUP"):
            command = [str(PYTHON), "-m", "foreverus.worker.last_log", group]
            self._keeping = command, self._system | boot.worker | machine
        await self._start("worker", [str(PYTHON), "-m", "foreverus.worker"], boot.worker | machine)

    async def _start(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self._units[name] = await Unit.start(
            self._power,
            instance_id=self.id,
            name=name,
            command=command,
            environment=self._system | environment,
            directory=self._places.machine(self.id),
            log=self._log(name),
        )

    @property
    def _system(self) -> dict[str, str]:
        """HOME is the machine's own, so that nothing of the person's ~/.aws is seen."""
        home = str(self._places.machine(self.id))
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": home, "LANG": "C.UTF-8"}

    def _log(self, name: str) -> Path:
        return self._places.logs / f"{self.id}-{name}.log"

    def _say_unit(self, name: str, word: str, log: Path | None = None) -> None:
        """How a unit is, for the worker: what unit.sh writes on the machine."""
        lines = log.read_text(errors="replace").splitlines()[-40:] if log else []
        directory = self._places.units(self.id)
        directory.mkdir(exist_ok=True)
        new = directory / f".{name}"
        new.write_text("\n".join([word, *lines]) + "\n")
        new.replace(directory / name)

    async def _watch_engine(self, engine: Unit) -> None:
        status = await engine.ended()
        self._say_unit("engine", f"failed {status if status >= 0 else 128 - status}", self._log("engine"))
        if not self._ending.done():
            self._say(f"{self.id}: the engine exited with status {status}; the worker has to notice")

    async def _watch_spot(self) -> None:
        """Waits for an ordered interruption and carries it out at its time."""
        while (notice := read_json(self._places.spot_notice(self.id))) is None:
            await asyncio.sleep(0.1)
        self._say(f"{self.id} has a spot notice: {notice['action']} at {notice['time']}")
        while time.time() < notice["at"]:  # a newer order may bring it forward
            await asyncio.sleep(0.1)
            notice = read_json(self._places.spot_notice(self.id))
        self.end(Ending("a spot interruption", API_GRACE_S))

    async def _halt(self, grace_s: float, keep_log: bool) -> None:
        """Ends every process: the worker first, because it may need the engine for what it is finishing."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if worker := self._units.get("worker"):
            await worker.stop(grace_s)
        if engine := self._units.get("engine"):
            await engine.stop(0)
        if keep_log and self._keeping:
            command, environment = self._keeping
            logs = {name: self._log(name) for name in ("engine", "worker")}
            with contextlib.suppress(TimeoutError, OSError):
                await last_log.keep(command, environment, last_log.journal(logs), self._log("last-log"))
        self._power.order("disarm", self.id)
        self._metadata.stop()
        self._port.close()

    async def _credentials(self) -> dict[str, object] | None:
        return await asyncio.to_thread(self._cloud.credentials, self.id)
