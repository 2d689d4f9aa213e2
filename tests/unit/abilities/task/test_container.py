"""containers/abilities: no image can be built where there is no base image, so its rules are held here. What it starts
is what the laptop's cloud starts (tests/local/test_containers.py)."""

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from foreverus.abilities.text_to_speech.piper_engine import VOICES
from foreverus.costs.containers import TASK
from tests.template.template import resources

ROOT = Path(__file__).parents[4]
FOLDER = ROOT / "containers" / "abilities"
LAPTOPS = ROOT / ".local" / "ministack" / "bin" / "python"  # the environment that has the image's packages
DIGEST = "sha256:" + "0" * 64
WEIGHTS = [line.split() for line in (FOLDER / "weights.txt").read_text().splitlines() if not line.startswith("#")]


def instructions() -> list[tuple[str, str]]:
    """In order, with their lines joined."""
    lines = [one for one in (FOLDER / "Dockerfile").read_text().splitlines() if not one.startswith("#")]
    text = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in text.splitlines() if line.strip()]


def last_stage() -> list[tuple[str, str]]:
    begun = max(at for at, (word, _) in enumerate(instructions()) if word == "FROM")
    return instructions()[begun:]


def test_it_is_built_in_two_stages_of_one_base_image() -> None:
    assert [what for word, what in instructions() if word == "FROM"] == ["${PYTHON} AS build", "${PYTHON}"]
    made = [what for word, what in last_stage() if word in ("COPY", "ADD", "RUN")]
    assert made == ["--from=build /weights /weights", "--from=build /app /app"]


def test_it_runs_as_nobody_in_particular_and_writes_nothing() -> None:
    (task,) = resources("AWS::ECS::TaskDefinition").values()
    (container,) = task["ContainerDefinitions"]
    (user,) = [what for word, what in last_stage() if word == "USER"]
    assert container["User"] == user and re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    assert container["ReadonlyRootFilesystem"] is True
    assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    (variables,) = [what for word, what in last_stage() if word == "ENV"]
    assert "PYTHONDONTWRITEBYTECODE=1" in variables


def test_what_it_installs_is_locked() -> None:
    (install,) = [what for word, what in instructions() if word == "RUN" and "pip install" in what]
    assert all(option in install for option in ("--require-hashes", "--only-binary :all:", "--no-deps"))
    lock = (ROOT / "requirements" / "abilities.lock").read_text()
    assert all(f"\n{name}==" in f"\n{lock}" for name in ("av", "boto3", "faster-whisper", "piper-tts", "rapidocr"))


def locked() -> dict[str, str]:
    """Each package of the image and its version; each with the digests that pip holds it to."""
    lock = (ROOT / "requirements" / "abilities.lock").read_text()
    digests = r"[^\n]*\\\n(?:    --hash=sha256:[0-9a-f]{64}[^\n]*\n)+"
    entries = re.findall(rf"^([a-z0-9][a-z0-9._-]*)==(\S+)({digests})", lock, re.M)
    assert len(entries) == len(re.findall(r"^[a-z0-9]", lock, re.M)), "each entry has its digests"
    return {name: version for name, version, _ in entries}


def test_what_an_sbom_finds_in_the_image_is_what_its_lock_names() -> None:
    """BuildKit's scanner (`--sbom=true`) finds Python's packages by their `dist-info`, which pip writes for each that
    it installs. So nothing may come into the image beside the lock but our own code and the weights, and what pip
    leaves behind must still be there in the last stage."""
    made = [what for word, what in instructions() if word in ("COPY", "ADD", "RUN")]
    installs = [one for one in made if re.search(r"\b(pip|uv|apt-get|apk|curl|wget|npm)\b", one)]
    assert len(installs) == 1 and installs[0].endswith("--target /app --requirement abilities.lock")
    from_outside = [one for one in made if not one.startswith("--from=build") and "pip" not in one]
    assert from_outside == [
        *[one for one in from_outside if "sha256" in one],
        "requirements/abilities.lock ./",
        "containers/abilities/fetch.py containers/abilities/weights.txt ./",
        "python fetch.py weights.txt /weights",
        "src/foreverus /app/foreverus",
        "python -m compileall -q /app",
    ]
    assert not any("dist-info" in one or "rm " in one for one in made), "nothing takes away what a scanner reads"
    asked = re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements" / "abilities.in").read_text(), re.M)
    assert asked and all(locked().get(name) == version for name, version in asked)


