"""Who may come in, against moto's Cognito and DynamoDB."""

from datetime import datetime, timedelta

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from foreverus import bootstrap, ids
from foreverus.access.authorizer import Authorizer, policy
from foreverus.access.last_use import LastUse
from foreverus.access.looks import Look
from foreverus.access.records import ApiKey, Caller
from foreverus.access.service import KeyService
from foreverus.access.store import ApiKeyStore
from foreverus.access.tickets import TicketStore
from foreverus.access.tokens import KeysUnavailable, SignedTokens, SigningKeys, TokenRules
from foreverus.aws.dynamo import Table
from tests.unit.access.signing import CLIENT, ISSUER, jwks, token
from tests.unit.conftest import NOW, Aws, make_pool


class Everybody:
    """Whoever is asked for is there, but for `gone`. Counts how often it was asked."""

    def __init__(self, *gone: str) -> None:
        self.gone = set(gone)
        self.asked: list[str] = []

    def is_active(self, user_id: str) -> bool:
        self.asked.append(user_id)
        return user_id not in self.gone


class Nobody:
    items = None

    def find(self, secret: str) -> ApiKey | None:
        return None

    def note(self, key: ApiKey, now: datetime) -> None:
        raise AssertionError("no key was used")


def signed() -> SignedTokens:
    return SignedTokens(SigningKeys(lambda: jwks("a"), lambda: NOW), TokenRules(ISSUER, CLIENT))


def authorizer(
    store: ApiKeyStore, at: datetime = NOW, uses: LastUse | None = None, people: Everybody | None = None
) -> Authorizer:
    people = people or Everybody()
    looks = Look(store, people.is_active)
    return Authorizer(
        store, signed(), people, uses or LastUse(lambda: store), TicketStore(store.items), looks, lambda: at
    )


def last_used(service: KeyService, user_id: str = "user-1") -> object:
    (listed,) = service.list_keys(user_id, {})["data"]  # type: ignore[misc]
    return listed["last_used_at"]


def test_a_signed_in_person_comes_in_under_their_own_id_until_the_token_is_over() -> None:
    people = Everybody()
    ours = authorizer(Nobody(), uses=Nobody(), people=people)  # type: ignore[arg-type]
    over = ids.timestamp(NOW + timedelta(minutes=15))
    assert ours.caller_of(f"Bearer {token()}") == Caller(user_id="user-1", can_create_keys=True, ends_at=over)
    assert people.asked == ["user-1"]


def test_who_left_comes_in_neither_with_a_token_nor_with_a_key(service: KeyService, store: ApiKeyStore) -> None:
    secret = str(service.create(Caller(user_id="user-1"), {"name": "laptop"})["key"])
    ours = authorizer(store, people=Everybody("user-1"))
    assert ours.caller_of(token()) is None
    assert ours.caller_of(secret) is None
    assert last_used(service) is None
    assert ours.caller_of(token(sub="user-2"))


def test_what_is_forged_asks_cognito_nothing(store: ApiKeyStore) -> None:
    people = Everybody()
    ours = authorizer(store, people=people)
    for held in (token("mine"), token("mine", {"kid": "a"}), token(exp=1), token(client_id="x"), "a.b.c", "fu_nobodys"):
        assert ours.caller_of(held) is None
    assert people.asked == []


def test_a_token_while_its_issuers_keys_cannot_be_had_is_no_wrong_token(aws: Aws) -> None:
    """The handler fails, which API Gateway answers with 503 (template.yaml: AUTHORIZER_FAILURE)."""
    with pytest.raises(KeysUnavailable):
        bootstrap.authorize.build().caller_of(token())


@pytest.mark.parametrize("can_create_keys", [False, True])
def test_an_api_key_is_its_owners(service: KeyService, can_create_keys: bool) -> None:
    make_pool("user-1")
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


def test_a_key_ends_with_its_person(service: KeyService) -> None:
    """Disabled and deleted alike, and back again with them."""
    pool, cognito = make_pool("user-1"), boto3.client("cognito-idp")
    secret = str(service.create(Caller(user_id="user-1"), {"name": "laptop"})["key"])

    def opens() -> bool:
        bootstrap.authorize.build.cache_clear()  # a process that remembers nobody
        return bootstrap.authorize.build().caller_of(secret) is not None

    assert opens()
    cognito.admin_disable_user(UserPoolId=pool, Username="user-1")
    assert not opens()
    cognito.admin_enable_user(UserPoolId=pool, Username="user-1")
    assert opens()
    cognito.admin_delete_user(UserPoolId=pool, Username="user-1")
    assert not opens()


@pytest.mark.parametrize(
    "credential", ["Bearer ", "Bearer x", "a.b.c", "Basic dTpw", "e30.bnVsbA.x", "fu_", "fu_\ud83d", "fu_" + "x" * 9000]
)
def test_nonsense_is_nobody(aws: Aws, credential: str) -> None:
    assert bootstrap.authorize.build().caller_of(credential) is None


def test_the_policy_covers_the_stage_because_it_is_cached_for_all_routes() -> None:
    arn = "arn:aws:execute-api:us-east-1:123456789012:abc/v1/GET/sessions/ses_1"
    allowed = policy(Caller(user_id="user-1", key_id="key_1", can_create_keys=False), arn)
    statement = allowed["policyDocument"]["Statement"][0]  # type: ignore[index]
    assert statement["Resource"] == "arn:aws:execute-api:us-east-1:123456789012:abc/v1/*"
    assert allowed["context"] == {"user_id": "user-1", "key_id": "key_1", "can_create_keys": "false"}
    signed_in = policy(Caller(user_id="u", ends_at="2026-01-01T12:15:00.000Z"), arn)["context"]
    assert signed_in == {"user_id": "u", "can_create_keys": "true", "ends_at": "2026-01-01T12:15:00.000Z"}
