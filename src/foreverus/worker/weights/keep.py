"""Weights into the data bucket, once, by the first machine whose engine took them from the hub and has answered.

It runs beside a session at the lowest priority, and is killed with the machine whenever that ends: what is half done is
not used, because the manifest is written last, and the next machine goes on with the files that are missing. Two
machines at once write the same bytes under the same keys, and the first manifest stands: the bucket's policy lets no
machine write over it, so that a stolen one cannot make others serve its weights.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from foreverus.aws.large_objects import Already, LargeObjects
from foreverus.worker.weights.manifest import Manifest, ModelSource, WeightFile, WrongManifest
from foreverus.worker.weights.places import WeightPlaces, hub_files, sha256_of

log = logging.getLogger(__name__)

HEALTH_POLL_S = 2.0
HEAD_START_S = 30.0  # for the messages that have waited for the engine: they come first


def wait_for_engine(is_healthy: Callable[[], bool], sleep: Callable[[float], None]) -> None:
    """Returns when the engine has been up for a while. Without an end: the machine has one."""
    while not is_healthy():
        sleep(HEALTH_POLL_S)
    sleep(HEAD_START_S)


def keep(objects: LargeObjects, source: ModelSource, places: WeightPlaces) -> bool:
    """Whether this machine has filled or mended the set. Raises WrongManifest for files that are not what the hub has
    named, and where the bucket's manifest is not the hub's: no machine may replace that one. And what S3 raises: then
    the next machine tries."""
    commit = places.commit_from_the_hub(source)
    if not commit:
        return False
    wrong = places.wrong.read_text() if places.wrong.exists() else ""
    found = objects.read(source.manifest_key)
    if found and found.etag != wrong:
        log.info("another machine has filled the set")
        return False
    files = hub_files(places.snapshot(source, commit))
    manifest = _manifest_of(source, commit, files)
    if found and found.data != manifest.to_json():
        raise WrongManifest(
            f"{source.manifest_key} in the data bucket is not what the hub has of commit {commit}. No machine uses it, "
            "and none may replace it: look who wrote it, and delete it; the next session writes it anew"
        )
    _upload(objects, manifest, files, everything=bool(wrong))
    if not found:
        try:
            objects.put_once(source.manifest_key, manifest.to_json())
        except Already:
            log.info("another machine was faster")
            return False
    log.info("the bucket has the weights of %s at %s: %d files", source.repository, commit, len(manifest.files))
    return True


def _manifest_of(source: ModelSource, commit: str, files: Mapping[str, Path]) -> Manifest:
    kept = tuple(WeightFile(name, path.stat().st_size, sha256_of(path)) for name, path in files.items())
    manifest = Manifest(source, commit, kept)
    manifest.check()
    return manifest


def _upload(objects: LargeObjects, manifest: Manifest, files: Mapping[str, Path], everything: bool) -> None:
    """`everything`: also what is there, where something of it was wrong."""
    for file in manifest.files:
        key = manifest.source.file_key(manifest.commit, file.path)
        if everything or objects.sha256(key) != file.sha256:
            objects.upload(files[file.path], key, file.sha256)
