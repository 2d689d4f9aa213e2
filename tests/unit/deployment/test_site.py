"""The page's files go into its bucket in an order in which nobody gets a page without its files, as what they are."""

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from foreverus.deployment.site import ASK_AGAIN, FOREVER, Site

PUBLIC = Path(__file__).parents[3] / "frontend" / "public"


@dataclass
class Bucket:
    put: list[dict[str, Any]] = field(default_factory=list)

    def put_object(self, **request: Any) -> None:
        self.put.append(request)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    names = (
        "index.html",
        "sw.js",
        "manifest.webmanifest",
        "icon-192.png",
        "gpu-on.svg",
        "assets/a-1.js",
        "assets/z.css",
    )
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def test_the_page_comes_after_its_files_and_the_service_worker_after_the_page(built: Path) -> None:
    bucket = Bucket()
    Site(bucket, "site", built).publish({"Config": {}})
    keys = [one["Key"] for one in bucket.put]
    assert keys[-2:] == ["index.html", "sw.js"]
    assert len(keys) == len(set(keys)) == 8


@pytest.mark.parametrize(
    ("name", "kind", "cache"),
    [
        ("index.html", "text/html", ASK_AGAIN),
        ("sw.js", "text/javascript", ASK_AGAIN),
        ("manifest.webmanifest", "application/manifest+json", ASK_AGAIN),
        ("icon-192.png", "image/png", ASK_AGAIN),
        ("gpu-on.svg", "image/svg+xml", ASK_AGAIN),
        ("assets/a-1.js", "text/javascript", FOREVER),
        ("assets/z.css", "text/css", FOREVER),
        ("config.json", "application/json", ASK_AGAIN),
    ],
)
def test_each_file_is_sent_as_what_it_is(built: Path, name: str, kind: str, cache: str) -> None:
    bucket = Bucket()
    Site(bucket, "site", built).publish({"Config": {}})
    (sent,) = [one for one in bucket.put if one["Key"] == name]
    assert (sent["ContentType"], sent["CacheControl"]) == (kind, cache)


@pytest.mark.parametrize(
    ("name", "edge"),
    [("icon-192.png", 192), ("icon-512.png", 512), ("icon-maskable-512.png", 512), ("icon-180.png", 180)],
)
def test_an_icon_is_as_large_as_it_says(name: str, edge: int) -> None:
    data = (PUBLIC / name).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (edge, edge)
