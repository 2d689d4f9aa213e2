"""The harness's own rules: which call a rule strikes, and that a name is enough to build a case."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.faults.rules import Book
from local.state import ROOT
from tests.faults import results, table
from tests.faults import strikes as strikes_of
from tests.faults.mutants import MUTANTS, Mutant
from tests.faults.sandbox import logged
from tests.faults.scenarios import SCENARIOS
from tests.statemachines.definition import BAKE_IMAGE

CALLS = {
    "good": [
        ("gpu_session", "ec2:CreateFleet", "Launch GPU", 1),
        ("gpu_session", "dynamodb:UpdateItem", "Serve", 1),
        ("Instance", "dynamodb:GetItem", "Serve", 6),
        ("CloseSessionFunction", "dynamodb:GetItem", "Close session", 1),
        ("CloseSessionFunction", "dynamodb:GetItem", "Store results", 1),
        ("invocation", "lambda:CloseSessionFunction", "Close session", 1),
    ],
    "relaunch/": [
        ("gpu_session", "dynamodb:UpdateItem", "Serve", 1),
        ("gpu_session", "dynamodb:Query", "Is work waiting?", 1),
        ("invocation", "lambda:ReapGpusFunction", "", 1),
    ],
    "batch_bedrock/": [
        ("AnswerBatchFunction", "dynamodb:BatchWriteItem", "", 3),
        ("batch_run", "lambda:Invoke RunBatchFunction", "Plan", 2),
        ("invocation", "lambda:RunBatchFunction.Plan", "", 2),
    ],
    "batch/": [
        ("Instance", "dynamodb:GetItem", "Serve", 6),
        ("Instance", "dynamodb:BatchWriteItem", "Serve", 6),
        ("CloseSessionFunction", "dynamodb:GetItem", "", 1),
        ("batch_run", "lambda:Invoke RunBatchFunction", "Plan", 2),
    ],
    "bake/": [
        ("bake_image", "ec2:CreateImage", "Create image", 1),
        ("bake_image", "ssm:GetParameter", "Find published image", 1),
        ("gpu_session", "ec2:CreateFleet", "Launch GPU", 1),
        ("invocation", "lambda:StartBakeFunction", "Start session", 1),
    ],
    "stuck/": [
        ("SweepFunction", "sqs:SendMessage", "", 1),
        ("CloseSessionFunction", "dynamodb:DeleteItem", "", 1),
    ],
}


def strikes(book: Book, *calls: tuple[str, str, str]) -> list[bool]:
    return [book.strike(caller, action, "i-1", state) is not None for caller, action, state in calls]


def test_a_rule_about_a_partition_spares_all_others() -> None:
    book = Book()
    book.add({"kind": "error", "action": "dynamodb:*", "about": '"CAPACITY"', "times": 0})
    for body, struck in (('{"pk": {"S": "CAPACITY"}}', True), ('{"pk": {"S": "SESSIONS"}}', False), ("", False)):
        assert (book.strike("Instance", "dynamodb:GetItem", "i-1", "Serve", body) is not None) == struck
    assert book.strike("Instance", "sqs:SendMessage", "i-1", "Serve", '"CAPACITY"') is None


def test_a_rule_strikes_the_call_it_names_once_after_those_it_spares() -> None:
    book = Book()
    book.add({"kind": "lost", "caller": "Instance", "action": "dynamodb:GetItem", "state": "Serve", "skip": 1})
    call = ("Instance", "dynamodb:GetItem", "Serve")
    others = [("gpu_session", *call[1:]), (call[0], "dynamodb:Query", call[2]), (*call[:2], "Close session")]
    assert strikes(book, *others, call, call, call) == [False] * 4 + [True, False]


def test_each_step_of_a_batch_is_a_caller_of_its_own() -> None:
    book = Book()
    book.entered("batch_1", "Plan", "batch_run")
    book.entered("ses_1", "Serve")
    assert [book.by_step(name) for name in ("RunBatchFunction", "ApiFunction")] == [
        "RunBatchFunction.Plan",
        "ApiFunction",
    ]
    assert book.moment == "Serve"
    book.over("batch_1")
    assert book.by_step("RunBatchFunction") == "RunBatchFunction"


def test_a_rule_for_a_service_strikes_all_of_it_without_end() -> None:
    book = Book()
    book.add({"kind": "error", "action": "sns:*", "times": 0})
    assert strikes(book, *[("gpu_session", "sns:Publish", "Notify")] * 3, ("x", "sqs:SendMessage", "")) == [
        *[True] * 3,
        False,
    ]


def test_an_unknown_kind_or_field_is_refused() -> None:
    for wrong in ({"kind": "bad luck"}, {"kind": "lost", "who": "me"}):
        with pytest.raises(ValueError, match="no such rule"):
            Book().add(wrong)


def test_a_new_call_enters_the_matrix_by_itself() -> None:
    names = [case.name for case in table.matrix(CALLS)]
    assert len(names) == len(set(names))
    before = {name.partition("=")[0] for name in names}
    assert "call:gpu_session:ec2:CreateFleet@Launch GPU" in before
    assert "call:CloseSessionFunction:dynamodb:GetItem@" in before  # beside the session: whatever the state
    assert "relaunch/call:gpu_session:dynamodb:Query@Is work waiting?" in before
    assert "relaunch/call:invocation:lambda:ReapGpusFunction@" in before
    assert not any(name.startswith("relaunch/call:gpu_session:dynamodb:UpdateItem") for name in before)
    more = {**CALLS, "good": [*CALLS["good"], ("Instance", "s3:PutObject", "Serve", 1)]}
    assert {case.name for case in table.matrix(more)} > set(names)


def test_a_scenario_adds_what_only_it_calls_and_of_each_call_the_lost_answer() -> None:
    names = [case.name for case in table.matrix(CALLS)]
    named = {f"{name}/{one}" for name, scenario in SCENARIOS.items() for one in scenario.cases}
    added = [name for name in names if name not in named and "/call:" in name]
    thin = [name.partition("=") for name in added if name.startswith(("batch", "stuck"))]
    calls = [call for call, _, _ in thin]
    assert set(calls) == {
        "batch_bedrock/call:AnswerBatchFunction:dynamodb:BatchWriteItem@",
        "batch_bedrock/call:batch_run:lambda:Invoke RunBatchFunction@Plan",
        "batch_bedrock/call:invocation:lambda:RunBatchFunction.Plan@",
        "batch/call:Instance:dynamodb:GetItem@Serve",  # again: the worker's calls may go wrong in a batch too
        "batch/call:Instance:dynamodb:BatchWriteItem@Serve",
        "stuck/call:SweepFunction:sqs:SendMessage@",  # what the sweep calls, nobody else
    }
    assert len(calls) == len(set(calls))
    worst = {call for call, _, kind in thin if kind.startswith("lost")}
    assert set(calls) - worst == {"batch/call:Instance:dynamodb:GetItem@Serve"}  # a read that is lost has failed


def test_each_step_of_a_bake_is_struck_and_its_machine_is_stopped_before_and_after_it() -> None:
    names = {case.name for case in table.matrix(CALLS)}
    struck = {name.partition("=")[0] for name in names if name.startswith("bake/call:bake_image")}
    assert struck == {
        "bake/call:bake_image:ec2:CreateImage@Create image",
        "bake/call:bake_image:ssm:GetParameter@Find published image",
    }
    assert not any(name.startswith("bake/call:gpu_session") for name in names), "a session's calls are struck elsewhere"
    calls = {name for name, one in BAKE_IMAGE.tasks().items() if not one["Resource"].endswith(".waitForTaskToken")}
    stopped = {f"bake/strike:bake_stopped@{state}.{side}" for state in calls for side in ("before", "after")}
    assert stopped <= names
    assert table.case("bake/strike:bake_stopped@Create image.after").rules[0]["caller"] == "bake_image"
    assert table.case("bake/strike:execution_stopped@baking").strike == "execution_stopped"


def test_every_kind_is_what_is_dealt_and_the_rest() -> None:
    dealt, every = ({case.name for case in table.matrix(CALLS, every)} for every in (False, True))
    assert dealt < every
    call = "batch/call:Instance:dynamodb:BatchWriteItem@Serve"
    kinds = {name.partition("=")[2].partition(".")[0] for name in every if name.startswith(f"{call}=")}
    assert kinds == set(table.KINDS)


def test_each_strike_comes_at_each_moment_of_a_session() -> None:
    names = {case.name for case in table.matrix(CALLS)}
    strikes = (*strikes_of.PROCESS, *strikes_of.EXECUTION, *strikes_of.BESIDE)
    assert {f"strike:{strike.__name__}@{moment}" for strike in strikes for moment in table.MOMENTS} <= names


def test_who_spoils_a_cloud_comes_last() -> None:
    spoils = [case.spoils for case in table.matrix(CALLS)]
    assert any(spoils) and spoils == sorted(spoils)


def test_every_case_is_built_again_from_its_name() -> None:
    for case in [*table.matrix(CALLS), *map(table.case, table.FAST)]:
        assert table.case(case.name) == case
        assert case.rules or case.strike or case.order or case.name == "good"
        assert case.script == "chat" or case.name.startswith(("batch", "bake", "relay", "container", "chat_shown"))


def played(name: str, **changes: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = {"leaked": [], "lost": [], "duplicated": [], "wrong": []}
    return {"name": name, "struck": 1, "orphan_s": 0.0, **nothing, "states": ["Serve"] * 12, "calls": [1], **changes}


def test_the_summary_counts_by_scenario_and_the_log_has_every_case(tmp_path: Path) -> None:
    summary, log = tmp_path / "faults.json", tmp_path / "local" / "log.json"
    results.save({"ways": [{"way": "catch", "lived_s": 3.0}], "mutants": {"no claim": {"caught": True}}}, summary)
    cases = [
        played("strike:host_gone@serving", orphan_s=3.0),
        played("batch/strike:host_gone@last", struck=0, lost=["line 3"]),
        played("batch/strike:host_gone@first", orphan_s=7.0),
    ]
    results.save_cases(cases, 12.34, summary, log)
    kept = json.loads(summary.read_text())
    assert kept["ways"] == [{"way": "catch", "lived_s": 3.0}] and kept["mutants"] == {"no claim": {"caught": True}}
    assert kept["summary"] == {**results.counts(cases), "seconds": 12.3}
    assert {name: found["cases"] for name, found in kept["scenarios"].items()} == {"batch": 2, "chat": 1}
    batch = kept["scenarios"]["batch"]
    assert (batch["injected"], batch["lost"], batch["wrong"], batch["longest_orphan_s"]) == (1, 1, 0, 7.0)
    assert [one["states"] for one in json.loads(log.read_text())] == [["Serve"] * 12] * 3
    assert "calls" not in json.loads(log.read_text())[0]


def test_what_is_committed_is_short() -> None:
    lines = results.SUMMARY.read_text().splitlines()
    assert len(lines) < 60 and max(map(len, lines)) < 300


def test_what_only_tells_of_the_work_fails_in_every_way_and_hangs() -> None:
    """Traces and metrics: none of them is dealt out by chance."""
    for action in table.OBSERVING:
        calls = {"good": [("Instance", action, "Serve", 4)]}
        kinds = {one.rules[0]["kind"] for one in table.matrix(calls) if one.name.startswith("call:Instance:")}
        assert kinds == {"throttled", "error", "denied", "lost", "cut_out", "cut_back"}


def test_a_machines_last_words_are_struck_in_whichever_state_they_are_said() -> None:
    def calls(state: str) -> list[table.Call]:
        return [("gpu_session", "sns:Publish", "Notify", 1), ("Instance", "logs:CreateLogStream", state, 2)]

    once, twice = {"good": calls("Terminate GPU")}, {"good": calls("Serve"), "batch/": calls("Close session")}
    found = [{one.name for one in table.matrix(recorded)} for recorded in (once, twice)]
    for names in found:
        struck = [table.case(name).rules[0] for name in names if "CreateLogStream" in name]
        assert {(one["caller"], one["state"]) for one in struck} == {("Instance", "")}
        assert {one["kind"] for one in struck} == {*table.KINDS, "cut_out", "cut_back"}
    assert {name for name in found[0] if "Log" in name} == {name for name in found[1] if "Log" in name}


def test_which_functions_run_is_told_until_the_last_call_of_each_is_over() -> None:
    book = Book()
    with book.runs("SweepFunction"):
        with book.runs("SweepFunction"), book.runs("ApiFunction"):
            assert book.moments()["functions"] == ["ApiFunction", "SweepFunction"]
        assert book.moments()["functions"] == ["SweepFunction"]
    with pytest.raises(KeyError), book.runs("SweepFunction"):
        raise KeyError
    assert book.moments()["functions"] == []


def test_an_order_is_found_in_a_record_of_many_lines_and_counted_once_for_each() -> None:
    folded = "asked: You count.\n\ncount to 602\nanswered: You count.\n\ncount to 602\n"
    read = "asked: [An image]\n> count to 8\n\ncount to 40\nshown: ab12\nasked: count to 40, then at 7: cut\n"
    title = "asked: Write a title.\n\ncount to 40\n\n1 2 3\n"
    log = f"a machine's own line\n{folded}{read}{title}asked: count to 40\n"
    assert (logged(log, "asked", "count to 602"), logged(log, "answered", "count to 602")) == (1, 1)
    assert (logged(log, "asked", "count to 40"), logged(log, "answered", "count to 40")) == (2, 0)
    assert logged(log, "asked", "count to 8") == 0, "what stands in an image is no order"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.name)
def test_a_mutant_changes_what_is_there(mutant: Mutant) -> None:
    """Code that moves takes its mutant along."""
    assert (ROOT / mutant.file).read_text(encoding="utf-8").count(mutant.old) == 1
