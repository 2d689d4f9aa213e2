"""What people do with uploads: begin one, send its parts, complete or cancel it.

Completing can be repeated at any point of it: the file's id is made from the upload's, and of two requests that ask for
different files the first one counts.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from foreverus import ids
from foreverus.api.requests import NOT_REPEATED, RequestAttempt
from foreverus.api.responses import Body
from foreverus.aws.s3 import JSONL, ObjectNotThere, Objects
from foreverus.aws.s3_parts import ContentDiffers, Piece
from foreverus.errors import InvalidRequest, NotFound
from foreverus.files.forms import read_form
from foreverus.files.records import MAX_FILE_BYTES, kept_s, new_file, object_key
from foreverus.files.service import IN_PARTS, LOOKED_AT_AFTER, MAX_UPLOAD_PART_BYTES, TooLarge
from foreverus.files.store import Files
from foreverus.files.stored import Room, no_limit
from foreverus.files.uploads.records import (
    MOST_PARTS,
    MOST_PARTS_OF_FILE,
    UNFINISHED,
    Upload,
    UploadPart,
    UploadStatus,
    digest_of,
    new_upload,
)
from foreverus.files.uploads.store import Uploads
from foreverus.files.uploads.views import public_part, public_upload
from foreverus.idempotency.records import CreateRequest, fingerprint
from foreverus.idempotency.store import Once
from foreverus.limits.person import counted
from foreverus.text import quoted, shortened

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class UploadService:
    store: Uploads
    files: Files
    objects: Objects
    once: Once
    clock: Callable[[], datetime]
    room: Room = no_limit
    retention_s: int = 0  # how long files are kept at most, 0: for ever

    def create(self, user_id: str, request: Mapping[str, Any], attempt: RequestAttempt = NOT_REPEATED) -> Body:
        """`request`: `{filename, purpose, bytes, mime_type, expires_after?}`. Raises InvalidRequest, LimitReached and
        Conflict."""
        size = int(request["bytes"])
        if size > MAX_FILE_BYTES:
            message = f"A file has at most {MAX_FILE_BYTES:,} bytes, not {shortened(f'{size:,}')}: split it."
            raise InvalidRequest(message, param="bytes", code="file_too_large")
        with self.once(CreateRequest(user_id, "uploads", fingerprint(request), attempt), "upload") as claim:
            upload = None if claim.is_first else self.store.get(user_id, claim.id)
            if upload is None:
                new = new_upload(claim.id, user_id, request, self.clock())
                upload = counted(lambda: self.room(user_id, size), lambda place: self.store.create(new, place))
            return self._show(upload)

    def add_part(
        self, user_id: str, upload_id: str, content_type: str, body: bytes, attempt: RequestAttempt = NOT_REPEATED
    ) -> Body:
        """A form with the part's bytes in `data`. Raises InvalidRequest, NotFound and Conflict."""
        upload = self._unfinished(user_id, upload_id)
        data = _data_of(content_type, body)
        if len(data) > upload.bytes:
            message = f"The part has {len(data):,} bytes, the whole file was to have {upload.bytes:,} ('bytes')."
            raise InvalidRequest(message, param="data", code="invalid_field")
        asked = CreateRequest(user_id, f"uploads/{upload_id}", fingerprint({}, data), attempt)
        with self.once(asked, "part") as claim:
            part = None if claim.is_first else self.store.part(upload_id, claim.id)
            if part is None:
                part = UploadPart(claim.id, upload_id, len(data), ids.timestamp(self.clock()))
                key = upload.parts_prefix + part.part_id
                self.objects.put(key, data)
                if not self.store.add_part(upload, part):
                    self.objects.delete(key)
                    self._unfinished(user_id, upload_id)  # it was completed or cancelled meanwhile
                    raise self._too_many(upload)
            return public_part(part)

    def complete(self, user_id: str, upload_id: str, request: Mapping[str, Any]) -> Body:
        """`request`: `{part_ids, md5?}`: the parts in the order in which they make the file, which then is one of the
        person's. Once more changes nothing. Raises InvalidRequest and NotFound."""
        md5, part_ids = (request.get("md5") or "").lower(), request["part_ids"]
        asked = digest_of(part_ids, md5)
        upload = self._find(user_id, upload_id)
        if upload.status is UploadStatus.COMPLETED and upload.asked == asked:
            return self._show(upload)
        self._check_unfinished(upload)
        pieces = self._pieces(upload, part_ids)
        if not self.store.begin(upload, asked):
            return self._complete_otherwise(upload, asked)
        now = self.clock()
        new = new_file(
            upload.file_id,
            user_id,
            upload.filename,
            upload.bytes,
            now,
            expires_s=kept_s(upload.file_expires_s, self.retention_s),
        )
        if new.expires_at:
            self.files.note_expiry(new)
        self.files.note_expiry(replace(new, expires_at=ids.timestamp(now + LOOKED_AT_AFTER)))
        try:
            self.objects.join(pieces, new.object_key, JSONL, md5)
        except ObjectNotThere:  # another request has put them together and removed them
            return self._complete_otherwise(upload, asked)
        except ContentDiffers as err:
            self.store.reopen(upload, asked)
            message = f"The parts make a file with the MD5 sum {err.md5}, not {md5}: a part is damaged, missing or in "
            raise InvalidRequest(message + "the wrong place.", param="md5", code="md5_mismatch") from err
        if not self.store.complete(upload, asked, new):
            return self._complete_otherwise(upload, asked)
        self._remove_parts(upload)
        return self._show(self._find(user_id, upload_id))

    def cancel(self, user_id: str, upload_id: str) -> Body:
        """Its parts are deleted. Once more changes nothing. Raises InvalidRequest and NotFound."""
        upload = self._find(user_id, upload_id)
        if upload.status is not UploadStatus.CANCELLED:
            self._check_unfinished(upload)
            cancelled = self.store.cancel(upload)
            if cancelled is None:  # it was completed just now, or cancelled by somebody else
                return self.cancel(user_id, upload_id)
            upload = cancelled
            self.objects.delete(
                object_key(upload.user_id, upload.file_id)
            )  # what an attempt to complete it may have left
            self._remove_parts(upload)
        return self._show(upload)

    def _complete_otherwise(self, upload: Upload, asked: str) -> Body:
        """Another request was faster: one for the same file, for another one, or a cancellation."""
        now = self._find(upload.user_id, upload.upload_id)
        if self.files.get(upload.user_id, upload.file_id) is None and now.status not in UNFINISHED:
            # Cancelled, or the file was deleted since: what was written just now is nobody's.
            self.objects.delete(object_key(upload.user_id, upload.file_id))
        if now.status is UploadStatus.COMPLETED and now.asked == asked:
            return self._show(now)
        self._check_unfinished(now)
        message = f"The upload {now.upload_id} is being completed with other parts or another md5 already."
        raise InvalidRequest(message, param="part_ids", code="upload_is_over")

    def _pieces(self, upload: Upload, part_ids: Sequence[str]) -> list[Piece]:
        """Where the parts' bytes are, in the order that was asked for. Raises InvalidRequest."""
        known, taken = {part.part_id: part for part in self.store.parts(upload.upload_id)}, set[str]()
        pieces = []
        for number, part_id in enumerate(part_ids, start=1):
            if part_id not in known:
                message = f"The upload {upload.upload_id} has no part {quoted(part_id)} (number {number} of part_ids)."
                raise InvalidRequest(message, param="part_ids", code="part_not_found")
            if part_id in taken:
                message = f"The part {part_id} stands twice in part_ids (number {number}): each makes a piece once."
                raise InvalidRequest(message, param="part_ids", code="invalid_field")
            taken.add(part_id)
            pieces.append(Piece(upload.parts_prefix + part_id, known[part_id].bytes))
        size = sum(piece.size for piece in pieces)
        if size != upload.bytes:
            message = f"The {len(pieces)} parts have {size:,} bytes, the file was to have {upload.bytes:,} ('bytes')."
            raise InvalidRequest(message, param="part_ids", code="wrong_size")
        return pieces

    def _unfinished(self, user_id: str, upload_id: str) -> Upload:
        upload = self._find(user_id, upload_id)
        self._check_unfinished(upload)
        if upload.status is UploadStatus.COMPLETING:
            message = f"The upload {upload_id} is being completed: it takes no more parts."
            raise InvalidRequest(message, param="upload_id", code="upload_is_over")
        return upload

    def _check_unfinished(self, upload: Upload) -> None:
        status = upload.status_at(self.clock())
        if status in (UploadStatus.COMPLETED, UploadStatus.CANCELLED, UploadStatus.EXPIRED):
            message = f"The upload {upload.upload_id} is {status} already: create another one."
            raise InvalidRequest(message, param="upload_id", code="upload_is_over")

    def _too_many(self, upload: Upload) -> InvalidRequest:
        message = f"The upload {upload.upload_id} has {MOST_PARTS:,} parts, which is the most: send larger ones."
        if len(self.store.parts(upload.upload_id)) < MOST_PARTS:
            message = (
                f"The parts of the upload {upload.upload_id} would have more than {MOST_PARTS_OF_FILE} times the "
                f"{upload.bytes:,} bytes of the whole file ('bytes'): complete it with what it has, or create another."
            )
        return InvalidRequest(message, param="data", code="too_many_parts")

    def _find(self, user_id: str, upload_id: str) -> Upload:
        found = self.store.get(user_id, upload_id)
        if found is None:
            raise NotFound(f"There is no upload {quoted(upload_id)}.", param="upload_id", code="upload_not_found")
        return found

    def _remove_parts(self, upload: Upload) -> None:
        """Whatever keeps them from being deleted: the bucket does it within two days."""
        try:
            found = self.store.parts(upload.upload_id)
            self.objects.delete_all([upload.parts_prefix + part.part_id for part in found])
        except Exception:
            logger.warning("the parts of %s are left to the bucket's lifecycle", upload.upload_id, exc_info=True)

    def _show(self, upload: Upload) -> Body:
        is_file = upload.status is UploadStatus.COMPLETED
        file = self.files.get(upload.user_id, upload.file_id) if is_file else None
        now = self.clock()
        return public_upload(upload, None if file and file.has_expired(now) else file, now)


def _data_of(content_type: str, body: bytes) -> bytes:
    """The bytes of a part. Raises InvalidRequest."""
    form = read_form(content_type, body)
    unknown = sorted((form.fields.keys() | form.files.keys()) - {"data"})
    if unknown:
        message = f"Unknown field {quoted(unknown[0])}. Known fields: data."
        raise InvalidRequest(message, param=quoted(unknown[0])[1:-1], code="unknown_field")
    if "data" not in form.files:
        message = "The field 'data' is missing: send the part's bytes in it, as a file with a filename."
        raise InvalidRequest(message, param="data", code="missing_field")
    data = form.files["data"].data
    if not data:
        raise InvalidRequest("The part is empty: leave it out.", param="data", code="invalid_field")
    if len(data) > MAX_UPLOAD_PART_BYTES:
        message = f"The part has {len(data):,} bytes, the most is {MAX_UPLOAD_PART_BYTES:,}. With OpenAI's client: "
        raise TooLarge(f"{message}{IN_PARTS}.", param="data", code="part_too_large")
    return data
