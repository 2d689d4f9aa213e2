"""Where a GPU's worker fetches the images of a question that waits for it.

The worker names the question and the images. Whose they are says what waits, where no GPU machine may write; that they
are of this conversation says each image's own record, where none may write either. So a stolen machine gets images of
the conversations whose questions wait for a GPU, and no other file of anybody's (docs/decisions/0062).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from foreverus.abilities.read_image.gpu import LENT_S
from foreverus.aws import keys
from foreverus.aws.dynamo import Table
from foreverus.aws.s3 import Objects
from foreverus.errors import NotFound
from foreverus.files.records import FilePurpose
from foreverus.files.store import from_item


@dataclass(frozen=True)
class ImageAddresses:
    """`objects`: where people's files are. Its presigned addresses are those of whoever runs this."""

    items: Table
    objects: Objects

    def of(self, conversation_id: str, message_id: str, file_ids: Sequence[str]) -> dict[str, str]:
        """An address for each image of the conversation that is there. Raises NotFound where no such question waits
        for a GPU."""
        waiting = next(iter(self.items.get_all([keys.pending_key(message_id)])), None)
        if waiting is None or waiting.get("conversation_id") != conversation_id:
            raise NotFound("No such question waits for a GPU.", param="message_id", code="message_not_found")
        places = [keys.file_key(str(waiting["user_id"]), one) for one in dict.fromkeys(file_ids)]
        found = {}
        for item in self.items.get_all(places) if places else ():
            file = from_item(item)
            if file.purpose is FilePurpose.VISION and item.get("conversation_id") == conversation_id:
                found[file.file_id] = self.objects.presigned_get(file.object_key, seconds=LENT_S)
        return found
