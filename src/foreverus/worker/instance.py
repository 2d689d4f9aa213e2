"""What the instance knows about itself: IMDSv2."""

import os
import ssl
from dataclasses import dataclass
from typing import Protocol

import httpx

SESSION_TAG = "foreverus:session"
TOKEN_SECONDS = 21_600  # the longest that IMDS gives


@dataclass(frozen=True, slots=True)
class Identity:
    instance_id: str
    session_id: str


class Instance(Protocol):
    async def identity(self) -> Identity:
        """Raises httpx.HTTPError when the metadata service does not answer."""

    async def spot_notice(self) -> str:
        """When AWS will take the instance back (`terminate at 2026-…Z`); empty while it will not."""


class MetadataInstance:
    """`Instance` over IMDSv2, at AWS_EC2_METADATA_SERVICE_ENDPOINT if that is set (as the AWS SDKs have it)."""

    def __init__(self, endpoint: str = ""):
        base = endpoint or os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or "http://169.254.169.254"
        no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # reading the system's CAs would cost 20 ms of the start
        self._http = httpx.AsyncClient(base_url=base.rstrip("/"), timeout=2.0, trust_env=False, verify=no_tls)
        self._token = ""

    async def aclose(self) -> None:
        await self._http.aclose()

    async def identity(self) -> Identity:
        instance_id = (await self._get("instance-id")).raise_for_status().text.strip()
        session_id = (await self._get(f"tags/instance/{SESSION_TAG}")).raise_for_status().text.strip()
        return Identity(instance_id, session_id)

    async def spot_notice(self) -> str:
        response = await self._get("spot/instance-action")
        if response.status_code == 404:
            return ""
        notice = response.raise_for_status().json()
        return f"{notice.get('action', 'terminate')} at {notice.get('time', 'an unknown time')}"

    async def _get(self, path: str) -> httpx.Response:
        response = await self._get_once(path)
        if response.status_code == 401:  # the token has run out
            self._token = ""
            response = await self._get_once(path)
        return response

    async def _get_once(self, path: str) -> httpx.Response:
        if not self._token:
            header = {"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_SECONDS)}
            answer = await self._http.put("/latest/api/token", headers=header)
            self._token = answer.raise_for_status().text
        return await self._http.get(f"/latest/meta-data/{path}", headers={"X-aws-ec2-metadata-token": self._token})


class MemoryInstance:
    """Twin of `MetadataInstance`."""

    def __init__(self, instance_id: str = "i-1", session_id: str = "ses_1"):
        self.me = Identity(instance_id, session_id)
        self.notice = ""

    async def identity(self) -> Identity:
        return self.me

    async def spot_notice(self) -> str:
        return self.notice
