"""What the emulator does differently from AWS, one module per difference.

Each module says what the emulator does and what AWS does, and has one function `apply(options)` that is called once,
before the first request. These modules run under the emulator's own interpreter (`.local/ministack`), so they import
nothing of ours but each other and `local/sdk_text.py`, which needs nothing.

Every patch has two tests in `tests/local`: one that the patched emulator does what AWS does, and one that an unpatched
emulator still does not. The second one fails on the day a new version of the emulator makes the patch unnecessary:
delete the patch then.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """What the launcher knows and a patch may need.

    postgres: a JSON file with `host`, `port`, `superuser` and `password` of our PostgreSQL. It is a file and not an
    environment variable because Lambda functions inherit the emulator's environment, and they must know a database
    only through its secret.
    bedrock: the address of the model behind Bedrock, an OpenAI-compatible server. Without one Bedrock is unavailable.
    """

    postgres: Path | None = None
    bedrock: str | None = None
