"""One person's limits on the laptop's cloud: the gateway, the roles, the table. It does not throttle stages, as API
Gateway does; what one person may do is counted by us, and so here too.

The emulator has the real clock, so nothing here depends on how fast it is: a minute's messages are those that were
accepted within one, by the times that the API wrote.
"""

import contextlib
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from local import deploy
from local.cloud import Cloud
from tests.template.template import parameter_defaults

pytestmark = pytest.mark.cloud

LIMIT = {name: int(value) for name, value in parameter_defaults().items() if name.startswith("Person")}


class Student:
    """Somebody of their own, so that no other test takes their places."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self.base, self.sockets_at = cloud.outputs["api_url"], cloud.outputs["websocket_url"]
        user_id = deploy.make_user(
            cloud.emulator, cloud.stack["UserPoolId"], deploy.new_password(), f"{name}@example.com"
        )
        self.key = deploy.make_api_key(cloud.emulator, cloud.stack["KeysTableName"], user_id)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.request(method, self.base + path, headers=headers, json=body, timeout=300, trust_env=False, **more)

    def socket(self) -> ClientConnection:
        headers = {"Authorization": f"Bearer {self.key}"}
        return connect(self.sockets_at, additional_headers=headers, proxy=None, open_timeout=300)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("error", {}).get("code", "")


def test_sockets_and_batches_of_one_person_are_counted(cloud: Cloud) -> None:
    carla = Student(cloud, "carla")
    with contextlib.ExitStack() as opened:
        for _ in range(LIMIT["PersonOpenSockets"]):
            last = opened.enter_context(carla.socket())
        with pytest.raises(InvalidStatus):
            carla.socket()
        last.close()
        while True:  # until the emulator has told of its end
            with contextlib.suppress(InvalidStatus):
                opened.enter_context(carla.socket())
                break

    form = {"files": {"file": ("p.jsonl", b"x")}, "data": {"purpose": "batch"}}
    file_id = carla.call("POST", "/files", **form).json()["id"]
    wish = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    made = [carla.call("POST", "/batches", wish) for _ in range(LIMIT["PersonOpenBatches"] + 2)]
    assert {one.status_code for one in made} <= {200, 429}
    for one in made:
        if one.status_code == 429:
            assert code(one) == (429, "too_many_open_batches") and int(one.headers["Retry-After"]) > 0
    listed = carla.call("GET", "/batches?limit=100").json()["data"]
    assert len(listed) == sum(one.status_code == 200 for one in made)


def test_no_minute_has_more_messages_than_one_person_may_send(cloud: Cloud) -> None:
    davi, answers = Student(cloud, "davi"), []
    conversation = davi.call("POST", "/conversations", {}).json()["id"]
    try:
        for number in range(LIMIT["PersonMessagesPerMinute"] + 5):
            question = {"content": f"no. {number}", "backend": "gpu"}
            answers.append(davi.call("POST", f"/conversations/{conversation}/messages", question))
        accepted = [
            datetime.fromisoformat(one.json()["message"]["created_at"]) for one in answers if one.status_code == 202
        ]
        for first in accepted:
            within = sum(first <= at < first + timedelta(seconds=60) for at in accepted)
            assert within <= LIMIT["PersonMessagesPerMinute"] + 1  # written a moment after it was counted
        for one in answers:
            if one.status_code != 202:
                assert code(one) == (429, "too_many_messages") and 1 <= int(one.headers["Retry-After"]) <= 60
        assert len(davi.call("GET", f"/conversations/{conversation}/messages").json()["data"]) == 2 * len(accepted)
    finally:
        davi.call("DELETE", f"/conversations/{conversation}")
        for session in davi.call("GET", "/sessions").json()["data"]:
            davi.call("DELETE", f"/sessions/{session['id']}")
