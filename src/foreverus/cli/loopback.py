"""Which addresses are this machine's own, and which may carry a key or people's text. Pure."""

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Written as it is: a name that somebody's resolver leads here is not enough.

    >>> [is_loopback(one) for one in ("localhost", "127.9.0.1", "::1", "10.0.0.1", "localhost.example.com")]
    [True, True, True, False, False]
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_this_machine(url: str) -> bool:
    """An http or https address on loopback.

    >>> [is_this_machine(f"http://{one}/v1") for one in ("127.0.0.1:4566", "[::1]:1", "127.0.0.1@example.com", "")]
    [True, True, False, False]
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and "\\" not in url and "@" not in parts.netloc and is_loopback(host)


def is_safe_address(url: str) -> bool:
    """Encrypted, or this machine's.

    >>> is_safe_address("https://example.com/v1"), is_safe_address("http://example.com/v1")
    (True, False)
    """
    return url.lower().startswith("https://") or is_this_machine(url)
