"""Runs every measurement (or those that are named) and writes bench/results/bench.json, where the others stay: each is
compared with a baseline of its own run. The whole log, with every sample, goes to .local/bench.json."""

import sys
from collections.abc import Iterator

from bench import (
    answers,
    batch,
    batch_growth,
    boot,
    chat,
    cold_start,
    documents,
    engine,
    growth,
    observing,
    paced,
    report,
    voice,
)
from bench.figures import Figure, Verdict
from bench.page import measure as page
from bench.policy import measure as policy
from bench.scale import gpus, kept, people, purse
from local.cloud import running
from local.deploy import AS_A_CLASS
from local.person import Person
from local.state import LOCAL

NAMES = (
    "cold_start",
    *paced.NAMES,
    *observing.NAMES,
    "growth",
    batch_growth.NAME,
    "boot",
    *chat.NAMES,
    "batch",
    *answers.NAMES,
    *page.NAMES,
    policy.NAME,
    purse.NAME,
    *kept.NAMES,
    gpus.NAME,
    voice.NAME,
    documents.NAME,
)
# Only where it is named: some twenty minutes of both cores (docs/scale.md).
SLOW = (people.NAME,)


def measure(names: list[str]) -> Iterator[Figure]:
    if "cold_start" in names:
        yield from cold_start.measure()
    yield from paced.measure(names)
    yield from observing.measure(names)
    if "growth" in names:
        yield from growth.measure()
    if batch_growth.NAME in names:
        yield from batch_growth.measure()
    if "boot" in names:
        with running(LOCAL / "bench", print, usual_ports=False) as cloud:
            yield boot.measure(cloud)
    if set(chat.NAMES) & set(names) or "batch" in names:
        yield from at_a_known_pace(names)
    yield from answers.measure(names)
    yield from page.measure(names)
    if policy.NAME in names:
        yield from policy.measure()
    if purse.NAME in names:
        yield from purse.measure()
    yield from kept.measure(names)
    if people.NAME in names:
        yield from people.measure()
    if gpus.NAME in names:
        yield from gpus.measure()
    if voice.NAME in names:
        yield from voice.measure()
    if documents.NAME in names:
        yield from documents.measure()


def at_a_known_pace(names: list[str]) -> Iterator[Figure]:
    """In a cloud whose engine computes nothing."""
    slots = {**AS_A_CLASS, "EngineSlots": str(batch.SLOTS)}
    with running(LOCAL / "bench", print, usual_ports=False, pace=paced.PACE, parameters=slots) as cloud:
        if set(chat.NAMES) & set(names):
            with Person(cloud.outputs) as person:
                session_id, _ = person.start_session()
                with engine.running(pace=paced.PACE, slots=batch.SLOTS, context=paced.CONTEXT) as (url, _):
                    yield from chat.measure(names, cloud, person, url)
                person.end_session(session_id)
        if "batch" in names:
            yield from batch.measure(cloud)


def main() -> int:
    names = sys.argv[1:] or list(NAMES)
    if unknown := set(names) - {*NAMES, *SLOW}:
        print(f"Unknown: {', '.join(sorted(unknown))}. There are: {', '.join((*NAMES, *SLOW))}")
        return 2
    figures = []
    for figure in measure(names):
        figures.append(figure)
        print(report.line(figure), flush=True)
    report.write(figures, whole=set(names) == set(NAMES), others=SLOW)
    return 1 if any(figure.verdict is Verdict.BAD for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
