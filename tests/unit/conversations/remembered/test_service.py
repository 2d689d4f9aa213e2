"""What a person wants remembered: kept once, bounded, nobody else's, and read with each question of theirs."""

from dataclasses import replace
from typing import Any

import pytest

from foreverus import bootstrap
from foreverus.api import schemas
from foreverus.api.requests import RequestAttempt
from foreverus.aws import keys, person_keys
from foreverus.conversations.remembered import store
from foreverus.conversations.remembered.records import HEADING, Memory
from foreverus.conversations.remembered.service import Memories
from foreverus.conversations.remembered.store import memories_of
from foreverus.errors import Conflict, InvalidRequest, NotFound
from tests.unit.conftest import Aws
from tests.unit.conversations.bedrock.scene import USER, Scene
from tests.unit.worker.harness import World, in_jumping_time

ANA = {"text": "My name is Ana."}
NOBODY = "memory_" + "0" * 28


def memories() -> Memories:
    return bootstrap.api.build().memories


def texts(user_id: str = "user-1") -> list[str]:
    return [one["text"] for one in memories().show(user_id)["data"]]  # type: ignore[attr-defined]


def test_a_memory_is_kept_listed_changed_switched_off_and_deleted(aws: Aws) -> None:
    assert memories().show("user-1") == {
        "object": "list", "data": [], "has_more": False, "budget_tokens": 500, "used_tokens": 0,
    }  # fmt: skip
    made = memories().create("user-1", {"text": "My name\nis  Ana."})
    assert (made["object"], made["text"], made["enabled"], made["in_use"]) == ("memory", "My name is Ana.", True, True)
    newer = memories().create("user-1", {"text": "I live in Salvador."})
    shown = memories().show("user-1")
    assert shown["data"] == [newer, made], "newest first"
    assert 40 < int(str(shown["used_tokens"])) < 100
    renamed = memories().change("user-1", made["id"], {"text": " My name is  Bia."})
    assert renamed["text"] == "My name is Bia." and renamed["created_at"] == made["created_at"]
    assert memories().change("user-1", made["id"], {}) == renamed
    off = memories().change("user-1", made["id"], {"enabled": False})
    assert (off["enabled"], off["in_use"], off["text"]) == (False, False, "My name is Bia.")
    assert int(str(memories().show("user-1")["used_tokens"])) < int(str(shown["used_tokens"]))
    assert memories().delete("user-1", made["id"]) == {"id": made["id"], "object": "memory.deleted", "deleted": True}
    assert texts() == ["I live in Salvador."]


def test_it_names_the_conversation_that_it_came_from_while_that_is_there(aws: Aws) -> None:
    talks = bootstrap.api.build().conversations
    talk = talks.create("user-1", title="The sea")["id"]
    made = memories().create("user-1", {**ANA, "conversation_id": talk})
    assert made["conversation"] == {"id": talk, "title": "The sea"}
    assert memories().create("user-1", {**ANA, "conversation_id": None})["conversation"] is None
    talks.delete("user-1", talk)
    assert [one["conversation"] for one in memories().show("user-1")["data"]] == [None, None]  # type: ignore[attr-defined]
    with pytest.raises(NotFound) as refused:
        memories().create("user-1", {**ANA, "conversation_id": talk})
    assert (refused.value.param, refused.value.reason) == ("conversation_id", "conversation_not_found")
    theirs = talks.create("user-2", title="Theirs")["id"]
    with pytest.raises(NotFound):
        memories().create("user-1", {**ANA, "conversation_id": theirs})


def test_a_request_that_is_sent_again_makes_the_same_memory(aws: Aws) -> None:
    first = memories().create("user-1", ANA, RequestAttempt("k1"))
    assert memories().create("user-1", ANA, RequestAttempt("k1")) == first and len(texts()) == 1
    with pytest.raises(Conflict):
        memories().create("user-1", {"text": "Other"}, RequestAttempt("k1"))


def test_what_was_deleted_does_not_come_back_by_a_request_that_is_late(aws: Aws) -> None:
    first = memories().create("user-1", ANA, RequestAttempt("k1"))
    memories().delete("user-1", first["id"])
    for _ in range(2):
        with pytest.raises(Conflict) as refused:
            memories().create("user-1", ANA, RequestAttempt("k1"))
        assert (refused.value.reason, refused.value.param) == ("memory_deleted", "Idempotency-Key")
    assert texts() == []
    assert memories().create("user-1", ANA, RequestAttempt("k2"))["id"] != first["id"]


