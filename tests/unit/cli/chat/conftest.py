"""One server with conversations and WebSockets for each test."""

from collections.abc import Iterator

import pytest

from tests.unit.cli.chat_server import ChatServer, chatting
from tests.unit.cli.conftest import server, shell
from tests.unit.cli.server import Server

__all__ = ["server", "shell"]


@pytest.fixture
def chats(server: Server) -> Iterator[ChatServer]:
    with chatting(server) as state:
        yield state
