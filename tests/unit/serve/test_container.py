"""containers/api: no image can be built where there is no base image, so its rules are held here, and what it installs
and starts is what the bundle has, which is started in tests/local/test_hosting.py."""

import re
import subprocess
from pathlib import Path

import pytest

from foreverus.serve.__main__ import _parser
from foreverus.serve.stack import PORT

ROOT = Path(__file__).parents[3]
DOCKERFILE = ROOT / "containers" / "api" / "Dockerfile"
DIGEST = "sha256:" + "0" * 64


def instructions() -> list[tuple[str, str]]:
    """In order, with their lines joined."""
    text = re.sub(
        r"\\\n\s*", "", "\n".join(one for one in DOCKERFILE.read_text().splitlines() if not one.startswith("#"))
    )
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in text.splitlines() if line.strip()]


def last_stage() -> list[tuple[str, str]]:
    begun = max(at for at, (word, _) in enumerate(instructions()) if word == "FROM")
    return instructions()[begun:]


def test_it_is_built_in_two_stages_of_one_base_image() -> None:
    assert [what for word, what in instructions() if word == "FROM"] == ["${PYTHON} AS build", "${PYTHON}"]
    assert [what for word, what in last_stage() if word in ("COPY", "ADD", "RUN")] == ["--from=build /app /app"]


def test_it_runs_as_nobody_in_particular_and_writes_nothing() -> None:
    (user,) = [what for word, what in last_stage() if word == "USER"]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    (variables,) = [what for word, what in last_stage() if word == "ENV"]
    assert "PYTHONDONTWRITEBYTECODE=1" in variables
    assert not [what for word, what in instructions() if word == "VOLUME"]


def test_what_it_installs_is_locked() -> None:
    (install,) = [what for word, what in instructions() if word == "RUN" and "pip install" in what]
    assert all(option in install for option in ("--require-hashes", "--only-binary :all:", "--no-deps"))
    locks = re.findall(r"for lock in ([\w ]+);", install)[0].split()
    copied = next(what for word, what in instructions() if word == "COPY" and "requirements" in what)
    assert sorted(re.findall(r"requirements/(\w+)\.lock", copied)) == sorted(locks)
    assert sorted(locks) == ["authorizer", "lambda", "web", "worker"], "as build-Host of src/Makefile"


@pytest.mark.parametrize(
    ("image", "status"),
    [("python:3.13-slim", 1), ("", 1), (f"python@{DIGEST}", 0), (f"registry/python:3.13-slim@{DIGEST}", 0)],
)
def test_a_base_image_without_a_digest_is_refused_with_what_to_do(image: str, status: int) -> None:
    """The step itself, in the shell that Docker runs it in."""
    (check,) = [what for word, what in instructions() if word == "RUN" and "sha256" in what]
    done = subprocess.run(["/bin/sh", "-c", check], env={"PYTHON": image}, capture_output=True, text=True)
    assert done.returncode == status
    assert status == 0 or "--build-arg PYTHON=" in done.stderr


def test_what_it_starts_is_there_and_refuses_http() -> None:
    (entry,) = [what for word, what in last_stage() if word == "ENTRYPOINT"]
    (options,) = [what for word, what in last_stage() if word == "CMD"]
    assert entry == '["python", "-m", "foreverus.serve"]'
    given = _parser().parse_args(re.findall(r'"([^"]+)"', options))
    assert (given.host, given.port, given.https_only) == ("0.0.0.0", PORT, True)
    assert [what for word, what in last_stage() if word == "EXPOSE"] == [str(PORT)]
    assert ("STOPSIGNAL", "SIGTERM") in last_stage()


def test_nothing_but_code_and_locks_goes_to_the_builder() -> None:
    lines = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text().splitlines()
    kept = [line for line in lines if line and not line.startswith("#")]
    assert kept[0] == "*" and {line for line in kept if line.startswith("!")} == {
        "!requirements/*.lock",
        "!src/foreverus",
    }
