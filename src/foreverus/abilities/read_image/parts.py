"""The images of a request, or of a batch's line: parts of its messages, of type `image_url`, which hold the bytes
themselves, or of type `file`, which name an image that its person has uploaded (OpenAI's clients know both). Pure.

No address of the world is fetched: who could have us ask any address for them would be inside our account.
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from foreverus.abilities.read_image.checking import MOST_IMAGES, NotTaken, checked
from foreverus.backends.images import PromptImage
from foreverus.backends.messages import FILE, IMAGE, TEXT
from foreverus.backends.port import Prompt
from foreverus.choice.request import no_image
from foreverus.errors import InvalidRequest

DATA = re.compile(r"data:[^,;]*(?:;[^,;]*)*;base64,", re.IGNORECASE)
MOST_HEAD = 256  # characters of a data: URL before its bytes
MOST_IN_ALL = 20  # of a request: Converse's limit


def has_images(body: Mapping[str, Any]) -> bool:
    """Whether a body that fits its schema shows any, with its nulls or without."""
    contents = (message.get("content") for message in body.get("messages") or ())
    return any(part.get("type") in (IMAGE, FILE) for one in contents if isinstance(one, list) for part in one)


def named_images(body: Mapping[str, Any], inside: str = "") -> tuple[str, ...]:
    """The ids of the files that a body names which fits its schema. `inside`: where the body stands, for its fields'
    names. Raises InvalidRequest where they are too many."""
    named = tuple(_named(body))
    if len(named) > MOST_IN_ALL:
        raise _too_many(inside, len(named))
    return named


def _named(body: Mapping[str, Any]) -> Iterator[str]:
    for message in body.get("messages", ()):
        if not isinstance(message["content"], str):
            yield from (part[FILE]["file_id"] for part in message["content"] if part["type"] == FILE and FILE in part)


def images_of(
    body: Mapping[str, Any], own: Mapping[str, PromptImage], inside: str = ""
) -> list[tuple[PromptImage, ...]]:
    """The images of each message of a chat. `body` fits its schema: that each part has what its type says is looked at
    here. `own`: of those that it names, the ones that are its person's, by their ids. `inside`: as `named_images` has
    it. Raises InvalidRequest."""
    messages = enumerate(body.get("messages", ()))
    shown = [_of_message(f"{inside}messages[{number}]", one, own) for number, one in messages]
    if (count := sum(map(len, shown))) > MOST_IN_ALL:
        raise _too_many(inside, count)
    return shown


def with_images(prompt: Prompt, shown: Sequence[tuple[PromptImage, ...]]) -> Prompt:
    """A chat's prompt with the images of its messages."""
    if not any(shown):
        return prompt
    # What the prompt leaves out stands at the messages' end, and has none: images are a user's.
    pairs = zip(prompt.messages, shown, strict=False)
    return replace(prompt, messages=tuple(replace(one, images=images) for one, images in pairs))


def _of_message(where: str, message: Any, own: Mapping[str, PromptImage]) -> tuple[PromptImage, ...]:
    content = message["content"]
    if isinstance(content, str):
        return ()
    found = []
    for number, part in enumerate(content):
        place = f"{where}.content[{number}]"
        if part["type"] not in part:
            field = f"{place}.{part['type']}"
            raise _refused(field, f"The field '{field}' is missing.", "missing_field")
        extra = {TEXT, IMAGE, FILE} & part.keys() - {part["type"]}
        if extra:
            raise _refused(f"{place}.{min(extra)}", f"The field '{place}' is of type {part['type']} alone.")
        if part["type"] == IMAGE:
            found.append(_image(f"{place}.image_url.url", part[IMAGE]["url"]))
        if part["type"] == FILE:
            if (name := part[FILE]["file_id"]) not in own:
                raise no_image(name, f"{place}.file.file_id")
            found.append(own[name])
    if found and message["role"] != "user":
        raise _refused(f"{where}.content", f"The field '{where}.content' has an image: only a user's messages may.")
    if len(found) > MOST_IMAGES:
        message_has = f"The field '{where}.content' has {len(found)} images; a message has at most {MOST_IMAGES}."
        raise _refused(f"{where}.content", message_has)
    return tuple(found)


def _image(where: str, url: str) -> PromptImage:
    head = DATA.match(url, 0, MOST_HEAD)
    if head is None:
        raise InvalidRequest(
            f"The field '{where}' must be a data: URL with the image's bytes as base64 (data:image/png;base64,…): no "
            "address is fetched. An image that you have uploaded is a part of type 'file' with its file_id.",
            param=where,
            code="image_not_fetched",
        )
    try:
        data = base64.b64decode(url[head.end() :], validate=True)
    except ValueError as err:  # of characters that are no ASCII it is no binascii.Error
        raise _refused(where, f"The field '{where}' is not base64.") from err
    try:
        return checked(data)
    except NotTaken as err:
        raise _refused(where, f"The field '{where}': {err}", "invalid_image") from err


def _too_many(inside: str, count: int) -> InvalidRequest:
    where = f"{inside}messages"
    return _refused(where, f"The field '{where}' has {count} images; a request has at most {MOST_IN_ALL}.")


def _refused(where: str, message: str, code: str = "invalid_field") -> InvalidRequest:
    return InvalidRequest(message, param=where, code=code)
