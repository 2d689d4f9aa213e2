"""Weights from the hub, where the bucket has none that can be used: checked before the engine sees them.

The hub's own library downloads them, in the engine's image but in a container of its own that has a network
(machine/prepare.sh: hub): the engine's has none.
"""

from foreverus.worker.weights.manifest import ModelSource
from foreverus.worker.weights.places import WeightPlaces, hub_files


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
