"""A document's life: announced, put, read, embedded, paid for, looked at, deleted; nobody else's at any moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from foreverus import bootstrap, ids
from foreverus.abilities.embed.memory import MemoryEmbedder
from foreverus.abilities.embed.port import Embedding
from foreverus.api.listing import MAX_LIST_BYTES, answer_bytes
from foreverus.api.requests import RequestAttempt
from foreverus.aws import keys
from foreverus.aws.s3_memory import MemoryObjects
from foreverus.costs.ledger import LedgerStore
from foreverus.costs.meter import month_of
from foreverus.costs.purse import PurseStore
from foreverus.deletions.owed import OwedDeletions, OwedKind
from foreverus.documents import indexing
from foreverus.documents.chunks import MOST_HEADINGS
from foreverus.documents.indexing import TRIES, DocumentIndexer
from foreverus.documents.passages import Meant
from foreverus.documents.reading.kinds import read
from foreverus.documents.reading.records import DocumentKind, ReadDocument, Trouble, Unreadable
from foreverus.documents.records import (
    KEPT_KEYS,
    MOST_DOCUMENTS,
    READING_TAKES,
    DocumentStatus,
    document_arrival_key,
    headings_key,
    text_key,
)
from foreverus.documents.service import MOST_SHOWN, Documents
from foreverus.documents.store import DocumentStore
from foreverus.errors import Conflict, EngineBusy, InvalidRequest, NotFound
from tests.unit.conftest import Aws

TEXT = "# Ursos\n\nOs ursos dormem no inverno.\n\n# Peixes\n\nOs peixes nadam."


@dataclass
class MemoryPassages:
    """What is kept, by person and document."""

    kept: dict[tuple[str, str], list[Meant]] = field(default_factory=dict)

    def keep(self, user_id: str, document_id: str, chunks: list[Meant]) -> None:
        self.kept[user_id, document_id] = list(chunks)

    def forget(self, user_id: str, document_id: str) -> None:
        self.kept.pop((user_id, document_id), None)


@dataclass
class Desk:
    """A person's documents, and who reads them."""

    world: Aws
    cap: float = 20.0
    asked: list[Mapping[str, str]] = field(default_factory=list)
    read: bytes | Unreadable = b""

    def __post_init__(self) -> None:
        self.clock = bootstrap.aws.clock
        self.objects = MemoryObjects(self.clock)
        self.store = DocumentStore(self.world.items)
        self.passages, self.embedder = MemoryPassages(), MemoryEmbedder()
        self.purse = PurseStore(self.world.items, self.cap)
        once = bootstrap.shared.once(self.world.items.name)
        self.documents = Documents(self.store, self.objects, once, self.clock, self.asked.append)
        self.indexer = DocumentIndexer(
            store=self.store,
            objects=self.objects,
            read=self._read,
            embedder=self.embedder,
            passages=self.passages,  # type: ignore[arg-type]
            purse=self.purse,
            clock=self.clock,
            pause=lambda seconds: None,
        )

    def _read(self, url: str, kind: DocumentKind) -> ReadDocument:
        if isinstance(self.read, Unreadable):
            raise self.read
        return read(self.read or TEXT.encode(), kind)

    def announce(self, user: str = "user-1", name: str = "bichos.md") -> str:
        return str(self.documents.create(user, {"filename": name, "bytes": len(TEXT)})["id"])

    def put(self, document_id: str, user: str = "user-1") -> None:
        self.objects.put(document_arrival_key(user, document_id), TEXT.encode())

    def status(self, document_id: str, user: str = "user-1") -> str:
        return str(self.documents.get(user, document_id)["status"])

    def index(self, document_id: str, user: str = "user-1") -> DocumentStatus | None:
        return self.indexer.run(user, document_id)

    def ready(self, user: str = "user-1") -> str:
        document_id = self.announce(user)
        self.put(document_id, user)
        assert self.status(document_id, user) == "reading"
        assert self.index(document_id, user) is DocumentStatus.READY
        return document_id


