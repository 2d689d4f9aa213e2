"""Where the API is and who asks: flags, then variables, then the laptop's cloud of the current folder."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from foreverus.cli.failures import UsageError

OUTPUTS = Path(".local") / "outputs.json"


@dataclass(frozen=True)
class ClientSettings:
    url: str  # ends without a slash: …/v1
    api_key: str = field(repr=False)
    note: str | None = None  # what people should know about where this came from


def find(
    url: str | None, api_key: str | None, folder: Path, variables: Mapping[str, str] = os.environ
) -> ClientSettings:
    """The first address of `--url`, FOREVERUS_URL, OPENAI_BASE_URL and the outputs of `make up`.

    A key that was given for us (`--api-key`, FOREVERUS_API_KEY) goes to any of them. OPENAI_API_KEY goes to
    OPENAI_BASE_URL alone: without that variable it is a key of OpenAI's, which nobody else should see.
    Raises UsageError, which names what is missing.
    """
    own_key = _given(api_key) or _given(variables.get("FOREVERUS_API_KEY"))
    own_url = _given(url) or _given(variables.get("FOREVERUS_URL"))
    if own_url:
        return _settings(own_url, own_key, "Give the key with --api-key or in FOREVERUS_API_KEY.")
    if openai_url := _given(variables.get("OPENAI_BASE_URL")):
        key = own_key or _given(variables.get("OPENAI_API_KEY"))
        return _settings(openai_url, key, "Give the key with --api-key, in FOREVERUS_API_KEY or in OPENAI_API_KEY.")
    if outputs := _laptop(folder):
        note = f"Using the laptop's cloud of {OUTPUTS}."
        return _settings(
            outputs.get("api_url", ""), own_key or outputs.get("api_key", ""), f"{OUTPUTS} has none.", note
        )
    raise UsageError(
        "The address of the API is missing. Give it with --url, in FOREVERUS_URL or in OPENAI_BASE_URL "
        f"(it is the stack's output ApiUrl), or run this where `make up` has written {OUTPUTS}."
    )


def _given(value: str | None) -> str:
    return (value or "").strip()


def _laptop(folder: Path) -> dict[str, str]:
    try:
        outputs = json.loads((folder / OUTPUTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return outputs if isinstance(outputs, dict) else {}


def _settings(url: str, api_key: str, remedy: str, note: str | None = None) -> ClientSettings:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid:
        raise UsageError(f"{url!r} is not an address: it looks like https://….execute-api.us-east-1.amazonaws.com/v1")
    if not api_key:
        raise UsageError(f"The API key for {url} is missing. {remedy}")
    if not (api_key.isascii() and api_key.isprintable()):
        raise UsageError("The API key has characters that no key has. Copy it again.")
    return ClientSettings(url.rstrip("/"), api_key, note)
