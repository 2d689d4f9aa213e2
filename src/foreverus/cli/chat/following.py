"""Follows one answer to its end: live where there is a line, else by asking again and again."""

from collections.abc import Callable
from dataclasses import dataclass

from foreverus.cli.api import pause_s
from foreverus.cli.chat.answer_text import AnswerText, Change
from foreverus.cli.chat.calls import ChatCalls
from foreverus.cli.chat.screen import Screen
from foreverus.cli.chat.waiting import Waiting
from foreverus.cli.failures import Refused, Unreachable
from foreverus.cli.line import LiveLine
from foreverus.cli.objects.conversations import MessageObject
from foreverus.cli.socket import Frame
from foreverus.cli.status_line import StatusLine

WAIT_S = 0.25  # for a frame, before Ctrl-C and /stop are looked at again
LOOK_DOWN_S, LOOK_UP_S = 1.0, 20.0  # between GETs: without a line, and with one, of which a frame may be lost
FINAL = frozenset({"answered", "failed"})


@dataclass
class Following:
    """`wants_stop` is asked all the time: has somebody said that it is enough?"""

    chats: ChatCalls
    line: LiveLine
    screen: Screen
    status: StatusLine
    waiting: Waiting
    clock: Callable[[], float]
    wants_stop: Callable[[], bool]

    def __post_init__(self) -> None:
        self.text = AnswerText()
        self._look_at = 0.0
        self._failures = 0
        self._stopping = False

    def run(self, conversation_id: str, question_id: str) -> MessageObject:
        """The final answer, which is on the screen by then. Raises Refused where it cannot be asked for any more."""
        self._look_at = self.clock() + LOOK_DOWN_S  # a line that opens asks sooner
        topics = [{"conversation_id": conversation_id}]
        topics += [{"session_id": self.waiting.session_id}] if self.waiting.session_id else []
        self.line.topics(*topics)
        try:
            while True:
                if final := self._turn(conversation_id, question_id):
                    self._show(self.text.final(final.get("content") or ""))
                    self.screen.final(self.text.whole if final.get("status") == "answered" else "")
                    return final
        except BrokenPipeError:  # nobody reads on: nobody needs the rest
            self._stop(conversation_id, question_id)
            raise
        finally:
            self.status.clear()

    def _turn(self, conversation_id: str, question_id: str) -> MessageObject | None:
        if self.wants_stop() and not self._stopping:
            self._stop(conversation_id, question_id)
        if self.clock() >= self._look_at and (final := self._look(conversation_id, question_id)):
            return final
        frame = self.line.next(WAIT_S)
        if not self.screen.has_text:
            self.waiting.show(self.line.is_up)
        return self._take(frame, question_id) if frame else None

    def _take(self, frame: Frame, question_id: str) -> MessageObject | None:
        kind = frame.get("type")
        if kind in ("subscribed", "pong"):
            self._look_at = self.clock()
        elif kind == "session":
            self.waiting.heard(frame["session"])
        elif kind == "delta" and frame.get("message_id") == question_id:
            self._add(int(frame["offset"]), str(frame["text"]))
        elif kind == "message":
            message: MessageObject = frame["message"]
            if message.get("in_reply_to") == question_id and message.get("status") in FINAL:
                if message.get("content") is not None:
                    return message
                self._look_at = self.clock()
        return None

    def _add(self, offset: int, text: str) -> None:
        self._show(self.text.add(offset, text))
        if self.text.has_gap:
            self._look_at = min(self._look_at, self.clock() + LOOK_DOWN_S)

    def _look(self, conversation_id: str, question_id: str) -> MessageObject | None:
        try:
            answer = self.chats.answer(conversation_id, question_id, tries=1)
        except Unreachable as err:
            self._failures += 1
            if self._failures == 1:
                self.status.say(f"{err} · trying again until it answers")
            self._look_at = self.clock() + max(pause_s(self._failures), err.after_s)
            return None
        self._failures = 0
        soon = not self.line.is_up or self._stopping or self.text.has_gap
        self._look_at = self.clock() + (LOOK_DOWN_S if soon else LOOK_UP_S)
        if answer.get("status") in FINAL:
            return answer
        self._show(self.text.snapshot(answer.get("content") or ""))
        return None

    def _show(self, change: Change) -> None:
        if change is Change.NONE:
            return
        self.status.clear()
        if change is Change.ANEW:
            self.screen.anew(self.text.fresh())
        else:
            self.screen.more(self.text.fresh())

    def _stop(self, conversation_id: str, question_id: str) -> None:
        self._stopping = True
        try:
            self.chats.stop(conversation_id, question_id)
        except Unreachable as err:
            self.status.say(f"It was not stopped: {err}")
            self._stopping = False
        except Refused as err:
            if err.status != 409:  # 409: it has ended by itself
                self.status.say(f"It was not stopped: {err}")
        self._look_at = self.clock()
