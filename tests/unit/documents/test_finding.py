"""Finding: only in documents that are there and ready, and saying why where nobody could look."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from foreverus import bootstrap, ids
from foreverus.abilities.embed.memory import MemoryEmbedder
from foreverus.aws.data_api import Asleep, Unanswered
from foreverus.documents.finding import PassageFinder, WhyNone
from foreverus.documents.records import Document, DocumentStatus, Passage
from foreverus.documents.store import DocumentStore
from foreverus.errors import EngineBusy
from tests.unit.conftest import Aws


@dataclass
class Kept:
    found: list[Passage] = field(default_factory=list)
    error: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def find(self, user_id: str, words: str, vector: Sequence[float], least: float, most: int) -> list[Passage]:
        self.asked.append(user_id)
        if self.error:
            raise self.error
        return self.found[:most]


@dataclass
class Scene:
    finder: PassageFinder
    kept: Kept
    embedder: MemoryEmbedder
    relogged: list[bool]

    def document(self, user: str = "user-1", status: DocumentStatus = DocumentStatus.READY) -> str:
        now = bootstrap.aws.clock()
        made = Document(
            document_id=ids.new_id("doc", now), user_id=user, filename="a.md", bytes=1, created_at=ids.timestamp(now)
        )
        store = self.finder.store
        store.create(made)
        store.change(made, status, now)
        return made.document_id


@pytest.fixture
def scene(aws: Aws) -> Scene:
    kept, embedder, relogged = Kept(), MemoryEmbedder(), list[bool]()
    finder = PassageFinder(
        DocumentStore(aws.items),
        embedder,
        kept,
        0.25,
        lambda: relogged.append(True),  # type: ignore[arg-type]
    )
    return Scene(finder, kept, embedder, relogged)


def test_passages_of_documents_that_are_ready_are_found_with_their_names(scene: Scene) -> None:
    there, deleted = scene.document(), "doc_deleted"
    reading = scene.document(status=DocumentStatus.READING)
    scene.kept.found = [Passage(document_id=one, number=0, text="x") for one in (deleted, reading, there)]
    found = scene.finder.find("user-1", "x?")
    assert [one.document_id for one in found.passages] == [there]
    assert (found.names, found.why) == (("a.md",), None)


def test_who_has_no_document_costs_nothing_and_asks_nobody(scene: Scene) -> None:
    scene.document("user-2")
    found = scene.finder.find("user-1", "x?")
    assert (found.passages, scene.kept.asked, scene.embedder.asked) == ((), [], [])


@pytest.mark.parametrize(
    ("error", "why"),
    [(Asleep("s"), WhyNone.WAKING), (Unanswered("u"), WhyNone.UNAVAILABLE)],
)
def test_a_database_that_does_not_answer_is_said(scene: Scene, error: Exception, why: WhyNone) -> None:
    scene.document()
    scene.kept.error = error
    assert scene.finder.find("user-1", "x?").why is why
    assert bool(scene.relogged) is (why is WhyNone.UNAVAILABLE)


def test_a_question_that_cannot_be_embedded_is_said(scene: Scene) -> None:
    scene.document()
    scene.embedder.fail_next(EngineBusy("busy"))
    assert scene.finder.find("user-1", "x?").why is WhyNone.NOT_EMBEDDED
    assert replace(scene.finder).find("user-1", "x?").why is None
