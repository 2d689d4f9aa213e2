"""Follows a session: its states and phases with their ETA, the meter ticking; live where there is a line."""

import json
from collections.abc import Callable

from foreverus.cli.api import Api, pause_s
from foreverus.cli.context import Context, printable
from foreverus.cli.display import BETWEEN_LINES_S
from foreverus.cli.failures import COMPLETED, FAILED, INTERRUPTED, Unreachable
from foreverus.cli.line import LiveLine
from foreverus.cli.objects.sessions import SessionObject
from foreverus.cli.session_words import OVER, ending, newer, phase, row
from foreverus.cli.socket import open_socket
from foreverus.cli.status_line import StatusLine

WAIT_S = 1.0  # a tick of the meter
LOOK_DOWN_S, LOOK_UP_S = BETWEEN_LINES_S, 30.0  # between GETs, without a line and with one


def until_over(session: SessionObject) -> bool:
    return session.get("status") in OVER


def until_on(session: SessionObject) -> bool:
    return until_over(session) or session.get("status") in ("serving", "draining")


def watch(
    api: Api, session: SessionObject, context: Context, as_json: bool, done: Callable[[SessionObject], bool]
) -> int:
    """The exit status: 0 it came to what was waited for, 1 it failed, 130 Ctrl-C, which ends nothing."""
    status = StatusLine(context)
    line = LiveLine(lambda: open_socket(api.ticket()), context.clock, context.sleep, status.say)
    line.topics({"session_id": str(session.get("id"))})
    try:
        session = _Watch(api, context, status, line, as_json).run(session, done)
    except KeyboardInterrupt:
        status.say(f"Stopped watching. It stays as it is; to switch it off: foreverus session end {session.get('id')}")
        return INTERRUPTED
    finally:
        status.clear()
        line.close()
    if not as_json:
        context.result(ending(session, api.clock.now()) if until_over(session) else row(session, api.clock.now()))
    return FAILED if session.get("status") == "failed" else COMPLETED


class _Watch:
    def __init__(self, api: Api, context: Context, status: StatusLine, line: LiveLine, as_json: bool):
        self._api, self._context, self._status, self._line, self._as_json = api, context, status, line, as_json
        self._told: SessionObject | None = None
        self._look_at = 0.0
        self._failures = 0

    def run(self, session: SessionObject, done: Callable[[SessionObject], bool]) -> SessionObject:
        while True:
            self._show(session)
            if done(session):
                return session
            frame = self._line.next(WAIT_S)
            kind = frame.get("type") if frame else None
            if frame and kind == "session":
                session = newer(session, frame["session"])
            if kind in ("subscribed", "pong") or self._context.clock() >= self._look_at:
                session = self._look(session)

    def _look(self, session: SessionObject) -> SessionObject:
        try:
            found = self._api.session(str(session.get("id")), tries=1)
        except Unreachable as err:
            self._failures += 1
            if self._failures == 1:
                self._status.say(f"{printable(str(err))} · trying again until it answers")
            self._look_at = self._context.clock() + max(pause_s(self._failures), err.after_s)
            return session
        self._failures = 0
        self._look_at = self._context.clock() + (LOOK_UP_S if self._line.is_up else LOOK_DOWN_S)
        return newer(session, found)

    def _show(self, session: SessionObject) -> None:
        if self._as_json:
            if session != self._told:
                self._context.result(json.dumps(session, ensure_ascii=False))
        elif not until_over(session):
            what = phase(session)
            whole = row(session, self._api.clock.now())
            self._status.show(what, whole.removeprefix(what).removeprefix(" · "))
        self._told = session
