"""What is installed is what was locked: each file by its hash, wherever something is installed."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
INSTALLERS = (ROOT / "Makefile", ROOT / "src/Makefile", ROOT / "src/foreverus/machine/start.sh")
# uv's first argument after `pip`; `compile` installs nothing.
INSTALLS = re.compile(r"\bpip (install|sync)\b")


def pinned(text: str) -> list[tuple[str, list[str]]]:
    """Each requirement of a lock with its hashes."""
    joined = text.replace("\\\n", " ")
    lines = [line.split(" #")[0] for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [(line.split()[0], re.findall(r"--hash=sha256:[0-9a-f]{64}", line)) for line in lines]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_line_of_a_lock_is_one_version_with_its_hashes(lock: Path) -> None:
    found = pinned(lock.read_text())
    assert found
    assert [name for name, hashes in found if not hashes or "==" not in name] == []


def test_a_line_without_a_hash_is_seen() -> None:
    whole = f"one==1 \\\n    --hash=sha256:{'a' * 64}\n    # via x\n"
    assert [bool(hashes) for _, hashes in pinned(f"{whole}two==2 ; python_version < '3.13'\n    # via one\n")] == [
        True,
        False,
    ]


def test_each_list_of_wishes_has_its_lock() -> None:
    assert {lock.stem for lock in LOCKS} == {wish.stem for wish in (ROOT / "requirements").glob("*.in")}
    recipe = (ROOT / "Makefile").read_text().split("\nlock:")[1].split("\n\n")[0]
    assert [lock.stem for lock in LOCKS if not re.search(rf"\b{lock.stem}\b", recipe)] == [], "make lock pins it anew"


@pytest.mark.parametrize("place", INSTALLERS, ids=lambda place: f"{place.parent.name}/{place.name}")
def test_nothing_is_installed_without_its_hash(place: Path) -> None:
    installing = [
        line
        for line in place.read_text().splitlines()
        if INSTALLS.search(line) and "compile" not in line.split("pip")[1][:9]
    ]
    assert installing
    assert [line for line in installing if "--require-hashes" not in line] == []
