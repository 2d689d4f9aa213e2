"""The matrix: every call of a recorded good run × what can become of a call, and every strike × every moment.

A case's name says all about it, so that it can be run alone: `call:Instance:dynamodb:GetItem@Serve=lost.once`, or
`batch/strike:worker_killed@first` in another scenario than a person's two questions.
"""

import zlib
from dataclasses import dataclass, field, replace
from typing import Any

from local.engine.orders import MISHAPS
from tests.faults import strikes
from tests.faults.scenarios import SCENARIOS, Scenario

Call = tuple[str, str, str, int]  # caller, action, state of the execution, how often

STORM_S = 4.0  # how long a storm of failures lasts: longer than the SDKs' and the state machine's retries here
MOMENTS = ("loading", "answering", "serving", "ending")
BATCH_MOMENTS = ("validating", "loading", "first", "last", "finishing")
BAKE_MOMENTS = ("loading", "baking")
CONTAINER_MOMENTS = ("starting", "working", "idle")
SHOWN_MOMENTS = ("answered",)
SWEEPERS = {function for scenario in SCENARIOS.values() for function in scenario.swept}
MACHINES = ("gpu_session", "batch_run", "bake_image", "ability_run")
THEIRS = ("gpu_session", "Instance", "ApiFunction")  # what a session, its instance and a person call
KINDS = ("throttled", "error", "denied", "lost")
# What only tells of the work. It may fail and hang in every way there is, and nobody may notice.
OBSERVING = ("xray:PutTraceSegments", "logs:CreateLogStream", "logs:PutLogEvents")
# Those that a machine sends at its end. Which state the session is in by then is chance.
LAST_WORDS = ("logs:CreateLogStream", "logs:PutLogEvents")
FLEET_KINDS = ("no_capacity", "quota", "unknown_code", "no_capacity_error", "bought")
# Of a batch or a conversation on Bedrock: its images' bytes, and the model that sees them.
ABOUT_IMAGES = {
    "image": {"action": "s3:GetObject", "about": "/files/"},
    "sight": {"action": "bedrock:InvokeModel*", "about": "amazon.nova"},
}
READS = ("Get", "Query", "Describe", "List")  # to lose the answer to one is to have it fail
INVOCATION_KINDS = ("throttled", "timeout", "crash", "lost")


PLAIN = Scenario()  # a person's two questions


@dataclass(frozen=True)
class Case:
    """`rules` are armed from the start; `strike` happens at `moment`. `setting`: the scenario's rules."""

    name: str
    rules: list[dict[str, Any]] = field(default_factory=list)
    strike: str = ""
    moment: str = ""
    held: bool = False  # the moment is a state that is held
    order: str = ""  # what the engine is asked, when that is the fault
    scenario: Scenario = PLAIN

    @property
    def script(self) -> str:
        return self.scenario.script

    @property
    def parameters(self) -> dict[str, str]:
        """Of the stack that it is played in, where they are not everybody's."""
        return self.scenario.parameters

    @property
    def what(self) -> str:
        """Without its scenario."""
        return self.name.rpartition("/")[2] or "good"

    @property
    def setting(self) -> list[dict[str, Any]]:
        return self.scenario.rules

    @property
    def sweep(self) -> bool:
        return bool(self.scenario.swept)

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
    prefix, slash, what = name.partition("/")
    if slash and prefix in SCENARIOS:
        scenario = SCENARIOS[prefix]
        asked = {"strike": scenario.strike, "moment": scenario.moment, "order": scenario.order}
        return replace(_case(name, what), scenario=scenario, **{n: v for n, v in asked.items() if v})
    return _case(name, name)


