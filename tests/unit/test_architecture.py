"""The layout's rules, kept: arrows go one way, importing has no effects, rooms stay small."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "foreverus"

# Which folders a folder may import from. Nobody imports handlers or worker; bootstrap and handlers see everything.
ARROWS: dict[str, set[str]] = {
    "conversations": {"sessions", "backends", "costs"},
    "live": {"conversations", "sessions"},
    "sessions": {"costs"},
    "results": {"sessions", "batches"},
    "batches": {"sessions", "backends", "costs"},
    "cli": {"batches"},
    "access": set(),
    "backends": set(),
    "costs": set(),
    "schemas": set(),
    "worker": {"batches", "conversations", "sessions", "backends", "costs"},
}
PURE = ["model.py", "receipt.py", "prices.py", "rows.py", "prompt.py", "catalog.py", "authorizer.py"]


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Every `foreverus…` module that a file imports, anywhere in it; and the top names of others."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def folders_imported(path: Path) -> set[str]:
    parts = [name.split(".") for name in imported(path) if name.startswith("foreverus.")]
    return {p[1] for p in parts if (SOURCE / p[1]).is_dir()}


@pytest.mark.parametrize("folder", sorted(ARROWS))
def test_arrows_go_one_way(folder: str) -> None:
    for path in (SOURCE / folder).rglob("*.py"):
        wrong = folders_imported(path) - ARROWS[folder] - {folder, "schemas"}
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_every_folder_has_its_arrows_written_down() -> None:
    folders = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(ARROWS) | {"handlers", "bootstrap"}


def test_nobody_imports_handlers_or_the_laptops_cloud() -> None:
    for path in modules():
        names = imported(path)
        if path.parent.name != "handlers":
            assert not any(name.startswith("foreverus.handlers") for name in names), path
        assert not any(name == "local" or name.startswith("local.") for name in names), path


def test_bootstrap_is_seen_by_handlers_alone() -> None:
    for path in modules():
        if path.parent.name not in ("handlers", "bootstrap"):
            assert not any(name.startswith("foreverus.bootstrap") for name in imported(path)), path


def test_only_bootstrap_and_the_worker_make_clients() -> None:
    makers = {
        path.relative_to(SOURCE).as_posix()
        for path in modules()
        if any(word in path.read_text(encoding="utf-8") for word in ("boto3.client", "create_client(", "boto3.Session"))
    }
    assert {maker for maker in makers if not maker.startswith("worker/")} == {"bootstrap/aws.py"}


def test_handlers_are_translators() -> None:
    for path in (SOURCE / "handlers").glob("*.py"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert not any(name.split(".")[0] in ("boto3", "botocore") for name in imported(path)), path
        assert len(lines) <= 60, f"{path} has {len(lines)} lines"


@pytest.mark.parametrize("name", PURE)
def test_rules_are_pure(name: str) -> None:
    found = list(SOURCE.rglob(name))
    assert found
    for path in found:
        effects = {"boto3", "botocore", "os", "time", "requests", "httpx"} & {n.split(".")[0] for n in imported(path)}
        assert not effects, f"{path} uses {effects}"
        assert ".now(" not in path.read_text(encoding="utf-8"), f"{path} has a clock of its own"


def test_the_worker_needs_nothing_compiled_and_no_lambda_library() -> None:
    for path in (SOURCE / "worker").rglob("*.py"):
        assert not {"jsonschema", "aws_xray_sdk"} & {name.split(".")[0] for name in imported(path)}, path


def test_every_module_can_be_imported_with_an_empty_environment() -> None:
    names = [".".join(path.relative_to(SOURCE.parent).with_suffix("").parts) for path in modules()]
    names = [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]
    program = "import importlib\n" + "\n".join(f"importlib.import_module({name!r})" for name in names)
    environment = {"PYTHONPATH": str(SOURCE.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_rooms_stay_small() -> None:
    for folder in ("src", "local", "bench"):
        for path in (ROOT / folder).rglob("*.py"):
            if ".venv" not in path.parts and "node_modules" not in path.parts:
                assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, path


def test_the_readme_names_only_what_exists() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    words = {word.rstrip(".").strip("`,;:()").rstrip(".") for word in readme.replace("\n", " ").split(" ")}
    targets = {line.split("make ")[1].split()[0].strip("`#.,;") for line in readme.splitlines() if "make " in line}
    for target in targets & {"demo", "up", "test", "check", "bench", "faults", "install", "clean"}:
        assert f"\n{target}:" in makefile, f"README names make {target}"
    tracked = {"docs", "src", "statemachines", "events", "local", "tests", "frontend", "bench"}
    for word in words:
        path = word.split("#")[0]
        if "/" in path and path.split("/")[0] in tracked and "*" not in path and "<" not in path:
            assert (ROOT / path).exists(), f"README names {path}"


def test_environment_is_read_in_bootstrap_and_settings_only() -> None:
    readers = {
        path.relative_to(SOURCE).as_posix() for path in modules() if "environ" in path.read_text(encoding="utf-8")
    }
    allowed = {"settings.py", "tracing.py", "cli/settings.py"}
    assert {reader for reader in readers if not reader.startswith(("worker/", "bootstrap/"))} <= allowed


def test_the_command_line_takes_only_the_rules_of_lines_from_the_server() -> None:
    rules = {"foreverus.batches.lines", "foreverus.batches.file_check"}
    for path in (SOURCE / "cli").rglob("*.py"):
        names = {name for name in imported(path) if name.startswith("foreverus.") and ".cli" not in name}
        assert not {name for name in names if ".".join(name.split(".")[:3]) not in rules}, path
        assert not {"boto3", "botocore"} & {name.split(".")[0] for name in imported(path)}, path
