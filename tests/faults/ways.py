"""For each of the five ways an instance dies: the other four are switched off, and an orphan's life is measured, of a
person's session and of a bake's.

The times are the laptop's, whose parameters are shorter than AWS's: each stands beside the formula that it must keep.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.instances import faults
from tests.faults import results
from tests.faults.client import Client
from tests.faults.sandbox import PARAMETERS, Sandbox, sandbox

SLACK_S = 8.0  # of a laptop that does other things at the same time
GRACE_S = 20.0  # a machine that powers itself off lets its worker hand back for so long
SHORT_LIFE = {"MaxSessionSeconds": "60"}  # the shortest that the template allows: with the boot budget, 90 s
HEARTBEAT = float(PARAMETERS["ServeHeartbeatSeconds"])


@dataclass
class Orphan:
    """A serving session with nothing to do, and what the measurement needs of it."""

    sandbox: Sandbox
    session: str
    instance: str

    def hang_worker(self) -> None:
        """Way 5 is off, as far as the worker is concerned."""
        os.kill(int(faults.machines(self.sandbox.places)[self.instance]["worker"]), signal.SIGSTOP)

    def stop_execution(self) -> None:
        """Ways 1 and 2 are off: nothing catches StopExecution."""
        self.sandbox.client("stepfunctions").stop_execution(executionArn=self.sandbox.execution_arn(self.session))

    def lives(self) -> bool:
        return self.instance in self.sandbox.live_instances()


def terminate_state(orphan: Orphan) -> None:
    """1. The Terminate state: the session ends well, and its worker does not end its machine."""
    orphan.hang_worker()
    token = orphan.sandbox.sessions()[-1]["task_token"]["S"]
    orphan.sandbox.client("stepfunctions").send_task_success(taskToken=token, output='{"outcome": "ended"}')


def catch(orphan: Orphan) -> None:
    """2. Catch: the worker falls silent."""
    orphan.hang_worker()


def reaper_event(orphan: Orphan) -> None:
    """3. The reaper hears that the execution was aborted."""
    orphan.hang_worker()
    orphan.stop_execution()


def reaper_sweep(orphan: Orphan) -> None:
    """4. The sweep: nobody heard of anything. The schedule's five minutes and the grace of one are let pass."""
    orphan.hang_worker()
    orphan.stop_execution()
    orphan.sandbox.five_minutes_pass()


def refused_heartbeat(orphan: Orphan) -> None:
    """5a. The instance itself: its worker learns that nobody waits for it."""
    orphan.stop_execution()


def lost_contact(orphan: Orphan) -> None:
    """5b. The instance itself: its worker hears nothing more."""
    orphan.sandbox.faults("add", rule={"kind": "cut_out", "instance": orphan.instance, "times": 0})
    orphan.stop_execution()


def power_timer(orphan: Orphan) -> None:
    """5c. The instance itself: the operating system's timer, counted from the boot."""
    orphan.hang_worker()
    orphan.stop_execution()


@dataclass(frozen=True)
class Way:
    act: Callable[[Orphan], None]
    formula: str
    bound_s: float
    reaper: tuple[str, ...] = ()  # its rules that stay on: `event`, `sweep`
    parameters: dict[str, str] | None = None


WAYS = {
    "terminate_state": Way(terminate_state, "one EC2 call", 0),
    "catch": Way(catch, "ServeHeartbeatSeconds", HEARTBEAT),
    "reaper_event": Way(reaper_event, "EventBridge's delivery", 2, ("event",)),
    "reaper_sweep": Way(reaper_sweep, "5 min schedule + 1 min grace (simulated)", 360, ("sweep",)),
    "refused_heartbeat": Way(refused_heartbeat, "WorkerHeartbeatSeconds + hand-back", 1 + 10),
    "lost_contact": Way(lost_contact, "max(30, 4 × WorkerHeartbeatSeconds) + hand-back", 30 + 10 + 10),
    "power_timer": Way(
        power_timer, "MaxSessionSeconds + BootTimeoutSeconds + grace", 60 + 30 + GRACE_S, (), SHORT_LIFE
    ),
}


