"""The installed command needs no more than pyproject.toml says."""

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

# Everything that a submit imports, where only what is named may be found.
PROGRAM = """
import sys

class Only:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"boto3", "botocore", "moto"}:
            raise ModuleNotFoundError(f"{name} is not installed with the command line")

sys.meta_path.insert(0, Only())
import foreverus.cli.__main__
assert not {"httpx", "rich", "websockets"} & set(sys.modules), "--help waits for them"
import foreverus.cli.commands, foreverus.cli.chat.talk, rich.progress
import foreverus.batches.input.lines, foreverus.batches.input.file_check
"""


def test_command_is_there() -> None:
    module, name = PROJECT["project"]["scripts"]["foreverus"].split(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_command_needs_only_its_own_dependencies() -> None:
    names = {requirement.split(">=")[0] for requirement in PROJECT["project"]["dependencies"]}
    assert names == {"fastjsonschema", "httpx", "jsonschema", "rich", "shtab", "websockets"}
    environment = {"PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_module_runs_from_the_repository() -> None:
    environment = {"PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C"}
    command = [sys.executable, "-m", "foreverus.cli", "batch", "submit", "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--watch" in done.stdout