def _case(name: str, what: str) -> Case:
    kind, _, rest = what.partition(":")
    if kind == "call":
        return _call(name, rest)
    if kind == "strike":
        strike, _, moment = rest.partition("@")
        if strike not in strikes.STRIKES:
            raise ValueError(f"no such strike: {strike}")
        if moment in (*MOMENTS, *BATCH_MOMENTS, *BAKE_MOMENTS, *CONTAINER_MOMENTS, *SHOWN_MOMENTS):
            return Case(name, strike=strike, moment=moment)
        state, _, side = moment.rpartition(".")
        if state in ABOUT_IMAGES:  # the call is held
            held = {"kind": "hold", "caller": _image_asker(name), **ABOUT_IMAGES[state], "seconds": 8}
            return Case(name, rules=[held], strike=strike, moment=moment, held=True)
        machine = "batch_run" if name.startswith("batch") else "gpu_session"
        if strike == "bake_stopped":
            machine = "bake_image"
        if strike in ("run_stopped", "run_timed_out"):
            machine = "ability_run"
        rule = {"kind": {"before": "hold", "after": "hold_after"}[side], "caller": machine, "state": state}
        return Case(name, rules=[{**rule, "seconds": 8}], strike=strike, moment=moment, held=True)
    if kind == "long":  # longer than a message stays hidden
        return Case(name, order="count to 320")
    if kind == "engine":
        return Case(name, order=f"count to 40, then at 7: {rest}")
    if kind in ABOUT_IMAGES:
        how, _, length = rest.partition(".")
        storm = {"times": 0, "for_s": STORM_S} if length == "storm" else {}
        return Case(name, rules=[{"kind": how, "caller": _image_asker(name), **ABOUT_IMAGES[kind], **storm}])
    if kind == "lines":
        return Case(name, order=rest)
    if kind == "crowd":  # more at once than may be; the writes that count them fail
        count = {"caller": "ChatCompletionsFunction", "action": "dynamodb:TransactWriteItems", "times": 3}
        return Case(name, rules=[{"kind": rest, **count}] if rest else [], order=kind)
    if what in ("good", ""):
        return Case(name)
    raise ValueError(f"no such case: {name}")


def _image_asker(name: str) -> str:
    return "AnswerBatchFunction" if name.startswith("batch") else "AnswerConversationFunction"


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


def is_read(action: str) -> bool:
    return action.partition(":")[2].startswith(READS)


def kinds_of(caller: str, action: str) -> tuple[str, ...]:
    if caller == "invocation":
        return INVOCATION_KINDS
    if is_read(action):
        return KINDS[:-1]
    if action == "ec2:CreateFleet":
        return KINDS + FLEET_KINDS
    if action in OBSERVING:
        return (*KINDS, "cut_out", "cut_back")
    if action == "sqs:SendMessage":
        return (*KINDS, "late")
    if action.startswith("states:SendTask"):
        return (*KINDS, "refused")
    return KINDS


def length_of(name: str, kind: str, count: int) -> str:
    """How long it lasts, by the case's own seed. A missing permission stays missing until somebody repairs the role."""
    if kind in ("denied", "quota", "bought", "cut_out", "cut_back"):
        return "storm"
    if kind in ("late", "refused"):
        return "once"
    seed = zlib.crc32(f"{name}={kind}".encode())
    if seed % 5 < 2:
        return "storm"
    return f"nth{seed % 3}" if count > 3 and seed % 3 else "once"


