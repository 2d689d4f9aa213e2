"""Weights from the hub, where the bucket has none that can be used: checked before the engine sees them.

The hub's own library downloads them, in the engine's image but in a container of its own that has a network
(machine/prepare.sh: hub): the engine's has none.

And what the hub says of weights from the bucket: a manifest that a stolen machine has written first names checksums of
its own. The hub is asked for its list of files (Hub API, `GET /api/models/<repository>/tree/<commit>`), which has the
SHA-256 of large files and git's id of small ones. Where it does not answer, the manifest stands alone.
"""

import json
import logging
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from foreverus.worker.weights.manifest import Manifest, ModelSource, WrongManifest
from foreverus.worker.weights.places import WeightPlaces, git_blob_of, hub_files

log = logging.getLogger(__name__)

HUB = "https://huggingface.co"
ASK_S = 5.0
MOST_BYTES = 4 << 20  # of a list of files
GIT_ID_LENGTH = 40

Names = Mapping[str, str]  # path → SHA-256 of a large file, git's id of a small one
AskHub = Callable[[ModelSource, str], Names | None]  # the second: a commit


class NotTheHubs(WrongManifest):
    """The bucket's weights are not those that the hub has of this commit."""


def names_of(source: ModelSource, commit: str) -> Names | None:
    """What the hub calls the files of a commit: nothing, where it has no such commit. None where it does not say."""
    url = f"{HUB}/api/models/{source.repository}/tree/{commit}?recursive=true"
    try:
        with urllib.request.urlopen(url, timeout=ASK_S) as answer:  # noqa: S310
            found = json.loads(answer.read(MOST_BYTES))
        return {one["path"]: (one.get("lfs") or one)["oid"] for one in found if one["type"] == "file"} or None
    except urllib.error.HTTPError as err:
        log.warning("the hub says of commit %s of %s: %s", commit, source.repository, err)
        # Not for a repository that is gone: then the bucket's weights are all that there is.
        return {} if err.headers.get("X-Error-Code") == "RevisionNotFound" else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as err:
        log.warning("the hub does not say what it has of %s: %s: %s", source.repository, type(err).__name__, err)
        return None


def compare(manifest: Manifest, folder: Path, names: Names) -> None:
    """Raises NotTheHubs for the first file that is not what the hub calls it. `folder` has what the manifest names."""
    for file in manifest.files:
        name = names.get(file.path, "")
        right = git_blob_of(folder / file.path) if len(name) == GIT_ID_LENGTH else file.sha256
        if name != right:
            raise NotTheHubs(f"{file.path} of commit {manifest.commit} is {name or 'not there'} at the hub")


def settle(source: ModelSource, places: WeightPlaces) -> None:
    """Tells the engine the folder of what was downloaded. Raises WrongManifest where a file is not what the hub's name
    for it says."""
    commit = commit_of(source, places)
    hub_files(places.snapshot(source, commit))
    places.tell_engine_of_snapshot(source, commit)


def commit_of(source: ModelSource, places: WeightPlaces) -> str:
    """What the hub resolved the revision to. A commit is itself: the hub's cache keeps no name for it."""
    name = places.hub(source) / "refs" / source.revision
    return name.read_text().strip() if name.exists() else source.revision
