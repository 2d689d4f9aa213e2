"""The layout's rules, kept: importing has no effects, rooms stay small. The arrows stand in pyproject.toml."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "foreverus"

EFFECTS = {"boto3", "botocore", "os", "time", "requests", "httpx", "subprocess", "socket", "random"}


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


def test_nobody_imports_the_laptops_cloud() -> None:
    for path in modules():
        assert not any(name == "local" or name.startswith("local.") for name in imported(path)), path


def test_each_room_says_what_it_is_in_at_most_three_lines() -> None:
    for path in SOURCE.rglob("__init__.py"):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert text, path
        assert len(text.splitlines()) <= 3 or path.parent.name in ("schemas", "migrations"), path


def test_only_bootstrap_the_worker_and_the_container_make_clients() -> None:
    """aws/account.py is for `foreverus doctor` alone: a person's own credentials, on a person's machine."""
    makers = {
        path.relative_to(SOURCE).as_posix()
        for path in modules()
        if any(word in path.read_text(encoding="utf-8") for word in ("boto3.client", "create_client(", "boto3.Session"))
    }
    assert {maker for maker in makers if not maker.startswith(("worker/", "abilities/task/"))} == {
        "bootstrap/aws.py",
        "aws/account.py",
    }


def test_handlers_are_translators() -> None:
    for path in (SOURCE / "handlers").glob("*.py"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 60, f"{path} has {len(lines)} lines"


def pure_modules() -> list[Path]:
    """Those that say so in their docstring."""
    docs = {path: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for path in modules()}
    return [path for path, text in docs.items() if re.search(r"\bPure\b", text)]


@pytest.mark.parametrize("path", pure_modules(), ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_what_says_that_it_is_pure_is_pure(path: Path) -> None:
    effects = EFFECTS & {name.split(".")[0] for name in imported(path)}
    assert not effects, f"{path} uses {effects}"
    assert not re.search(r"\b(datetime|date)\.(now|today|utcnow)\(", path.read_text(encoding="utf-8")), path


def test_there_are_pure_modules() -> None:
    assert len(pure_modules()) >= 33


def test_every_module_can_be_imported_with_an_empty_environment() -> None:
    names = [".".join(path.relative_to(SOURCE.parent).with_suffix("").parts) for path in modules()]
    names = [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]
    program = "import importlib\n" + "\n".join(f"importlib.import_module({name!r})" for name in names)
    environment = {"PYTHONPATH": str(SOURCE.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


MOST_LINES = 300
MOST_FUNCTION_LINES = 50
MOST_POSITIONAL = 6


def ours() -> list[Path]:
    return [path for folder in ("src", "local", "bench") for path in (ROOT / folder).rglob("*.py")]


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_rooms_stay_small() -> None:
    for path in ours():
        assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES, path


def test_functions_stay_small() -> None:
    for path in modules():
        for function in functions(path):
            assert function.end_lineno is not None
            lines = function.end_lineno - function.lineno + 1
            assert lines <= MOST_FUNCTION_LINES, f"{path}: {function.name} has {lines} lines"


def test_nobody_counts_commas() -> None:
    """More than six positional parameters: a caller cannot see which is which. Keywords, or a record."""
    for path in modules():
        for function in functions(path):
            given = [
                arg.arg for arg in function.args.posonlyargs + function.args.args if arg.arg not in ("self", "cls")
            ]
            assert len(given) <= MOST_POSITIONAL, f"{path}: {function.name} takes {len(given)}"


def test_no_name_stands_for_two_things() -> None:
    """Protocols may share one: each is what its own users need of the same thing."""
    homes: dict[str, list[str]] = {}
    for path in modules():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and "Protocol" not in {ast.unparse(base) for base in node.bases}:
                homes.setdefault(node.name, []).append(path.relative_to(SOURCE).as_posix())
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def loose_dictionaries(path: Path) -> int:
    """How often `dict[str, Any]`, or a name for it, stands in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return sum(
        (isinstance(node, ast.Subscript) and ast.unparse(node) == "dict[str, Any]")
        or (isinstance(node, ast.Name) and node.id in ALIASES)
        or (isinstance(node, ast.Constant) and node.value in ALIASES)
        for node in ast.walk(tree)
    )


def aliases() -> set[str]:
    found = set()
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            target = (
                node.target
                if isinstance(node, ast.AnnAssign)
                else node.targets[0]
                if isinstance(node, ast.Assign)
                else None
            )
            value = getattr(node, "value", None)
            if isinstance(target, ast.Name) and value is not None and ast.unparse(value) == "dict[str, Any]":
                found.add(target.id)
    return found


ALIASES = aliases()
MOST_LOOSE_DICTIONARIES = 150


def test_records_are_types() -> None:
    """`dict[str, Any]` stays at the edges (an event, a JSON body, an item of the table), and nowhere in a rule."""
    counts = {path.relative_to(SOURCE).as_posix(): loose_dictionaries(path) for path in modules()}
    most = sorted(counts.items(), key=lambda entry: -entry[1])[:10]
    assert sum(counts.values()) <= MOST_LOOSE_DICTIONARIES, f"{sum(counts.values())}: {most}"


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
        path.relative_to(SOURCE).as_posix()
        for path in modules()
        if re.search(r"\b(environ|getenv)\b", path.read_text(encoding="utf-8"))
    }
    allowed = {"tracing.py", "cli/settings.py", "cli/proxies.py"}
    # Programs of their own, which an image tells where its weights are.
    allowed |= {"abilities/speech_to_text/whisper_engine.py", "abilities/text_to_speech/piper_engine.py"}
    own = ("worker/", "bootstrap/", "abilities/task/")
    assert {reader for reader in readers if not reader.startswith(own)} <= allowed
