"""Conversations, questions and answers as the table holds them, and what becomes of an answer. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum

from foreverus import ids
from foreverus.backends.port import MOST_ANSWER_BYTES, BackendName, TokenUsage
from foreverus.choice.request_records import KeptChoice
from foreverus.conversations.history import Held
from foreverus.conversations.shown import ShownImage
from foreverus.costs.money import exact
from foreverus.costs.prices import TokenPrice
from foreverus.costs.usage.records import UsageKind, Used, UsedService
from foreverus.documents.sources import Sources
from foreverus.sessions.pending import PendingMessage
from foreverus.text import beginning


class Role(StrEnum):
    USER = "user"
    ASSISTANT = "assistant"


STOPPED = "stopped"  # the finish_reason of an answer that its reader has stopped


class AnswerStatus(StrEnum):
    QUEUED = "queued"  # nothing of it is stored yet
    ANSWERING = "answering"  # there is partial text
    ANSWERED = "answered"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        return self in (AnswerStatus.ANSWERED, AnswerStatus.FAILED)


@dataclass(frozen=True, slots=True)
class MessageRef:
    """Which message: what queues carry."""

    message_id: str
    conversation_id: str
    user_id: str

    @classmethod
    def of(cls, waiting: PendingMessage) -> "MessageRef":
        return cls(waiting.message_id, waiting.conversation_id, waiting.user_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOptions:
    """What is asked of an answer, by its sender or by the conversation's settings; None: not said."""

    max_tokens: int | None = None
    temperature: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    conversation_id: str
    user_id: str
    title: str = ""  # its person's own
    first_words: str = ""  # of its first question: shown until it has a title
    system: str = ""
    created_at: str = ""
    updated_at: str = ""
    backend: BackendName | None = None  # where a message does not say; None: as the person prefers
    options: AnswerOptions = AnswerOptions()  # the same; None: our default
    version: int = 0  # one more with each message that is accepted or moves to the other backend
    has_versions: bool = False  # some question took the place of another
    has_images: bool = False  # some question showed one
    newest_message_id: str = ""  # empty where none was sent, or it was before this was kept
    pinned: bool = False  # its person wants it at the top of the list
    memories: bool = True  # its answers know what its person wants remembered
    documents: bool = True  # passages of its person's documents stand in its prompts


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    message_id: str
    conversation_id: str
    user_id: str
    content: str
    created_at: str
    options: AnswerOptions = AnswerOptions()  # None: as the conversation is set
    choice: KeptChoice | None = None
    replaces: str = ""  # the id of the question whose place it took (conversations/versions.py)
    version: int = 1  # which one it is of those that stood in its place
    images: tuple[ShownImage, ...] = ()  # beside the words
    moved_from: BackendName | None = None  # it went to the other backend: told with one answer of a conversation

    @property
    def ref(self) -> MessageRef:
        return MessageRef(self.message_id, self.conversation_id, self.user_id)


@dataclass(frozen=True, slots=True)
class AnswerError:
    """Why there is no whole answer. `message` is for its reader."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The one answer to a question, as far as it is stored.

    While it is written, `partial_tokens` are those of `content`, `counted_tokens` how many of them have been added to
    the sessions that spent them, and `engine_failures` how many engines have died under it. `stop_requested`: whoever
    has it in hand, or gets it next, ends it with what there is.
    """

    message_id: str
    conversation_id: str
    status: AnswerStatus
    content: str = ""
    session_id: str = ""
    answered_at: str = ""
    usage: TokenUsage | None = None
    finish_reason: str = ""
    backend: BackendName | None = None
    error: AnswerError | None = None
    partial_tokens: int = 0
    counted_tokens: int = 0
    partial_prompt_tokens: int = 0  # what Bedrock was asked for `content` and for what was given up before, by estimate
    engine_failures: int = 0
    stop_requested: bool = False
    trimmed_messages: int = 0  # earlier ones that it was made without, for they did not fit the context
    memories: int = 0  # that it was given
    sources: Sources | None = None  # passages that it was given; None: nobody looked for any
    imported_from: str = ""  # where it comes from, if nobody here wrote it: `chatgpt` or `foreverus`
    held: Held | None = None
    cost_usd: float | None = None  # what Bedrock took for it; None: a GPU wrote it, or nobody knows the price
    choice: KeptChoice | None = None

    def begun_on_bedrock(self, price: TokenPrice) -> "BedrockCharge | None":
        """What the calls took that were killed with their function, as far as it was kept. None: there were none."""
        if self.session_id or not self.partial_tokens or self.status.is_final:
            return None
        return BedrockCharge.at(price, self.partial_prompt_tokens, self.partial_tokens)

    @property
    def counted(self) -> int:
        """Tokens of the prompt and the answer, where the backend has counted both exactly; else 0."""
        return self.usage.total_tokens if self.held and self.usage else 0


