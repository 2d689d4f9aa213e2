"""What accepting a question writes beside it."""

from dataclasses import replace

from foreverus.aws import keys
from foreverus.aws.dynamo import Write, put_write, update_write
from foreverus.conversations.records import Conversation, Question
from foreverus.conversations.titles import first_words


def sent_write(question: Question, read: Conversation | None) -> Write:
    """The part of a transaction with which the conversation has this as its newest message."""
    condition, values = "attribute_exists(pk)", {":now": question.created_at, ":id": question.message_id, ":one": 1}
    if read and read.version:
        condition, values = "version = :version", {**values, ":version": read.version}
    elif read:
        condition += " AND attribute_not_exists(version)"
    more = ", has_versions = :yes" if question.replaces else ""
    more += ", has_images = :yes" if question.images else ""
    if more:
        values = {**values, ":yes": True}
    if not (read and read.newest_message_id):
        more += ", first_words = if_not_exists(first_words, :words)"
        values = {**values, ":words": first_words(question.content)}
    return update_write(
        keys.conversation_key(question.user_id, question.conversation_id),
        f"SET updated_at = :now, newest_message_id = :id{more} ADD version :one",
        values,
        condition=condition,
    )


def begun_with(conversation: Conversation, question: Question) -> Conversation:
    """What `sent_write` makes of one without messages: for who has just kept the first one."""
    words = conversation.first_words or first_words(question.content)
    return replace(
        conversation, updated_at=question.created_at, newest_message_id=question.message_id, first_words=words
    )


def replacement_write(question: Question) -> Write:
    """The part of a transaction with which a question takes another one's place."""
    key = keys.replacement_key(question.conversation_id, question.message_id)
    return put_write({**key, "message_id": question.message_id, "replaced": question.replaces})
