"""An answer to a program's request while it is written, for who waits for it: deltas, not text alone."""

import asyncio
from time import time

from foreverus.aws.keys import relay_topic
from foreverus.aws.push import Push, Subscriber
from foreverus.backends.port import MOST_ANSWER_BYTES, Delta
from foreverus.concurrency import Background, RunBlocking
from foreverus.conversations.streaming.live import LiveStream, PostLimit
from foreverus.errors import EngineFailed
from foreverus.relay.codec import MOST_FRAME_BYTES, encoded, frame_bytes, split
from foreverus.relay.records import RequestEnd, RequestRef

LOOK_S = 0.1  # for who is only just connecting
CONNECTING_S = 3.0  # as long as that may take
MOST_RELAYED_BYTES = 5_000_000  # of an answer with all its logprobs: a Lambda's answer has six
ABANDONED_S = 10.0  # without anybody who listens; a line that broke is back within two


class RelayedAnswer(LiveStream):
    """In deltas. Add with `add`, end with `end`. `whole`: nobody reads it before its end, so nothing is sent until
    then: each frame costs as much as five tokens on Bedrock."""

    def __init__(self, ref: RequestRef, session_id: str, push: Push, run_push: RunBlocking, posts: PostLimit):
        super().__init__(relay_topic(ref.user_id, ref.relay_id), push, run_push, posts)
        self.ref = ref
        self.session_id = session_id
        self.attempt = 0
        self.whole = False
        self.tokens = 0  # deltas of the engine that were added
        self.first_at = 0.0  # when the first delta was added, in seconds of the epoch
        self.deltas: list[Delta] = []
        self.listened = asyncio.Event()  # somebody does, or did
        self._encoded: list[bytes] = []
        self._text_bytes = 0
        self._bytes = 0
        self._begun = asyncio.get_running_loop().time()
        self._nobody_since: float | None = self._begun

    @property
    def room(self) -> int:
        """How many bytes of text may still be added; 0 when the answer is as large as one may be."""
        return MOST_ANSWER_BYTES - self._text_bytes if self._bytes < MOST_RELAYED_BYTES else 0

    def add(self, delta: Delta) -> None:
        """Raises EngineFailed for a piece that no frame holds."""
        self.tokens += 1
        self.first_at = self.first_at or time()
        for piece in split(delta):
            data = encoded(piece)
            if len(data) > MOST_FRAME_BYTES:
                raise EngineFailed("The engine's stream has a piece that is larger than any frame.")
            self.deltas.append(piece)
            self._encoded.append(data)
            self._text_bytes += len(piece.text.encode(errors="replace"))
            self._text_bytes += sum(len(call.arguments.encode(errors="replace")) for call in piece.tool_calls)
            self._bytes += len(data)
        if not self.whole:
            self._length = len(self.deltas)
            self._wake()

    def end(self, end: RequestEnd) -> None:
        if not end.handed_back:
            self._length = len(self.deltas)
        self.close(frame_bytes(self.ref.request_id, self.attempt, self.session_id, self._length, (), end))

    async def abandoned(self) -> None:
        """Returns when nobody has listened for `ABANDONED_S`."""
        loop = asyncio.get_running_loop()
        while self._nobody_since is None or loop.time() - self._nobody_since < ABANDONED_S:
            await asyncio.sleep(ABANDONED_S / 10)

    def _frame(self, sent: int) -> tuple[bytes, int]:
        until, size = sent, 0
        while until < self._length and size + len(self._encoded[until]) <= MOST_FRAME_BYTES:
            size += len(self._encoded[until]) + 1
            until += 1
        pieces = self._encoded[sent:until]
        return frame_bytes(self.ref.request_id, self.attempt, self.session_id, sent, pieces), until

    @property
    def _refresh_s(self) -> float:
        connecting = asyncio.get_running_loop().time() - self._begun < CONNECTING_S and not self._senders
        return LOOK_S if connecting else super()._refresh_s

    def _follow(self, found: list[Subscriber], group: Background) -> None:
        super()._follow(found, group)
        if self._senders:
            self._nobody_since = None
            self.listened.set()
        elif self._nobody_since is None:
            self._nobody_since = asyncio.get_running_loop().time()
