"""The images of a request: `image_url` parts of its messages, which hold the bytes themselves. Pure.

No address of the world is fetched: who could have us ask any address for them would be inside our account.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from foreverus.abilities.read_image.checking import MOST_IMAGES, NotTaken, checked
from foreverus.backends.images import PromptImage
from foreverus.backends.messages import IMAGE, TEXT
from foreverus.backends.port import Prompt
from foreverus.errors import InvalidRequest

DATA = re.compile(r"data:[^,;]*(?:;[^,;]*)*;base64,", re.IGNORECASE)
MOST_HEAD = 256  # characters of a data: URL before its bytes
MOST_IN_ALL = 20  # of a request: Converse's limit


def with_images(prompt: Prompt, body: Mapping[str, Any]) -> Prompt:
    """A chat's prompt with the images that its messages have. `body` fits its schema. Raises InvalidRequest."""
    shown = [_of_message(f"messages[{number}]", one) for number, one in enumerate(body.get("messages", ()))]
    if not any(shown):
        return prompt
    if (count := sum(map(len, shown))) > MOST_IN_ALL:
        raise _refused("messages", f"The field 'messages' has {count} images; a request has at most {MOST_IN_ALL}.")
    # What the prompt leaves out stands at the messages' end, and has none: images are a user's.
    pairs = zip(prompt.messages, shown, strict=False)
    return replace(prompt, messages=tuple(replace(one, images=images) for one, images in pairs))


def _of_message(where: str, message: Any) -> tuple[PromptImage, ...]:
    content = message["content"]
    if isinstance(content, str):
        return ()
    found = []
    for number, part in enumerate(content):
        place = f"{where}.content[{number}]"
        if part["type"] not in part:
            field = f"{place}.{part['type']}"
            raise _refused(field, f"The field '{field}' is missing.", "missing_field")
        extra = {TEXT, IMAGE} & part.keys() - {part["type"]}
        if extra:
            raise _refused(f"{place}.{min(extra)}", f"The field '{place}' is of type {part['type']} alone.")
        if part["type"] == IMAGE:
            found.append(_image(f"{place}.image_url.url", part[IMAGE]["url"]))
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
            "address is fetched.",
            param=where,
            code="image_not_fetched",
        )
    try:
        return checked(base64.b64decode(url[head.end() :], validate=True))
    except binascii.Error as err:
        raise _refused(where, f"The field '{where}' is not base64.") from err
    except NotTaken as err:
        raise _refused(where, f"The field '{where}': {err}", "invalid_image") from err


def _refused(where: str, message: str, code: str = "invalid_field") -> InvalidRequest:
    return InvalidRequest(message, param=where, code=code)
