"""What happens, as it happens: frames of a WebSocket that is opened anew whenever it breaks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from foreverus.cli.api import pause_s
from foreverus.cli.failures import Refused, Unreachable
from foreverus.cli.socket import Frame, SocketDown

PING_S = 40.0  # a look at the credentials counts for 50 s (docs/architecture.md, "Credentials")
PONG_S = 15.0  # a line on which a ping is not answered is none
LASTING_S = 10.0  # one that was up for so long is tried again at once when it breaks
STALE_S = 35.0  # what rested for longer may have lost its subscriptions: it is opened anew


class OpenSocket(Protocol):
    def send(self, frame: Frame) -> None: ...
    def receive(self, wait_s: float) -> Frame | None: ...
    def close(self) -> None: ...


class LiveLine:
    """Its topics are subscribed to each time it is opened; the `subscribed` frame is when to ask what was missed."""

    def __init__(
        self,
        open_: Callable[[], OpenSocket],
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        say: Callable[[str], None] = lambda line: None,
    ):
        self._open, self._clock, self._sleep, self._say = open_, clock, sleep, say
        self._socket: OpenSocket | None = None
        self._topics: list[Mapping[str, str]] = []
        self._failures = 0
        self._next_try = 0.0
        self._opened_at = 0.0
        self._asked_at: float | None = None  # a ping without an answer
        self._looked_at = 0.0  # when the credentials of this line were last looked at

    @property
    def is_up(self) -> bool:
        return self._socket is not None

    def topics(self, *wanted: Mapping[str, str]) -> None:
        """What is to be heard from now on. What rested too long is given up."""
        if self._socket and self._clock() - self._looked_at > STALE_S:
            self.close()
        added = [one for one in wanted if one not in self._topics]
        self._topics = list(wanted)
        if self._socket:
            self._subscribe(added)

    def next(self, wait_s: float) -> Frame | None:
        """The next frame; None: nothing came in that time. While the line is down, it is tried again when that is due.
        Raises Refused where the key is not good any more."""
        if self._socket is None and not self._opened():
            self._sleep(wait_s)
            return None
        self._keep()
        try:
            frame = self._socket.receive(wait_s) if self._socket else None
        except SocketDown as err:
            self._down(str(err))
            return None
        return self._seen(frame) if frame else None

    def close(self) -> None:
        socket, self._socket, self._asked_at = self._socket, None, None
        if socket:
            socket.close()

    def _opened(self) -> bool:
        if self._clock() < self._next_try:
            return False
        try:
            self._socket = self._open()
        except Refused as err:
            if err.status in (401, 403):
                raise
            self._down(str(err))
        except (SocketDown, Unreachable) as err:
            self._down(str(err))
        else:
            self._opened_at = self._looked_at = self._clock()
            self._asked_at = None
            self._subscribe(self._topics)
        return self._socket is not None

    def _keep(self) -> None:
        now = self._clock()
        if self._asked_at is not None and now - self._asked_at > PONG_S:
            self._down("it answers no ping")
        elif self._asked_at is None and now - self._looked_at > PING_S:
            self._ping()

    def _ping(self) -> None:
        self._send({"action": "ping"})
        self._asked_at = self._clock()

    def _seen(self, frame: Frame) -> Frame | None:
        if frame.get("type") == "ping":
            self._ping()
        if frame.get("type") == "pong":
            self._looked_at, self._asked_at = self._clock(), None
        if frame.get("type") == "error" and (frame.get("error") or {}).get("code") == "credential_ended":
            self._down("its credentials were looked at anew")
        return frame

    def _subscribe(self, topics: Sequence[Mapping[str, str]]) -> None:
        for one in topics:
            self._send({"action": "subscribe", **one})

    def _send(self, frame: Frame) -> None:
        try:
            if self._socket:
                self._socket.send(frame)
        except SocketDown as err:
            self._down(str(err))

    def _down(self, why: str) -> None:
        lasted = self._socket is not None and self._clock() - self._opened_at > LASTING_S
        self._failures = 1 if lasted else self._failures + 1
        if self._failures == 2:  # one that breaks and is back is no news; neither is that it stays away
            self._say(f"The line for live text is down ({why}): asking for what is new instead.")
        self._next_try = self._clock() + pause_s(self._failures)
        self.close()
