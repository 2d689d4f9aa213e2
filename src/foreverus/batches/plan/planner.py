"""Plan: what comes next for a batch. It reads what there is, lets the pure rules decide, and begins the next round."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import Any, Protocol

from foreverus import ids
from foreverus.batches import model
from foreverus.batches.cost import bedrock_usd
from foreverus.batches.plan.choice import Choice, choose
from foreverus.batches.plan.estimates import (
    ASSUMED,
    Deployment,
    Known,
    bedrock_expected_usd,
    instance_type,
    outlook,
    work_left,
)
from foreverus.batches.plan.failures import (
    Meaning,
    Situation,
    capacity_is_missing,
    meaning,
    usable,
    with_error,
)
from foreverus.batches.records import BatchRef, Shard, all_done, finished_lines
from foreverus.batches.store import Batches
from foreverus.costs.ledger import Ledger
from foreverus.costs.meter import HOW_TO_RAISE, month_of
from foreverus.errors import NotFound, SpendCapReached
from foreverus.sessions.records import Session

Item = dict[str, Any]

SESSIONS_TO_LEARN_FROM = 10
CHOICE_CHARACTERS = 512  # of a value of OpenAI's metadata
TRIES = 3  # when another plan of the same batch was faster

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Decision:
    next: str
    seconds: int
    changes: Item  # of the record
    words: str  # for people


class Sessions(Protocol):
    def live_session_ids(self) -> list[str]: ...
    def get(self, session_id: str) -> Session | None: ...
    def newest(self, limit: int) -> list[Session]: ...


@dataclass(frozen=True)
class Planner:
    store: Batches
    sessions: Sessions
    ledger: Ledger
    deployment: Deployment
    clock: Callable[[], datetime]

    def plan(self, ref: BatchRef, error: dict[str, str] | None = None) -> Item:
        """`{next, round, seconds}`, or `{next: "finish", round, seconds: 0, status}`. Begins that round: older ones
        are stale from then on. `error`: what the newest round ended with. Raises NotFound."""
        for _ in range(TRIES):
            record = self.store.get(ref)
            if record is None:
                raise NotFound(f"There is no batch {ref.batch_id}.", param="batch_id", code="batch_not_found")
            planned = self._plan(ref, record, error)
            if planned:
                self.store.stop_waiting(ref)
                return planned
        raise RuntimeError(f"{ref.batch_id} is planned by somebody else as well")

    def _plan(self, ref: BatchRef, record: Item, error: dict[str, str] | None) -> Item | None:
        """None: the record has changed meanwhile."""
        now, shards = self.clock(), self.store.shards(ref.batch_id)
        seconds_left = (ids.parse_timestamp(record["expires_at"]) - now).total_seconds()
        if end := _end(record, shards, seconds_left):
            return _finish(record, end)
        live = self._live()
        options = model.options_of(record.get("metadata"))
        allowed, refusal = self._within_cap(self._allowed(options), record, shards, seconds_left)
        settled = finished_lines(shards)
        means = meaning(record, error, Situation(allowed, bool(live), settled, now))
        record = {**record, **means.changes}
        if not usable(record, allowed) and not means.finish:
            cause = f"metadata.backend is {options.backend!r}, and this deployment has no such backend."
            nobody = {"Error": "BackendUnavailable", "Cause": cause}
            errors = with_error(record.get("errors"), refusal or nobody)
            means = Meaning({**means.changes, "errors": errors}, finish=model.FAILED)
        if means.finish:
            self.store.change(ref, means.changes)
            return _finish(record, means.finish)
        decision = self._decide(record, shards, live, options, allowed, means, seconds_left)
        return self._begin(ref, record, shards, decision, now)

    def _decide(
        self,
        record: Item,
        shards: list[Shard],
        live: list[Session],
        options: model.Options,
        allowed: frozenset[str],
        means: Meaning,
        seconds_left: float,
    ) -> _Decision:
        pausing = means.pause_s > 0
        choice, sources = self._choose(record, shards, live, options, allowed, seconds_left, pausing)
        next_, seconds, words = str(choice.next), choice.review_in_seconds, choice.text(CHOICE_CHARACTERS)
        boot_s, boots_from = choice.arithmetic["gpu_boot_seconds"], sources["gpu_boot_seconds_from"]
        if pausing and not (next_ == "gpu" and choice.allow_on_demand and not record.get("on_demand")):
            next_, seconds = "wait", means.pause_s
            if options.allow_on_demand:
                seconds = min(seconds, choice.review_in_seconds)
            words = f"wait {seconds} s, then {words}"
        elif next_ == "gpu" and not live and boots_from != ASSUMED and float(boot_s) >= seconds_left:
            # A GPU that would answer nothing in time is not bought: what is answered is delivered when the window ends.
            next_, seconds = "wait", ceil(seconds_left)
            words = f"wait for the end of the window, no GPU would boot in it; {words}"
        changes = {
            **means.changes,
            "planned": next_,
            "choice": {**choice.arithmetic, **sources, "next": next_},
            "metadata": {**record.get("metadata", {}), "foreverus_choice": words[:CHOICE_CHARACTERS]},
            "gpus": choice.gpus,
            "on_demand": choice.allow_on_demand,
            **({} if next_ == "wait" else {"backend": next_}),
        }
        return _Decision(next_, max(1, min(seconds, ceil(seconds_left))), changes, words)

    def _choose(
        self,
        record: Item,
        shards: list[Shard],
        live: list[Session],
        options: model.Options,
        allowed: frozenset[str],
        seconds_left: float,
        no_capacity: bool,
    ) -> tuple[Choice, dict[str, str]]:
        now = self.clock()
        names = usable(record, allowed)
        missing = capacity_is_missing(record, now)
        most = 1 if missing else min(self.deployment.max_gpus, int(record.get("most_gpus", 1_000)))
        name = instance_type(self.deployment, live)
        view = outlook(
            record,
            shards,
            self.deployment,
            Known(self.store.pace(name) or {}, self.store.pace("bedrock") or {}),
            live,
            self.sessions.newest(SESSIONS_TO_LEARN_FROM),
            now,
            gpu_allowed="gpu" in names and (bool(live) or not missing or "bedrock" not in names),
            bedrock_allowed="bedrock" in names,
            on_demand_allowed=options.allow_on_demand,
            most_gpus=most,
        )
        gpu = replace(view.gpu, available=not no_capacity)
        return choose(work_left(shards, seconds_left), gpu, view.bedrock), view.sources

    def _begin(
        self, ref: BatchRef, record: Item, shards: list[Shard], decision: _Decision, now: datetime
    ) -> Item | None:
        """The next round; with what later plans measure it by."""
        round_ = int(record["round"]) + 1
        begun = {
            "settled_before": finished_lines(shards),
            "tokens_before": sum(one.completion_tokens for one in shards),
            "round_began_at": ids.timestamp(now),
        }
        if not self.store.begin_round(ref, round_, {**decision.changes, **begun}):
            return None
        logger.info("%s, round %d, %d s at most: %s", ref.batch_id, round_, decision.seconds, decision.words)
        return {"next": decision.next, "round": round_, "seconds": decision.seconds}

    def _allowed(self, options: model.Options) -> frozenset[str]:
        here = {"gpu"} | ({"bedrock"} if self.deployment.bedrock_model_id else set())
        return frozenset(here if options.backend == "auto" else here & {options.backend})

    def _within_cap(
        self, allowed: frozenset[str], record: Item, shards: list[Shard], seconds_left: float
    ) -> tuple[frozenset[str], dict[str, str] | None]:
        """Without Bedrock, and why, when what is left would take the month beyond its cap there. A GPU's session asks
        for itself when it starts, and counts while it runs."""
        if "bedrock" not in allowed:
            return allowed, None
        price, cap = self.deployment.bedrock_price, self.deployment.monthly_cap_usd
        month = month_of(record["created_at"])
        spent = self.ledger.spent(month) + (bedrock_usd(shards, price) or 0.0)
        expected = bedrock_expected_usd(work_left(shards, seconds_left), price)
        if spent + expected <= cap:
            return allowed, None
        cause = (
            f"The month {month} has cost US$ {spent:.2f}, Bedrock would take about US$ {expected:.2f} for what is "
            f"left, and the monthly cap is US$ {cap:.2f}. {HOW_TO_RAISE['month']}"
        )
        return allowed - {"bedrock"}, {"Error": SpendCapReached.code(), "Cause": cause}

    def _live(self) -> list[Session]:
        found = (self.sessions.get(session_id) for session_id in self.sessions.live_session_ids())
        return [session for session in found if session and session.is_usable]


def _end(record: Item, shards: list[Shard], seconds_left: float) -> str:
    """The status that the batch ends in now; empty: it does not."""
    if model.is_over(record):
        return str(record["status"])
    if record["status"] == model.CANCELLING:
        return model.CANCELLED
    if all_done(shards):
        return model.COMPLETED
    return model.EXPIRED if seconds_left <= 0 else ""


def _finish(record: Item, status: str) -> Item:
    return {"next": "finish", "round": int(record["round"]), "seconds": 0, "status": status}
