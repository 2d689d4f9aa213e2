"""Watching: what is shown, how it ends, and that nothing but Ctrl-C or the end stops it."""

import json
from typing import Any

import pytest

from foreverus.cli.watching import look_after_s
from tests.unit.cli.conftest import Shell
from tests.unit.cli.server import CUT, LOST, RESET, Server, batch, error


def counts(completed: int, failed: int = 0, total: int = 400) -> dict[str, Any]:
    return {"total": total, "completed": completed, "failed": failed}


def life(*completed: int, **ending: Any) -> list[dict[str, Any]]:
    states = [batch(status="validating", request_counts=counts(0, 0, 0))]
    states += [batch(status="in_progress", request_counts=counts(number)) for number in completed]
    return [*states, batch(**ending)]


@pytest.mark.parametrize(("status", "exit_status"), [("completed", 3), ("failed", 1), ("expired", 1), ("cancelled", 1)])
def test_exit_status_says_how_the_batch_ended(server: Server, shell: Shell, status: str, exit_status: int) -> None:
    server.batches["batch_1"] = life(100, status=status, output_file_id="file-2", error_file_id="file-3")
    assert shell.run("watch", "batch_1") == exit_status
    assert shell.out.splitlines() == [
        f"batch_1 {status}: 100 of 400 answered, 2 failed · $0.12",
        "answers: file-2 · foreverus batch download batch_1",
        "errors: file-3 · foreverus batch download batch_1 --errors",
    ]


def test_log_gets_a_line_for_each_change_and_no_bar(server: Server, shell: Shell) -> None:
    server.batches["batch_1"] = life(0, 0, 0, 0, 40, status="completed", request_counts=counts(400))
    assert shell.run("watch", "batch_1") == 0
    lines = shell.err.splitlines()
    assert [line.split(" · ")[0] for line in lines] == ["validating", "in_progress", "in_progress", "completed"]
    assert lines[2] == "in_progress · 40/400 (10 %) · gpu · 512 tokens/s · ETA 3 min 20 s · $0.12"
    assert "\x1b" not in shell.err


def test_log_is_not_flooded_when_every_look_finds_progress(server: Server, shell: Shell) -> None:
    server.batches["batch_1"] = life(*range(50), status="completed")
    assert shell.run("watch", "batch_1") == 3
    assert len(shell.slept) > 45
    assert len(shell.err.splitlines()) <= sum(shell.slept) / 5 + 3


def test_terminal_gets_a_bar_with_everything_that_people_ask_for(server: Server, shell: Shell) -> None:
    server.batches["batch_1"] = life(100, status="completed", request_counts=counts(398, 2))
    assert shell.run("watch", "batch_1", interactive=True) == 3
    assert "\x1b[" in shell.err
    for words in ("400/400", "2 failed", "gpu", "$0.12", "completed"):
        assert words in shell.err
    assert shell.out.startswith("batch_1 completed: 398 of 400 answered")


def test_bar_shows_rate_and_eta_while_it_runs(server: Server, shell: Shell) -> None:
    server.batches["batch_1"] = [batch(status="in_progress")]
    shell.on_sleep = interrupt
    assert shell.run("watch", "batch_1", interactive=True) == 130
    for words in ("in_progress", "102/400", "512 tokens/s", "ETA 3 min 20 s"):
        assert words in shell.err


def test_network_that_is_away_for_long_is_waited_for(server: Server, shell: Shell) -> None:
    server.batches["batch_1"] = life(status="completed")
    busy = error(503, "Not now.")
    server.fail_next(
        "GET /batches/batch_1", RESET, LOST, CUT, busy, (502, b"<html>"), (429, {"message": "Slow"}), RESET
    )
    assert shell.run("watch", "batch_1") == 3
    assert shell.slept == [0.5, 1, 2, 4, 8, 16, 30]
    assert shell.err.count("trying again until it answers") == 1


@pytest.mark.parametrize("refusal", [error(404, "There is no such batch."), error(401, "This key is not valid.")])
def test_what_waiting_does_not_mend_ends_watching(server: Server, shell: Shell, refusal: tuple[int, Any]) -> None:
    server.batches["batch_1"] = life(status="completed")
    server.fail_next("GET /batches/batch_1", RESET, refusal)
    assert shell.run("watch", "batch_1") == 1
    assert refusal[1]["error"]["message"] in shell.err


def interrupt(count: int) -> None:
    raise KeyboardInterrupt


