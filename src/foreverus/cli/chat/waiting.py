"""What is shown until the first word of an answer: on a GPU that boots, its phases with their ETA."""

from collections.abc import Callable

from foreverus.cli.api import Api
from foreverus.cli.failures import CommandFailed
from foreverus.cli.objects.sessions import SessionObject
from foreverus.cli.session_words import OVER, boot_detail, is_booting, newer, phase
from foreverus.cli.status_line import StatusLine

LOOK_S = 5.0  # while no frames tell of the session


class Waiting:
    def __init__(self, api: Api, status: StatusLine, clock: Callable[[], float], session: SessionObject | None):
        self._api, self._status, self._clock = api, status, clock
        self._session = session
        self._looked_at: float | None = None

    @property
    def session_id(self) -> str:
        return str((self._session or {}).get("id", ""))

    def heard(self, session: SessionObject) -> None:
        """A frame of it; older ones are passed over. What only a GET says of it stays."""
        if self._session:
            self._session = newer(self._session, session)

    def show(self, hears: bool) -> None:
        """`hears`: frames come. Else it is asked for, now and then."""
        session = self._look(hears)
        if session is None or not is_booting(session):
            return self._status.show("waiting for the answer")
        self._status.show(phase(session), boot_detail(session, self._api.clock.now()))

    def _look(self, hears: bool) -> SessionObject | None:
        have, now = self._session, self._clock()
        if have is None:
            return None
        unknown = self._looked_at is None and is_booting(have)  # how long a boot takes stands in a GET alone
        waited = self._looked_at is None or now - self._looked_at >= LOOK_S
        if unknown or (waited and (not hears or have.get("status") in OVER)):
            self._looked_at = now
            try:  # a session that failed may have a successor, which answers instead
                live = self._api.live_session() if have.get("status") in OVER else str(have.get("id"))
                self._session = self._api.session(live) if live else have
            except CommandFailed:
                pass  # it is a display: the answer alone decides
        return self._session
