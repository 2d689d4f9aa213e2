"""Where the address and the key come from, and that a key goes only where it belongs."""

import json
from pathlib import Path

import pytest

from foreverus.cli.failures import UsageError
from foreverus.cli.settings import find
from tests.unit.cli.conftest import Shell
from tests.unit.cli.server import KEY, Server

OURS = {"FOREVERUS_URL": "https://ours/v1/", "FOREVERUS_API_KEY": "fu_ours"}
OPENAI = {"OPENAI_BASE_URL": "https://openai/v1", "OPENAI_API_KEY": "sk-openai"}


@pytest.fixture
def laptop(tmp_path: Path) -> Path:
    (tmp_path / ".local").mkdir()
    outputs = {"api_url": "http://127.0.0.1:4566/v1", "api_key": "fu_laptop"}
    (tmp_path / ".local" / "outputs.json").write_text(json.dumps(outputs))
    return tmp_path


@pytest.mark.parametrize(
    ("flags", "variables", "url", "key"),
    [
        (("https://flag/v1", "fu_flag"), OURS | OPENAI, "https://flag/v1", "fu_flag"),
        ((None, None), OURS | OPENAI, "https://ours/v1", "fu_ours"),
        ((None, "fu_flag"), OURS, "https://ours/v1", "fu_flag"),
        (("https://flag/v1", None), OURS, "https://flag/v1", "fu_ours"),
        ((None, None), OPENAI, "https://openai/v1", "sk-openai"),
        ((None, None), OPENAI | {"FOREVERUS_API_KEY": "fu_ours"}, "https://openai/v1", "fu_ours"),
        ((None, None), {"OPENAI_API_KEY": "sk-openai"}, "http://127.0.0.1:4566/v1", "fu_laptop"),
        ((None, None), {"FOREVERUS_URL": " "}, "http://127.0.0.1:4566/v1", "fu_laptop"),
    ],
)
def test_first_address_wins_and_openais_key_goes_to_its_own_address_only(
    laptop: Path, flags: tuple[str | None, str | None], variables: dict[str, str], url: str, key: str
) -> None:
    found = find(*flags, laptop, variables)
    assert (found.url, found.api_key) == (url, key)
    assert (found.note is not None) == (key == "fu_laptop")
    assert key not in repr(found)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, "FOREVERUS_URL"),
        ({"OPENAI_API_KEY": "sk"}, "FOREVERUS_URL"),
        ({"FOREVERUS_URL": "https://ours/v1", "OPENAI_API_KEY": "sk"}, "FOREVERUS_API_KEY"),
        ({"OPENAI_BASE_URL": "https://openai/v1"}, "OPENAI_API_KEY"),
        (OURS | {"FOREVERUS_URL": "ours/v1"}, "'ours/v1' is not an address"),
        (OURS | {"FOREVERUS_URL": "https://ours:x/v1"}, "is not an address"),
        (OURS | {"FOREVERUS_URL": "ftp://ours/v1"}, "is not an address"),
        (OURS | {"FOREVERUS_API_KEY": "fu_“ours”"}, "characters that no key has"),
    ],
)
def test_what_is_missing_or_wrong_is_named(tmp_path: Path, variables: dict[str, str], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        find(None, None, tmp_path, variables)


def test_laptops_cloud_is_used_and_said(server: Server, shell: Shell) -> None:
    (shell.folder / ".local").mkdir()
    path = shell.folder / ".local" / "outputs.json"
    path.write_text(json.dumps({"api_url": f"{server.url}/v1", "api_key": KEY}))
    assert shell.run("list", bare=True) == 0
    assert "Using the laptop's cloud of .local/outputs.json." in shell.err
    path.write_text("{")
    assert shell.run("list", bare=True) == 2
    assert "--url" in shell.err


def test_nobody_there_is_said_after_some_tries(shell: Shell) -> None:
    assert shell.run("list", "--url", "http://127.0.0.1:9/v1", "--api-key", "k", bare=True) == 1
    assert "No answer from 127.0.0.1" in shell.err
    assert shell.slept == [0.5, 1, 2, 4]


def test_company_proxy_is_not_asked_for_the_laptops_cloud(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert shell.run("list") == 0
