"""Passages of documents in what a GPU answers."""

import asyncio
from dataclasses import replace

import pytest

from foreverus.conversations.passages.looking import MOST_S
from foreverus.conversations.records import PartialAnswer
from foreverus.documents.records import Passage, PassagesFound
from foreverus.documents.sources import Source, Sources
from foreverus.worker.contact import RunInline
from tests.unit.worker.harness import World, in_jumping_time, until

KEY = Passage(document_id="doc_1", number=0, text="A chave fica com dona Zuleide.", page=3, end=30)
FOUND = PassagesFound((KEY,), ("a.md",))
PLACE = {"number": 1, "document_id": "doc_1", "page": 3, "start": 0, "end": 30}


def world_with_documents(**changes: object) -> World:
    world = World(**changes)
    world.passages.people.add("user_1")
    world.passages.found = FOUND
    return world


@in_jumping_time
async def test_the_engine_reads_them_and_the_answer_says_which() -> None:
    world = world_with_documents()
    world.subscribe()
    request = world.ask("Quem guarda a chave?")
    async with world.worker():
        answer = await world.answered(request)
    assert answer["sources"] == {"found": [PLACE], "why": None}
    assert "> A chave fica com dona Zuleide." in world.engine.prompts[1].messages[-1].content
    assert world.passages.asked == [request]


@in_jumping_time
async def test_nobody_is_asked_for_who_has_none_or_wants_none() -> None:
    world = World()
    request = world.ask("hello")
    wants_none = world_with_documents()
    other = wants_none.answers.ask("hello")
    wants_none.answers.conversations["conv_1"] = replace(wants_none.answers.conversations["conv_1"], documents=False)
    wants_none.deliver(other)
    for one, message in ((world, request), (wants_none, other)):
        async with one.worker():
            assert (await one.answered(message))["sources"] is None
        assert one.passages.asked == []


@in_jumping_time
async def test_no_slot_waits_for_passages_that_do_not_come() -> None:
    """An engine with one slot answers somebody else meanwhile; then the first one, without."""
    world = world_with_documents(engine_slots=1)
    world.ports.run_passages = RunInline(world.network.contact, latency_s=60)
    slow = world.ask("Quem guarda a chave?")
    async with world.worker():
        await until(lambda: world.chat.is_empty)
        began = asyncio.get_running_loop().time()
        world.passages.people.clear()
        quick = world.ask("hello", message_id="msg_2", conversation_id="conv_2")
        await world.answered(quick)
        assert asyncio.get_running_loop().time() - began < MOST_S
        answer = await world.answered(slow)
    assert (answer["status"], answer["sources"]) == ("answered", {"found": [], "why": "database_unavailable"})


@pytest.mark.parametrize("now", [FOUND, PassagesFound(), None])
@in_jumping_time
async def test_who_continues_an_answer_keeps_its_numbers_and_what_it_was_made_of(now: PassagesFound | None) -> None:
    world = world_with_documents()
    request = world.answers.ask("Quem guarda a chave?")
    before = Sources((Source(number=1, document_id="doc_9"), Source(number=2, document_id="doc_1", page=3, end=30)))
    world.answers.checkpoint(request, PartialAnswer("Com dona Zuleide [2]", 4, sources=before), "ses_0")
    if now is None:
        world.passages.people.clear()
    else:
        world.passages.found = now
    world.deliver(request)
    async with world.worker():
        answer = await world.answered(request)
    places = [{"number": 1, "document_id": "doc_9", "page": 0, "start": 0, "end": 0}, {**PLACE, "number": 2}]
    assert answer["sources"] == {"found": places, "why": None}
    asked = world.engine.prompts[1].messages[-2].content
    assert ("[2] a.md, page 3\n" in asked) == (now is FOUND)
    assert "[1]" not in asked.split("The person's question:")[0].split("\n\n", 1)[-1]


@in_jumping_time
async def test_an_answer_that_is_handed_back_says_what_it_was_made_of() -> None:
    world = world_with_documents()
    world.engine.seconds_per_token = 3.0
    request = world.ask("Quem guarda a chave?")
    async with world.worker():
        await until(lambda: world.shown(request)["content"] != "")
        world.shutdown.hand_back.set()
        await until(lambda: not world.chat.is_empty)
    kept = world.answers.answer(request)
    assert kept and kept.sources == Sources((Source(number=1, document_id="doc_1", page=3, end=30),))
