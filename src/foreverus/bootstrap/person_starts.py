"""Who starts GPUs in a person's name does so within what one person may start in an hour."""

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from foreverus.bootstrap import aws, shared

if TYPE_CHECKING:
    from foreverus.sessions.start import SessionStarter


class PersonStartSettings(shared.StartSettings, Protocol):
    @property
    def person_gpu_starts_per_hour(self) -> int: ...


def persons_starter(env: PersonStartSettings, idle_seconds: int | None = None) -> "SessionStarter":
    """`idle_seconds`: None for the state machine's own. `shared.starter` is for what nobody has asked for just now."""
    from foreverus.limits.person import PersonLimits
    from foreverus.limits.records import PersonCaps
    from foreverus.limits.store import CountStore

    caps = PersonCaps(gpu_starts_per_hour=env.person_gpu_starts_per_hour)
    limits = PersonLimits(CountStore(aws.items(env.table_name)), caps, aws.clock)
    return replace(shared.starter(env, idle_seconds), place=limits.gpu_start)
