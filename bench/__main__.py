"""Runs every measurement (or those that are named) and writes bench/results/bench.json, where the others stay: each is
compared with a baseline of its own run."""

import json
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import batch, boot, chat, cold_start, engine
from local.cloud import running
from local.person import Person
from local.state import LOCAL

RESULTS = Path(__file__).parent / "results" / "bench.json"
CHAT_NAMES = ("boot", "first_delta", "throughput")
NAMES = ("cold_start", *CHAT_NAMES, *batch.NAMES)


def measure(names: list[str]) -> Iterator[dict[str, Any]]:
    if "cold_start" in names:
        yield cold_start.measure()
    if set(CHAT_NAMES) & set(names):
        yield from measure_chat(names)
    if set(batch.NAMES) & set(names):  # they need each other's runs
        with running(LOCAL / "bench", print, usual_ports=False) as cloud:
            yield from batch.measure(cloud)


def measure_chat(names: list[str]) -> Iterator[dict[str, Any]]:
    with running(LOCAL / "bench", print, usual_ports=False) as cloud:
        if "boot" in names:
            yield boot.measure(cloud)
        if not {"first_delta", "throughput"} & set(names):
            return
        with Person(cloud.outputs) as person:
            session_id, _ = person.start_session()
            with engine.running() as (url, _):
                if "first_delta" in names:
                    yield chat.first_delta(cloud, person, url)
                if "throughput" in names:
                    yield chat.throughput(person, url)
            person.end_session(session_id)


def main() -> int:
    names = sys.argv[1:] or list(NAMES)
    if unknown := set(names) - set(NAMES):
        print(f"Unknown: {', '.join(sorted(unknown))}. There are: {', '.join(NAMES)}")
        return 2
    results = []
    for result in measure(names):
        results.append(result)
        verdict = "ok " if result["good"] else "BAD"
        print(
            f"{verdict} {result['name']:17} {result['value']} {result['unit']} (limit {result['limit']})",
            result["what"],
            sep=": ",
        )
        print("    " + json.dumps({k: v for k, v in result.items() if k not in ("name", "what", "unit", "value")}))
    kept = json.loads(RESULTS.read_text())["results"] if RESULTS.exists() else []
    measured = {result["name"] for result in results}
    together = [result for result in kept if result["name"] not in measured] + results
    together.sort(key=lambda result: NAMES.index(result["name"]))
    machine = {"cpus": os.cpu_count(), "system": platform.system(), "python": platform.python_version()}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"machine": machine, "results": together}, indent=2) + "\n")
    return 0 if all(result["good"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
