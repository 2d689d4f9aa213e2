"""What EC2 did not sell to a session, as its record keeps it: people see where a GPU was looked for. Pure.

The capacity diary has the newest refusal of each zone, of whichever session; this is what one session heard, in its
order. `gpu_session` notes it beside each launch that came about (codes alone), `close_session` at the end.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from foreverus.sessions.capacity import UNKNOWN, refusals_of
from foreverus.sessions.launch_refusals import Said, reason

MOST_REFUSED = 24  # of a record: three types in four zones, on spot and on-demand; the state machine keeps as many


@dataclass(frozen=True, slots=True)
class RefusedPool:
    """A type in a zone, or a whole call (`unknown` both, `code` empty). `error`: the name under which people know why:
    of no capacity, a quota, a permission."""

    instance_type: str
    zone: str
    code: str
    lifecycle: str
    at: str
    error: str


def refused_of(fleets: Iterable[Mapping[str, Any]], zones: Mapping[str, str]) -> tuple[RefusedPool, ...]:
    """The first of what EC2 refused, from what `gpu_session` collects (see `capacity.refusals_of`).

    >>> fleet = {"lifecycle": "spot", "at": "t", "errors": [], "said": "You are not authorized to perform this."}
    >>> [(one.code, one.zone, one.error) for one in refused_of([fleet], {})]
    [('', 'unknown', 'LaunchNotAuthorized')]
    """
    found: list[RefusedPool] = []
    for fleet in fleets:
        if said := fleet.get("said"):
            error = reason([Said("", said)]).error
            found.append(RefusedPool(UNKNOWN, UNKNOWN, "", fleet["lifecycle"], fleet["at"], error))
        found += [
            RefusedPool(one.instance_type, one.zone, one.code, one.lifecycle, one.at, _error(one.code))
            for one in refusals_of([fleet], zones)
        ]
    return tuple(found[:MOST_REFUSED])


def refused_from_item(item: Mapping[str, Any]) -> RefusedPool:
    """As the state machine or `close_session` has written it."""
    words = {name: str(item.get(name) or UNKNOWN) for name in ("instance_type", "zone", "lifecycle")}
    code = str(item.get("code") or "")
    return RefusedPool(**words, code=code, at=str(item.get("at") or ""), error=str(item.get("error") or _error(code)))


def _error(code: str) -> str:
    return reason([Said(code, "")]).error
