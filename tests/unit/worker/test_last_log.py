"""A machine's last lines reach CloudWatch Logs: clean, in its limits, by boto3 or by the AWS CLI."""

import builtins
import doctest
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest

from foreverus.worker import last_log
from foreverus.worker.last_log import (
    MOST_CALL_BYTES,
    MOST_EVENT_BYTES,
    MOST_EVENTS,
    OVERHEAD_BYTES,
    JournalLine,
    cleaned,
    journal_line,
    last_events,
    main,
)

GROUP = "/foreverus/team/machines"
DAY_MS = 24 * 3600 * 1000
NOW_MS = 1_800_000_000_000


def entry(message: Any, at_ms: int = NOW_MS, unit: str = "foreverus-engine.service", **more: Any) -> str:
    return json.dumps({"__REALTIME_TIMESTAMP": f"{at_ms}000", "_SYSTEMD_UNIT": unit, "MESSAGE": message, **more})


class Metadata(BaseHTTPRequestHandler):
    """IMDSv2 of one instance."""

    def do_PUT(self) -> None:
        self._say("a-token")

    def do_GET(self) -> None:
        assert self.headers["X-aws-ec2-metadata-token"] == "a-token"
        self._say("ses_1" if self.path.endswith("/tags/instance/foreverus:session") else "i-0abc")

    def _say(self, text: str) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setattr(last_log, "METADATA_TIMEOUT_S", 600.0)
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{server.server_port}/")
    yield
    server.shutdown()
    server.server_close()


@pytest.fixture
def logs(aws: Any, metadata: None) -> Any:
    client = boto3.client("logs")
    client.create_log_group(logGroupName=GROUP)
    return client


def kept(client: Any) -> list[str]:
    found = client.get_log_events(logGroupName=GROUP, logStreamName="ses_1/i-0abc", startFromHead=True)
    return [one["message"] for one in found["events"]]


@pytest.fixture
def recent(monkeypatch: pytest.MonkeyPatch) -> int:
    """moto, as CloudWatch, refuses what is older than two weeks."""
    import time

    return int(time.time() * 1000)


def test_lines_of_all_units_stand_in_the_sessions_stream_in_order(logs: Any, recent: int) -> None:
    journal = [
        entry("loading", recent),
        entry("CUDA out of memory", recent + 2000),
        entry("listening", recent + 1000, "foreverus-worker.service"),
    ]
    assert main(GROUP, journal) == 0
    lines = ["foreverus-engine | loading", "foreverus-worker | listening", "foreverus-engine | CUDA out of memory"]
    assert kept(logs) == lines
    assert main(GROUP, journal) == 0, "a stream that is there already is no obstacle"


