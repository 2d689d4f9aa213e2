"""Where the API is and who asks: flags, then variables, then the laptop's cloud of the current folder.

A key is read from the environment or from a file that its owner alone can read, and never from the command line, which
everybody on the machine can see (`ps`) and the shell's history keeps.
"""

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from foreverus.cli.context import printable
from foreverus.cli.failures import UsageError
from foreverus.cli.loopback import is_safe_address, is_this_machine

OUTPUTS = Path(".local") / "outputs.json"
_MOST_BYTES = 65_536  # of a file with a key
_PLACES = "in FOREVERUS_API_KEY, or in a file: --api-key-file or FOREVERUS_API_KEY_FILE"


@dataclass(frozen=True)
class ClientSettings:
    url: str  # ends without a slash: …/v1
    api_key: str = field(repr=False)
    note: str | None = None  # what people should know about where this came from


def find(
    url: str | None, key_file: str | None, folder: Path, variables: Mapping[str, str] = os.environ
) -> ClientSettings:
    """The first address of `--url`, FOREVERUS_URL, OPENAI_BASE_URL and the outputs of `make up`.

    A key that was given for us (`--api-key-file`, FOREVERUS_API_KEY, FOREVERUS_API_KEY_FILE) goes to any of them.
    OPENAI_API_KEY goes to OPENAI_BASE_URL alone: without that variable it is a key of OpenAI's, which nobody else
    should see. Raises UsageError, which names what is missing.
    """
    own_key = _own_key(key_file, folder, variables)
    own_url = _given(url) or _given(variables.get("FOREVERUS_URL"))
    if own_url:
        return _settings(own_url, own_key, f"Give the key {_PLACES}.")
    if openai_url := _given(variables.get("OPENAI_BASE_URL")):
        key = own_key or _given(variables.get("OPENAI_API_KEY"))
        return _settings(openai_url, key, f"Give the key {_PLACES}; or in OPENAI_API_KEY.")
    if outputs := _laptop(folder):
        return _of_laptop(outputs, own_key)
    raise UsageError(
        "The address of the API is missing. Give it with --url, in FOREVERUS_URL or in OPENAI_BASE_URL "
        f"(it is the stack's output ApiUrl), or run this where `make up` has written {OUTPUTS}."
    )


def _given(value: str | None) -> str:
    return (value or "").strip()


def _own_key(key_file: str | None, folder: Path, variables: Mapping[str, str]) -> str:
    if not key_file and (key := _given(variables.get("FOREVERUS_API_KEY"))):
        return key
    if not (named := key_file or _given(variables.get("FOREVERUS_API_KEY_FILE"))):
        return ""
    path = folder / Path(named).expanduser()
    try:
        key = _private(path, printable(named)).strip()
    except OSError as err:
        raise UsageError(f"The file with the key, {printable(named)}, cannot be read: {err.strerror}.") from err
    if not key:
        raise UsageError(f"The file with the key, {printable(named)}, is empty.")
    return key


def _private(path: Path, name: str) -> str:
    """The text of a file that its owner alone can read, and that is ours. Raises UsageError and OSError."""
    with path.open("rb") as file:
        about = os.fstat(file.fileno())  # of what is open: a name may lead elsewhere a moment later
        if os.name == "posix" and stat.S_ISREG(about.st_mode):
            if about.st_uid not in (os.geteuid(), 0) and os.geteuid() != 0:
                raise UsageError(
                    f"{name} belongs to somebody else, who knows the key in it: copy it to a file of yours."
                )
            if about.st_mode & 0o077:
                mode = stat.S_IMODE(about.st_mode)
                raise UsageError(
                    f"Others can read {name} (its mode is {mode:o}), and a key is in it: `chmod 600 {name}`."
                )
        return file.read(_MOST_BYTES).decode(errors="replace")


def _laptop(folder: Path) -> dict[str, str]:
    if not (path := folder / OUTPUTS).is_file():  # a pipe in a strange folder would be waited for
        return {}
    try:
        outputs = json.loads(_private(path, str(OUTPUTS)))
    except (OSError, ValueError, RecursionError):
        return {}
    return outputs if isinstance(outputs, dict) else {}


def _of_laptop(outputs: Mapping[str, str], own_key: str) -> ClientSettings:
    """Whoever wrote the folder (an archive, a repository) does not say where keys go: not beyond this machine."""
    url, key = (str(outputs.get(name) or "") for name in ("api_url", "api_key"))
    if not is_this_machine(url):
        raise UsageError(
            f"{OUTPUTS} names {printable(url[:100]) or 'no address'}: it may name this machine alone, where `make up` "
            "runs. Give the address with --url or in FOREVERUS_URL."
        )
    return _settings(url, own_key or key, f"{OUTPUTS} has none.", f"Using the laptop's cloud of {OUTPUTS}.")


def _settings(url: str, api_key: str, remedy: str, note: str | None = None) -> ClientSettings:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid or "\\" in url or "@" in url.split("?")[0]:
        shown = printable(url.rpartition("@")[2][:200])
        raise UsageError(f"{shown!r} is not an address: it looks like https://….execute-api.us-east-1.amazonaws.com/v1")
    if not is_safe_address(url):
        raise UsageError(
            f"{printable(url[:200])} would send the key in the clear: write https://. Without encryption only this "
            "machine is asked (localhost, 127.0.0.1, [::1])."
        )
    if not api_key:
        raise UsageError(f"The API key for {printable(url[:200])} is missing. {remedy}")
    if not (api_key.isascii() and api_key.isprintable() and " " not in api_key):
        raise UsageError("The API key has characters that no key has. Copy it again.")
    return ClientSettings(url.rstrip("/"), api_key, note)


def history_file(variables: Mapping[str, str] = os.environ) -> Path | None:
    """Where what was typed is kept, for its owner alone; None: FOREVERUS_HISTORY is empty, nothing is kept."""
    if (named := variables.get("FOREVERUS_HISTORY")) is not None:
        return Path(named).expanduser() if named.strip() else None
    state = variables.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "foreverus" / "history"


def is_dumb(variables: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal, if there is one, can do nothing but show lines."""
    return variables.get("TERM", "") in ("", "dumb")


def pipe_encoding(variables: Mapping[str, str] = os.environ) -> str | None:
    """What a program that reads us gets, the same in every locale; None: the environment says it itself."""
    return None if variables.get("PYTHONIOENCODING") else "utf-8"
