"""Measures, prints a line for each number of streams, and writes bench/results/gpu-<device>.json."""

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.gpu import bandwidth
from bench.gpu.engines import NAMES, running
from bench.gpu.measure import FULL, SMALL, by_streams
from bench.gpu.shapes import MISTRAL_7B, TINY

RESULTS = Path(__file__).resolve().parents[1] / "results"
PACKAGES = ("torch", "transformers", "tokenizers", "xllamacpp", "httpx", "h11", "boto3")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description=__doc__)
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, or cpu")
    parser.add_argument("--tiny", action="store_true", help="a model of 0.6 MB and few tokens: seconds on any machine")
    parser.add_argument("--engine", choices=NAMES, help="transformers on a GPU, llama.cpp on the CPU unless said")
    parser.add_argument("--streams", default="", help="comma-separated; 1,8,64,256 on a GPU and 1,8 on the CPU")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder for the result")
    args = parser.parse_args(arguments)
    on_gpu = args.device.startswith("cuda")
    args.engine = args.engine or ("transformers" if on_gpu else "llama.cpp")
    try:
        args.streams = [int(number) for number in (args.streams or ("1,8,64,256" if on_gpu else "1,8")).split(",")]
        if min(args.streams) < 1:
            raise ValueError
    except ValueError:
        parser.error("--streams takes whole numbers from 1, such as 1,8,64")
    if args.engine == "llama.cpp" and (on_gpu or not args.tiny):
        parser.error(
            "llama.cpp serves the tiny model on the CPU only: say --tiny --device cpu, or --engine transformers"
        )
    return args


def measure(args: argparse.Namespace) -> dict[str, Any]:
    shape, load = (TINY, SMALL) if args.tiny else (MISTRAL_7B, FULL)
    speed = bandwidth.measure(args.device)  # before the engine has the memory
    with running(args.engine, shape, args.device, max(args.streams)) as engine:
        results = []
        for result in by_streams(engine, shape, speed.best, args.streams, load):
            results.append(result)
            print(describe(result), flush=True)
        return {
            "device": device_name(args.device),
            "engine": engine.name,
            "model": {
                "name": f"{shape.name}, random weights",
                "parameters": shape.parameters,
                "bytes_read_a_step": engine.weight_bytes,
            },
            "bandwidth_gb_per_s": {
                "copy": round(speed.copy / 1e9, 1),
                "read": round(speed.read / 1e9, 1) if speed.read else None,
            },
            "engine_details": engine.details,
            "machine": {"cpus": os.cpu_count(), "system": platform.system(), "python": platform.python_version()},
            "versions": versions(),
            "results": results,
        }


def describe(result: dict[str, Any]) -> str:
    verdict = "ok " if result["good"] else "BAD"
    return (
        f"{verdict} {result['streams']:4} streams: {result['ratio']} of the engine driven directly "
        f"(limit {result['limit']}); {result['ours_of_floor']} of the floor of {result['floor_tokens_per_s']} tokens/s"
    )


def device_name(device: str) -> str:
    if device.startswith("cuda"):
        import torch

        return str(torch.cuda.get_device_name(device))
    with contextlib.suppress(OSError):
        if found := re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE):
            return found[1]
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def main(arguments: Sequence[str]) -> int:
    args = parse(arguments)
    result = measure(args)
    name = re.sub(r"[^a-z0-9]+", "-", result["device"].lower()).strip("-")
    path = args.results / f"gpu-{name}{'-tiny' if args.tiny else ''}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(path)
    # A model of half a megabyte answers faster than anybody can ask: its ratios are a test of this program.
    return 0 if args.tiny or all(one["good"] for one in result["results"]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