@pytest.fixture
def desk(aws: Aws) -> Desk:
    return Desk(aws)


def test_a_document_is_announced_put_read_and_ready(desk: Desk) -> None:
    made = desk.documents.create("user-1", {"filename": "bichos.md", "bytes": len(TEXT)})
    document_id = str(made["id"])
    assert made["status"] == "uploaded" and made["upload"]
    assert (desk.status(document_id), desk.asked) == ("uploaded", [])
    desk.put(document_id)
    assert desk.status(document_id) == "reading"
    assert desk.asked == [{"user_id": "user-1", "document_id": document_id}]
    assert (desk.status(document_id), len(desk.asked)) == ("reading", 1), "once"
    desk.index(document_id)
    shown = desk.documents.get("user-1", document_id)
    assert (shown["status"], shown["chunks"], shown["error"]) == ("ready", 2, None)
    assert [one.chunk.heading for one in desk.passages.kept["user-1", document_id]] == ["Ursos", "Peixes"]
    assert shown["has_headings"] is True
    assert shown["headings"] == [{"start": 0, "text": "Ursos"}, {"start": 36, "text": "Peixes"}]
    (listed,) = desk.documents.show("user-1")["data"]  # type: ignore[misc]
    assert listed["has_headings"] is True and "headings" not in listed, "the list is short"


def test_a_document_without_headings_has_none_and_nothing_is_kept_of_them(desk: Desk) -> None:
    desk.read = b"Sem titulo."
    document_id = desk.ready()
    shown = desk.documents.get("user-1", document_id)
    assert (shown["has_headings"], shown["headings"]) == (False, [])
    assert desk.objects.head(headings_key("user-1", document_id)) is None


def test_a_thousand_headings_of_the_widest_letters_fit_an_answer(desk: Desk) -> None:
    desk.read = "".join(f"# {number}{chr(0x1F600) * 150}\n\n" for number in range(MOST_HEADINGS + 1)).encode()
    shown = desk.documents.get("user-1", desk.ready())
    assert len(shown["headings"]) == MOST_HEADINGS + 1  # type: ignore[arg-type]
    assert answer_bytes(shown) < MAX_LIST_BYTES


def test_what_embedding_costs_is_counted_once_and_nothing_stays_reserved(desk: Desk) -> None:
    document_id = desk.ready()
    month = month_of(ids.timestamp(desk.clock()))
    usd = desk.store.get("user-1", document_id).usd
    assert usd > 0
    assert LedgerStore(desk.world.items).spent(month) == pytest.approx(usd, rel=0.01)
    assert desk.purse.month(month).reservations == ()
    assert desk.index(document_id) is DocumentStatus.READY, "again changes nothing"
    assert LedgerStore(desk.world.items).spent(month) == pytest.approx(usd, rel=0.01)


def test_a_place_opens_with_what_is_around_it(desk: Desk) -> None:
    document_id = desk.ready()
    shown = desk.documents.text("user-1", document_id, {"start": "7", "end": "34"})
    assert (shown["before"], shown["text"]) == ("Ursos\n\n", "Os ursos dormem no inverno.")
    assert str(shown["after"]).endswith("nadam.")
    assert desk.documents.text("user-1", document_id, {"start": "9999999"})["text"] == ""


@pytest.mark.parametrize("trouble", list(Trouble))
def test_what_cannot_be_read_says_why_and_costs_nothing(desk: Desk, trouble: Trouble) -> None:
    desk.read = Unreadable(trouble)
    document_id = desk.announce()
    desk.put(document_id)
    desk.status(document_id)
    assert desk.index(document_id) is DocumentStatus.FAILED
    error = desk.documents.get("user-1", document_id)["error"]
    assert error == {"code": trouble.value, "message": str(desk.read)}
    assert desk.purse.month(month_of(ids.timestamp(desk.clock()))).committed == 0


