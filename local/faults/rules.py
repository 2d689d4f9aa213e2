"""Which call fails, and how. Pure: the emulator asks `Book.strike` at every call that the system makes.

A call is (caller, action, state): who makes it (`gpu_session`, `batch_run`, `bake_image`, a function's or a role's
logical id), what (`dynamodb:GetItem`, `lambda:ApiFunction` for an invocation), and the state of the machine that makes
it; for all others the state that the session's execution is in. The function that does all steps of a batch is one
caller for each: `RunBatchFunction.Plan`.
"""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

# What the caller sees. `lost`: the call takes effect and the caller gets no answer, or an error; `bought`: an error of
# EC2's own. `refused`: a task token is no good.
# `cut_out`, `cut_back`: nothing arrives, or arrives and is never answered. `late`: answered now, done later.
# `hold`, `hold_after`: waits, before or after its effect, until it is released. `twice`: made two times at once.
KINDS = (
    *("throttled", "error", "denied", "lost", "refused", "cut_out", "cut_back", "late"),
    *("no_capacity", "quota", "unknown_code", "no_capacity_error", "bought"),
    *("timeout", "crash", "hold", "hold_after", "twice"),
)

STEPS = "RunBatchFunction"


@dataclass
class Rule:
    """Empty fields match everything. about: a text in the request's path or body: a model's name, a partition's.
    times: how many calls it strikes (0: no limit), after `skip` that it spares.

    for_s: it stops that long after its first strike (0: no limit). seconds: of a `late` or held call.
    """

    kind: str
    caller: str = ""
    action: str = ""
    state: str = ""
    instance: str = ""
    about: str = ""
    skip: int = 0
    times: int = 1
    for_s: float = 0
    seconds: float = 3
    hits: int = 0
    first: float = 0

    def matches(self, caller: str, action: str, state: str, instance: str, body: str = "") -> bool:
        service = self.action.removesuffix("*") if self.action.endswith("*") else None
        return (
            self.caller in ("", caller)
            and (self.action in ("", action) or (service is not None and action.startswith(service)))
            and self.state in ("", state)
            and self.instance in ("", instance)
            and self.about in body
        )

    def take(self, now: float) -> bool:
        """Whether this rule strikes a call that it matches."""
        if self.skip > 0:
            self.skip -= 1
            return False
        if (self.times and self.hits >= self.times) or (self.for_s and self.hits and now - self.first > self.for_s):
            return False
        self.first = self.first or now
        self.hits += 1
        return True


@dataclass
class Book:
    """All rules, and every call since the last `forget`."""

    rules: list[Rule] = field(default_factory=list)
    calls: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    states: dict[str, str] = field(default_factory=dict)  # running executions and the state that each is in
    moment: str = ""  # the state that a session's execution entered last
    batch_moment: str = ""  # and a batch's
    released: threading.Event = field(default_factory=threading.Event)
    held: int = 0
    functions: Counter[str] = field(default_factory=Counter)  # how many calls of each are running
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, wanted: dict[str, Any]) -> None:
        known = {one.name for one in fields(Rule)}
        if wanted.get("kind") not in KINDS or not wanted.keys() <= known:
            raise ValueError(f"no such rule: {wanted}")
        with self.lock:
            self.released.clear()
            self.rules.append(Rule(**wanted))

    def clear(self) -> None:
        with self.lock:
            self.rules.clear()
        self.released.set()

    def strike(
        self, caller: str, action: str, instance: str = "", state: str | None = None, body: str = ""
    ) -> Rule | None:
        """Notes the call; returns the rule that strikes it."""
        state = self.moment if state is None else state
        with self.lock:
            self.calls[caller, action, state] += 1
            for rule in self.rules:
                if rule.matches(caller, action, state, instance, body) and rule.take(time.monotonic()):
                    return rule
        return None

    def entered(self, execution: str, state: str, machine: str = "gpu_session") -> None:
        with self.lock:
            self.states[execution] = state
            if machine == "gpu_session":
                self.moment = state
            elif machine == "batch_run":
                self.batch_moment = state

    def over(self, execution: str) -> None:
        with self.lock:
            state = self.states.pop(execution, None)
            if state == self.moment:
                self.moment = ""
            if state == self.batch_moment:
                self.batch_moment = ""

    def by_step(self, function: str) -> str:
        """The function's name in rules. After the end of its batch it has no step: then EventBridge calls it."""
        stepping = function == STEPS and self.batch_moment
        return f"{function}.{self.batch_moment}" if stepping else function

    def hold(self, seconds: float) -> None:
        with self.lock:
            self.held += 1
        self.released.wait(seconds)

    def report(self) -> dict[str, Any]:
        with self.lock:
            return {
                "calls": [[*call, count] for call, count in sorted(self.calls.items())],
                "hits": [rule.hits for rule in self.rules],
            }

    def moments(self) -> dict[str, Any]:
        """`states`: of each running execution; `held`: how many calls have been held; `functions`: those that run."""
        with self.lock:
            running = sorted(name for name, count in self.functions.items() if count)
            return {"states": dict(self.states), "held": self.held, "functions": running}

    @contextlib.contextmanager
    def runs(self, function: str) -> Iterator[None]:
        with self.lock:
            self.functions[function] += 1
        try:
            yield
        finally:
            with self.lock:
                self.functions[function] -= 1
