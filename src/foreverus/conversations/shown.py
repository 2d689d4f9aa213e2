"""The images that a question shows: files of its person's. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from foreverus.abilities.read_image.words import before
from foreverus.aws.dynamo import Values
from foreverus.backends.images import ImageKind, PromptImage, image_tokens
from foreverus.files.records import File


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownImage:
    """`bytes`: of its file. `text`: what stands in it, where it was read (abilities/read_image); None: it was not."""

    file_id: str
    kind: ImageKind
    width: int
    height: int
    bytes: int
    text: str | None = None

    @classmethod
    def of(cls, file: File | None) -> Self:
        """Of one that is an image."""
        assert file and file.image
        facts = file.image
        return cls(file_id=file.file_id, kind=facts.kind, width=facts.width, height=facts.height, bytes=file.bytes)

    @property
    def tokens(self) -> int:
        """At most."""
        return image_tokens(self.width, self.height)

    @property
    def unread(self) -> PromptImage:
        """For whoever chooses and reckons: without its bytes."""
        return PromptImage(self.kind, self.width, self.height, b"")


# Stands for those that were sent before, where a new message has none: they are to be seen again.
EARLIER = PromptImage(ImageKind.PNG, 1, 1, b"")


def noted(text: str, images: Sequence[ShownImage]) -> str:
    """What a model reads that does not see them: the text of those that were read, in their place.

    >>> noted("What is this?", ())
    'What is this?'
    """
    unread = sum(one.text is None for one in images)
    words = before(text, [one.text for one in images if one.text is not None])
    if not unread:
        return words
    several = f"{unread} images were shown" if unread > 1 else "An image was shown"
    note = f"[{several} here, which you cannot see.]"
    return f"{words}\n\n{note}" if words else note


def shown_to_item(image: ShownImage) -> Values:
    return {
        "file_id": image.file_id,
        "kind": image.kind.value,
        "width": image.width,
        "height": image.height,
        "bytes": image.bytes,
        **({} if image.text is None else {"text": image.text}),
    }


def shown_from_item(item: Values) -> ShownImage:
    return ShownImage(
        file_id=str(item["file_id"]),
        kind=ImageKind(str(item["kind"])),
        width=int(str(item["width"])),
        height=int(str(item["height"])),
        bytes=int(str(item["bytes"])),
        text=None if item.get("text") is None else str(item["text"]),
    )
