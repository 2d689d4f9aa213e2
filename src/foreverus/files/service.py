"""What people do with files: upload, look, download, delete. A batch's outputs are files too.

An own file may be read, used and deleted by its owner alone; a scheduled batch's files, by everybody but for deleting.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from foreverus import ids
from foreverus.api import schemas
from foreverus.api.listing import Listing, check_cursor
from foreverus.api.requests import NOT_REPEATED, RequestAttempt
from foreverus.api.responses import Body
from foreverus.aws.s3 import JSONL, ObjectChanged, ObjectNotThere, Objects
from foreverus.backends.images import PromptImage
from foreverus.errors import Conflict, InvalidRequest, NotAllowed, NotFound, RequestRejected
from foreverus.files.answers import as_answer
from foreverus.files.forms import Form, read_form
from foreverus.files.records import (
    MAX_FILE_BYTES,
    MOST_FILENAME_CHARACTERS,
    SCHEDULE_USER,
    UNSENT_IMAGE_S,
    File,
    FilePurpose,
    FileStatus,
    ImageFacts,
    arrival_key,
    kept_s,
    new_file,
    seconds_of,
)
from foreverus.files.store import Files
from foreverus.files.stored import Room, no_limit
from foreverus.files.views import public_file
from foreverus.idempotency.records import CreateRequest, IdClaim, fingerprint
from foreverus.idempotency.store import Once
from foreverus.limits.person import counted
from foreverus.text import is_blank, quoted, shortened

logger = logging.getLogger(__name__)

# Lambda takes and gives at most 6 MB, in which base64 makes 4 of 3 bytes.
MAX_INLINE_BYTES = 4_000_000
# How a form spells what JSON has as an object.
EXPIRY_FIELDS = {"expires_after[anchor]": "anchor", "expires_after[seconds]": "seconds"}
# What OpenAI's client does with a larger file. A part is a request too; this is a power of two below the limit.
MAX_UPLOAD_PART_BYTES = 4 * 2**20
IN_PARTS = f"client.uploads.upload_file_chunked(…, part_size={MAX_UPLOAD_PART_BYTES})"
# An address lives an hour; an upload that begins in its last second may take as long again.
LOOKED_AT_AFTER = timedelta(hours=3)
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000


class TooLarge(InvalidRequest):
    status = 413


class Download(NamedTuple):
    """A file's content as `text`, or the `url` where it is to be had."""

    content_type: str
    filename: str
    text: str | None
    url: str


