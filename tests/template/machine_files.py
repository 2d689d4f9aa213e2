"""The GPU instance's files: those that user data writes, and those that the package brings."""

from pathlib import Path
from typing import Any

import yaml

from tests.template.template import ROOT, user_data

MACHINE = ROOT / "src" / "foreverus" / "machine"
UNITS = tuple(f"foreverus-{name}.service" for name in ("engine", "image", "keep-weights", "log", "weights", "worker"))
FETCH = "/opt/foreverus/fetch"


def config() -> dict[str, Any]:
    """User data as cloud-init reads it, with the parameters' defaults."""
    found: dict[str, Any] = yaml.safe_load(user_data())
    return found


def written(path: str) -> dict[str, str]:
    """The file that user data writes there: `content`, `permissions`."""
    (found,) = [one for one in config()["write_files"] if one["path"] == path]
    return found


def variables(path: str) -> dict[str, str]:
    """An environment file's variables."""
    return dict(line.split("=", 1) for line in written(path)["content"].splitlines())


def packaged(name: str) -> Path:
    return MACHINE / name
