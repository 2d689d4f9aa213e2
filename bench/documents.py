"""Whether the right passage is found for a question, of ten documents in Portuguese and English, and how long looking
takes among ten thousand chunks. By the laptop's model: it says nothing of Titan."""

import json
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure, figure, percentile, shown
from foreverus.abilities.embed.port import DIMENSIONS
from foreverus.abilities.embed.titan import LEAST_SIMILARITY, TitanEmbedder
from foreverus.aws.data_api import Database
from foreverus.conversations.passages.records import fitting, numbered
from foreverus.documents.chunks import Chunk, chunked
from foreverus.documents.passages import Meant, PostgresPassages, written
from foreverus.documents.reading.kinds import kind_of
from foreverus.documents.reading.process import read_apart
from foreverus.documents.records import BUDGET_TOKENS, MOST_FOUND, PassagesFound
from foreverus.results import migrations
from foreverus.results.logins import Login
from foreverus.results.setup import DatabaseSetup
from local.emulator import Emulator
from local.postgres import Postgres

NAME = "documents"
SET = Path(__file__).parent / "documents_set"
PERSON, MANY = "person", "person with much"
CHUNKS = 10_000
LOOKUPS = 30
MOST_MS = 60.0
LEAST_RECALL = 0.9
QUESTION = "the water price of a window"
VOCABULARY = 20_000  # words, used as those of a language are: the n-th as often as 1/n (Zipf)
NEAREST = """SELECT document_id, number FROM document_chunks WHERE user_id = :person
ORDER BY embedding <=> CAST(:meaning AS vector) LIMIT 5"""
REPEATABLE = 16  # vectors that nobody has said anything with: chance, always the same


@dataclass(frozen=True)
class Place:
    """Where the answer to a question stands: in this file, under this heading or in a chunk with these words."""

    question: str
    file: str
    where: str

    def is_in(self, file: str, heading: str, text: str) -> bool:
        return file == self.file and (heading == self.where or self.where in text)


def places() -> list[Place]:
    return [Place(*one) for one in json.loads((SET / "questions.json").read_text(encoding="utf-8"))]


def documents() -> dict[str, list[Chunk]]:
    """By name, read and cut as people's are."""
    found = {}
    for path in sorted(SET.iterdir()):
        if kind := kind_of(path.name):
            found[path.name] = chunked(read_apart(path.read_bytes(), kind).blocks)
    return found


def measure() -> Iterator[Figure]:
    with emulator() as running:
        owner, database = databases_of(running)
        passages = PostgresPassages(lambda: database)
        embedder = TitanEmbedder(running.client("bedrock-runtime"))
        yield from recall(passages, embedder)
        yield from lookups(passages, owner)


def recall(passages: PostgresPassages, embedder: TitanEmbedder) -> Iterator[Figure]:
    for name, chunks in documents().items():
        passages.keep(PERSON, name, [Meant(one, embedder.embed(one.said).vector) for one in chunks])
    ranks, given = [], []
    for place in places():
        vector = embedder.embed(place.question).vector
        found = passages.find(PERSON, place.question, vector, LEAST_SIMILARITY, MOST_FOUND)
        right = [n for n, one in enumerate(found, 1) if place.is_in(one.document_id, one.heading, one.text)]
        ranks.append(right[0] if right else 0)
        taken = fitting(numbered(PassagesFound(tuple(found), tuple(one.document_id for one in found))))
        given.append(any(rank <= len(taken) for rank in right))
    hits = [float(rank > 0) for rank in ranks]
    what = f"of {len(ranks)} questions over ten documents in Portuguese and English, those with the right passage"
    share = sum(hits) / len(hits)
    yield figure(
        f"{NAME}_recall_at_{MOST_FOUND}",
        [share],
        LEAST_RECALL,
        what=f"{what} among the {MOST_FOUND} that an answer is given",
        unit="of 1",
        at_least=True,
        detail={"ranks": ranks},
    )
    yield figure(
        f"{NAME}_right_source_in_prompt",
        [sum(given) / len(given)],
        LEAST_RECALL,
        what=f"{what} in the prompt's {BUDGET_TOKENS:,} tokens: what a model can cite, and not what it says",
        unit="of 1",
        at_least=True,
    )
    first = sum(rank == 1 for rank in ranks) / len(ranks)
    yield shown(f"{NAME}_right_source_first", [first], what=f"{what} as their first source", unit="of 1")


