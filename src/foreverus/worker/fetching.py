"""Images that are fetched at addresses which were lent: the machine itself has no right to any."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from foreverus.abilities.read_image.gpu import Fetch
from foreverus.abilities.read_image.stored import LOADS
from foreverus.aws.s3 import ObjectNotThere
from foreverus.files.records import object_key


@dataclass(frozen=True, slots=True)
class Fetched:
    """By their places."""

    held: Mapping[str, bytes]

    def read(self, key: str, start: int, end: int) -> bytes:
        if key not in self.held:
            raise ObjectNotThere(f"There is no object {key}.")
        return self.held[key][start:end]


def fetched(user_id: str, urls: Mapping[str, str], fetch: Fetch) -> Fetched:
    """`urls`: by the images' ids, of one person's. One that is gone is missing. Blocks. Raises OSError."""
    with ThreadPoolExecutor(LOADS) as threads:
        found = list(threads.map(fetch, urls.values()))
    places = (object_key(user_id, file_id) for file_id in urls)
    return Fetched({place: data for place, data in zip(places, found, strict=True) if data is not None})
