"""Publishing the page: the built files that lie in the package's `site/` folder, and `/config.json`."""

import json
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOREVER = "public, max-age=31536000, immutable"  # Vite puts a hash into the names under assets/
ASK_AGAIN = "no-cache"
LAST = ("index.html", "sw.js")
# A browser takes a script, a manifest or an icon only as what it is; what a machine knows of types differs.
KINDS = {
    **{".js": "text/javascript", ".webmanifest": "application/manifest+json", ".svg": "image/svg+xml"},
    ".webp": "image/webp",  # which Python 3.11 does not know
}


class Site:
    def __init__(self, s3: Any, bucket: str, folder: Path):
        self.s3 = s3
        self.bucket = bucket
        self.folder = folder

    def publish(self, properties: Mapping[str, Any]) -> dict[str, str]:
        """Uploads every file, index.html after all that it names, so that nobody gets a page whose scripts are not
        there yet; and the service worker after that, which keeps the page with all of them.

        Properties: `Config`, the page's configuration. Returns how many files were written.
        """
        index = self.folder / "index.html"
        if not index.is_file():
            raise FileNotFoundError(f"{index} is missing: build the page (frontend/) before `sam build`")
        self._put("config.json", json.dumps(properties["Config"], indent=2).encode(), ASK_AGAIN)
        names = sorted(p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*") if p.is_file())
        names = [name for name in names if name != "config.json"]  # of a page that somebody serves from this folder
        for name in sorted(names, key=lambda name: LAST.index(name) if name in LAST else -1):
            self._put(name, (self.folder / name).read_bytes(), FOREVER if name.startswith("assets/") else ASK_AGAIN)
        return {"Files": str(len(names) + 1)}

    def empty(self, properties: Mapping[str, Any]) -> dict[str, str]:
        """Removes every object, because CloudFormation cannot delete a bucket that holds anything."""
        removed = 0
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket):
            keys = [{"Key": found["Key"]} for found in page.get("Contents", [])]
            if keys:
                self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": keys, "Quiet": True})
            removed += len(keys)
        return {"Removed": str(removed)}

    def _put(self, key: str, body: bytes, cache: str) -> None:
        kind = KINDS.get(Path(key).suffix) or mimetypes.guess_type(key)[0] or "application/octet-stream"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=kind, CacheControl=cache)
