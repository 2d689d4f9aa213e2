"""What people do with conversations. Accepting a message: choose who answers it, keep it, hand it to them."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import chain, repeat
from typing import Any, Protocol

from foreverus import ids
from foreverus.api import schemas
from foreverus.api.listing import fitting, read_listing
from foreverus.api.requests import NOT_REPEATED, RequestAttempt
from foreverus.api.responses import Body
from foreverus.aws.push import Push
from foreverus.backends.port import BackendName
from foreverus.choice.request_records import GpuStatus, KeptChoice
from foreverus.conversations.choosing import BackendChooser, Chosen, ImagesUnread
from foreverus.conversations.frames import show_conversation
from foreverus.conversations.images import MessageImages
from foreverus.conversations.new_message import NewMessage
from foreverus.conversations.pins import pinned_first
from foreverus.conversations.queue import MessageQueue
from foreverus.conversations.records import Conversation, MessageRef, Question
from foreverus.conversations.replacing import Replacing
from foreverus.conversations.sending import begun_with
from foreverus.conversations.settings import SETTINGS, changed, check_settings
from foreverus.conversations.shown import noted
from foreverus.conversations.sizes import check_size
from foreverus.conversations.stopping import no_message, question_id
from foreverus.conversations.store import ConversationChanged, ConversationStore
from foreverus.conversations.versions import Branch, version_of
from foreverus.conversations.views import public_answer, public_conversation, public_exchanges, public_question
from foreverus.errors import InvalidRequest, LimitReached, NotAccepted, SpendCapReached
from foreverus.idempotency.records import CreateRequest, fingerprint
from foreverus.idempotency.store import Once
from foreverus.limits.person import PersonLimits, counted
from foreverus.limits.store import CountStore
from foreverus.sessions.records import Session, Trigger
from foreverus.sessions.start import SessionStarter
from foreverus.sessions.views import public_session
from foreverus.text import quoted

logger = logging.getLogger(__name__)

DEFAULT_MESSAGES = 100  # of a list: fifty questions and their answers
# Of a backend. Each choice but the last came too late: another message of the same conversation, so of the same person,
# was accepted or moved meanwhile. So these are more than a person may send in a minute by default, and whoever sends
# them all at once is refused by that limit, not by this.
CHOICES = 50
FULL = GpuStatus.FULL.value


class AnswersOnBedrock(Protocol):
    def call(self, message: MessageRef) -> None:
        """Has what waits for Bedrock in the message's conversation answered, and does not wait for it. Calling once
        more changes nothing."""


@dataclass(frozen=True)
class ConversationService:
    store: ConversationStore
    queue: MessageQueue
    sessions: SessionStarter
    context_tokens: int
    once: Once
    limits: PersonLimits
    clock: Callable[[], datetime]
    chooser: BackendChooser
    bedrock: AnswersOnBedrock
    replacing: Replacing
    images: MessageImages
    push: Callable[[], Push]
    retention_days: int = 0
    crowd: Callable[[], object] = lambda: None  # told when a message joins a queue without a free slot

    def create(
        self,
        user_id: str,
        title: str = "",
        system: str = "",
        backend: str | None = None,
        attempt: RequestAttempt = NOT_REPEATED,
        **options: Any,
    ) -> Body:
        """A new conversation, or the one that an earlier try of the same request made. `options`: `temperature` and
        `max_tokens`, where its answers have their own. Raises InvalidRequest and Conflict."""
        settings = {"system": system, "backend": backend, **options}
        named = {name: value for name, value in settings.items() if value is not None}
        asked = CreateRequest(user_id, "conversations", fingerprint({"title": title, **named}), attempt)
        with self.once(asked, "conv") as claim:
            now = ids.timestamp(self.clock())
            bare = Conversation(conversation_id=claim.id, user_id=user_id, title=title, created_at=now, updated_at=now)
            conversation = changed(bare, settings)
            check_settings(conversation, named, self.context_tokens)
            return self._tell(user_id, self._show(self.store.create(conversation)))

    def list_conversations(self, user_id: str, query: dict[str, str]) -> Body:
        found = read_listing(partial(pinned_first, self.store.items, user_id), query, "conv")
        return replace(found, records=self.store.entitled(found.records)).body(
            lambda one: public_conversation(one, self.retention_days)
        )

    def get(self, user_id: str, conversation_id: str) -> Body:
        return self._show(self.store.get(user_id, conversation_id))

    def change(self, user_id: str, conversation_id: str, changes: Mapping[str, Any]) -> Body:
        """Sets what is named; null takes a field of its own back. Raises InvalidRequest and NotFound."""
        if SETTINGS.intersection(changes):
            conversation = changed(self.store.get(user_id, conversation_id), changes)
            check_settings(conversation, changes, self.context_tokens)
        return self._tell(user_id, self._show(self.store.change(user_id, conversation_id, changes)))

    def _show(self, conversation: Conversation) -> Body:
        return public_conversation(self.store.with_title(conversation), self.retention_days)

    def _tell(self, user_id: str, shown: Body) -> Body:
        """The same; the person's open pages hear of it."""
        show_conversation(self.push(), user_id, shown)
        return shown

    def delete(self, user_id: str, conversation_id: str) -> Body:
        self.store.delete(user_id, conversation_id, self.clock())
        return self._tell(user_id, {"id": conversation_id, "object": "conversation.deleted", "deleted": True})

    def messages(self, user_id: str, conversation_id: str, query: Mapping[str, str]) -> Body:
        """A part of them, oldest first (`order=desc`: newest first), behind the message `after`: so many as are asked
        for and fit one answer. Raises InvalidRequest and NotFound."""
        schemas.check("messages_query", dict(query))
        conversation = self.store.get(user_id, conversation_id)
        branch = self._branch(conversation, query.get("version", ""))
        after, newest_first = query.get("after", ""), query.get("order") == "desc"
        from_message = "msg_" + after.partition("_")[2] if after else ""
        whose = MessageRef(from_message, conversation_id, user_id)
        if after and (after[:4] not in ("msg_", "ans_") or self.store.question(whose) is None):
            message = f"There is no message {quoted(after)} in this conversation: take the id of one that was listed."
            raise InvalidRequest(message, param="after", code="invalid_field")
        if from_message and not branch.holds(from_message):
            after = ""  # replaced since it was listed: it marks its place, and is not there
        limit = int(query.get("limit", DEFAULT_MESSAGES))
        found = self.store.messages(
            conversation_id, from_message=from_message, newest_first=newest_first, page=limit + 2, branch=branch
        )
        listed = fitting(public_exchanges(found, newest_first=newest_first, after=after), limit)
        return listed.body(lambda shown: shown)

    def _branch(self, conversation: Conversation, version: str) -> Branch:
        """The current one, or the one that a message (`version`: its id) was in last."""
        if not version:
            return Branch(self.store.replacements(conversation))
        message = MessageRef(question_id(version), conversation.conversation_id, conversation.user_id)
        if self.store.question(message) is None:
            shown = (
                f"There is no message {quoted(version)} in this conversation: a version is named by any message in it."
            )
            raise InvalidRequest(shown, param="version", code="invalid_field")
        return version_of(message.message_id, self.store.replacements(conversation))

    def regenerate(
        self,
        user_id: str,
        conversation_id: str,
        message_id: str,
        request: Mapping[str, Any],
        attempt: RequestAttempt = NOT_REPEATED,
    ) -> Body:
        """The same question once more, in its own place: a new answer is asked for, and the old one, with everything
        that followed, becomes an earlier version. As `post`; raises NotFound too where there is no such message."""
        self.store.get(user_id, conversation_id)
        question = self.store.question(MessageRef(question_id(message_id), conversation_id, user_id))
        if question is None:
            raise no_message(message_id)
        given = {name: value for name, value in request.items() if value is not None}
        named = {"max_tokens": question.options.max_tokens, "temperature": question.options.temperature}
        images = {"images": [one.file_id for one in question.images]} if question.images else {}
        again = {**named, **given, **images, "content": question.content, "replaces": question.message_id}
        return self.post(user_id, conversation_id, again, attempt)

    def post(
        self,
        user_id: str,
        conversation_id: str,
        request: Mapping[str, Any],
        attempt: RequestAttempt = NOT_REPEATED,
    ) -> Body:
        """Accepts one message: `{message, answer, session}`; session is None where Bedrock answers, or one is just
        ending (`close_session` then starts its successor, because the request is pending).

        An earlier try of the same request made the same message. Raises InvalidRequest, NotFound, Conflict (a key that
        came with another message, or whose was deleted; an earlier message waits for another backend), SpendCapReached
        (nothing that is paid may be begun for it), LimitReached, or NotAccepted: nothing was kept (ContainerStarting:
        what reads its images is on its way).
        """
        asked = CreateRequest(user_id, conversation_id, fingerprint(request), attempt)
        with self.once(asked, "msg") as claim:
            ref = MessageRef(claim.id, conversation_id, user_id)
            # What was accepted before the cap was reached stays accepted.
            earlier = None if claim.is_first else self.store.question_of_earlier_try(ref)
            question = earlier or self._accept(ref, NewMessage.of(request))
        session = self._see_that_it_is_answered(question, is_new=earlier is None)
        return {
            "message": public_question(question),
            "answer": public_answer(question, None),
            "session": public_session(session) if session else None,
        }

    def _accept(self, ref: MessageRef, asked: NewMessage) -> Question:
        """A new question, kept and handed on."""
        if not (asked.content or asked.images):
            message = "The field 'content' must not be empty where there are no images."
            raise InvalidRequest(message, param="content", code="invalid_field")
        check_size(self.store, self.context_tokens, ref, asked.content)
        before = self.store.question(replace(ref, message_id=asked.replaces)) if asked.replaces else None
        shown = self.images.of(ref, asked.images, before, self.clock())
        for _ in range(CHOICES):
            try:
                chosen = self.chooser.choose(ref, asked, shown.images)
            except ImagesUnread:  # nobody sees them
                shown = self.images.read(ref.user_id, shown)
                check_size(self.store, self.context_tokens, ref, noted(asked.content, shown.images))
                continue
            replaced = None
            if asked.replaces:
                replaced = self.replacing.check(ref, asked.replaces, chosen.conversation)
            if chosen.choice.backend is BackendName.GPU:
                self.sessions.check_place(ref.user_id)
            question = replace(
                self._question(ref, asked, chosen.choice),
                version=replaced.version + 1 if replaced else 1,
                images=chosen.images,
            )
            try:
                if not self._keep(question, chosen, shown.new):  # another try of the same request is a moment ahead
                    return self.store.question(ref) or question
            except ConversationChanged:
                continue
            self._hand_on(question, chosen, shown.new)
            # Its first words are shown from now on; of a message on Bedrock who answers it tells that.
            if not (chosen.conversation.newest_message_id or chosen.choice.backend is BackendName.BEDROCK):
                named = ConversationStore(chosen.read).with_title(begun_with(chosen.conversation, question))
                self._tell(ref.user_id, public_conversation(named, self.retention_days))
            return question
        raise NotAccepted("Too much is sent in this conversation at once. Send it again in a few seconds.")

    def _keep(self, question: Question, chosen: Chosen, sends: Sequence[str]) -> bool:
        """In the place that was read with the choice; where it is gone by now, in another one."""
        read = self.limits.over(CountStore(chosen.read))
        places = (partial(one.message, question.user_id) for one in chain((read,), repeat(self.limits)))
        return counted(
            lambda: next(places)(),
            lambda place: self.store.accept(question, place, chosen.conversation, chosen.may_move, sends),
        )

    def _hand_on(self, question: Question, chosen: Chosen, sends: Sequence[str]) -> None:
        """To the queue, or to Bedrock's function. Raises NotAccepted, and it is not kept."""
        backend = chosen.choice.backend
        try:
            if backend is BackendName.BEDROCK:
                self.bedrock.call(question.ref)
            else:
                self.queue.send(question)
        except Exception as err:
            if self.store.undo_accept(question.ref, backend, chosen.conversation.newest_message_id):
                self.images.free(question.user_id, sends, self.clock())
                raise NotAccepted("The message could not be queued and was not kept. Send it again.") from err
            logger.warning("%s is answered, although its sending failed", question.message_id, exc_info=True)

    def _question(self, ref: MessageRef, asked: NewMessage, choice: KeptChoice) -> Question:
        return Question(
            message_id=ref.message_id,
            conversation_id=ref.conversation_id,
            user_id=ref.user_id,
            content=asked.content,
            created_at=ids.timestamp(self.clock()),
            options=asked.options,
            choice=choice,
            replaces=asked.replaces,
        )

    def _see_that_it_is_answered(self, question: Question, is_new: bool) -> Session | None:
        """The session that answers it; None: Bedrock does, or it is over. An earlier try may have stopped anywhere."""
        backend = question.choice.backend if is_new and question.choice else self.chooser.in_hand(question.message_id)
        if backend is BackendName.BEDROCK and not is_new:
            self._call_again(question)
        if backend is not BackendName.GPU:
            return None
        try:
            session, started = self.sessions.start(question.user_id, Trigger.MESSAGE)
            if is_new and not started and question.choice and question.choice.numbers.get("gpu_status") == FULL:
                self.crowd()
            return session
        except (NotAccepted, SpendCapReached, LimitReached):  # reached just now: the sweep does what is right then
            return None

    def _call_again(self, question: Question) -> None:
        try:
            self.bedrock.call(question.ref)
        except Exception:  # it is kept: the sweep calls again
            logger.warning("nobody could be called for %s", question.message_id, exc_info=True)
