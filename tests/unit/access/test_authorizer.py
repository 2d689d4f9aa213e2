"""Who may come in, against moto's Cognito and DynamoDB."""

import base64
import json
from datetime import datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from foreverus import bootstrap, ids
from foreverus.access.authorizer import Authorizer, policy, unverified_claims
from foreverus.access.last_use import LastUse
from foreverus.access.records import ApiKey, Caller
from foreverus.access.service import KeyService
from foreverus.access.store import ApiKeyStore
from foreverus.aws.cognito import CognitoTokens
from foreverus.aws.dynamo import Table
from tests.unit.conftest import NOW, Aws

PASSWORD = "Correct-horse-battery-1"


@pytest.fixture
def user_pool(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """(the pool's id, its client's id), which the authorizer takes for its own."""
    cognito = boto3.client("cognito-idp")
    pool_id = cognito.create_user_pool(PoolName="foreverus")["UserPool"]["Id"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool_id, ClientName="page", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]
    monkeypatch.setenv("USER_POOL_ID", pool_id)
    monkeypatch.setenv("USER_POOL_CLIENT_ID", client["ClientId"])
    return pool_id, client["ClientId"]


def token_of_a_user(user_pool: tuple[str, str]) -> str:
    pool_id, client_id = user_pool
    cognito = boto3.client("cognito-idp")
    cognito.admin_create_user(UserPoolId=pool_id, Username="ana@example.com", MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool_id, Username="ana@example.com", Password=PASSWORD, Permanent=True)
    signed_in = cognito.initiate_auth(
        ClientId=client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ana@example.com", "PASSWORD": PASSWORD},
    )
    return str(signed_in["AuthenticationResult"]["AccessToken"])


class Yes:
    """Believes every token: what is left are the checks of the claims."""

    def accepts(self, access_token: str) -> bool:
        return True


class Nobody:
    def find(self, secret: str) -> ApiKey | None:
        return None

    def note(self, key: ApiKey, now: datetime) -> None:
        raise AssertionError("no key was used")


def authorizer(store: ApiKeyStore, at: datetime = NOW, uses: LastUse | None = None) -> Authorizer:
    return Authorizer(store, Yes(), uses or LastUse(lambda: store), "us-east-1_abc", "page", lambda: at)


def last_used(service: KeyService, user_id: str = "user-1") -> object:
    (listed,) = service.list_keys(user_id, {})["data"]  # type: ignore[misc]
    return listed["last_used_at"]


def jwt(**claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


OURS = {"sub": "u", "token_use": "access", "client_id": "page", "iss": "https://cognito-idp.example/us-east-1_abc"}


def test_a_signed_in_user_comes_in_under_their_own_id(user_pool: tuple[str, str]) -> None:
    token = token_of_a_user(user_pool)
    assert bootstrap.authorize.build().caller_of(f"Bearer {token}") == Caller(
        user_id=unverified_claims(token).sub, can_create_keys=True
    )


@pytest.mark.parametrize("can_create_keys", [False, True])
def test_an_api_key_is_its_owners(service: KeyService, can_create_keys: bool) -> None:
    made = service.create(Caller(user_id="user-1"), {"name": "laptop", "can_create_keys": can_create_keys})
    caller = Caller(user_id="user-1", key_id=str(made["id"]), can_create_keys=can_create_keys)
    assert bootstrap.authorize.build().caller_of(f"Bearer {made['key']}") == caller
    assert bootstrap.authorize.build().caller_of(f"{made['key']}x") is None


@pytest.mark.parametrize("spelled", ["Bearer {}", "bearer {}", "BEARER  {} ", "{}", " {}"])
def test_the_scheme_is_bearer_however_it_is_spelled(service: KeyService, store: ApiKeyStore, spelled: str) -> None:
    secret = service.create(Caller(user_id="user-1"), {"name": "laptop"})["key"]
    assert authorizer(store).caller_of(spelled.format(secret))
    assert authorizer(store).caller_of("Basic " + spelled.format(secret)) is None


def test_an_expired_key_is_nobodys(service: KeyService, store: ApiKeyStore) -> None:
    until = NOW + timedelta(hours=3)
    made = service.create(Caller(user_id="user-1"), {"name": "short", "expires_at": ids.timestamp(until)})
    assert authorizer(store, until - timedelta(milliseconds=1)).caller_of(str(made["key"]))
    assert authorizer(store, until).caller_of(str(made["key"])) is None
    assert last_used(service) == ids.timestamp(until - timedelta(milliseconds=1))


def test_the_last_use_is_noted_once_an_hour(service: KeyService, store: ApiKeyStore) -> None:
    secret = str(service.create(Caller(user_id="user-1"), {"name": "laptop"})["key"])
    seen = []
    for minutes in (0, 1, 59, 60, 61, 121):
        assert authorizer(store, NOW + timedelta(minutes=minutes)).caller_of(secret)
        seen.append(last_used(service))
    first, second, third = (ids.timestamp(NOW + timedelta(minutes=m)) for m in (0, 61, 121))
    assert seen == [first, first, first, first, second, third] or seen == [first, first, first, first, second, second]
    assert seen[4] == second


def test_a_last_use_that_cannot_be_noted_refuses_nobody(
    service: KeyService, store: ApiKeyStore, caplog: pytest.LogCaptureFixture
) -> None:
    secret = str(service.create(Caller(user_id="user-1"), {"name": "laptop"})["key"])

    class Down:
        def update_item(self, **request: object) -> None:
            raise EndpointConnectionError(endpoint_url="https://dynamodb")

    down = LastUse(lambda: ApiKeyStore(Table(Down(), "keys")))
    assert authorizer(store, uses=down).caller_of(secret)
    denied = LastUse(lambda: (_ for _ in ()).throw(RuntimeError("no settings")))
    assert authorizer(store, uses=denied).caller_of(secret)
    assert caplog.text.count("could not be noted") == 2
    assert secret not in caplog.text
    assert last_used(service) is None


def test_a_table_that_does_not_answer_keeps_nobody_waiting_for_the_last_use(aws: Aws) -> None:
    config = bootstrap.authorize._quick_store().items.client.meta.config
    assert config.connect_timeout + config.read_timeout <= 2
    assert config.retries["total_max_attempts"] == 1


def test_a_key_that_is_revoked_while_it_comes_in_does_not_come_back(service: KeyService, store: ApiKeyStore) -> None:
    made = service.create(Caller(user_id="user-1"), {"name": "laptop"})
    found = store.find(str(made["key"]))
    service.revoke("user-1", str(made["id"]))
    assert found
    LastUse(lambda: store).note(found, NOW)
    assert store.find(str(made["key"])) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "another"},
        {"iss": "https://cognito-idp.example/us-east-1_other"},
        {"token_use": "id"},
        {"sub": ""},
    ],
)
def test_a_token_of_another_pool_client_or_kind_is_refused_although_its_issuer_vouches(changed: dict[str, str]) -> None:
    ours = Authorizer(Nobody(), Yes(), Nobody(), "us-east-1_abc", "page", lambda: NOW)
    assert ours.caller_of(jwt(**OURS)) == Caller(user_id="u")
    assert ours.caller_of(jwt(**{**OURS, **changed})) is None


