"""Where a function's unpacked code comes from.

AWS: the code of an execution environment is there when it starts, and read-only.
Emulator: each environment of each function unpacks the archive anew and removes it at its end. Our functions are twenty
times the same thousand files: half of a cold start, and of the time that it takes to clean up.

Patch: an archive is unpacked once; environments have links to it.
"""

import hashlib
import os
import shutil
import tempfile
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from local.patches import Options

_UNPACKING = threading.Lock()


class OnceUnpacked(zipfile.ZipFile):
    """`extractall` makes links to what is in the archive, which is unpacked once."""

    def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
        for entry in unpacked(Path(str(self.filename))).iterdir():
            (Path(path) / entry.name).symlink_to(entry)


def unpacked(archive: Path) -> Path:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    place = Path(tempfile.gettempdir()) / f"lambda-packages-{os.getpid()}" / digest
    with _UNPACKING:
        if not place.is_dir():
            new = place.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(new)
            new.rename(place)
    return place


def apply(options: Options) -> None:
    from ministack.core import lambda_runtime

    lambda_runtime.zipfile = SimpleNamespace(**{**vars(zipfile), "ZipFile": OnceUnpacked})
