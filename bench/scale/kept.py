"""What a busy day leaves: 10,000 conversations of a thousand people, and 1,000 files. Whether a person's first lists
and what the sweep looks for read more where others have kept more.

The API's own handler and the sweep's own duties, over boto3 and a table in memory (bench/growth.py): bytes and requests
are counted, so neither the machine nor its other work changes them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context

from bench.cold_start import environment
from bench.figures import Figure, figure, shown
from bench.growth import AT, asked, put_one
from bench.memory_table import MemoryTable, tables
from foreverus import ids
from foreverus.aws import keys
from foreverus.files.records import File, FilePurpose, FileStatus
from foreverus.files.store import to_item

NAMES = ("scale_conversations", "scale_files")
CONVERSATIONS, FILES = (100, 1_000, 10_000), (100, 1_000)
EACH = 10  # conversations of a person, and files
RETENTION_DAYS = "30"
MOST_GROWTH = 1.1
# Of who has all of them alone: OpenAI's own limit of a list of files is 10,000, so a client says how many it wants.
PAGES: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "conversations": {"a_page_of_one_person": {"limit": "20"}},
    "files": {
        "a_page_of_one_person": {"limit": "20"},
        "a_page_of_one_purpose": {"limit": "20", "purpose": "batch"},
        "a_page_oldest_first": {"limit": "20", "order": "asc"},
        "a_later_page_oldest_first": {"limit": "20", "order": "asc", "after": f"file_{50:028d}"},
    },
}
Fill = Callable[[MemoryTable, int, int], None]
Read = tuple[int, int]  # requests, bytes
DUTIES = ("unused conversations", "expired files", "chats on Bedrock", "stuck messages", "lost reservations")


def measure(names: Sequence[str]) -> Iterator[Figure]:
    if "scale_conversations" in names:
        yield from grown("conversations", CONVERSATIONS, put_conversations)
    if "scale_files" in names:
        yield from grown("files", FILES, put_files)


def grown(what: str, sizes: Sequence[int], fill: Fill) -> Iterator[Figure]:
    """`fill` puts so many of them in. Once the first person has EACH of them, and once all."""
    with get_context("spawn").Pool(1) as beside:  # what the API's modules keep of boto3 is of this table alone
        each = beside.apply(reads, (what, sizes, fill))
    for size, found in zip(sizes, each, strict=True):
        for name, (requests, read) in found.items():
            yield shown(
                f"scale_{what}_{name}_{size}",
                [read / 1e3],
                what=f"KB read by {name.replace('_', ' ')} where {size:,} {what} are kept, in {requests} requests",
                unit="KB",
                requests=requests,
            )
    for name in each[0]:
        (_, small), (_, large) = each[0][name], each[-1][name]
        yield figure(
            f"scale_{what}_growth_{name}",
            [large / small],
            MOST_GROWTH,
            what=f"bytes read by {name.replace('_', ' ')}: {sizes[-1]:,} {what} kept / {sizes[0]:,}",
            unit="x",
        )


def reads(what: str, sizes: Sequence[int], fill: Fill) -> list[dict[str, Read]]:
    """Of the first list and of the sweep, for each size."""
    from foreverus.bootstrap.sweep import duties

    table, found = MemoryTable(), []
    with tables(environment() | {"CONVERSATION_RETENTION_DAYS": RETENTION_DAYS}, table):
        looks = [find for name, find in duties().items() if name in DUTIES]
        for size in sizes:
            table.partitions.clear()
            fill(table, size, EACH)
            lists = {
                "the_first_list": counted(table, lambda: asked(f"/{what}", person(0))),
                "the_sweep": counted(table, lambda: [list(find()) for find in looks]),
            }
            table.partitions.clear()
            fill(table, size, size)
            for name, query in PAGES[what].items():
                lists[name] = counted(table, lambda query=query: asked(f"/{what}", person(0), query))  # type: ignore[misc]
            found.append(lists)
    return found


def counted(table: MemoryTable, work: Callable[[], object]) -> Read:
    requests, read = table.requests, table.read_bytes
    work()
    return table.requests - requests, table.read_bytes - read


def person(number: int) -> str:
    return f"user-{number:06d}"


def put_conversations(table: MemoryTable, count: int, each: int) -> None:
    """Of today, each filed by when it was begun."""
    now = datetime.now(UTC)
    for number in range(count):
        owner, conversation_id = person(number // each), f"conv_{number:028d}"
        put_one(table, owner, conversation_id)
        at = ids.timestamp(now - timedelta(seconds=86_400 * number / count))
        table.put({**keys.idle_conversation_key(at, conversation_id), "user_id": owner})


def put_files(table: MemoryTable, count: int, each: int) -> None:
    """Each is to be deleted in a month."""
    ends = datetime.now(UTC) + timedelta(days=30)
    for number in range(count):
        owner, file_id = person(number // each), f"file_{number:028d}"
        at = ids.timestamp(ends + timedelta(seconds=number))
        file = File(
            file_id=file_id,
            user_id=owner,
            filename=f"questions {number}.jsonl",
            bytes=5_000_000,
            purpose=FilePurpose.BATCH,
            status=FileStatus.UPLOADED,
            created_at=AT,
            object_key=f"files/{owner}/{file_id}",
            expires_at=at,
        )
        table.put(to_item(file))
        table.put({**keys.expiring_file_key(at, file_id), "user_id": owner, "file_id": file_id})
