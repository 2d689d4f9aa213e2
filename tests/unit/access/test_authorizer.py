"""Who may come in, against moto's Cognito and DynamoDB."""

import base64
import json

import boto3
import pytest
from botocore.exceptions import ClientError

from foreverus import bootstrap, ids
from foreverus.access.authorizer import Authorizer, policy, unverified_claims
from foreverus.access.records import ApiKey
from foreverus.access.store import ApiKeyStore
from foreverus.aws import keys
from foreverus.aws.cognito import CognitoTokens
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


def jwt(**claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


OURS = {"sub": "u", "token_use": "access", "client_id": "page", "iss": "https://cognito-idp.example/us-east-1_abc"}


def test_a_signed_in_user_comes_in_under_their_own_id(user_pool: tuple[str, str]) -> None:
    token = token_of_a_user(user_pool)
    assert bootstrap.authorize.build().user_of(f"Bearer {token}") == unverified_claims(token).sub


def test_an_api_key_is_its_owners(aws: Aws) -> None:
    api_key = ApiKeyStore(aws.items).create("user-1", "laptop", NOW)
    assert api_key.startswith("fu_")
    assert bootstrap.authorize.build().user_of(f"Bearer {api_key}") == "user-1"
    assert bootstrap.authorize.build().user_of(api_key + "x") is None


def test_api_keys_are_stored_hashed_only(aws: Aws) -> None:
    api_key = ApiKeyStore(aws.items).create("user-1", "laptop", NOW)
    assert api_key not in json.dumps(boto3.client("dynamodb").scan(TableName=aws.items.name)["Items"])


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
    authorizer = Authorizer(Nobody(), Yes(), "us-east-1_abc", "page")
    assert authorizer.user_of(jwt(**OURS)) == "u"
    assert authorizer.user_of(jwt(**{**OURS, **changed})) is None


@pytest.mark.parametrize("credential", ["Bearer ", "Bearer x", "a.b.c", "Basic dTpw", "e30.bnVsbA.x", "fu_"])
def test_nonsense_is_nobody(aws: Aws, credential: str) -> None:
    assert bootstrap.authorize.build().user_of(credential) is None


def test_an_outage_of_cognito_is_not_taken_for_a_wrong_token() -> None:
    class Down:
        def get_user(self, AccessToken: str) -> None:
            raise ClientError({"Error": {"Code": "InternalErrorException", "Message": ""}}, "GetUser")

    with pytest.raises(ClientError):
        CognitoTokens(Down()).accepts("a.b.c")


def test_the_policy_covers_the_stage_because_it_is_cached_for_all_routes() -> None:
    arn = "arn:aws:execute-api:us-east-1:123456789012:abc/v1/GET/sessions/ses_1"
    statement = policy("user-1", arn)["policyDocument"]["Statement"][0]
    assert statement["Resource"] == "arn:aws:execute-api:us-east-1:123456789012:abc/v1/*"


def test_a_key_that_was_stored_before_it_had_a_name_is_still_its_owners(aws: Aws) -> None:
    store = ApiKeyStore(aws.items)
    secret = store.create("user-1", "laptop", NOW)
    assert store.find(secret) == ApiKey(user_id="user-1", name="laptop", created_at=ids.timestamp(NOW))
    aws.put(**keys.api_key_key("fu_old"), user_id="user-2", scope="all")
    assert store.find("fu_old") == ApiKey(user_id="user-2")
    assert store.find("fu_none") is None
