"""What the API shows of a deletion. Pure."""

from collections.abc import Sequence

from foreverus.api.responses import Body
from foreverus.privacy.kept import Kept
from foreverus.privacy.receipts import Erasure

ERASES = (
    "your sign-in and your API keys",
    "your conversations and their messages",
    "your files, uploads and exports, with earlier versions",
    "your batches, their lines and their results",
    "your rows in the history (PostgreSQL)",
)


def public_erasure(erasure: Erasure, kept: Sequence[Kept]) -> Body:
    return {
        "id": erasure.receipt_id,
        "object": "erasure",
        "status": "erased" if erasure.erased_at else "in_progress",
        "requested_at": erasure.requested_at,
        "erases": list(ERASES),
        "kept": [{"where": one.where, "what": one.what, "days": one.days} for one in kept],
    }
