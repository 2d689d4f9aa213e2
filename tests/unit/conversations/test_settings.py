"""A conversation's settings: kept, bounded, and used by both backends for the next answers."""

from dataclasses import replace
from typing import Any

import pytest

from foreverus.api import schemas
from foreverus.api.requests import RequestAttempt
from foreverus.aws import keys
from foreverus.conversations.records import AnswerOptions
from foreverus.conversations.service import ConversationService
from foreverus.errors import Conflict, InvalidRequest, NotFound
from foreverus.sessions.pending import PendingWorkStore
from tests.unit.conftest import Aws
from tests.unit.conversations.bedrock.scene import USER, Scene
from tests.unit.conversations.test_choosing import Caller, with_bedrock
from tests.unit.worker.harness import World, in_jumping_time

ALL = {"system": "Answer in Latin.", "temperature": 0.2, "max_tokens": 50, "backend": "bedrock"}
NONE = {"system": "", "temperature": None, "max_tokens": None, "backend": None}
HELLO = {"content": "Hello"}


def service() -> ConversationService:
    """Of a deployment with Bedrock, whose function is only called."""
    return with_bedrock(Caller())


def of(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: shown[name] for name in NONE}


def change(conversation: str, **changes: Any) -> dict[str, Any]:
    """As the route does."""
    return service().change(USER, conversation, schemas.check("conversation_change", changes))


def test_each_is_set_alone_and_taken_back_alone(aws: Aws) -> None:
    conversation = service().create(USER, title="Rome")["id"]
    now = dict(NONE)
    for name, value in ALL.items():
        now[name] = value
        assert of(change(conversation, **{name: value})) == now
    assert of(service().get(USER, conversation)) == of(service().list_conversations(USER, {})["data"][0]) == ALL
    for name in ALL:
        now[name] = NONE[name]
        assert of(change(conversation, **{name: None})) == now
    assert service().get(USER, conversation)["title"] == "Rome"
    left = aws.items.get(keys.conversation_key(USER, conversation)) or {}
    assert not left.keys() & ALL.keys(), "what is taken back is not kept as nothing"


def test_they_may_come_with_the_conversation_and_belong_to_its_request(aws: Aws) -> None:
    attempt = RequestAttempt("k1")
    made = service().create(USER, attempt=attempt, **ALL)
    assert of(made) == ALL
    assert service().create(USER, attempt=attempt, **ALL)["id"] == made["id"]
    with pytest.raises(Conflict):
        service().create(USER, attempt=attempt, **{**ALL, "temperature": 0.3})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"temperature": 2.1}, "The field 'temperature' must be a number from 0 to 2, or null, not 2.1."),
        ({"temperature": "hot"}, "The field 'temperature' must be a number from 0 to 2, or null, not 'hot'."),
        ({"max_tokens": 0}, "The field 'max_tokens' must be a whole number from 1 to 32768, or null, not 0."),
        ({"max_tokens": 1.5}, "The field 'max_tokens' must be a whole number from 1 to 32768, or null, not 1.5."),
        ({"system": "a" * 4001}, "The field 'system' has 4001 characters, the most is 4000: shorten it."),
        ({"system": " \n"}, "The field 'system' is blank: there is nothing in it that can be seen."),
        ({"backend": "gpt"}, "The field 'backend' must be auto, gpu, bedrock or null, not 'gpt'."),
    ],
)
def test_their_bounds_are_told(changes: dict[str, Any], says: str) -> None:
    for name in ("conversation_create", "conversation_change"):
        with pytest.raises(InvalidRequest) as refused:
            schemas.check(name, changes)
        assert (refused.value.message, refused.value.param) == (says, next(iter(changes)))


@pytest.mark.parametrize("first", [{"backend": "bedrock"}, {"temperature": 1.5}])
def test_bedrock_is_not_set_with_a_temperature_that_it_does_not_take(aws: Aws, first: dict[str, Any]) -> None:
    both = {"backend": "bedrock", "temperature": 1.5}
    (second,) = both.items() - first.items()
    conversation = service().create(USER, **first)["id"]
    for attempt in (lambda: change(conversation, **dict([second])), lambda: service().create(USER, **both)):
        with pytest.raises(InvalidRequest, match=r"temperature from 0 to 1, not 1.5: lower it, or choose"):
            attempt()
    assert of(service().get(USER, conversation)) == {**NONE, **first}, "nothing was changed"
    assert change(conversation, backend="gpu", temperature=1.5)["temperature"] == 1.5
    assert change(conversation, title="Rome")["title"] == "Rome"


