"""What single words of the command line may be. Whatever is wrong here ends in exit status 2."""

import argparse
import re
from datetime import UTC, datetime, timedelta

STACKS = "default"  # backend: no own preference, the stack's
NEWEST = "newest"  # conversation: what --resume without an id means
BACKENDS = ("auto", "gpu", "bedrock")
ENDPOINTS = ("/v1/chat/completions", "/v1/completions")
FILE_ID = re.compile(r"file-[A-Za-z0-9]{1,100}")
GROUPS = ("day", "backend", "person", "kind")
WINDOW_MINUTES = (10, 168 * 60)
METADATA_KEY, METADATA_VALUE = 64, 512


def everywhere() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--url", help="address of the API, …/v1")
    shared.add_argument("--api-key-file", metavar="FILE", help="with the API key, readable by you alone (mode 600)")
    shared.add_argument("--api-key", dest="visible_key", action="store", nargs="?", const="", help=argparse.SUPPRESS)
    shared.add_argument("--json", action="store_true", help="JSON instead of text")
    return shared


def window(text: str) -> str:
    """A completion window: whole minutes or hours."""
    match = re.fullmatch(r"([1-9]\d{0,4})([mh])", text, re.ASCII)
    minutes = int(match[1]) * (60 if match[2] == "h" else 1) if match else 0
    if not WINDOW_MINUTES[0] <= minutes <= WINDOW_MINUTES[1]:
        raise argparse.ArgumentTypeError(f"{text!r} is no window from 10m to 168h, in whole minutes or hours like 90m")
    return text


def expiry(text: str) -> str:
    """A time for the API: days or hours from now are reckoned here, all else is the API's to judge."""
    match = re.fullmatch(r"([1-9]\d{0,4})([hd])", text, re.ASCII)
    if not match:
        return text
    span = timedelta(hours=int(match[1])) if match[2] == "h" else timedelta(days=int(match[1]))
    return (datetime.now(UTC) + span).isoformat(timespec="seconds")


def person(text: str) -> str:
    if not re.fullmatch(r"[!-~]{1,128}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no e-mail address")
    return text


def pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE (FILE comes before --metadata)")
    if len(key) > METADATA_KEY or len(value) > METADATA_VALUE:
        raise argparse.ArgumentTypeError(f"{key[:20]!r}: keys have at most 64 characters, values at most 512")
    return key, value


def identifier(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an id")
    return text


def key_identifier(text: str) -> str:
    """What is wrong is not repeated: a key itself should stand in no log."""
    if text.startswith("fu_"):
        raise argparse.ArgumentTypeError("this is a key itself; give its id, key_…, which `foreverus key list` shows")
    return identifier(text)


def positive(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,5}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def conversation(text: str) -> str:
    if text != NEWEST and not re.fullmatch(r"conv_[A-Za-z0-9]{1,100}", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no conversation's id, conv_…: `foreverus chat --list` shows them. TEXT stands before --resume"
        )
    return text


def temperature(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 2")
    return value


def day(text: str) -> str:
    if not re.fullmatch(r"20\d\d-\d\d-\d\d", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-11-29")
    return text


def groups(text: str) -> list[str]:
    found = text.split(",")
    if unknown := [one for one in found if one not in GROUPS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(GROUPS)}; with commas between several")
    return found


def minutes(text: str) -> int:
    """A session's use, in whole minutes: 0 is a GPU that nobody uses."""
    match = re.fullmatch(r"(\d{1,4})(m|h)?", text, re.ASCII)
    found = int(match[1]) * (60 if match[2] == "h" else 1) if match else -1
    if not 0 <= found <= 1440:
        raise argparse.ArgumentTypeError(f"{text!r} is no time from 0 to 24h, in minutes (90) or hours (2h)")
    return found