def test_a_place_that_is_too_long_for_an_answer_is_read_in_parts(desk: Desk) -> None:
    document_id, whole = desk.ready(), "😀" * (2 * MOST_SHOWN + 7)
    desk.objects.put(text_key("user-1", document_id), whole.encode())
    read, start = "", 0
    while start < len(whole):
        part = desk.documents.text("user-1", document_id, {"start": str(start), "end": str(len(whole))})
        assert answer_bytes(part) < MAX_LIST_BYTES
        read, start = read + str(part["text"]), int(str(part["end"]))
    assert read == whole


def test_a_month_at_its_cap_embeds_nothing(aws: Aws) -> None:
    desk = Desk(aws, cap=0.0)
    document_id = desk.announce()
    desk.put(document_id)
    desk.status(document_id)
    assert desk.index(document_id) is DocumentStatus.FAILED
    assert desk.documents.get("user-1", document_id)["error"]["code"] == "document_cap"  # type: ignore[index]
    assert desk.embedder.asked == []


def test_titan_may_be_busy_for_a_while_and_what_is_tried_again_replaces_what_was_kept(desk: Desk) -> None:
    document_id = desk.announce()
    desk.put(document_id)
    desk.status(document_id)
    for _ in range(TRIES + 1):
        desk.embedder.fail_next(EngineBusy("busy"))
    with pytest.raises(EngineBusy):
        DocumentIndexer.run(replace(desk.indexer, pause=lambda seconds: None), "user-1", document_id)
    assert desk.status(document_id) == "reading"
    assert desk.index(document_id) is DocumentStatus.READY


def test_whoever_read_it_and_ended_without_a_word_leaves_it_failed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    document_id = desk.announce()
    desk.put(document_id)
    desk.status(document_id)
    later = desk.clock() + READING_TAKES + timedelta(seconds=1)
    documents = replace(desk.documents, clock=lambda: later)
    assert documents.get("user-1", document_id)["error"]["code"] == "document_unavailable"  # type: ignore[index]


def test_a_deleted_document_is_gone_everywhere_and_does_not_come_back(desk: Desk) -> None:
    document_id = desk.announce()
    desk.put(document_id)
    desk.status(document_id)
    desk.documents.delete("user-1", document_id)
    assert desk.index(document_id) is None
    assert [desk.objects.head(key("user-1", document_id)) for key in KEPT_KEYS] == [None] * 3
    owed = keys.owed_deletion_key("document", document_id)
    assert desk.world.items.get(owed)["user_id"] == "user-1"  # type: ignore[index]
    with pytest.raises(NotFound):
        desk.documents.get("user-1", document_id)


def test_a_deleted_one_is_made_by_no_repeated_request_again(desk: Desk) -> None:
    request, attempt = {"filename": "bichos.md", "bytes": len(TEXT)}, RequestAttempt("key-1")
    document_id = str(desk.documents.create("user-1", request, attempt)["id"])
    desk.documents.delete("user-1", document_id)
    owed = OwedDeletions(desk.world.items)
    for _ in ("owed", "erased"):
        with pytest.raises(Conflict) as refused:
            desk.documents.create("user-1", request, attempt)
        assert (refused.value.reason, refused.value.param) == ("document_deleted", "Idempotency-Key")
        (one,) = owed.of(OwedKind.DOCUMENT)
        owed.erased(one, desk.clock())
    owed.erased(one, desk.clock() + timedelta(hours=3))
    assert owed.of(OwedKind.DOCUMENT) == [], "nothing is owed any more, and it is remembered"
    with pytest.raises(Conflict):
        desk.documents.create("user-1", request, attempt)
    assert desk.documents.create("user-1", request, RequestAttempt("key-2"))["id"] != document_id
    for _ in range(MOST_DOCUMENTS - 1):
        desk.announce()  # what was refused is not counted


