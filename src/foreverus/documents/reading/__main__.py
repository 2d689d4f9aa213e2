"""`python -m foreverus.documents.reading KIND`: a document's bytes on stdin, its text as JSON on stdout.

A process of its own for each document, with no credentials and with bounds on time and memory: what a file does to a
reader ends with it.
"""

import contextlib
import json
import resource
import sys

from foreverus.documents.reading.kinds import read
from foreverus.documents.reading.records import DocumentKind, Trouble, Unreadable

MOST_MEMORY_BYTES = 1_200_000_000
MOST_CPU_S = 100


def main() -> None:
    bound()
    try:
        found = read(sys.stdin.buffer.read(), DocumentKind(sys.argv[1]))
        blocks = [[one.text, one.page, one.heading] for one in found.blocks]
        answer: dict[str, object] = {"pages": found.pages, "blocks": blocks}
    except Unreadable as err:
        answer = {"trouble": err.trouble.value}
    except (MemoryError, RecursionError):
        answer = {"trouble": Trouble.TOO_COMPLEX.value}
    sys.stdout.write(json.dumps(answer))


def bound() -> None:
    """The kernel ends what goes beyond; memory alone is refused, which Python says as MemoryError."""
    for kind, most in ((resource.RLIMIT_AS, MOST_MEMORY_BYTES), (resource.RLIMIT_CPU, MOST_CPU_S)):
        with contextlib.suppress(ValueError, OSError):  # the system's own bound is lower
            resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    main()
