"""The page's types, made of the OpenAPI document. `python -m tests.unit.api.openapi.page_types` writes them anew."""

import json
import os
import subprocess
from pathlib import Path

from foreverus.api.openapi.document import document

ROOT = Path(__file__).parents[4]
MADE = ROOT / "frontend" / "src" / "wire.ts"
NODE = ROOT / ".local" / "node" / "bin"


def page_types() -> str:
    """Raises RuntimeError with the generator's words."""
    path = os.pathsep.join([str(NODE), os.environ.get("PATH", "")])
    done = subprocess.run(
        ["node", "pageTypes.mjs"],
        cwd=ROOT / "frontend",
        env={**os.environ, "PATH": path},
        input=json.dumps(document()),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"Is frontend/node_modules as package-lock.json has it (make page)?\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    MADE.write_text(page_types(), encoding="utf-8")
