"""The table in memory reads as DynamoDB does, under boto3 and our own helper; and growth is a ratio."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from bench import batch_growth, growth
from bench.memory_table import MemoryTable, tables
from foreverus.aws.dynamo import Table

AWS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture
def memory() -> Iterator[MemoryTable]:
    made = MemoryTable()
    with tables(AWS, made):
        yield made


@pytest.fixture
def items(memory: MemoryTable) -> Table:
    for number in (2, 0, 3, 1, 4):
        memory.put({"pk": "P", "sk": f"A#{number}", "n": number})
    memory.put({"pk": "P", "sk": "B#0", "n": 9})
    memory.put({"pk": "Q", "sk": "A#0", "n": 8})
    return Table(boto3.client("dynamodb"), "any")


def test_every_question_that_our_helper_asks_is_answered(items: Table) -> None:
    def found(sk_prefix: str = "", **options: object) -> list[int]:
        return [item["n"] for item in items.query("P", sk_prefix, **options)]  # type: ignore[arg-type]

    assert items.get({"pk": "P", "sk": "A#3"}) == {"pk": "P", "sk": "A#3", "n": 3}
    assert items.get({"pk": "P", "sk": "A#5"}) is None
    assert found() == [0, 1, 2, 3, 4, 9]
    assert found("A#") == [0, 1, 2, 3, 4]
    assert found("A#", newest_first=True, limit=2) == [4, 3]
    assert found("A#", newest_first=True, limit=2, before="A#3") == [2, 1]
    assert found(before="A#2") == [0, 1]
    assert found(page=2) == [0, 1, 2, 3, 4, 9]
    assert found(page=2, newest_first=True) == [9, 4, 3, 2, 1, 0]
    assert [item["n"] for item in items.query("nobody")] == []


def test_a_page_ends_at_a_megabyte(memory: MemoryTable) -> None:
    for number in range(30):
        memory.put({"pk": "P", "sk": f"{number:02}", "filler": "x" * 90_000})
    assert len(list(Table(boto3.client("dynamodb"), "any").query("P"))) == 30
    assert memory.requests == 3


def test_a_question_that_it_does_not_know_is_an_error(memory: MemoryTable) -> None:
    with pytest.raises(KeyError):
        boto3.client("dynamodb").delete_item(TableName="t", Key={"pk": {"S": "P"}, "sk": {"S": "A"}})


def test_growth_is_for_each_item_that_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A work's length stands for the seconds that it takes."""
    taken: list[int] = []

    def cpu_of(table: MemoryTable, work: growth.Work, repeats: int) -> float:
        taken.append(repeats)
        return float(work())

    monkeypatch.setattr(growth, "cpu_of", cpu_of)
    monkeypatch.setattr(growth, "enough", lambda work: 20)
    assert growth.grown(MemoryTable(), lambda: 2.0, lambda: 30.0, samples=2, items=10) == [1.5, 1.5]
    assert taken == [20, 2, 20, 2], "a larger work is done less often, in turn with the smaller one"
    assert growth.grown(MemoryTable(), lambda: 2.0, lambda: 3.0, samples=1) == [1.5]


def test_a_batch_goes_all_its_steps() -> None:
    spent = batch_growth.steps(120)
    assert spent.keys() == {"validation", "plan", "files"} and min(spent.values()) > 0


def test_a_worker_in_memory_answers_a_batch_of_two_shards() -> None:
    assert 10_000 < batch_growth.worker_memory(120) < 50_000_000


SMALL = """
from bench import growth
growth.MESSAGES, growth.SESSIONS, growth.CONVERSATIONS = (4, 20), (2, 402), (2, 402)
growth.enough = lambda work: 1
print(*(figure.name for figure in growth.measure(1)))
"""


def test_the_api_lists_what_the_table_in_memory_holds() -> None:
    """In a process of its own: the API's services are made once a process, and these have a table of their own."""
    root = Path(__file__).resolve().parents[3]
    environment = {"PYTHONPATH": f"{root}:{root / 'src'}", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", SMALL], env=environment, capture_output=True, text=True, check=False)
    names = ("get_messages", "thread", "prompt", "conversations_first", "conversations_20th")
    names += ("sessions_first", "sessions_20th")
    assert done.stdout.split() == [f"growth_{name}" for name in names], done.stdout + done.stderr
