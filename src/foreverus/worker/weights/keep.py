"""Weights into the data bucket, once, by the first machine whose engine took them from the hub and has answered.

It runs beside a session at the lowest priority, and is killed with the machine whenever that ends: what is half done is
not used, because the manifest is written last, and the next machine goes on with the files that are missing. Two
machines at once write the same bytes under the same keys, and the first manifest stands.
"""

import logging
from collections.abc import Callable

from foreverus.aws.large_objects import Already, LargeObjects
from foreverus.worker.weights.manifest import Manifest, ModelSource, WeightFile
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
    """Whether this machine has filled the set. Raises WrongManifest for files that are not what the hub has named, and
    what S3 raises: then the next machine tries."""
    if not places.engine_uses_the_hub(source):
        return False
    wrong = places.wrong.read_text() if places.wrong.exists() else ""
    found = objects.read(source.manifest_key)
    if found and found.etag != wrong:
        log.info("another machine has filled the set")
        return False
    manifest = _upload(objects, source, places, everything=bool(wrong))
    try:
        objects.put_if(source.manifest_key, manifest.to_json(), wrong if found else "")
    except Already:
        log.info("another machine was faster")
        return False
    log.info(
        "the bucket has the weights of %s at %s: %d files", source.repository, manifest.commit, len(manifest.files)
    )
    return True


def commit_of(source: ModelSource, places: WeightPlaces) -> str:
    """What the hub resolved the revision to. A commit is itself: the hub's cache keeps no name for it."""
    name = places.hub(source) / "refs" / source.revision
    return name.read_text().strip() if name.exists() else source.revision


def _upload(objects: LargeObjects, source: ModelSource, places: WeightPlaces, everything: bool) -> Manifest:
    """`everything`: also what is there, where something of it was wrong."""
    commit = commit_of(source, places)
    files = hub_files(places.hub(source) / "snapshots" / commit)
    kept = tuple(WeightFile(name, path.stat().st_size, sha256_of(path)) for name, path in files.items())
    manifest = Manifest(source, commit, kept)
    manifest.check()
    for file in kept:
        key = source.file_key(commit, file.path)
        if everything or objects.sha256(key) != file.sha256:
            objects.upload(files[file.path], key, file.sha256)
    return manifest
