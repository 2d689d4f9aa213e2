"""What a person sends with a message."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foreverus.backends.port import BackendName
from foreverus.conversations.records import AnswerOptions
from foreverus.conversations.stopping import question_id


@dataclass(frozen=True, slots=True)
class NewMessage:
    """`images`: ids of files. `backend`: None where nobody is named. `replaces`: the id of the question whose place it
    takes, or nothing."""

    content: str
    images: tuple[str, ...]
    options: AnswerOptions
    backend: BackendName | None
    replaces: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "NewMessage":
        """`body`: as `message_create.json` has it. A message is named by its question or its answer."""
        return cls(
            content=body["content"],
            images=tuple(body.get("images") or ()),
            options=AnswerOptions(max_tokens=body.get("max_tokens"), temperature=body.get("temperature")),
            backend=BackendName(body["backend"]) if body.get("backend") else None,
            replaces=question_id(body.get("replaces") or ""),
        )
