"""API keys from their making to their end, through the gateway, the authorizer and the roles that the stack has."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import openai
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from local import deploy
from local.cloud import Cloud
from local.state import ROOT

pytestmark = pytest.mark.cloud


def call(cloud: Cloud, key: str, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.request(
        method, cloud.outputs["api_url"] + path, headers=headers, json=body, timeout=300, trust_env=False
    )


def make(cloud: Cloud, key: str, **wish: Any) -> dict[str, Any]:
    answer = call(cloud, key, "POST", "/keys", wish)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def says_hello(address: str, **options: Any) -> bool:
    """Whether a WebSocket opens there and answers."""
    try:
        with connect(address, proxy=None, open_timeout=300, **options) as socket:
            socket.send('{"action": "ping"}')
            return json.loads(socket.recv(timeout=300)) == {"type": "pong"}
    except InvalidStatus as refused:
        assert refused.response.status_code == 401
        return False


def test_a_ticket_opens_one_socket_and_a_header_needs_none(cloud: Cloud) -> None:
    key, at = cloud.outputs["api_key"], cloud.outputs["websocket_url"]
    answer = call(cloud, key, "POST", "/tickets")
    assert (answer.status_code, answer.json()["expires_in"]) == (201, 30)
    address = f"{at}?ticket={answer.json()['ticket']}"
    assert [says_hello(address), says_hello(address)] == [True, False]
    assert says_hello(at, additional_headers={"Authorization": f"Bearer {key}"})
    assert not says_hello(at)
    assert not says_hello(f"{at}?ticket={key}x")
    assert not says_hello(f"{at}?token=a.b.c")


def opens_a_socket(cloud: Cloud, key: str) -> bool:
    """Nobody keeps the authorizer's answer for one, as for a REST request."""
    try:
        with connect(f"{cloud.outputs['websocket_url']}?token={key}", proxy=None, open_timeout=300):
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


def foreverus(cloud: Cloud, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line, with the credentials of whoever owns the account and nothing else."""
    environment = {**cloud.emulator.environment(), "PYTHONPATH": str(ROOT / "src"), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "foreverus.cli", *words]
    return subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False)


def test_the_owner_of_the_account_makes_somebodys_first_key(cloud: Cloud) -> None:
    deploy.make_user(cloud.emulator, cloud.stack["UserPoolId"], deploy.new_password(), "first-key@example.com")
    whose = ("--user", "first-key@example.com", "--stack", deploy.STACK)
    made = foreverus(cloud, "key", "create", "first", "--can-create-keys", "--expires", "1d", *whose)
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    assert call(cloud, key, "GET", "/models").status_code == 200
    (listed,) = call(cloud, key, "GET", "/keys").json()["data"]
    assert (listed["name"], listed["last_four"], listed["can_create_keys"]) == ("first", key[-4:], True)

    assert listed["id"] in foreverus(cloud, "key", "list", *whose).stdout
    revoked = foreverus(cloud, "key", "revoke", listed["id"], *whose)
    assert revoked.returncode == 0, revoked.stderr
    assert not opens_a_socket(cloud, key)
    nobody = foreverus(cloud, "key", "create", "first", "--user", "eva@example.com", "--stack", deploy.STACK)
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert "invite them first" in nobody.stderr
