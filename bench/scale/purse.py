"""How many people the month's one item carries: `Table`'s own tries against an item that is in one transaction at a
time, as DynamoDB has it, at the pace of so many people who chat. The clock is made, so a busy machine changes nothing.
"""

import heapq
import itertools
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from bench.figures import Figure, figure, percentile, shown
from foreverus.aws import keys
from foreverus.aws.dynamo import Table, update_write
from foreverus.costs.scale import PURSE_TRANSACTIONS, QUESTIONS_A_MINUTE, TRANSACTION_S

NAME = "scale_purse"
PEOPLE = (10, 100, 1_000)
MINUTES = 4.0
SEEDS = (1, 2, 3)
REFUSED_S = TRANSACTION_S / 2  # until a transaction hears that the item is another one's
MOST_GIVEN_UP = 0.0001  # of the transactions; who gives up is called again, a function's way to try later


class MadeClock:
    """Threads that run one at a time, each until it sleeps: the next to wake goes on, and no time passes meanwhile."""

    def __init__(self) -> None:
        self.now = 0.0
        self._order = itertools.count()
        self._waking: list[tuple[float, int, threading.Event]] = []
        self._stopped = threading.Event()

    def begin(self, at: float, work: Callable[[], None]) -> None:
        turn = threading.Event()

        def run() -> None:
            turn.wait()
            try:
                work()
            finally:
                self._stopped.set()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self._wake(at, turn)

    def sleep(self, seconds: float) -> None:
        turn = threading.Event()
        self._wake(self.now + seconds, turn)
        self._stopped.set()
        turn.wait()

    def run(self) -> None:
        """Until nobody sleeps any more."""
        while self._waking:
            self.now, _, turn = heapq.heappop(self._waking)
            self._stopped.clear()
            turn.set()
            self._stopped.wait()

    def _wake(self, at: float, turn: threading.Event) -> None:
        heapq.heappush(self._waking, (at, next(self._order), turn))


class OneAtATime:
    """DynamoDB's client of a single item: a transaction has it for TRANSACTION_S, and others hear of a conflict."""

    def __init__(self, clock: MadeClock) -> None:
        self.clock, self.is_busy, self.conflicts = clock, False, 0

    def transact_write_items(self, TransactItems: list[Any]) -> None:
        if self.is_busy:
            self.conflicts += 1
            self.clock.sleep(REFUSED_S)
            answer: Any = {
                "Error": {"Code": "TransactionCanceledException"},
                "CancellationReasons": [{"Code": "TransactionConflict"}],
            }
            raise ClientError(answer, "TransactWriteItems")
        self.is_busy = True
        self.clock.sleep(TRANSACTION_S)
        self.is_busy = False


@dataclass(frozen=True, slots=True)
class Contended:
    """`conflicts` and `given_up` for each transaction; `waited_s` of those that came through, their own time too."""

    conflicts: float
    given_up: float
    waited_s: tuple[float, ...]


def contended(people: int, minutes: float, seed: int) -> Contended:
    """So many people's transactions on the item in so many minutes, who ask when they like."""
    clock = MadeClock()
    client, chance = OneAtATime(clock), random.Random(seed)
    items, waited, given_up = Table(client, "table", clock.sleep), [], []
    write = update_write(keys.purse_total_key("2026-11"), "ADD committed_usd :usd", {":usd": 0})

    def spend() -> None:
        begun = clock.now
        try:
            items.transact(write)
            waited.append(clock.now - begun)
        except ClientError:
            given_up.append(begun)

    rate = people * QUESTIONS_A_MINUTE / 60 * PURSE_TRANSACTIONS

    def arrive() -> None:
        """Each is begun when it comes: few threads at once."""
        while clock.now < 60 * minutes:
            clock.begin(clock.now, spend)
            clock.sleep(chance.expovariate(rate))

    clock.begin(0.0, arrive)
    state = random.getstate()
    random.seed(seed)  # the tries' own pauses
    try:
        clock.run()
    finally:
        random.setstate(state)
    count = len(waited) + len(given_up)
    return Contended(client.conflicts / count, len(given_up) / count, tuple(waited))


def measure() -> Iterator[Figure]:
    for people in PEOPLE:
        runs = [contended(people, MINUTES, seed) for seed in SEEDS]
        who = f"{people:,} people who ask once a minute"
        yield figure(
            f"{NAME}_given_up_{people}",
            [one.given_up for one in runs],
            MOST_GIVEN_UP,
            what=f"share of the transactions on the month's item that give up, {who}",
            unit="x",
        )
        for name, what, unit, samples in (
            ("conflicts", "conflicts for each transaction", "x", [one.conflicts for one in runs]),
            ("p99", "p99 of a transaction, its tries and all", "s", [percentile(one.waited_s, 99) for one in runs]),
        ):
            yield shown(f"{NAME}_{name}_{people}", samples, what=f"{what} on the month's item, {who}", unit=unit)
