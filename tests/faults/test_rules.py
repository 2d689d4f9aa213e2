"""The harness's own rules: which call a rule strikes, and that a name is enough to build a case."""

import pytest

from local.faults.rules import Book
from tests.faults import strikes as strikes_of
from tests.faults import table

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
    "stuck/": [
        ("SweepFunction", "sqs:SendMessage", "", 1),
        ("CloseSessionFunction", "dynamodb:DeleteItem", "", 1),
    ],
}


def strikes(book: Book, *calls: tuple[str, str, str]) -> list[bool]:
    return [book.strike(caller, action, "i-1", state) is not None for caller, action, state in calls]


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
    thin = [name.partition("=") for name in names if name.startswith(("batch", "stuck")) and "/call:" in name]
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
        assert case.script == "chat" or case.name.startswith("batch")
