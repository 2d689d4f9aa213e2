"""A conversation's own settings: what its next answers are made with, where a message does not say otherwise. Pure.

Both backends read them when they begin an answer, with the system prompt. So a message that waits is answered by the
settings as they are then, and asking again follows a change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from foreverus.backends.port import BackendName, Prompt
from foreverus.backends.tokens import cannot_fit
from foreverus.choice.abilities import cannot
from foreverus.conversations.prompt import Thread
from foreverus.conversations.records import AnswerOptions, Conversation
from foreverus.conversations.remembered.records import Memory
from foreverus.documents.records import PassagesFound
from foreverus.errors import InvalidRequest

SETTINGS = frozenset({"system", "backend", "temperature", "max_tokens"})


def options_in(conversation: Conversation, named: AnswerOptions) -> AnswerOptions:
    """`named`: what the message says.

    >>> quiet = Conversation(conversation_id="c", user_id="u", options=AnswerOptions(max_tokens=9, temperature=0.0))
    >>> options_in(quiet, AnswerOptions(max_tokens=5))
    AnswerOptions(max_tokens=5, temperature=0.0)
    """
    own = conversation.options
    return AnswerOptions(
        max_tokens=own.max_tokens if named.max_tokens is None else named.max_tokens,
        temperature=own.temperature if named.temperature is None else named.temperature,
    )


def as_set(
    conversation: Conversation, thread: Thread, memories: Sequence[Memory] = (), found: PassagesFound | None = None
) -> Thread:
    """The thread whose question asks for what the conversation is set to, where it does not say; with what its person
    wants remembered (`memories`), where the conversation is not set to know nothing of it, and with what was `found`
    in their documents."""
    if thread.question is None:
        return thread
    options = options_in(conversation, thread.question.options)
    known = tuple(memories) if conversation.memories else ()
    return replace(thread, question=replace(thread.question, options=options), memories=known, found=found)


def changed(conversation: Conversation, changes: Mapping[str, Any]) -> Conversation:
    """With other settings: what is not named stays, and null takes one back. `changes` fits its schema."""
    backend = changes.get("backend", conversation.backend)
    own = conversation.options
    return replace(
        conversation,
        system=changes.get("system", conversation.system) or "",
        memories=changes.get("memories", conversation.memories) is not False,
        documents=changes.get("documents", conversation.documents) is not False,
        backend=BackendName(backend) if backend else None,
        options=AnswerOptions(
            max_tokens=changes.get("max_tokens", own.max_tokens),
            temperature=changes.get("temperature", own.temperature),
        ),
    )


def check_settings(conversation: Conversation, changes: Mapping[str, Any], context_tokens: int) -> None:
    """Raises InvalidRequest for settings with which no message could be answered: a system prompt that leaves no room,
    a temperature that the backend does not take. `changes`: those that are new, one of which is named."""
    if changes.get("system") and (least := cannot_fit([conversation.system], context_tokens)):
        holds = f"the model's context holds {context_tokens:,}, with the question and the answer"
        raise InvalidRequest(
            f"The system prompt has at least {least:,} tokens; {holds}. Shorten it.",
            param="system",
            code="context_length_exceeded",
        )
    temperature = conversation.options.temperature
    is_new = conversation.backend is BackendName.BEDROCK and changes.keys() & {"backend", "temperature"}
    if is_new and (lacks := cannot(BackendName.BEDROCK, Prompt((), temperature=temperature))):
        raise InvalidRequest(
            f"Bedrock takes a temperature from 0 to 1, not {temperature:g}: lower it, or choose backend 'gpu' or "
            "'auto'.",
            param="temperature" if changes.get("temperature") is not None else "backend",
            code=lacks.code,
        )
