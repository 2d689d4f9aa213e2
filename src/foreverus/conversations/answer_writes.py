"""Parts of transactions that keep an answer, or a title, each with the condition that makes it be kept once."""

from foreverus.aws import keys
from foreverus.aws.dynamo import Values, Write, check_write, put_write, update_write
from foreverus.conversations.items import final_attributes
from foreverus.conversations.records import (
    Answer,
    AnswerStatus,
    MessageRef,
    PartialAnswer,
)
from foreverus.documents.sources import sources_to_item

_COUNTS = ("partial_tokens", "partial_prompt_tokens", "counted_tokens", "engine_failures")
_OF_PARTS = (*_COUNTS, "stop_requested", "sources")
_NOT_FINAL = "attribute_not_exists(#status) OR NOT #status IN (:answered, :failed)"
_OPEN = f"({_NOT_FINAL}) AND attribute_not_exists(stop_requested)"
_NOT_COUNTED = "(attribute_not_exists(counted_tokens) OR counted_tokens = :before)"
_COUNTED_AS_BEFORE = "counted_tokens = :before"
_FINAL = {":answered": "answered", ":failed": "failed"}


def _key(message: MessageRef) -> keys.Key:
    return keys.answer_key(message.conversation_id, message.message_id)


def partial_writes(message: MessageRef, partial: PartialAnswer, session_id: str) -> tuple[Write, Write]:
    """The part of a transaction that keeps partial text, where somebody wants more of it: see `answers.py`."""
    values = _partial_attributes(message, partial, session_id)
    counted = " ADD engine_failures :f" if partial.engine_failures else ""
    failures = {":f": partial.engine_failures} if partial.engine_failures else {}
    answer = update_write(
        _key(message),
        _sets(values) + counted,
        {**_values(values), **_FINAL, **failures},
        condition=_OPEN,
        names=_names(values),
    )
    return answer, still_asked(message)


def hand_back_write(message: MessageRef, partial: PartialAnswer, session_id: str) -> Write:
    """Keeps partial text, where somebody wants more of it, and that what was spent on it is counted: once."""
    values = {**_partial_attributes(message, partial, session_id), "counted_tokens": partial.tokens}
    return update_write(
        _key(message),
        _sets(values) + " ADD engine_failures :f",
        {**_values(values), **_FINAL, ":f": partial.engine_failures, ":before": partial.counted},
        condition=f"{_OPEN} AND {_COUNTED_AS_BEFORE if partial.counted else _NOT_COUNTED}",
        names=_names(values),
    )


def stop_writes(message: MessageRef) -> tuple[Write, Write]:
    """The part of a transaction that notes that no more of a begun answer is wanted."""
    noted = update_write(
        _key(message),
        "SET stop_requested = :yes",
        {":yes": True, **_FINAL},
        condition=f"attribute_exists(pk) AND ({_NOT_FINAL})",
        names={"#status": "status"},
    )
    return noted, still_asked(message)


def unbegun_writes(message: MessageRef, answer: Answer) -> tuple[Write, Write, Write]:
    """The part of a transaction that saves the end of an answer of which nothing is stored."""
    return (
        put_write({**_key(message), **final_attributes(answer)}, "attribute_not_exists(pk)"),
        _conversation_is_there(message),
        still_asked(message),
    )


def final_writes(message: MessageRef, answer: Answer) -> tuple[Write, Write, Write]:
    """The part of a transaction that saves a final answer: where there is none yet, and its conversation and its
    question are there."""
    values = final_attributes(answer)
    gone = [name for name in _OF_PARTS if name not in values]
    return (
        update_write(
            _key(message),
            f"{_sets(values)} REMOVE {', '.join(gone)}",
            {**_values(values), **_FINAL},
            condition=_NOT_FINAL,
            names=_names(values),
        ),
        _conversation_is_there(message),
        still_asked(message),
    )


def title_writes(message: MessageRef, title: str) -> tuple[Write, Write, Write]:
    """The part of a transaction that keeps the model's title: where there is none of its yet, and what it was made
    from is there."""
    return (
        update_write(
            keys.title_key(message.conversation_id), "SET title = :title", {":title": title}, "attribute_not_exists(pk)"
        ),
        _conversation_is_there(message),
        still_asked(message),
    )


def still_asked(message: MessageRef) -> Write:
    """A deleted question gets no text any more, not a part of an answer either: nobody would find it to delete it."""
    return check_write(keys.question_key(message.conversation_id, message.message_id), "attribute_exists(pk)")


def _conversation_is_there(message: MessageRef) -> Write:
    return check_write(keys.conversation_key(message.user_id, message.conversation_id), "attribute_exists(pk)")


def _partial_attributes(message: MessageRef, partial: PartialAnswer, session_id: str) -> Values:
    return {
        "content": partial.text,
        "status": AnswerStatus.ANSWERING.value,
        "session_id": session_id,
        "partial_tokens": partial.tokens,
        "message_id": message.message_id,
        "conversation_id": message.conversation_id,
        **({"partial_prompt_tokens": partial.prompt_tokens} if partial.prompt_tokens else {}),
        **({"sources": sources_to_item(partial.sources)} if partial.sources else {}),
    }


def _sets(values: Values) -> str:
    return "SET " + ", ".join(f"#{name} = :{name}" for name in values)


def _names(values: Values) -> dict[str, str]:
    return {f"#{name}": name for name in values}


def _values(values: Values) -> dict[str, object]:
    return {f":{name}": value for name, value in values.items()}
