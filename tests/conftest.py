"""Fixtures that start something real. Each is started at most once per run, and only if a test asks for it."""

import gc
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from local.cloud import Cloud
from local.emulator import Emulator
from local.instances import faults
from local.instances.places import Places
from tests import aws_models, quiet_logs
from tests import cloud as clouds

# How fast a machine is says nothing about a rule: no test of ours fails because something else was running.
settings.register_profile("foreverus", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("foreverus")

aws_models.watch()

# A shell that starts us in the background has us ignore Ctrl-C, and with us every program that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _aws_would_take_every_request() -> Iterator[None]:
    """By its own models: what our code asks AWS in a test has AWS's names, types, words, lengths and patterns."""
    aws_models.wrong.clear()
    yield
    assert not aws_models.wrong, "AWS would refuse:\n" + "\n".join(aws_models.wrong)


DAY_S = 24 * 60 * 60
LAST_S = 180  # in which a test of the whole cloud is over


@pytest.fixture(autouse=True)
def _the_day_does_not_end_meanwhile(request: pytest.FixtureRequest) -> None:
    """What is spent and used is counted by the day and the month of UTC. A whole cloud has the machine's clock: a test
    of one that would begin just before midnight begins after it, instead of finding half of what it did."""
    left = DAY_S - time.time() % DAY_S
    if left < LAST_S and request.node.get_closest_marker("cloud"):
        time.sleep(left + 1)


def pytest_collection_finish() -> None:
    """What was imported stays until the end: looking for garbage in it took a seventh of the unit tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """The emulator with our patches and a PostgreSQL, nothing deployed."""
    with clouds.emulator(patched=True) as running:
        yield running


@pytest.fixture(scope="session")
def unpatched() -> Iterator[Emulator]:
    """The emulator as it is: tests watch here whether a patch is still needed."""
    with clouds.emulator(patched=False) as running:
        yield running


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """The laptop's whole cloud with the stack deployed: `cloud.outputs` (as outputs.json), `cloud.stack` (the stack's
    outputs), `cloud.emulator.client(service)`, `cloud.inbox`, `cloud.state`."""
    with clouds.deployed() as running:
        yield running
        assert quiet_logs.breaches(running) == []


@pytest.fixture
def set_pace(cloud: Cloud) -> Iterator[Callable[[float], None]]:
    """Sets the tokens a second of each stream, before a GPU is bought and at any time after; 0 holds all answers. Such
    a GPU's engine counts `1 2 3 …` instead of computing. The test decides how fast it is, and not the machine."""
    places = Places(Path(cloud.state.directory))
    yield lambda tokens_per_s: faults.set_pace(places, tokens_per_s)
    faults.set_pace(places, None)
