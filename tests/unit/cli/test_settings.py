"""Where the address and the key come from, and that a key goes only where it belongs."""

import json
import os
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
    private(tmp_path / ".local" / "outputs.json", json.dumps(outputs))
    private(tmp_path / "key", "fu_file\n")
    return tmp_path


def private(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("flags", "variables", "url", "key"),
    [
        (("https://flag/v1", "key"), OURS | OPENAI, "https://flag/v1", "fu_file"),
        ((None, None), OURS | OPENAI, "https://ours/v1", "fu_ours"),
        ((None, "key"), OURS, "https://ours/v1", "fu_file"),
        ((None, None), OURS | {"FOREVERUS_API_KEY_FILE": "key"}, "https://ours/v1", "fu_ours"),
        ((None, None), OPENAI | {"FOREVERUS_API_KEY_FILE": "key"}, "https://openai/v1", "fu_file"),
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


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/v1",
        "http://10.0.0.7:4566/v1",
        "http://192.168.0.2/v1",
        "http://localhost.example.com/v1",
        "http://127.0.0.1@example.com/v1",
        "http://127.0.0.1\\@example.com/v1",
        "http://example.com#127.0.0.1",
        "http://2130706433/v1",
        "http://0.0.0.0/v1",
        "http://[fe80::1]/v1",
        "//127.0.0.1/v1",
        "file:///etc/passwd",
        "http://[127.0.0.1/v1",
        "",
        7,
        None,
        {"a": 1},
    ],
)
def test_a_strange_folder_names_this_machine_alone(tmp_path: Path, url: object) -> None:
    (tmp_path / ".local").mkdir()
    private(tmp_path / ".local" / "outputs.json", json.dumps({"api_url": url, "api_key": "fu_theirs"}))
    for variables in ({}, {"FOREVERUS_API_KEY": "fu_ours"}):
        with pytest.raises(UsageError, match="may name this machine alone"):
            find(None, None, tmp_path, variables)


@pytest.mark.parametrize(
    "url", ["http://localhost:1/v1", "http://127.8.0.1/v1", "http://[::1]:9/v1/", "https://localhost/v1"]
)
def test_addresses_of_this_machine_are_taken(tmp_path: Path, url: str) -> None:
    (tmp_path / ".local").mkdir()
    private(tmp_path / ".local" / "outputs.json", json.dumps({"api_url": url, "api_key": "fu_laptop"}))
    assert find(None, None, tmp_path, {}).url == url.rstrip("/")
    assert find(url, None, tmp_path, {"FOREVERUS_API_KEY": "fu_ours"}).url == url.rstrip("/")


@pytest.mark.parametrize(
    "url", ["http://ours/v1", "http://127.0.0.1.example.com/v1", "HTTP://ours/v1", "http://10.1.1.1/v1"]
)
@pytest.mark.parametrize("variable", ["FOREVERUS_URL", "OPENAI_BASE_URL", None])
def test_no_key_goes_anywhere_in_the_clear(tmp_path: Path, url: str, variable: str | None) -> None:
    variables = {"FOREVERUS_API_KEY": "fu_ours", "OPENAI_API_KEY": "sk"} | ({variable: url} if variable else {})
    with pytest.raises(UsageError, match="in the clear: write https://"):
        find(None if variable else url, None, tmp_path, variables)


@pytest.mark.parametrize("url", ["https://ana:secret@ours/v1", "https://ours\\@elsewhere/v1"])
def test_an_address_with_a_password_is_none_and_not_repeated(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match="is not an address") as refused:
        find(url, None, tmp_path, {"FOREVERUS_API_KEY": "fu_ours"})
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o620, 0o777])
def test_a_key_that_others_can_read_is_not_used(laptop: Path, mode: int) -> None:
    (laptop / "key").chmod(mode)
    for flag, variables in (
        ("key", OURS),
        (None, {"FOREVERUS_URL": "https://ours/v1", "FOREVERUS_API_KEY_FILE": "key"}),
    ):
        with pytest.raises(UsageError, match=f"its mode is {mode:o}.*`chmod 600 key`"):
            find(None, flag, laptop, variables)
    (laptop / ".local" / "outputs.json").chmod(mode)
    with pytest.raises(UsageError, match=r"chmod 600 \.local/outputs\.json"):
        find(None, None, laptop, {})


def test_a_key_that_belongs_to_somebody_else_is_not_used(laptop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = (laptop / "key").stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if owner == 0:  # what root owns, root alone has written: this one is made somebody's
        os.chown(laptop / "key", 7, -1)
    with pytest.raises(UsageError, match="belongs to somebody else"):
        find(None, "key", laptop, OURS)


@pytest.mark.parametrize(
    ("name", "said"), [("nowhere", "cannot be read: No such file"), (".", "cannot be read: Is a dir")]
)
def test_a_key_file_that_is_none_is_named(laptop: Path, name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        find(None, name, laptop, OURS)
    with pytest.raises(UsageError, match="is empty"):
        find(None, private(laptop / "none", " \n").name, laptop, OURS)


@pytest.mark.parametrize("words", [["--api-key", "fu_secret"], ["--api-key=fu_secret"], ["--api-key"]])
@pytest.mark.parametrize("group", ["batch", "key"])
def test_a_key_in_the_command_line_is_refused_and_not_repeated(
    server: Server, shell: Shell, words: list[str], group: str
) -> None:
    assert shell.run("list", *words, group=group) == 2
    assert "FOREVERUS_API_KEY" in shell.err and "fu_secret" not in shell.err + shell.out
    assert not server.requests


def test_laptops_cloud_is_used_and_said(server: Server, shell: Shell) -> None:
    (shell.folder / ".local").mkdir()
    path = shell.folder / ".local" / "outputs.json"
    private(path, json.dumps({"api_url": f"{server.url}/v1", "api_key": KEY}))
    assert shell.run("list", bare=True) == 0
    assert "Using the laptop's cloud of .local/outputs.json." in shell.err
    path.write_text("{")
    assert shell.run("list", bare=True) == 2
    assert "--url" in shell.err


def test_nobody_there_is_said_after_some_tries(shell: Shell) -> None:
    shell.url = "http://127.0.0.1:9"
    assert shell.run("list") == 1
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


@pytest.mark.parametrize("text", ["[" * 30_000, "{", "[]", "\x00", '{"api_url"', "7"])
def test_outputs_that_are_none_are_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / ".local").mkdir()
    private(tmp_path / ".local" / "outputs.json", text)
    with pytest.raises(UsageError, match="address of the API is missing"):
        find(None, None, tmp_path, {})


def test_a_pipe_in_a_strange_folder_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / ".local").mkdir()
    os.mkfifo(tmp_path / ".local" / "outputs.json", 0o600)
    with pytest.raises(UsageError, match="address of the API is missing"):
        find(None, None, tmp_path, {})
