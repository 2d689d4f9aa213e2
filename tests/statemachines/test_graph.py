"""Rules of gpu_session's graph beyond those of every machine (test_rules.py): what runs is terminated."""

import pytest

from tests.statemachines.definition import GPU_SESSION
from tests.template.template import parameter_defaults, template

MACHINE, STATES = GPU_SESSION.machine, GPU_SESSION.states
reachable, targets = GPU_SESSION.reachable, GPU_SESSION.targets
TERMINATE = ("Terminate GPU", "Terminate lost GPU")
LAUNCHES = ("Launch spot GPU", "Launch on-demand GPU")
AFTER_TERMINATION = ("Answer on Bedrock", "Close session", "Store results", "Notify", "Mark as notified")


def test_every_token_has_a_heartbeat() -> None:
    waiting = [state for state in GPU_SESSION.tasks().values() if state["Resource"].endswith(".waitForTaskToken")]
    assert len(waiting) == 2
    for state in waiting:
        assert "HeartbeatSeconds" in state
        assert "States.HeartbeatTimeout" in {error for rule in state["Catch"] for error in rule["ErrorEquals"]}
        assert not {"States.ALL", "States.Timeout", "States.TaskFailed"} & {
            error for rule in state["Retry"] for error in rule["ErrorEquals"]
        }, "a lost GPU is not waited for twice"


def test_heartbeats_are_shorter_than_timeouts_by_default() -> None:
    defaults = {name: int(value) for name, value in parameter_defaults().items() if value.isdigit()}
    assert defaults["BootHeartbeatSeconds"] < defaults["BootTimeoutSeconds"]
    assert 2 * defaults["WorkerHeartbeatSeconds"] < defaults["ServeHeartbeatSeconds"] < defaults["MaxSessionSeconds"]


def test_machines_own_timeout_is_longer_than_all_its_lives() -> None:
    """It is a number in the file, so the parameters' largest values bound it."""
    most = {name: one["MaxValue"] for name, one in template()["Parameters"].items() if "MaxValue" in one}
    lives = (most["MaxRelaunches"] + 1) * (most["BootTimeoutSeconds"] + most["MaxSessionSeconds"])
    assert lives + 7200 < MACHINE["TimeoutSeconds"]  # two hours for every retry of everything else


@pytest.mark.parametrize("name", ["Wait until healthy", "Serve", "Is work waiting?", "Was it interrupted?"])
def test_gpu_that_runs_is_terminated_whatever_happens(name: str) -> None:
    """Between a launch and its termination no path reaches an end, nor what comes after the termination."""
    beyond = reachable(name, without=TERMINATE)
    assert not beyond & {*AFTER_TERMINATION, "Session over", "Session failed", *LAUNCHES}


@pytest.mark.parametrize("name", LAUNCHES)
def test_launch_that_fails_is_looked_for(name: str) -> None:
    assert [rule["Next"] for rule in STATES[name]["Catch"]] == ["Find launched GPUs"]


def test_choice_after_a_launch_goes_on_only_without_an_instance() -> None:
    for name in ("Was spot capacity found?", "Was on-demand capacity found?", "Was anything launched?"):
        first = STATES[name]["Choices"][0]
        assert first["Condition"] == "{% $count($instances) > 0 %}"
        assert first["Next"] in ("Wait until healthy", "Terminate GPU")


def test_nothing_slow_stands_before_the_termination() -> None:
    assert "Terminate GPU" in STATES["Serve"]["Next"]
    for name in AFTER_TERMINATION:
        assert not reachable(name) & {*LAUNCHES, *TERMINATE}


def test_bedrock_answers_only_where_ec2_has_said_that_it_launches_nothing() -> None:
    """The reaper waits for the execution's end, so it must not be late where an instance may be there."""
    asked = STATES["May Bedrock answer?"]["Choices"]
    assert [rule["Next"] for rule in asked] == ["Answer on Bedrock"]
    assert "$error.Error in ['NoGpuCapacity', 'GpuQuotaExceeded', 'LaunchNotAuthorized']" in asked[0]["Condition"]
    choices = {"Was spot capacity found?", "Was on-demand capacity found?", "Was anything launched?"}
    assert {name for name in STATES if "May Bedrock answer?" in targets(name)} == choices
    assert {name for name in STATES if "Answer on Bedrock" in targets(name)} == {"May Bedrock answer?"}
    assert targets("Answer on Bedrock") == {"Close session"}


def test_loops_are_bounded() -> None:
    """Two ways lead back: the relaunch, which counts, and the one try on-demand, which forbids a second one."""
    back = ("Terminate lost GPU", "Launch on-demand GPU")
    for name in set(STATES) - set(back):
        for target in targets(name):
            assert name not in reachable(target, without=back), f"{name} is in a loop"
    assert targets("Terminate lost GPU") == {"Launch spot GPU", "Terminate GPU"}
    assert STATES["Terminate lost GPU"]["Assign"]["attempt"] == "{% $attempt + 1 %}"
    (relaunch,) = [rule for rule in STATES["Was it interrupted?"]["Choices"] if rule["Next"] == "Terminate lost GPU"]
    assert "$attempt < ${MaxRelaunches}" in relaunch["Condition"]
    on_demand = STATES["Launch on-demand GPU"]
    assert on_demand["Assign"]["allow_on_demand"] == "{% $count($states.result.Instances) > 0 %}"
    assert on_demand["Catch"][0]["Assign"]["allow_on_demand"] is False
    for name in ("Was spot capacity found?", "Was anything launched?"):
        (rule,) = [rule for rule in STATES[name]["Choices"] if rule["Next"] == "Launch on-demand GPU"]
        assert rule["Condition"].startswith("{% $allow_on_demand and ")


def test_every_catch_of_everything_records_the_error() -> None:
    """Except where another error is recorded already, and must stay."""
    keeps = {"Answer on Bedrock", "Find launched GPUs", "Is work waiting?", "Mark as notified", "Terminate lost GPU"}
    for name, state in GPU_SESSION.tasks().items():
        assert ("error" in state["Catch"][-1].get("Assign", {})) == (name not in keeps), name


def test_client_tokens_differ_by_session_attempt_and_kind() -> None:
    tokens = {name: STATES[name]["Arguments"]["ClientToken"] for name in LAUNCHES}
    assert len(set(tokens.values())) == 2
    for token in tokens.values():
        assert "$session_id" in token
        assert "$attempt" in token
        assert "'SHA-256'" in token  # 64 characters, the most that EC2 takes
