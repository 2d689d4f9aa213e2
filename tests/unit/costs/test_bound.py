"""The published bound: computed from the template, the state machine and the code, and printed in the runbook.

python -m tests.unit.costs.test_bound    writes it into docs/runbook.md
"""

import json
import re
from typing import Any

import pytest
import yaml

from foreverus.costs.bound import LAST_LOG_S, TIMER_LATE_S, Bound, Limits, bound, hourly, minutes, state_seconds
from foreverus.sessions.reaping import GRACE
from foreverus.worker import metrics_log, traces
from foreverus.worker.settings import Timings, WorkerSettings
from tests.statemachines.definition import GPU_SESSION
from tests.template.machine_files import packaged, variables
from tests.template.template import ROOT, parameter_defaults, resources, template, user_data

BEGIN, END = "<!-- bound: computed, do not edit -->", "<!-- end of bound -->"
REGION = "us-east-1"  # as the README's prices
RUNBOOK = ROOT / "docs/runbook.md"


def machine() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "statemachines/gpu_session.asl.json").read_text())
    return found


def reaper() -> dict[str, Any]:
    return resources("AWS::Serverless::Function")["ReapGpusFunction"]


def figure(text: str, name: str) -> int:
    (found,) = re.findall(rf"^{name}=(\d+)$", text, re.M)
    return int(found)


def limits(**changes: str) -> Limits:
    values = {**parameter_defaults(), **changes}
    names = [name for name, state in machine()["States"].items() if isinstance(state.get("TimeoutSeconds"), int)]
    env = variables("/etc/foreverus/worker.env")
    (every,) = re.fullmatch(r"rate\((\d+) minutes\)", reaper()["Events"]["Sweep"]["Properties"]["Schedule"]).groups()  # type: ignore[union-attr]
    timings = Timings()
    return Limits(
        max_session=int(values["MaxSessionSeconds"]),
        boot_timeout=int(values["BootTimeoutSeconds"]),
        boot_heartbeat=int(values["BootHeartbeatSeconds"]),
        serve_heartbeat=int(values["ServeHeartbeatSeconds"]),
        max_relaunches=int(values["MaxRelaunches"]),
        sweep_every=int(every) * 60,
        sweep_grace=int(GRACE.total_seconds()),
        reaper_timeout=int(reaper()["Timeout"]),
        lost_contact=WorkerSettings.from_env(env).lost_contact_s,
        hand_back=timings.hand_back + timings.last_frames + metrics_log.LAST_S + traces.LAST_S,
        watchdog=figure(packaged("foreverus-worker.service").read_text(), "WatchdogSec"),
        states={name: state_seconds(machine()["States"][name]) for name in names},
    )


def published() -> Bound:
    return bound(limits(), hourly(parameter_defaults()["InstanceTypes"].split(","), REGION), REGION)


def section() -> str:
    return "\n".join([BEGIN, *published().lines(), END])


def test_runbook_has_the_bound_that_the_template_makes_true() -> None:
    assert section() in RUNBOOK.read_text(), "run: PYTHONPATH=src .venv/bin/python -m tests.unit.costs.test_bound"


def test_readme_promises_the_same_numbers() -> None:
    readme = " ".join((ROOT / "README.md").read_text().split())
    for case in (published().worst, published().of("timer"), published().of("the sweep a dead session")):
        assert f"{minutes(case)} minutes" in readme and f"US$ {published().usd(case):.2f}" in readme


def test_each_of_the_five_ways_has_its_own_bound() -> None:
    assert {case.way for case in published().cases} == {1, 2, 3, 4, 5}
    assert all(case.seconds > 0 for case in published().cases)


def test_timer_is_what_the_user_data_arms() -> None:
    (timer,) = yaml.safe_load(user_data({"MaxSessionSeconds": "1000", "BootTimeoutSeconds": "200"}))["bootcmd"]
    assert "--on-active=1000s 200s" in timer and f"--timer-property=AccuracySec={TIMER_LATE_S}s" in timer
    case = bound(limits(MaxSessionSeconds="1000", BootTimeoutSeconds="200"), 1.0).of("timer")
    assert case.seconds == 1000 + 200 + TIMER_LATE_S + 120