def test_a_system_prompt_that_leaves_no_room_is_refused_and_one_that_does_counts(aws: Aws) -> None:
    small = replace(service(), context_tokens=512)
    conversation = small.create(USER)["id"]
    with pytest.raises(InvalidRequest, match=r"at least 600 tokens; the model's context holds 512") as refused:
        small.change(USER, conversation, {"system": "uma " * 600})
    assert (refused.value.param, refused.value.reason) == ("system", "context_length_exceeded")
    with pytest.raises(InvalidRequest, match="at least 600 tokens"):
        small.create(USER, system="uma " * 600)
    small.change(USER, conversation, {"system": "uma " * 500})
    with pytest.raises(InvalidRequest, match="message and the system prompt have at least 512 tokens"):
        small.post(USER, conversation, {"content": "palavra " * 12})
    assert small.post(USER, conversation, {"content": "palavra " * 5})["message"]


def test_of_somebody_else_there_is_nothing_to_change(aws: Aws) -> None:
    conversation = service().create("user-2")["id"]
    for changes in ({"system": "Mine."}, {"temperature": None}, {"title": "Mine"}, {}):
        with pytest.raises(NotFound):
            service().change(USER, conversation, changes)


def test_the_choice_knows_the_conversations_temperature(aws: Aws) -> None:
    conversation = service().create(USER, temperature=1.5)["id"]
    choice = service().post(USER, conversation, HELLO)["answer"]["choice"]
    assert (choice["backend"], choice["reason"]) == ("gpu", "bedrock_cannot"), choice["text"]
    other = service().create(USER, temperature=1.5)["id"]
    assert service().post(USER, other, {**HELLO, "temperature": 0.5})["answer"]["choice"]["backend"] == "bedrock"


@in_jumping_time
async def test_bedrock_answers_by_them_and_a_message_has_the_last_word(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, _ = scene.ask("one")
    for changes, said in [({}, {}), (ALL, {}), (ALL, {"temperature": 0.9, "max_tokens": 7}), (NONE, {})]:
        scene.service.change(USER, conversation, changes)
        if changes or said:
            scene.ask("again", conversation, **said)
        await scene.run(conversation)
    first, as_set, named, reset = scene.backend.prompts
    assert (first.temperature, first.limit) == (None, 1024) and first.messages[0].content == "Be brief."
    assert (as_set.temperature, as_set.limit) == (0.2, 50) and as_set.messages[0].content == "Answer in Latin."
    assert (named.temperature, named.limit) == (0.9, 7)
    assert (reset.temperature, reset.limit) == (None, 1024)
    assert reset.messages[0].content.startswith("You are a helpful assistant."), "our own again"


@in_jumping_time
async def test_the_gpu_answers_by_them_and_a_message_has_the_last_word() -> None:
    world = World()
    async with world.worker():
        await world.answered(world.ask("one"))
        own = AnswerOptions(temperature=1.5, max_tokens=50)
        talk = world.answers.conversations["conv_1"]
        world.answers.conversations["conv_1"] = replace(talk, system="Answer in Latin.", options=own)
        await world.answered(world.ask("two", message_id="msg_2"))
        await world.answered(world.ask("three", message_id="msg_3", temperature=0.0))
    first, as_set, named = world.engine.prompts[-3:]
    assert (first.temperature, first.messages[0].content) == (None, "Be brief.")
    assert (as_set.temperature, as_set.limit) == (1.5, 50) and as_set.messages[0].content == "Answer in Latin."
    assert (named.temperature, named.limit) == (0.0, 50)


def test_asking_again_follows_the_settings_as_they_are_now(aws: Aws) -> None:
    conversation = service().create(USER, backend="gpu", max_tokens=50)["id"]
    asked = service().post(USER, conversation, {**HELLO, "temperature": 0.5})["message"]["id"]
    kept = aws.items.get(keys.question_key(conversation, asked)) or {}
    assert kept["options"] == {"temperature": 0.5}, "only what the message says stands with it"
    PendingWorkStore(aws.items).forget(asked)
    change(conversation, max_tokens=9)
    again = service().regenerate(USER, conversation, asked, {})["message"]["id"]
    kept = aws.items.get(keys.question_key(conversation, again)) or {}
    assert kept["options"] == {"temperature": 0.5}