def test_of_somebody_else_there_is_nothing(aws: Aws) -> None:
    theirs = memories().create("user-2", ANA)["id"]
    assert texts() == []
    for missing in (theirs, NOBODY, "n", "user_id", "pk"):
        for ask in (
            lambda one: memories().change("user-1", one, {"text": "Mine"}),
            lambda one: memories().change("user-1", one, {}),
            lambda one: memories().delete("user-1", one),
        ):
            with pytest.raises(NotFound) as refused:
                ask(missing)
            assert (refused.value.param, refused.value.reason) == ("memory_id", "memory_not_found")
    assert texts("user-2") == ["My name is Ana."]


def test_ids_of_other_fields_of_the_item_are_no_memories(aws: Aws) -> None:
    memories().create("user-1", ANA)
    for field in ("n", "user_id", "pk", "sk"):
        for ask in (
            lambda one: memories().change("user-1", one, {"text": "Mine"}),
            lambda one: memories().delete("user-1", one),
        ):
            with pytest.raises(NotFound):
                ask(field)
    assert texts() == ["My name is Ana."]


def test_there_is_a_most_of_them(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_MEMORIES", 3)
    made = [memories().create("user-1", {"text": f"Fact {n}."})["id"] for n in range(3)]
    with pytest.raises(Conflict, match=r"3 things are remembered, the most that there can be. Delete one") as refused:
        memories().create("user-1", ANA)
    assert refused.value.reason == "too_many_memories"
    memories().delete("user-1", made[0])
    with pytest.raises(NotFound):
        memories().delete("user-1", made[0])  # takes no second one off the count
    memories().create("user-1", ANA)
    with pytest.raises(Conflict):
        memories().create("user-1", ANA)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": " \u200b\n"}, "text"),
        ({"text": "a" * 301}, "text"),
        ({"text": 1}, "text"),
        ({**ANA, "enabled": "yes"}, "enabled"),
        ({**ANA, "conversation_id": 7}, "conversation_id"),
        ({**ANA, "more": 1}, "more"),
    ],
)
def test_what_is_no_memory_is_refused_by_name(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        schemas.check("memory_create", body)
    assert refused.value.param == param


def test_items_of_other_versions_can_be_read(aws: Aws) -> None:
    aws.items.put({**person_keys.memories_key("user-1"), NOBODY: {"text": "Old", "more": [1]}, "later": {"text": "?"}})
    assert memories_of(aws.items, "user-1") == [Memory(memory_id=NOBODY, text="Old")]


@in_jumping_time
async def test_bedrock_is_given_them_and_the_answer_says_so(aws: Aws) -> None:
    scene = Scene(aws)
    memories().create(USER, ANA)
    memories().create("somebody else", {"text": "My name is Bia."})
    conversation, _ = scene.ask("Who am I?")
    await scene.run(conversation)
    (prompt,) = scene.backend.prompts
    assert prompt.messages[0].content == f"Be brief.\n\n{HEADING}\n- My name is Ana."
    assert scene.answer_to(conversation)["memories"] == 1
    scene.service.change(USER, conversation, {"memories": False})
    scene.ask("And now?", conversation)
    await scene.run(conversation)
    assert scene.backend.prompts[-1].messages[0].content == "Be brief."
    kept = aws.items.get(keys.conversation_key(USER, conversation)) or {}
    assert kept["memories"] is False
    back = scene.service.change(USER, conversation, {"memories": None})
    assert back["memories"] is True


@in_jumping_time
async def test_the_gpu_is_given_them_and_the_answer_says_so() -> None:
    world = World()
    world.answers.remembered["user_1"] = [Memory(memory_id=NOBODY, text="My name is Ana.")]
    async with world.worker():
        await world.answered(world.ask("Who am I?"))
        talk = world.answers.conversations["conv_1"]
        world.answers.conversations["conv_1"] = replace(talk, memories=False)
        await world.answered(world.ask("And now?", message_id="msg_2"))
    first, second = world.engine.prompts[-2:]
    assert first.messages[0].content == f"Be brief.\n\n{HEADING}\n- My name is Ana."
    assert second.messages[0].content == "Be brief."
    assert [world.answers.answers[one].memories for one in ("msg_1", "msg_2")] == [1, 0]


@in_jumping_time
async def test_bedrock_reads_them_with_the_conversation(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """No call of the table more on the way to the first word: they come with what is read ahead."""
    scene = Scene(aws)
    memories().create(USER, ANA)
    conversation, _ = scene.ask("Who am I?")
    made: list[str] = []
    client = aws.items.client
    client.meta.events.register("before-call.dynamodb", lambda model, **_: made.append(model.name))
    await scene.run(conversation)
    assert "GetItem" not in made[: made.index("TransactWriteItems")], made
