"""A person's folder is erased with every version, and nothing beside it."""

from typing import Any

import boto3
import pytest

from foreverus import bootstrap
from foreverus.aws.s3_versions import NotErased, ObjectVersions
from tests.unit.conftest import Aws


def keys_of(aws: Aws) -> list[str]:
    found = boto3.client("s3").list_object_versions(Bucket=aws.data_bucket)
    return [one["Key"] for one in (*found.get("Versions", []), *found.get("DeleteMarkers", []))]


@pytest.mark.parametrize("versioning", ["", "Enabled", "Suspended"])
def test_a_folder_goes_with_all_versions_and_its_neighbours_stay(aws: Aws, versioning: str) -> None:
    s3, versions = boto3.client("s3"), ObjectVersions(bootstrap.aws.client("s3"), aws.data_bucket)
    s3.put_object(Bucket=aws.data_bucket, Key="files/ana/1", Body=b"before there were versions")
    if versioning:
        s3.put_bucket_versioning(Bucket=aws.data_bucket, VersioningConfiguration={"Status": versioning})
    for key in ("files/ana/1", "files/ana/2", "files/anabel/1", "files/ana"):
        s3.put_object(Bucket=aws.data_bucket, Key=key, Body=b"x")
    s3.delete_object(Bucket=aws.data_bucket, Key="files/ana/2")
    assert versions.erase("files/ana/") == 1
    assert sorted(keys_of(aws)) == ["files/ana", "files/anabel/1"]
    assert versions.erase("files/ana/") == 0


def test_what_s3_refuses_is_no_success(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    client = bootstrap.aws.client("s3")
    client.put_object(Bucket=aws.data_bucket, Key="files/ana/1", Body=b"x")

    def refused(**request: Any) -> dict[str, Any]:
        return {"Errors": [{"Key": "files/ana/1", "Code": "AccessDenied"}]}

    monkeypatch.setattr(client, "delete_objects", refused)
    with pytest.raises(NotErased, match="AccessDenied"):
        ObjectVersions(client, aws.data_bucket).erase("files/ana/")
