"""From a conversation's messages to the prompt that its next answer is made from. Pure.

How many tokens the earlier turns have is known from the answers' own counts (conversations/history.py). Of what is new
we estimate, so that a long conversation fits at the first try, and when the engine still refuses, `shorter` drops more
of the oldest turns until only the question is left.

The answer's limit takes nothing away from the history: room for an ordinary answer is kept beside it, whatever the
limit, and a longer one ends where the context does. How many messages were left out is told with the answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from foreverus.backends.port import Message, Prompt
from foreverus.conversations.history import Exchange, Held, estimate, turns_tokens
from foreverus.conversations.passages import records as quoting
from foreverus.conversations.records import STOPPED, Answer, AnswerStatus, FinishedAnswer, Question
from foreverus.conversations.remembered.records import BUDGET_TOKENS, Memory, count, given, remembering, without
from foreverus.conversations.shown import noted
from foreverus.documents.records import BUDGET_TOKENS as PASSAGES_TOKENS
from foreverus.documents.records import PassagesFound
from foreverus.documents.sources import Sources

# Without any system message small models babble, and Mistral's own template has none to fall back on.
DEFAULT_SYSTEM = "You are a helpful assistant. Answer in the language of the question."
DEFAULT_ANSWER_TOKENS = 1024  # an answer's limit when the question names none, and the room that is kept for it
MAX_BYTES_PER_CONTEXT_TOKEN = 8  # no more history than this is read: it could not fit
MIN_ANSWER_TOKENS = 64  # an answer that the context's end cuts off before goes on with fewer of the oldest turns


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation up to one question, as the table has it."""

    question: Question | None
    answer: Answer | None
    earlier: tuple[Exchange, ...]  # oldest first; only what was answered: a failed question would fail the next too
    unread: int = 0  # at least so many messages before these: of what could not fit none but the next turn is read
    memories: tuple[Memory, ...] = ()  # what its person wants remembered in it
    found: PassagesFound | None = None  # in their documents; None: nobody looked

    @property
    def is_final(self) -> bool:
        return self.answer is not None and self.answer.status.is_final

    @property
    def shows_images(self) -> bool:
        return any(one.images for one in (self.question, *self.earlier) if one)

    @property
    def stop_requested(self) -> bool:
        """No more of the answer is wanted: it ends with what there is."""
        return self.answer is not None and self.answer.stop_requested

    @property
    def partial(self) -> str:
        """What an earlier worker wrote before it had to hand the message back."""
        return "" if self.answer is None or self.is_final else self.answer.content

    @property
    def partial_tokens(self) -> int:
        """About how many tokens `partial` has: one for each delta that made it."""
        return self.answer.partial_tokens if self.answer and self.partial else 0

    @property
    def partial_sources(self) -> Sources | None:
        """What `partial` was made of."""
        return self.answer.sources if self.answer and self.partial else None

    @property
    def counted_tokens(self) -> int:
        """How many of them the sessions that spent them have on their account."""
        return self.answer.counted_tokens if self.answer else 0

    @property
    def engine_failures(self) -> int:
        """How many engines have died under the answer."""
        return self.answer.engine_failures if self.answer else 0

    def stopped(self, session_id: str = "") -> FinishedAnswer:
        """The end of an answer that is to be stopped and that nobody has in hand: what there is of it."""
        return FinishedAnswer(
            self.partial,
            finish_reason=STOPPED,
            earlier_tokens=self.partial_tokens,
            uncounted_tokens=self.uncounted_by(session_id),
            sources=self.partial_sources,
        )

    def uncounted_by(self, session_id: str) -> int:
        """Tokens of `partial` from a GPU of this session that was lost before it could count them."""
        ours = self.answer is not None and self.answer.session_id == session_id
        return max(0, self.partial_tokens - self.counted_tokens) if ours else 0


def read_thread(newest_first: Iterable[Question | Answer], message_id: str, most_bytes: int) -> Thread:
    """Sorts out a conversation's messages, newest first, from this question's answer back to its first message. What a
    later question took the place of is passed over.

    Reads no further than `most_bytes` of answered turns: more would never fit the context.
    """
    question: Question | None = None
    answer: Answer | None = None
    reply: Answer | None = None  # an earlier answer whose question comes next
    earlier: list[Exchange] = []
    size = unread = 0
    edge = ""  # from here on, up to what was read already, there are earlier versions
    for message in newest_first:
        hidden = bool(edge) and message.message_id >= edge
        if isinstance(message, Question) and message.replaces:
            edge = min(edge or message.replaces, message.replaces)
        if hidden:
            continue
        if isinstance(message, Answer):
            if message.message_id == message_id:
                answer = message
            else:
                reply = message
        elif message.message_id == message_id:
            question = message
        elif reply and reply.message_id == message.message_id and _is_a_turn(reply):
            exchange = Exchange(message.content, reply.content, reply.counted, reply.held, message.images)
            size += exchange.size
            if size > most_bytes:
                unread = 2
                break
            earlier.append(exchange)
    return Thread(question, answer, tuple(reversed(earlier)), unread)


