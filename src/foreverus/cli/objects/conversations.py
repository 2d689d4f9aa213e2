"""Of conversations and their messages."""

from typing import TypedDict

from foreverus.cli.objects.sessions import ErrorObject, SessionObject


class ConversationObject(TypedDict, total=False):
    id: str
    title: str
    system: str
    backend: str | None
    created_at: str
    updated_at: str


class MessageTokens(TypedDict, total=False):
    prompt_tokens: int
    completion_tokens: int


class ChoiceObject(TypedDict, total=False):
    """Why a backend was chosen. `numbers`: what was reckoned with."""

    backend: str
    reason: str
    text: str
    numbers: dict[str, float | str | bool]


class SourceObject(TypedDict, total=False):
    """A passage that an answer was given. `page`: 0 where its document has none; `start`: a character."""

    number: int
    document_id: str
    page: int
    start: int


class SourcesObject(TypedDict, total=False):
    """`why`: none was found."""

    found: list[SourceObject]
    why: str | None


class HeadingObject(TypedDict):
    """`start`: the first character that stands under it; an empty text: under none."""

    start: int
    text: str


class DocumentObject(TypedDict, total=False):
    """`headings`: of one that was asked for by itself."""

    id: str
    filename: str
    characters: int | None
    has_headings: bool
    headings: list[HeadingObject]


class MessageObject(TypedDict, total=False):
    """A question or an answer; `content` is None in a frame that cannot hold it."""

    id: str
    role: str
    in_reply_to: str
    content: str | None
    status: str
    created_at: str
    session_id: str
    usage: MessageTokens
    finish_reason: str
    backend: str
    choice: ChoiceObject
    moved_from: str
    trimmed_messages: int
    memories: int
    sources: SourcesObject | None
    cost_usd: float
    error: ErrorObject


class MessageRequest(TypedDict, total=False):
    content: str
    images: list[str]
    backend: str
    max_tokens: int
    temperature: float


class AcceptedObject(TypedDict):
    message: MessageObject
    answer: MessageObject
    session: SessionObject | None
