"""Log lines as JSON, each with the ids of what it is about.

On AWS the Lambda runtime writes the JSON (LoggingConfig in template.yaml), with each attribute of a record that it does
not know as a field: the ids are such attributes. Where nothing has configured logging, on the GPU instance and on a
laptop, `configure` writes lines of the same shape. Prompts and answers are never logged: tests/unit/test_logs.py.
"""

import json
import logging
import sys
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

API_REQUEST = "api_request_id"  # what API Gateway calls a request: its client was told this id
IDS = ("session_id", "batch_id", "conversation_id", API_REQUEST)
REQUEST = "aws_request_id"  # the runtime's name for the attribute; the field is requestId

_ids: ContextVar[Mapping[str, str]] = ContextVar("ids", default=MappingProxyType({}))


class AddIds(logging.Filter):
    """Gives a record the ids of its task or invocation; what it has already stays."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in _ids.get().items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


class JsonFormatter(logging.Formatter):
    """A line as the Lambda runtime writes it. Without an error's causes, as there: libraries' quote values."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "timestamp": moment.replace("+00:00", "Z"),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "requestId": getattr(record, REQUEST, None),
            **{name: getattr(record, name, None) for name in IDS},
        }
        if record.exc_info and (error := record.exc_info[1]):
            line |= {
                "errorType": type(error).__name__,
                "errorMessage": str(error),
                "stackTrace": traceback.format_tb(error.__traceback__),
                "location": f"{record.pathname}:{record.funcName}:{record.lineno}",
            }
        return json.dumps({name: value for name, value in line.items() if value})


_ADD_IDS = AddIds()


def configure() -> None:
    """Ours from INFO on, with ids. Where there is a handler, as on Lambda, it stays the only one."""
    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(JsonFormatter())
        root.addHandler(handler)
    for known in root.handlers:
        known.addFilter(_ADD_IDS)  # once, however often it is asked for
    _set_level("foreverus", logging.INFO)
    _set_level("botocore", logging.WARNING)  # else it says where it found its credentials


def _set_level(name: str, level: int) -> None:
    """Where it is another one: each setting empties what every logger of the process has looked up."""
    logger = logging.getLogger(name)
    if logger.level != level:
        logger.setLevel(level)


def start(event: Mapping[str, Any], context: Any) -> None:
    """A Lambda is called: its lines have the ids that the event names, and none of the call before."""
    configure()
    _ids.set(MappingProxyType({REQUEST: getattr(context, REQUEST, "")}))
    asked: dict[str, object] = {API_REQUEST: (event.get("requestContext") or {}).get("requestId")}
    for named in (event.get("pathParameters") or {}, event, asked):
        bind(**{name: value for name in IDS if isinstance(value := named.get(name), str)})


def bound() -> Mapping[str, str]:
    """The ids that lines of this task have."""
    return _ids.get()


def bind(**ids: str) -> None:
    """From now on the lines of this task, and of those that it starts, have these ids too. Raises ValueError for a
    name that is not one of IDS: nothing else becomes a field by accident."""
    if unknown := ids.keys() - set(IDS):
        raise ValueError(f"not ids of a log line: {', '.join(sorted(unknown))}")
    _ids.set(MappingProxyType({**_ids.get(), **ids}))
