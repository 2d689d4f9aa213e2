"""API keys from their making to their end, through the gateway, the authorizer and the roles that the stack has."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import openai
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from local.cloud import Cloud

pytestmark = pytest.mark.cloud


def call(cloud: Cloud, key: str, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.request(
        method, cloud.outputs["api_url"] + path, headers=headers, json=body, timeout=60, trust_env=False
    )


def make(cloud: Cloud, key: str, **wish: Any) -> dict[str, Any]:
    answer = call(cloud, key, "POST", "/keys", wish)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def opens_a_socket(cloud: Cloud, key: str) -> bool:
    """Nobody keeps the authorizer's answer for one, as for a REST request."""
    try:
        with connect(f"{cloud.outputs['websocket_url']}?token={key}", proxy=None, open_timeout=60):
            return True
    except InvalidStatus:
        return False


def test_a_key_is_made_used_listed_and_revoked(cloud: Cloud) -> None:
    owner = cloud.outputs["api_key"]
    made = make(cloud, owner, name="café no laptop")
    with openai.OpenAI(base_url=cloud.outputs["api_url"], api_key=made["key"], max_retries=0) as client:
        assert client.models.list().data
    assert opens_a_socket(cloud, made["key"])

    refused = call(cloud, made["key"], "POST", "/keys", {"name": "its child"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "key_cannot_create_keys")

    listed = {one["id"]: one for one in call(cloud, made["key"], "GET", "/keys").json()["data"]}
    assert listed[made["id"]]["name"] == "café no laptop"
    assert listed[made["id"]]["last_four"] == made["key"][-4:]
    assert listed[made["id"]]["last_used_at"] >= made["created_at"]  # the authorizer's role may note it
    assert made["key"] not in str(listed)

    revoked = call(cloud, owner, "DELETE", f"/keys/{made['id']}")
    assert (revoked.status_code, revoked.json()["effective_within_seconds"]) == (200, 60)
    assert not opens_a_socket(cloud, made["key"])
    assert call(cloud, owner, "DELETE", f"/keys/{made['id']}").status_code == 404


def test_a_key_that_was_revoked_before_it_was_ever_used_is_a_wrong_one(cloud: Cloud) -> None:
    owner = cloud.outputs["api_key"]
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    made = make(cloud, owner, name="for a day", expires_at=tomorrow, can_create_keys=True)
    child = make(cloud, made["key"], name="its child", expires_at=made["expires_at"])
    call(cloud, owner, "DELETE", f"/keys/{child['id']}")
    answer = call(cloud, child["key"], "GET", "/models")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")

    call(cloud, owner, "DELETE", f"/keys/{made['id']}")
    # The gateway still lets it in: it was used a moment ago. It makes nothing.
    late = call(cloud, made["key"], "POST", "/keys", {"name": "too late", "expires_at": made["expires_at"]})
    assert (late.status_code, late.json()["error"]["code"]) == (401, "invalid_api_key")