def lookups(passages: PostgresPassages, owner: Database) -> Iterator[Figure]:
    """As an answer asks, and the bare nearest vectors by the same client, one after the other."""
    chance = random.Random(REPEATABLE)
    words = [*QUESTION.split(), *(f"w{n:x}" for n in range(VOCABULARY))]
    often = [1 / (n + 20) for n in range(len(words))]
    chunks = (
        Meant(Chunk(n, " ".join(chance.choices(words, often, k=150)), 0, 1), direction(chance)) for n in range(CHUNKS)
    )
    passages.keep(MANY, "much", chunks)
    ours, bare = [], []
    for _ in range(LOOKUPS):
        vector = direction(chance)
        asked = {"person": MANY, "meaning": written(vector)}
        bare.append(timed(lambda asked=asked: owner.execute(NEAREST, asked)))
        ours.append(timed(lambda vector=vector: passages.find(MANY, QUESTION, vector, LEAST_SIMILARITY, MOST_FOUND)))
    yield figure(
        f"{NAME}_lookup",
        ours,
        MOST_MS,
        what=f"five passages among {CHUNKS:,} chunks of one person, by meaning and by words, through the Data API",
        unit="ms",
        detail={"p90": percentile(ours, 90), "bare_ms": bare},
    )
    what = "the nearest five vectors of the same chunks alone, by the same client in the same run"
    yield shown(f"{NAME}_lookup_bare", bare, what=what, unit="ms")


def direction(chance: random.Random) -> Sequence[float]:
    drawn = [chance.gauss(0, 1) for _ in range(DIMENSIONS)]
    length = sum(one * one for one in drawn) ** 0.5
    return [one / length for one in drawn]


def timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1000


@contextmanager
def emulator() -> Iterator[Emulator]:
    """With a PostgreSQL, and without a stack."""
    state = Path(tempfile.mkdtemp(prefix="foreverus-bench-"))
    state.chmod(0o755)
    postgres = Postgres(state, state / "postgres.log")
    running = Emulator(state, state / "emulator.log", postgres=postgres.connection_file)
    try:
        postgres.start()
        running.start()
        running.wait()
        yield running
    finally:
        running.stop()
        postgres.close()
        shutil.rmtree(state, ignore_errors=True)


def databases_of(running: Emulator) -> tuple[Database, Database]:
    """One database with our tables, as its owner and as the role that keeps documents."""
    rds, secrets = running.client("rds"), running.client("secretsmanager")
    cluster = rds.create_db_cluster(
        DBClusterIdentifier="documents",
        Engine="aurora-postgresql",
        DatabaseName="documents_data",
        MasterUsername="documents_master",
        MasterUserPassword="of nobody's interest",
        EnableHttpEndpoint=True,
    )["DBCluster"]["DBClusterArn"]
    rds.create_db_instance(
        DBInstanceIdentifier="documents-1",
        DBClusterIdentifier="documents",
        Engine="aurora-postgresql",
        DBInstanceClass="db.serverless",
    )

    def login(name: str, role: str, password: str) -> Database:
        text = json.dumps({"username": role, "password": password})
        arn = secrets.create_secret(Name=name, SecretString=text)["ARN"]
        return Database(running.client("rds-data"), cluster, arn, "documents_data")

    owner = login("owner", "documents_master", "of nobody's interest")
    own = Login(migrations.DOCUMENTS_ROLE, "the password of documents")
    DatabaseSetup(lambda: nullcontext(owner), lambda: [own]).run()
    return owner, login("documents", own.role, own.password)
