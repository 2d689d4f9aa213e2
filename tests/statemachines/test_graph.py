"""Rules of gpu_session's graph beyond those of every machine (test_rules.py): what runs is terminated."""

import pytest

from tests.statemachines.definition import GPU_SESSION
from tests.template.template import parameter_defaults, template

MACHINE, STATES = GPU_SESSION.machine, GPU_SESSION.states
reachable, targets = GPU_SESSION.reachable, GPU_SESSION.targets
TERMINATE = ("Terminate GPU", "Terminate lost GPU")
LAUNCH = "Launch GPU"
AFTER_LAUNCH = ("Was a GPU launched?", "Was anything launched?")
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
    assert not beyond & {*AFTER_TERMINATION, "Session over", "Session failed", LAUNCH}


def test_launch_that_fails_is_looked_for() -> None:
    """Whatever it failed with: no text of EC2's decides that."""
    assert {rule["Next"] for rule in STATES[LAUNCH]["Catch"]} == {"Let EC2 settle"}
    assert STATES["Let EC2 settle"]["Seconds"] >= 5 and targets("Let EC2 settle") == {"Find launched GPUs"}


def test_refusal_is_what_ec2_itself_has_answered() -> None:
    """A client's error, or no answer, is no refusal: something may have been bought."""
    refused, anything = STATES[LAUNCH]["Catch"]
    assert refused["ErrorEquals"] == ["Ec2.Ec2Exception"]
    assert refused["Assign"]["error"]["Error"] == STATES[LAUNCH]["Assign"]["error"]["Error"] == "LaunchRefused"
    assert anything["Assign"]["error"] == "{% $states.errorOutput %}"


def test_execution_without_a_claim_reaches_nothing() -> None:
    """It would close somebody else's session, or free a slot that is not its own."""
    claim, everything = STATES["Open session"]["Catch"]
    assert claim["Next"] == "Session not claimed" and targets("Session not claimed") == set()
    assert {name for name in STATES if "Session not claimed" in targets(name)} == {"Open session"}
    assert everything["Next"] == "Close session"
    assert STATES["Open session"]["Arguments"]["ConditionExpression"] == "#status IN (:requested, :launching)"


def test_choice_after_a_launch_goes_on_only_without_an_instance() -> None:
    for name in AFTER_LAUNCH:
        first = STATES[name]["Choices"][0]
        assert first["Condition"] == "{% $count($instances) > 0 %}"
        assert first["Next"] == "Wait until healthy" and first["Assign"] == {"error": {}}


def test_nothing_slow_stands_before_the_termination() -> None:
    assert "Terminate GPU" in STATES["Serve"]["Next"]
    for name in AFTER_TERMINATION:
        assert not reachable(name) & {LAUNCH, *TERMINATE}


def test_bedrock_answers_only_where_ec2_has_refused_and_shows_nothing() -> None:
    """The reaper waits for the execution's end, so it must not be late where an instance may be there."""
    asked = STATES["May Bedrock answer?"]["Choices"]
    assert [rule["Next"] for rule in asked] == ["Answer on Bedrock"]
    assert asked[0]["Condition"] == "{% ${HasBedrock} and $error.Error = 'LaunchRefused' %}"
    assert {name for name in STATES if "May Bedrock answer?" in targets(name)} == set(AFTER_LAUNCH)
    assert {name for name in STATES if "Answer on Bedrock" in targets(name)} == {"May Bedrock answer?"}
    assert targets("Answer on Bedrock") == {"Close session"}


def test_loops_are_bounded() -> None:
    """Four ways lead back to the launch: the relaunch, which counts; one try each with the base image, in EC2's own
    order, on-demand."""
    back = {"Terminate lost GPU", *AFTER_LAUNCH}
    assert {name for name in STATES if LAUNCH in targets(name)} == {"Are images kept?", "Find image", *back}
    for name in set(STATES) - {LAUNCH}:
        for target in targets(name) - {LAUNCH}:
            assert name not in reachable(target, without=(LAUNCH,)), f"{name} is in a loop"
    assert targets("Terminate lost GPU") == {LAUNCH, "Terminate GPU"}
    assert STATES["Terminate lost GPU"]["Assign"]["attempt"] == "{% $attempt + 1 %}"
    (relaunch,) = [rule for rule in STATES["Was it interrupted?"]["Choices"] if rule["Next"] == "Terminate lost GPU"]
    assert "$attempt < ${MaxRelaunches}" in relaunch["Condition"]
    for name in AFTER_LAUNCH:
        base, own, rule = [rule for rule in STATES[name]["Choices"] if rule["Next"] == LAUNCH]
        assert base["Condition"].startswith("{% $image != '' and ")
        assert base["Assign"] == {"image": "{% '' %}"}, "once: there is no image any more then"
        assert own["Condition"].startswith("{% $lifecycle = 'spot' and $strategy = 'capacity-optimized-prioritized' ")
        assert own["Assign"] == {"strategy": "price-capacity-optimized"}, "once: nothing goes back to the learned order"
        assert rule["Condition"].startswith("{% $lifecycle = 'spot' and $allow_on_demand ")
        assert rule["Assign"] == {"lifecycle": "on-demand"}


def test_each_attempt_begins_with_spot_and_nothing_else_goes_back_to_it() -> None:
    to_spot = {name for name, state in STATES.items() if state.get("Assign", {}).get("lifecycle") == "spot"}
    assert to_spot == {"Open session", "Terminate lost GPU"}


def test_every_catch_of_everything_records_the_error() -> None:
    """Except where another error is recorded already, and must stay."""
    keeps = {
        "Find image",
        "Answer on Bedrock",
        "Find launched GPUs",
        "Is work waiting?",
        "Mark as notified",
        "Terminate lost GPU",
    }
    for name, state in GPU_SESSION.tasks().items():
        assert ("error" in state["Catch"][-1].get("Assign", {})) == (name not in keeps), name


def test_client_tokens_differ_by_session_attempt_and_lifecycle() -> None:
    token = STATES[LAUNCH]["Arguments"]["ClientToken"]
    for part in ("$session_id", "$string($attempt)", "$lifecycle", "$image", "$strategy"):
        assert part in token
    assert "'SHA-256'" in token  # 64 characters, the most that EC2 takes


def test_no_message_decides_anything() -> None:
    """EC2's code is in no text that Step Functions gives us, and its words may change."""
    reading = [one for one in GPU_SESSION.expressions() if "$contains" in one or "$match" in one]
    assert reading == []
