"""Submitting: checked here, uploaded once or put at a presigned address, and one batch whatever the network does."""

import json
from pathlib import Path
from typing import Any

import pytest

from foreverus.cli import transfer
from tests.unit.cli.conftest import Shell
from tests.unit.cli.server import LOST, MODEL, RESET, Server, batch, error


def line(custom_id: str, **changes: Any) -> dict[str, Any]:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Olá"}]}
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body} | changes


def write(path: Path, *lines: Any) -> bytes:
    rows = [item if isinstance(item, bytes) else json.dumps(item, ensure_ascii=False).encode() for item in lines]
    path.write_bytes(b"\n".join(rows) + b"\n")
    return path.read_bytes()


@pytest.fixture
def content(shell: Shell) -> bytes:
    return write(shell.folder / "in.jsonl", line("a"), line("b"))


def test_file_is_uploaded_and_its_batch_started(server: Server, shell: Shell, content: bytes) -> None:
    assert shell.run("submit", "in.jsonl") == 0
    assert shell.out == "batch_1\n"  # alone, for scripts
    assert "2 lines, all valid" in shell.err
    assert server.contents == {"file-1": content}
    assert server.files["file-1"]["filename"] == "in.jsonl"
    (created,) = server.created
    assert created == {
        **{"input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h"},
        "metadata": {"filename": "in.jsonl"},
    }


def test_file_whose_name_is_no_utf_8_is_sent_under_one_that_is(server: Server, shell: Shell) -> None:
    content = write(shell.folder / "prova-\udce9.jsonl", line("a"))
    assert shell.run("submit", "prova-\udce9.jsonl") == 0
    assert server.contents == {"file-1": content}
    assert server.files["file-1"]["filename"] == "prova-?.jsonl"


def test_options_travel_in_the_metadata(server: Server, shell: Shell, content: bytes) -> None:
    words = ["in.jsonl", "--backend", "bedrock", "--on-demand", "--window", "90m", "--metadata", "run=7", "team=a=b"]
    assert shell.run("submit", *words, "--metadata", "x=") == 0
    (created,) = server.created
    assert created["completion_window"] == "90m"
    expected = {"run": "7", "team": "a=b", "x": "", "backend": "bedrock", "allow_on_demand": "true"}
    assert created["metadata"] == expected | {"filename": "in.jsonl"}


@pytest.mark.parametrize("key", ["filename", "name"])
def test_a_name_that_somebody_gave_is_the_batchs_name(server: Server, shell: Shell, content: bytes, key: str) -> None:
    assert shell.run("submit", "in.jsonl", "--metadata", f"{key}=Prova de sexta") == 0
    (created,) = server.created
    assert created["metadata"] == {key: "Prova de sexta"}


def test_a_batch_with_all_pairs_of_metadata_needs_no_name(server: Server, shell: Shell, content: bytes) -> None:
    pairs = [f"k{i}=v" for i in range(16)]
    assert shell.run("submit", "in.jsonl", "--metadata", *pairs) == 0
    (created,) = server.created
    assert len(created["metadata"]) == 16 and "filename" not in created["metadata"]


@pytest.mark.parametrize("failures", [(RESET,), (LOST,), (LOST, RESET, LOST), (error(503, "Not now."), LOST)])
def test_lost_connection_makes_one_batch(server: Server, shell: Shell, content: bytes, failures: Any) -> None:
    server.fail_next("POST /batches", *failures)
    assert shell.run("submit", "in.jsonl") == 0
    assert (shell.out, len(server.created)) == ("batch_1\n", 1)
    keys = {headers["Idempotency-Key"] for method, path, headers in server.requests if path == "/batches"}
    assert len(keys) == 1
    assert shell.slept == [0.5, 1, 2][: len(failures)]
    assert shell.err.count("trying again in") == len(failures)


def test_two_submits_make_two_batches(server: Server, shell: Shell, content: bytes) -> None:
    shell.run("submit", "in.jsonl")
    shell.run("submit", "in.jsonl")
    assert len(server.created) == 2


def test_submit_that_never_heard_back_can_be_sent_again(server: Server, shell: Shell, content: bytes) -> None:
    server.fail_next("POST /batches", LOST, *[RESET] * 4)
    assert shell.run("submit", "in.jsonl") == 1
    key = shell.err.split("--idempotency-key ")[1].split()[0]
    assert shell.run("submit", "in.jsonl", "--idempotency-key", key) == 0
    assert (shell.out, len(server.created)) == ("batch_1\n", 1)


