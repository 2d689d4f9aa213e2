"""From a document's bytes to chunks that can be found: read by somebody with no rights, cut, embedded, kept, paid for.

It can be done again from the beginning, and is after a crash: Lambda tries three times, and what it has kept before is
replaced.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from foreverus import ids
from foreverus.abilities.embed.port import Embed, Embedding
from foreverus.aws.dynamo import Table
from foreverus.aws.s3 import Objects
from foreverus.costs.embedding import embedding_usd, most_embedding_usd
from foreverus.costs.ledger import CountedCost
from foreverus.costs.meter import month_of
from foreverus.costs.money import at_most, exact
from foreverus.costs.purse import PurseStore, settling_of
from foreverus.costs.reservations import DOCUMENT_CALL, Owner, Reservation
from foreverus.costs.usage.records import UsageKind, Used, UsedService
from foreverus.costs.usage.store import usage_write
from foreverus.documents.chunks import Chunk, Heading, chunked, headings, whole_text
from foreverus.documents.passages import Meant, Passages
from foreverus.documents.reading.kinds import kind_of
from foreverus.documents.reading.records import DocumentKind, ReadDocument, Trouble, Unreadable
from foreverus.documents.records import (
    MOST_CHUNKS,
    Document,
    DocumentStatus,
    OtherTrouble,
    headings_key,
    original_key,
    text_key,
)
from foreverus.documents.store import DocumentStore
from foreverus.errors import EngineBusy, EngineFailed, SpendCapReached

AT_ONCE = 8  # calls of Titan: an account's first quota is some thirty a second
TRIES, FIRST_PAUSE_S = 6, 0.5
LOOKED_AFTER = 32  # chunks, a second or so: whether the document is still there
TAKES = timedelta(minutes=20)  # the longest that a try of this may take, and the counting after it

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class DocumentIndexer:
    """`read`: a document's text by its address; raises Unreadable."""

    store: DocumentStore
    objects: Objects
    read: Callable[[str, DocumentKind], ReadDocument]
    embedder: Embed
    passages: Passages
    purse: PurseStore
    clock: Callable[[], datetime]
    pause: Callable[[float], None] = time.sleep

    def run(self, user_id: str, document_id: str) -> DocumentStatus | None:
        """What has become of it; None where it is deleted, or nobody wants it read."""
        document = self.store.find(user_id, document_id)
        if document is None or document.status is not DocumentStatus.READING:
            return document.status if document else None
        try:
            read = self._read(document)
            chunks = chunked(read.blocks)
            self._make_room(document, len(chunks))
            text, under = whole_text(read.blocks), headings(read.blocks)
            reserved = self._reserve(document, sum(len(one.said) for one in chunks))
        except Unreadable as err:
            return self._failed(document, err.trouble.value)
        except _NoRoom:
            return self._failed(document, OtherTrouble.FULL.value)
        except SpendCapReached:
            return self._failed(document, OtherTrouble.CAP.value)
        self.objects.put(text_key(user_id, document_id), text.encode(), "text/plain; charset=utf-8")
        self._keep_headings(document, under)
        meant = list(self._embedded(document, chunks))
        tokens = sum(embedding.tokens for _, embedding in meant)
        if len(meant) == len(chunks):
            self.passages.keep(user_id, document_id, [Meant(one, embedding.vector) for one, embedding in meant])
        usd = embedding_usd(tokens)
        self._settle(reserved, user_id, usd)
        counts = {"characters": len(text), "chunks": len(chunks), "has_headings": bool(under)}
        return self._ready(document, {**counts, "pages": read.pages, "tokens": tokens, "usd": usd})

    def _read(self, document: Document) -> ReadDocument:
        kind = kind_of(document.filename)
        if kind is None:
            raise Unreadable(Trouble.KIND)
        key = original_key(document.user_id, document.document_id)
        return self.read(self.objects.presigned_get(key, "document"), kind)

    def _make_room(self, document: Document, chunks: int) -> None:
        others = sum(one.chunks for one in self.store.all(document.user_id) if one.document_id != document.document_id)
        if others + chunks > MOST_CHUNKS:
            raise _NoRoom

    def _reserve(self, document: Document, characters: int) -> Reservation:
        """Raises SpendCapReached. A try after a crash finds what the first one has set aside."""
        now = self.clock()
        since, until = ids.timestamp(now), ids.timestamp(now + TAKES)
        name = f"{DOCUMENT_CALL}{document.document_id}"
        usd = at_most(most_embedding_usd(characters))
        return self.purse.reserve(Reservation(month_of(since), name, Owner.DOCUMENT, usd, since, until))

    def _embedded(self, document: Document, chunks: Sequence[Chunk]) -> Iterator[tuple[Chunk, Embedding]]:
        """As long as the document is there: nothing more is said or paid of one that was deleted."""
        with ThreadPoolExecutor(AT_ONCE) as threads:
            for start in range(0, len(chunks), LOOKED_AFTER):
                some = chunks[start : start + LOOKED_AFTER]
                if self.store.find(document.user_id, document.document_id) is None:
                    return
                yield from zip(some, threads.map(lambda one: self._embed(one.said), some), strict=True)

    def _embed(self, text: str) -> Embedding:
        """Patiently: nobody waits for one text."""
        pause = FIRST_PAUSE_S
        for _ in range(TRIES):
            try:
                return self.embedder.embed(text)
            except (EngineBusy, EngineFailed):
                self.pause(pause)
                pause *= 2
        return self.embedder.embed(text)

    def _settle(self, reserved: Reservation, user_id: str, usd: float) -> None:
        now = self.clock()
        cost = CountedCost(exact(usd), ids.timestamp(now))
        used = Used(service=UsedService.BEDROCK, kind=UsageKind.API, usd=exact(usd))
        items: Table = self.purse.items
        if not items.transact_if(*settling_of(reserved, cost), usage_write(user_id, now, used)):
            self.purse.settle(reserved.month, reserved.name, cost)  # somebody has changed it meanwhile

    def _keep_headings(self, document: Document, under: Sequence[Heading]) -> None:
        key = headings_key(document.user_id, document.document_id)
        if under:
            kept = [[one.start, one.text] for one in under]
            self.objects.put(key, json.dumps(kept).encode(), "application/json")

    def _ready(self, document: Document, counts: Mapping[str, object]) -> DocumentStatus | None:
        if self.store.ready(document, self.clock(), **counts):
            return DocumentStatus.READY
        if self.store.find(document.user_id, document.document_id) is None:  # deleted meanwhile
            self.passages.forget(document.user_id, document.document_id)
            for key in (text_key, headings_key):
                self.objects.delete(key(document.user_id, document.document_id))
        return None

    def _failed(self, document: Document, trouble: str) -> DocumentStatus:
        log.info("%s cannot be read: %s", document.document_id, trouble)
        self.store.change(document, DocumentStatus.FAILED, self.clock(), trouble=trouble)
        return DocumentStatus.FAILED


class _NoRoom(Exception):
    """There is no room for so many chunks."""
