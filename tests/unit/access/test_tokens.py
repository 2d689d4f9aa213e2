"""Access tokens by their signature: which open, which do not, and how often their issuer's keys are fetched."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from joserfc.jwk import RSAKey

from foreverus.access.tokens import (
    AccessToken,
    KeysUnavailable,
    SignedTokens,
    SigningKeys,
    TokenRules,
    read_keys,
)
from tests.unit.access.signing import CLIENT, ISSUER, claims, encoded, hmac_token, jwks, key, other_token, token
from tests.unit.conftest import NOW, Clock

AT = int(NOW.timestamp())


class Issuer:
    """Hands out `document`, or fails; counts how often it was asked."""

    def __init__(self, document: bytes) -> None:
        self.document = document
        self.fails = False
        self.asked = 0

    def fetch(self) -> bytes:
        self.asked += 1
        if self.fails:
            raise OSError("no answer")
        return self.document


@pytest.fixture
def issuer() -> Issuer:
    return Issuer(jwks("a", "b"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(issuer: Issuer, clock: Clock) -> SignedTokens:
    return SignedTokens(SigningKeys(issuer.fetch, clock), TokenRules(ISSUER, CLIENT))


def test_what_the_pool_signed_is_its_persons_until_it_is_over(tokens: SignedTokens, clock: Clock) -> None:
    held = token()
    assert tokens.verify(held, NOW) == AccessToken(user_id="user-1", ends_at=AT + 900)
    assert tokens.verify(held, NOW + timedelta(seconds=899))
    assert tokens.verify(held, NOW + timedelta(seconds=900)) is None
    assert tokens.verify(token("b"), NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {"token_use": "id"},
        {"token_use": None},
        {"client_id": "another"},
        {"client_id": None},
        {"client_id": ["page"]},
        {"iss": ISSUER + "/"},
        {"iss": ISSUER.replace("https", "http")},
        {"iss": "https://evil.example/us-east-1_abc"},
        {"iss": None},
        {"sub": ""},
        {"sub": None},
        {"sub": 7},
        {"exp": AT},
        {"exp": AT - 1},
        {"exp": None},
        {"exp": str(AT + 900)},
        {"exp": True},
        {"exp": AT + 900.5},
        {"exp": AT + 86_401},  # longer than Cognito makes any
        {"exp": 10**400},
        {"iat": None},
        {"iat": AT + 61},  # made tomorrow
        {"iat": AT + 900},
        {"iat": [AT]},
        {"nbf": AT + 61},
        {"nbf": "soon"},
    ],
)
def test_a_good_signature_under_other_claims_opens_nothing(tokens: SignedTokens, changed: dict[str, object]) -> None:
    assert tokens.verify(token(**changed), NOW) is None


@pytest.mark.parametrize("changed", [{"iat": AT + 60}, {"nbf": AT + 60}, {"nbf": AT - 5}, {"iat": AT - 80_000}])
def test_cognitos_clock_may_be_a_little_ahead(tokens: SignedTokens, changed: dict[str, object]) -> None:
    assert tokens.verify(token(**changed), NOW)


def tampered(held: str, part: int) -> Iterator[str]:
    """The same with one bit of a part turned, at its beginning, middle and (but for padding bits) end."""
    parts = held.split(".")
    raw = bytearray(base64.urlsafe_b64decode(parts[part] + "=="))
    for at in (0, len(raw) // 2, len(raw) - 1):
        other = bytearray(raw)
        other[at] ^= 1
        yield ".".join([*parts[:part], encoded(bytes(other)), *parts[part + 1 :]])


def stripped(held: str, header: dict[str, object]) -> str:
    """The claims under another header and no signature."""
    return f"{encoded(json.dumps(header).encode())}.{held.split('.')[1]}."


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_turned_bit_opens_nothing(tokens: SignedTokens, part: int) -> None:
    assert not any(tokens.verify(one, NOW) for one in tampered(token(), part))


def forged() -> dict[str, str]:
    public = key("a").as_pem(private=False)
    held = token()
    head, body, signature = held.split(".")
    mine = key("mine").as_dict(private=False)
    return {
        "no algorithm": stripped(held, {"alg": "none", "kid": "a"}),
        "None": stripped(held, {"alg": "None", "kid": "a"}),
        "no header": stripped(held, {}),
        "symmetric by the public key": hmac_token(public),
        "symmetric by nothing": hmac_token(b"x" * 32),
        "another algorithm": other_token("RS512"),
        "another padding": other_token("PS256"),
        "elliptic": other_token("ES256"),
        "its own key in the header": token("mine", {"kid": "a", "jwk": mine}),
        "its own key's address": token("mine", {"kid": "a", "jku": "http://127.0.0.1:1/keys"}),
        "of a key that the pool does not have": token("mine"),
        "of one key under the name of another": token("b", {"kid": "a"}),
        "no kid": token("a", {"kid": None}),
        "kid that is no text": token("a", {"kid": 7}),
        "kid that is a path": token("a", {"kid": "../../../../dev/null"}),
        "what nobody understands and must": token("a", {"crit": ["fun"], "fun": 1}),
        "claims that are a list": token(body=b"[]"),
        "claims that are nothing": token(body=b"null"),
        "claims that are no JSON": token(body=b"\xff"),
        "claims that nest": token(body=b"[" * 3000),
        "two parts": f"{head}.{body}",
        "four parts": f"{held}.{signature}",
        "another's claims": f"{head}.{token(sub='user-2').split('.')[1]}.{signature}",
        "empty": "..",
        "not ASCII": "é.é.é",
        "too long": token(scope="x" * 9000),
    }


FORGED = forged()


@pytest.mark.parametrize("how", FORGED)
def test_what_is_forged_opens_nothing(tokens: SignedTokens, how: str) -> None:
    assert tokens.verify(token(), NOW)
    assert tokens.verify(FORGED[how], NOW) is None


def test_keys_are_fetched_once(tokens: SignedTokens, issuer: Issuer, clock: Clock) -> None:
    for _ in range(5):
        assert tokens.verify(token(), NOW)
        clock.forward(3600)
    assert issuer.asked == 1


def test_forged_kids_cost_one_fetch_a_minute(tokens: SignedTokens, issuer: Issuer, clock: Clock) -> None:
    assert tokens.verify(token(), NOW)
    for number in range(50):
        assert tokens.verify(token("mine", {"kid": f"forged-{number}"}), NOW) is None
    assert issuer.asked == 1
    clock.forward(60)
    for number in range(50):
        assert tokens.verify(token("mine", {"kid": f"forged-{number}"}), NOW) is None
    assert issuer.asked == 2


def test_a_new_key_is_found_within_a_minute_and_a_withdrawn_one_is_gone_with_it(
    tokens: SignedTokens, issuer: Issuer, clock: Clock
) -> None:
    assert tokens.verify(token("a"), NOW)
    issuer.document = jwks("b", "c")
    assert tokens.verify(token("c"), NOW) is None
    clock.forward(60)
    assert tokens.verify(token("c"), NOW)
    assert tokens.verify(token("a"), NOW) is None


def test_a_clock_that_was_set_back_holds_nothing_up(tokens: SignedTokens, issuer: Issuer, clock: Clock) -> None:
    assert tokens.verify(token("a"), NOW)
    issuer.document = jwks("c")
    clock.forward(-86_400)
    assert tokens.verify(token("c"), NOW)


def test_an_outage_is_no_wrong_token(tokens: SignedTokens, issuer: Issuer, clock: Clock) -> None:
    """Neither at the cold start, where nothing opens, nor later, where known keys go on."""
    issuer.fails = True
    for _ in range(10):
        with pytest.raises(KeysUnavailable):
            tokens.verify(token(), NOW)
    assert issuer.asked == 1
    clock.forward(5)
    issuer.fails = False
    assert tokens.verify(token(), NOW)
    issuer.fails = True
    clock.forward(60)
    for _ in range(10):
        with pytest.raises(KeysUnavailable):
            tokens.verify(token("c"), NOW)
    assert tokens.verify(token(), NOW)
    assert issuer.asked == 3


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"no",
        b"null",
        b"[]",
        b"{}",
        b'{"keys": []}',
        jwks("a", kty="EC"),
        jwks("a", use="enc"),
        jwks("a", alg="RS512"),
        jwks("a", kid=None),
        jwks("a", n=None),
        jwks("a", n=encoded((2**1023 + 1).to_bytes(128))),  # 1,024 bits
    ],
)
def test_a_document_without_a_key_is_an_outage(issuer: Issuer, clock: Clock, document: bytes) -> None:
    issuer.document = document
    with pytest.raises(KeysUnavailable):
        SigningKeys(issuer.fetch, clock).find("a")


def test_keys_of_other_kinds_stand_beside_ours() -> None:
    mixed = json.loads(jwks("a"))["keys"] + json.loads(jwks("b", use="enc"))["keys"]
    assert set(read_keys(json.dumps({"keys": mixed}).encode())) == {"a"}
    assert isinstance(read_keys(jwks("a", use=None, alg=None))["a"], RSAKey)


def test_claims_are_read_without_a_signature_by_nobody() -> None:
    """The rules alone let in what was verified; this is what they take."""
    assert TokenRules(ISSUER, CLIENT).read(claims(), AT) == AccessToken(user_id="user-1", ends_at=AT + 900)


HEADERS: list[object] = [
    [],
    "x",
    None,
    {"alg": {"RS256": 1}, "kid": "a"},
    *({"alg": "RS256", "kid": "a", "crit": odd} for odd in (1, [1], [[]], {"b64": 1}, "b64", None, [])),
    *({"alg": "RS256", "kid": "a", name: 7} for name in ("b64", "jwk", "x5c", "typ", "cty", "zip")),
]


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: json.dumps(header))
@pytest.mark.parametrize("body", [b"", b"{}", b"9" * 5000, b"[" * 3000, b"\xff"])
def test_a_header_of_any_shape_is_a_wrong_token_and_no_outage(
    tokens: SignedTokens, header: object, body: bytes
) -> None:
    """What raises is answered with 503 and "try again", and stands in the log as a failure of ours."""
    for signature in ("", "AA", "A", "====", "!!"):
        assert tokens.verify(f"{encoded(json.dumps(header).encode())}.{encoded(body)}.{signature}", NOW) is None