@pytest.mark.parametrize(
    ("call", "refusal", "words"),
    [
        (
            "POST /batches",
            error(402, "The month's cap is reached.", code="spend_cap_reached"),
            "402, spend_cap_reached",
        ),
        ("POST /files", error(413, "At most 200 MB.", param="file"), "At most 200 MB. (413, param file)"),
        ("POST /batches", error(404, "There is no such file.", "input_file_id"), "(404, param input_file_id)"),
        ("POST /batches", (403, {"message": "Missing Authentication Token"}), "It ends in /v1."),
        ("POST /batches", (400, b"\xff\xfe<html>"), "answered 400"),
        ("POST /batches", (200, b"<html>\xff"), "does not answer like our API"),
        ("POST /batches", (200, []), "does not answer like our API"),
        ("POST /batches", (200, {"object": "batch"}), "has no 'id'"),
    ],
)
def test_refusals_are_shown_and_not_repeated(
    server: Server, shell: Shell, content: bytes, call: str, refusal: Any, words: str
) -> None:
    server.fail_next(call, refusal)
    assert shell.run("submit", "in.jsonl") == 1
    assert words in shell.err
    assert (shell.out, shell.slept, server.counts()[call]) == ("", [], 1)


def test_wrong_key_is_said(server: Server, shell: Shell, content: bytes) -> None:
    key = shell.folder / "key"
    key.write_text("fu_other")
    key.chmod(0o600)
    assert shell.run("submit", "in.jsonl", "--api-key-file", "key") == 1
    assert "This key is not valid. (401)" in shell.err


@pytest.mark.parametrize("failures", [(RESET,), (LOST,), (error(503, "Not now."), LOST), ((409, {}),)])
def test_a_large_file_is_stored_once_though_answers_are_lost(
    server: Server, shell: Shell, monkeypatch: pytest.MonkeyPatch, failures: tuple[Any, ...]
) -> None:
    monkeypatch.setattr(transfer, "SMALL_BYTES", 10)
    data = write(shell.folder / "in.jsonl", line("a"), line("b"))
    server.fail_next("PUT /bucket/file-1", *failures)
    assert shell.run("submit", "in.jsonl") == 0
    assert list(server.contents.values()) == [data]
    assert len(shell.slept) == len(failures)


def test_watch_follows_what_was_submitted(server: Server, shell: Shell, content: bytes) -> None:
    server.batches["batch_1"] = [batch(status="validating"), batch(status="completed", output_file_id="file-2")]
    assert shell.run("submit", "in.jsonl", "--watch") == 3
    assert shell.out.splitlines()[0] == "batch_1"
    assert "answers: file-2" in shell.out
    server.batches["batch_2"] = [batch("batch_2", "failed")]
    assert shell.run("submit", "in.jsonl", "--watch", "--json") == 1
    assert json.loads(shell.out)["status"] == "failed"


def test_object_of_the_data_bucket_is_named_and_not_uploaded(server: Server, shell: Shell) -> None:
    assert shell.run("submit", "s3://data/inputs/night.jsonl", "--json") == 0
    assert json.loads(shell.out)["id"] == "batch_1"
    assert server.created[0]["input_file_id"] == "s3://data/inputs/night.jsonl"
    assert set(server.counts()) == {"POST /batches"}


