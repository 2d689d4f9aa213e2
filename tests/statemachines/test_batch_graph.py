"""Rules of batch_run's graph beyond those of every machine (test_rules.py): the batch always reaches an end."""

import json

from tests.statemachines.definition import BATCH_RUN
from tests.template.template import resources

STATES = BATCH_RUN.states
ROUNDS = ("Serve on GPU", "Answer on Bedrock", "Wait for capacity")
SLACK_S = 6 * 3600  # for every retry of everything that comes after the window
LONGEST_WINDOW_S = 168 * 3600
EVENTS_OF_A_ROUND = 14  # Plan 5, Which way? 2, a task 5 and its token's 2
EVENTS_OF_A_WAIT = 9
MOST_EVENTS = 25_000  # of a history: Step Functions' own limit


def test_a_round_leads_to_plan_however_it_ends() -> None:
    for name in ROUNDS:
        assert BATCH_RUN.targets(name) == {"Plan"}


def test_the_only_loop_goes_through_plan() -> None:
    for name in STATES:
        for target in BATCH_RUN.targets(name):
            assert name == "Plan" or name not in BATCH_RUN.reachable(target, without=("Plan",)), f"{name} is in a loop"
    assert BATCH_RUN.targets("Plan") == {"Which way?", "Finish as failed"}


def test_machines_own_timeout_is_longer_than_the_longest_window() -> None:
    assert BATCH_RUN.machine["TimeoutSeconds"] > LONGEST_WINDOW_S + SLACK_S


def test_rounds_of_a_whole_window_fit_into_a_history() -> None:
    """Bedrock's rounds are as long as its function; what fails at once waits or counts: failures.py."""
    function = resources("AWS::Serverless::Function")["AnswerBatchFunction"]
    assert LONGEST_WINDOW_S / function["Timeout"] * EVENTS_OF_A_ROUND < MOST_EVENTS
    assert STATES["Wait for capacity"]["Seconds"] == "{% $max([$plan.seconds, $plan.round > 500 ? 900 : 1]) %}"
    pair = EVENTS_OF_A_ROUND + EVENTS_OF_A_WAIT
    assert 500 / 2 * pair + LONGEST_WINDOW_S / 900 * pair < MOST_EVENTS


def test_token_waits_as_long_as_the_plan_says_and_only_its_call_is_retried() -> None:
    (name,) = [name for name, one in BATCH_RUN.tasks().items() if one["Resource"].endswith(".waitForTaskToken")]
    state = STATES[name]
    assert state["TimeoutSeconds"] == "{% $plan.seconds %}"
    retried = {error for rule in state["Retry"] for error in rule["ErrorEquals"]}
    assert all(error.startswith("Lambda.") for error in retried), "a failed session or a review time is Plan's to judge"


def test_what_fails_before_the_end_ends_the_batch_as_failed_with_its_error() -> None:
    for name in ("Validate", "Plan", "Finish"):
        (rule,) = STATES[name]["Catch"]
        assert rule["Next"] == "Finish as failed"
        assert rule["Assign"]["reason"] == "{% $states.errorOutput %}"
    payload = STATES["Finish as failed"]["Arguments"]["Payload"]
    assert (payload["status"], payload["error"]) == ("failed", "{% $reason %}")


def test_people_are_told_on_every_path_to_an_end_unless_there_is_nothing_to_tell() -> None:
    ends = {"Batch over", "Batch not finished"}
    assert not BATCH_RUN.reachable("Validate", without=("Notify", "Is there anything to tell?")) & ends
    (choice,) = STATES["Is there anything to tell?"]["Choices"]
    assert (choice["Condition"], choice["Next"]) == ("{% $exists($notification.subject) %}", "Notify")


def test_unstored_summary_is_no_failure() -> None:
    """The batch stays on the list of open ones: the sweep stores it."""
    (rule,) = STATES["Store summary"]["Catch"]
    assert (rule["Next"], "Assign" in rule) == ("Is there anything to tell?", False)


def test_state_carries_ids_and_never_lines() -> None:
    """Whatever is handed on: ids, the plan, an error, a notification."""
    handed_on = {name for state in STATES.values() for name in state.get("Assign", {})}
    handed_on |= {
        name for state in STATES.values() for rule in state.get("Catch", []) for name in rule.get("Assign", {})
    }
    assert handed_on == {"batch_id", "user_id", "valid", "plan", "reason", "error", "notification"}
    assert not any(word in json.dumps(STATES) for word in ("Map", "custom_id", "Distributed"))
