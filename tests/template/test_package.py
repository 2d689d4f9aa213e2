"""The package that `sam build` makes of src/, by src/Makefile: one for Lambda, this machine and the GPU instance."""

import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from local import deploy
from tests.template.template import ROOT

SMALL_BYTES = 14 * 1024 * 1024  # a cold start unpacks it, and a deployment uploads it
HERE = f"cpython-{sys.version_info.major}{sys.version_info.minor}-"


@pytest.fixture(scope="module")
def package() -> Path:
    with deploy.nobody_builds():
        done = subprocess.run(["make", "--silent", "-C", "src", "package"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ROOT / ".local" / "package" / "files"


def files(package: Path) -> set[str]:
    return {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}


def sources(package: Path) -> set[str]:
    return {name for name in files(package) if "__pycache__" not in name}


def test_compiled_parts_are_there_for_lambda_and_for_this_machine(package: Path) -> None:
    compiled = {name for name in files(package) if name.startswith("rpds/") and name.endswith(".so")}
    assert any("cpython-313-x86_64-linux" in name for name in compiled)
    assert any(HERE in name for name in compiled)


def test_package_has_all_of_our_code_and_nothing_beside_it(package: Path) -> None:
    ours = {p.relative_to(ROOT / "src").as_posix() for p in (ROOT / "src" / "foreverus").rglob("*") if p.is_file()}
    ours = {name for name in ours if "__pycache__" not in name}
    assert {name for name in sources(package) if name.startswith("foreverus/")} == ours


def test_every_source_brings_its_bytecode(package: Path) -> None:
    """Without a time in it: the same sources make the same package, and an unpacked file is never too new for it."""
    wanted = [package / name for name in sources(package) if name.endswith(".py")]
    for source in wanted:
        header = Path(importlib.util.cache_from_source(str(source))).read_bytes()[:8]
        assert header == importlib.util.MAGIC_NUMBER + b"\x01\0\0\0"  # by hash, unchecked
    assert len(files(package)) == len(sources(package)) + len(wanted)


def test_instance_finds_what_its_worker_needs(package: Path) -> None:
    assert (package / "requirements" / "worker.lock").read_bytes() == (
        ROOT / "requirements" / "worker.lock"
    ).read_bytes()


def test_package_is_small(package: Path) -> None:
    found = files(package)
    assert not any(name.startswith(("boto3/", "botocore/")) for name in found), "the runtime has them"
    assert not any("/tests/" in name for name in found)
    assert sum((package / name).stat().st_size for name in found) < SMALL_BYTES


def test_handlers_import_from_the_package_alone(package: Path) -> None:
    """With nothing but it and boto3, as in Lambda, and with an empty environment."""
    names = [path.stem for path in (package / "foreverus" / "handlers").glob("*.py") if path.stem != "__init__"]
    program = "import importlib, sys; [importlib.import_module('foreverus.handlers.' + n) for n in sys.argv[1:]]"
    done = subprocess.run(
        [ROOT / ".local" / "ministack" / "bin" / "python", "-c", program, *names],
        env={"PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_what_is_edited_while_the_package_is_made_is_in_the_next_one(tmp_path: Path) -> None:
    source, package = tmp_path / "src" / "foreverus" / "edited.py", tmp_path / ".local" / "package"
    for folder in (source.parent, package / "dependencies", tmp_path / "requirements"):
        folder.mkdir(parents=True)
    (source.parents[1] / "Makefile").write_bytes((ROOT / "src" / "Makefile").read_bytes())
    source.write_text("old = 1\n")
    for name in ("lambda", "authorizer", "web", "worker", "documents"):
        (tmp_path / "requirements" / f"{name}.lock").touch()
    (package / f".installed-{sys.implementation.cache_tag}").touch()
    once = tmp_path / "once"
    python = tmp_path / "python"  # somebody saves a file while another compiles
    edit = f'case "$*" in *compileall*) if mkdir {once} 2>/dev/null; then echo "new = 2" > {source}; fi;; esac'
    python.write_text(f'#!/bin/sh\n{edit}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    made = package / "files" / "foreverus" / "edited.py"
    for content in ("old = 1\n", "new = 2\n"):
        subprocess.run(["make", "--silent", "-C", str(tmp_path / "src"), "package", f"PYTHON={python}"], check=True)
        assert made.read_text() == content
    assert sorted(path.name for path in package.iterdir() if path.name.startswith("next")) == []


def test_equal_functions_are_deployed_from_one_archive(tmp_path: Path) -> None:
    names = {"ApiFunction": "a", "ReapGpusFunction": "a", "PublishSiteFunction": "b"}
    text = "Globals: {Function: {CodeUri: src/}}\nResources:\n  Queue: {Type: AWS::SQS::Queue, Properties: {}}\n"
    for name, content in names.items():
        (tmp_path / name / "foreverus").mkdir(parents=True)
        (tmp_path / name / "foreverus" / "__init__.py").write_text(content)
        properties = f"{{CodeUri: {name}, Role: !GetAtt Role.Arn}}"
        text += f"  {name}: {{Type: AWS::Serverless::Function, Properties: {properties}}}\n"
    template = tmp_path / "template.yaml"
    template.write_text(text)
    deploy.pack(template)
    built = json.loads(template.read_text())
    code = {name: built["Resources"][name]["Properties"]["CodeUri"] for name in names}
    assert built["Globals"] == {"Function": {"CodeUri": "src/"}}
    assert built["Resources"]["ApiFunction"]["Properties"]["Role"] == {"Fn::GetAtt": ["Role", "Arn"]}
    assert code["ApiFunction"] == code["ReapGpusFunction"] != code["PublishSiteFunction"]
    assert {path.name for path in tmp_path.iterdir()} == {"template.yaml", *code.values()}
    for name, content in names.items():
        with zipfile.ZipFile(tmp_path / code[name]) as zipped:
            assert zipped.read("foreverus/__init__.py") == content.encode()
