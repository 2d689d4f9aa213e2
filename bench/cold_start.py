"""A handler's import: what a cold start waits for before our first line runs."""

import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / ".local" / "package" / "files"  # what is deployed: our code, its dependencies, their bytecode
HANDLERS = sorted(path.stem for path in (ROOT / "src" / "foreverus" / "handlers").glob("[!_]*.py"))
RUNS = 5
MOST_MS = 400

# The clock starts in the new interpreter: Lambda's own start of Python is not ours.
PROGRAM = """
import time
begun = time.perf_counter()
import boto3, foreverus.handlers.{handler}
boto3.client("dynamodb", region_name="us-east-1")
print((time.perf_counter() - begun) * 1000)
"""


def measure() -> dict[str, Any]:
    """Each handler with boto3 and its first client, median of five new interpreters; the slowest one counts."""
    subprocess.run(["make", "--silent", "-C", str(ROOT / "src"), "package"], check=True)
    took = {handler: median(_import(handler) for _ in range(RUNS)) for handler in HANDLERS}
    slowest = max(took.values())
    return {
        "name": "cold_start",
        "what": "a handler's import with boto3 and its first client, the slowest handler",
        "unit": "ms",
        "value": round(slowest, 1),
        "limit": MOST_MS,
        "good": slowest <= MOST_MS,
        "handlers_ms": {handler: round(milliseconds, 1) for handler, milliseconds in took.items()},
    }


def _import(handler: str) -> float:
    done = subprocess.run(
        [sys.executable, "-B", "-c", PROGRAM.format(handler=handler)],
        env={"PYTHONPATH": str(PACKAGE), "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)
