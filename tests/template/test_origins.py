"""Every address that the page is sent to is one that it may connect to: frontend/src/csp.ts allows the origins of four
values of /config.json, and what API, WebSocket, sign-in and S3 give out must be among them, in every Region."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from foreverus.aws.s3 import S3Objects
from foreverus.bootstrap import aws
from tests.template.template import resolve, template

REGIONS = ["us-east-1", "us-west-2", "sa-east-1", "af-south-1"]  # the last one has to be switched on in an account
BUCKET = "forever-us-databucket-1a2b3c"
POOL_DOMAIN = "foreverus-0123456789ab"


def deployed(region: str) -> dict[str, Any]:
    return {
        "AWS::Region": region,
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::Partition": "aws",
        "AWS::StackName": "forever-us",
        "Api": "api0000000",
        "WebSocketApi": "socket0000",
        "UserPool": f"{region}_Pool00000",
        "UserPoolDomain": POOL_DOMAIN,
        "DataBucket": BUCKET,
        "Distribution.DomainName": "d111111abcdef8.cloudfront.net",
    }


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def allowed(region: str) -> set[str]:
    """As `connectSources` of frontend/src/csp.ts; its own test holds the list."""
    config = resolve(template()["Resources"]["Site"]["Properties"]["Config"], deployed(region))
    return {
        origin(url)
        for url in (config["api_url"], config["websocket_url"], config["cognito"]["domain"], config["files_url"])
    }


@pytest.fixture(params=REGIONS)
def region(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", request.param)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    aws._client.cache_clear()
    yield request.param
    aws._client.cache_clear()


def objects() -> S3Objects:
    return S3Objects(aws.client("s3"), BUCKET, lambda: datetime.now(UTC))


def test_presigned_addresses_are_at_an_origin_that_the_page_may_connect_to(region: str) -> None:
    upload, _, _ = objects().presigned_put("files/ana/file_1", 5, "application/jsonl")
    download = objects().presigned_get("files/ana/file_1", "out.jsonl")
    assert {origin(upload), origin(download)} == {f"https://{BUCKET}.s3.{region}.amazonaws.com"}
    assert {origin(upload), origin(download)} <= allowed(region)


def test_a_presigned_upload_is_bound_to_its_size_and_to_no_checksum(region: str) -> None:
    url, headers, _ = objects().presigned_put("files/ana/file_1", 5, "application/jsonl")
    asked = parse_qs(urlsplit(url).query)
    assert asked["X-Amz-SignedHeaders"] == ["content-length;content-type;host;if-none-match"]
    assert headers == {"Content-Type": "application/jsonl", "If-None-Match": "*"}
    assert not [name for name in asked if "checksum" in name.lower()]


def test_api_websocket_and_sign_in_are_at_origins_that_the_page_may_connect_to(region: str) -> None:
    outputs = resolve(template()["Outputs"], deployed(region))
    assert {
        origin(outputs["ApiUrl"]["Value"]),
        origin(outputs["WebSocketUrl"]["Value"]),
        f"https://{POOL_DOMAIN}.auth.{region}.amazoncognito.com",
    } <= allowed(region)


def test_people_are_sent_back_to_the_page_after_they_signed_in(region: str) -> None:
    known = deployed(region)
    page = resolve(template()["Outputs"], known)["PageUrl"]["Value"]
    client = resolve(template()["Resources"]["UserPoolClient"]["Properties"], known)
    config = resolve(template()["Resources"]["Site"]["Properties"]["Config"], known)
    assert page == "https://d111111abcdef8.cloudfront.net/"
    assert client["CallbackURLs"] == client["LogoutURLs"] == [page]
    assert config["cognito"]["redirect_uri"] == page


def test_a_part_of_an_upload_carries_no_checksum_that_its_upload_does_not_name(region: str) -> None:
    sent: list[Any] = []
    client = aws.client("s3")

    def note(request: Any, **_: Any) -> Any:
        sent.append(request)
        raise ConnectionAbortedError

    client.meta.events.register_first("before-send.s3.UploadPart", note)
    with pytest.raises(ConnectionAbortedError):
        client.upload_part(Bucket=BUCKET, Key="k", UploadId="u", PartNumber=1, Body=b"12345")
    (request,) = sent
    assert not [name for name in request.headers if "checksum" in name.lower() or "trailer" in name.lower()]
