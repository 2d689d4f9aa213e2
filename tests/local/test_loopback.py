"""Nothing of the laptop's cloud can be reached from another machine."""

import os
import socket
import sys

import pytest

from local.cloud import Cloud
from local.person import Person
from tests.local.process_tree import descendants, listening

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@linux
@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")]
)
def test_what_listens_is_seen(family: socket.AddressFamily, host: str) -> None:
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        before = listening([os.getpid()])
        listener.listen()
        (new,) = set(listening([os.getpid()])) - set(before)
        assert new == f"{f'[{host}]' if family == socket.AF_INET6 else host}:{listener.getsockname()[1]}"


@linux
@pytest.mark.cloud
def test_nothing_listens_beyond_loopback_while_a_gpu_serves(cloud: Cloud, person: Person) -> None:
    person.start_session()
    conversation = person.converse("You are a helpful assistant.")
    person.ask(conversation, "Hello", 4)
    person.wait_for("message")
    addresses = listening([os.getpid(), *descendants(os.getpid())])
    ours = {cloud.emulator.port, cloud.page.web.port, cloud.inbox.web.port, cloud.postgres.port}
    assert ours <= {int(one.rpartition(":")[2]) for one in addresses}
    assert len(addresses) >= len(ours) + 3, "Bedrock's, the engine's and the instance metadata's too"
    assert [one for one in addresses if not one.startswith("127.0.0.1:")] == []