@pytest.mark.parametrize(
    "credential", ["Bearer ", "Bearer x", "a.b.c", "Basic dTpw", "e30.bnVsbA.x", "fu_", "fu_\ud83d", "fu_" + "x" * 9000]
)
def test_nonsense_is_nobody(aws: Aws, credential: str) -> None:
    assert bootstrap.authorize.build().caller_of(credential) is None


def test_an_outage_of_cognito_is_not_taken_for_a_wrong_token() -> None:
    class Down:
        def get_user(self, AccessToken: str) -> None:
            raise ClientError({"Error": {"Code": "InternalErrorException", "Message": ""}}, "GetUser")

    with pytest.raises(ClientError):
        CognitoTokens(Down()).accepts("a.b.c")


def test_the_policy_covers_the_stage_because_it_is_cached_for_all_routes() -> None:
    arn = "arn:aws:execute-api:us-east-1:123456789012:abc/v1/GET/sessions/ses_1"
    allowed = policy(Caller(user_id="user-1", key_id="key_1", can_create_keys=False), arn)
    statement = allowed["policyDocument"]["Statement"][0]  # type: ignore[index]
    assert statement["Resource"] == "arn:aws:execute-api:us-east-1:123456789012:abc/v1/*"
    assert allowed["context"] == {"user_id": "user-1", "key_id": "key_1", "can_create_keys": "false"}
    assert policy(Caller(user_id="u"), arn)["context"] == {"user_id": "u", "can_create_keys": "true"}
