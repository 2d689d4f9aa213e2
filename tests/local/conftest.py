"""Who the tests of the whole cloud act as."""

from collections.abc import Iterator

import pytest

from local.cloud import Cloud
from local.person import Person
from tests.local.sessions import end_every_session


@pytest.fixture
def person(cloud: Cloud) -> Iterator[Person]:
    """The laptop's user, with an open WebSocket. No session is live before their test nor after it."""
    with Person(cloud.outputs) as one:
        end_every_session(one)
        yield one
        end_every_session(one)
