"""Reads a document in a process of its own, and says why where that one does not come back."""

import json
import logging
import subprocess
import sys
from os import pathsep
from pathlib import Path

import foreverus
from foreverus.documents.reading.records import Block, DocumentKind, ReadDocument, Trouble, Unreadable

LONGEST_S = 110.0
log = logging.getLogger(__name__)


def read_apart(data: bytes, kind: DocumentKind, longest_s: float = LONGEST_S) -> ReadDocument:
    """Raises Unreadable."""
    command = [sys.executable, "-m", "foreverus.documents.reading", kind.value]
    try:
        done = subprocess.run(  # noqa: S603  # our own module, and the kind is one of four words
            command, input=data, capture_output=True, timeout=longest_s, env=environment()
        )
    except subprocess.TimeoutExpired as err:
        raise Unreadable(Trouble.TOO_COMPLEX) from err
    try:
        answer = json.loads(done.stdout)
    except ValueError as err:  # the kernel ended it, or the reader itself failed: the document is the reason
        log.warning("a document's reader ended with %d", done.returncode)
        raise Unreadable(Trouble.TOO_COMPLEX if done.returncode < 0 else Trouble.BROKEN) from err
    if "trouble" in answer:
        raise Unreadable(Trouble(answer["trouble"]))
    return ReadDocument(tuple(Block(*one) for one in answer["blocks"]), int(answer["pages"]))


def environment() -> dict[str, str]:
    """What Python needs to find us and its libraries, and nothing else: no credentials, no names of ours."""
    places = [str(Path(foreverus.__file__).parent.parent), *(one for one in sys.path if one)]
    return {
        "PYTHONPATH": pathsep.join(places),
        "LD_LIBRARY_PATH": f"{sys.base_prefix}/lib",  # where Lambda has Python's own library
        "LC_ALL": "C.UTF-8",
    }
