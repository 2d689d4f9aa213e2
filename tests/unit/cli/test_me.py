"""`foreverus me` and `foreverus erasure`."""

import json
import stat
from typing import Any

import boto3
import pytest

from foreverus.aws import account as aws_account
from foreverus.aws.account import Account
from foreverus.privacy.receipts import Erasures, Store, new_erasure, receipt_write
from tests.unit.cli.conftest import Shell
from tests.unit.cli.server import LOST, Server
from tests.unit.conftest import NOW, Aws

ZIP = b"PK" + bytes(range(256)) * 300


def ready(server: Server, size: int = len(ZIP)) -> tuple[int, dict[str, Any]]:
    server.contents["zip"] = ZIP
    shown = {"id": "export_1", "object": "export", "status": "ready", "created_at": "2026-01-01T12:00:00.000Z"}
    return 202, {**shown, "bytes": size, "url": f"{server.url}/bucket/zip?X-Amz-Signature=a%2Fb"}


RUNNING = (202, {"id": "export_1", "object": "export", "status": "running"})


def test_export_waits_and_fetches_and_is_for_its_owner_alone(server: Server, shell: Shell) -> None:
    server.fail_next("GET /me/export", RUNNING, RUNNING, ready(server))
    assert shell.run("export", group="me") == 0
    target = shell.folder / "forever-us-2026-01-01.zip"
    assert shell.out == f"{target}\n"
    assert target.read_bytes() == ZIP and stat.S_IMODE(target.stat().st_mode) == 0o600
    assert shell.slept == [2.0, 4.0]
    (fetched,) = [headers for _, path, headers in server.requests if path == "/bucket/zip"]
    assert "Authorization" not in fetched


def test_an_export_that_does_not_arrive_whole_leaves_nothing(server: Server, shell: Shell) -> None:
    server.fail_next("POST /me/export", ready(server, len(ZIP) + 1))
    assert shell.run("export", "--new", "--output", str(shell.folder / "mine.zip"), group="me") == 1
    assert list(shell.folder.glob("mine*")) == []


def test_a_failed_export_is_told(server: Server, shell: Shell) -> None:
    server.fail_next("GET /me/export", (202, {"id": "export_1", "status": "failed"}))
    assert shell.run("export", group="me") == 1
    assert "failed" in shell.err


ERASURE = (202, {"id": "erasure_1", "erases": [], "kept": [{"where": "logs", "what": "ids", "days": 30}]})


@pytest.mark.parametrize("typed", [b"delete everything\n", b"  delete everything  \r\n"])
def test_delete_asks_for_the_words_and_tells_what_stays(server: Server, shell: Shell, typed: bytes) -> None:
    server.fail_next("DELETE /me", ERASURE)
    shell.input = typed
    assert shell.run("delete", group="me") == 0
    assert shell.out == "erasure_1\n"
    assert "logs: ids, 30 days" in shell.err and "for good" in shell.err


@pytest.mark.parametrize("typed", [b"", b"yes\n", b"Delete everything\n", b"delete\n"])
def test_other_words_delete_nothing(server: Server, shell: Shell, typed: bytes) -> None:
    shell.input = typed
    assert shell.run("delete", group="me") == 2
    assert shell.run("delete", "--confirm", typed.decode().strip(), group="me") == 2
    assert not server.requests


def test_a_deletion_whose_answer_was_lost_is_asked_for_again(server: Server, shell: Shell) -> None:
    server.fail_next("DELETE /me", LOST, ERASURE)
    assert shell.run("delete", "--confirm", "delete everything", "--json", group="me") == 0
    assert json.loads(shell.out)["id"] == "erasure_1"


def test_the_owner_reads_receipts(aws: Aws, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": {"TableName": {"Value": "foreverus"}}}
    boto3.client("cloudformation").create_stack(StackName="foreverus", TemplateBody=json.dumps(template))
    monkeypatch.setattr(aws_account, "own_account", lambda region: Account(boto3.DEFAULT_SESSION))
    erasure, kept = new_erasure("user-1", NOW), Erasures(aws.items)
    assert shell.run("list", bare=True, group="erasure") == 0
    assert (shell.out, shell.err) == ("", "Nobody has left.\n")
    aws.items.transact(receipt_write(erasure))
    kept.count(erasure.receipt_id, Store.S3, "files", 12)
    kept.note(erasure.receipt_id, NOW, settled=False)
    assert shell.run("show", erasure.receipt_id, bare=True, group="erasure") == 0
    assert erasure.receipt_id in shell.out and "user-1" not in shell.out
    assert "s3 files" in shell.out and "not yet" in shell.out
    assert shell.run("list", "--json", bare=True, group="erasure") == 0
    assert json.loads(shell.out)[0]["counts"] == {"s3 files": 12}
    assert shell.run("show", "erasure_other", bare=True, group="erasure") == 1
    assert "There is no receipt erasure_other" in shell.err


@pytest.mark.parametrize(
    ("words", "call", "kept", "said"),
    [
        ((), "GET", None, "auto (as the stack is set)"),
        ((), "GET", "bedrock", "bedrock"),
        (("gpu",), "PATCH", "gpu", "gpu"),
        (("default",), "PATCH", None, "auto (as the stack is set)"),
    ],
)
def test_backend_is_shown_and_changed(
    server: Server, shell: Shell, words: tuple[str, ...], call: str, kept: str | None, said: str
) -> None:
    asked = []

    def answer(method: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any] | None:
        asked.append((method, path, json.loads(body or b"{}")))
        return 200, {"object": "person", "id": "ana", "backend": kept, "default_backend": "auto"}

    server.more = answer
    assert shell.run("backend", *words, group="me") == 0
    assert shell.out == f"{said}\n"
    assert asked == [(call, "/me", {"backend": kept} if words else {})]
