"""The capacity diary: when which instance type was last bought or refused in which zone. Pure.

It is written from the fleets' answers when a session is closed, and read by people: in `GET /v1/usage`, and in what
`NoGpuCapacity` says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foreverus import ids
from foreverus.costs.launch import Launch

Item = dict[str, Any]

MOST_CODE = 60  # characters of an EC2 error code
UNKNOWN = "unknown"  # EC2 did not say which pool it was


@dataclass(frozen=True)
class Entry:
    """One fact. `code`: EC2's error code; empty: it was bought."""

    instance_type: str
    zone: str
    at: str
    lifecycle: str
    code: str = ""


@dataclass(frozen=True)
class Refusal:
    """What one pool of a fleet did not sell. `code`: EC2's."""

    instance_type: str
    zone: str
    code: str
    lifecycle: str
    at: str


def refusals_of(fleets: Iterable[Item], zones: Mapping[str, str]) -> list[Refusal]:
    """What EC2 refused a session's fleets. `fleets`: for each launch EC2's own `errors`, and the `lifecycle` and time
    (`at`) of the call; `zones`: by subnet.

    >>> pool = {"Overrides": {"InstanceType": "g6.xlarge", "SubnetId": "subnet-1"}}
    >>> fleet = {"lifecycle": "spot", "at": "t", "errors": [
    ...     {"ErrorCode": "Unsupported", "LaunchTemplateAndOverrides": pool}, {"ErrorCode": "Unsupported"}]}
    >>> [(one.instance_type, one.zone) for one in refusals_of([fleet], {"subnet-1": "us-east-1b"})]
    [('g6.xlarge', 'us-east-1b'), ('unknown', 'unknown')]
    """
    found = []
    for fleet in fleets:
        for error in fleet["errors"]:
            pool = (error.get("LaunchTemplateAndOverrides") or {}).get("Overrides") or {}
            zone = zones.get(pool.get("SubnetId") or "", UNKNOWN)
            kind = pool.get("InstanceType") or UNKNOWN
            found.append(Refusal(kind, zone, error["ErrorCode"][:MOST_CODE], fleet["lifecycle"], fleet["at"]))
    return found


def entries(launches: Iterable[Launch], refusals: Iterable[Refusal]) -> list[Entry]:
    """The newest fact of each kind by type and zone: what a session bought, and what its fleets were refused."""
    bought = [
        Entry(one.instance_type, one.availability_zone or UNKNOWN, one.launched_at, one.lifecycle) for one in launches
    ]
    refused = [Entry(one.instance_type, one.zone, one.at, one.lifecycle, one.code) for one in refusals]
    newest = {(one.instance_type, one.zone, bool(one.code)): one for one in sorted(bought + refused, key=_at)}
    return list(newest.values())


def _at(entry: Entry) -> str:
    return entry.at


def public_capacity(items: Iterable[Item]) -> list[Item]:
    """The diary as the API shows it."""
    fields = ("bought_at", "bought_lifecycle", "refused_at", "refused_lifecycle", "refused_code")
    shown = []
    for item in items:
        instance_type, _, zone = item["sk"].partition("#")
        row = {name: item.get(name) for name in fields}
        shown.append({"instance_type": instance_type, "availability_zone": zone, **row})
    return shown


def last_bought(items: Iterable[Item], now: datetime) -> str:
    """What to hope for, in words.

    >>> item = {"sk": "g6.xlarge#us-east-1b", "bought_at": "2026-01-01T09:00:00Z", "bought_lifecycle": "spot"}
    >>> last_bought([item], datetime.fromisoformat("2026-01-01T12:05:00Z"))
    'Last bought: g6.xlarge (spot) in us-east-1b, 3 hours ago.'
    """
    bought = [item for item in items if item.get("bought_at")]
    if not bought:
        return "None was ever bought by this deployment."
    last = max(bought, key=lambda item: str(item["bought_at"]))
    instance_type, _, zone = last["sk"].partition("#")
    return f"Last bought: {instance_type} ({last['bought_lifecycle']}) in {zone}, {ago(last['bought_at'], now)}."


def ago(at: str, now: datetime) -> str:
    """
    >>> ago("2026-01-01T00:00:00Z", datetime.fromisoformat("2026-01-03T01:00:00Z"))
    '2 days ago'
    """
    seconds = (now - ids.parse_timestamp(at)).total_seconds()
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "a moment ago"
