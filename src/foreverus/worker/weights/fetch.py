"""Weights from the data bucket, before the engine starts: all of them and as the manifest says, or none.

Whatever is wrong with them (nothing there, refused, cut off, another checksum), the engine takes them from the hub, at
the manifest's commit where that much could be read.
"""

import logging
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from foreverus.aws.large_objects import LargeObjects
from foreverus.worker.units import Word
from foreverus.worker.weights.hub import AskHub, NotTheHubs, compare
from foreverus.worker.weights.manifest import Manifest, ModelSource, WeightFile, WrongManifest
from foreverus.worker.weights.places import WeightPlaces, sha256_of

log = logging.getLogger(__name__)

FILES_AT_ONCE = 4  # large ones are read in parts at once besides


def fetch(objects: LargeObjects, source: ModelSource, places: WeightPlaces, ask_hub: AskHub) -> Word:
    """Never raises for what S3 or the hub answers. PREPARED where the machine had them before it booted."""
    if here := places.already_here(source):
        places.tell_engine(source, here)
        return Word.PREPARED
    manifest, commit = None, ""
    try:
        manifest = _manifest(objects, source, places)
        if manifest:
            commit = manifest.commit
            _download(objects, manifest, places, ask_hub)
    except NotTheHubs as err:
        log.error("somebody has put other weights into the bucket, and they are not used: %s", err)
        manifest, commit = None, ""  # its commit is not to be believed either
    except Exception as err:
        log.warning("the weights in the bucket cannot be used, the hub has them: %s: %s", type(err).__name__, err)
        manifest = None
    places.tell_engine(source, manifest, commit)
    return Word.READY


def _manifest(objects: LargeObjects, source: ModelSource, places: WeightPlaces) -> Manifest | None:
    found = objects.read(source.manifest_key)
    if found is None:
        log.info("the bucket has no weights of %s at %s yet", source.repository, source.revision)
        return None
    _note_wrong(places, found.etag)  # until it has proved to be right
    return Manifest.from_json(found.data, source)


def _note_wrong(places: WeightPlaces, etag: str) -> None:
    places.run.mkdir(parents=True, exist_ok=True)
    places.wrong.write_text(etag)


def _download(objects: LargeObjects, manifest: Manifest, places: WeightPlaces, ask_hub: AskHub) -> None:
    """A folder of that name is there when all of it is, and right."""
    folder = places.model(manifest)
    part = folder.with_name(f"{folder.name}.part")
    for old in (part, folder):
        shutil.rmtree(old, ignore_errors=True)
    try:
        with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
            names = pool.submit(ask_hub, manifest.source, manifest.commit)
            _all(pool.map(lambda file: _download_one(objects, manifest, file, part), manifest.files))
        if (said := names.result()) is not None:
            compare(manifest, part, said)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    places.ready.write_bytes(manifest.to_json())
    places.wrong.unlink(missing_ok=True)


def _all(results: Iterable[None]) -> None:
    """Waits for each; raises what the first of them has raised."""
    for _ in results:
        pass


def _download_one(objects: LargeObjects, manifest: Manifest, file: WeightFile, part: Path) -> None:
    path = part / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    objects.download(manifest.source.file_key(manifest.commit, file.path), path)
    if (size := path.stat().st_size) != file.size:
        raise WrongManifest(f"{file.path} has {size} bytes instead of {file.size}")
    if sha256_of(path) != file.sha256:
        raise WrongManifest(f"{file.path} has another checksum")
