"""Reads what a machine needs from its user data: the same cloud-config that the real machine boots with.

Only what decides how the worker runs is taken: its environment file, where its package is, and the power
timer. Installing drivers and containers has no meaning on a laptop.
"""

import base64
import re
import shlex
from dataclasses import dataclass

import yaml

ENV_FILE = "/etc/foreverus/worker.env"
MACHINE_FILE = "/etc/foreverus/machine.env"
_TIMER = "--on-active="
_PACKAGE = ("PACKAGE_KEY", "PACKAGE_SHA256")


class UserDataBroken(Exception):
    """The machine cannot boot with this user data; the text says what is missing."""


@dataclass(frozen=True)
class Boot:
    """worker: the worker's environment. machine: what the machine's scripts read. power_off_after_s: maximum life."""

    worker: dict[str, str]
    machine: dict[str, str]
    power_off_after_s: int

    @property
    def package(self) -> tuple[str, str, str]:
        """The worker's: bucket, key, SHA-256 in hexadecimal."""
        return (self.worker["DATA_BUCKET"], *(self.machine[name] for name in _PACKAGE))  # type: ignore[return-value]


def parse(encoded: str) -> Boot:
    """`encoded` is the launch template's UserData, base64 as EC2 has it."""
    text = base64.b64decode(encoded).decode()
    config = yaml.safe_load(text)
    if not isinstance(config, dict):
        raise UserDataBroken("the user data is not a cloud-config")
    files = {file["path"]: _content(file) for file in config.get("write_files") or []}
    if ENV_FILE not in files:
        raise UserDataBroken(f"the user data writes no {ENV_FILE}")
    worker, machine = parse_env(files[ENV_FILE]), parse_env(files.get(MACHINE_FILE, ""))
    if missing := {"DATA_BUCKET", *_PACKAGE} - worker.keys() - machine.keys():
        raise UserDataBroken(f"no {sorted(missing)[0]} in the user data: where is the worker's package?")
    # cloud-init runs bootcmd before everything else; a timer anywhere else would not guard the boot itself.
    spans = [word.removeprefix(_TIMER) for word in _words(config.get("bootcmd")) if word.startswith(_TIMER)]
    if not spans:
        raise UserDataBroken("no `systemd-run --on-active=<seconds>s` in the user data's bootcmd")
    return Boot(worker=worker, machine=machine, power_off_after_s=min(map(_seconds, spans)))


def parse_env(text: str) -> dict[str, str]:
    """systemd's EnvironmentFile, as far as we write it: KEY=VALUE lines, comments, quotes around a whole value."""
    values = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if not equals or key.startswith(("#", ";")):
            continue
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        values[key] = value
    return values


def _content(file: dict[str, str]) -> str:
    content = file.get("content", "")
    return base64.b64decode(content).decode() if file.get("encoding") in ("b64", "base64") else content


def _words(commands: list[str | list[str]] | None) -> list[str]:
    """All words of cloud-init's commands: a list is run as it is, a text by a shell."""
    lists = [shlex.split(command) if isinstance(command, str) else command for command in commands or []]
    return [str(word) for words in lists for word in words]


def _seconds(span: str) -> int:
    """A systemd time span in seconds; several are added (`36000s 480s`)."""
    if not re.fullmatch(r"\d+s( \d+s)*", span):
        raise UserDataBroken(f"the timer's time span `{span}` is not in seconds (such as 36000s)")
    return sum(int(part.removesuffix("s")) for part in span.split())