def test_one_that_nobody_could_be_asked_to_read_is_read_when_it_is_looked_at_again(desk: Desk) -> None:
    document_id, reader = desk.announce(), desk.documents.index
    desk.put(document_id)

    def busy(event: Mapping[str, str]) -> None:
        raise OSError("throttled")

    desk.documents = replace(desk.documents, index=busy)
    with pytest.raises(OSError, match="throttled"):
        desk.status(document_id)
    desk.documents = replace(desk.documents, index=reader)
    assert desk.status(document_id) == "reading"
    assert desk.index(document_id) is DocumentStatus.READY
    assert [one["document_id"] for one in desk.asked] == [document_id]


def test_one_that_is_deleted_while_it_is_read_leaves_nothing(desk: Desk) -> None:
    document_id = desk.announce()
    desk.put(document_id)
    desk.status(document_id)
    kept = desk.passages.keep

    def and_then_it_is_deleted(user_id: str, name: str, chunks: list[Meant]) -> None:
        kept(user_id, name, chunks)
        desk.documents.delete(user_id, name)

    desk.passages.keep = and_then_it_is_deleted  # type: ignore[method-assign]
    assert desk.index(document_id) is None
    assert desk.passages.kept == {}
    assert [desk.objects.head(key("user-1", document_id)) for key in KEPT_KEYS] == [None] * 3


def test_one_that_is_deleted_while_it_is_embedded_is_embedded_no_further(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "LOOKED_AFTER", 1)
    document_id = desk.announce()
    desk.put(document_id)
    desk.status(document_id)
    embed, said = desk.embedder.embed, list[str]()

    def and_then_it_is_deleted(text: str) -> Embedding:
        said.append(text)
        desk.documents.delete("user-1", document_id)
        return embed(text)

    desk.embedder.embed = and_then_it_is_deleted  # type: ignore[method-assign]
    assert desk.index(document_id) is None
    assert len(said) == 1 and desk.passages.kept == {}
    assert desk.objects.head(text_key("user-1", document_id)) is None
    month = month_of(ids.timestamp(desk.clock()))
    assert desk.purse.month(month).reservations == ()
    assert LedgerStore(desk.world.items).spent(month) > 0, "what was embedded is counted"


def test_of_somebody_else_there_is_nothing(desk: Desk) -> None:
    document_id = desk.ready()
    assert desk.documents.show("user-2")["data"] == []
    for ask in (desk.documents.get, desk.documents.delete, lambda user, name: desk.documents.text(user, name, {})):
        for name in (document_id, "COUNT", "doc_", "pk"):
            with pytest.raises(NotFound):
                ask("user-2", name)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"filename": "a.exe", "bytes": 1}, "document_kind"),
        ({"filename": "a", "bytes": 1}, "document_kind"),
        ({"filename": "a.pdf", "bytes": 10_000_001}, "document_too_large"),
    ],
)
def test_what_is_no_document_is_refused_before_it_is_sent(desk: Desk, request_: dict[str, object], code: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        desk.documents.create("user-1", request_)
    assert refused.value.reason == code


def test_a_person_has_so_many_and_no_more(desk: Desk) -> None:
    made = [desk.announce() for _ in range(MOST_DOCUMENTS)]
    with pytest.raises(Conflict) as refused:
        desk.announce()
    assert refused.value.reason == "too_many_documents"
    desk.documents.delete("user-1", made[0])
    desk.announce()


def test_where_documents_are_off_nothing_is_taken_and_what_there_is_can_be_deleted(desk: Desk) -> None:
    document_id = desk.ready()
    off = replace(desk.documents, index=None)
    with pytest.raises(Conflict) as refused:
        off.create("user-1", {"filename": "a.md", "bytes": 1})
    assert refused.value.reason == "documents_off"
    assert off.show("user-1")["enabled"] is False
    off.delete("user-1", document_id)
    assert off.show("user-1")["data"] == []
