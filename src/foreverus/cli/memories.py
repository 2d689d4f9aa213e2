"""`foreverus memory list|add|on|off|forget`: what the model is to know in all of one's conversations."""

import argparse
import json
import uuid
from collections.abc import Callable
from functools import partial

from foreverus.cli.api import Api, value_of
from foreverus.cli.context import Context, printable
from foreverus.cli.failures import COMPLETED

NO_ROOM = "It is kept, and not read: newer ones take all the room. foreverus memory list"
MemoryCommand = Callable[[argparse.Namespace, Api, Context], int]


def list_memories(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    """One a line, newest first: id, whether it is read, text, the conversation that it came from."""
    found = api.call("GET", "/memories")
    if arguments.json:
        context.result(json.dumps(found, ensure_ascii=False))
        return COMPLETED
    memories = value_of(found, "data")
    for one in memories:
        state = "on" if one.get("in_use") else "no room" if one.get("enabled") else "off"
        said = f"{printable(str(one['id']))}  {state:7}  {printable(str(one['text']))}"
        context.result(said + _came_from(one.get("conversation")))
    used, most = found.get("used_tokens"), found.get("budget_tokens")
    context.say(f"{used} of {most} tokens in each question." if memories else "Nothing is remembered.")
    return COMPLETED


def add(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    """The standard output is the memory's id. All tries of it make one."""
    made = api.call("POST", "/memories", headers={"Idempotency-Key": str(uuid.uuid4())}, json={"text": arguments.text})
    context.result(json.dumps(made, ensure_ascii=False) if arguments.json else printable(str(value_of(made, "id"))))
    if not made.get("in_use"):
        context.say(NO_ROOM)
    return COMPLETED


def turn(enabled: bool, arguments: argparse.Namespace, api: Api, context: Context) -> int:
    """One memory alone, on or off: it stays, and questions take it along or do not."""
    changed = api.call("PATCH", f"/memories/{arguments.id}", json={"enabled": enabled})
    said = f"{printable(arguments.id)} is {'on' if enabled else 'off'}"
    context.result(json.dumps(changed, ensure_ascii=False) if arguments.json else said)
    if enabled and not changed.get("in_use"):
        context.say(NO_ROOM)
    return COMPLETED


def forget(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    done = api.call("DELETE", f"/memories/{arguments.id}")
    context.result(json.dumps(done, ensure_ascii=False) if arguments.json else f"{printable(arguments.id)} forgotten")
    return COMPLETED


def _came_from(conversation: object) -> str:
    if not isinstance(conversation, dict):
        return ""
    return f"  (from {printable(str(conversation.get('title') or conversation.get('id')))})"


MEMORY_COMMANDS: dict[str, MemoryCommand] = {
    "list": list_memories,
    "add": add,
    "on": partial(turn, True),
    "off": partial(turn, False),
    "forget": forget,
}
