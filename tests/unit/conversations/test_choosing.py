"""Accepting a message on either backend: who is chosen from what the table says, what is kept, who is called."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import pytest

from foreverus import bootstrap, ids
from foreverus.access.preferences import PreferenceStore
from foreverus.api.requests import RequestAttempt
from foreverus.aws import keys, person_keys
from foreverus.backends.port import BackendName
from foreverus.choice.refusals import RefusalStore
from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.bedrock.ends import CallAccount, MessageEnds
from foreverus.conversations.choosing import BackendChooser, Chosen
from foreverus.conversations.records import FinishedAnswer, MessageRef
from foreverus.conversations.service import CHOICES, ConversationService
from foreverus.conversations.shown import ShownImage
from foreverus.costs.purse import PurseStore
from foreverus.documents.records import BUDGET_TOKENS
from foreverus.errors import Conflict, InvalidRequest, LimitReached, NotAccepted, SpendCapReached
from foreverus.sessions.pending import PendingWorkStore
from tests.unit.conftest import Aws

HELLO = {"content": "Hello"}


@dataclass
class Caller:
    """In the place of the function that answers on Bedrock: remembers who was called for."""

    called: list[MessageRef] = field(default_factory=list)
    fails: bool = False

    def call(self, message: MessageRef) -> None:
        if self.fails:
            raise ConnectionError
        self.called.append(message)


@pytest.fixture
def caller() -> Caller:
    return Caller()


@pytest.fixture
def service(aws: Aws, caller: Caller) -> ConversationService:
    return with_bedrock(caller)


def with_bedrock(caller: Caller, stack: BackendName = BackendName.AUTO) -> ConversationService:
    real = bootstrap.api.build().conversations
    look = replace(real.chooser.look, figures=replace(real.chooser.look.figures, bedrock=True))
    return replace(real, chooser=replace(real.chooser, look=look, stack=stack), bedrock=caller)


def live_session(aws: Aws, status: str = "serving") -> None:
    now = ids.timestamp(bootstrap.aws.clock())
    healthy = {"healthy_at": now} if status == "serving" else {}
    aws.put(**keys.session_key("ses_1"), session_id="ses_1", status=status, created_at=now, **healthy)
    aws.put(**keys.GPU_SLOT, session_id="ses_1")


def where(aws: Aws) -> dict[str, list[str]]:
    """Message ids by who they wait for, and the live sessions."""
    pending = PendingWorkStore(aws.items)
    return {
        "gpu": [one.message_id for one in pending.messages()],
        "bedrock": [one.message_id for one in pending.on_bedrock()],
        "queued": [json.loads(one["Body"])["message_id"] for one in aws.queued()],
        "sessions": [item["session_id"] for item in aws.items.query(keys.GPUS)],
    }


def test_with_nothing_live_a_message_is_answered_on_bedrock_and_buys_no_gpu(
    aws: Aws, service: ConversationService, caller: Caller
) -> None:
    conversation = service.create("user-1")["id"]
    posted = service.post("user-1", conversation, HELLO)
    message_id = posted["message"]["id"]
    assert where(aws) == {"gpu": [], "bedrock": [message_id], "queued": [], "sessions": []}
    assert caller.called == [MessageRef(message_id, conversation, "user-1")]
    assert posted["session"] is None and posted["answer"]["status"] == "queued"
    choice = posted["answer"]["choice"]
    assert (choice["backend"], choice["reason"]) == ("bedrock", "nothing_live")
    assert choice["numbers"]["gpu_usd"] > choice["numbers"]["bedrock_usd"] > 0
    listed = service.messages("user-1", conversation, {})["data"]
    assert listed[1]["choice"] == choice, "what is kept is what was answered"


@pytest.mark.parametrize(
    ("status", "backend", "reason"),
    [("serving", "gpu", "gpu_is_on"), ("booting", "bedrock", "gpu_boots"), ("draining", "bedrock", "nothing_live")],
)
def test_the_gpu_answers_once_it_is_healthy(
    aws: Aws, service: ConversationService, caller: Caller, status: str, backend: str, reason: str
) -> None:
    live_session(aws, status)
    posted = service.post("user-1", service.create("user-1")["id"], HELLO)
    assert (posted["answer"]["choice"]["backend"], posted["answer"]["choice"]["reason"]) == (backend, reason)
    assert where(aws)[backend] == [posted["message"]["id"]]
    assert where(aws)["sessions"] == ["ses_1"], "and none is bought"
    assert bool(caller.called) == (backend == "bedrock") != bool(posted["session"])


def test_a_gpu_whose_slots_are_all_taken_leaves_the_next_one_to_bedrock(aws: Aws, service: ConversationService) -> None:
    live_session(aws)
    reasons = [
        service.post("user-1", service.create("user-1")["id"], HELLO)["answer"]["choice"]["reason"] for _ in range(5)
    ]
    assert reasons == ["gpu_is_on"] * 4 + ["gpu_is_full"], "ENGINE_SLOTS is 4"


def test_backend_gpu_starts_a_session_as_ever(aws: Aws, service: ConversationService, caller: Caller) -> None:
    posted = service.post("user-1", service.create("user-1")["id"], {**HELLO, "backend": "gpu"})
    assert posted["session"]["status"] == "requested" and not caller.called
    found = where(aws)
    assert found["gpu"] == found["queued"] == [posted["message"]["id"]]
    (waiting,) = PendingWorkStore(aws.items).messages()
    assert waiting.may_move is False, "nobody else answers what was asked of the GPU by name"


def test_what_bedrock_cannot_do_is_the_gpus(aws: Aws, service: ConversationService) -> None:
    posted = service.post("user-1", service.create("user-1")["id"], {**HELLO, "temperature": 1.5})
    assert posted["answer"]["choice"]["reason"] == "bedrock_cannot" and posted["session"]
    with pytest.raises(InvalidRequest) as refused:
        hot = {**HELLO, "temperature": 1.5, "backend": "bedrock"}
        service.post("user-1", service.create("user-1")["id"], hot)
    assert refused.value.param == "temperature" and "`gpu`" in refused.value.message


def test_a_throttled_bedrock_is_left_alone_for_its_time(aws: Aws, service: ConversationService) -> None:
    refusals = RefusalStore(aws.items, bootstrap.aws.clock)
    refusals.note(40)
    assert refusals.left_s() in (39, 40)
    assert service.post("user-1", service.create("user-1")["id"], HELLO)["answer"]["choice"]["backend"] == "gpu"
    with pytest.raises(NotAccepted) as refused:
        service.post("user-1", service.create("user-1")["id"], {**HELLO, "backend": "bedrock"})
    assert refused.value.reason == "backend_throttled" and int(refused.value.headers["Retry-After"]) in (39, 40)
    RefusalStore(aws.items, lambda: bootstrap.aws.clock() - timedelta(seconds=120)).note(60)  # over by now
    later = service.post("user-1", service.create("user-1")["id"], {**HELLO, "backend": "bedrock"})
    assert later["answer"]["choice"]["reason"] == "as_asked"


def test_an_empty_month_keeps_nothing_on_either(aws: Aws, service: ConversationService, caller: Caller) -> None:
    aws.put(**keys.ledger_total_key(ids.timestamp(bootstrap.aws.clock())[:7]), spent_usd=20.0)
    conversation = service.create("user-1")["id"]
    for backend in ("auto", "gpu", "bedrock"):
        with pytest.raises(SpendCapReached):
            service.post("user-1", conversation, {**HELLO, "backend": backend})
    assert where(aws) == {"gpu": [], "bedrock": [], "queued": [], "sessions": []} and not caller.called
    assert service.messages("user-1", conversation, {})["data"] == []


def test_the_nearest_word_counts(aws: Aws, service: ConversationService) -> None:
    person = PreferenceStore(aws.items)
    person.change("user-1", {"backend": "gpu"})
    mine, other = service.create("user-1")["id"], service.create("user-2")["id"]
    assert service.post("user-2", other, HELLO)["answer"]["choice"]["backend"] == "bedrock", "not everybody's"
    named = service.create("user-1", backend="bedrock")
    assert named["backend"] == "bedrock"
    kept = service.post("user-1", named["id"], HELLO)["answer"]["choice"]
    assert (kept["backend"], kept["text"]) == ("bedrock", "This conversation is set to Bedrock.")
    assert service.post("user-1", mine, HELLO)["answer"]["choice"]["text"] == "Your preferences are set to the GPU."


def test_the_deployments_word_counts_last(aws: Aws, caller: Caller) -> None:
    service = with_bedrock(caller, BackendName.GPU)
    assert service.post("user-1", service.create("user-1")["id"], HELLO)["session"]
    auto = service.post("user-1", service.create("user-1")["id"], {**HELLO, "backend": "auto"})
    assert auto["answer"]["choice"]["reason"] == "gpu_boots", "auto is a name too"


def test_a_conversation_is_changed_and_keeps_what_is_not_named(aws: Aws, service: ConversationService) -> None:
    conversation = service.create("user-1", title="Sea", system="Brief.", backend="gpu")["id"]
    assert service.change("user-1", conversation, {"title": "Hills"})["backend"] == "gpu"
    changed = service.change("user-1", conversation, {"backend": "auto"})
    assert (changed["title"], changed["system"], changed["backend"]) == ("Hills", "Brief.", "auto")
    assert service.change("user-1", conversation, {"backend": None, "title": "Sky"})["backend"] is None
    assert service.change("user-1", conversation, {})["title"] == "Sky"
    assert service.get("user-1", conversation) == service.change("user-1", conversation, {})


def finish(aws: Aws, service: ConversationService, posted: dict[str, Any]) -> None:
    message = posted["message"]
    ref = MessageRef(message["id"], message["conversation_id"], "user-1")
    PendingWorkStore(aws.items).forget(ref.message_id)
    DynamoAnswers(aws.items).finish(ref, FinishedAnswer("Hi", 500, 300), "ses_1", bootstrap.aws.clock())


def test_turns_follow_each_other_on_the_backend_that_has_the_first_one(
    aws: Aws, service: ConversationService, caller: Caller
) -> None:
    conversation = service.create("user-1")["id"]
    first = service.post("user-1", conversation, HELLO)
    live_session(aws)
    second = service.post("user-1", conversation, {"content": "And?"})
    assert (second["answer"]["choice"]["backend"], second["answer"]["choice"]["reason"]) == ("bedrock", "order")
    with pytest.raises(Conflict) as busy:
        service.post("user-1", conversation, {"content": "And?", "backend": "gpu"})
    assert (busy.value.reason, busy.value.param) == ("conversation_busy", "backend")
    assert len(service.messages("user-1", conversation, {})["data"]) == 4
    for one in (first, second):
        finish(aws, service, one)
    third = service.post("user-1", conversation, {"content": "And?"})
    assert third["answer"]["choice"]["reason"] == "gpu_is_on", "the bridge is over: the same conversation moves"
    assert third["answer"]["choice"]["numbers"]["prompt_tokens"] > 800, "the history's tokens are in the sums"


def test_passages_of_documents_are_in_the_sums_of_who_has_any(aws: Aws, service: ConversationService) -> None:
    def tokens(of: ConversationService, user: str, **settings: bool) -> int:
        made = of.create(user, **settings)["id"]
        return int(of.post(user, made, HELLO)["answer"]["choice"]["numbers"]["prompt_tokens"])

    key = person_keys.ready_documents_key("user-1")
    aws.items.update(key, "ADD ids :ids", {":ids": {"doc_1"}})
    on = replace(service, chooser=replace(service.chooser, documents=True))
    bare = tokens(service, "user-1")
    assert tokens(on, "user-1") == bare + BUDGET_TOKENS
    assert tokens(on, "user-1", documents=False) == bare
    assert tokens(on, "user-2") == bare


def test_a_conversation_from_before_its_newest_message_was_kept_with_it(aws: Aws, service: ConversationService) -> None:
    conversation = service.create("user-1")["id"]
    service.post("user-1", conversation, {**HELLO, "backend": "gpu"})
    key = keys.conversation_key("user-1", conversation)
    old = {
        name: value
        for name, value in (aws.items.get(key) or {}).items()
        if name not in ("version", "newest_message_id")
    }
    aws.put(**{**old, "updated_at": "2099-01-01T00:00:00.000Z"})
    assert service.post("user-1", conversation, HELLO)["answer"]["choice"]["reason"] == "order"


class Late:
    """The chooser; between its choice and the keeping of it something else happens, so many times."""

    def __init__(self, service: ConversationService, meanwhile: Callable[[], object], times: int):
        self.real, self.meanwhile = service.chooser, [meanwhile] * times

    def choose(self, message: MessageRef, request: Mapping[str, Any], images: Sequence[ShownImage] = ()) -> Chosen:
        chosen = self.real.choose(message, request, images)
        if self.meanwhile:
            self.meanwhile.pop()()
        return chosen

    def in_hand(self, message_id: str) -> BackendName | None:
        return self.real.in_hand(message_id)


def late(service: ConversationService, meanwhile: Callable[[], object], times: int = 1) -> ConversationService:
    return replace(service, chooser=cast(BackendChooser, Late(service, meanwhile, times)))


def test_whoever_has_read_before_something_moved_chooses_again(aws: Aws, service: ConversationService) -> None:
    conversation = service.create("user-1")["id"]
    service.post("user-1", conversation, HELLO)

    def move() -> None:
        """What waits for Bedrock goes to the GPU, as when Bedrock throttles."""
        ends = MessageEnds(aws.items, PurseStore(aws.items, 20.0), bootstrap.aws.clock)
        for one in PendingWorkStore(aws.items).on_bedrock():
            assert ends.move(one, CallAccount.of(MessageRef.of(one), bootstrap.aws.clock()))

    second = late(service, move).post("user-1", conversation, {"content": "And?"})
    assert second["answer"]["choice"]["backend"] == "gpu" and where(aws)["bedrock"] == []


@pytest.mark.parametrize(("mine", "theirs"), [("gpu", "bedrock"), ("bedrock", "gpu"), ("auto", "gpu")])
def test_of_two_that_are_sent_at_once_none_goes_to_another_backend(
    aws: Aws, service: ConversationService, mine: str, theirs: str
) -> None:
    conversation = service.create("user-1")["id"]

    def post() -> object:
        return service.post("user-1", conversation, {"content": "First!", "backend": theirs})

    if mine == "auto":
        assert late(service, post).post("user-1", conversation, HELLO)["answer"]["choice"]["reason"] == "order"
    else:
        with pytest.raises(Conflict, match="still with"):
            late(service, post).post("user-1", conversation, {**HELLO, "backend": mine})
    found = where(aws)
    assert bool(found["gpu"]) != bool(found["bedrock"]), "never on both"


def test_one_that_is_always_too_late_is_told_to_send_it_again(aws: Aws, service: ConversationService) -> None:
    conversation = service.create("user-1")["id"]
    key = keys.conversation_key("user-1", conversation)
    slow = late(service, lambda: aws.items.update(key, "ADD version :one", {":one": 1}), CHOICES)  # as a move does
    with pytest.raises(NotAccepted, match="at once"):
        slow.post("user-1", conversation, HELLO)
    assert where(aws)["bedrock"] == where(aws)["gpu"] == [], "nothing is kept of it"


def test_whoever_sends_all_that_a_minute_allows_at_once_is_told_of_the_limit(
    aws: Aws, service: ConversationService
) -> None:
    """The last one comes too late for each of the others."""
    most = service.limits.caps.messages_per_minute
    conversation = service.create("user-1")["id"]

    def post() -> object:
        return service.post("user-1", conversation, HELLO)

    with pytest.raises(LimitReached):
        late(service, post, most).post("user-1", conversation, HELLO)
    other = service.create("user-2")["id"]
    last = late(service, lambda: service.post("user-2", other, HELLO), most - 1).post("user-2", other, HELLO)
    assert last["answer"]["choice"]["reason"] == "order"
    assert len(where(aws)["bedrock"]) == 2 * most


def test_a_message_that_nobody_could_be_called_for_is_not_kept_and_can_be_sent_again(
    aws: Aws, service: ConversationService, caller: Caller
) -> None:
    conversation = service.create("user-1")["id"]
    first = service.post("user-1", conversation, HELLO)
    caller.fails = True
    with pytest.raises(NotAccepted):
        service.post("user-1", conversation, {"content": "And?"}, RequestAttempt("k1"))
    assert where(aws)["bedrock"] == [first["message"]["id"]]
    caller.fails = False
    live_session(aws)
    again = service.post("user-1", conversation, {"content": "And?"}, RequestAttempt("k1"))
    assert again["answer"]["choice"]["reason"] == "order", "the one before still waits, and is not forgotten"


def test_a_repeated_request_calls_again_for_what_waits_and_buys_nothing(
    aws: Aws, service: ConversationService, caller: Caller
) -> None:
    conversation = service.create("user-1")["id"]
    first = service.post("user-1", conversation, HELLO, RequestAttempt("k1"))
    caller.fails = True
    assert service.post("user-1", conversation, HELLO, RequestAttempt("k1"))["message"] == first["message"]
    caller.fails = False
    service.post("user-1", conversation, HELLO, RequestAttempt("k1"))
    assert len(caller.called) == 2
    finish(aws, service, first)
    assert service.post("user-1", conversation, HELLO, RequestAttempt("k1"))["session"] is None
    assert len(caller.called) == 2 and where(aws)["sessions"] == []


def test_where_the_stack_has_no_bedrock_auto_is_the_gpu(aws: Aws) -> None:
    service = bootstrap.api.build().conversations
    posted = service.post("user-1", service.create("user-1")["id"], HELLO)
    assert posted["answer"]["choice"]["reason"] == "no_bedrock" and posted["session"]
    with pytest.raises(InvalidRequest) as refused:
        service.post("user-1", service.create("user-1")["id"], {**HELLO, "backend": "bedrock"})
    assert refused.value.reason == "backend_unavailable"


def test_who_joins_a_queue_without_a_free_slot_is_counted(aws: Aws, service: ConversationService) -> None:
    crowd: list[str] = []
    service = replace(service, crowd=lambda: crowd.append("one"))
    on_gpu = {**HELLO, "backend": "gpu"}
    service.post("user-1", service.create("user-1")["id"], on_gpu)
    assert not crowd, "it starts the first one"
    live_session(aws)
    for number in range(6):
        service.post("user-1", service.create("user-1")["id"], on_gpu)
        assert len(crowd) == max(0, number - 2), "four slots, one of them taken before"
    service.post("user-1", service.create("user-1")["id"], HELLO)
    assert len(crowd) == 3, "Bedrock answers that one"
