"""What is written just now, and those who watch it: each subscriber has a sender of its own.

A sender remembers how much its subscriber has. So a slow one gets longer deltas and holds up nobody, and a new one gets
the whole text so far at offset 0. One that takes no frame in time, or fails often, is given up; one whose last look at
its credentials is too old is asked for a new one, and begins again after it. Senders outlive the answer's place in the
engine: they run in a task group of their own.
"""

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from time import time

from foreverus.aws.keys import conversation_topic
from foreverus.aws.push import ASK, MAX_DELTA_CODE_POINTS, Deaf, Push, Subscriber
from foreverus.backends.port import MOST_ANSWER_BYTES
from foreverus.concurrency import Background, RunBlocking
from foreverus.conversations.frames import delta_frame
from foreverus.conversations.records import MessageRef
from foreverus.conversations.streaming.rate import TokenRate

log = logging.getLogger(__name__)

DELTA_INTERVAL_S = 0.05  # faster looks no smoother
MAX_POSTS_PER_SECOND = 24.0  # over all streams: far below the API's rate, and on two cores 3 % of what the engine has
REFRESH_S = 1.0  # how late a new subscriber may be noticed
REFRESHES_PER_SECOND = 5.0  # over all streams
POST_RETRIES = 3  # for the last frames; a subscriber that misses them reads the answer by GET
MOST_FAILURES = 6  # one after the other, over six seconds: then a subscriber is given up for this answer


class PostLimit:
    """How often each sender may post, so that all together stay under the limit.

    >>> posts = PostLimit()
    >>> posts.senders = 1; posts.interval_s
    0.05
    >>> posts.senders = 8; posts.interval_s
    0.3333333333333333
    """

    def __init__(self) -> None:
        self.senders = 0

    @property
    def interval_s(self) -> float:
        return max(DELTA_INTERVAL_S, self.senders / MAX_POSTS_PER_SECOND)


class LiveStream(ABC):
    """What is written just now, of `_length` in a unit of its own, to everybody who watches `topic`. Start with
    `watch`; tell `_wake` of what is new; end with `close`."""

    def __init__(self, topic: str, push: Push, run_push: RunBlocking, posts: PostLimit):
        self._length = 0
        self._written = 0  # how often it was begun
        self._push = push
        self._run_push = run_push
        self._posts = posts
        self._topic = topic
        self._senders: dict[str, _Sender] = {}
        self._asked: set[str] = set()  # for a new look
        self._group: Background | None = None
        self._looking: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._last_frame = b""

    @abstractmethod
    def _frame(self, sent: int) -> tuple[bytes, int]:
        """The next frame for who has `sent` of it, and how much they have with it. Asked only where there is more."""

    @property
    def _refresh_s(self) -> float:
        """Until the next look for subscribers."""
        return max(REFRESH_S, self._posts.senders / REFRESHES_PER_SECOND)

    def watch(self, group: Background) -> None:
        """Starts looking for subscribers; they get what is there and what is added."""
        self._group = group
        self._looking = group.start(self._look_for_subscribers(group))

    def close(self, last_frame: bytes = b"") -> None:
        """Nothing will be added. Every subscriber gets what it lacks, and then `last_frame` if there is one: also who
        came after the last look, or had its credentials looked at after it; who still has not is asked for that."""
        if self._closing.is_set():
            return
        self._last_frame = last_frame
        self._closing.set()
        if self._looking:
            self._looking.cancel()
        if self._group and last_frame:
            self._group.start(self._look(self._group))
        self._wake()

    def _wake(self) -> None:
        for sender in self._senders.values():
            sender.changed.set()

    async def _look_for_subscribers(self, group: Background) -> None:
        while True:
            await self._look(group)
            await asyncio.sleep(self._refresh_s)

    async def _look(self, group: Background) -> None:
        try:
            found = await self._run_push(self._push.subscribers, self._topic)
        except Exception as err:
            log.warning("subscribers of %s: %r", self._topic, err)
        else:
            self._follow(found, group)

    def _follow(self, found: list[Subscriber], group: Background) -> None:
        now = asyncio.get_running_loop().time()
        good = {one.connection_id: now + one.good_for_s for one in found if one.is_good}
        for connection_id in self._senders.keys() - good.keys():
            self._senders.pop(connection_id).stop()
        for connection_id, until in good.items():
            if connection_id not in self._senders:
                sender = self._senders[connection_id] = _Sender()
                group.start(self._send_to(connection_id, sender))
            self._senders[connection_id].good_until = until
        stale = {one.connection_id for one in found if not one.is_good}
        for connection_id in stale - self._asked:
            group.start(self._ask(connection_id))
        self._asked = stale

    async def _ask(self, connection_id: str) -> None:
        try:
            await self._run_push(self._push.post, self._topic, connection_id, ASK)
        except Exception as err:
            log.warning("asking a subscriber of %s: %r", self._topic, err)

    async def _send_to(self, connection_id: str, sender: "_Sender") -> None:
        self._posts.senders += 1
        loop = asyncio.get_running_loop()
        failures = 0
        try:
            while not sender.stopped:
                if sender.sent == self._length and not self._closing.is_set():
                    sender.changed.clear()
                    await sender.changed.wait()
                    continue
                started = loop.time()
                if started >= sender.good_until:
                    return await self._forget(connection_id, sender)
                try:
                    if not await self._send_next(connection_id, sender):
                        return
                    failures = 0
                except Deaf as err:
                    log.warning("post to a subscriber of %s: %r", self._topic, err)
                    return
                except Exception as err:
                    failures += 1
                    log.warning("post to a subscriber of %s: %r", self._topic, err)
                    if failures >= (POST_RETRIES if self._closing.is_set() else MOST_FAILURES):
                        return
                    await asyncio.sleep(DELTA_INTERVAL_S * 2**failures)
                # What comes meanwhile goes into one delta. The end does not wait for its turn.
                await self._rest(started + self._posts.interval_s - loop.time())
        finally:
            self._posts.senders -= 1

    async def _forget(self, connection_id: str, sender: "_Sender") -> None:
        """It is found again when its credentials were looked at, for which it is asked at once: after the answer's end
        nobody looks for it any more."""
        if self._senders.get(connection_id) is sender:
            del self._senders[connection_id]
            self._asked.add(connection_id)
            await self._ask(connection_id)

    async def _send_next(self, connection_id: str, sender: "_Sender") -> bool:
        """Sends one frame; False when there is nothing more to send, ever."""
        if sender.sent < self._length:
            frame, has = self._frame(sender.sent)
            written = self._written
            there = await self._run_push(self._push.post, self._topic, connection_id, frame)
            sender.sent = has if written == self._written else 0
            return there
        if self._last_frame:
            await self._run_push(self._push.post, self._topic, connection_id, self._last_frame)
        return False

    async def _rest(self, seconds: float) -> None:
        if seconds > 0 and not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._closing.wait()