@dataclass(frozen=True)
class FileService:
    store: Files
    objects: Objects
    once: Once
    clock: Callable[[], datetime]
    room: Room = no_limit
    retention_s: int = 0  # how long files are kept at most, 0: for ever
    look: Callable[[bytes], PromptImage] | None = None  # of an image; raises InvalidRequest. None: none are seen here

    def upload(self, user_id: str, content_type: str, body: bytes, attempt: RequestAttempt = NOT_REPEATED) -> Body:
        """A small file, as a form. Raises InvalidRequest and Conflict."""
        form = read_form(content_type, body)
        unknown = sorted((form.fields.keys() | form.files.keys()) - {"file", "purpose", *EXPIRY_FIELDS})
        if unknown:
            known = ", ".join(("file", "purpose", *EXPIRY_FIELDS))
            message = f"Unknown field {quoted(unknown[0])}. Known fields: {known}."
            raise InvalidRequest(message, param=quoted(unknown[0])[1:-1], code="unknown_field")
        if "purpose" not in form.fields:
            raise InvalidRequest("The field 'purpose' is missing.", param="purpose", code="missing_field")
        purpose = _purpose_of(form.fields["purpose"])
        if "file" not in form.files:
            message = "The field 'file' is missing: send it as a part with a filename."
            raise InvalidRequest(message, param="file", code="missing_field")
        file = form.files["file"]
        if file.filename and is_blank(file.filename):
            message = "The name of the file is blank: there is nothing in it that can be seen."
            raise InvalidRequest(message, param="file", code="invalid_field")
        if len(file.data) > MAX_INLINE_BYTES:
            raise TooLarge(
                f"The file has {len(file.data):,} bytes; a form takes at most {MAX_INLINE_BYTES:,}. Send it in parts: "
                f"{IN_PARTS}. Or send POST /files the JSON "
                '{"filename", "purpose", "bytes"} and put the file at the address that it answers '
                f"({MAX_FILE_BYTES:,} bytes at most either way).",
                param="file",
                code="file_too_large",
            )
        expires_s, seen = _form_expiry(form), None
        if purpose is FilePurpose.VISION:
            seen, expires_s = self._seen(file.data), expires_s or UNSENT_IMAGE_S
        data = seen.data if seen else file.data
        content = fingerprint({"form": form.fields, "filename": file.filename}, file.data)
        with self.once(CreateRequest(user_id, "files", content, attempt), "file") as claim:
            record = self._made_before(user_id, claim)
            if record is None:
                self.room(user_id, len(data))  # before its bytes are put
                record = self._new(claim.id, user_id, file.filename, len(data), expires_s)
                if seen:
                    facts = ImageFacts(seen.kind, seen.width, seen.height)
                    record = replace(record, purpose=purpose, image=facts)
                self.objects.put(record.object_key, data, record.image.content_type if record.image else JSONL)
                self._keep(record)
            return public_file(record)

    def announce(self, user_id: str, request: Mapping[str, Any], attempt: RequestAttempt = NOT_REPEATED) -> Body:
        """A file that its owner puts at a presigned address: `request` is `{filename, purpose, bytes,
        expires_after?}`. No address where the bytes of an earlier try are there."""
        if _purpose_of(request["purpose"]) is FilePurpose.VISION:
            message = "An image comes as a form, with its bytes: it is looked at before it is kept."
            raise InvalidRequest(message, param="purpose", code="invalid_field")
        size = int(request["bytes"])
        if size > MAX_FILE_BYTES:
            message = f"A file has at most {MAX_FILE_BYTES:,} bytes, not {shortened(f'{size:,}')}: split it."
            raise InvalidRequest(message, param="bytes", code="file_too_large")
        with self.once(CreateRequest(user_id, "files", fingerprint(request), attempt), "file") as claim:
            record = self._made_before(user_id, claim)
            if record is None:
                expires_s = seconds_of(request.get("expires_after"))
                new = self._new(claim.id, user_id, request["filename"], size, expires_s)
                record = replace(new, status=FileStatus.PENDING)
                self._keep(record)
        record = self.look_after(record)
        if record.is_there:
            return public_file(record)
        key = arrival_key(user_id, record.file_id)
        url, headers, expires_at = self.objects.presigned_put(key, size, JSONL)
        upload = {"method": "PUT", "url": url, "headers": headers, "expires_at": int(expires_at.timestamp())}
        return {**public_file(record), "upload": upload}

    def list_files(self, user_id: str, query: dict[str, str]) -> Body:
        """Their own files and the scheduled batches', by age."""
        schemas.check("files_query", query)
        check_cursor(query, "file")
        limit = min(int(query.get("limit", DEFAULT_LIMIT)), MAX_LIMIT)
        ascending = query.get("order") == "asc"
        behind, purpose, now = query.get("after", ""), query.get("purpose", ""), ids.timestamp(self.clock())
        found = [
            file
            for owner in (user_id, SCHEDULE_USER)
            for file in self.store.by_age(owner, limit + 1, behind, ascending=ascending, purpose=purpose, now=now)
        ]
        found.sort(key=lambda file: file.file_id, reverse=not ascending)
        listed = Listing([self.look_after(file) for file in found[:limit]], len(found) > limit)
        return listed.openai_body(public_file)

    def get(self, user_id: str, file_id: str) -> Body:
        """Of an image with the address where it can be looked at, for an hour."""
        file = self.find(user_id, file_id)
        shown = {"url": self.objects.presigned_get(file.object_key)} if file.image else {}
        return {**public_file(file), **shown}

    def find(self, user_id: str, file_id: str) -> File:
        """The record, own or of a scheduled batch. Raises NotFound."""
        for owner in (user_id, SCHEDULE_USER):
            found = self.store.get(owner, file_id)
            if found and not found.has_expired(self.clock()):
                return self.look_after(found)
        raise NotFound(f"There is no file {quoted(file_id)}.", param="file_id", code="file_not_found")

    def content(self, user_id: str, file_id: str) -> Download:
        """Text where it fits an answer, else an address: both hand over the same bytes. Raises NotFound."""
        file = self.find(user_id, file_id)
        if not file.is_there:
            message = f"The file {file_id} has no content yet: put it at its upload address first."
            raise NotFound(message, param="file_id", code="file_not_uploaded")
        if file.image:
            url = self.objects.presigned_get(file.object_key, file.filename)
            return Download(file.image.content_type, file.filename, None, url)
        if file.bytes <= MAX_INLINE_BYTES:
            text = as_answer(self.objects.read(file.object_key, 0, file.bytes))
            if text is not None:
                return Download(JSONL, file.filename, text, "")
        return Download(JSONL, file.filename, None, self.objects.presigned_get(file.object_key, file.filename))

    def _seen(self, data: bytes) -> PromptImage:
        if self.look is None:
            message = "This deployment sees no images: its parameter Images is off."
            raise InvalidRequest(message, param="purpose", code="images_off")
        return self.look(data)

    def delete(self, user_id: str, file_id: str) -> Body:
        """A batch that was made of it runs on: it has its own copy. Raises NotFound and NotAllowed."""
        file = self.find(user_id, file_id)
        if file.user_id != user_id:
            message = (
                f"The file {file_id} belongs to a scheduled batch: only the stack's owner deletes it, in the bucket."
            )
            raise NotAllowed(message, param="file_id", code="not_your_file")
        self.store.delete(user_id, file_id, self.clock())
        try:
            if not file.is_there:  # its address can be used still
                self._close_address(file)
            self.objects.delete(file.object_key)
        except Exception:  # it is deleted: its bytes go with what is owed
            logger.warning("the bytes of %s are still to be deleted", file_id, exc_info=True)
        return {"id": file_id, "object": "file", "deleted": True}

    def _made_before(self, user_id: str, claim: IdClaim) -> File | None:
        """What an earlier try of the same request has made. Raises Conflict where its time is over."""
        found = None if claim.is_first else self.store.get(user_id, claim.id)
        if found and found.has_expired(self.clock()):
            raise _is_gone("has expired")
        return found

    def _keep(self, file: File) -> None:
        """With its room, both or neither. Raises LimitReached, and Conflict: a repeated request came after the file
        that the first one made was deleted."""
        try:
            kept = counted(lambda: self.room(file.user_id, file.bytes), lambda place: self.store.put(file, place))
            if not kept:
                raise _is_gone("was deleted")
        except RequestRejected:
            self.objects.delete(file.object_key)
            raise

    def _new(self, file_id: str, user_id: str, filename: str, size: int, expires_s: int) -> File:
        """The record, before its bytes are there."""
        name = filename[:MOST_FILENAME_CHARACTERS] or "file.jsonl"
        now = self.clock()
        made = new_file(file_id, user_id, name, size, now, expires_s=kept_s(expires_s, self.retention_s))
        if made.expires_at:
            self.store.note_expiry(made)
        # Whatever comes of it: bytes without a record and a record without bytes are found then.
        self.store.note_expiry(replace(made, expires_at=ids.timestamp(now + LOOKED_AT_AFTER)))
        return made

    def look_after(self, file: File) -> File:
        """A pending upload may be there by now: S3 tells nobody. What has arrived is copied to the file's own place, to
        which no address leads: under the key of a deleted file nothing can appear."""
        if file.is_there:
            return file
        arrived = self.objects.head(key := arrival_key(file.user_id, file.file_id))
        if arrived is None or not arrived.size:
            return file
        try:
            self.objects.copy(key, file.object_key, arrived.etag)
        except (ObjectChanged, ObjectNotThere):  # somebody else has just taken it, or deleted the file
            return self.store.get(file.user_id, file.file_id) or file
        kept = self.store.arrived(file.user_id, file.file_id, arrived.size)
        if kept is None:  # deleted meanwhile
            self.objects.delete(file.object_key)
        self._close_address(file)
        return kept or file

    def _close_address(self, file: File) -> None:
        """An address takes something only while nothing is there: now there is, and it has no bytes. The bucket's
        lifecycle removes it when no address is left."""
        try:
            self.objects.put(arrival_key(file.user_id, file.file_id), b"", JSONL)
        except Exception:  # what arrived keeps it closed as well, and the lifecycle removes that too
            logger.warning("what arrived of %s is left to the bucket's lifecycle", file.file_id, exc_info=True)


def _form_expiry(form: Form) -> int:
    """Seconds, from the fields as OpenAI's clients spell them; 0: for ever. Raises InvalidRequest."""
    given = {name: form.fields[spelled] for spelled, name in EXPIRY_FIELDS.items() if spelled in form.fields}
    if not given:
        return 0
    seconds = given.get("seconds", "")
    asked = given | ({"seconds": int(seconds)} if re.fullmatch("-?[0-9]{1,12}", seconds, re.ASCII) else {})
    return seconds_of(schemas.check("file_form", {"expires_after": asked})["expires_after"])


def _is_gone(how: str) -> Conflict:
    message = f"This request was made before, and its file {how}. To upload it again, use another key."
    return Conflict(message, param="Idempotency-Key", code="file_deleted")


def _purpose_of(purpose: str) -> FilePurpose:
    if purpose not in ("batch", "vision"):
        message = f"The field 'purpose' must be 'batch' or 'vision', not {quoted(purpose)}."
        raise InvalidRequest(message, param="purpose", code="invalid_field")
    return FilePurpose(purpose)
