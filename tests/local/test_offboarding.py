"""Whoever was removed, and whatever was revoked, on the laptop's whole cloud: sockets, keys, tokens."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from local.cloud import Cloud
from tests.pentest import people
from tests.pentest.people import Somebody

pytestmark = pytest.mark.cloud

PATIENCE_S = 300.0


@contextmanager
def socket(one: Somebody, query: str) -> Iterator[ClientConnection]:
    """A WebSocket that watches a conversation of theirs."""
    talk = one.call("POST", "/conversations", json={})["id"]
    with connect(f"{one.cloud.outputs['websocket_url']}?{query}", proxy=None, open_timeout=PATIENCE_S) as line:
        one.owned["conversation_id"] = talk
        assert subscribe(line, one) == {"type": "subscribed", "conversation_id": talk}
        yield line


def subscribe(line: ClientConnection, one: Somebody) -> dict[str, Any]:
    line.send(json.dumps({"action": "subscribe", "conversation_id": one.owned["conversation_id"]}))
    return dict(json.loads(line.recv(timeout=PATIENCE_S)))


def closes(line: ClientConnection) -> bool:
    with pytest.raises(ConnectionClosed):
        line.recv(timeout=PATIENCE_S)
    return True


def test_revoking_a_key_closes_what_it_opened(cloud: Cloud) -> None:
    ana = people.make(cloud, "ana@offboarding.example")
    other = ana.call("POST", "/keys", json={"name": "other"})
    with socket(ana, f"token={ana.key}") as own, socket(ana, f"token={other['key']}") as lost:
        ana.call("DELETE", f"/keys/{other['id']}")
        assert closes(lost)
        assert subscribe(own, ana)["type"] == "subscribed"


@pytest.mark.parametrize("how", ["admin_disable_user", "admin_delete_user"])
def test_who_has_left_is_shut_out(cloud: Cloud, how: str) -> None:
    """An open socket at its next word; a key that was not used a moment ago at once."""
    bia = people.make(cloud, f"{how}@offboarding.example")
    unused = bia.call("POST", "/keys", json={"name": "unused"})["key"]
    token = people.sign_in(bia)["access_token"]
    with socket(bia, f"token={bia.key}") as line:
        getattr(cloud.emulator.client("cognito-idp"), how)(UserPoolId=cloud.stack["UserPoolId"], Username=bia.user_id)
        refused = subscribe(line, bia)
        assert refused["error"]["code"] == "credential_ended", refused
        assert closes(line)
    bia.key = token
    ticket = bia.request("POST", "/tickets")  # the gateway may remember nobody by this token
    assert ticket.status_code in (201, 401)
    if ticket.status_code == 201:  # the authorizer remembered the person; a socket does not
        bia.key = unused
        with pytest.raises(Exception, match="401"):
            connect(f"{cloud.outputs['websocket_url']}?ticket={ticket.json()['ticket']}", proxy=None).close()


def test_a_token_of_the_page_opens_the_api_and_changes_nothing_of_the_account(cloud: Cloud) -> None:
    eva = people.make(cloud, "eva@offboarding.example")
    tokens = people.sign_in(eva)
    eva.key = tokens["access_token"]
    ticket = eva.call("POST", "/tickets")["ticket"]
    with socket(eva, f"ticket={ticket}") as line:
        assert subscribe(line, eva)["type"] == "subscribed"
    cognito = cloud.emulator.client("cognito-idp")
    mail = [{"Name": "email", "Value": "mallory@example.com"}]
    with pytest.raises(ClientError) as refused:
        cognito.update_user_attributes(AccessToken=eva.key, UserAttributes=mail)
    assert refused.value.response["Error"]["Code"] == "NotAuthorizedException"
    for flow in ("USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH"):
        named = {"AuthFlow": flow, "ClientId": cloud.stack["UserPoolClientId"]}
        named |= {"AuthParameters": {"USERNAME": eva.email, "PASSWORD": eva.password}}
        with pytest.raises(ClientError) as refused:
            if flow.startswith("ADMIN"):
                cognito.admin_initiate_auth(UserPoolId=cloud.stack["UserPoolId"], **named)
            else:
                cognito.initiate_auth(**named)
        assert "not enabled" in str(refused.value)