def _is_a_turn(answer: Answer) -> bool:
    """An answer that was stopped before its first word would be an empty message, which Bedrock refuses."""
    return answer.status is AnswerStatus.ANSWERED and bool(answer.content.strip())


def most_history_bytes(context_tokens: int) -> int:
    """How much of a conversation is read for a prompt."""
    return context_tokens * MAX_BYTES_PER_CONTEXT_TOKEN


def build_prompt(system: str, thread: Thread, context_tokens: int) -> Prompt:
    """System message, with what its person wants remembered; as many of the newest turns as fit; the question, with
    passages of its person's documents; and the answer so far if any.

    `context_tokens` is what one conversation may hold in the engine, prompt and answer together.
    """
    if thread.question is None:
        raise ValueError("a thread without a question has no prompt")
    options = thread.question.options
    answer_tokens = options.max_tokens or min(DEFAULT_ANSWER_TOKENS, context_tokens // 2)
    frame = [
        Message("system", system or DEFAULT_SYSTEM),
        Message("user", noted(thread.question.content, thread.question.images)),
    ]
    if thread.partial:
        frame.append(Message("assistant", thread.partial))
    kept = min(answer_tokens, DEFAULT_ANSWER_TOKENS, context_tokens // 2)
    room = context_tokens - kept - sum(map(estimate, frame))
    if memories := given(thread.memories, min(BUDGET_TOKENS, room)):  # a question never fails for them
        room += estimate(frame[0])
        frame[0] = Message("system", remembering(frame[0].content, memories))
        room -= estimate(frame[0])
    if cited := quoting.fitting(_cited(thread), min(PASSAGES_TOKENS, room)):
        room += estimate(frame[1])
        frame[1] = Message("user", quoting.quoting(frame[1].content, cited))
        room -= estimate(frame[1])
    fit = sum(tokens <= room for tokens in turns_tokens(thread.earlier)[1:])
    turns = [message for one in thread.earlier[len(thread.earlier) - fit :] for message in one.messages]
    most = max(1, answer_tokens - thread.partial_tokens)
    return Prompt((frame[0], *turns, *frame[1:]), most, options.temperature)


def shorter(prompt: Prompt) -> Prompt | None:
    """The same prompt without the older half of its earlier turns, then without passages of documents, at last without
    what is remembered; None when nothing is left to drop."""
    tail = 2 if prompt.continues else 1
    turns = prompt.messages[1:-tail]
    if not turns:
        question = prompt.messages[-tail]
        if cited_in(prompt):
            bare = replace(question, content=quoting.without(question.content))
            return replace(prompt, messages=(*prompt.messages[:-tail], bare, *prompt.messages[-tail:][1:]))
        bare = Message("system", without(prompt.messages[0].content))
        return replace(prompt, messages=(bare, *prompt.messages[1:])) if remembered(prompt) else None
    kept = turns[(len(turns) // 2 + 1) // 2 * 2 :]
    messages = (prompt.messages[0], *kept, *prompt.messages[-tail:])
    return Prompt(messages, prompt.max_tokens, prompt.temperature)


def remembered(prompt: Prompt) -> int:
    """How many memories its system message holds."""
    return count(prompt.messages[0].content)


def cited_in(prompt: Prompt) -> int:
    """How many passages of documents stand before its question."""
    return quoting.count(prompt.messages[-2 if prompt.continues else -1].content)


def sources_of(thread: Thread, prompt: Prompt) -> Sources | None:
    """Of an answer that was made from the thread's prompt. None: nobody looked for any."""
    if thread.found is None:
        return thread.partial_sources
    given = _cited(thread)[: cited_in(prompt)]
    return quoting.sources(given, quoting.why_none(thread.found), thread.partial_sources)


def _cited(thread: Thread) -> list[quoting.Cited]:
    return quoting.numbered(thread.found, thread.partial_sources) if thread.found else []


def held_by(prompt: Prompt) -> Held | None:
    """What a whole answer was made from. None: of one that was continued the backend has counted a part twice, and
    passages are no part of the history."""
    return (
        None
        if prompt.continues or cited_in(prompt)
        else Held(len(prompt.messages) // 2 - 1, estimate(prompt.messages[0]))
    )


def trimmed_messages(thread: Thread, prompt: Prompt) -> int:
    """How many of the conversation's answered messages the prompt does not hold, at least."""
    turns = len(prompt.messages) - (3 if prompt.continues else 2)
    return max(0, 2 * len(thread.earlier) - turns) + thread.unread