@pytest.mark.skipif(not LAPTOPS.exists(), reason="the laptop's cloud is not installed")
def test_lock_has_all_that_reading_a_picture_imports() -> None:
    """What the laptop's engine loads, by the packages that it comes from: an SBOM of the image would name each."""
    said = (
        "import sys; from foreverus.abilities.read_image import rapid_engine as e;"
        "e.lines_in(e.decoded(sys.stdin.buffer.read(), 'png'));"
        "import importlib.metadata as m; of = m.packages_distributions();"
        "print(*sorted({d for name in {n.partition('.')[0] for n in sys.modules} for d in of.get(name, ())}))"
    )
    note = (ROOT / "tests" / "pictures" / "note.png").read_bytes()
    environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([str(LAPTOPS), "-c", said], input=note, capture_output=True, env=environment, check=True)
    used = {re.sub(r"[-_.]+", "-", one).lower() for one in done.stdout.decode().split()}
    if_there = {"setuptools", "pip", "attrs"}  # not needed: omegaconf takes attrs where it is
    assert "rapidocr" in used and used - if_there <= set(locked()), used - set(locked())


@pytest.mark.parametrize(("image", "status"), [("python:3.13-slim", 1), (f"python@{DIGEST}", 0)])
def test_a_base_image_without_a_digest_is_refused_with_what_to_do(image: str, status: int) -> None:
    (check,) = [what for word, what in instructions() if word == "RUN" and "sha256" in what]
    done = subprocess.run(["/bin/sh", "-c", check], env={"PYTHON": image}, capture_output=True, text=True)
    assert done.returncode == status
    assert status == 0 or "--build-arg PYTHON=" in done.stderr


def test_it_starts_what_the_tasks_definition_starts_and_is_as_large_as_it_is_paid() -> None:
    (task,) = resources("AWS::ECS::TaskDefinition").values()
    (command,) = [what for word, what in last_stage() if word == "CMD"]
    assert re.findall(r'"([^"]+)"', command) == task["ContainerDefinitions"][0]["Command"]
    assert (int(task["Cpu"]) / 1024, int(task["Memory"]) / 1024) == (TASK.vcpus, TASK.gigabytes)
    assert ("STOPSIGNAL", "SIGTERM") in last_stage()


def test_every_voice_is_in_the_image_and_every_file_has_its_digest() -> None:
    files = {name for _, name, _ in WEIGHTS}
    assert files >= {f"piper/{voice}.onnx{end}" for voice in VOICES.values() for end in ("", ".json")}
    assert files >= {f"whisper/{name}" for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt")}
    for digest, name, address in WEIGHTS:
        assert re.fullmatch(r"[0-9a-f]{64}", digest), name
        assert re.match(r"https://huggingface\.co/\S+/resolve/[0-9a-f]{40}/", address), "a commit, not a branch"


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[str]:
    """The address of a server with one file."""
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf" / "voice").write_bytes(b"a voice")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "shelf"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("right", [True, False])
def test_weights_are_those_that_are_named_or_nothing(shelf: str, tmp_path: Path, right: bool) -> None:
    digest = hashlib.sha256(b"a voice" if right else b"another").hexdigest()
    (tmp_path / "list").write_text(f"# of a test\n{digest} piper/voice {shelf}/voice\n")
    command = [sys.executable, str(FOLDER / "fetch.py"), str(tmp_path / "list"), str(tmp_path / "made")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode == 0) is right, done.stderr
    assert (tmp_path / "made" / "piper" / "voice").exists() is right
    assert right or "nothing of it is used" in done.stderr
