"""Paths as API Gateway finds them."""

import pytest

from foreverus.serve.functions import CHAT_ROUTES, HANDLERS
from foreverus.serve.resources import Resources

ALL = Resources([*HANDLERS, *CHAT_ROUTES])
SOME = Resources(["GET /a/{x}", "GET /a/b", "POST /a/b", "GET /{x}/{y}/c", "GET /a/{x}/c"])


@pytest.mark.parametrize(
    ("path", "found", "values"),
    [
        ("/a/b", "/a/b", {}),
        ("/a/bb", "/a/{x}", {"x": "bb"}),
        ("/a/b/", "/a/b", {}),
        ("//a///b", "/a/b", {}),
        ("/a/ä b", "/a/{x}", {"x": "ä b"}),
        ("/a/{x}", "/a/{x}", {"x": "{x}"}),
        ("/a/1/c", "/a/{x}/c", {"x": "1"}),
        ("/b/1/c", "/{x}/{y}/c", {"x": "b", "y": "1"}),
    ],
)
def test_what_is_written_out_goes_before_what_is_not(path: str, found: str, values: dict[str, str]) -> None:
    one = SOME.find(path)
    assert one is not None and (one.path, one.values) == (found, values)


@pytest.mark.parametrize("path", ["", "/", "/a", "/a/b/d", "/A/b", "/a/b/c/d"])
def test_other_paths_are_nobodys(path: str) -> None:
    assert SOME.find(path) is None


def test_a_path_has_the_methods_of_all_of_its_routes() -> None:
    one = SOME.find("/a/b")
    assert one is not None and one.methods == {"GET", "POST"}


@pytest.mark.parametrize("route", sorted({*HANDLERS, *CHAT_ROUTES}))
def test_each_route_is_found_by_its_own_path(route: str) -> None:
    method, path = route.split(" ")
    one = ALL.find(path.replace("{", "a-").replace("}", ""))
    assert one is not None and one.path == path and method in one.methods
