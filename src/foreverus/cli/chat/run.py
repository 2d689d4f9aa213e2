"""`foreverus chat`: a talk at the terminal, or one question whose answer goes down a pipe."""

import argparse
import json

from foreverus.cli.api import Api
from foreverus.cli.chat import words
from foreverus.cli.chat.attached import read_images
from foreverus.cli.chat.calls import ChatCalls
from foreverus.cli.chat.conversation import Chat
from foreverus.cli.chat.reading import TypedInput, piped
from foreverus.cli.chat.talk import talk
from foreverus.cli.context import Context
from foreverus.cli.failures import COMPLETED, UsageError

MOST_BYTES = 300_000  # of a message, as the API takes it
LISTED = 20


def chat(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    """The exit status: 0 answered, 1 the answer failed, 130 stopped by Ctrl-C."""
    if arguments.list:
        return _list(arguments, api, context)
    text = " ".join(arguments.text)
    if not context.input.isatty():
        text = "\n\n".join(part for part in (text, piped(context, MOST_BYTES).strip("\n")) if part)
        if not (text.strip() or arguments.image):
            raise UsageError('There is nothing to ask: give a text, as in foreverus chat "Why is the sky blue?"')
    images = read_images(arguments.image, context)
    if text or not context.input.isatty():
        return _one(Chat(arguments, api, context, images=images), text)
    if arguments.json:
        raise UsageError("--json is for one question: give it, or pipe it in.")
    return talk(Chat(arguments, api, context, TypedInput(context), images=images))


def _one(one: Chat, text: str) -> int:
    if one.arguments.resume:
        one.resume(one.arguments.resume)
    try:
        return one.ask(text)
    finally:
        one.line.close()
        if one.arguments.forget and one.conversation_id and not one.arguments.resume:
            one.chats.delete(one.conversation_id)


def _list(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    found = ChatCalls(api).newest()
    if arguments.json:
        context.result(json.dumps({"object": "list", "data": found}, ensure_ascii=False))
    elif not found:
        context.say("There are no conversations.")
    else:
        newest = sorted(found, key=lambda one: str(one.get("updated_at")), reverse=True)[:LISTED]
        for line in words.conversation_table(newest):
            context.result(line)
    return COMPLETED
