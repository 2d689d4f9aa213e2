"""The metadata service of one machine, over HTTP, as EC2 documents it."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from botocore.credentials import InstanceMetadataProvider
from botocore.utils import InstanceMetadataFetcher

from local.instances import metadata as service
from local.instances.cloud import Instance, Launch
from local.instances.metadata import Metadata
from local.instances.places import write_json

INSTANCE = Instance(
    id="i-0123456789abcdef0",
    type="g6.xlarge",
    availability_zone="us-east-1b",
    image_id="ami-12345678",
    private_ip="10.0.0.7",
    account_id="000000000000",
    launched_at="2026-11-21T20:22:30Z",
    tags={"foreverus:session": "ses_1", "Name": "gpu"},
)
LAUNCH = Launch(lifecycle="spot", user_data="I2Nsb3VkLWNvbmZpZwo=")
TOKEN = "X-aws-ec2-metadata-token"
TTL = "X-aws-ec2-metadata-token-ttl-seconds"


class Roles:
    """Gives a role's credentials that live for `life`, new ones each time."""

    def __init__(self, life: timedelta = timedelta(hours=1)):
        self.given = 0
        self.life = life

    async def __call__(self) -> dict[str, Any]:
        self.given += 1
        expires = (datetime.now(UTC) + self.life).strftime("%Y-%m-%dT%H:%M:%SZ")
        keys = {"AccessKeyId": f"ASIA{self.given}", "SecretAccessKey": "secret", "Token": "session"}
        return keys | {"Expiration": expires, "RoleName": "worker-role"}


async def no_role() -> None:
    return None


def serve(
    use: Callable[[httpx.AsyncClient], Awaitable[None]], notice: Path, roles: Callable[[], Awaitable[Any]] = no_role
) -> None:
    """Runs `use` with a client whose token is good."""

    async def run() -> None:
        metadata = Metadata(INSTANCE, LAUNCH, roles, notice)
        address = await metadata.start()
        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
            token = await client.put("latest/api/token", headers={TTL: "60"})
            client.headers[TOKEN] = token.text
            await use(client)
        metadata.stop()

    asyncio.run(run())


@pytest.fixture
def notice(tmp_path: Path) -> Path:
    return tmp_path / "spot-notice.json"


def test_request_without_a_token_is_refused(notice: Path) -> None:
    async def use(client: httpx.AsyncClient) -> None:
        for header in ({TOKEN: ""}, {TOKEN: "guessed"}):
            refused = await client.get("latest/meta-data/instance-id", headers=header)
            assert refused.status_code == 401
            assert INSTANCE.id not in refused.text

    serve(use, notice)


@pytest.mark.parametrize("seconds", ["0", "21601", "soon", None])
def test_token_needs_a_life_that_ec2_allows(notice: Path, seconds: str | None) -> None:
    async def use(client: httpx.AsyncClient) -> None:
        refused = await client.put("latest/api/token", headers={TTL: seconds} if seconds else {})
        assert refused.status_code == 400

    serve(use, notice)


def test_token_ends_after_its_life(notice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def use(client: httpx.AsyncClient) -> None:
        token = (await client.put("latest/api/token", headers={TTL: "60"})).text
        assert (await client.get("latest/meta-data/instance-id", headers={TOKEN: token})).status_code == 200
        later = time.monotonic() + 61
        monkeypatch.setattr(service, "time", SimpleNamespace(monotonic=lambda: later, time=time.time))
        assert (await client.get("latest/meta-data/instance-id", headers={TOKEN: token})).status_code == 401

    serve(use, notice)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("instance-id", INSTANCE.id),
        ("instance-type", "g6.xlarge"),
        ("instance-life-cycle", "spot"),
        ("placement/availability-zone", "us-east-1b"),
        ("placement/region", "us-east-1"),
        ("tags/instance/foreverus:session", "ses_1"),
        ("tags/instance/foreverus%3Asession", "ses_1"),
        ("tags/instance/", "Name\nforeverus:session"),
        ("placement", "availability-zone\nregion"),
    ],
)
def test_machine_reads_what_it_is(notice: Path, path: str, text: str) -> None:
    async def use(client: httpx.AsyncClient) -> None:
        answer = await client.get(f"latest/meta-data/{path}")
        assert (answer.status_code, answer.text) == (200, text)

    serve(use, notice)


def test_unknown_paths_are_not_found(notice: Path) -> None:
    async def use(client: httpx.AsyncClient) -> None:
        for path in ("meta-data/nothing", "meta-data/spot/instance-action", "meta-data/iam/info", "nothing"):
            assert (await client.get(f"latest/{path}")).status_code == 404, path

    serve(use, notice)


def test_spot_notice_appears_with_its_rebalance_recommendation(notice: Path) -> None:
    async def use(client: httpx.AsyncClient) -> None:
        times = {"time": "2026-11-21T20:24:30Z", "noticed": "2026-11-21T20:22:30Z"}
        write_json(notice, {"action": "terminate", "at": time.time() + 120} | times)
        action = await client.get("latest/meta-data/spot/instance-action")
        assert action.json() == {"action": "terminate", "time": "2026-11-21T20:24:30Z"}
        rebalance = await client.get("latest/meta-data/events/recommendations/rebalance")
        assert rebalance.json() == {"noticeTime": "2026-11-21T20:22:30Z"}

    serve(use, notice)


def test_botocore_finds_the_role(notice: Path) -> None:
    async def use(client: httpx.AsyncClient) -> None:
        fetcher = InstanceMetadataFetcher(env={}, config={"ec2_metadata_service_endpoint": str(client.base_url)})
        credentials = await asyncio.to_thread(InstanceMetadataProvider(iam_role_fetcher=fetcher).load)
        assert credentials is not None
        assert (credentials.access_key, credentials.token) == ("ASIA1", "session")

    serve(use, notice, Roles())


def test_credentials_are_kept_until_they_are_nearly_over(notice: Path) -> None:
    lasting, ending = Roles(timedelta(hours=1)), Roles(timedelta(minutes=4))

    async def use(client: httpx.AsyncClient) -> None:
        for _ in range(3):
            answer = await client.get("latest/meta-data/iam/security-credentials/worker-role")
            assert answer.json()["Code"] == "Success"

    serve(use, notice, lasting)
    serve(use, notice, ending)
    assert (lasting.given, ending.given) == (1, 3)


def test_identity_document_and_user_data(notice: Path) -> None:
    async def use(client: httpx.AsyncClient) -> None:
        document = json.loads((await client.get("latest/dynamic/instance-identity/document")).text)
        assert (document["instanceId"], document["region"]) == (INSTANCE.id, "us-east-1")
        assert (await client.get("latest/user-data")).text == "#cloud-config\n"

    serve(use, notice)
