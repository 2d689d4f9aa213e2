"""Another GPU for people who wait: for both functions that find a queue without a free slot."""

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from foreverus.bootstrap import aws

if TYPE_CHECKING:
    from foreverus.sessions.backends_now import BackendsLook
    from foreverus.sessions.crowd import CrowdGpus
    from foreverus.sessions.start import SessionStarter


class CrowdSettings(Protocol):
    @property
    def table_name(self) -> str: ...
    @property
    def engine_slots(self) -> int: ...
    @property
    def max_gpus(self) -> int: ...


def crowd_gpus(env: CrowdSettings, look: "BackendsLook", starter: "SessionStarter") -> "CrowdGpus":
    from foreverus.sessions.crowd import CrowdGpus, CrowdStore
    from foreverus.sessions.store import SessionStore

    table = aws.items(env.table_name)
    return CrowdGpus(
        look=look,
        sessions=SessionStore(table),
        crowds=CrowdStore(table),
        starter=replace(starter, max_gpus=env.max_gpus),
        slots_each=env.engine_slots,
        clock=aws.clock,
    )