def matrix(recorded: dict[str, list[Call]], every: bool = False) -> list[Case]:
    """The cases, from the calls of a good run (`good`) and of each scenario (what only it has is added).

    `every`: each call fails in each way that it can. Else in one of them, dealt out by seed, to fit into its time; in
    two where a session, its instance or a person calls.
    """

    def cases(name: str, caller: str, action: str, count: int, most: int) -> list[str]:
        return cases_of(name, caller, action, count, 0 if every else most)

    calls = whenever(recorded["good"])
    names = ["long", *(f"engine:{mishap}" for mishap in MISHAPS)]
    for strike in (*strikes.PROCESS, *strikes.EXECUTION, *strikes.BESIDE):
        names += [f"strike:{strike.__name__}@{moment}" for moment in MOMENTS]
    # Each of these costs a cloud.
    names += [f"strike:{strike.__name__}@{moment}" for strike in strikes.SPOILING for moment in ("answering", "ending")]
    states = sorted({state for caller, _, state, _ in calls if caller == "gpu_session"})
    tokens = ("Wait until healthy", "Serve")  # what happens while these wait are the worker's moments
    for state in states:
        sides = ("before",) if state in tokens else ("before", "after")
        names += [f"strike:{one.__name__}@{state}.{side}" for one in strikes.EXECUTION for side in sides]
    for caller, action, state, count in calls:
        most = 2 if caller in THEIRS and not is_read(action) else 1
        names += cases(f"call:{caller}:{action}@{state}", caller, action, count, most)
    known = {(caller, state) for caller, _, state, _ in calls if caller == "gpu_session"}
    callers = {caller for caller, _, _, _ in calls} - {"gpu_session"}
    functions = {action for caller, action, _, _ in calls if caller == "invocation"}
    pairs = {(caller, action) for caller, action, _, _ in calls}
    for prefix, scenario in SCENARIOS.items():
        again = {(caller, action) for caller, action in pairs if caller in scenario.again and action not in LAST_WORDS}
        names += [f"{prefix}/{what}" for what in scenario.cases]
        for caller, action, state, count in whenever(recorded.get(f"{prefix}/", [])):
            name = f"{prefix}/call:{caller}:{action}@{state}"
            function = action.removeprefix("lambda:") if caller == "invocation" else caller
            by_chance = function in SWEEPERS and (scenario.script == "chat" or function == "SweepFunction")
            if by_chance or scenario.swept:
                names += cases(name, caller, action, count, most=1) if function in scenario.swept else []
            elif not scenario.thin:
                seen = action in functions if caller == "invocation" else caller in callers or (caller, state) in known
                names += [] if seen else cases(name, caller, action, count, most=1)
            elif (caller, action) not in pairs or ((caller, action) in again and state in ("", "Serve")):
                names += cases(name, caller, action, count, most=1)
            pairs.add((caller, action))
    return sorted((case(name) for name in dict.fromkeys(names)), key=order)


def order(one: Case) -> tuple[bool, bool, int]:
    """Shuffled, always in the same way: cases that wait and cases that compute are under way at the same time. Who
    needs another cloud comes after those who do not, and who spoils one last."""
    return one.spoils, bool(one.parameters), one.seed


def whenever(calls: list[Call]) -> list[Call]:
    """Functions that run beside the session, and its machine's last words, meet its states by chance: their calls are
    one case, whatever the state."""
    merged: dict[tuple[str, str, str], int] = {}
    for caller, action, state, count in calls:
        beside = caller not in (*MACHINES, "Instance", "ApiFunction") and action != "lambda:ApiFunction"
        beside = beside or action in LAST_WORDS
        key = (caller, action, "" if beside else state)
        merged[key] = merged.get(key, 0) + count
    return [(*key, count) for key, count in merged.items()]


def cases_of(name: str, caller: str, action: str, count: int, most: int = 0) -> list[str]:
    """`most`: so many kinds, dealt out by seed; a lost answer is always one of them, being the worst."""
    kinds = kinds_of(caller, action)
    if most and action not in ("ec2:CreateFleet", *OBSERVING):  # of a purchase, and of what may not matter, everything
        seed = zlib.crc32(name.encode())
        dealt = sorted(kinds, key=lambda kind: (kind != "lost", zlib.crc32(f"{seed}{kind}".encode())))
        kinds = tuple(dealt[:most])
    return [f"{name}={kind}.{length_of(name, kind, count)}" for kind in kinds]


# A case of each kind, in under 90 s: what `make test` runs.
FAST = (
    "engine:cut",
    "strike:worker_killed@answering",
    "strike:execution_stopped@Launch GPU.after",
    "call:gpu_session:ec2:CreateFleet@Launch GPU=lost.once",
    "call:gpu_session:ec2:CreateFleet@Launch GPU=no_capacity.once",
    "call:gpu_session:sns:Publish@Notify=error.storm",
    "call:Instance:dynamodb:TransactWriteItems@Serve=lost.once",
    "batch_bedrock/call:batch_run:lambda:Invoke AnswerBatchFunction@Answer on Bedrock=lost.once",
    "chat_bedrock/call:AnswerConversationFunction:dynamodb:TransactWriteItems@=lost.once",
    "bake/call:bake_image:ec2:CreateImage@Create image=lost.once",
    "batch/strike:worker_killed@first",
)
