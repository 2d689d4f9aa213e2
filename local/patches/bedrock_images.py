"""Bedrock's models that see: what stands in an image's block is looked at.

AWS: a model that sees takes images in Converse's blocks, of 3.75 MB and 8,000 pixels a side at most, and answers from
what is in them; one that does not refuses them. (Amazon Bedrock API Reference, "ImageBlock"; Amazon Nova User Guide,
"Image understanding". The text of the refusal is from public bug reports.)
Emulator: passes over the block, and the model answers without it.

Patch: RapidOCR reads the text in the picture (local/eyes.py), which stands in its place in the prompt, and the laptop's
real model answers from that. So it sees no cat, and reads a letter.
"""

import base64
import binascii
import json
import subprocess
import sys
from typing import Any

from local.eyes import NOT_A_PICTURE
from local.refused import Refused

SEE = ("amazon.nova-lite", "amazon.nova-pro", "mistral.pixtral", "anthropic.claude")
FORMATS = ("png", "jpeg", "gif", "webp")
MOST_BYTES, MOST_IMAGES = 3_750_000, 20
LONGEST_S = 120.0


def with_words(model_id: str, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same messages with what is read in their images in place of these. Blocks. Raises Refused."""
    images = [block for message in messages for block in message.get("content") or () if "image" in block]
    if not images:
        return messages
    if not any(name in model_id for name in SEE):
        raise _invalid("This model doesn't support the image content block that you provided.")
    if len(images) > MOST_IMAGES:
        raise _invalid("too many images and documents")
    return [
        {**message, "content": [_read(one) if "image" in one else one for one in message.get("content") or ()]}
        for message in messages
    ]


def _read(block: dict[str, Any]) -> dict[str, Any]:
    image = block["image"] or {}
    if image.get("format") not in FORMATS:
        raise _invalid("The format of an image must be one of png, jpeg, gif, webp.")
    try:
        data = base64.b64decode((image.get("source") or {}).get("bytes") or "", validate=True)
    except (binascii.Error, TypeError) as err:
        raise _invalid("An image has no bytes.") from err
    if not data or len(data) > MOST_BYTES:
        raise _invalid(f"An image has {len(data)} bytes, the most is {MOST_BYTES}.")
    lines = lines_in(data)
    return {"text": "The image shows this text:\n" + "\n".join(lines) if lines else "The image shows no text."}


def lines_in(picture: bytes) -> list[str]:
    command = [sys.executable, "-m", "local.eyes"]
    try:
        done = subprocess.run(command, input=picture, capture_output=True, timeout=LONGEST_S, check=False)
    except subprocess.TimeoutExpired as err:
        raise Refused(408, "ModelTimeoutException", "The image took too long to look at.") from err
    if done.returncode == NOT_A_PICTURE:
        raise _invalid("Could not process image.")
    if done.returncode:
        print(f"bedrock: {done.stderr.decode(errors='replace')[-500:]}", flush=True)
        raise Refused(424, "ModelErrorException", "The image could not be looked at.")
    return list(json.loads(done.stdout))


def _invalid(message: str) -> Refused:
    return Refused(400, "ValidationException", message)
