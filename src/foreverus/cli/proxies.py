"""The HTTP client, with the proxies and certificates that the environment names.

httpx reads the same variables, but ends in a traceback where one of them cannot be used (a bracketed address in
NO_PROXY, a SOCKS proxy without its extra, a certificate file that is not there). Here each is one line that names it.
"""

import ipaddress
import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

from foreverus.cli.failures import UsageError
from foreverus.cli.loopback import is_loopback

SCHEMES = ("http", "https", "all")
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def client(
    url: str,
    variables: Mapping[str, str] = os.environ,
    find: Callable[[], dict[str, str]] = getproxies,
    **options: Any,
) -> httpx.Client:
    """The client for the API at `url`; `options` are httpx.Client's. Raises UsageError, which names the variable.

    A loopback address is asked directly: a proxy knows nothing of the laptop's cloud, so none has to be usable for it.
    """
    context = certificates(variables)
    mounts = {} if is_loopback(urlsplit(url).hostname or "") else _mounts(find(), variables, context)
    return httpx.Client(trust_env=False, verify=context, mounts=mounts, **options)


def proxy_of(
    address: str, variables: Mapping[str, str] = os.environ, find: Callable[[], dict[str, str]] = getproxies
) -> str | None:
    """The proxy for a WebSocket at `address` (wss or, on loopback, ws), by the same variables; None: through none.

    >>> proxy_of("wss://api.example.com/v1", {}, lambda: {"all": "proxy.example:3128", "no": "*.example.org"})
    'http://proxy.example:3128'
    """
    parts = urlsplit(address)
    host, found = parts.hostname or "", find()
    if parts.scheme != "wss" or is_loopback(host):
        return None
    direct = [entry.strip() for entry in found.get("no", "").split(",") if entry.strip()]
    proxy = found.get("https", "").strip() or found.get("all", "").strip()
    if not proxy or any(_covers(entry, host, parts.port or 443) for entry in direct):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _covers(entry: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY means that host, as `_pattern` reads it.

    >>> [_covers(one, "api.example.com", 443) for one in ("*", "example.com", "*.example.com:443", "ample.com")]
    [True, True, True, False]
    """
    bare = (entry.partition("://")[2] or entry).removesuffix(f":{port}").strip("[]").lstrip("*").lstrip(".").lower()
    return entry == "*" or (bool(bare) and (host.lower() == bare or host.lower().endswith(f".{bare}")))


def certificates(variables: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """Raises UsageError, which names the variable."""
    given = next((name for name in CERTIFICATES if variables.get(name)), None)
    try:
        return httpx.create_ssl_context()
    except (OSError, ssl.SSLError) as err:
        raise UsageError(f"The certificates of {given or 'this machine'} cannot be read: {err}.") from err


def _mounts(
    found: Mapping[str, str], variables: Mapping[str, str], context: ssl.SSLContext
) -> dict[str, httpx.BaseTransport | None]:
    """httpx's own table: which addresses go through which proxy, and with None which through none."""
    direct = [entry.strip() for entry in found.get("no", "").split(",") if entry.strip()]
    if "*" in direct:
        return {}
    mounts: dict[str, httpx.BaseTransport | None] = {}
    for scheme in SCHEMES:
        if address := found.get(scheme, "").strip():
            with _named(_name(f"{scheme}_proxy", variables), address):
                proxy = address if "://" in address else f"http://{address}"
                mounts[f"{scheme}://"] = httpx.HTTPTransport(verify=context, proxy=httpx.Proxy(proxy))
    for entry in direct:
        with _named(_name("no_proxy", variables), entry):
            pattern = _pattern(entry)
            httpx.URL(pattern)  # httpx reads it later, without a name
            mounts[pattern] = None
    return mounts


def _name(lower: str, variables: Mapping[str, str]) -> str:
    """How the variable is spelled in this environment."""
    return next((name for name in (lower, lower.upper()) if variables.get(name)), "The system's proxy setting")


@contextmanager
def _named(variable: str, value: str) -> Iterator[None]:
    try:
        yield
    except ImportError as err:
        raise UsageError(
            f"{variable} names a SOCKS proxy, {_shown(value)}: `pip install 'httpx[socks]'`, or unset it here."
        ) from err
    except (ValueError, httpx.InvalidURL) as err:
        raise UsageError(f"{variable} cannot be used: {_shown(value)!r} is no address of that kind ({err}).") from err


def _shown(address: str) -> str:
    """Without the password that a proxy's address may hold."""
    before, at, after = address.rpartition("@")
    return f"{before.partition('://')[0]}://…@{after}" if at else address


def _pattern(entry: str) -> str:
    """An entry of NO_PROXY as httpx's pattern: `example.com` covers its subdomains, an address is itself."""
    if "://" in entry:
        return entry
    bare = entry[1:-1] if entry.startswith("[") and entry.endswith("]") else entry
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return f"all://{bare}" if bare.lower() == "localhost" else f"all://*{bare.removeprefix('*')}"
    return f"all://[{address}]" if address.version == 6 else f"all://{address}"
