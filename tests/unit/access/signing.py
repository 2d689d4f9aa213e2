"""A user pool's keys and tokens, made here: what Cognito signs, and what others would like it to have signed."""

import base64
import hmac
import json
from datetime import datetime
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from tests.unit.conftest import NOW

ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_abc"
CLIENT = "page"


@cache
def key(kid: str) -> RSAKey:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return RSAKey.import_key(made, {"kid": kid})


def jwks(*kids: str, **changed: object) -> bytes:
    """The document of these keys, each with the changed fields; a field that is None is missing."""
    listed = []
    for kid in kids:
        fields = {**key(kid).as_dict(private=False), "kid": kid, "use": "sig", "alg": "RS256", **changed}
        listed.append({name: value for name, value in fields.items() if value is not None})
    return json.dumps({"keys": listed}).encode()


def claims(now: datetime = NOW, **changed: object) -> dict[str, object]:
    """What Cognito puts into an access token; a claim that is None is missing."""
    at = int(now.timestamp())
    whole: dict[str, object] = {
        "sub": "user-1",
        "iss": ISSUER,
        "client_id": CLIENT,
        "token_use": "access",
        "scope": "openid email",
        "iat": at,
        "exp": at + 900,
        "jti": "1",
        **changed,
    }
    return {name: value for name, value in whole.items() if value is not None}


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def token(kid: str = "a", header: dict[str, Any] | None = None, body: bytes | None = None, **changed: object) -> str:
    """Signed with that key. `header`: over the usual one; `body` in place of the claims."""
    payload = json.dumps(claims(**changed)).encode() if body is None else body
    heads = {"alg": "RS256", "kid": kid, **(header or {})}
    head = encoded(json.dumps({name: value for name, value in heads.items() if value is not None}).encode())
    signed = f"{head}.{encoded(payload)}"
    made = key(kid).private_key
    assert made
    return f"{signed}.{encoded(made.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def hmac_token(secret: bytes, kid: str = "a") -> str:
    """The old trick: the public key is taken for the secret of a symmetric signature."""
    head = encoded(json.dumps({"alg": "HS256", "kid": kid}).encode())
    signed = f"{head}.{encoded(json.dumps(claims()).encode())}"
    return f"{signed}.{encoded(hmac.digest(secret, signed.encode(), 'sha256'))}"


def other_token(algorithm: str, kid: str = "a") -> str:
    """Signed well, by another algorithm than Cognito's."""
    made = ECKey.generate_key("P-256") if algorithm.startswith("ES") else key(kid)
    heads = {"alg": algorithm, "kid": kid}
    return jws.serialize_compact(heads, json.dumps(claims()).encode(), made, algorithms=[algorithm])
