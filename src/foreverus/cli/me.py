"""`foreverus me export|delete|backend`: everything of the person whose key it is, and what they prefer."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from foreverus.cli.api import Api, value_of
from foreverus.cli.argument_types import STACKS
from foreverus.cli.context import Context, printable
from foreverus.cli.display import counted
from foreverus.cli.failures import COMPLETED, FAILED, Unreachable, UsageError
from foreverus.cli.objects.account import ErasureObject, ExportObject

CONFIRMATION = "delete everything"
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 60.0
CHUNK_BYTES = 1 << 18

MeCommand = Callable[[argparse.Namespace, Api, Context], int]


def export(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    """Waits until it is made, and fetches it. The standard output is the file's name."""
    found, pause = api.export(anew=arguments.new), FIRST_PAUSE_S
    if found.get("status") == "running":
        context.say("Everything of yours is put together. That takes minutes; Ctrl-C loses nothing, ask again later.")
    while found.get("status") == "running":
        context.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)
        found = api.export(anew=False)
    if found.get("status") != "ready":
        context.say(
            "The export failed. Ask for it again; if it fails again, whoever owns the stack finds why in its log."
        )
        return FAILED
    target = arguments.output or context.folder / f"forever-us-{str(value_of(found, 'created_at'))[:10]}.zip"
    _fetch(api, found, target, context)
    context.result(json.dumps(found, ensure_ascii=False) if arguments.json else printable(str(target)))
    return COMPLETED


def _fetch(api: Api, found: ExportObject, target: Path, context: Context) -> None:
    """All of it, or nothing under that name; readable by its owner alone. Raises UsageError."""
    size, part = int(value_of(found, "bytes")), target.with_name(target.name + ".part")
    try:
        part.touch(mode=0o600)
        with counted(context, "Downloading", size) as count:

            def receive() -> None:
                with api.at(str(value_of(found, "url"))) as response, part.open("wb") as file:
                    for chunk in count(response.iter_bytes(CHUNK_BYTES)):
                        file.write(chunk)
                    if file.tell() != size:
                        raise Unreachable(f"{file.tell()} of {size} bytes arrived")

            api.again(receive)
        part.replace(target)
    except OSError as err:
        raise UsageError(f"{printable(str(target))} cannot be written: {err.strerror or err}.") from err
    finally:
        part.unlink(missing_ok=True)


def delete(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    """Asks for the words, unless they were given. The standard output is the receipt's id."""
    words = arguments.confirm
    if words is None:
        context.say("This deletes your conversations, files, batches, keys and your sign-in, for good.")
        context.say(f"To have a copy first: foreverus me export. To go on, type: {CONFIRMATION}")
        words = context.input.readline().decode("utf-8", "replace")
    if words.strip() != CONFIRMATION:
        raise UsageError(f"Nothing was deleted: the words are {CONFIRMATION!r}.")
    done = api.delete_account(CONFIRMATION)
    context.result(json.dumps(done, ensure_ascii=False) if arguments.json else str(value_of(done, "id")))
    for line in _told(done):
        context.say(printable(line))
    return COMPLETED


def _told(done: ErasureObject) -> list[str]:
    kept = [f"  {one['where']}: {one['what']}, {one['days']} days" for one in done.get("kept", [])]
    return ["It has begun, and is done within minutes. Keep the receipt's id. What goes by itself:", *kept]


def backend(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    """Shows who answers where neither a message nor its conversation says, or changes it."""
    if arguments.name:
        wanted = None if arguments.name == STACKS else arguments.name
        found = api.call("PATCH", "/me", json={"backend": wanted})
    else:
        found = api.call("GET", "/me")
    own, stacks = found.get("backend"), found.get("default_backend")
    said = str(own) if own else f"{stacks} (as the stack is set)"
    context.result(json.dumps(found, ensure_ascii=False) if arguments.json else printable(said))
    return COMPLETED


ME_COMMANDS: dict[str, MeCommand] = {"export": export, "delete": delete, "backend": backend}
