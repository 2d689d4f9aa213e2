"""API keys, as far as anybody can know them, and who a request comes from. Pure."""

import hashlib
import secrets
import string
from dataclasses import dataclass

API_KEY_PREFIX = "fu_"  # how every key begins
TICKET_PREFIX = "ft_"
ADMINS = "admins"  # the user pool's group of those who may what docs/security.md says of admins
MOST_KEYS = 20  # of one person
LAST_USE_SECONDS = 3600  # `last_used_at` is that exact: more would be a write for each request
# How long what was revoked may still open anything: API Gateway goes on with what the authorizer has said for half of
# it (template.yaml: ReauthorizeEvery), the authorizer with what Cognito has said of a person for the other (people.py).
REVOKED_WITHIN_SECONDS = 60

_ALPHABET = string.ascii_letters + string.digits  # a double click takes the whole key
_RANDOM_CHARACTERS = 43  # of 62: 256 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key without its secret, which is stored nowhere; `digest` is the secret's SHA-256 in hexadecimal."""

    key_id: str
    user_id: str
    digest: str
    name: str
    last_four: str
    created_at: str
    expires_at: str | None = None
    last_used_at: str | None = None
    can_create_keys: bool = False

    def has_expired(self, now: str) -> bool:
        """`now` as the table writes times, which sort as text."""
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whose request it is. `key_id` is empty for a person who has signed in, who may make keys. `ends_at`: when the
    token or key is over, as the table writes times; empty for never. `is_admin`: somebody of the group `admins` who has
    signed in; no key is an admin's, because a program should never need to be one."""

    user_id: str
    key_id: str = ""
    can_create_keys: bool = True
    ends_at: str = ""
    is_admin: bool = False


def groups_of(claim: object) -> tuple[str, ...]:
    """A token's `cognito:groups`; anything else than a list of names is none.

    >>> groups_of(["admins", 1]), groups_of("admins"), groups_of(None)
    (('admins',), (), ())
    """
    return tuple(one for one in claim if isinstance(one, str)) if isinstance(claim, list) else ()


def new_secret(prefix: str = API_KEY_PREFIX) -> str:
    """A new key: `fu_` and 43 letters and digits, which `\\bfu_[0-9A-Za-z]{43}\\b` finds in any text; or a ticket."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_CHARACTERS))


def digest_of(secret: str) -> str:
    """What is kept of a key. No salt and no slow hash: 256 random bits cannot be guessed or listed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
