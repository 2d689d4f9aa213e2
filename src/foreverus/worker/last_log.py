"""`python -m foreverus.worker.last_log GROUP < journal`: a machine's last lines go to CloudWatch Logs before it goes.

The journal comes as `journalctl --output json` writes it, a line each; a stream for each instance, named
`<session id>/<instance id>`. It needs nothing that the machine has to install: without boto3 the AWS CLI of the machine
image makes the two calls. Whoever starts it sets it a limit (machine/keep_log.sh); what fails is said and not repeated.
"""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from foreverus.text import is_blank, whole

# CloudWatch's limits: a call's events in order, at most 24 hours apart; an event counts its UTF-8 and 26 bytes.
MOST_EVENT_BYTES = 256 * 1024
MOST_CALL_BYTES = 1024 * 1024
MOST_EVENTS = 10_000
OVERHEAD_BYTES = 26
MOST_SPAN_MS = 23 * 3600 * 1000
CUT = " … (cut)"

METADATA = "http://169.254.169.254"
METADATA_TIMEOUT_S = 1.0

_HIDDEN = "(hidden)"
# Nothing of ours logs a secret; libraries quote requests, and a log lives longer than the machine.
_SECRETS = (
    re.compile(r"(?i)(X-Amz-(?:Signature|Security-Token|Credential)=)[^&\s\"']+"),
    re.compile(r"(?i)(\b(?:authorization|x-amz-security-token|cookie)[\"']?\s*[:=]\s*[\"']?)[^\r\n\"']+"),
    # From a word's very beginning: from each hyphen on, it would be read as often as it has hyphens.
    re.compile(r"(?i)((?<![\w-])[\w-]*(?:secret|password|token|key)[\"']?\s*[:=]\s*[\"']?)[^\s\"',;}]{8,}"),
    re.compile(r"(?i)(\bbearer\s+)[^\s\"']+"),
    re.compile(r"()\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"()\b(?:hf|sk|fu|gh[opsu])[_-][A-Za-z0-9_-]{16,}"),
    re.compile(r"()\b[A-Za-z0-9+/=_-]{200,}"),  # a task token, a session's credentials
    re.compile(r"(https?://)[^/\s:@]+:[^/\s@]+(?=@)"),
)
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")  # colours, and what a terminal obeys


class LogEvent(TypedDict):
    """As PutLogEvents takes it; `timestamp`: milliseconds since the epoch."""

    timestamp: int
    message: str


@dataclass(frozen=True, slots=True)
class JournalLine:
    """`at_ms`: since the epoch."""

    at_ms: int
    unit: str
    text: str

    @property
    def event(self) -> LogEvent:
        return {"timestamp": self.at_ms, "message": _with_unit(self.unit, self.text)}


def journal_line(text: str) -> JournalLine | None:
    """None for what is no line of a journal, or has nothing that can be seen.

    >>> journal_line('{"__REALTIME_TIMESTAMP": "1700000000123456", "_SYSTEMD_UNIT": "a.service", "MESSAGE": "hi"}')
    JournalLine(at_ms=1700000000123, unit='a', text='hi')
    """
    try:
        found = json.loads(text)
        said, at_us = found.get("MESSAGE"), int(found["__REALTIME_TIMESTAMP"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if isinstance(said, list):  # bytes that are no UTF-8
        said = bytes(one for one in said if isinstance(one, int) and 0 <= one < 256).decode(errors="replace")
    if not isinstance(said, str) or is_blank(shown := cleaned(said)):
        return None
    unit = str(found.get("_SYSTEMD_UNIT") or found.get("UNIT") or found.get("SYSLOG_IDENTIFIER") or "machine")
    return JournalLine(at_us // 1000, unit.removesuffix(".service"), shown)


def cleaned(text: str) -> str:
    """Whole characters, none that a terminal obeys, and no secret.

    >>> cleaned("\\x1b[31mGET https://b/k?X-Amz-Signature=0123abcd&x=1\\x00")
    'GET https://b/k?X-Amz-Signature=(hidden)&x=1'
    """
    text = _CONTROL.sub("", whole(text))
    for secret in _SECRETS:
        text = secret.sub(lambda found: found[1] + _HIDDEN, text)
    return text


def last_events(lines: Iterable[JournalLine]) -> list[LogEvent]:
    """What one call of PutLogEvents takes of them: the newest ones, in order. Says how many it leaves out."""
    ordered = sorted(lines, key=lambda line: line.at_ms)  # stable: a unit's lines of one moment keep their order
    kept: list[LogEvent] = []
    left = MOST_CALL_BYTES - MOST_EVENT_BYTES // 64  # room for what says that some are left out
    for line in reversed(ordered):
        left -= _bytes(line.event)
        if left < 0 or len(kept) == MOST_EVENTS - 1 or ordered[-1].at_ms - line.at_ms > MOST_SPAN_MS:
            break
        kept.append(line.event)
    if missing := len(ordered) - len(kept):
        words = f"machine | {missing} older lines are left out"
        kept.append({"timestamp": kept[-1]["timestamp"], "message": words})
    return kept[::-1]


def _bytes(event: LogEvent) -> int:
    return len(event["message"].encode()) + OVERHEAD_BYTES


def _with_unit(unit: str, text: str) -> str:
    """A line of ours is JSON and stays so, or no query of the logs would know its ids; of others the unit comes first.

    >>> _with_unit("foreverus-worker", '{"level": "INFO"}'), _with_unit("foreverus-engine", "loading")
    ('{"unit": "foreverus-worker", "level": "INFO"}', 'foreverus-engine | loading')
    """
    if text.startswith("{"):
        try:
            line = json.dumps({"unit": unit, **json.loads(text)})
        except (ValueError, TypeError, RecursionError):
            line = ""
        if 0 < len(line) <= MOST_EVENT_BYTES - OVERHEAD_BYTES:  # ASCII
            return line
    return _bounded(f"{unit} | {text}")


def _bounded(text: str) -> str:
    room = MOST_EVENT_BYTES - OVERHEAD_BYTES
    data = text.encode()
    if len(data) <= room:
        return text
    return data[: room - len(CUT.encode())].decode(errors="ignore") + CUT


class CommandLine:
    """The AWS CLI, with the two calls of a CloudWatch Logs client that are needed here."""

    def create_log_stream(self, **request: Any) -> None:
        self._call("create-log-stream", request)

    def put_log_events(self, **request: Any) -> None:
        self._call("put-log-events", request)

    def _call(self, action: str, request: Mapping[str, Any]) -> None:
        command = ["aws", "logs", action, "--cli-input-json", "file:///dev/stdin"]  # an argument would be too long
        subprocess.run(command, input=json.dumps(request).encode(), check=True, stdout=subprocess.DEVNULL)  # noqa: S603


def make_client() -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError:  # the machine could not install it, and that is what its log is about
        return CommandLine()
    twice = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.client("logs", config=twice)


def send(client: Any, group: str, stream: str, events: list[LogEvent]) -> None:
    """Raises what the client raises for PutLogEvents: the stream may be there already, or may not be made by us."""
    try:
        client.create_log_stream(logGroupName=group, logStreamName=stream)
    except Exception as err:
        print(f"{stream}: {err}", file=sys.stderr)  # noqa: T201
    client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def stream_name(endpoint: str = "") -> str:
    """`<session id>/<instance id>`, from the instance's metadata (IMDSv2). Raises OSError when that does not answer."""
    base = (endpoint or METADATA).rstrip("/") + "/latest"
    hour = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    token = _read(urllib.request.Request(f"{base}/api/token", method="PUT", headers=hour))  # noqa: S310
    names = (
        _read(urllib.request.Request(f"{base}/meta-data/{path}", headers={"X-aws-ec2-metadata-token": token}))  # noqa: S310
        for path in ("tags/instance/foreverus:session", "instance-id")
    )
    return "/".join(re.sub(r"[:*\s]", "_", name) for name in names)


def _read(request: urllib.request.Request) -> str:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request, timeout=METADATA_TIMEOUT_S) as answer:
        return str(answer.read().decode().strip())


def main(group: str, journal: Iterable[str]) -> int:
    events = last_events(filter(None, map(journal_line, journal)))
    if not events:
        print("there is no log to keep", file=sys.stderr)  # noqa: T201
        return 0
    try:
        send(make_client(), group, stream_name(os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "")), events)
    except Exception as err:
        print(f"the log is not kept: {type(err).__name__}: {err}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1], sys.stdin))