class LiveAnswer(LiveStream):
    """An answer to a message, in code points. `text` is what there is of it; `add` adds to it. Who calls `hold` shows
    nothing of it until `show`: who stops an answer of which the table knows nothing ends it without a word."""

    def __init__(self, request: MessageRef, push: Push, run_push: RunBlocking, posts: PostLimit):
        super().__init__(conversation_topic(request.conversation_id), push, run_push, posts)
        self.request = request
        self.tokens = 0  # deltas that were added
        self.rate = TokenRate()
        self.first_at = 0.0  # when the first delta was added, in seconds of the epoch
        self.began_at: float | None = None  # its first word, on the loop's clock
        self._text = ""
        self._new: list[str] = []
        self._held: int | None = None  # code points that are not shown yet; None: all are
        self._bytes = 0

    @property
    def text(self) -> str:
        if self._new:
            self._text += "".join(self._new)
            self._new.clear()
        return self._text

    @property
    def said_s(self) -> float | None:
        """For how long its first word has been there."""
        return None if self.began_at is None else asyncio.get_running_loop().time() - self.began_at

    @property
    def room(self) -> int:
        """How many bytes may still be added."""
        return MOST_ANSWER_BYTES - self._bytes

    def hold(self) -> None:
        self._held = 0

    def show(self) -> None:
        """From now on everything, as it comes."""
        if self._held is not None:
            self._length, self._held = self._length + self._held, None
            self._wake()

    def close(self, last_frame: bytes = b"") -> None:
        if last_frame:
            self.show()
        super().close(last_frame)

    def begin_with(self, text: str) -> None:
        """What an earlier worker wrote."""
        if text:
            self._append(text)

    def begin_anew(self) -> None:
        """What was written until now is nothing: everybody gets what comes from the answer's beginning on."""
        self._text, self._length, self._bytes, self.tokens = "", 0, 0, 0
        self._new.clear()
        self._held = self._held and 0
        self._written += 1
        for sender in self._senders.values():
            sender.sent = 0

    def add(self, text: str) -> None:
        self.tokens += 1
        self.first_at = self.first_at or time()
        self.rate.add(now := asyncio.get_running_loop().time())
        self.began_at = now if self.began_at is None else self.began_at
        self._append(text)

    def _append(self, text: str) -> None:
        self._new.append(text)
        if self._held is None:
            self._length += len(text)
        else:
            self._held += len(text)
        self._bytes += len(text.encode(errors="replace"))
        self._wake()

    def _frame(self, sent: int) -> tuple[bytes, int]:
        text = self.text[sent : sent + MAX_DELTA_CODE_POINTS]
        frame = delta_frame(self.request.conversation_id, self.request.message_id, sent, text)
        return frame, sent + len(text)


class _Sender:
    def __init__(self) -> None:
        self.sent = 0
        self.changed = asyncio.Event()
        self.stopped = False
        self.good_until = 0.0  # by the loop's clock: then its last look counts no more

    def stop(self) -> None:
        self.stopped = True
        self.changed.set()
