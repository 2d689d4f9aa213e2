"""Which route a path is, as API Gateway finds it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FoundResource:
    """`path`: as the routes' tables have it (`/files/{file_id}`); `values`: of its parameters."""

    path: str
    values: Mapping[str, str]
    methods: frozenset[str]


class Resources:
    """`routes`: `GET /files/{file_id}`. A part that is written out goes before a parameter; slashes too many, at the
    end or in between, are passed over."""

    def __init__(self, routes: Iterable[str]):
        methods: dict[str, set[str]] = {}
        for route in routes:
            method, path = route.split(" ")
            methods.setdefault(path, set()).add(method)
        own = [(_parts(path), path, frozenset(known)) for path, known in methods.items()]
        self._own = sorted(own, key=lambda one: [part.startswith("{") for part in one[0]])

    def find(self, path: str) -> FoundResource | None:
        """
        >>> Resources(["GET /files", "GET /files/{file_id}"]).find("/files/file_1/").values
        {'file_id': 'file_1'}
        """
        given = _parts(path)
        for parts, own, methods in self._own:
            if len(parts) == len(given) and all(_fits(*pair) for pair in zip(parts, given, strict=True)):
                named = {part[1:-1]: value for part, value in zip(parts, given, strict=True) if part.startswith("{")}
                return FoundResource(own, named, methods)
        return None


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _fits(part: str, given: str) -> bool:
    return part.startswith("{") or part == given
