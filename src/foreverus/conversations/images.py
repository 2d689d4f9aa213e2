"""Which images a message shows: a person's own, each in one place of one conversation.

An image is a file that was looked at before it was kept (`FilePurpose.VISION`) and goes after a day. Whoever sends it
takes it into their message: it stays with that, and goes with it. A question that takes another one's place may show
the same ones again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import Table, Write, update_write
from foreverus.choice.request import images_off, no_image
from foreverus.conversations.reading import ImageTexts
from foreverus.conversations.records import MessageRef, Question
from foreverus.conversations.shown import ShownImage
from foreverus.errors import InvalidRequest
from foreverus.files.images import images_in
from foreverus.text import quoted

FREED_FOR = timedelta(hours=1)  # less than is left of its first day, at whose end it is looked at


@dataclass(frozen=True, slots=True)
class Shown:
    """`new`: those of `images` that no message has yet."""

    images: tuple[ShownImage, ...] = ()
    new: tuple[str, ...] = ()


@dataclass(frozen=True)
class MessageImages:
    """`sees`: somebody in the deployment does. `texts`: where they are read, unless the GPU sees them."""

    items: Table
    sees: bool
    texts: ImageTexts | None = None

    def of(self, message: MessageRef, wanted: Sequence[str], replaced: Question | None, now: datetime) -> Shown:
        """`wanted`: ids of files. Not read yet, but for what an earlier try has read. Raises InvalidRequest."""
        if not wanted:
            return Shown()
        if not self.sees and self.texts is None:
            raise images_off()
        if twice := next((one for at, one in enumerate(wanted) if one in wanted[:at]), None):
            said = f"The field 'images' names {quoted(twice)} twice. Name each image once."
            raise InvalidRequest(said, param="images", code="invalid_field")
        before = {one.file_id: one for one in replaced.images} if replaced else {}
        fresh = [one for one in wanted if one not in before]
        found = images_in(self.items, message.user_id, fresh, now)
        for one in fresh:
            if one not in found:
                raise gone(one)
            file, item = found[one]
            if item.get("message_id") not in (None, message.message_id):
                said = f"The image {quoted(one)} is in another message. Upload it again for this one."
                raise InvalidRequest(said, param="images", code="image_already_sent")
            before[one] = replace(ShownImage.of(file), text=item.get("seen_text"))
        return Shown(tuple(before[one] for one in wanted), tuple(fresh))

    def read(self, user_id: str, shown: Shown) -> Shown:
        """The same with the text of each. Raises what `ImageTexts.of` raises. Blocks."""
        return replace(shown, images=self.texts.of(user_id, shown.images)) if self.texts else shown

    def free(self, user_id: str, file_ids: Sequence[str], now: datetime) -> None:
        """Of a message that was not kept after all."""
        for one in file_ids:
            set_it = "SET expires_at = :until REMOVE message_id, conversation_id"
            values = {":until": ids.timestamp(now + FREED_FOR)}
            self.items.transact_if(
                update_write(keys.file_key(user_id, one), set_it, values, condition="attribute_exists(pk)")
            )


def image_write(question: Question, file_id: str) -> Write:
    """The part of a transaction with which a message takes an image: it stays for as long as that. Its conversation
    says to whose GPU it may be lent (lending.py)."""
    return update_write(
        keys.file_key(question.user_id, file_id),
        "SET message_id = :message, conversation_id = :conversation REMOVE expires_at",
        {":message": question.message_id, ":conversation": question.conversation_id},
        condition="attribute_exists(pk) AND (attribute_not_exists(message_id) OR message_id = :message)",
    )


def gone(file_id: str) -> InvalidRequest:
    return no_image(file_id, "images")
