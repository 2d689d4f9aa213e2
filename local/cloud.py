"""The whole of the laptop's cloud: starts its parts, deploys the stack, and ends everything again."""

import contextlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from local import deploy
from local.emulator import USUAL_PORT, Emulator
from local.inbox import Inbox
from local.keep import EVERY_S, Account, Kept
from local.page import Page
from local.ports import Port
from local.postgres import Postgres
from local.processes import LOOPBACK, Child, Failed
from local.state import ROOT, State, write_json
from local.traces import TracesPage

Say = Callable[[str], None]


class Cloud:
    """`start` it and `stop` it, from the main thread. `outputs` is what outputs.json holds."""

    def __init__(
        self,
        state: State,
        say: Say,
        parameters: dict[str, str] | None = None,
        usual_ports: bool = True,
        wait_scale: float = 1,
        faults: bool = False,
        pace: float | None = None,
        threads: int | None = None,
        kept: Kept | None = None,
        counts: bool = False,
    ) -> None:
        """parameters: of the template, over the laptop's own. usual_ports: 4566 and 8080 where they are free.
        faults: calls can be made to fail; see local/faults. pace: tokens a second of each stream of the paced engine,
        which stands in for the model then; see local/engine. threads: of each engine; what the machine has without.
        kept: where an earlier cloud has kept what was in it; this one goes on with that, and keeps it too.
        counts: of what the system asks of AWS; see local/counts."""
        self.state = state
        self.say = say
        self.parameters = parameters or {}
        self.usual_ports = usual_ports
        self.wait_scale = wait_scale
        self.faults = faults
        self.pace = pace
        self.threads = threads
        self.kept = kept
        self.counts = counts
        self.bedrock_pace = (
            state.directory / "tmp" / "bedrock-pace"
        )  # while it exists: of a paced engine behind Bedrock
        self.stack: dict[str, str] = {}
        self.outputs: dict[str, Any] = {}
        self._cleanup = contextlib.ExitStack()

    def start(self) -> None:
        """Failed, with what to do, when a part does not start; nothing is left running then."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self._cleanup.close()

    def _start(self) -> None:
        claim = self.state.claim()
        self._cleanup.callback(claim.release)
        # What an earlier cloud left: nothing of it is of use, because the emulator forgets everything. What was in it
        # is in `kept`.
        for left in ("tmp", "logs", "instances"):
            shutil.rmtree(self.state.directory / left, ignore_errors=True)
        self.state.logs.mkdir(parents=True)

        building = deploy.Build(self.state)
        self._cleanup.callback(building.stop)
        with self._step("Building the Lambdas, starting the AWS emulator and PostgreSQL"):
            building.start()
            self._start_servers()
            template = building.finish()
        with self._step("Deploying template.yaml"):
            self.stack = deploy.deploy(self.state, self.emulator, template, self.page.url, self.parameters)
        building.stop()
        self.page.show(self.stack["DistributionDomain"])
        self.inbox.subscribe(self.emulator.client("sns"), self.stack["TopicArn"])
        account = self._account()
        self.outputs = deploy.outputs_for_people(
            self.emulator, self.stack, self.page.url, account.password, account.api_key
        )
        if self.kept is not None:
            self._keep(self.kept, account)
        write_json(self.state.outputs, self.outputs)

    def _account(self) -> Account:
        """The kept one with all that belongs to it, else a new one."""
        pool = self.stack["UserPoolId"]
        if self.kept is not None and (known := self.kept.account()):
            with self._step("Bringing back what was kept of the last time"):
                user_id = deploy.make_user(self.emulator, pool, known.password)
                self.kept.restore(self.emulator, self.stack, known.user_id, user_id)
            return Account(user_id, known.password, known.api_key)
        password = deploy.new_password()
        user_id = deploy.make_user(self.emulator, pool, password)
        api_key = deploy.make_api_key(self.emulator, self.stack["KeysTableName"], user_id, can_create_keys=True)
        return Account(user_id, password, api_key)

    def _keep(self, kept: Kept, account: Account) -> None:
        """From now on every minute, and when it ends: before anything that is asked for it is stopped."""
        over = threading.Event()

        def save() -> None:
            try:
                kept.save(self.emulator, self.stack, account)
            except Exception as problem:
                self.say(f"Could not keep what is in this cloud: {problem!r}")

        def every_minute() -> None:
            while not over.wait(EVERY_S):
                save()

        saver = threading.Thread(target=every_minute, daemon=True)

        def finish() -> None:
            over.set()
            saver.join()
            save()

        self._cleanup.callback(finish)
        saver.start()

    def _start_servers(self) -> None:
        logs = self.state.logs
        self.postgres = Postgres(self.state.directory, logs / "postgres.log")
        self.postgres.write_connection_file()
        self._cleanup.callback(self.postgres.close)
        bedrock = Port()
        self._cleanup.callback(bedrock.close)
        with bedrock.listener() as listener:
            number = listener.fileno()
            options = ("--socket", str(number), "--log", str(logs / "bedrock-engine.log"))
            self.bedrock = self._program("bedrock", *options, "--pace-file", str(self.bedrock_pace))
            self.bedrock.sockets = (number,)
            self._cleanup.callback(self.bedrock.stop)
            self.bedrock.start()
        self.emulator = Emulator(
            self.state.directory,
            logs / "emulator.log",
            postgres=self.postgres.connection_file,
            port=USUAL_PORT if self.usual_ports else 0,
            wait_scale=self.wait_scale,
            faults=self.faults,
            counts=self.counts,
            bedrock=f"http://{LOOPBACK}:{bedrock.number}",
        )
        self._cleanup.callback(self.emulator.stop)
        self.emulator.start()
        self.postgres.start()
        self.emulator.wait()

        self.page = Page(self.emulator.port, *(() if self.usual_ports else (0,)))
        self._cleanup.callback(self.page.web.stop)
        self.page.web.start()
        self.inbox = Inbox(self.state.inbox, self.emulator.port)
        self._cleanup.callback(self.inbox.stop)
        self.inbox.start()
        self.traces = TracesPage(self.emulator.url)
        self._cleanup.callback(self.traces.web.stop)
        self.traces.web.start()
        self.instances = self._program("instances", "--state", str(self.state.directory))
        self.instances.environment |= self.emulator.environment()
        self.instances.stop_seconds = 25  # a worker hands back its work in up to 20 s
        self._cleanup.callback(self.instances.stop)
        self.instances.start()

    def _program(self, name: str, *options: str) -> Child:
        """`python -m local.<name>`, one that runs engines."""
        temporary = str(self.state.directory / "tmp")
        return Child(
            name,
            [
                *(sys.executable, "-m", f"local.{name}", *options),
                *(["--pace", str(self.pace)] if self.pace is not None else []),
                *(["--threads", str(self.threads)] if self.threads is not None else []),
            ],
            log=self.state.logs / f"{name}.log",
            directory=ROOT,
            environment={
                "PATH": os.environ.get("PATH", os.defpath),
                "HOME": temporary,
                "TMPDIR": temporary,
                "LC_ALL": "C.UTF-8",
                "PYTHONUNBUFFERED": "1",
            },
        )

    def check(self) -> None:
        """Failed when a part has ended by itself."""
        for child in (self.emulator.child, self.postgres.child, self.bedrock, self.instances):
            if child is not None and (ended := child.ended()):
                raise Failed(f"A part of the laptop's cloud, {child.name}, is gone: {ended}")

    @contextlib.contextmanager
    def _step(self, what: str) -> Iterator[None]:
        """Says what it does, every ten seconds that it still does it, and how long it took."""
        begun, over = time.monotonic(), threading.Event()

        def remind() -> None:
            while not over.wait(10):
                self.say(f"  … {time.monotonic() - begun:.0f} s")

        self.say(what)
        reminder = threading.Thread(target=remind, daemon=True)
        reminder.start()
        try:
            yield
        finally:
            over.set()
            reminder.join()
        self.say(f"  done in {time.monotonic() - begun:.1f} s")


@contextlib.contextmanager
def running(directory: Path, say: Say, **options: Any) -> Iterator[Cloud]:
    """A cloud in that directory for as long as the block runs."""
    cloud = Cloud(State(directory), say, **options)
    cloud.start()
    try:
        yield cloud
    finally:
        cloud.stop()
