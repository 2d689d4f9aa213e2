"""API keys, as far as anybody can know them. Pure."""

from dataclasses import dataclass

API_KEY_PREFIX = "fu_"  # how every key begins


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """Whose key it is. The key itself is stored nowhere."""

    user_id: str
    name: str = ""
    created_at: str = ""