@dataclass(frozen=True, slots=True)
class PartialAnswer:
    """What there is of an answer that is still written, or handed back."""

    text: str
    tokens: int  # of the whole text
    spent: int = 0  # of them by this session, and counted nowhere yet
    counted: int = 0  # the answer's `counted_tokens` when it was read
    engine_failures: int = 0  # added to the number of engines that died under this answer
    prompt_tokens: int = 0  # of Bedrock's calls for it so far, by estimate: what a killed one took
    sources: Sources | None = None  # what it was made of: who continues it gives each its number

    @property
    def used(self) -> Used:
        return Used(service=UsedService.GPU, kind=UsageKind.CHAT, completion_tokens=self.spent)


@dataclass(frozen=True, slots=True)
class BedrockCharge:
    """What Bedrock takes for an answer. `usd`: where the price is not known, what a guard reckons with."""

    prompt_tokens: int
    completion_tokens: int
    usd: float
    price_known: bool = True

    @classmethod
    def at(cls, price: TokenPrice, prompt_tokens: int, completion_tokens: int) -> "BedrockCharge":
        tokens = prompt_tokens, completion_tokens
        return cls(*tokens, price.guard_usd(*tokens), price.usd(*tokens) is not None)

    def __add__(self, other: "BedrockCharge") -> "BedrockCharge":
        return BedrockCharge(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.usd + other.usd,
            self.price_known and other.price_known,
        )

    def used(self, messages: int = 0) -> Used:
        return Used(
            service=UsedService.BEDROCK,
            kind=UsageKind.CHAT,
            messages=messages,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            usd=exact(self.usd),
        )


@dataclass(frozen=True, slots=True)
class FinishedAnswer:
    """What a session makes of a message in the end: a whole answer, or an error. Tokens are those that it spent. One of
    more than MOST_ANSWER_BYTES is cut there."""

    content: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish_reason: str = ""
    earlier_tokens: int = 0  # of the completion, spent by earlier sessions or GPUs
    uncounted_tokens: int = 0  # of the earlier ones: spent by this session on a lost GPU, and counted nowhere yet
    error: AnswerError | None = None
    charge: BedrockCharge | None = None  # of one that Bedrock wrote, and no GPU of ours
    trimmed_messages: int = 0
    memories: int = 0
    sources: Sources | None = None
    held: Held | None = None
    choice: KeptChoice | None = None  # the question's

    def __post_init__(self) -> None:
        content = beginning(self.content, MOST_ANSWER_BYTES)
        if content != self.content:
            object.__setattr__(self, "content", content)
            object.__setattr__(self, "finish_reason", "length")

    @property
    def used(self) -> Used:
        """What its session spent on it and is counted nowhere yet."""
        return Used(
            service=UsedService.GPU,
            kind=UsageKind.CHAT,
            messages=1,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens + self.uncounted_tokens,
        )

    def record(self, message: MessageRef, session_id: str, now: datetime) -> Answer:
        """The answer as it is stored."""
        return Answer(
            message_id=message.message_id,
            conversation_id=message.conversation_id,
            status=AnswerStatus.FAILED if self.error else AnswerStatus.ANSWERED,
            content=self.content,
            session_id=session_id,
            answered_at=ids.timestamp(now),
            usage=TokenUsage(
                prompt_tokens=self.prompt_tokens, completion_tokens=self.completion_tokens + self.earlier_tokens
            ),
            finish_reason=self.finish_reason,
            backend=BackendName.BEDROCK if self.charge else None,
            error=self.error,
            trimmed_messages=self.trimmed_messages,
            memories=self.memories,
            sources=self.sources,
            held=self.held,
            cost_usd=self.charge.usd if self.charge and self.charge.price_known else None,
            choice=self.choice,
        )


@dataclass(frozen=True, slots=True)
class Title:
    """What the model calls a conversation (empty: nothing), and what that has taken."""

    text: str
    prompt_tokens: int
    completion_tokens: int

    @property
    def used(self) -> Used:
        return Used(
            service=UsedService.GPU,
            kind=UsageKind.CHAT,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
        )


class Saved(Enum):
    """What came of saving an answer."""

    SAVED = "saved"
    DUPLICATE = "duplicate"  # there already is a final answer: nothing was changed
    DELETED = "deleted"  # the conversation is gone: nothing was saved
    MOVED = "moved"  # it waits for another backend: nothing was saved
