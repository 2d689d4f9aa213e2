"""The text in a message's images, where the deployment reads them and nobody sees them: read once, and kept with the
image, so that who sends again while our container starts has nothing read twice.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from foreverus.abilities.read_image.port import ReadText, read_all
from foreverus.abilities.read_image.stored import ImageLoader
from foreverus.aws import keys
from foreverus.aws.dynamo import Table, update_write
from foreverus.aws.s3 import Objects
from foreverus.backends.images import PromptImage
from foreverus.conversations.shown import ShownImage
from foreverus.errors import EngineFailed, InvalidRequest, NotAccepted, PromptRejected
from foreverus.files.records import object_key

AGAIN_S = 5  # until a container that is busy may have come to it


@dataclass(frozen=True, kw_only=True)
class ImageTexts:
    """`objects`: where people's files are. `reader`: made when somebody shows an image."""

    items: Table
    objects: Objects
    reader: Callable[[], ReadText]

    def of(self, user_id: str, images: Sequence[ShownImage]) -> tuple[ShownImage, ...]:
        """The same with the text of each that is there. Raises InvalidRequest, SpendCapReached, ContainerStarting and
        NotAccepted. Blocks, for as long as the reader waits."""
        unread = {one: replace(one.unread, object_key=object_key(user_id, one.file_id)) for one in images}
        try:
            loaded = ImageLoader(self.objects)(data for one, data in unread.items() if one.text is None)
            there = [(one, loaded[data.object_key]) for one, data in unread.items() if data.object_key in loaded]
            texts = self._read(user_id, there) if there else {}
        except EngineFailed as err:
            said = "The text in an image could not be read just now, so nothing was kept. Send it again."
            raise NotAccepted(said, param="images", code="image_not_read", retry_after_s=AGAIN_S) from err
        return tuple(replace(one, text=texts.get(one.file_id, one.text)) for one in images)

    def _read(self, user_id: str, there: Sequence[tuple[ShownImage, PromptImage]]) -> dict[str, str]:
        kept = _Keeping(self, user_id, {id(data): one for one, data in there})
        try:
            texts = asyncio.run(read_all(kept, [data for _, data in there]))
        except PromptRejected as err:
            raise InvalidRequest(str(err), param="images", code="invalid_image") from err
        return {one.file_id: text for (one, _), text in zip(there, texts, strict=True)}

    def keep(self, user_id: str, file_id: str, text: str) -> None:
        where, values = keys.file_key(user_id, file_id), {":text": text}
        self.items.transact_if(update_write(where, "SET seen_text = :text", values, condition="attribute_exists(pk)"))


@dataclass(frozen=True, slots=True)
class _Keeping:
    """`ReadText` that keeps each text as it comes, whatever becomes of the others. `shown`: by their loaded image."""

    texts: ImageTexts
    user_id: str
    shown: dict[int, ShownImage]

    async def read(self, image: PromptImage) -> str:
        text = await self.texts.reader().read(image)
        await asyncio.to_thread(self.texts.keep, self.user_id, self.shown[id(image)].file_id, text)
        return text
