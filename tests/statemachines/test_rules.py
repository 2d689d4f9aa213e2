"""Rules that the graph of every machine keeps, whatever it does."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from foreverus import errors
from tests.statemachines.definition import ALL, BATCH_RUN, GPU_SESSION, Definition
from tests.template.template import resources

HERE = Path(__file__).parent
# Errors that no class of ours names: Step Functions' own and those of the services that it calls for us.
MOST_CHARACTERS = 300  # of a JSONata expression: what is longer is split into variables, or is Python
FOREIGN_ERROR = re.compile(r"(States|DynamoDb|DynamoDB|Ec2|ECS|Ecs|SNS|Ssm|Lambda)\.[A-Za-z0-9.]+")

EVERY_STATE = [pytest.param(one, name, id=f"{one}-{name}") for one in ALL for name in one.states]
EVERY_TASK = [pytest.param(one, name, id=f"{one}-{name}") for one in ALL for name in one.tasks()]
every_machine = pytest.mark.parametrize("machine", ALL, ids=str)


@every_machine
def test_machine_says_what_it_is(machine: Definition) -> None:
    assert machine.machine["QueryLanguage"] == "JSONata"
    assert machine.machine["Comment"]
    assert isinstance(machine.machine["TimeoutSeconds"], int)


@pytest.mark.parametrize(("machine", "name"), EVERY_STATE)
def test_state_has_a_reason_and_real_targets(machine: Definition, name: str) -> None:
    state = machine.states[name]
    assert state.get("Comment"), "says why"
    assert machine.targets(name) <= set(machine.states)
    if state["Type"] == "Choice":
        assert name.endswith("?"), "a choice is a question"
        assert "Default" in state


@every_machine
def test_every_state_is_reachable(machine: Definition) -> None:
    assert machine.reachable(machine.machine["StartAt"]) == set(machine.states)


@pytest.mark.parametrize(("machine", "name"), EVERY_TASK)
def test_task_has_a_timeout_retries_and_a_catch(machine: Definition, name: str) -> None:
    state = machine.states[name]
    assert "TimeoutSeconds" in state
    assert state["Retry"]
    assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], "nothing escapes"


def pauses_s(rule: dict[str, Any]) -> float:
    """The longest that a rule waits in all."""
    each = (rule["IntervalSeconds"] * rule["BackoffRate"] ** attempt for attempt in range(rule["MaxAttempts"]))
    return sum(min(pause, rule.get("MaxDelaySeconds", pause)) for pause in each)


# What somebody else takes up (the reaper, a sweep, a schedule) need not wait for long; people should not.
TAKEN_UP = {
    "gpu_session": {"Close session", "Store results", "Answer on Bedrock"},
    "batch_run": {"Store summary", "Mark as notified"},
    "bake_image": {"Start session"},  # nothing is bought yet
    "ability_run": {"Close run"},
}
EVERY_CALL = [
    pytest.param(one, name, id=f"{one}-{name}")
    for one in ALL
    for name, state in one.tasks().items()
    if ":lambda:invoke" in state["Resource"]
]


@pytest.mark.parametrize(("machine", "name"), EVERY_CALL)
def test_throttled_function_is_waited_for(machine: Definition, name: str) -> None:
    """A new account has ten Lambdas at once: a step that finds none free is queued, not failed."""
    throttled = {"Lambda.TooManyRequestsException", "States.ALL"}
    rule = next(rule for rule in machine.states[name]["Retry"] if throttled & set(rule["ErrorEquals"]))
    enough = 15 if name in TAKEN_UP[str(machine)] else 900  # seconds, the longest that one of ours may run
    assert pauses_s(rule) / 2 >= enough, "half, because of the jitter"


@every_machine
def test_recorded_error_ends_in_fail_and_only_that(machine: Definition) -> None:
    ends = machine.states["Did it end well?"]
    (fail,) = [name for name, state in machine.states.items() if state.get("Error") == "{% $error.Error %}"]
    assert [(rule["Condition"], rule["Next"]) for rule in ends["Choices"]] == [("{% $exists($error.Error) %}", fail)]
    assert machine.states[ends["Default"]]["Type"] == "Succeed"
    for end in (fail, ends["Default"]):
        assert [name for name in machine.states if end in machine.targets(name)] == ["Did it end well?"]


@every_machine
def test_every_other_end_is_a_refusal_of_the_first_state(machine: Definition) -> None:
    """It fails under its own name, before anything was begun."""
    ends = {"Did it end well?"}
    for name, state in machine.states.items():
        reached_by = {one for one in machine.states if name in machine.targets(one)}
        if state["Type"] in ("Fail", "Succeed") and reached_by != ends:
            assert (state["Type"], reached_by) == ("Fail", {machine.machine["StartAt"]})
            rules = [rule for rule in machine.states[machine.machine["StartAt"]]["Catch"] if rule["Next"] == name]
            assert all("States.ALL" not in rule["ErrorEquals"] for rule in rules) and state["Cause"]


@every_machine
def test_error_names_are_ours_or_a_services(machine: Definition) -> None:
    named = {
        error
        for state in machine.tasks().values()
        for rule in (*state["Catch"], *state["Retry"])
        for error in rule["ErrorEquals"]
    }
    for key, value in machine.fields():
        if key in ("Error", "error"):  # what a state ends in, what a variable holds, what EC2's codes mean
            named |= set(re.findall(r"'([A-Z][A-Za-z]+(?:\.[A-Z][A-Za-z0-9]+)?)'(?!:)", value)) or {value}
        for compared in re.findall(r"\$error\.Error (?:=|in) (\[.*?\]|'\w+')", value):
            named |= set(re.findall(r"'(\w+)'", compared))
    ours = {name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, Exception)}
    written = {name for name in named if not name.startswith("{%")}
    assert {name for name in written if not FOREIGN_ERROR.fullmatch(name)} <= ours


@every_machine
def test_no_expression_is_too_long_to_read(machine: Definition) -> None:
    longest = max(machine.expressions(), key=len)
    assert len(longest) <= MOST_CHARACTERS, longest


@every_machine
def test_substitutions_match_both_ways(machine: Definition) -> None:
    declared = resources("AWS::Serverless::StateMachine")[machine.logical_id]
    assert declared["DefinitionUri"] == f"statemachines/{machine.file.name}"
    assert machine.substitutions() == set(declared["DefinitionSubstitutions"])


def test_every_machine_of_the_template_is_looked_at() -> None:
    assert set(resources("AWS::Serverless::StateMachine")) == {one.logical_id for one in ALL}


@every_machine
def test_no_attribute_type_is_spelled_in_two_ways(machine: Definition) -> None:
    """Step Functions' SDK integrations spell acronyms as Java does, DynamoDB's own integration does not: avoid them."""
    assert not re.search(r'"(BOOL|Bool|NULL|Nul|SS|Ss|NS|Ns|BS|Bs)"', machine.text)


@every_machine
def test_file_is_formatted_as_json(machine: Definition) -> None:
    assert json.loads(machine.text) == machine.machine
    assert "\t" not in machine.text


@pytest.fixture(scope="module")
def validator() -> Path:
    """asl-validator, installed on first use."""
    program = HERE / "node_modules" / ".bin" / "asl-validator"
    if not program.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("Node.js is not installed")
        subprocess.run([npm, "ci", "--silent"], cwd=HERE, check=True)
    return program


def validate(program: Path, folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    file = folder / "machine.asl.json"
    file.write_text(text)
    return subprocess.run([program, "--json-path", file], capture_output=True, text=True, check=False)


@every_machine
def test_asl_validator_accepts_it(machine: Definition, validator: Path, tmp_path: Path) -> None:
    done = validate(validator, tmp_path, machine.rendered())
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("machine", "good", "broken"),
    [
        (GPU_SESSION, "{% $attempt + 1 %}", "{% $attempt + %}"),
        (BATCH_RUN, "{% $plan.seconds %}", "{% $plan. %}"),
    ],
    ids=str,
)
def test_asl_validator_would_see_a_broken_expression(
    machine: Definition, good: str, broken: str, validator: Path, tmp_path: Path
) -> None:
    text = machine.rendered()
    assert good in text
    assert validate(validator, tmp_path, text.replace(good, broken)).returncode != 0
