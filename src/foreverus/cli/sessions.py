"""`foreverus session work|end`: switching a GPU off, with open eyes."""

import argparse
import json
from collections.abc import Callable
from typing import Protocol

from foreverus.cli.context import Context, printable
from foreverus.cli.failures import COMPLETED, CommandFailed, UsageError
from foreverus.cli.objects import SessionObject, WorkObject


class Sessions(Protocol):
    def live_session(self) -> str | None:
        """The id of a session that is live; None: there is none."""

    def session_work(self, session_id: str) -> WorkObject:
        """What is in work, and what comes of it. Raises CommandFailed where there is no such session."""

    def end_session(self, session_id: str) -> SessionObject:
        """Raises CommandFailed where it is refused."""


SessionCommand = Callable[[argparse.Namespace, Sessions, Context], int]


def show_work(arguments: argparse.Namespace, sessions: Sessions, context: Context) -> int:
    work = sessions.session_work(_session(arguments, sessions))
    for line in [json.dumps(work, ensure_ascii=False)] if arguments.json else in_words(work):
        context.result(line)
    return COMPLETED


def end(arguments: argparse.Namespace, sessions: Sessions, context: Context) -> int:
    """Says what is in work, and asks; --yes asks nothing."""
    session_id = _session(arguments, sessions)
    for line in in_words(sessions.session_work(session_id)):
        context.say(line)
    if not arguments.yes and not _wanted(session_id, context):
        context.say("It stays on.")
        return COMPLETED
    ended = sessions.end_session(session_id)
    context.result(json.dumps(ended, ensure_ascii=False) if arguments.json else f"{printable(session_id)} is ending")
    return COMPLETED


def in_words(work: WorkObject) -> list[str]:
    """A line for each batch, and for the messages; what comes of them when the session is ended.

    >>> in_words({"session_id": "ses_1", "messages": {"yours": 0, "of_others": 0}, "batches": []})
    ['Nothing waits.']
    """
    lines = []
    for one in work["batches"]:
        whose = {"you": "your", "schedule": "the schedule's"}.get(one["owner"], "somebody else's")
        named = f" {printable(one['id'])}" if one["id"] else ""
        then = "goes on later, or on Bedrock" if one["goes_on"] else "ends with the GPU"
        lines.append(f"{whose} batch{named}: {one['lines_left']} of {one['lines']} lines left; it {then}")
    own, others = work["messages"]["yours"], work["messages"]["of_others"]
    if own or others:
        lines.append(f"messages without an answer: {own} of yours, {others} of others; what is not answered then fails")
    return lines or ["Nothing waits."]


def _session(arguments: argparse.Namespace, sessions: Sessions) -> str:
    session_id = arguments.id or sessions.live_session()
    if not session_id:
        raise CommandFailed("No GPU is on.")
    return str(session_id)


def _wanted(session_id: str, context: Context) -> bool:
    if not context.interactive:
        raise UsageError("Nobody can be asked here: --yes switches it off all the same. Nothing was ended.")
    context.err.write(f"Switch off the GPU ({printable(session_id)})? [y/N] ")
    context.err.flush()
    return context.input.readline().strip().lower() in (b"y", b"yes", b"s", b"sim")


SESSION_COMMANDS: dict[str, SessionCommand] = {"work": show_work, "end": end}
