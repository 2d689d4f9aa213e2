"""`foreverus session start|show|watch|work|end`: switching a GPU on, and off with open eyes."""

import argparse
import json
from collections.abc import Callable

from foreverus.cli.api import Api
from foreverus.cli.context import Context, printable
from foreverus.cli.failures import COMPLETED, CommandFailed, UsageError
from foreverus.cli.objects.sessions import SessionObject, SessionRequest, WorkObject
from foreverus.cli.session_watch import until_on, until_over, watch
from foreverus.cli.session_words import card

SessionCommand = Callable[[argparse.Namespace, Api, Context], int]


def start(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    """The standard output is the session's id. With --watch, until it answers."""
    body: SessionRequest = {}
    if arguments.idle:
        body["idle_seconds"] = arguments.idle
    if arguments.on_demand:
        body["allow_on_demand"] = True
    live = api.live_session()
    session = api.start_session(body)
    session_id = printable(str(session.get("id")))
    if not (arguments.json and arguments.watch):
        context.result(json.dumps(session, ensure_ascii=False) if arguments.json else session_id)
    joined = live == session.get("id")
    context.say(f"{'It is on already' if joined else 'It starts'}; to follow it: foreverus session watch {session_id}")
    return watch(api, session, context, arguments.json, until_on) if arguments.watch else COMPLETED


def show(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    """The one that is on, else the newest."""
    session = _named_or_newest(arguments, api)
    for line in [json.dumps(session, ensure_ascii=False)] if arguments.json else card(session, api.clock.now()):
        context.result(line)
    return COMPLETED


def watching(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    return watch(api, api.session(_session(arguments, api)), context, arguments.json, until_over)


def show_work(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    work = api.session_work(_session(arguments, api))
    for line in [json.dumps(work, ensure_ascii=False)] if arguments.json else in_words(work):
        context.result(line)
    return COMPLETED


def end(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    """Says what is in work, and asks; --yes asks nothing."""
    session_id = _session(arguments, api)
    for line in in_words(api.session_work(session_id)):
        context.say(line)
    if not arguments.yes and not _wanted(session_id, context):
        context.say("It stays on.")
        return COMPLETED
    ended = api.end_session(session_id)
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


def _named_or_newest(arguments: argparse.Namespace, api: Api) -> SessionObject:
    listed = [] if arguments.id else api.sessions()
    if not arguments.id and not listed:
        raise CommandFailed("There was no session yet: `foreverus session start` begins one.")
    live = next((one for one in listed if one.get("status") not in ("ended", "failed")), None)
    return api.session(arguments.id or str((live or listed[0])["id"]))


def _session(arguments: argparse.Namespace, api: Api) -> str:
    session_id = arguments.id or api.live_session()
    if not session_id:
        raise CommandFailed("No GPU is on. `foreverus session start` switches one on.")
    return str(session_id)


def _wanted(session_id: str, context: Context) -> bool:
    if not context.interactive:
        raise UsageError("Nobody can be asked here: --yes switches it off all the same. Nothing was ended.")
    context.err.write(f"Switch off the GPU ({printable(session_id)})? [y/N] ")
    context.err.flush()
    return context.input.readline().strip().lower() in (b"y", b"yes", b"s", b"sim")


SESSION_COMMANDS: dict[str, SessionCommand] = {
    "start": start,
    "show": show,
    "watch": watching,
    "work": show_work,
    "end": end,
}