BAKE = "bake/"  # the same of a bake's session


def switch_reaper(one: Sandbox, on: tuple[str, ...]) -> None:
    """Its two rules in EventBridge, by what each listens to. The schedule's own clock is never waited for."""
    events = one.client("events")
    for rule in events.list_rules()["Rules"]:
        targets = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        if any("ReapGpus" in target["Arn"] for target in targets):
            kind = "event" if rule.get("EventPattern") else "sweep"
            (events.enable_rule if kind in on else events.disable_rule)(Name=rule["Name"])


def start(one: Sandbox, client: Client, baking: bool) -> str:
    """A session with nothing to do: a person's, or a bake's whose image does not come."""
    if not baking:
        return str(client.call("POST", "/sessions", {"idle_seconds": 600})["id"])
    one.faults("forget")
    one.faults("add", rule={"kind": "hold", "caller": "bake_image", "state": "Look at image", "seconds": 600})
    one.client("stepfunctions").start_execution(stateMachineArn=one.bake_machine, name=f"bake_{time.time_ns()}")
    deadline = time.monotonic() + 60
    while not one.seen_now()["held"]:
        if time.monotonic() > deadline:
            raise TimeoutError("the bake has no GPU")
        time.sleep(0.1)
    return str(one.sessions()[-1]["sk"]["S"])


def measure(one: Sandbox, wanted: str) -> dict[str, Any]:
    """`wanted`: a way, or `bake/` and a way."""
    name = wanted.removeprefix(BAKE)
    way = WAYS[name]
    client = Client(one.cloud.outputs)
    switch_reaper(one, way.reaper)
    if "sweep" not in way.reaper:
        one.functions.pop("ReapGpusFunction", None)
    try:
        session = start(one, client, baking=wanted.startswith(BAKE))
        orphan = Orphan(one, session, serving(one))
        begun, passed = time.monotonic(), one.passed_s
        way.act(orphan)
        died, lived = False, 0.0
        while not died and lived <= way.bound_s + SLACK_S:
            time.sleep(0.02)
            died = not orphan.lives()
            lived = time.monotonic() - begun + one.passed_s - passed
    finally:
        client.close()
        one.wipe()
    good = died and lived <= way.bound_s + SLACK_S
    what = {"way": wanted, "formula": way.formula, "formula_s": way.bound_s, "lived_s": round(lived, 2)}
    return {**what, "verdict": "good" if good else "violated"}


def serving(one: Sandbox) -> str:
    """The instance, once the session serves."""
    deadline = time.monotonic() + 60
    while not (one.sessions() and one.sessions()[-1]["status"]["S"] == "serving"):
        if time.monotonic() > deadline:
            raise TimeoutError("the session does not serve")
        time.sleep(0.1)
    return one.live_instances()[0]


def main(names: list[str] | None = None, save: bool = True) -> int:
    measured: list[dict[str, Any]] = []
    for parameters in (None, SHORT_LIFE):
        every = [prefix + name for prefix in ("", BAKE) for name, way in WAYS.items() if way.parameters == parameters]
        wanted = [name for name in every if not names or name in names]
        if not wanted:
            continue
        with sandbox(parameters) as one:
            reaper = one.functions.get("ReapGpusFunction")
            for name in wanted:
                one.functions["ReapGpusFunction"] = str(reaper)
                measured.append(measure(one, name))
                print(
                    "{verdict:8}  {lived_s:6.1f} s of {formula_s:5.0f} s  {way}: {formula}".format(**measured[-1]),
                    flush=True,
                )
    if save and not names:
        results.save({"ways": measured})
    return 0 if all(one["verdict"] == "good" for one in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
