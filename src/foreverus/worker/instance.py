"""What the instance knows about itself: IMDSv2."""

import os
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import httpx

SESSION_TAG = "foreverus:session"
TOKEN_SECONDS = 21_600  # the longest that IMDS gives
ANSWER_TIMEOUT_S = 2.0  # it answers from the host itself


@dataclass(frozen=True, slots=True)
class Identity:
    instance_id: str
    session_id: str


@dataclass(frozen=True, slots=True)
class SpotNotice:
    """AWS takes the instance back. `at`: None when the notice's time cannot be read."""

    action: str
    at: datetime | None

    @classmethod
    def from_text(cls, action: str, time: str) -> "SpotNotice":
        try:
            at = datetime.fromisoformat(time)
        except ValueError:
            return cls(action, None)
        return cls(action, at if at.tzinfo else at.replace(tzinfo=UTC))

    def __str__(self) -> str:
        return f"{self.action} at {self.at.isoformat().replace('+00:00', 'Z') if self.at else 'an unknown time'}"


class Instance(Protocol):
    async def identity(self) -> Identity:
        """Raises httpx.HTTPError when the metadata service does not answer."""

    async def spot_notice(self) -> SpotNotice | None:
        """That AWS will take the instance back; None while it will not."""

    async def rebalance_recommendation(self) -> str:
        """When AWS saw a higher risk of an interruption (ISO 8601); empty while it sees none."""


class MetadataInstance:
    """`Instance` over IMDSv2, at AWS_EC2_METADATA_SERVICE_ENDPOINT if that is set (as the AWS SDKs have it)."""

    def __init__(self, endpoint: str = ""):
        base = endpoint or os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or "http://169.254.169.254"
        no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # reading the system's CAs would cost 20 ms of the start
        self._http = httpx.AsyncClient(
            base_url=base.rstrip("/"), timeout=ANSWER_TIMEOUT_S, trust_env=False, verify=no_tls
        )
        self._token = ""

    async def aclose(self) -> None:
        await self._http.aclose()

    async def identity(self) -> Identity:
        instance_id = (await self._get("instance-id")).raise_for_status().text.strip()
        session_id = (await self._get(f"tags/instance/{SESSION_TAG}")).raise_for_status().text.strip()
        return Identity(instance_id, session_id)

    async def spot_notice(self) -> SpotNotice | None:
        response = await self._get("spot/instance-action")
        if response.status_code == 404:
            return None
        notice = response.raise_for_status().json()
        return SpotNotice.from_text(str(notice.get("action", "terminate")), str(notice.get("time", "")))

    async def rebalance_recommendation(self) -> str:
        response = await self._get("events/recommendations/rebalance")
        if response.status_code == 404:
            return ""
        return str(response.raise_for_status().json().get("noticeTime", "an unknown time"))

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
        self.notice: SpotNotice | None = None
        self.rebalance = ""

    async def identity(self) -> Identity:
        return self.me

    async def spot_notice(self) -> SpotNotice | None:
        return self.notice

    async def rebalance_recommendation(self) -> str:
        return self.rebalance
