"""Rules that the machine's graph keeps, whatever it does."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from foreverus import errors
from tests.statemachines.machine import FILE, MACHINE, STATES, TEXT, render
from tests.template.template import parameter_defaults, resources, template

HERE = Path(__file__).parent
TERMINATE = ("Terminate GPU", "Terminate lost GPU")
LAUNCHES = ("Launch spot GPU", "Launch on-demand GPU")
AFTER_TERMINATION = ("Close session", "Store results", "Notify")
# Errors that no class of ours names: Step Functions' own and those of the services that it calls for us.
FOREIGN_ERROR = re.compile(r"(States|DynamoDb|DynamoDB|Ec2|SNS|Lambda)\.[A-Za-z.]+")


def edges(name: str) -> Iterator[tuple[str, str]]:
    """(how, target) of every way out of a state."""
    state = STATES[name]
    for key in ("Next", "Default"):
        if key in state:
            yield key, state[key]
    for key in ("Choices", "Catch"):
        for rule in state.get(key, []):
            yield key, rule["Next"]


def targets(name: str) -> set[str]:
    return {target for _, target in edges(name)}


def reachable(start: str, *, without: tuple[str, ...] = ()) -> set[str]:
    found, todo = set(), [start]
    while todo:
        name = todo.pop()
        if name not in found and name not in without:
            found.add(name)
            todo.extend(targets(name))
    return found


def tasks() -> dict[str, dict[str, Any]]:
    return {name: state for name, state in STATES.items() if state["Type"] == "Task"}


def expressions() -> Iterator[str]:
    def look(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for inner in value.values():
                yield from look(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from look(inner)
        elif isinstance(value, str) and value.startswith("{%"):
            yield value

    yield from look(STATES)


def test_machine_says_what_it_is() -> None:
    assert MACHINE["QueryLanguage"] == "JSONata"
    assert MACHINE["Comment"]
    assert isinstance(MACHINE["TimeoutSeconds"], int)


@pytest.mark.parametrize("name", STATES)
def test_state_has_a_reason_and_real_targets(name: str) -> None:
    assert STATES[name].get("Comment"), "says why"
    assert targets(name) <= set(STATES)
    if STATES[name]["Type"] == "Choice":
        assert name.endswith("?"), "a choice is a question"
        assert "Default" in STATES[name]


def test_every_state_is_reachable() -> None:
    assert reachable(MACHINE["StartAt"]) == set(STATES)


@pytest.mark.parametrize("name", tasks())
def test_task_has_a_timeout_retries_and_a_catch(name: str) -> None:
    state = STATES[name]
    assert "TimeoutSeconds" in state
    assert state["Retry"]
    assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], "nothing escapes"


def test_every_token_has_a_heartbeat() -> None:
    waiting = [state for state in tasks().values() if state["Resource"].endswith(".waitForTaskToken")]
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


def test_recorded_error_ends_in_fail_and_only_that() -> None:
    ends = STATES["Did it end well?"]
    assert [(rule["Condition"], rule["Next"]) for rule in ends["Choices"]] == [
        ("{% $exists($error.Error) %}", "Session failed")
    ]
    assert ends["Default"] == "Session over"
    assert STATES["Session failed"]["Error"] == "{% $error.Error %}"
    into = {end: [name for name in STATES if end in targets(name)] for end in ("Session over", "Session failed")}
    assert into == {"Session over": ["Did it end well?"], "Session failed": ["Did it end well?"]}


def test_every_catch_of_everything_records_the_error() -> None:
    """Except where another error is recorded already, and must stay."""
    keeps = {"Find launched GPUs", "Is work waiting?", "Terminate lost GPU"}
    for name, state in tasks().items():
        assert ("error" in state["Catch"][-1].get("Assign", {})) == (name not in keeps), name


def test_error_names_are_ours_or_a_services() -> None:
    named = {error for state in tasks().values() for rule in state["Catch"] for error in rule["ErrorEquals"]}
    named |= {error for state in tasks().values() for rule in state["Retry"] for error in rule["ErrorEquals"]}
    for expression in expressions():
        named |= set(re.findall(r"'([A-Z][A-Za-z]+(?:\.[A-Z][A-Za-z0-9]+)?)'", error_part(expression)))
    ours = {name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, Exception)}
    assert {name for name in named if not FOREIGN_ERROR.fullmatch(name)} <= ours


def error_part(expression: str) -> str:
    """The parts of an expression that name errors of ours: what `'Error':` may become, and what `$error` is held to."""
    chosen = re.findall(r"'Error': (.*?), 'Cause'", expression)
    chosen = [re.sub(r"\$has\(\[.*?\]\)|\$contains\(\$cause, /.*?/\)", "", part) for part in chosen]
    return " ".join(chosen + re.findall(r"\$error\.Error (?:=|in) (\[.*?\]|'\w+')", expression))


def test_client_tokens_differ_by_session_attempt_and_kind() -> None:
    tokens = {name: STATES[name]["Arguments"]["ClientToken"] for name in LAUNCHES}
    assert len(set(tokens.values())) == 2
    for token in tokens.values():
        assert "$session_id" in token
        assert "$attempt" in token
        assert "'SHA-256'" in token  # 64 characters, the most that EC2 takes


def test_substitutions_match_both_ways() -> None:
    (machine,) = resources("AWS::Serverless::StateMachine").values()
    assert set(re.findall(r"\$\{([^}]+)\}", TEXT)) == set(machine["DefinitionSubstitutions"])


def test_no_attribute_type_is_spelled_in_two_ways() -> None:
    """Step Functions' SDK integrations spell acronyms as Java does, DynamoDB's own integration does not: avoid them."""
    assert not re.search(r'"(BOOL|Bool|NULL|Nul|SS|Ss|NS|Ns|BS|Bs)"', TEXT)


def test_file_is_formatted_as_json() -> None:
    assert json.loads(TEXT) == MACHINE
    assert "\t" not in TEXT


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


def rendered() -> str:
    values = dict.fromkeys(re.findall(r"\$\{([^}]+)\}", TEXT), "1")
    return render({**values, "Partition": "aws"})


def validate(program: Path, folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    file = folder / FILE.name
    file.write_text(text)
    return subprocess.run([program, "--json-path", file], capture_output=True, text=True, check=False)


def test_asl_validator_accepts_it(validator: Path, tmp_path: Path) -> None:
    done = validate(validator, tmp_path, rendered())
    assert done.returncode == 0, done.stdout + done.stderr


def test_asl_validator_would_see_a_broken_expression(validator: Path, tmp_path: Path) -> None:
    broken = rendered().replace("{% $attempt + 1 %}", "{% $attempt + %}")
    assert validate(validator, tmp_path, broken).returncode != 0