def test_ctrl_c_stops_watching_only(server: Server, shell: Shell) -> None:
    server.batches["batch_1"] = [batch(status="in_progress")]
    shell.on_sleep = interrupt
    assert shell.run("watch", "batch_1") == 130
    assert "The batch goes on; to watch again: foreverus batch watch batch_1" in shell.err
    assert set(server.counts()) == {"GET /batches/batch_1"}  # nothing was cancelled


def test_failed_validation_shows_its_errors_with_line_numbers(server: Server, shell: Shell) -> None:
    bad = [
        {"line": n, "param": "body.model", "code": "unknown_model", "message": "There is no x."} for n in range(1, 31)
    ]
    server.batches["batch_1"] = [batch(status="failed", errors={"object": "list", "data": bad})]
    assert shell.run("watch", "batch_1") == 1
    lines = shell.out.splitlines()
    assert lines[1] == "line 1: body.model: There is no x. (unknown_model)"
    assert (len(lines), lines[-1]) == (22, "… and 10 more")


def test_programs_get_each_change_as_json(server: Server, shell: Shell) -> None:
    server.batches["batch_1"] = life(0, 0, 7, status="expired")
    assert shell.run("watch", "batch_1", "--json") == 1
    shown = [json.loads(line) for line in shell.out.splitlines()]
    assert [item["status"] for item in shown] == ["validating", "in_progress", "in_progress", "expired"]
    assert shown[2]["request_counts"]["completed"] == 7


def test_nothing_known_yet_is_shown_as_nothing(server: Server, shell: Shell) -> None:
    server.batches["batch_1"] = [batch(status="validating", request_counts=None, foreverus=None), batch(foreverus={})]
    assert shell.run("watch", "batch_1") == 3
    assert shell.err.splitlines()[0] == "validating · 0/0"
    assert shell.run("watch", "batch_1", interactive=True) == 3


def test_escape_sequences_of_others_do_not_reach_the_terminal(server: Server, shell: Shell) -> None:
    bad = [{"line": 1, "param": None, "code": "invalid_field", "message": "\x1b]0;pwned\x07 [bold]x[/bold]"}]
    server.batches["batch_1"] = [batch(status="failed", errors={"object": "list", "data": bad})]
    shell.run("watch", "batch_1")
    assert "\x1b" not in shell.out and "\x07" not in shell.out
    assert "[bold]x[/bold]" in shell.out


def test_looks_get_rarer_with_time_and_frequent_again_near_the_end() -> None:
    assert look_after_s(0, None) == 2
    assert look_after_s(200, None) == 10
    assert look_after_s(9000, None) == 15
    assert look_after_s(9000, 20) == 5
    assert look_after_s(9000, 0) == 2


@pytest.mark.parametrize(
    ("completed", "failed", "exit_status"), [(400, 0, 0), (399, 1, 3), (1, 399, 3), (0, 400, 1), (0, 1, 1), (0, 0, 0)]
)
def test_completed_batch_says_how_many_lines_were_answered(
    server: Server, shell: Shell, completed: int, failed: int, exit_status: int
) -> None:
    server.batches["batch_1"] = life(status="completed", request_counts=counts(completed, failed, completed + failed))
    assert shell.run("watch", "batch_1") == exit_status
    assert shell.run("watch", "batch_1", "--json") == exit_status


@pytest.mark.parametrize(
    "line",
    [
        {
            "custom_id": "a",
            "response": None,
            "error": {"code": "unsupported_parameter", "message": "No such parameter."},
        },
        {
            "custom_id": "a",
            "response": {
                "status_code": 400,
                "body": {"error": {"code": "unsupported_parameter", "message": "No such parameter."}},
            },
            "error": None,
        },
    ],
)
def test_first_error_is_shown(server: Server, shell: Shell, line: dict[str, Any]) -> None:
    content = json.dumps(line).encode() + b"\n" + b"never read\n" * 3
    errors = server.add_file("errors.jsonl", content, "batch_output")["id"]
    server.batches["batch_1"] = life(status="completed", request_counts=counts(0, 4, 4), error_file_id=errors)
    assert shell.run("watch", "batch_1") == 1
    assert "first error: a: No such parameter. (unsupported_parameter)" in shell.out


@pytest.mark.parametrize("content", [b"", b"no json", b"[]", b'{"custom_id":"a"}', b'{"error":"text"}', b"\xff"])
def test_error_file_that_says_nothing_changes_nothing(server: Server, shell: Shell, content: bytes) -> None:
    errors = server.add_file("errors.jsonl", content, "batch_output")["id"]
    server.batches["batch_1"] = life(status="completed", request_counts=counts(0, 4, 4), error_file_id=errors)
    assert shell.run("watch", "batch_1") == 1
    assert "first error" not in shell.out
