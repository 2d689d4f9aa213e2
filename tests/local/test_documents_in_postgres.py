"""Chunks of documents in a real PostgreSQL with pgvector, by the login that keeps and finds them, as one person and as
another."""

import json
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from botocore.exceptions import ClientError

from foreverus.abilities.embed.memory import MemoryEmbedder
from foreverus.aws import data_api
from foreverus.documents.chunks import Chunk
from foreverus.documents.passages import Meant, PostgresPassages, forget_document
from foreverus.results import migrations
from foreverus.results.logins import Login
from foreverus.results.setup import DatabaseSetup
from local.emulator import Emulator
from tests import cloud as clouds
from tests.cloud import unique
from tests.local.test_rds_data_api import Database

pytestmark = pytest.mark.cloud

ALL = "SELECT user_id FROM document_chunks"


class Scene:
    """A database as a deployment sets it up, and the login of documents."""

    def __init__(self, emulator: Emulator) -> None:
        found = Database(emulator)
        place = found.place
        self.owner = data_api.Database(found.api, place["resourceArn"], place["secretArn"], found.name)
        login = Login(migrations.DOCUMENTS_ROLE, "the password of documents")
        secret = json.dumps({"username": login.role, "password": login.password})
        arn = emulator.client("secretsmanager").create_secret(Name=unique("documents"), SecretString=secret)["ARN"]
        DatabaseSetup(lambda: nullcontext(self.owner), lambda: [login]).run()
        self.database = data_api.Database(found.api, place["resourceArn"], arn, found.name)
        self.passages = PostgresPassages(lambda: self.database)
        self.embedder = MemoryEmbedder()

    def keep(self, user: str, document: str, *texts: str) -> None:
        chunks = [Chunk(number, text, 10 * number, 10 * number + len(text), 1) for number, text in enumerate(texts)]
        self.passages.keep(user, document, [Meant(one, self.embedder.embed(one.text).vector) for one in chunks])

    def find(self, user: str, question: str, least: float = 0.9, most: int = 5) -> list[tuple[str, str]]:
        found = self.passages.find(user, question, self.embedder.embed(question).vector, least, most)
        return [(one.document_id, one.text) for one in found]


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """In a PostgreSQL of its own: its roles are everybody's."""
    with clouds.emulator(patched=True) as emulator:
        yield Scene(emulator)


def test_a_chunk_is_found_by_its_words_whatever_its_vector_says(scene: Scene) -> None:
    ana = unique("ana")
    scene.keep(ana, "doc_1", "As operações bancárias foram encerradas", "O gato dorme")
    assert scene.find(ana, "Qual operação?") == [("doc_1", "As operações bancárias foram encerradas")]


def test_a_chunk_is_found_by_its_direction_whatever_its_words_are(scene: Scene) -> None:
    """The twin's direction is of exact words: with one of them that says nothing in the index."""
    ana = unique("ana")
    scene.keep(ana, "doc_1", "de la", "outra coisa")
    assert scene.find(ana, "de la") == [("doc_1", "de la")]


def test_what_has_both_comes_first(scene: Scene) -> None:
    ana = unique("ana")
    scene.keep(ana, "doc_1", "casa amarela grande com jardim", "casa azul", "nada disso")
    assert next(text for _, text in scene.find(ana, "casa azul", least=0.1)) == "casa azul"


def test_nothing_is_found_where_nothing_fits(scene: Scene) -> None:
    ana = unique("ana")
    scene.keep(ana, "doc_1", "casa azul")
    assert scene.find(ana, "zebra") == []
    assert scene.find(unique("bia"), "casa azul") == []


@pytest.mark.parametrize("question", ["", "de", "!!!", "' OR 1=1 --", "a & b | !c:*", "\\", "('", "\0", "\ud800", "😀"])
def test_no_question_is_an_error(scene: Scene, question: str) -> None:
    scene.find(unique("ana"), question)


def test_another_person_finds_reads_writes_and_deletes_nothing(scene: Scene) -> None:
    ana, rui = unique("ana"), unique("rui")
    scene.keep(ana, "doc_1", "segredo da Ana")
    assert scene.find(rui, "segredo da Ana", least=0.0) == []
    with scene.database.transaction(rui):
        assert scene.database.execute(ALL) == []
    assert scene.database.execute(ALL) == []  # nobody is nobody's
    with scene.database.transaction(rui):
        scene.database.execute("DELETE FROM document_chunks")
    with pytest.raises((ClientError, data_api.RowsRefused)), scene.database.transaction(rui):
        scene.database.execute(
            "INSERT INTO document_chunks"
            " (user_id, document_id, number, content, page, heading, start_at, end_at, embedding)"
            " SELECT :ana, 'doc_9', 1, 'x', 0, '', 0, 1, array_fill(0, ARRAY[512])::vector",
            {"ana": ana},
        )
    assert scene.find(ana, "segredo") == [("doc_1", "segredo da Ana")]


def test_who_keeps_documents_sees_nothing_else_of_the_database(scene: Scene) -> None:
    tables = [row[0] for row in scene.owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    may = "SELECT has_table_privilege('foreverus_documents', :name, :right)"
    given = {
        (table, right)
        for table in tables
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
        if scene.owner.execute(may, {"name": table, "right": right})[0][0]
    }
    assert given == {("document_chunks", right) for right in ("SELECT", "INSERT", "DELETE")}


def test_a_document_is_kept_anew_and_forgotten(scene: Scene) -> None:
    ana = unique("ana")
    scene.keep(ana, "doc_1", "primeira versão", "e mais")
    scene.keep(ana, "doc_2", "outro documento")
    scene.keep(ana, "doc_1", "segunda versão")
    assert scene.find(ana, "versão") == [("doc_1", "segunda versão")]
    scene.passages.forget(ana, "doc_1")
    assert scene.find(ana, "versão") == []
    forget_document(scene.owner, ana, "doc_2")
    assert scene.find(ana, "outro documento") == []


def test_more_chunks_than_one_request_takes(scene: Scene) -> None:
    ana = unique("ana")
    scene.keep(ana, "doc_1", *(f"parte {number} \U0001f600" for number in range(250)))
    assert ("doc_1", "parte 249 \U0001f600") in scene.find(ana, "parte 249", most=300)
