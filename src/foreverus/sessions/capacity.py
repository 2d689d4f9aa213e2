"""The capacity diary: when which instance type was last bought or refused in which zone. Pure.

It is written from the fleets' answers when a session is closed, and read by people: in `GET /v1/usage`, and in what
`NoGpuCapacity` says. Beside that it counts how spot GPUs fared there (spot_lives.py), for the order of the next launch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from foreverus import ids
from foreverus.costs.launch import Launch
from foreverus.sessions.spot_lives import PoolCounts

MOST_CODE = 60  # characters of an EC2 error code
UNKNOWN = "unknown"  # EC2 did not say which pool it was


@dataclass(frozen=True, slots=True)
class Refusal:
    """What one pool of a fleet did not sell. `code`: EC2's."""

    instance_type: str
    zone: str
    code: str
    lifecycle: str
    at: str


@dataclass(frozen=True, slots=True)
class DiaryEntry:
    """One fact. `code`: EC2's error code; empty: it was bought."""

    instance_type: str
    zone: str
    at: str
    lifecycle: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The newest facts of an instance type in a zone; an empty time: never."""

    instance_type: str
    zone: str
    bought_at: str = ""
    bought_lifecycle: str = ""
    refused_at: str = ""
    refused_lifecycle: str = ""
    refused_code: str = ""
    counts: PoolCounts = field(default_factory=PoolCounts)


def refusals_of(fleets: Iterable[Mapping[str, Any]], zones: Mapping[str, str]) -> list[Refusal]:
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


def entries(launches: Iterable[Launch], refusals: Iterable[Refusal]) -> list[DiaryEntry]:
    """The newest fact of each kind by type and zone: what a session bought, and what its fleets were refused."""
    bought = [
        DiaryEntry(one.instance_type, one.availability_zone or UNKNOWN, one.launched_at, one.lifecycle)
        for one in launches
    ]
    refused = [DiaryEntry(one.instance_type, one.zone, one.at, one.lifecycle, one.code) for one in refusals]
    newest = {(one.instance_type, one.zone, bool(one.code)): one for one in sorted(bought + refused, key=_at)}
    return list(newest.values())


def _at(entry: DiaryEntry) -> str:
    return entry.at


def last_bought(pools: Iterable[Pool], now: datetime) -> str:
    """What to hope for, in words.

    >>> pool = Pool(
    ...     instance_type="g6.xlarge", zone="us-east-1b", bought_at="2026-01-01T09:00:00Z", bought_lifecycle="spot")
    >>> last_bought([pool], datetime.fromisoformat("2026-01-01T12:05:00Z"))
    'Last bought: g6.xlarge (spot) in us-east-1b, 3 hours ago.'
    """
    bought = [pool for pool in pools if pool.bought_at]
    if not bought:
        return "None was ever bought by this deployment."
    last = max(bought, key=lambda pool: pool.bought_at)
    when = ago(last.bought_at, now)
    return f"Last bought: {last.instance_type} ({last.bought_lifecycle}) in {last.zone}, {when}."


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
