"""The first minute on a laptop: what cannot work is said in one line, and the next `make` can work."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What `make install` reads, and nothing installed."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    return tmp_path


def python(folder: Path, version: tuple[int, int], words: str = "") -> Path:
    """A program that says it is that Python and makes environments without a network: `pip` in them always fails."""
    program = folder / f"python{version[0]}.{version[1]}"
    program.write_text(
        f"""#!/bin/bash
case "$*" in
  -c*) [[ " (3, 11) (3, 12) (3, 13) " == *" {version} "* ]];;
  --version) echo "Python {version[0]}.{version[1]}.0";;
  "-m venv"*) dir="${{@: -1}}"; mkdir -p "$dir/bin"; cp "$0" "$dir/bin/python";;
  *) echo "ERROR: No matching distribution found" >&2; exit 1;;
esac
"""
    )
    program.chmod(0o755)
    return program


def make(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", "install", *words], cwd=folder, env=environment, text=True, capture_output=True, check=False
    )


@pytest.mark.parametrize("version", [(3, 9), (3, 10), (3, 14)])
def test_python_that_is_not_ours_is_refused_and_leaves_nothing(checkout: Path, version: tuple[int, int]) -> None:
    given = python(checkout, version)
    ended = make(checkout, f"PYTHON={given}")
    assert ended.returncode != 0
    assert f"PYTHON={given} is no Python 3.11, 3.12 or 3.13 (Python {version[0]}.{version[1]}.0)" in ended.stdout
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("name", ["/nonexistent", "no-such-python", "/etc/hostname", "/"])
def test_python_that_is_none_is_refused(checkout: Path, name: str) -> None:
    ended = make(checkout, f"PYTHON={name}")
    assert ended.returncode != 0
    assert f"PYTHON={name} is no Python 3.11, 3.12 or 3.13" in ended.stdout
    assert "Error 127" not in ended.stderr
    assert not (checkout / ".venv").exists()


def test_download_that_fails_names_the_internet(checkout: Path) -> None:
    for _ in range(2):  # and again: what the first try left is no obstacle
        ended = make(checkout, f"PYTHON={python(checkout, (3, 12))}")
        assert ended.returncode != 0
        assert "uv could not be downloaded. The first installation needs the internet" in ended.stdout


def test_environment_of_another_python_says_how_to_remove_it(checkout: Path) -> None:
    """One that an older version of this file made."""
    (checkout / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(python(checkout, (3, 10)), checkout / ".venv" / "bin" / "python")
    (checkout / ".venv" / "bin" / "uv").touch()
    ended = make(checkout)
    assert ended.returncode != 0
    assert "make clean" in ended.stdout
