"""`foreverus key create|list|revoke`, whoever keeps the keys: the API, or the table by AWS credentials."""

import argparse
import json
from collections.abc import Callable
from typing import Protocol

from foreverus.cli import text
from foreverus.cli.context import Context, printable
from foreverus.cli.failures import COMPLETED, CommandFailed, Unreachable
from foreverus.cli.objects.account import KeyObject, KeyRequest, KeyRevocation


class Keys(Protocol):
    def create_key(self, body: KeyRequest) -> KeyObject:
        """The new key, with its text as `key`."""

    def keys(self) -> list[KeyObject]:
        """Newest first."""

    def revoke_key(self, key_id: str) -> KeyRevocation:
        """Raises CommandFailed where there is none."""


KeyCommand = Callable[[argparse.Namespace, Keys, Context], int]


def create(arguments: argparse.Namespace, keys: Keys, context: Context) -> int:
    """The standard output is the key alone, for scripts; what people should know goes elsewhere."""
    body: KeyRequest = {"name": arguments.name}
    if arguments.expires:
        body["expires_at"] = arguments.expires
    if arguments.can_create_keys:
        body["can_create_keys"] = True
    try:
        made = keys.create_key(body)
    except Unreachable as err:
        raise CommandFailed(
            f"{err}\nThe key may have been made, and nobody knows it: look with `foreverus key list`, and revoke it."
        ) from err
    context.result(json.dumps(made, ensure_ascii=False) if arguments.json else str(made.get("key")))
    context.say(f"{made.get('id')}, shown this once: keep it where programs find it, as in FOREVERUS_API_KEY.")
    return COMPLETED


def list_keys(arguments: argparse.Namespace, keys: Keys, context: Context) -> int:
    found = keys.keys()
    if arguments.json:
        context.result(json.dumps({"object": "list", "data": found, "has_more": False}, ensure_ascii=False))
    elif not found:
        context.say("There are no keys.")
    else:
        for line in text.key_table(found):
            context.result(line)
    return COMPLETED


def revoke(arguments: argparse.Namespace, keys: Keys, context: Context) -> int:
    done = keys.revoke_key(arguments.id)
    context.result(json.dumps(done, ensure_ascii=False) if arguments.json else f"{printable(arguments.id)} revoked")
    context.say(f"It opens nothing any more in {done.get('effective_within_seconds', 60)} seconds at the latest.")
    return COMPLETED


KEY_COMMANDS: dict[str, KeyCommand] = {"create": create, "list": list_keys, "revoke": revoke}
