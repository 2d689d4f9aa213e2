"""One conversation at the terminal: what is asked in it, and how its answer is followed."""

import argparse
import json
from dataclasses import dataclass, field

from foreverus.cli.api import Api, value_of
from foreverus.cli.argument_types import NEWEST
from foreverus.cli.chat import words
from foreverus.cli.chat.attached import AttachedImage
from foreverus.cli.chat.calls import ChatCalls
from foreverus.cli.chat.following import Following
from foreverus.cli.chat.reading import TypedInput
from foreverus.cli.chat.screen import Screen
from foreverus.cli.chat.waiting import Waiting
from foreverus.cli.context import Context
from foreverus.cli.failures import COMPLETED, FAILED, INTERRUPTED, CommandFailed
from foreverus.cli.interrupts import Interrupts, interrupts
from foreverus.cli.line import LiveLine
from foreverus.cli.objects.conversations import ConversationObject, MessageObject, MessageRequest
from foreverus.cli.session_words import meter
from foreverus.cli.socket import open_socket
from foreverus.cli.status_line import StatusLine


@dataclass
class Chat:
    """One conversation; it is made when the first question is sent. `prompt`: None in a pipe."""

    arguments: argparse.Namespace
    api: Api
    context: Context
    prompt: TypedInput | None = None
    conversation_id: str = ""
    last: MessageObject | None = None  # answer
    images: list[AttachedImage] = field(default_factory=list)  # to be shown with the next question
    line: LiveLine = field(init=False)

    def __post_init__(self) -> None:
        self.chats = ChatCalls(self.api)
        self.backend = self.arguments.backend
        self.status = StatusLine(self.context)
        context, api = self.context, self.api
        self.line = LiveLine(lambda: open_socket(api.ticket()), context.clock, context.sleep, self.status.say)

    def resume(self, wanted: str) -> ConversationObject:
        """Raises CommandFailed where there is none."""
        if wanted != NEWEST:
            found = self.chats.conversation(wanted)
        else:
            listed = self.chats.newest()
            if not listed:
                raise CommandFailed("There is no conversation yet: `foreverus chat` begins one.")
            found = max(listed, key=lambda one: str(one.get("updated_at")))
        self.conversation_id = str(value_of(found, "id"))
        return found

    def ask(self, text: str) -> int:
        """The exit status; the answer is on the standard output. A Ctrl-C while it is sent stops it once it is."""
        begun = self.context.clock()
        with interrupts() as pressed:
            message = self._message(text)
            if not self.conversation_id:
                self.conversation_id = self._begin()
            accepted = self.chats.send(self.conversation_id, message)
            self.images = []
            waiting = Waiting(self.api, self.status, self.context.clock, accepted.get("session"))
            return self._follow(str(value_of(accepted["message"], "id")), waiting, begun, pressed)

    def go_on(self, answer: MessageObject) -> int:
        """An answer that is still being written."""
        waiting = Waiting(self.api, self.status, self.context.clock, None)
        with interrupts() as pressed:
            return self._follow(str(answer.get("in_reply_to")), waiting, self.context.clock(), pressed)

    def _begin(self) -> str:
        given: ConversationObject = {}
        if self.arguments.title:
            given["title"] = self.arguments.title
        if self.arguments.system:
            given["system"] = self.arguments.system
        return str(value_of(self.chats.create(given), "id"))

    def _message(self, text: str) -> MessageRequest:
        message: MessageRequest = {"content": text}
        if self.images:  # what is uploaded and not sent goes after a day
            uploaded = [self.api.upload_small(one.name, one.data, "vision") for one in self.images]
            message["images"] = [str(value_of(one, "id")) for one in uploaded]
        if self.backend:
            message["backend"] = self.backend
        if self.arguments.max_tokens is not None:
            message["max_tokens"] = self.arguments.max_tokens
        if self.arguments.temperature is not None:
            message["temperature"] = self.arguments.temperature
        return message

    def _follow(self, question_id: str, waiting: Waiting, begun: float, pressed: Interrupts) -> int:
        live = (self.context.out.isatty() or self.arguments.stream) and not self.arguments.json
        screen = Screen(self.context, live, silent=self.arguments.json)
        following = Following(
            self.chats, self.line, screen, self.status, waiting, self.context.clock, lambda: self._enough(pressed)
        )
        answer = following.run(self.conversation_id, question_id)
        self.last = answer
        if self.arguments.json:
            self.context.result(json.dumps(answer, ensure_ascii=False))
        if answer.get("status") == "failed":
            self.context.say(words.failure(answer))
            return FAILED
        for line in [] if self.arguments.json else self._sources(answer):
            self.context.say(line)
        self.context.say(words.ending(answer, self.context.clock() - begun, self._cost(answer)))
        return INTERRUPTED if pressed.count else COMPLETED

    def _enough(self, pressed: Interrupts) -> bool:
        stop = bool(pressed.count)
        for line in self.prompt.typed() if self.prompt else []:
            if line.strip() == "/stop":
                stop = True
            elif self.prompt and line.strip():
                self.prompt.read_next(line)
        return stop

    def _sources(self, answer: MessageObject) -> list[str]:
        sources = answer.get("sources") or {}
        if not sources.get("found"):
            return words.no_sources(sources)
        try:
            return words.sources(sources, self.chats.documents_of(sources))
        except CommandFailed:
            return words.sources(sources, None)  # the answer is there, and says which they are

    def _cost(self, answer: MessageObject) -> str:
        """Of a GPU people pay its time, not its answers: what the session has cost so far."""
        if answer.get("backend") == "bedrock":
            return words.bedrock_cost(answer)
        if not answer.get("session_id"):
            return ""
        try:
            shown = meter(self.api.session(str(answer["session_id"]), tries=1), self.api.clock.now())
        except CommandFailed:
            return ""  # the answer is there; what it cost, `foreverus usage` says
        return f"its session: {shown}" if shown else ""
