"""People's images: files that were looked at before they were kept, and go after a day unless a message takes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from foreverus.aws import keys
from foreverus.aws.dynamo import Item, Table
from foreverus.backends.images import PromptImage
from foreverus.errors import InvalidRequest
from foreverus.files.records import File, FilePurpose
from foreverus.files.store import from_item

# Nova takes 25 MB, and base64 makes 4 of 3 bytes.
MOST_BYTES = 15_000_000  # of all images of one prompt


@dataclass(frozen=True)
class PersonsImages:
    """Somebody's own: another one's are not there. `items`: one call, however many are asked for."""

    items: Table

    def __call__(self, user_id: str, file_ids: Sequence[str], now: datetime) -> Mapping[str, PromptImage]:
        """Those that are there, by their ids, still to be read. Raises InvalidRequest where they are too much to be
        read for one prompt."""
        found = {name: file for name, (file, _) in images_in(self.items, user_id, file_ids, now).items()}
        if (size := sum(found[one].bytes for one in file_ids if one in found)) > MOST_BYTES:
            said = f"The images have {size:,} bytes together; those of a request have at most {MOST_BYTES:,}."
            raise InvalidRequest(f"{said} Send fewer, or smaller ones.", param="messages", code="invalid_field")
        return {name: _unread(file) for name, file in found.items()}


def images_in(items: Table, user_id: str, file_ids: Sequence[str], now: datetime) -> dict[str, tuple[File, Item]]:
    """A person's images of these ids that are there, with their items."""
    places = [keys.file_key(user_id, one) for one in dict.fromkeys(file_ids)]
    read = ((from_item(item), item) for item in (items.get_all(places) if places else ()))
    return {file.file_id: (file, item) for file, item in read if _is_an_image(file, now)}


def _is_an_image(file: File, now: datetime) -> bool:
    return file.purpose is FilePurpose.VISION and file.image is not None and not file.has_expired(now)


def _unread(file: File) -> PromptImage:
    assert file.image is not None
    return PromptImage(file.image.kind, file.image.width, file.image.height, b"", file.object_key)
