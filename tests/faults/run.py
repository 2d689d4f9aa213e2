"""Plays cases in processes, each with a cloud of its own (`sandbox.py`), and reports."""

import argparse
import multiprocessing
import queue
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

from tests.faults import table
from tests.faults.results import counts, save_cases, save_log
from tests.faults.scenarios import SCENARIOS

WARMING = ("good", "batch_bedrock/")  # the functions are warm then: a case counts from its second run
RECORDED = ("good", *(f"{scenario}/" for scenario in SCENARIOS))


def work(names: Any, results: Any) -> None:
    """One process: plays what it is given until there is no more."""
    from tests.faults.sandbox import sandbox

    try:
        name = names.get()
        while name is not None:
            parameters = table.case(name).parameters
            with sandbox(parameters) as one:
                for first in WARMING:
                    play(one, first) and clean(one)
                while name is not None:
                    results.put(("played", play(one, name)))
                    spoiled = table.case(name).spoils or not clean(one)
                    name = names.get()  # before a new cloud is made: it may be the end
                    if spoiled or (name is not None and table.case(name).parameters != parameters):
                        break
    except BaseException:
        results.put(("broken", traceback.format_exc()))
    finally:
        results.put(("over", None))


def play(sandbox: Any, name: str) -> dict[str, Any]:
    from tests.faults.bake import BakePlay
    from tests.faults.batch import BatchPlay
    from tests.faults.container import ContainerPlay
    from tests.faults.pictures import SeenPlay
    from tests.faults.play import Play
    from tests.faults.relay import RelayPlay
    from tests.faults.shown import ShownPlay

    case = table.case(name)
    begun = time.monotonic()
    try:
        players = {"chat": Play, "bake": BakePlay, "relay": RelayPlay, "container": ContainerPlay}
        images = {"shown": ShownPlay, "seen": SeenPlay}
        result = {**players, **images}.get(case.script, BatchPlay)(sandbox, case).run()
        record = result.record()
        record["calls"] = sandbox.faults()["calls"] if name in RECORDED else None
    except Exception:
        record = broken(case, traceback.format_exc(), time.monotonic() - begun)
    return record


def clean(sandbox: Any) -> bool:
    """Whether the cloud is good for another case."""
    try:
        sandbox.wipe()
    except Exception:
        return False
    return True


def broken(case: table.Case, why: str, seconds: float) -> dict[str, Any]:
    nothing: dict[str, Any] = {name: [] for name in ("leaked", "lost", "duplicated", "notes", "states")}
    base = {"name": case.name, "seed": case.seed, "seconds": round(seconds, 2), "struck": 0, "orphan_s": 0, "rounds": 0}
    return {**base, **nothing, "wrong": [f"the harness failed: {why[-1500:]}"], "verdict": "violated"}


class Processes:
    def __init__(self, count: int) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.names: Any = spawn.Queue()
        self.results: Any = spawn.Queue()
        self.processes = [spawn.Process(target=work, args=(self.names, self.results)) for _ in range(count)]
        for process in self.processes:
            process.start()
        self.open = count

    def play(self, names: Sequence[str | None], last: bool = False) -> Iterator[dict[str, Any]]:
        """`last`: a process that finds no more of them clears its cloud away while the others still play."""
        for name in (*names, *([None] * len(self.processes) if last else ())):
            self.names.put(name)
        left = len(names)
        while left:
            kind, value = self._next()
            if kind == "played":
                left -= 1
                yield value

    def _next(self) -> tuple[str, Any]:
        while True:
            try:
                kind, value = self.results.get(timeout=5)
            except queue.Empty:
                if not any(process.is_alive() for process in self.processes):
                    raise SystemExit("every process has died") from None
                continue
            if kind == "broken":
                print(value, file=sys.stderr, flush=True)
            if kind == "over":
                self.open -= 1
                if not self.open:
                    raise SystemExit("no process is left")
            return kind, value

    def close(self) -> None:
        for _ in self.processes:
            self.names.put(None)
        for process in self.processes:
            process.join(60)
            if process.is_alive():
                process.terminate()


def main(args: argparse.Namespace) -> int:
    begun = time.monotonic()
    fixed = list(args.only) or (list(table.FAST) if args.fast else [])
    processes = Processes(min(args.processes, max(1, len(fixed))) if fixed else args.processes)
    try:
        names = fixed or recorded(processes, args.match, args.every)
        if args.list:
            print("\n".join(names))
            return 0
        results = []
        for result in processes.play(names, last=True):
            results.append(result)
            show(result, len(results), len(names))
    finally:
        processes.close()
    if args.into:
        save_log(results, args.into)
    return report(results, time.monotonic() - begun, save=not (fixed or args.match or args.unsaved or args.every))


def recorded(processes: Processes, match: str, every: bool) -> list[str]:
    """The matrix's names, from the calls of a good run and of one run of each scenario, which must be good."""
    runs = {}
    for number, result in enumerate(processes.play(list(RECORDED)), 1):
        show(result, number, len(RECORDED))
        if result["verdict"] != "good":
            raise SystemExit(f"{result['name']} is not good: there is nothing to compare with")
        runs[result["name"]] = [tuple(call) for call in result["calls"]]
    return [case.name for case in table.matrix(runs, every) if match in case.name]


def show(result: dict[str, Any], number: int, of: int) -> None:
    struck = "" if result["struck"] else "  (not struck)"
    print(
        f"{number:4}/{of}  {result['verdict']:8}  {result['seconds']:6.1f} s  orphan {result['orphan_s']:6.1f} s  "
        f"{result['name']}{struck}",
        flush=True,
    )
    for kind in ("leaked", "lost", "duplicated", "wrong"):
        for line in result[kind]:
            print(f"           {kind}: {line}", flush=True)
    if result["verdict"] != "good":
        for line in result["notes"]:
            print(f"           note: {line}", flush=True)


def report(results: list[dict[str, Any]], seconds: float, save: bool) -> int:
    found = counts(results)
    if save:
        save_cases(results, seconds)
    print(f"{len(results)} cases in {seconds:.0f} s; {len(results) - found['injected']} did not meet their moment")
    print(f"{found['wrong']} with a table, queue, token or notification that is not right")
    print("{injected} faults injected, {leaked} leaked, {lost} lost, {duplicated} duplicated".format(**found))
    return 0 if all(one["verdict"] == "good" for one in results) else 1
