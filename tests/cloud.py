"""The laptop's cloud for tests: started once per run, with a state directory of its own beside a running `make up`."""

import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.cloud import Cloud, running
from local.emulator import Emulator
from local.postgres import Postgres
from local.state import LOCAL

_names = itertools.count(1)


def unique(prefix: str) -> str:
    """A name that no other test of this run uses."""
    return f"{prefix}-{next(_names)}"


def trust(service: str) -> str:
    """A trust policy: this AWS service may take the role."""
    principal = {"Service": f"{service}.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]})


@contextmanager
def bare_emulator(
    environment: dict[str, str], *, patched: bool = True, bedrock: str | None = None
) -> Iterator[Emulator]:
    """An empty emulator without a PostgreSQL, with these variables. `bedrock`: its model's address."""
    state = Path(tempfile.mkdtemp(prefix="foreverus-test-"))
    emulator = Emulator(state, state / "emulator.log", patched=patched, bedrock=bedrock)
    emulator.child.environment.update(environment)
    try:
        emulator.start()
        emulator.wait()
        yield emulator
    finally:
        emulator.stop()
        shutil.rmtree(state, ignore_errors=True)


@contextmanager
def emulator(*, patched: bool) -> Iterator[Emulator]:
    """An empty emulator; a patched one has a PostgreSQL."""
    state = Path(tempfile.mkdtemp(prefix="foreverus-test-"))
    state.chmod(0o755)
    postgres = Postgres(state, state / "postgres.log") if patched else None
    running = None
    try:
        if postgres is not None:
            postgres.start()
        connection = postgres.connection_file if postgres else None
        running = Emulator(state, state / "emulator.log", postgres=connection, patched=patched)
        running.start()
        running.wait()
        yield running
    finally:
        if running is not None:
            running.stop()
        if postgres is not None:
            postgres.close()
        shutil.rmtree(state, ignore_errors=True)


DOCUMENTS = {"Documents": "managed"}


@contextmanager
def deployed(name: str = "cloud") -> Iterator[Cloud]:
    """The whole cloud with the stack, on free ports, in a directory of this run. `name`: of one beside it.
    Its state machines retry sooner, and documents are on: their functions have roles to be tried. One thread for an
    engine: two wait for each other by spinning, for ever where other work has the cores."""
    runs = LOCAL / "tests"
    runs.mkdir(parents=True, exist_ok=True)
    for left in runs.iterdir():  # of earlier runs; another run may be clearing them away too
        if not is_running(int(left.stem.rpartition("-")[2])):
            shutil.rmtree(left, ignore_errors=True)
            left.with_suffix(".log").unlink(missing_ok=True)
    place = runs / f"{name}-{os.getpid()}"
    with running(
        place, lambda text: None, usual_ports=False, wait_scale=0.02, threads=1, parameters=DOCUMENTS
    ) as cloud:
        yield cloud


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
