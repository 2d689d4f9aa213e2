"""Where weights lie on the machine, and what the engine is told of them."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from foreverus.worker.weights.manifest import KINDS, Manifest, ModelSource, WrongManifest

IN_CONTAINER = "/weights"  # where the engine's unit shows it the folder, read-only
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class WeightPlaces:
    """`weights`: the folder that the engine's container sees. `run`: MACHINE_DIR."""

    weights: Path
    run: Path

    @property
    def kept(self) -> Path:
        """What came from the bucket, a folder for each model and commit."""
        return self.weights / "kept"

    def model(self, manifest: Manifest) -> Path:
        return self.kept / manifest.source.repository / manifest.commit

    @property
    def ready(self) -> Path:
        """The manifest of a set that is whole: written last."""
        return self.kept / "ready.json"

    def hub(self, source: ModelSource) -> Path:
        """The hub's own cache of that repository, as its library writes it."""
        return self.weights / "hub" / f"models--{source.repository.replace('/', '--')}"

    @property
    def told(self) -> Path:
        """The engine's environment file."""
        return self.run / "weights.env"

    @property
    def wrong(self) -> Path:
        """The ETag of a manifest in the bucket that was no use: who takes the hub looks what is wrong."""
        return self.run / "wrong-manifest"

    def already_here(self, source: ModelSource) -> Manifest | None:
        """A whole set that was here before the boot, on a machine image that was baked. Sizes are compared: the disk
        is a copy of one whose engine has answered."""
        try:
            manifest = Manifest.from_json(self.ready.read_bytes(), source)
            sizes = [(self.model(manifest) / file.path).stat().st_size for file in manifest.files]
        except (OSError, WrongManifest):
            return None
        return manifest if sizes == [file.size for file in manifest.files] else None

    def tell_engine(self, source: ModelSource, manifest: Manifest | None, commit: str = "") -> None:
        """With a manifest, its folder; without one the hub, at `commit` where one is known: prepare.sh takes it from
        there before the engine starts (weights/hub.py)."""
        if manifest:
            self._tell(self._in_container(self.model(manifest)), manifest.commit)
        else:
            self._tell(source.repository, commit or source.revision)

    def tell_engine_of_snapshot(self, source: ModelSource, commit: str) -> None:
        """What came from the hub is here, and right."""
        self._tell(self._in_container(self.snapshot(source, commit)), commit)

    def snapshot(self, source: ModelSource, commit: str) -> Path:
        return self.hub(source) / "snapshots" / commit

    def commit_from_the_hub(self, source: ModelSource) -> str:
        """Which commit of the hub's the engine serves; empty where its weights came from elsewhere."""
        told = self.told.read_text() if self.told.exists() else ""
        begin = f"MODEL_SOURCE={self._in_container(self.snapshot(source, ''))}/"
        return told.splitlines()[0].removeprefix(begin) if told.startswith(begin) else ""

    def _in_container(self, folder: Path) -> str:
        return f"{IN_CONTAINER}/{folder.relative_to(self.weights)}"

    def _tell(self, where: str, revision: str) -> None:
        self.run.mkdir(parents=True, exist_ok=True)
        self.told.write_text(f"MODEL_SOURCE={where}\nMODEL_REVISION={revision}\n")


def sha256_of(path: Path) -> str:
    """Of a file of any size, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def git_blob_of(path: Path) -> str:
    """The id that git gives such a file (SHA-1, as git has it), which is what the hub names small files by."""
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def hub_files(folder: Path) -> dict[str, Path]:
    """A snapshot's files by their path in the repository, each resolved to the hub's blob of it.

    Raises WrongManifest where one is of another kind than ours or not what the hub's name for it says, or a part of the
    weights is missing: the hub names large files by their SHA-256, small ones by git's id.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        name, blob = path.relative_to(folder).as_posix(), path.resolve(strict=True)
        if not name.endswith(KINDS):
            raise WrongManifest(f"{name} is none of {', '.join(KINDS)}")
        right = {64: sha256_of, 40: git_blob_of}.get(len(blob.name))
        if path.is_symlink() and right and right(blob) != blob.name:
            raise WrongManifest(f"{name} is not what the hub calls {blob.name}")
        found[name] = blob
    if index := found.get("model.safetensors.index.json"):
        parts = set(json.loads(index.read_bytes()).get("weight_map", {}).values())
        if missing := parts - found.keys():
            raise WrongManifest(f"{sorted(missing)[0]} is missing")
    return found