def test_machines_end_waits_for_no_unit() -> None:
    text = user_data() + packaged("start.sh").read_text() + packaged("foreverus-worker.service").read_text()
    assert text.count("poweroff") == 3 == len(re.findall("poweroff,? --force", text))


def test_log_takes_no_longer_than_the_bound_says() -> None:
    (limit,) = re.findall(r'timeout --kill-after (\d+) "\$\{LIMIT_S:-(\d+)\}"', packaged("keep_log.sh").read_text())
    assert sum(map(int, limit)) == LAST_LOG_S


def test_sweep_knows_the_same_maximum_life() -> None:
    assert reaper()["Environment"]["Variables"]["MAX_SESSION_SECONDS"] == {"Ref": "MaxSessionSeconds"}
    sweep = bound(limits(), 1.0).of("running session")
    assert sweep.seconds < published().of("timer").seconds, "a sweep that works comes before the timer"


def test_states_time_out_at_the_parameters() -> None:
    states = machine()["States"]
    assert states["Serve"]["TimeoutSeconds"] == "{% ${MaxSessionSeconds} %}"
    assert states["Serve"]["HeartbeatSeconds"] == "{% ${ServeHeartbeatSeconds} %}"
    assert states["Wait until healthy"]["TimeoutSeconds"] == "{% ${BootTimeoutSeconds} %}"
    assert states["Wait until healthy"]["HeartbeatSeconds"] == "{% ${BootHeartbeatSeconds} %}"


def test_terminate_gpu_tries_for_half_an_hour_and_no_longer_than_the_bound_says() -> None:
    pauses = state_seconds({**machine()["States"]["Terminate GPU"], "TimeoutSeconds": 0})
    assert 1800 <= pauses <= 1900
    assert published().of("Terminate GPU").seconds == pauses + 36 * 60


def test_every_task_after_a_termination_that_failed_counts_into_the_bound() -> None:
    """The reaper hears of an instance that no state could end when the execution ends: not before its last task."""
    counted = {step.what for step in published().of("what no state could end").steps}
    tasks = GPU_SESSION.reachable("Terminate GPU") & set(GPU_SESSION.tasks())
    assert tasks == {"Terminate GPU", "Close session", "Store results", "Notify", "Mark as notified"}
    assert tasks <= counted


def test_machines_own_timeout_is_longer_than_any_session() -> None:
    """Else an execution could be cut off in the middle of a session that keeps to its limits."""
    most = {name: str(one["MaxValue"]) for name, one in template()["Parameters"].items() if "MaxValue" in one}
    largest = limits(**most)
    states = largest.states
    settle = machine()["States"]["Let EC2 settle"]["Seconds"]
    launches = 2 * (states["Launch GPU"] + settle + states["Find launched GPUs"])  # spot, then on-demand
    one_gpu = launches + largest.boot_timeout + largest.max_session + states["Is work waiting?"]
    assert machine()["TimeoutSeconds"] > (largest.max_relaunches + 1) * one_gpu


def test_longer_sessions_have_a_larger_bound() -> None:
    short, long = (bound(limits(MaxSessionSeconds=seconds), 1.0) for seconds in ("3600", "7200"))
    assert long.worst.seconds - short.worst.seconds == 3600
    assert long.usd(long.worst) - short.usd(short.worst) == pytest.approx(1.0)


def test_instance_type_without_a_price_has_no_bound() -> None:
    with pytest.raises(ValueError, match="no price"):
        hourly(["x9.huge"], REGION)


def test_dearest_instance_on_demand_is_what_the_bound_costs() -> None:
    assert hourly(["g6.xlarge", "g5.xlarge"], REGION) > 1.006
    assert published().usd_per_hour == hourly(["g6e.xlarge"], REGION)


def write() -> None:
    text = RUNBOOK.read_text()
    RUNBOOK.write_text(re.sub(rf"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: section(), text, flags=re.S))


if __name__ == "__main__":
    write()