# What is wrong with the file, locally.


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b"\xff\xfe", "invalid_utf8"),
        (b"{", "invalid_json"),
        (line("a"), "duplicate_custom_id"),
        (line("x", url="/v1/completions"), "mismatched_url"),
        (line("x", body={"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}), "mismatched_model"),
        (b'"' + b"x" * (1 << 20) + b'"', "line_too_long"),
    ],
)
def test_bad_line_is_named_and_nothing_is_sent(server: Server, shell: Shell, bad: Any, code: str) -> None:
    write(shell.folder / "in.jsonl", line("a"), b"", bad, line("b"))
    assert shell.run("submit", "in.jsonl") == 2
    assert "in.jsonl is not valid; nothing was sent." in shell.err
    assert "line 3: " in shell.err and code in shell.err
    assert set(server.counts()) == {"GET /models"}


def test_file_that_is_too_large_is_refused_unread(server: Server, shell: Shell) -> None:
    with (shell.folder / "in.jsonl").open("wb") as file:
        file.truncate(200_000_001)  # takes no room on the disk
    assert shell.run("submit", "in.jsonl") == 2
    assert "file_too_large" in shell.err


def test_every_error_is_counted_and_the_first_are_shown(server: Server, shell: Shell) -> None:
    write(shell.folder / "in.jsonl", *[b"{"] * 300)
    assert shell.run("submit", "in.jsonl") == 2
    assert len(shell.err.splitlines()) == 22
    assert "… and 280 more" in shell.err


def test_empty_file_is_refused(server: Server, shell: Shell) -> None:
    (shell.folder / "in.jsonl").write_bytes(b"")
    assert shell.run("submit", "in.jsonl") == 2
    assert "empty_file" in shell.err


def test_unchecked_file_goes_as_it_is(server: Server, shell: Shell) -> None:
    (shell.folder / "in.jsonl").write_bytes(b"\xff\xfe\r\n")
    assert shell.run("submit", "in.jsonl", "--no-check") == 0
    assert server.contents["file-1"] == b"\xff\xfe\r\n"
    assert "GET /models" not in server.counts()


@pytest.mark.parametrize("name", ["nothing.jsonl", "."])
def test_file_that_is_none_is_named(server: Server, shell: Shell, name: str) -> None:
    assert shell.run("submit", name) == 2
    assert f"There is no file {name}." in shell.err
    assert not server.requests


def test_name_that_is_no_text_is_uploaded_under_a_name_that_is(server: Server, shell: Shell) -> None:
    path = shell.folder / "per\udcffguntas.jsonl"
    try:
        write(path, line("a"))
    except OSError:
        pytest.skip("this file system has no such names")
    assert shell.run("submit", str(path), "--no-check") == 0
    assert server.files["file-1"]["filename"] == "per?guntas.jsonl"


# Large files.


@pytest.fixture
def large(shell: Shell) -> bytes:
    return write(shell.folder / "large.jsonl", *[line(f"q{n}", padding="x" * 999) for n in range(4000)])


@pytest.mark.parametrize("interactive", [False, True])
def test_large_file_is_put_at_the_presigned_address(
    server: Server, shell: Shell, large: bytes, interactive: bool
) -> None:
    assert shell.run("submit", "large.jsonl", "--no-check", interactive=interactive) == 0
    assert server.contents["file-1"] == large
    assert server.created[0]["input_file_id"] == "file-1"


def test_upload_that_breaks_off_is_put_again_whole(server: Server, shell: Shell, large: bytes) -> None:
    server.fail_next("PUT /bucket/file-1", RESET, (503, b"<Error><Message>Slow down</Message></Error>"), LOST)
    assert shell.run("submit", "large.jsonl", "--no-check") == 0
    assert server.contents["file-1"] == large
    assert server.counts()["POST /files"] == 1


def test_refused_upload_makes_no_batch(server: Server, shell: Shell, large: bytes) -> None:
    server.fail_next(
        "PUT /bucket/file-1", (403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
    )
    assert shell.run("submit", "large.jsonl", "--no-check") == 1
    assert "Request has expired (403, AccessDenied)" in shell.err
    assert not server.created


def test_file_that_gets_shorter_while_it_is_uploaded_makes_no_batch(server: Server, shell: Shell, large: bytes) -> None:
    server.fail_next("PUT /bucket/file-1", error(503, "Not now."))
    shell.on_sleep = lambda count: (shell.folder / "large.jsonl").write_bytes(large[:100]) and None
    assert shell.run("submit", "large.jsonl", "--no-check") == 1
    assert "got shorter while it was uploaded" in shell.err
    assert not server.created


def test_file_that_changes_while_it_is_uploaded_makes_no_batch(server: Server, shell: Shell, content: bytes) -> None:
    server.fail_next("POST /files", error(503, "Not now."))
    shell.on_sleep = lambda count: (shell.folder / "in.jsonl").write_bytes(content * 2) and None
    assert shell.run("submit", "in.jsonl", "--no-check") == 1
    assert "changed while it was uploaded" in shell.err
    assert not server.created


# Wrong words.


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--window", "9m"], "--window"),
        (["--window", "169h"], "--window"),
        (["--window", "1.5h"], "--window"),
        (["--window", "２４h"], "--window"),
        (["--endpoint", "/v1/embeddings"], "--endpoint"),
        (["--backend", "cpu"], "--backend"),
        (["--metadata", "novalue"], "KEY=VALUE"),
        (["--metadata", "k" * 65 + "=x"], "64"),
        (["--metadata", "k=" + "x" * 513], "512"),
    ],
)
def test_wrong_words_are_named(shell: Shell, capsys: pytest.CaptureFixture[str], words: list[str], named: str) -> None:
    with pytest.raises(SystemExit) as ended:
        shell.run("submit", "in.jsonl", *words)
    assert ended.value.code == 2
    assert named in capsys.readouterr().err


def test_options_that_contradict_each_other_are_refused(server: Server, shell: Shell, content: bytes) -> None:
    assert shell.run("submit", "in.jsonl", "--backend", "gpu", "--metadata", "backend=bedrock") == 2
    assert "backend" in shell.err
    many = [f"k{n}=v" for n in range(16)]
    assert shell.run("submit", "in.jsonl", "--on-demand", "--metadata", *many) == 2
    assert "17 pairs" in shell.err
    assert not server.requests
