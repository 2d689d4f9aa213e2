"""A file as OpenAI's API shows it. Pure."""

from foreverus.api.responses import Body
from foreverus.files.records import File
from foreverus.ids import unix_seconds


def public_file(file: File) -> Body:
    """`processed` is OpenAI's word for a file that can be used (`files.wait_for_processing` waits for it)."""
    return {
        "id": file.file_id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": unix_seconds(file.created_at),
        "expires_at": unix_seconds(file.expires_at),
        "filename": file.filename,
        "purpose": file.purpose.value,
        **({"width": file.image.width, "height": file.image.height} if file.image else {}),
        "status": "processed" if file.is_there else file.status.value,
    }
