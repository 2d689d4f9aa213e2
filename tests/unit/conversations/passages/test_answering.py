"""Who answers on Bedrock has passages looked for, and what an answer says of them; and the function that looks."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import pytest

from foreverus import bootstrap, ids
from foreverus.abilities.embed.memory import MemoryEmbedder
from foreverus.aws import keys, person_keys
from foreverus.backends.port import BackendName
from foreverus.conversations.passages.asking import DocumentPassages
from foreverus.conversations.passages.finding import QuestionPassages
from foreverus.conversations.passages.looking import MOST_S
from foreverus.conversations.passages.memory import MemorySources
from foreverus.conversations.passages.records import HEADING
from foreverus.conversations.records import MessageRef, PartialAnswer
from foreverus.documents.finding import PassageFinder
from foreverus.documents.records import Document, DocumentStatus, Passage, PassagesFound
from foreverus.documents.sources import Source, Sources, WhyNone
from foreverus.documents.store import DocumentStore, has_ready
from foreverus.errors import NotFound
from tests.unit.conftest import Aws
from tests.unit.conversations.bedrock.scene import USER, Scene
from tests.unit.documents.test_finding import Kept
from tests.unit.worker.harness import in_jumping_time

KEY = Passage(document_id="doc_1", number=0, text="A chave fica com dona Zuleide.", page=3, end=30)
SHOWN = {"found": [{"number": 1, "document_id": "doc_1", "page": 3, "start": 0, "end": 30}], "why": None}


def document(aws: Aws, user: str = USER, status: DocumentStatus = DocumentStatus.READY) -> Document:
    now, store = bootstrap.aws.clock(), DocumentStore(aws.items)
    made = Document(
        document_id=ids.new_id("doc", now), user_id=user, filename="a.md", bytes=1, created_at=ids.timestamp(now)
    )
    store.create(made)
    reading = store.change(made, DocumentStatus.READING, now)
    assert reading
    if status is DocumentStatus.READY:
        assert store.ready(reading, now, chunks=1)
    else:
        store.change(reading, status, now)
    return store.get(user, made.document_id)


@dataclass
class Function:
    """As Lambda runs it: what it returns is JSON."""

    of: QuestionPassages
    events: list[Mapping[str, object]] = field(default_factory=list)
    error: Exception | None = None

    def ask(self, event: Mapping[str, object]) -> bytes:
        self.events.append(event)
        if self.error:
            raise self.error
        return json.dumps(asdict(self.of.find(str(event["conversation_id"]), str(event["message_id"])))).encode()


def function(aws: Aws, *passages: Passage) -> Function:
    finder = PassageFinder(DocumentStore(aws.items), MemoryEmbedder(), Kept(list(passages)), 0.25, lambda: None)
    return Function(QuestionPassages(aws.items, finder))


def scene(aws: Aws, function: Function) -> Scene:
    made = Scene(aws)
    made.passages = DocumentPassages(aws.items, function)
    return made


@in_jumping_time
async def test_the_models_prompt_has_them_and_the_answer_says_which(aws: Aws) -> None:
    mine = document(aws)
    asked = function(aws, Passage(**{**asdict(KEY), "document_id": mine.document_id}))
    world = scene(aws, asked)
    conversation, message = world.ask("Quem guarda a chave?")
    await world.run(conversation)
    (prompt,) = world.backend.prompts
    assert prompt.messages[-1].content == (
        f"{HEADING}\n\n[1] a.md, page 3\n> A chave fica com dona Zuleide.\n\n"
        "The person's question:\nQuem guarda a chave?"
    )
    answer = world.answer_to(conversation)
    assert answer["sources"] == {"found": [{**SHOWN["found"][0], "document_id": mine.document_id}], "why": None}
    assert asked.events == [{"conversation_id": conversation, "message_id": message}], "nobody's id, no question"
    kept = json.dumps(aws.items.get(keys.answer_key(conversation, message)), default=str)
    assert "Zuleide" not in kept and "a.md" not in kept
    world.ask("E agora?", conversation)
    asked.of.finder.passages.found.clear()  # type: ignore[attr-defined]
    await world.run(conversation)
    assert [one.content for one in world.backend.prompts[-1].messages[1:]] == [
        "Quem guarda a chave?",
        answer["content"],
        "E agora?",
    ], "they are in no later turn's history"
    assert world.answer_to(conversation)["sources"] == {"found": [], "why": "nothing_found"}


@pytest.mark.parametrize("who", ["has none", "somebody else has", "it is still read", "it failed", "deleted", "off"])
@in_jumping_time
async def test_nobody_is_asked_for_somebody_without_documents(aws: Aws, who: str) -> None:
    asked = function(aws, KEY)
    world = scene(aws, asked)
    conversation, _ = world.ask("Quem guarda a chave?")
    if who == "somebody else has":
        document(aws, "user-2")
    if who in ("it is still read", "it failed"):
        document(aws, status=DocumentStatus.READING if who == "it is still read" else DocumentStatus.FAILED)
    if who == "deleted":
        DocumentStore(aws.items).delete(document(aws), bootstrap.aws.clock())
    if who == "off":
        document(aws)
        world.service.change(USER, conversation, {"documents": False})
    await world.run(conversation)
    assert (asked.events, world.answer_to(conversation)["sources"]) == ([], None)
    assert world.backend.prompts[0].messages[-1].content == "Quem guarda a chave?"


@pytest.mark.parametrize("broken", ["it fails", "it takes too long"])
@in_jumping_time
async def test_an_answer_is_begun_without_passages_that_do_not_come(aws: Aws, broken: str) -> None:
    document(aws)
    asked = function(aws, KEY)
    asked.error = TimeoutError("read timed out") if broken == "it fails" else None
    world = scene(aws, asked)
    world.latency_s = 0.01 if broken == "it fails" else MOST_S + 1
    conversation, _ = world.ask("Quem guarda a chave?")
    await world.run(conversation)
    answer = world.answer_to(conversation)
    assert (answer["status"], answer["sources"]) == ("answered", {"found": [], "why": "database_unavailable"})


@in_jumping_time
async def test_bedrock_writes_anew_what_a_gpu_began_and_says_what_it_was_given_itself(aws: Aws) -> None:
    world = Scene(aws)
    document(aws)
    world.passages = MemorySources(found=PassagesFound((KEY,), ("a.md",)))
    conversation, message = world.ask("Quem guarda a chave?")
    old = Sources((Source(number=1, document_id="doc_9"), Source(number=2, document_id="doc_1", page=3, end=30)))
    world.answering().writer.answers.checkpoint(
        MessageRef(message, conversation, USER), PartialAnswer("Com [2]", 3, sources=old), "ses_1"
    )
    await world.run(conversation)
    assert world.answer_to(conversation)["sources"] == SHOWN


def test_a_question_that_does_not_wait_is_looked_for_by_nobody(aws: Aws) -> None:
    document(aws)
    world, asked = Scene(aws), function(aws, KEY)
    conversation, message = world.ask("Quem guarda a chave?")
    other, _ = world.ask("Oi", backend=BackendName.GPU)
    for names in (("conv_nobody", message), (other, message), (conversation, "msg_999")):
        with pytest.raises(NotFound):
            asked.of.find(*names)
    asked.of.find(conversation, message)
    world.pending.forget(message)
    with pytest.raises(NotFound):
        asked.of.find(conversation, message)


def test_whose_documents_says_what_waits_and_not_the_question(aws: Aws) -> None:
    """A stolen machine may write questions, and nothing that waits."""
    world, asked = Scene(aws), function(aws, KEY)
    document(aws, "user-2")
    conversation, message = world.ask("Quem guarda a chave?")
    aws.items.update(keys.question_key(conversation, message), "SET user_id = :other", {":other": "user-2"})
    assert asked.of.find(conversation, message) == PassagesFound()
    assert asked.of.finder.passages.asked == []  # type: ignore[attr-defined]


def test_which_documents_can_be_asked_is_kept_with_each_change_of_them(aws: Aws) -> None:
    store, now = DocumentStore(aws.items), bootstrap.aws.clock()
    first, second = document(aws), document(aws)
    ready = aws.items.get(person_keys.ready_documents_key(USER)) or {}
    assert ready["ids"] == {first.document_id, second.document_id}
    store.delete(first, now)
    assert has_ready(aws.items, USER)
    store.delete(second, now)
    store.delete(second, now)
    assert not has_ready(aws.items, USER)
    assert not store.ready(second, now), "nobody makes a deleted one ready"
    assert not has_ready(aws.items, USER)


@pytest.mark.parametrize("told", ['{"errorMessage": "x"}', "[]", '{"passages": [{}], "names": [], "why": null}', "no"])
def test_what_is_no_answer_of_the_function_is_no_passage(aws: Aws, told: str) -> None:
    class Strange:
        def ask(self, event: Mapping[str, object]) -> bytes:
            return told.encode()

    found = DocumentPassages(aws.items, Strange()).find(MessageRef("msg_1", "conv_1", USER))
    assert found == PassagesFound(why=WhyNone.UNAVAILABLE)
