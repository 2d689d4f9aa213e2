"""Access tokens, checked here by their signature (docs/decisions/0026): a forged one costs nobody a call.

Imported by the authorizer alone: joserfc brings compiled cryptography, which is in no other function's package.
"""

import base64
import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeGuard

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from foreverus.access.records import groups_of

logger = logging.getLogger(__name__)

ALGORITHM = "RS256"  # Cognito's only one. What a token says of itself chooses nothing
ACCESS = "access"  # what a token is for; an ID token tells who somebody is and opens nothing
FETCH_EVERY_S = 60.0  # an unknown kid may be a new key; forged ones cost one fetch a minute
RETRY_EVERY_S = 5.0  # while there are no keys at all: everybody waits for them
FEWEST_BITS = 2048
CLOCK_SKEW_S = 60  # by so much Cognito's clock may be ahead of ours
LONGEST_LIFE_S = 86_400  # Cognito's limit for an access token
MOST_BYTES = 8_192  # API Gateway takes 10 KB of headers


class KeysUnavailable(Exception):
    """Nobody can say whether a token is good: the issuer's keys could not be fetched. A 503, and no 401."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A token whose signature holds. `ends_at`: Unix seconds. `groups`: of the user pool."""

    user_id: str
    ends_at: int
    groups: tuple[str, ...] = ()


@dataclass
class SigningKeys:
    """The issuer's public keys by `kid`, kept for the process's life. `fetch` returns the JWKS document and raises
    whatever it fails with."""

    fetch: Callable[[], bytes]
    clock: Callable[[], datetime]
    _keys: dict[str, RSAKey] = field(default_factory=dict)
    _asked: float | None = None  # when it was last fetched, or tried
    _failed: bool = False
    _asking: threading.Lock = field(default_factory=threading.Lock)

    def find(self, kid: str) -> RSAKey | None:
        """None for one that the issuer does not have. Raises KeysUnavailable."""
        if kid not in self._keys:
            with self._asking:  # who comes while another thread asks waits for what that one hears
                if kid not in self._keys and self._may_ask():
                    self._ask()
        if kid in self._keys:
            return self._keys[kid]
        if self._failed:
            raise KeysUnavailable("the keys that sign access tokens could not be fetched")
        return None

    def _may_ask(self) -> bool:
        wait = FETCH_EVERY_S if self._keys else RETRY_EVERY_S
        return self._asked is None or not 0 <= self.clock().timestamp() - self._asked < wait

    def _ask(self) -> None:
        self._asked = self.clock().timestamp()
        try:
            self._keys = read_keys(self.fetch())
            self._failed = False
        except Exception:
            self._failed = True
            logger.warning("the keys that sign access tokens could not be fetched", exc_info=True)


def read_keys(document: bytes) -> dict[str, RSAKey]:
    """The RSA keys for signatures of a JWKS. Raises ValueError when there is none."""
    listed = json.loads(document)
    found = [one for one in listed["keys"] if _signs(one)] if isinstance(listed, dict) and "keys" in listed else []
    keys = {str(one["kid"]): RSAKey.import_key({"kty": "RSA", "n": one["n"], "e": one["e"]}) for one in found}
    if not keys:
        raise ValueError("the document has no key that signs")
    return keys


def _signs(key: Mapping[str, Any]) -> bool:
    return (
        key.get("kty") == "RSA"
        and key.get("use", "sig") == "sig"
        and key.get("alg", ALGORITHM) == ALGORITHM
        and all(isinstance(key.get(name), str) and key[name] for name in ("kid", "n", "e"))
        and _bits(key["n"]) >= FEWEST_BITS
    )


def _bits(number: str) -> int:
    """Of a number as a JWK writes it."""
    return int.from_bytes(base64.urlsafe_b64decode(number + "==")).bit_length()


@dataclass(frozen=True)
class TokenRules:
    """What a token of ours says. `issuer`: exactly, as the user pool spells it."""

    issuer: str
    client_id: str

    def read(self, claims: Mapping[str, object], now: int) -> AccessToken | None:
        """`claims`: of a token whose signature holds; `now`: Unix seconds. None if it is not ours, or not now."""
        user_id, ends_at, made_at = claims.get("sub"), claims.get("exp"), claims.get("iat")
        begins_at = claims.get("nbf", made_at)
        ours = (
            claims.get("token_use") == ACCESS
            and claims.get("client_id") == self.client_id
            and claims.get("iss") == self.issuer
        )
        if not ours or not isinstance(user_id, str) or not user_id:
            return None
        if not (_is_whole(ends_at) and _is_whole(made_at) and _is_whole(begins_at)):
            return None
        in_time = max(made_at, begins_at) <= now + CLOCK_SKEW_S and now < ends_at
        if not in_time or not 0 < ends_at - made_at <= LONGEST_LIFE_S:
            return None
        return AccessToken(user_id=user_id, ends_at=ends_at, groups=groups_of(claims.get("cognito:groups")))


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class SignedTokens:
    keys: SigningKeys
    rules: TokenRules

    def verify(self, token: str, now: datetime) -> AccessToken | None:
        """Whose token it is; None if it is forged, over, or not ours. Raises KeysUnavailable."""
        if not token.isascii() or len(token) > MOST_BYTES:
            return None
        try:
            header = jws.extract_compact(token.encode()).headers()
            kid = header.get("kid")
            if header.get("alg") != ALGORITHM or not isinstance(kid, str) or "crit" in header:
                return None  # Cognito demands nothing of a reader (crit)
            key = self.keys.find(kid)
            if key is None:
                return None
            claims = json.loads(jws.deserialize_compact(token, key, algorithms=[ALGORITHM]).payload)
        except (JoseError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return None  # whatever shape it has that no token has: the library looks at some of it before the signature
        return self.rules.read(claims, int(now.timestamp())) if isinstance(claims, dict) else None
