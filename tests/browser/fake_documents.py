"""A person's documents, beside `fake_cloud.py`: `/v1/documents` as docs/architecture.md has it; the bytes are put into
the bucket of `fake_batches.py`. A test is who reads them: `finish` and `fail` say how that ended.
"""

from collections.abc import Callable

from foreverus.documents.reading.kinds import kind_of
from foreverus.documents.records import BUDGET_TOKENS, MOST_DOCUMENT_BYTES, MOST_DOCUMENTS, trouble_words
from foreverus.documents.service import AROUND
from tests.browser.fake_batches import FakeBatches
from tests.browser.fake_person import refused

ANSWER = tuple[int, dict]


def error(status: int, code: str, message: str) -> ANSWER:
    return status, {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


class FakeDocuments:
    def __init__(self, new_id: Callable[[str], str], now: Callable[[], str], bucket: FakeBatches):
        self.new_id, self.now, self.bucket = new_id, now, bucket
        self.enabled = True
        self.kept: dict[str, dict] = {}  # oldest first
        self.texts: dict[str, str] = {}
        self.headings: dict[str, list[dict]] = {}
        self.made: dict[str, str] = {}  # by Idempotency-Key
        self.passages: list[dict] = []  # what every question finds
        self.why: str | None = None
        self.questions: list[str] = []
        self.most_documents, self.most_bytes = MOST_DOCUMENTS, MOST_DOCUMENT_BYTES

    # What a test plays.

    def have(self, filename: str, text: str = "", **changes: object) -> dict:
        """One that is ready, unless `changes` say otherwise."""
        document_id = self.new_id("doc")
        figures = {"bytes": 1_200_000, "pages": 12, "chunks": 40, "tokens": 9_000, "cost_usd": 0.00018}
        about = {"id": document_id, "object": "document", "filename": filename, "characters": len(text)}
        at = {"status": "ready", "created_at": self.now(), "has_headings": False, "error": None}
        self.kept[document_id] = {**about, **figures, **at, **changes}
        if text:
            self.texts[document_id] = text
        return self.kept[document_id]

    def head(self, document: dict, headings: dict[str, str]) -> None:
        """Its headings, each with the words that its part begins with."""
        document["has_headings"] = True
        text = self.texts[document["id"]]
        self.headings[document["id"]] = [{"start": text.index(at), "text": one} for one, at in headings.items()]

    def finish(self, document: dict, text: str) -> None:
        self.texts[document["id"]] = text
        document.update(status="ready", characters=len(text), chunks=1, tokens=len(text), cost_usd=0.0002)

    def fail(self, document: dict, code: str) -> None:
        document.update(status="failed", error={"code": code, "message": trouble_words(code)})

    def find(self, document: dict, text: str, page: int = 0, heading: str = "") -> None:
        """From now on each question finds this, too."""
        start = self.texts[document["id"]].index(text)
        place = {"start": start, "end": start + len(text), "page": page, "heading": heading}
        named = {"object": "passage", "document_id": document["id"], "filename": document["filename"]}
        self.passages.append({**named, "number": len(self.passages), "text": text, **place, "similarity": 0.7})
        self.passages[-1]["by_words"] = True

    # What the page calls.

    def call(self, method: str, parts: list[str], query: dict, body: dict, key: str) -> ANSWER:
        match method, parts:
            case "GET", ["documents"]:
                return 200, self._list()
            case "POST", ["documents"]:
                return self._create(body, key)
            case "POST", ["documents", "search"]:
                return self._search(body)
            case "GET", ["documents", document_id, "text"] if document_id in self.kept:
                return self._text(document_id, query)
            case "GET", ["documents", document_id] if document_id in self.kept:
                return 200, {**self.kept[document_id], "headings": self.headings.get(document_id, [])}
            case "DELETE", ["documents", document_id] if self.kept.pop(document_id, None):
                return 200, {"id": document_id, "object": "document.deleted", "deleted": True}
        return error(404, "document_not_found", "No such document.")

    def _list(self) -> dict:
        for one in self.kept.values():
            if one["status"] == "uploaded" and self.bucket.stored.get(one["id"]):
                one["status"] = "reading"
        most = {"most_documents": self.most_documents, "most_bytes": self.most_bytes}
        listed = {"object": "list", "data": list(self.kept.values())[::-1], "has_more": False}
        return {**listed, "enabled": self.enabled, "budget_tokens": BUDGET_TOKENS, **most}

    def _create(self, body: dict, key: str) -> ANSWER:
        if not self.enabled:
            return error(409, "documents_off", "Documents are off here.")
        if bad := refused("document_create", body):
            return bad
        assert kind_of(body["filename"]), "the page looks before it sends"
        if key not in self.made or self.made[key] not in self.kept:
            nothing = {"status": "uploaded", "pages": 0, "chunks": 0, "tokens": 0, "cost_usd": 0}
            self.made[key] = self.have(body["filename"], bytes=body["bytes"], **nothing)["id"]
        document = self.kept[self.made[key]]
        headers = {"Content-Type": "application/octet-stream", "If-None-Match": "*"}
        address = f"{self.bucket.url}/{document['id']}?X-Amz-Signature=x"
        return 201, {**document, "upload": {"method": "PUT", "url": address, "headers": headers, "expires_at": 0}}

    def _search(self, body: dict) -> ANSWER:
        if bad := refused("document_search", body):
            return bad
        self.questions.append(body["question"])
        return 200, {"object": "list", "data": self.passages, "has_more": False, "why": self.why}

    def _text(self, document_id: str, query: dict) -> ANSWER:
        if bad := refused("document_text_query", query):
            return bad
        text = self.texts.get(document_id)
        if text is None:
            return error(404, "document_not_read", "It has no text.")
        start = min(int(query.get("start", 0)), len(text))
        end = min(max(int(query.get("end", start)), start), len(text))
        place = {"before": text[max(0, start - AROUND) : start], "text": text[start:end], "after": text[end:][:AROUND]}
        named = {"object": "document.text", "document_id": document_id, "filename": self.kept[document_id]["filename"]}
        return 200, {**named, **place, "start": start, "end": end, "characters": len(text)}