def test_what_cannot_be_sent_is_an_exit_status_and_no_traceback(
    aws: Any, metadata: None, recent: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("/no/such/group", [entry("hello", recent)]) == 1
    assert "the log is not kept: ResourceNotFoundException" in capsys.readouterr().err
    assert main(GROUP, []) == 0


def test_without_boto3_the_machines_own_command_line_is_called(
    tmp_path: Path, metadata: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "aws"
    program.write_text(
        f'#!/bin/sh\necho "$*" >> {tmp_path}/calls\ncat >> {tmp_path}/calls\n[ "$2" = put-log-events ]\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    really = builtins.__import__

    def without(name: str, *more: Any, **others: Any) -> Any:
        if name.startswith(("boto3", "botocore")):
            raise ImportError(name)
        return really(name, *more, **others)

    monkeypatch.setattr(builtins, "__import__", without)
    assert main(GROUP, [entry("pip: no matching distribution", unit="cloud-final.service")]) == 0
    calls = (tmp_path / "calls").read_text()
    assert calls.count("--cli-input-json file:///dev/stdin") == 2
    request = json.loads(calls[calls.rindex('{"logGroupName"') :])
    assert (request["logGroupName"], request["logStreamName"]) == (GROUP, "ses_1/i-0abc")
    assert request["logEvents"] == [{"timestamp": NOW_MS, "message": "cloud-final | pip: no matching distribution"}]


def test_it_needs_nothing_that_a_machine_must_install() -> None:
    """Isolated and without site-packages: as on a machine on which nothing could be installed."""
    source = Path(last_log.__file__).parents[2]
    code = (
        f"import sys; sys.path.insert(0, {str(source)!r}); import foreverus.worker.last_log as one; one.make_client()"
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (entry([104, 105, 255]), "hi\ufffd"),
        (entry("a\x1b[31mred\x1b[0m\x00\x07"), "ared"),
        (entry("half \ud83d"), "half \ufffd"),
        (entry("Traceback:\n  File"), "Traceback:\n  File"),
        (entry(""), None),
        (entry(" \u200b"), None),
        (entry(None), None),
        (entry({"a": 1}), None),
        ("no json", None),
        ("[]", None),
        ("{}", None),
        ('{"MESSAGE": "x", "__REALTIME_TIMESTAMP": "soon"}', None),
    ],
)
def test_whatever_a_journal_holds_is_a_line_or_none(line: str, shown: str | None) -> None:
    found = journal_line(line)
    assert (found.text if found else None) == shown


SECRETS = [
    "https://b.s3.amazonaws.com/k?X-Amz-Credential=ASIA1/2026&X-Amz-Signature=SECRETSECRET",
    "'X-Amz-Security-Token': 'SECRETSECRET=='",
    "Authorization: AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=SECRETSECRET",
    '{"Authorization": "Bearer SECRETSECRET"}',
    "Bearer SECRETSECRET",
    "aws_secret_access_key = SECRETSECRET",
    "HF_TOKEN=hf_SECRETSECRETSECRET",
    "using hf_SECRETSECRETSECRET",
    "fu_SECRETSECRETSECRETSECRET was refused",
    "AccessKeyId ASIASECRETSECRET1234",
    "task_token: 'SECRETSECRET'",
    "token " + "SECRET" * 40,
    "password: SECRETSECRET",
    "https://user:SECRETSECRET@registry.example/v2/",
]


@pytest.mark.parametrize("line", SECRETS)
def test_no_secret_is_kept(line: str) -> None:
    assert "SECRET" not in cleaned(line) and "(hidden)" in cleaned(line)


@pytest.mark.parametrize(
    "line",
    [
        "Using max model len 8192, tokenizer='solidrust/Mistral-7B-Instruct-v0.3-AWQ', seed=0",
        "Avg prompt throughput: 12.0 tokens/s, Running: 1 reqs, GPU KV cache usage: 0.4%",
        f"manifest for vllm/vllm-openai@sha256:{'61fc8a89' * 8} not found",
        "torch.OutOfMemoryError: CUDA out of memory. GPU 0 has a total capacity of 21.96 GiB",
        "KeyError: 'model.layers.0.self_attn.qkv_proj.weight'",
    ],
)
def test_what_explains_a_death_stays_as_it_is(line: str) -> None:
    assert cleaned(line) == line


def cost(events: list[dict[str, Any]]) -> int:
    return sum(len(one["message"].encode()) + OVERHEAD_BYTES for one in events)


@pytest.mark.parametrize("character", ["x", "é", "😀"])
def test_an_event_and_a_call_keep_their_limits(character: str) -> None:
    one = JournalLine(NOW_MS, "engine", character * 300_000)
    (event,) = last_events([one])
    assert len(event["message"].encode()) + OVERHEAD_BYTES <= MOST_EVENT_BYTES and event["message"].endswith("(cut)")
    many = last_events([JournalLine(NOW_MS + number, "engine", character * 1000) for number in range(2000)])
    assert cost(many) <= MOST_CALL_BYTES < cost(many) + 16 * 1024
    assert f" {2000 - len(many) + 1} older lines" in many[0]["message"], "the newest are kept, and it says so"
    assert many[-1]["timestamp"] == NOW_MS + 1999


def test_events_are_in_order_not_too_many_and_of_one_day() -> None:
    lines = [JournalLine(NOW_MS - number, "worker", "x") for number in range(MOST_EVENTS + 5)]
    events = last_events([*lines, JournalLine(NOW_MS - DAY_MS, "worker", "of yesterday")])
    assert len(events) == MOST_EVENTS
    assert [one["timestamp"] for one in events] == sorted(one["timestamp"] for one in events)
    assert events[0]["timestamp"] > NOW_MS - DAY_MS
    assert [one["message"] for one in last_events([JournalLine(1, "a", "z"), JournalLine(1, "a", "b")])] == [
        "a | z",
        "a | b",
    ]


def test_examples_in_the_docstrings_hold() -> None:
    failed, tried = doctest.testmod(last_log)
    assert failed == 0 and tried >= 2
