"""Which backend a message of a conversation goes to: what is read for it, and the pure choice's answer."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from foreverus import ids
from foreverus.access.preferences import Preferences, preferences_from_item
from foreverus.aws import keys, person_keys
from foreverus.aws.dynamo import Table
from foreverus.aws.read_ahead import ReadAhead
from foreverus.backends.images import PromptImage
from foreverus.backends.port import BackendName, Message, Prompt
from foreverus.backends.tokens import BEDROCK_CONTEXT_TOKENS, least_tokens
from foreverus.choice.refusals import seconds_left
from foreverus.choice.request_records import Asked, GpuStatus, KeptChoice, Preference, preferred
from foreverus.conversations.history import estimate
from foreverus.conversations.items import answer_from_item, conversation_from_item, messages_from_items
from foreverus.conversations.new_message import NewMessage
from foreverus.conversations.prompt import DEFAULT_ANSWER_TOKENS, DEFAULT_SYSTEM
from foreverus.conversations.records import STOPPED, Answer, Conversation, MessageRef
from foreverus.conversations.settings import options_in
from foreverus.conversations.shown import EARLIER, ShownImage, noted
from foreverus.costs.meter import month_of
from foreverus.documents.records import BUDGET_TOKENS as PASSAGES_TOKENS
from foreverus.documents.store import has_ready
from foreverus.errors import NotFound
from foreverus.limits.store import message_keys
from foreverus.sessions.backends_now import BackendsLook
from foreverus.sessions.pending import PendingWorkStore
from foreverus.text import quoted


@dataclass(frozen=True, slots=True)
class Chosen:
    """`conversation`: as it was read for the choice. `may_move`: the other backend may answer it where this one then
    cannot, for nobody has named one. `read`: what was read for it with one call, the sender's limits too. `images`: of
    the message; without their texts where who answers sees them."""

    conversation: Conversation
    choice: KeptChoice
    may_move: bool
    read: Table
    images: tuple[ShownImage, ...] = ()


class ImagesUnread(Exception):
    """Nobody will see the message's images: their text is read first."""


@dataclass(frozen=True, slots=True)
class _Newest:
    """What is known of the newest message: who has it in hand (None: nobody, it is over), and its answer."""

    waits_on: BackendName | None = None
    answer: Answer | None = None


