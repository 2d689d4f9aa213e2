"""list, show, cancel and download."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Shell
from tests.unit.cli.server import CUT, LARGE, LOST, RESET, Server, batch, error


def test_list_shows_the_newest_and_where_to_go_on(server: Server, shell: Shell) -> None:
    server.batches |= {f"batch_{n}": [batch(f"batch_{n}")] for n in range(3)}
    assert shell.run("list", "--limit", "2") == 0
    heading, first, second = shell.out.splitlines()
    assert heading.split() == ["ID", "STATUS", "DONE", "FAILED", "BACKEND", "COST", "CREATED"]
    assert first.split()[:6] == ["batch_0", "completed", "102/400", "2", "gpu", "$0.12"]
    assert "2026-01-01 12:00:00 UTC" in second
    assert "--after batch_1" in shell.err
    assert shell.run("list", "--after", "batch_1") == 0
    assert "batch_2" in shell.out and "batch_1" not in shell.out


def test_list_longer_than_a_page_is_asked_for_in_pages(server: Server, shell: Shell) -> None:
    server.batches |= {f"batch_{n}": [batch(f"batch_{n}")] for n in range(250)}
    assert shell.run("list", "--limit", "220", "--json") == 0
    found = json.loads(shell.out)
    assert [item["id"] for item in found["data"]] == [f"batch_{n}" for n in range(220)]
    assert found["has_more"] is True
    assert server.counts()["GET /batches"] == 3


def test_empty_list(shell: Shell) -> None:
    assert shell.run("list") == 0
    assert (shell.out, shell.err) == ("", "There are no batches.\n")
    assert shell.run("list", "--json") == 0
    assert json.loads(shell.out)["data"] == []


def test_show_has_the_choice_the_cost_and_the_times(server: Server, shell: Shell) -> None:
    made = batch(status="in_progress", metadata={"run": "7"}, in_progress_at=1_767_268_860)
    made["foreverus"]["choice_text"] = "gpu: $0.10 against $0.34 on Bedrock"
    server.batches["batch_1"] = [made]
    assert shell.run("show", "batch_1") == 0
    shown = dict(row.split("  ", 1) for row in shell.out.splitlines())
    shown = {name: value.strip() for name, value in shown.items()}
    assert shown["lines"] == "400: 100 answered, 2 failed"
    assert shown["choice"] == "gpu: $0.10 against $0.34 on Bedrock"
    assert shown["in_progress"] == "2026-01-01 12:01:00 UTC"
    assert (shown["cost"], shown["eta"], shown["metadata run"]) == ("$0.12", "3 min 20 s", "7")
    assert shell.run("show", "batch_1", "--json") == 0
    assert json.loads(shell.out) == server.batches["batch_1"][0]


def test_cancel(server: Server, shell: Shell) -> None:
    server.batches["batch_1"] = [batch(status="in_progress")]
    server.fail_next("POST /batches/batch_1/cancel", LOST)
    assert shell.run("cancel", "batch_1") == 0
    assert shell.out == "batch_1 cancelling\n"
    assert shell.run("cancel", "batch_2") == 1
    assert "404" in shell.err


@pytest.mark.parametrize("wrong", ["../files", "", "a b", "x" * 101])
def test_what_cannot_be_an_id_is_not_sent(
    server: Server, shell: Shell, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        shell.run("show", wrong)
    assert ended.value.code == 2
    assert "is not an id" in capsys.readouterr().err
    assert not server.requests


# Downloads.


def finished(server: Server, content: bytes, errors: bytes | None = None) -> None:
    output = server.add_file("output.jsonl", content, "batch_output")["id"]
    error_file = None if errors is None else server.add_file("errors.jsonl", errors, "batch_output")["id"]
    server.batches["batch_1"] = [batch(output_file_id=output, error_file_id=error_file)]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_answers_are_downloaded_under_the_batchs_name(server: Server, shell: Shell) -> None:
    finished(server, b"{}\n" * 3, b"bad")
    assert shell.run("download", "batch_1") == 0
    assert (shell.folder / "batch_1_output.jsonl").read_bytes() == b"{}\n" * 3
    assert shell.out.strip() == str(shell.folder / "batch_1_output.jsonl")
    assert "download batch_1 --errors" in shell.err
    assert shell.run("download", "batch_1", "--errors", "--output", "why.jsonl", "--json") == 0
    assert (shell.folder / "why.jsonl").read_bytes() == b"bad"
    assert json.loads(shell.out) == {"file_id": "file-2", "path": str(shell.folder / "why.jsonl"), "bytes": 3}
    assert names(shell.folder) == ["batch_1_output.jsonl", "why.jsonl"]


@pytest.mark.parametrize("interactive", [False, True])
def test_large_file_comes_from_the_presigned_address_without_our_key(
    server: Server, shell: Shell, interactive: bool
) -> None:
    content = b"0123456789\n" * (LARGE // 10)
    finished(server, content)
    (shell.folder / "results").mkdir()
    assert shell.run("download", "batch_1", "--output", "results", interactive=interactive) == 0
    assert (shell.folder / "results" / "batch_1_output.jsonl").read_bytes() == content
    (at_bucket,) = [headers for _, path, headers in server.requests if path.startswith("/bucket")]
    assert "Authorization" not in at_bucket


@pytest.mark.parametrize("call", ["GET /files/file-1/content", "GET /bucket/file-1"])
def test_broken_download_is_started_anew(server: Server, shell: Shell, call: str) -> None:
    content = b"0123456789\n" * (LARGE // 10 if "bucket" in call else 10)
    finished(server, content)
    server.fail_next(call, RESET, CUT, (500, b""), (200, content[:-5]))
    assert shell.run("download", "batch_1") == 0
    assert (shell.folder / "batch_1_output.jsonl").read_bytes() == content
    assert names(shell.folder) == ["batch_1_output.jsonl"]
    assert shell.slept == [0.5, 1, 2, 4]


@pytest.mark.parametrize("failures", [[CUT] * 5, [error(404, "The file was deleted.")]])
def test_download_that_fails_leaves_what_was_there(server: Server, shell: Shell, failures: list[str]) -> None:
    finished(server, b"new" * 1000)
    (shell.folder / "out.jsonl").write_bytes(b"old")
    server.fail_next("GET /files/file-1/content", *failures)
    assert shell.run("download", "batch_1", "--output", "out.jsonl") == 1
    assert (shell.folder / "out.jsonl").read_bytes() == b"old"
    assert names(shell.folder) == ["out.jsonl"]


@pytest.mark.parametrize(
    ("changes", "words", "said"),
    [
        ({"status": "in_progress"}, (), "its files are there when it has ended"),
        ({"status": "failed"}, (), "no line was answered"),
        ({"status": "failed", "error_file_id": "file-9"}, (), "Why is in the error file: --errors"),
        ({"status": "completed", "output_file_id": "file-1"}, ("--errors",), "no line failed"),
    ],
)
def test_file_that_is_not_there_is_explained(
    server: Server, shell: Shell, changes: dict[str, str], words: tuple[str, ...], said: str
) -> None:
    server.batches["batch_1"] = [batch(**changes)]
    assert shell.run("download", "batch_1", *words) == 1
    assert said in shell.err
    assert names(shell.folder) == []


def test_folder_that_is_not_there_is_named(server: Server, shell: Shell) -> None:
    finished(server, b"x")
    assert shell.run("download", "batch_1", "--output", "nowhere/out.jsonl") == 2
    assert "There is no folder" in shell.err


ELSEWHERE = [
    (302, "http://10.0.0.7/stolen"),
    (307, "https://elsewhere.example/v1/batches"),
    (301, "/v1/bucket/x"),
    (308, ""),
]


@pytest.mark.parametrize(("status", "location"), ELSEWHERE)
def test_a_redirect_takes_no_key_anywhere(server: Server, shell: Shell, status: int, location: str) -> None:
    server.fail_next("GET /batches", (status, {}, {"Location": location}))
    assert shell.run("list") == 1
    assert [call for call in server.counts() if "batches" not in call] == []
    assert f"answered {status}" in shell.err


def test_a_file_is_fetched_from_nowhere_in_the_clear(server: Server, shell: Shell) -> None:
    server.add_file("out.jsonl", b"{}")
    server.batches["batch_1"] = [batch(status="completed", output_file_id="file-1")]
    failure = (302, {}, {"Location": "http://10.0.0.7/file"})
    server.fail_next("GET /files/file-1/content", failure)
    assert shell.run("download", "batch_1", "--output", "out.jsonl") == 1
    assert "http://10.0.0.7/file, which is not encrypted" in shell.err
    assert not (shell.folder / "out.jsonl").exists()
