"""What the bucket holds of a model: which commit, and each file's size and checksum. Pure.

    weights/<owner>/<name>/<revision>/manifest.json    written last: without it nothing there is used
    weights/<owner>/<name>/<commit>/<file>             what it names

`revision` is the stack's ModelRevision. Where that is `main`, the commit is the one that the hub had when the set was
filled: who comes later is pinned to it by the manifest.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath

from foreverus.errors import ForeverUsError

PREFIX = "weights"
MOST_FILES = 1000
# The kinds of files that a machine fetches, keeps and serves: weights that are numbers only, and text. Nothing in which
# code could hide (pickle: .bin, .pt, .pth, .ckpt; .py) comes to the engine from anywhere.
KINDS = (".safetensors", ".json", ".model", ".txt", ".jinja")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class WrongManifest(ForeverUsError):
    """The text is no manifest of this model; the message says why."""


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A repository of the hub (`owner/name`) and what of it is served: `main` or a commit."""

    repository: str
    revision: str

    @property
    def manifest_key(self) -> str:
        return f"{PREFIX}/{self.repository}/{self.revision}/manifest.json"

    def file_key(self, commit: str, path: str) -> str:
        return f"{PREFIX}/{self.repository}/{commit}/{path}"


@dataclass(frozen=True, slots=True)
class WeightFile:
    """`path`: below the model's folder. `size` in bytes; `sha256` in hexadecimal."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    source: ModelSource
    commit: str
    files: tuple[WeightFile, ...]

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), indent=1).encode()

    @classmethod
    def from_json(cls, data: bytes, source: ModelSource) -> "Manifest":
        """Raises WrongManifest for whatever is not a whole manifest of `source`."""
        try:
            found = json.loads(data)
            files = tuple(WeightFile(one["path"], one["size"], one["sha256"]) for one in found["files"])
            made = cls(ModelSource(**found["source"]), found["commit"], files)
        except (ValueError, TypeError, KeyError) as err:
            raise WrongManifest(f"it cannot be read: {err!r}") from err
        if made.source != source:
            raise WrongManifest(f"it is of {made.source}")
        made.check()
        return made

    def check(self) -> None:
        """Raises WrongManifest for what a boot could not use."""
        if not isinstance(self.commit, str) or not _COMMIT.fullmatch(self.commit):
            raise WrongManifest(f"{self.commit!r} is no commit")
        if self.source.revision not in ("main", self.commit):
            raise WrongManifest(f"commit {self.commit} is not the pinned {self.source.revision}")
        if not 0 < len(self.files) <= MOST_FILES:
            raise WrongManifest(f"it has {len(self.files)} files")
        for file in self.files:
            _check(file)
        paths = {file.path for file in self.files}
        if len(paths) != len(self.files):
            raise WrongManifest("a file is named twice")
        if "config.json" not in paths or not any(path.endswith(".safetensors") for path in paths):
            raise WrongManifest("config.json or the weights are missing")


def _check(file: WeightFile) -> None:
    parts = PurePosixPath(file.path).parts if isinstance(file.path, str) else ()
    if not parts or ".." in parts or parts[0] == "/" or "\\" in file.path or "\0" in file.path:
        raise WrongManifest(f"{file.path!r} is no path below the model's folder")
    if not file.path.endswith(KINDS):
        raise WrongManifest(f"{file.path} is none of {', '.join(KINDS)}")
    if not isinstance(file.size, int) or isinstance(file.size, bool) or file.size < 0:
        raise WrongManifest(f"{file.path} has no size")
    if not isinstance(file.sha256, str) or not _SHA256.fullmatch(file.sha256):
        raise WrongManifest(f"{file.path} has no SHA-256")
