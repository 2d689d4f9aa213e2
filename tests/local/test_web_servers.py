"""What the laptop's Lambda Web Adapter does anew for each request: nothing that grows with the function's package."""

from types import SimpleNamespace
from typing import Any

from local.patches.web_adapter import Server, Servers

FUNCTION = {"FunctionArn": "arn:of:it", "Handler": "run.sh", "Role": "arn:of:role", "CodeSha256": "one"}


class Started(Servers):
    """`_start` starts nothing, and counts."""

    def __init__(self) -> None:
        super().__init__()
        self.starts = 0

    def _start(self, config: Any, variables: Any, code: Any, made_of: str) -> Server:
        self.starts += 1
        program: Any = SimpleNamespace(ended=lambda: False, kill=lambda: None)
        return Server(made_of, program, 8000 + self.starts)


def test_a_running_server_is_found_without_a_look_at_its_package() -> None:
    servers, package = Started(), object()  # nothing can be read of it
    ports = {servers.port_of(FUNCTION, package) for _ in range(3)}  # type: ignore[arg-type]
    assert (ports, servers.starts) == ({8001}, 1)


def test_a_new_package_and_a_new_variable_make_a_new_one() -> None:
    servers = Started()
    for changed in ({}, {"CodeSha256": "two"}, {"Environment": {"Variables": {"A": "b"}}}, {"Handler": "new.sh"}):
        servers.port_of({**FUNCTION, **changed}, b"")
    assert servers.starts == 4
