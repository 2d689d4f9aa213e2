"""Sessions as the table holds them. Old items lack what was added later; what is not known here is left alone, because
nobody writes a whole record back."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import Item
from foreverus.choice.crowd import CrowdDecision
from foreverus.choice.idle_time import IdleDecision, IdleReason
from foreverus.choice.pools import PoolCost, PoolOrder
from foreverus.costs.launch import BedrockUse, Launch, Lifecycle
from foreverus.costs.receipt import Receipt
from foreverus.sessions.records import (
    BusyTime,
    Outcome,
    Phase,
    Session,
    SessionEnd,
    SessionStatus,
    SpendCap,
    Task,
    Trigger,
)
from foreverus.sessions.refused import refused_from_item

WORDS = {
    "status": SessionStatus,
    "trigger": Trigger,
    "lifecycle": Lifecycle,
    "task": Task,
    "spend_notice_cap": SpendCap,
    "capped_by": SpendCap,
    "outcome": Outcome,
}
BEDROCK = "bedrock_"  # what the names of BedrockUse's fields begin with
FIELDS = frozenset(field.name for field in fields(Session)) - {"bedrock"}
ALWAYS = ("session_id", "created_at", "status", "version", "trigger", "owner", "allow_on_demand", "slot", "attempt")


def session_from_item(item: Item) -> Session:
    values: Item = {name: item[name] for name in FIELDS if item.get(name) is not None}
    values |= {name: word(values[name]) for name, word in WORDS.items() if name in values}
    values.setdefault("session_id", item.get("sk"))
    if "launches" in values:
        values["launches"] = tuple(launch_from_item(one) for one in values["launches"])
    if "stops" in values:
        values["stops"] = frozenset(values["stops"])
    if "phases" in values:
        values["phases"] = tuple(Phase(one["name"], one["at"], one.get("attempt", 0)) for one in values["phases"])
    if "busy" in values:
        values["busy"] = tuple(BusyTime(int(one["attempt"]), float(one["seconds"])) for one in values["busy"])
    if "refused" in values:
        values["refused"] = tuple(refused_from_item(one) for one in values["refused"])
    if "crowd" in values:
        values["crowd"] = CrowdDecision(**_known(CrowdDecision, values["crowd"]))
    if "pools" in values:
        values["pools"] = pools_from_item(values["pools"])
    if "idle" in values:
        values["idle"] = _idle_from_item(values["idle"])
    if "receipt" in values:
        values["receipt"] = Receipt(**_known(Receipt, values["receipt"]))
    found = {name.removeprefix(BEDROCK): value for name, value in item.items() if name.startswith(BEDROCK)}
    return Session(**values, bedrock=BedrockUse(**_known(BedrockUse, found)))


def launch_from_item(item: Item) -> Launch:
    required = {"instance_id": "", "instance_type": "unknown", "lifecycle": Lifecycle.ON_DEMAND, "launched_at": ""}
    values = required | {name: value for name, value in _known(Launch, item).items() if value is not None}
    return Launch(**{**values, "lifecycle": Lifecycle(values["lifecycle"])})


def session_to_item(session: Session) -> Item:
    """The whole item of a new record; what has its default is left out."""
    nothing = Session(session_id="")
    written = {
        name: getattr(session, name)
        for name in FIELDS
        if name in ALWAYS or getattr(session, name) != getattr(nothing, name)
    }
    if session.launches:
        written["launches"] = [_without_nones(asdict(one)) for one in session.launches]
    if session.phases:
        written["phases"] = [asdict(one) for one in session.phases]
    if session.busy:
        written["busy"] = [asdict(one) for one in session.busy]
    if session.refused:
        written["refused"] = [asdict(one) for one in session.refused]
    if session.crowd:
        written["crowd"] = asdict(session.crowd)
    if session.pools:
        written["pools"] = asdict(session.pools)
    if session.idle:
        written["idle"] = idle_to_item(session.idle)
    if session.receipt:
        written["receipt"] = asdict(session.receipt)
    bedrock = {
        f"{BEDROCK}{name}": value
        for name, value in asdict(session.bedrock).items()
        if value != getattr(BedrockUse(), name)
    }
    return {**keys.session_key(session.session_id), **written, **bedrock}


def idle_to_item(decision: IdleDecision) -> Mapping[str, object]:
    numbers = {name: value for name, value in asdict(decision).items() if value is not None}
    return {**numbers, "reason": decision.reason.value}


def _idle_from_item(item: Mapping[str, Any]) -> IdleDecision | None:
    """None: a reason that this version does not know."""
    values = _known(IdleDecision, {**item})
    if values.get("reason") not in list(IdleReason):
        return None
    counts = {name: int(values[name]) for name in ("seconds", "shorter", "pauses", "restart_seconds", "boot_seconds")}
    return IdleDecision(**{**values, **counts, "reason": IdleReason(values["reason"])})


def pools_from_item(item: Mapping[str, Any]) -> PoolOrder | None:
    """None where it is not as this version writes it: then EC2's own order stands."""
    try:
        ids.parse_timestamp(item["at"])
        return PoolOrder(
            at=item["at"],
            learned=bool(item["learned"]),
            names=tuple(str(name) for name in item["names"]),
            first=_pool_cost(item["first"]),
            last=_pool_cost(item["last"]),
            hours=float(item["hours"]),
            interruptions=float(item["interruptions"]),
            seconds=int(item["seconds"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _pool_cost(item: Mapping[str, Any]) -> PoolCost:
    figures = {name: float(item[name]) for name in ("usd_per_hour", "hours", "interruptions", "chance", "usd")}
    return PoolCost(instance_type=str(item["instance_type"]), zone=str(item["zone"]), **figures)


def end_to_item(end: SessionEnd) -> Item:
    """The attributes that a session's end adds to its item."""
    written: Item = {
        "status": end.status,
        "outcome": end.outcome,
        "terminated_at": end.terminated_at,
        "ended_at": end.ended_at,
    }
    if end.error:
        written |= {"error": end.error, "cause": end.cause}
    if end.receipt:
        written["receipt"] = asdict(end.receipt)
    if end.refused:
        written["refused"] = [asdict(one) for one in end.refused]
    if end.bedrock_counted_usd:
        written["bedrock_counted_usd"] = end.bedrock_counted_usd
    return written


def _known(record: Any, item: Item) -> Item:
    names = {field.name for field in fields(record)}
    return {name: value for name, value in item.items() if name in names}


def _without_nones(item: Item) -> Item:
    return {name: value for name, value in item.items() if value is not None}
