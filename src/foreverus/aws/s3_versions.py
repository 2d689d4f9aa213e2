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
        """Deletes every version of every object whose key begins so; returns how many that were. A bucket without
        versions has one of each. Raises NotErased."""
        erased = 0
        for page in self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix):
            found = (*page.get("Versions", []), *page.get("DeleteMarkers", []))
            named = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
            if not named:
                continue
            done = self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": named, "Quiet": True})
            if refused := done.get("Errors"):
                codes = ", ".join(sorted({str(one.get("Code")) for one in refused}))
                raise NotErased(f"{len(refused)} objects were not deleted: {codes}")
            erased += len(named)
        return erased