@dataclass(frozen=True)
class BackendChooser:
    """`stack`: what the deployment is set to. `documents`: passages of people's documents come into prompts. `reads`:
    the text in images, where nobody sees them."""

    items: Table
    look: BackendsLook
    stack: BackendName
    clock: Callable[[], datetime]
    documents: bool = False
    reads: bool = False

    def choose(self, message: MessageRef, request: NewMessage, images: Sequence[ShownImage] = ()) -> Chosen:
        """Raises NotFound, ImagesUnread, and what the choice refuses: InvalidRequest, Conflict, SpendCapReached,
        NotAccepted."""
        ahead = self._ahead(message)
        gpus = _beside().submit(self.look.gpus)  # each of the two is a round trip or two
        try:
            conversation, preferences, throttled_for_s = _read(ahead, message, self.clock())
            newest = self._newest(conversation)
        finally:
            wait([gpus])  # nothing goes on in a process that may be frozen
        preference = preferred(request.backend, conversation.backend, preferences.backend, self.stack)
        prompt = _prompt(conversation, request)
        seen = self._seen(conversation, images, preference, newest, gpus.result().status)
        if images and seen:
            images = [replace(one, text=None) for one in images]
        words = noted(request.content, () if seen else images)
        asked = Asked(
            preference=preference,
            prompt=replace(prompt, messages=(*prompt.messages[:-1], replace(prompt.messages[-1], images=seen))),
            prompt_tokens=self._prompt_tokens(conversation, words, newest.answer)
            + sum(image.tokens for image in seen)
            + self._passages_tokens(conversation, newest.answer, ahead),
            least_prompt_tokens=least_tokens(words),
            waits_on=newest.waits_on,
            images_read=0 if seen else sum(one.text is not None for one in images),
        )
        choice = self.look.over(ahead).of(gpus.result(), throttled_for_s).choose(asked)
        both_see = bool(self.look.figures.sees and self.look.figures.gpu_sees)
        may_move = preference.backend is BackendName.AUTO and (both_see or not seen)
        return Chosen(conversation, choice.kept, may_move, ahead, tuple(images))

    def _seen(
        self,
        conversation: Conversation,
        images: Sequence[ShownImage],
        preference: Preference,
        newest: _Newest,
        gpu: GpuStatus,
    ) -> tuple[PromptImage, ...]:
        """Those of the message; where it has none, those that were shown before are to be seen again by whoever sees
        and is at hand: no GPU is bought for them, and who wants one that does not see gets it."""
        figures, wanted = self.look.figures, preference.backend
        at_hand = bool(figures.gpu_sees) and (
            wanted is BackendName.GPU
            or (wanted is BackendName.AUTO and (newest.waits_on or gpu) in (BackendName.GPU, GpuStatus.HEALTHY))
        )
        on_bedrock = bool(figures.sees) and wanted is not BackendName.GPU
        if not images:
            return (EARLIER,) if conversation.has_images and (at_hand or on_bedrock) else ()
        if not self.reads or (at_hand and (wanted is BackendName.GPU or self._fits_gpu(images))):
            return tuple(one.unread for one in images)
        if any(one.text is None for one in images):
            raise ImagesUnread
        return ()

    def _fits_gpu(self, images: Sequence[ShownImage]) -> bool:
        sees = self.look.figures.gpu_sees
        return (
            sees is not None and sees.sight.all_tokens(one.unread for one in images) < self.look.figures.context_tokens
        )

    def in_hand(self, message_id: str) -> BackendName | None:
        """Which backend a message waits for, or is answered by, just now. None: it is over."""
        found = self.items.get_all([keys.pending_key(message_id), keys.pending_on_bedrock_key(message_id)])
        return next((_waits_on(item["pk"]) for item in found), None)

    def _ahead(self, message: MessageRef) -> ReadAhead:
        """All that accepting a message needs of what has a known name."""
        now = self.clock()
        month = month_of(ids.timestamp(now))
        return ReadAhead(
            self.items,
            keys.conversation_key(message.user_id, message.conversation_id),
            keys.title_key(message.conversation_id),
            keys.preferences_key(message.user_id),
            THROTTLED,
            keys.purse_total_key(month),
            keys.ledger_total_key(month),
            *message_keys(message.user_id, now),
            *([person_keys.ready_documents_key(message.user_id)] if self.documents else []),
        )

    def _newest(self, conversation: Conversation) -> _Newest:
        """Messages are answered in their order: where the newest one is over, none waits. But for one that was stopped:
        it may have been over first."""
        message_id = conversation.newest_message_id or self._newest_id(conversation)
        if not message_id:
            return _Newest()
        answer_key = keys.answer_key(conversation.conversation_id, message_id)
        pending = [keys.pending_key(message_id), keys.pending_on_bedrock_key(message_id)]
        waits_on, answer = None, None
        for item in self.items.get_all([answer_key, *pending]):
            if item["pk"] == answer_key["pk"]:
                answer = answer_from_item(item)
            else:
                waits_on = _waits_on(item["pk"])
        if waits_on is None and answer and answer.finish_reason == STOPPED:
            waiting = PendingWorkStore(self.items).of_conversation(conversation.conversation_id)
            waits_on = waiting[0].backend if waiting else None
        return _Newest(waits_on, answer)

    def _newest_id(self, conversation: Conversation) -> str:
        """Of a conversation from before its newest message was kept with it."""
        if conversation.updated_at == conversation.created_at:
            return ""
        partition = keys.messages_partition(conversation.conversation_id)
        newest = messages_from_items(self.items.query(partition, "MESSAGE#", newest_first=True, limit=1))
        return next((one.message_id for one in newest), "")

    def _prompt_tokens(self, conversation: Conversation, content: str, newest: Answer | None) -> int:
        """Estimated: what the newest answer was made from and has, and the new question. The rest of a long history is
        trimmed to the context."""
        usage = newest.usage if newest else None
        before = usage.total_tokens if usage else 0
        history = before or estimate(Message("system", conversation.system or DEFAULT_SYSTEM))
        most = max(self.look.figures.context_tokens, BEDROCK_CONTEXT_TOKENS) - DEFAULT_ANSWER_TOKENS
        return min(history + estimate(Message("user", content)), most)

    def _passages_tokens(self, conversation: Conversation, newest: Answer | None, read: Table) -> int:
        """At most, of passages of documents: what the newest answer was made from has some already."""
        counted = newest is not None and newest.sources is not None and newest.sources.found
        if not self.documents or not conversation.documents or counted:
            return 0
        return PASSAGES_TOKENS if has_ready(read, conversation.user_id) else 0


THROTTLED = keys.bedrock_throttled_key()
LOOKS = 8  # threads: on Lambda there is one request at a time, on a laptop one process has all


@cache
def _beside() -> ThreadPoolExecutor:
    """They stay: to make one takes longer than all that a choice reckons."""
    return ThreadPoolExecutor(LOOKS, "gpus")


def _read(items: Table, message: MessageRef, now: datetime) -> tuple[Conversation, Preferences, int]:
    conversation = items.get(keys.conversation_key(message.user_id, message.conversation_id))
    if conversation is None:
        raise NotFound(
            f"There is no conversation {quoted(message.conversation_id)}.",
            param="conversation_id",
            code="conversation_not_found",
        )
    preferences = preferences_from_item(items.get(keys.preferences_key(message.user_id)))
    return conversation_from_item(conversation), preferences, seconds_left(items.get(THROTTLED), now)


def _waits_on(partition: str) -> BackendName:
    return BackendName.BEDROCK if partition == keys.PENDING_ON_BEDROCK else BackendName.GPU


def _prompt(conversation: Conversation, request: NewMessage) -> Prompt:
    """For what each backend can do: the parameters and the turns' roles, without the history."""
    said = (Message("system", conversation.system or DEFAULT_SYSTEM), Message("user", request.content))
    options = options_in(conversation, request.options)
    return Prompt(said, options.max_tokens or DEFAULT_ANSWER_TOKENS, options.temperature)
