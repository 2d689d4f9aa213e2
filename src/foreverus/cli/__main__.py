"""`foreverus`, and `python -m foreverus.cli`: puts a command together and runs it."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from foreverus.cli import settings
from foreverus.cli.arguments import parser
from foreverus.cli.context import Context, printable
from foreverus.cli.failures import FAILED, INTERRUPTED, NOT_UTF_8, CommandFailed, UsageError
from foreverus.text import half_character

TEXTS = ("text", "system", "title", "chat", "name", "confirm", "metadata")  # of all commands


def main(words: Sequence[str] | None = None, context: Context | None = None) -> int:
    """The exit status. Wrong words end in argparse's SystemExit(2)."""
    arguments = parser().parse_args(words)
    context = context or _terminal()
    try:
        _check_texts(arguments)
        return _run(arguments, context)
    except CommandFailed as err:
        context.say(_said(err))
        return err.exit_status
    except KeyboardInterrupt:
        context.say("Stopped.")
        return INTERRUPTED
    except BrokenPipeError:  # `… | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _check_texts(arguments: argparse.Namespace) -> None:
    """Names of files may have any bytes; what is sent has characters. Raises UsageError, before anything is sent."""
    for name in TEXTS:
        given = getattr(arguments, name, None) or ()
        for one in (given,) if isinstance(given, str) else given:
            if any(half_character(text) is not None for text in ((one,) if isinstance(one, str) else one)):
                raise UsageError(NOT_UTF_8)


def _run(arguments: argparse.Namespace, context: Context) -> int:
    if arguments.group == "doctor":
        from foreverus.cli.doctor import doctor

        return doctor(arguments, context)
    if arguments.group == "erasure":
        from foreverus.cli.erasures import erasures

        return erasures(arguments, context)
    if arguments.group == "user":
        from foreverus.cli.people import remove

        return remove(arguments, context)
    if arguments.group == "completion":
        from foreverus.cli.completion import completion

        return completion(arguments, context)
    if arguments.visible_key is not None:
        raise UsageError(
            "A key in the command line can be seen by everybody on this machine, and stays in the shell's history: set "
            "FOREVERUS_API_KEY, or keep the key in a file that you alone can read (--api-key-file). If it was a real "
            "one, revoke it: `foreverus key revoke`."
        )
    if arguments.group == "key" and arguments.user:
        from foreverus.cli.owner import with_owners_keys

        return with_owners_keys(arguments, context)
    found = settings.find(arguments.url, arguments.api_key_file, context.folder)
    if found.note:
        context.say(found.note)
    from foreverus.cli.api import Api  # httpx takes a fifth of a second: not for --help

    def tried_again(what: str, pause_s: float) -> None:
        context.say(f"{printable(what)} · trying again in {pause_s:g} s")

    with Api(found, context.sleep, tried_again, context.clock) as api:
        return _command(arguments)(arguments, api, context)


def _command(arguments: argparse.Namespace) -> Callable[[argparse.Namespace, Any, Context], int]:
    """What only one of them needs is read for that one."""
    module, names = {
        "batch": ("commands", "COMMANDS"),
        "chat": ("chat.run", "chat"),
        "key": ("keys", "KEY_COMMANDS"),
        "me": ("me", "ME_COMMANDS"),
        "memory": ("memories", "MEMORY_COMMANDS"),
        "quote": ("quote", "quote"),
        "session": ("sessions", "SESSION_COMMANDS"),
        "usage": ("usage", "usage"),
    }[arguments.group]
    found = getattr(import_module(f"foreverus.cli.{module}"), names)
    return found[arguments.command] if isinstance(found, dict) else found  # type: ignore[no-any-return]


def _terminal() -> Context:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no "…" still shows the rest
    if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
        sys.stdout.reconfigure(encoding=settings.pipe_encoding())
    return Context()


def _said(err: CommandFailed) -> str:
    """Messages come from elsewhere too: only their line breaks are kept."""
    said = f"foreverus: {err}".splitlines() + ([err.fix] if err.fix else [])
    return "\n".join(printable(line) for line in said)


if __name__ == "__main__":
    sys.exit(main())
