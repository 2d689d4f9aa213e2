"""What `operations.json` says of each route: what it is for, what it takes and what it answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

FORMS = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Described:
    """An answer: in words, its shape of `shapes.json` (or `Location`, a redirect), and its media type."""

    words: str
    shape: str
    media: str = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`path`: what each name in the path is. `query`, `body` (by media type): names of schemas in api/schemas; of a
    form, a shape. `creates`: an Idempotency-Key is read. `errors`: statuses beside those that any request may get."""

    operation_id: str
    group: str
    summary: str
    description: str = ""
    path: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    body: Mapping[str, str] = field(default_factory=dict)
    creates: bool = False
    answers: Mapping[str, Described]
    errors: Sequence[str] = ()


@cache
def operations() -> dict[str, Operation]:
    """By route (`POST /sessions`)."""
    text = (files(__package__) / "operations.json").read_text(encoding="utf-8")
    return {route: _operation(dict(said)) for route, said in json.loads(text).items()}


def _operation(said: dict[str, object]) -> Operation:
    answers = said.pop("answers")
    assert isinstance(answers, dict)
    described = {status: Described(*words) for status, words in answers.items()}
    return Operation(answers=described, **said)  # type: ignore[arg-type]  # a test reads every one
