"""Proxies and certificates of the environment: they work, or one line names the variable."""

from pathlib import Path

import pytest

from foreverus.cli import proxies
from foreverus.cli.failures import UsageError
from tests.unit.cli.conftest import Shell
from tests.unit.cli.server import Server

ELSEWHERE = "https://api.example.com/v1"


def opened(url: str, **variables: str) -> proxies.httpx.Client:
    """The client that an environment of exactly these variables gives."""
    found = {
        name.lower().removesuffix("_proxy"): value for name, value in variables.items() if "_proxy" in name.lower()
    }
    return proxies.client(url, variables, lambda: found)


def through(client: proxies.httpx.Client, url: str) -> str | None:
    """The proxy of that address."""
    transport = client._transport_for_url(proxies.httpx.URL(url))
    pool = getattr(transport, "_pool", None)
    address = getattr(pool, "_proxy_url", None)
    return None if address is None else f"{address.host.decode()}:{address.port}"


@pytest.mark.parametrize(
    "no_proxy",
    ["localhost,127.0.0.1,::1,[::1]", "[::1]", "[fe80::1],10.0.0.0/8", " , ,localhost", "*.corp.example,.corp.example"],
)
def test_addresses_that_go_direct_may_be_written_as_people_write_them(no_proxy: str) -> None:
    with opened(ELSEWHERE, HTTPS_PROXY="http://proxy.example:3128", NO_PROXY=no_proxy) as client:
        assert through(client, ELSEWHERE) == "proxy.example:3128"


@pytest.mark.parametrize("direct", ["api.example.com", "example.com", ".example.com", "*.example.com", "*"])
def test_address_that_goes_direct(direct: str) -> None:
    with opened(ELSEWHERE, ALL_PROXY="http://proxy.example:3128", no_proxy=direct) as client:
        assert through(client, ELSEWHERE) is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "foo://proxy:1"),
        ("HTTPS_PROXY", "http://proxy:notaport"),
        ("http_proxy", "http://[::1"),
        ("NO_PROXY", "[::1"),
        ("no_proxy", "http://[x]:y"),
    ],
)
def test_variable_that_cannot_be_used_is_named(variable: str, value: str) -> None:
    with pytest.raises(UsageError) as ended:
        opened(ELSEWHERE, **{variable: value})
    assert str(ended.value).startswith(f"{variable} ")
    assert "\n" not in str(ended.value)


def test_socks_without_its_extra_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "socksio", None)
    with pytest.raises(UsageError) as ended:
        opened(ELSEWHERE, ALL_PROXY="socks5://ana:secret@proxy:1080")
    assert "ALL_PROXY names a SOCKS proxy" in str(ended.value)
    assert "httpx[socks]" in str(ended.value) and "secret" not in str(ended.value)


def test_certificates_that_are_not_there_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing.pem"))
    with pytest.raises(UsageError, match="SSL_CERT_FILE"):
        opened(ELSEWHERE, SSL_CERT_FILE=str(tmp_path / "nothing.pem"))


@pytest.mark.parametrize("value", ["socks5://127.0.0.1:9", "foo://x:1", "http://127.0.0.1:9"])
def test_laptops_cloud_is_asked_directly(
    server: Server, shell: Shell, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    for name in ("ALL_PROXY", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NO_PROXY", "[::1")
    assert shell.run("list") == 0


def test_command_names_the_variable(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ALL_PROXY", "foo://x:1")
    monkeypatch.setenv("FOREVERUS_API_KEY", "fu_x")
    assert shell.run("list", "--url", ELSEWHERE, bare=True) == 2
    assert shell.err.startswith("foreverus: ALL_PROXY cannot be used")


SOCKET = "wss://ws1.execute-api.us-east-1.amazonaws.com/v1"


@pytest.mark.parametrize(
    ("variables", "through_it"),
    [
        ({}, None),
        ({"https": "http://proxy.example:3128"}, "http://proxy.example:3128"),
        ({"all": "proxy.example:3128"}, "http://proxy.example:3128"),
        ({"https": "http://a:1", "all": "http://b:2"}, "http://a:1"),
        ({"http": "http://proxy.example:3128"}, None),
        ({"all": "http://a:1", "no": "*"}, None),
        ({"all": "http://a:1", "no": "example.com, amazonaws.com"}, None),
        ({"all": "http://a:1", "no": "*.amazonaws.com"}, None),
        ({"all": "http://a:1", "no": ".AMAZONAWS.com:443"}, None),
        ({"all": "http://a:1", "no": "aws.com,[::1],10.0.0.0/8"}, "http://a:1"),
        ({"all": "http://a:1", "no": "ws1.execute-api.us-east-1.amazonaws.com"}, None),
    ],
)
def test_a_websocket_goes_through_the_same_proxies(variables: dict[str, str], through_it: str | None) -> None:
    assert proxies.proxy_of(SOCKET, {}, lambda: variables) == through_it


@pytest.mark.parametrize("address", ["ws://127.0.0.1:4566/v1", "ws://[::1]:1/v1", "wss://localhost/v1"])
def test_the_laptop_s_websocket_is_opened_directly(address: str) -> None:
    assert proxies.proxy_of(address, {}, lambda: {"all": "http://a:1", "https": "http://a:1"}) is None
