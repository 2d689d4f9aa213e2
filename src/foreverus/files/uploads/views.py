"""An upload and its parts as OpenAI's API shows them. Pure."""

from datetime import datetime

from foreverus.api.responses import Body
from foreverus.files.records import File, FilePurpose
from foreverus.files.uploads.records import Upload, UploadPart, UploadStatus
from foreverus.files.views import public_file
from foreverus.ids import unix_seconds


def public_upload(upload: Upload, file: File | None, now: datetime) -> Body:
    """`file`: what it has become; None: not yet, or deleted since."""
    status = upload.status_at(now)
    return {
        "id": upload.upload_id,
        "object": "upload",
        "bytes": upload.bytes,
        "created_at": unix_seconds(upload.created_at),
        "expires_at": unix_seconds(upload.expires_at),
        "filename": upload.filename,
        "purpose": FilePurpose.BATCH.value,
        "status": (UploadStatus.PENDING if status is UploadStatus.COMPLETING else status).value,
        "file": public_file(file) if file else None,
    }


def public_part(part: UploadPart) -> Body:
    return {
        "id": part.part_id,
        "object": "upload.part",
        "created_at": unix_seconds(part.created_at),
        "upload_id": part.upload_id,
    }
