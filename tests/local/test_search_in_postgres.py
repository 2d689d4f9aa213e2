"""Search over what was said, in a real PostgreSQL, by the login that has nothing but this question."""

import json
import re
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from foreverus.aws import data_api
from foreverus.conversations.records import Answer, AnswerStatus, Conversation, Question
from foreverus.conversations.search.records import TextsFound
from foreverus.results import migrations, rows
from foreverus.results.logins import Login
from foreverus.results.search import MessageSearch
from foreverus.results.setup import DatabaseSetup
from foreverus.results.writing import RowWriter
from local.emulator import Emulator
from tests import cloud as clouds
from tests.cloud import unique
from tests.local.test_rds_data_api import Database

pytestmark = pytest.mark.cloud

AT = "2026-01-01T00:01:00.000Z"
ANA, RUI = "ana", "rui"


class Scene:
    """A database as a deployment sets it up, what is written in it, and who searches."""

    def __init__(self, emulator: Emulator) -> None:
        found = Database(emulator)
        self.owner = data_api.Database(found.api, found.place["resourceArn"], found.place["secretArn"], found.name)
        login = Login(migrations.SEARCHER_ROLE, "the password of who searches")
        secret = json.dumps({"username": login.role, "password": login.password})
        arn = emulator.client("secretsmanager").create_secret(Name=unique("searcher"), SecretString=secret)["ARN"]
        DatabaseSetup(lambda: nullcontext(self.owner), lambda: [login]).run()
        self.searcher = data_api.Database(found.api, found.place["resourceArn"], arn, found.name)
        self.made = 0

    def say(self, user: str, *contents: str, title: str = "A talk") -> str:
        """A conversation with these as questions, each answered with `Hm.`; its id."""
        self.made += 1
        conversation_id = f"conv_{self.made:028x}"
        writer = RowWriter(self.owner)
        conversation = Conversation(
            conversation_id=conversation_id, user_id=user, title=title, created_at=AT, updated_at=AT
        )
        exchanges: list[rows.Row] = []
        for n, content in enumerate(contents):
            message_id = f"msg_{self.made:014x}{n:014x}"
            question = Question(
                message_id=message_id, conversation_id=conversation_id, user_id=user, content=content, created_at=AT
            )
            answer = Answer(
                message_id=message_id, conversation_id=conversation_id, status=AnswerStatus.ANSWERED, content="Hm."
            )
            exchanges += rows.message_rows(question, answer)
        writer.write("users", "user_id", [{"user_id": user}])
        writer.write("conversations", "conversation_id", [rows.conversation_row(conversation)])
        writer.write("messages", "message_id", exchanges)
        assert writer.refused == []
        return conversation_id

    def search(self, user: str, words: str, before: str = "", most: int = 100) -> list[str]:
        """The conversations' ids."""
        return [hit.conversation_id for hit in self.asked(user, words, before, most).hits]

    def asked(self, user: str, words: str, before: str = "", most: int = 100) -> TextsFound:
        found = MessageSearch(lambda: self.searcher, lambda: datetime.now(UTC)).search(user, words, before, most)
        assert found.why is None
        return found


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """In a PostgreSQL of its own: its roles are everybody's, and who made them may alone grant them."""
    with clouds.emulator(patched=True) as emulator:
        yield Scene(emulator)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("O que é fotossíntese?", "FOTOSSINTESE"),
        ("O que é fotossíntese?", "fotossíntese"),
        ("o que e fotossintese", "Fotossíntese"),
        ("São três operações bancárias", "operação"),
        ("São três operações bancárias", "operacoes bancaria"),
        ("Uma operação", "operações"),
        ("O animal dorme", "animais"),
        ("Os homens e as viagens", "homem viagem"),
        ("Nós corremos muito", "correr"),
        ("She was running happily", "run"),
        ("The connections failed", "connected"),
        ("Cac\u0327a\u0303o e\u0301 fruta", "cação"),  # each mark a character of its own
        ("ÁRVORE GENEALÓGICA", "arvore"),
        ("def quicksort(items): pass", "quicksort"),
        ("fotossíntese explicada", "explicada fotoss"),  # somebody is still typing
        ("Era uma vez um gato", "o gato de isso the"),  # words that say nothing narrow nothing
        ("to be or not to be", "to be"),  # but alone they are what was typed
        ("Mail to ana@example.com", "ana@example.com"),
        ("C'est 100% l'été & <b>x</b>", "été"),
        ("日本語 テキスト", "日本語"),
    ],
)
def test_words_are_found_in_both_languages_with_case_and_accents_forgiven(scene: Scene, said: str, words: str) -> None:
    user = unique("reader")
    found, other = scene.say(user, said), scene.say(user, "algo bem diferente / something else entirely")
    assert scene.search(user, words) == [found]
    assert other not in scene.search(user, words)


