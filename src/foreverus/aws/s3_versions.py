"""Whole folders of the data bucket, erased: also what an overwritten or deleted object leaves behind."""

from typing import Any

from foreverus.errors import ForeverUsError


class NotErased(ForeverUsError):
    """S3 has refused some of them; the message has its codes."""


class ObjectVersions:
    def __init__(self, client: Any, bucket: str):
        self.client = client
        self.bucket = bucket

    def erase(self, prefix: str) -> int:
        """Deletes every object whose key begins so, with its earlier versions where somebody has switched versioning
        on; returns how many objects that were. Raises NotErased."""
        objects = 0
        for page in self._pages("list_objects_v2", prefix):
            named = [{"Key": one["Key"]} for one in page.get("Contents", [])]
            self._delete(named)
            objects += len(named)
        for page in self._pages("list_object_versions", prefix):
            found = (*page.get("Versions", []), *page.get("DeleteMarkers", []))
            self._delete([{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found])
        return objects

    def _pages(self, operation: str, prefix: str) -> Any:
        return self.client.get_paginator(operation).paginate(Bucket=self.bucket, Prefix=prefix)

    def _delete(self, named: list[dict[str, str]]) -> None:
        """At most 1,000, as a page has."""
        if not named:
            return
        done = self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": named, "Quiet": True})
        if refused := done.get("Errors"):
            codes = ", ".join(sorted({str(one.get("Code")) for one in refused}))
            raise NotErased(f"{len(refused)} objects were not deleted: {codes}")
