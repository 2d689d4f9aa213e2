"""The matrix: every call of a recorded good run × what can become of a call, and every strike × every moment.

A case's name says all about it, so that it can be run alone: `call:Instance:dynamodb:GetItem@Serve=lost.once`.
"""

import zlib
from dataclasses import dataclass, field
from typing import Any

from local.faults.engine import MISHAPS
from tests.faults import strikes

Call = tuple[str, str, str, int]  # caller, action, state of the execution, how often

STORM_S = 4.0  # how long a storm of failures lasts: longer than the SDKs' and the state machine's retries here
MOMENTS = ("loading", "answering", "serving", "ending")
KINDS = ("throttled", "error", "denied", "lost")
FLEET_KINDS = ("no_capacity", "quota", "no_capacity_error")
READS = ("Get", "Query", "Describe")  # to lose the answer to one is to have it fail
INVOCATION_KINDS = ("throttled", "timeout", "crash", "lost")


# What else can be under way when something goes wrong: a run of its own is recorded for each. `no_answer`: the launch
# fails in a way that does not tell whether an instance was bought. `stopped`: somebody stops the execution.
SCENARIOS: dict[str, dict[str, Any]] = {
    "relaunch": {"strike": "worker_killed", "moment": "answering"},
    "on_demand": {"rules": [{"kind": "no_capacity", "action": "ec2:CreateFleet"}], "allow_on_demand": True},
    "no_answer": {"rules": [{"kind": "lost", "action": "ec2:CreateFleet", "times": 4}]},
    "stopped": {"strike": "execution_stopped", "moment": "answering"},
}


@dataclass(frozen=True)
class Case:
    """`rules` are armed from the start; `strike` happens at `moment`. `setting`: the scenario's rules."""

    name: str
    rules: list[dict[str, Any]] = field(default_factory=list)
    strike: str = ""
    moment: str = ""
    held: bool = False  # the moment is a state that is held
    order: str = ""  # what the engine is asked, when that is the fault
    allow_on_demand: bool = False
    setting: list[dict[str, Any]] = field(default_factory=list)

    @property
    def spoils(self) -> bool:
        return self.strike in [one.__name__ for one in strikes.SPOILING]

    @property
    def seed(self) -> int:
        return zlib.crc32(self.name.encode())


def good() -> Case:
    return Case("good")


def case(name: str) -> Case:
    """The case of that name. ValueError when it is none."""
    scenario, slash, what = name.partition("/")
    if slash and scenario in SCENARIOS:
        more = dict(SCENARIOS[scenario])
        setting = more.pop("rules", [])
        rules = _call(name, what.partition(":")[2]).rules if what else []
        return Case(name, rules=rules, setting=setting, **more)
    kind, _, rest = name.partition(":")
    if kind == "call":
        return _call(name, rest)
    if kind == "strike":
        strike, _, moment = rest.partition("@")
        if strike not in strikes.STRIKES:
            raise ValueError(f"no such strike: {strike}")
        if moment in MOMENTS:
            return Case(name, strike=strike, moment=moment)
        state, _, side = moment.rpartition(".")
        rule = {"kind": {"before": "hold", "after": "hold_after"}[side], "caller": "gpu_session", "state": state}
        return Case(name, rules=[{**rule, "seconds": 8}], strike=strike, moment=moment, held=True)
    if name == "long":  # longer than a message stays hidden
        return Case(name, order="count to 320")
    if kind == "engine":
        return Case(name, order=f"count to 40, then at 7: {rest}")
    if name == "good":
        return good()
    raise ValueError(f"no such case: {name}")


def _call(name: str, rest: str) -> Case:
    where, _, what = rest.rpartition("=")
    call, _, state = where.partition("@")
    caller, _, action = call.partition(":")
    kind, _, length = what.partition(".")
    rule: dict[str, Any] = {"kind": kind, "caller": caller, "action": action, "state": state}
    if length == "storm":
        rule |= {"times": 0, "for_s": STORM_S}
    elif length.startswith("nth"):
        rule |= {"skip": int(length.removeprefix("nth"))}
    return Case(name, rules=[rule])