@pytest.mark.parametrize(
    "words", ["zebra", "de", "!!!", "' OR 1=1 --", "a & b | !c:*", "\\", "%", "('", "\0", "\ud800", "😀", "x" * 200]
)
def test_what_was_not_said_is_not_found_and_no_words_are_an_error(scene: Scene, words: str) -> None:
    scene.say(user := unique("reader"), "Uma conversa qualquer.")
    assert scene.search(user, words) == []


def test_all_words_must_stand_in_one_message_and_the_newest_one_is_named(scene: Scene) -> None:
    user = unique("reader")
    scene.say(user, "O gato dorme", "O rato come")
    both = scene.say(user, "gato e rato", "de novo: rato, gato", "outra coisa")
    (hit,) = scene.asked(user, "gato rato").hits
    assert hit.conversation_id == both
    assert hit.message_id.endswith("1")


def test_nobody_finds_what_somebody_else_said(scene: Scene) -> None:
    ana, rui = unique(ANA), unique(RUI)
    hers, his = scene.say(ana, "O segredo da Ana"), scene.say(rui, "O segredo do Rui")
    assert scene.search(ana, "segredo") == [hers]
    assert scene.search(rui, "segredo") == [his]
    assert scene.search("", "segredo") == scene.search("%", "segredo") == []


def test_pages_go_on_behind_the_last_one(scene: Scene) -> None:
    user = unique("reader")
    said = [scene.say(user, f"maré {n}") for n in range(7)][::-1]
    assert scene.search(user, "mare", most=3) == said[:3]
    assert scene.search(user, "mare", before=said[2], most=3) == said[3:6]
    assert scene.search(user, "mare", before=said[6]) == []


def test_who_searches_sees_no_table_and_changes_nothing(scene: Scene) -> None:
    user = unique("reader")
    scene.say(user, "um segredo")
    for sql in (
        "SELECT * FROM messages", "SELECT * FROM conversations", "SELECT * FROM users", "SELECT * FROM sessions",
        "SELECT * FROM usage", "SELECT * FROM batches", "SELECT * FROM erased_people", "SELECT * FROM migrations",
        "DELETE FROM messages", "INSERT INTO erased_conversations VALUES ('conv_1')", "CREATE TABLE mine (a int)",
        "CREATE TEMPORARY TABLE mine (a int)", "SET ROLE foreverus_results", "SELECT content FROM messages",
    ):  # fmt: skip
        with pytest.raises(ClientError, match=r"42501|denied|42P01"):
            scene.searcher.execute(sql)


def test_nobody_else_may_ask_for_other_peoples_messages(scene: Scene) -> None:
    may = "SELECT has_function_privilege(:role, 'search_messages(text, text, text, bigint)', 'EXECUTE')"
    for role, expected in {
        migrations.SEARCHER_ROLE: True,
        migrations.RESULTS_ROLE: False,
        migrations.ERASER_ROLE: False,
    }.items():
        assert scene.owner.execute(may, {"role": role})[0][0] is expected, role


@pytest.mark.parametrize("word", ["a{} ", "ação{}-b{}/c{}.org ", "\U00020000{} ", "x{}\n"])
def test_no_text_is_too_long_or_too_strange_to_be_kept(scene: Scene, word: str) -> None:
    n = 300_000 // len(word.format(1000, 1000, 1000).encode())
    text = "comeco " + "".join(word.format(i, i, i) for i in range(n))
    user = unique("reader")
    kept = scene.say(user, text)
    assert scene.search(user, "comeco") == [kept]


def test_the_index_serves_words_that_few_messages_have(scene: Scene) -> None:
    """And for words that most have, the order in which they are given out: neither reads what everybody said."""
    fill = """
        INSERT INTO messages (message_id, conversation_id, role, content, status, created_at)
        SELECT 'msg_many_' || c.conversation_id || n, c.conversation_id, 'user',
               'uma mensagem comum numero ' || n || CASE WHEN n % 997 = 0 THEN ' hipopotamo' ELSE '' END,
               'accepted', now()
        FROM conversations c CROSS JOIN generate_series(1, 4000) n WHERE c.user_id = :user
    """
    users = [unique("reader") for _ in range(5)]
    for user in users:
        scene.say(user, "princípio")
        scene.owner.execute(fill, {"user": user})
    scene.owner.execute("ANALYZE messages")
    scene.owner.execute("ANALYZE conversations")
    (source,) = scene.owner.execute("SELECT prosrc FROM pg_proc WHERE proname = 'search_messages'")
    question = re.search(r"RETURN QUERY(.*?);", source[0], re.DOTALL)
    assert question

    def plan(words: str) -> str:
        given = {"person": f"'{users[0]}'", "before": "''", "looked_for": "''", "most": "21"}
        sql = re.sub(r"\b(person|before|looked_for|most)\b", lambda one: given[one[0]], question[1])
        sql = re.sub(r"\bwanted\b", f"search_query('{words}')", sql)
        return "\n".join(row[0] for row in scene.owner.execute(f"EXPLAIN {sql}"))

    assert "messages_by_words" in plan("hipopotamo")
    assert "Seq Scan on messages" not in plan("hipopotamo")
    assert scene.search(users[0], "hipopotamo") != []
