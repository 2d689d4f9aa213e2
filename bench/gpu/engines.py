"""The engines that can stand behind the worker here, each a process of its own that listens on this machine."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.gpu import gguf
from bench.gpu.engine import MODEL_ID
from bench.gpu.shapes import Shape
from local.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
READY_S = 900.0  # 14.5 GB of random weights, and its warm-up
STOP_S = 20.0
NAMES = ("transformers", "llama.cpp")


@dataclass(frozen=True, slots=True)
class Engine:
    """`details`: what it says of itself. `weight_bytes`: what one step of decoding reads."""

    url: str
    name: str
    model: str
    weight_bytes: int
    details: dict[str, Any]


class EngineEnded(Exception):
    """The engine's process has ended; the text has its last words."""


@contextlib.contextmanager
def running(name: str, shape: Shape, device: str, streams: int) -> Iterator[Engine]:
    """Healthy until the block ends. Raises EngineEnded, or TimeoutError after READY_S."""
    with tempfile.TemporaryDirectory() as directory:
        folder, port = Path(directory), free_port()
        command, bytes_each = _command(name, shape, device, streams, folder, port)
        with (folder / "out").open("w+") as out:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
            try:
                url = f"http://127.0.0.1:{port}"
                _wait(process, url, folder / "out")
                read = shape.parameters_read * bytes_each
                yield Engine(url, name, MODEL_ID, read, _details(folder / "out"))
            finally:
                _stop(process)


def _command(name: str, shape: Shape, device: str, streams: int, folder: Path, port: int) -> tuple[list[str], int]:
    """(the command, bytes of a weight)."""
    if name == "llama.cpp":
        gguf.write(folder / "weights.gguf", shape)
        options = {"port": port, "slots": streams, "context": shape.context, "weights": folder / "weights.gguf"}
        module, width = "local.engine", 4
        options |= {"model-id": MODEL_ID, "threads": 1 if shape.name == "tiny" else os.cpu_count() or 1}
    else:
        options = {"port": port, "shape": shape.name, "device": device, "streams": streams}
        module, width = "bench.gpu.engine", 2 if device.startswith("cuda") else 4
    flags = [word for key, value in options.items() for word in (f"--{key}", str(value))]
    return [sys.executable, "-m", module, *flags], width


def _wait(process: "subprocess.Popen[bytes]", url: str, out: Path) -> None:
    deadline = time.monotonic() + READY_S
    while not is_healthy(url):
        if process.poll() is not None:
            raise EngineEnded(f"exit code {process.returncode}:\n{out.read_text()[-2000:]}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"the engine was not healthy within {READY_S:.0f} s:\n{out.read_text()[-2000:]}")
        time.sleep(0.05)


def is_healthy(url: str) -> bool:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _details(out: Path) -> dict[str, Any]:
    """The line of JSON that our own engine prints when it has loaded."""
    for line in out.read_text(errors="replace").splitlines():
        if line.startswith('{"loaded_s"'):
            return dict(json.loads(line))
    return {}


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