def kinds_of(caller: str, action: str) -> tuple[str, ...]:
    if caller == "invocation":
        return INVOCATION_KINDS
    if action.partition(":")[2].startswith(READS):
        return KINDS[:-1]
    if action == "ec2:CreateFleet":
        return KINDS + FLEET_KINDS
    if action == "sqs:SendMessage":
        return (*KINDS, "late")
    if action.startswith("states:SendTask"):
        return (*KINDS, "refused")
    return KINDS


def length_of(name: str, kind: str, count: int) -> str:
    """How long it lasts, by the case's own seed. A missing permission stays missing until somebody mends the role."""
    if kind in ("denied", "quota"):
        return "storm"
    if kind in ("late", "refused"):
        return "once"
    seed = zlib.crc32(f"{name}={kind}".encode())
    if seed % 5 < 2:
        return "storm"
    return f"nth{seed % 3}" if count > 3 and seed % 3 else "once"


def matrix(recorded: dict[str, list[Call]]) -> list[Case]:
    """Every case, from the calls of a good run (`good`) and of each scenario (what only it has is added)."""
    calls = whenever(recorded["good"])
    names = ["long", *(f"engine:{mishap}" for mishap in MISHAPS)]
    for strike in (*strikes.PROCESS, *strikes.EXECUTION, *strikes.BESIDE, *strikes.SPOILING):
        names += [f"strike:{strike.__name__}@{moment}" for moment in MOMENTS]
    states = sorted({state for caller, _, state, _ in calls if caller == "gpu_session"})
    tokens = ("Wait until healthy", "Serve")  # what happens while these wait are the worker's moments
    for state in states:
        sides = ("before",) if state in tokens else ("before", "after")
        names += [f"strike:{one.__name__}@{state}.{side}" for one in strikes.EXECUTION for side in sides]
    for caller, action, state, count in calls:
        names += cases_of(f"call:{caller}:{action}@{state}", caller, action, count)
    known = {(caller, state) for caller, _, state, _ in calls if caller == "gpu_session"}
    callers = {caller for caller, _, _, _ in calls} - {"gpu_session"}
    functions = {action for caller, action, _, _ in calls if caller == "invocation"}
    for scenario in SCENARIOS:
        for caller, action, state, count in whenever(recorded.get(f"{scenario}/", [])):
            seen = action in functions if caller == "invocation" else caller in callers or (caller, state) in known
            if not seen:
                names += cases_of(f"{scenario}/call:{caller}:{action}@{state}", caller, action, count)
    return [case(name) for name in dict.fromkeys(names)]


def whenever(calls: list[Call]) -> list[Call]:
    """Functions that run beside the session meet its states by chance: their calls are one case, whatever the state."""
    merged: dict[tuple[str, str, str], int] = {}
    for caller, action, state, count in calls:
        beside = caller not in ("gpu_session", "Instance", "ApiFunction") and action != "lambda:ApiFunction"
        key = (caller, action, "" if beside else state)
        merged[key] = merged.get(key, 0) + count
    return [(*key, count) for key, count in merged.items()]


def cases_of(name: str, caller: str, action: str, count: int) -> list[str]:
    return [f"{name}={kind}.{length_of(name, kind, count)}" for kind in kinds_of(caller, action)]


# A case of each kind, in under a minute: what `make test` runs.
FAST = (
    "engine:cut",
    "strike:worker_killed@answering",
    "strike:spot_notice@answering",
    "strike:message_duplicated@answering",
    "strike:execution_stopped@Launch spot GPU.after",
    "call:gpu_session:ec2:CreateFleet@Launch spot GPU=lost.once",
    "call:gpu_session:ec2:CreateFleet@Launch spot GPU=no_capacity.once",
    "call:gpu_session:sns:Publish@Notify=error.storm",
    "call:Instance:dynamodb:TransactWriteItems@Serve=lost.once",
    "call:invocation:lambda:CloseSessionFunction@=lost.once",
)
