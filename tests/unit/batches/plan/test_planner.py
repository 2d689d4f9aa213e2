"""Plan: what comes next for a batch, from what is in the table."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from foreverus import ids
from foreverus.batches.execution_error import ExecutionError
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.plan.estimates import ASSUMED_BOOT_S, EXPECTED_TOKENS, Deployment, work_left
from foreverus.batches.plan.planner import Planner
from foreverus.batches.plan.records import LearnedSpeed
from foreverus.batches.records import Batch, BatchRef, BatchStatus, GpuOnly, Shard, ShardProgress, ShardStatus
from foreverus.choice.records import Number
from foreverus.costs.ledger import CountedCost
from foreverus.costs.money import exact
from foreverus.costs.prices import bedrock_price
from foreverus.costs.purse_memory import MemoryPurse
from foreverus.errors import NotFound
from foreverus.sessions.records import Session
from tests.unit.batches.altering import alter, known
from tests.unit.conftest import NOW, session_record

REF = BatchRef("ana", "batch_1")
SIGHT_MODEL = "amazon.nova-lite-v1:0"
BEDROCK_MODEL = "mistral.mistral-7b-instruct-v0:2"


@dataclass
class Sessions:
    live: list[Session] = field(default_factory=list)
    earlier: list[Session] = field(default_factory=list)

    def live_session_ids(self) -> list[str]:
        return [one.session_id for one in self.live]

    def get(self, session_id: str) -> Session | None:
        return next((one for one in self.live if one.session_id == session_id), None)

    def newest(self, limit: int) -> list[Session]:
        return [*self.live, *self.earlier][:limit]


@dataclass
class World:
    """A batch of `shards` × 100 lines of at most 200 tokens, and the clock."""

    store: MemoryBatches = field(default_factory=MemoryBatches)
    sessions: Sessions = field(default_factory=Sessions)
    purse: MemoryPurse = field(default_factory=lambda: MemoryPurse(20.0))
    now: datetime = NOW
    bedrock: str = BEDROCK_MODEL
    max_gpus: int = 1
    images_by: str = "seen by nova"
    gpu_sees: str = ""

    def plan(self, code: str | None = None, cause: str = "because") -> dict[str, Any]:
        """As the state machine gets it."""
        price = bedrock_price(self.bedrock, "us-east-1")
        deployment = Deployment(
            region="us-east-1",
            instance_types=("g6.xlarge",),
            idle_seconds=300.0,
            max_gpus=self.max_gpus,
            bedrock_model_id=self.bedrock,
            bedrock_calls=8,
            bedrock_price=price,
            sight_price=bedrock_price(SIGHT_MODEL, "us-east-1"),
            images_by=self.images_by,
            gpu_sees=self.gpu_sees,
        )
        planner = Planner(self.store, self.sessions, self.purse, deployment, lambda: self.now)
        return planner.plan(REF, None if code is None else ExecutionError(code, cause)).as_json()

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)

    def finish(self, shard: int, lines: int, tokens: int = 100, done: bool = False) -> None:
        self.store.progress(
            REF, shard, ShardProgress(completed=lines, prompt_tokens=30 * lines, completion_tokens=tokens * lines), done
        )

    def record(self) -> Batch:
        return known(self.store, REF)


def world(shards: int = 4, hours: float = 24, metadata: dict[str, str] | None = None) -> World:
    made = World()
    batch = Batch(
        user_id="ana",
        batch_id="batch_1",
        status=BatchStatus.IN_PROGRESS,
        metadata=metadata or {},
        created_at=ids.timestamp(NOW),
        expires_at=ids.timestamp(NOW + timedelta(hours=hours)),
        total=100 * shards,
    )
    made.store.create(batch)
    estimates = {"prompt_tokens_estimate": 5_000, "completion_tokens_limit": 20_000}
    parts = [Shard(n, 1 + 100 * n, 100, 9_000 * n, 9_000 * (n + 1), **estimates) for n in range(shards)]
    made.store.put_shards("batch_1", parts)
    return made


def live(**changes: Any) -> Session:
    at = ids.timestamp(NOW - timedelta(minutes=5))
    phases = [{"name": "healthy", "at": at, "attempt": 0}]
    more = {"created_at": at, "healthy_at": at, "phases": phases, "instance_type": "g6.xlarge"}
    return session_record("ses_1", **{**more, **changes})


def spent(batch: World, usd: float) -> None:
    batch.purse.settle("2026-01", "ses_0", CountedCost(exact(usd), ids.timestamp(NOW)))


MUCH = 1000  # shards: more than the 640 from which a GPU that must boot first is cheaper than Bedrock
GPU_ONLY = {"backend": "gpu"}


def chosen(batch: World) -> Mapping[str, Number]:
    """The newest plan's arithmetic."""
    choice = batch.record().choice
    assert choice
    return choice


def test_a_little_work_goes_to_bedrock_and_much_to_the_gpu() -> None:
    few = world()
    assert few.plan()["next"] == "bedrock"
    assert few.record().backend == "bedrock"
    many = world(MUCH)
    planned = many.plan()
    assert planned["next"] == "gpu" and planned["round"] == 1
    assert many.record().round == 1


def test_a_live_gpu_answers_whatever_there_is() -> None:
    batch = world()
    batch.sessions.live = [live()]
    assert batch.plan()["next"] == "gpu"


def test_the_choice_is_said_in_words_and_leaves_what_people_wrote_alone() -> None:
    written = {f"key {n}": "blue" for n in range(15)} | {"foreverus_choice": "the person's own"}
    batch = world(metadata=written)
    batch.plan()
    assert batch.record().metadata == written
    assert batch.record().choice_text.startswith("bedrock: cheaper; 400 lines left")
    assert len(batch.record().choice_text) <= 512
    choice = chosen(batch)
    assert (choice["next"], choice["lines"], choice["gpu_tokens_per_second"]) == ("bedrock", 400, 452.0)
    assert "published" in choice["gpu_tokens_per_second_from"]


def test_a_new_round_makes_the_old_promise_and_token_void() -> None:
    batch = world(metadata=GPU_ONLY)
    assert batch.plan()["round"] == 1
    batch.store.offer(REF, 1, "token", NOW)
    batch.finish(0, 10)
    assert batch.plan("States.Timeout")["round"] == 2
    assert batch.store.pending.batches() == []
    assert not batch.record().task_token
    assert not batch.store.offer(REF, 1, "late", NOW)


def test_the_end_is_found_in_this_order() -> None:
    batch = world(shards=1)
    batch.later(hours=25)
    assert batch.plan() == {"next": "finish", "round": 0, "seconds": 0, "status": "expired"}
    batch.finish(0, 100, done=True)
    assert batch.plan()["status"] == "completed"
    alter(batch.store, REF, status=BatchStatus.CANCELLING)
    assert batch.plan("EngineFailed")["status"] == "cancelled"
    alter(batch.store, REF, status=BatchStatus.FAILED)
    assert batch.plan()["status"] == "failed"


def test_nobody_plans_a_batch_that_is_not_there() -> None:
    with pytest.raises(NotFound):
        World().plan()


def test_two_plans_at_once_are_two_rounds() -> None:
    batch = world(metadata=GPU_ONLY)

    class Racing(Sessions):
        def newest(self, limit: int) -> list[Session]:
            self.newest = super().newest  # type: ignore[method-assign]
            assert batch.plan()["round"] == 1
            return []

    batch.sessions = Racing()
    assert batch.plan()["round"] == 2


def test_no_backend_that_the_batch_asks_for_is_a_failure_that_says_so() -> None:
    batch = replace(world(metadata={"backend": "bedrock"}), bedrock="")
    assert batch.plan()["status"] == "failed"
    (error,) = batch.record().errors
    assert error.code == "backend_unavailable" and "metadata.backend" in error.message


def test_after_a_quota_the_rest_is_bedrocks() -> None:
    batch = world(MUCH)
    assert batch.plan()["next"] == "gpu"
    assert batch.plan("GpuQuotaExceeded")["next"] == "bedrock"
    batch.finish(0, 50)
    assert batch.plan()["next"] == "bedrock"  # the quota is not asked again
    assert batch.plan("BackendUnavailable")["status"] == "failed"
    assert [one.code for one in batch.record().errors] == ["backend_unavailable"]


def test_without_bedrock_a_quota_is_the_end_with_the_way_out() -> None:
    batch = world(metadata=GPU_ONLY)
    batch.plan()
    assert batch.plan("GpuQuotaExceeded") == {"next": "finish", "round": 1, "seconds": 0, "status": "failed"}
    assert "L-3819A6DF" in batch.record().errors[0].message


def test_without_capacity_bedrock_takes_over_for_half_an_hour_and_the_gpu_gets_another_chance() -> None:
    batch = world(MUCH)
    batch.plan()
    assert batch.plan("NoGpuCapacity")["next"] == "bedrock"
    batch.finish(0, 50)
    batch.later(minutes=15)
    assert batch.plan()["next"] == "bedrock"
    batch.finish(0, 90)
    batch.later(minutes=16)
    assert batch.plan()["next"] == "gpu"


def test_a_gpu_that_somebody_else_has_started_is_joined_and_no_second_one_asked_for() -> None:
    batch = replace(world(500), max_gpus=3)
    batch.plan()
    batch.plan("NoGpuCapacity")
    batch.finish(0, 50)
    batch.sessions.live = [live()]
    assert batch.plan()["next"] == "gpu"
    assert batch.record().gpus == 1


def test_without_capacity_and_bedrock_it_waits_and_asks_again() -> None:
    batch = world(metadata=GPU_ONLY)
    batch.plan()
    assert batch.plan("NoGpuCapacity") == {"next": "wait", "round": 2, "seconds": 300}
    assert batch.record().choice_text.startswith("wait 300 s, then")
    assert batch.plan()["next"] == "gpu"
    assert batch.plan("NoGpuCapacity")["seconds"] == 600
    assert batch.record().backend == "gpu"


def test_waiting_ends_with_the_window() -> None:
    batch = world(hours=1, metadata=GPU_ONLY)
    error: str | None = None
    for _ in range(100):
        planned = batch.plan(error)
        if planned["next"] == "finish":
            break
        batch.later(seconds=planned["seconds"] if planned["next"] == "wait" else 20)
        error = "NoGpuCapacity" if planned["next"] == "gpu" else None
    assert planned["status"] == "expired"
    assert batch.now - NOW < timedelta(hours=1, seconds=30)


def test_what_no_longer_fits_on_spot_goes_on_demand_if_that_is_allowed() -> None:
    batch = world(500, hours=9, metadata={**GPU_ONLY, "allow_on_demand": "true"})
    first = batch.plan()
    assert (first["next"], batch.record().on_demand) == ("gpu", False)
    batch.later(seconds=first["seconds"])  # nothing was answered: it is late now
    assert batch.plan("NoGpuCapacity")["next"] == "gpu"
    assert batch.record().on_demand
    assert batch.plan("NoGpuCapacity")["next"] == "wait"  # on-demand has none either


def test_three_lost_gpus_without_an_answer_are_enough() -> None:
    batch = world(MUCH)
    for _ in range(3):
        assert batch.plan(None if batch.record().round == 0 else "BootFailed")["next"] == "gpu"
    assert batch.plan("BootFailed")["next"] == "bedrock"
    alone = world(MUCH, metadata=GPU_ONLY)
    alone.plan()
    assert [alone.plan("BootFailed")["next"] for _ in range(3)] == ["gpu", "gpu", "finish"]


def test_answers_between_losses_keep_it_going() -> None:
    batch = world(500, metadata=GPU_ONLY)
    batch.plan()
    for number in range(1, 9):
        batch.finish(0, number)
        assert batch.plan("SpotInterrupted")["next"] == "gpu"


def test_switching_the_gpu_off_cancels_the_batch_and_says_why() -> None:
    batch = world(500)
    batch.plan()
    assert batch.plan("SessionEndRequested", "The GPU was switched off (session ses_1).")["status"] == "cancelled"
    assert batch.record().errors[0].message == "The GPU was switched off (session ses_1)."


@pytest.mark.parametrize("more", [{}, {"allow_on_demand": "true"}])
def test_a_batch_goes_on_when_somebody_else_switches_its_gpu_off(more: dict[str, str]) -> None:
    """Off is off: for a while no GPU comes back, not on-demand either; Bedrock may answer meanwhile."""
    batch = world(500, hours=9, metadata={**GPU_ONLY, **more})
    assert batch.plan()["next"] == "gpu"
    batch.later(hours=4)
    planned = batch.plan("GpuSwitchedOff")
    assert (planned["next"], planned["seconds"]) == ("wait", 300)
    batch.later(seconds=300)
    assert batch.plan()["next"] == "gpu"
    batch.later(seconds=20)
    assert batch.plan("GpuSwitchedOff")["seconds"] == 600
    anywhere = world(MUCH)
    assert anywhere.plan()["next"] == "gpu"
    assert anywhere.plan("GpuSwitchedOff")["next"] == "bedrock"


def test_a_gpu_that_would_boot_after_the_end_is_not_bought() -> None:
    batch = world(500, metadata=GPU_ONLY)
    at, healthy = ids.timestamp(NOW - timedelta(hours=1)), ids.timestamp(NOW - timedelta(minutes=57))
    batch.sessions.earlier = [session_record("ses_0", status="ended", created_at=at, healthy_at=healthy)]
    batch.later(hours=23, minutes=58)
    assert batch.plan() == {"next": "wait", "round": 1, "seconds": 120}
    batch.later(seconds=120)
    assert batch.plan()["status"] == "expired"


def test_a_backlog_that_is_worth_it_gets_more_gpus_and_one_when_there_is_no_more_to_be_had() -> None:
    batch = replace(world(500, metadata=GPU_ONLY), max_gpus=3)
    batch.plan()
    assert batch.record().gpus == 3
    batch.sessions.live = [live()]
    batch.finish(0, 10)
    assert batch.plan("GpuQuotaExceeded")["next"] == "gpu"
    assert batch.record().gpus == 1


def test_the_rate_of_this_batch_counts_before_every_other() -> None:
    batch = world(500, metadata=GPU_ONLY)
    batch.store.note_speed("g6.xlarge", LearnedSpeed(300.0, 100.0))
    batch.sessions.live = [live()]
    batch.plan()
    assert chosen(batch)["gpu_tokens_per_second"] == 300.0
    batch.later(seconds=100)
    batch.finish(0, 100, tokens=150, done=True)  # 15,000 tokens in 100 s
    batch.plan("States.Timeout")
    choice = chosen(batch)
    assert (choice["gpu_tokens_per_second"], choice["gpu_tokens_per_second_from"]) == (150.0, "measured in this batch")


def test_a_gpu_that_boots_already_is_nearer_than_a_new_one() -> None:
    batch = world(500, metadata=GPU_ONLY)
    batch.sessions.live = [live(healthy_at=None, created_at=ids.timestamp(NOW - timedelta(seconds=150)))]
    batch.plan()
    assert chosen(batch)["gpu_boot_seconds"] == ASSUMED_BOOT_S - 150
    batch.sessions.live = [live(end_requested=True)]
    batch.plan("States.Timeout")
    assert chosen(batch)["gpu_live"] is False


def test_a_model_whose_price_nobody_knows_is_not_chosen_for_its_price() -> None:
    batch = replace(world(), bedrock="somebody.new-model-v1:0")
    assert batch.plan()["next"] == "gpu"
    assert "unknown" in chosen(batch)["bedrock_price_from"]


def shard(**changes: Any) -> Shard:
    new = Shard(0, 1, 100, 0, 9_000, prompt_tokens_estimate=5_000, completion_tokens_limit=20_000)
    return replace(new, **changes)


def test_before_anything_is_answered_half_of_the_limit_is_expected_and_never_an_essay() -> None:
    assert work_left([shard()], 60).completion_tokens == 10_000
    assert work_left([shard(completion_tokens_limit=400_000)], 60).completion_tokens == 100 * EXPECTED_TOKENS


def test_what_was_answered_says_what_will_be() -> None:
    done = shard(status=ShardStatus.DONE, completed=100, completion_tokens=1_000)
    left = work_left([done, shard(completed=40, failed=10, completion_tokens=400)], 60)
    assert (left.lines, left.prompt_tokens) == (50, 2_500)
    assert left.completion_tokens == round((100 * 16 + 1_400) / (16 + 140) * 50)


def test_a_shard_that_is_not_marked_is_never_nothing() -> None:
    left = work_left([shard(completed=100, completion_tokens=1_000)], 60)
    assert left.lines == 1 and left.completion_tokens >= 1


def test_bedrock_takes_no_month_beyond_its_cap() -> None:
    batch = world(shards=1, metadata={"backend": "bedrock"})
    spent(batch, 19.9)
    assert batch.plan()["next"] == "bedrock"  # 100 lines are a cent
    batch = world(shards=100, metadata={"backend": "bedrock"})
    spent(batch, 19.9)
    assert batch.plan()["status"] == "failed"
    (error,) = batch.record().errors
    assert error.code == "spend_cap_reached"
    assert "MonthlyCapUsd" in error.message


def test_limits_that_no_answer_comes_near_do_not_hold_the_month() -> None:
    """Ten thousand lines that may take 8,000 tokens each: sixteen dollars that nobody will spend."""
    batch = world(shards=100, metadata={"backend": "bedrock"})
    shards = [replace(one, completion_tokens_limit=800_000) for one in batch.store.shards("batch_1")]
    batch.store.put_shards("batch_1", shards)
    plan = batch.plan()
    at = batch.purse.month("2026-01")
    assert plan["next"] == "bedrock" and 0.5 < at.reserved < 4
    # Where they do come near, the round stops at that, and the next one knows better.
    batch.finish(0, 100, tokens=8_000, done=True)
    again = batch.plan("SpendCapReached")
    after = batch.purse.month("2026-01")
    assert again["next"] == "bedrock" and again["round"] == plan["round"] + 1 and after.reserved > at.reserved + 4


def test_beyond_the_cap_of_bedrock_the_gpu_is_asked_which_has_a_guard_of_its_own() -> None:
    batch = world(shards=1)
    assert batch.plan()["next"] == "bedrock"
    batch = world(shards=1)
    spent(batch, 20.0)
    assert batch.plan()["next"] == "gpu"


NEEDS_GPU = GpuOnly("body.response_format", 3)


def test_a_batch_that_bedrock_cannot_answer_goes_to_the_gpu_however_small() -> None:
    made = world(1)
    assert made.plan()["next"] == "bedrock"
    made = world(1)
    alter(made.store, REF, gpu_only=NEEDS_GPU)
    assert made.plan()["next"] == "gpu"
    assert "body.response_format of line 3 needs the GPU" in str(made.record().choice_text)


def test_it_does_not_fall_back_to_bedrock_when_the_gpu_is_barred() -> None:
    made = world(1)
    alter(made.store, REF, gpu_only=NEEDS_GPU)
    made.plan()
    decided = made.plan("GpuQuotaExceeded")
    assert (decided["next"], decided["status"]) == ("finish", "failed")
    assert [one.code for one in made.record().errors] == ["gpu_quota_exceeded"]


def test_it_waits_for_capacity_instead_of_going_to_bedrock() -> None:
    made = world(1)
    alter(made.store, REF, gpu_only=NEEDS_GPU)
    made.plan()
    assert made.plan("NoGpuCapacity")["next"] == "wait"


def with_images(batch: World, seen: int = 5_000) -> World:
    """The lines of its shards show images, which are so many of their tokens."""
    alter(batch.store, REF, images_line=3)
    shards = batch.store.shards(REF.batch_id)
    estimates = {"seen_prompt_tokens_estimate": seen, "seen_completion_tokens_limit": 20_000 * seen // 5_000}
    batch.store.put_shards(REF.batch_id, [replace(one, prompt_tokens_most=2_000, **estimates) for one in shards])
    return batch


def test_images_go_to_bedrock_however_much_the_gpu_would_save_and_the_words_say_why() -> None:
    many = with_images(world(MUCH))
    many.sessions.live = [live()]
    assert many.plan()["next"] == "bedrock"
    assert many.record().choice_text.startswith("images, in line 3 first, are seen by nova, on Bedrock alone; bedrock:")
    assert chosen(many)["gpu_allowed"] is False


def seen_by_both(shards: int = 4, gpu_image_tokens: int = 0, **changes: Any) -> World:
    """Its lines' images are so many tokens of a GPU's context in each shard."""
    batch = with_images(world(shards, **changes))
    batch.gpu_sees = "qwen"
    alter(batch.store, REF, gpu_sees=True)
    parts = batch.store.shards(REF.batch_id)
    batch.store.put_shards(REF.batch_id, [replace(one, gpu_image_tokens=gpu_image_tokens) for one in parts])
    return batch


def test_where_both_see_the_cheaper_one_answers_and_the_words_name_both() -> None:
    few, many = seen_by_both(), seen_by_both(MUCH)
    assert (few.plan()["next"], many.plan()["next"]) == ("bedrock", "gpu")
    said = "images, in line 3 first, are seen by qwen on the GPU, on Bedrock seen by nova; "
    assert few.record().choice_text.startswith(f"{said}bedrock:")
    assert many.record().choice_text.startswith(f"{said}gpu:")
    few.sessions.live = [live()]
    assert few.plan()["next"] == "gpu", "it is paid for anyway"


def test_images_cost_a_gpus_time_until_its_rate_has_them_in_it() -> None:
    plain, shown = seen_by_both(metadata=GPU_ONLY), seen_by_both(gpu_image_tokens=60_000, metadata=GPU_ONLY)
    for one in (plain, shown):
        one.sessions.live = [live()]
        one.plan()
    more = float(chosen(shown)["gpu_seconds"]) - float(chosen(plain)["gpu_seconds"])
    assert more == pytest.approx(4 * 60_000 / 6 / 452, abs=1), "six are read in the time in which one is written"
    assert chosen(shown)["gpu_image_tokens"] == 240_000 and "240,000 tokens of images" in shown.record().choice_text
    assert "gpu_image_tokens" not in chosen(plain)
    shown.later(minutes=5)
    shown.finish(0, 50)
    shown.plan()
    assert chosen(shown)["gpu_tokens_per_second_from"] == "measured in this batch"
    assert "gpu_image_tokens" not in chosen(shown)


def test_images_can_turn_the_choice() -> None:
    plain, shown = seen_by_both(MUCH), seen_by_both(MUCH, gpu_image_tokens=130_000)
    assert (plain.plan()["next"], shown.plan()["next"]) == ("gpu", "bedrock")


def test_where_the_gpu_alone_sees_it_answers_however_little_it_is_and_bedrock_never_takes_over() -> None:
    batch = seen_by_both()
    batch.images_by = ""
    assert batch.plan()["next"] == "gpu"
    assert batch.record().choice_text.startswith("images, in line 3 first, are seen by qwen on the GPU alone; gpu:")
    assert chosen(batch)["bedrock_allowed"] is False
    assert batch.plan("NoGpuCapacity")["next"] == "wait"


def test_batch_whose_images_nobody_sees_any_more_ends_and_says_so() -> None:
    batch = seen_by_both()
    batch.images_by = batch.gpu_sees = ""
    planned = batch.plan()
    assert (planned["next"], planned["status"]) == ("finish", "failed")
    (error,) = batch.record().errors
    assert "Nobody who may answer it sees the images of line 3" in error.message


def test_gpu_that_sees_no_more_leaves_them_to_bedrock() -> None:
    batch = seen_by_both(MUCH)
    batch.gpu_sees = ""
    assert batch.plan()["next"] == "bedrock"


def test_lines_that_are_seen_are_reserved_at_the_price_of_the_model_that_sees() -> None:
    plain, seen, half = world(), with_images(world()), with_images(world(), 2_500)
    for one in (plain, seen, half):
        one.plan()
    prices = [chosen(one)["bedrock_usd_per_million_prompt_tokens"] for one in (plain, half, seen)]
    assert prices == pytest.approx([0.15, 0.105, 0.06])
    tokens = chosen(seen)["prompt_tokens"], chosen(seen)["completion_tokens"]
    assert chosen(seen)["bedrock_usd"] == pytest.approx((tokens[0] * 0.06 + tokens[1] * 0.24) / 1e6, abs=1e-6)
    held = seen.purse.reservation("2026-01", "batch_1")
    limit = 4 * 20_000
    assert held and float(held.usd) == pytest.approx((4 * 2_000 * 0.06 + limit * 0.24) / 1e6, rel=1e-3)
    assert "for images Bedrock on-demand" in str(chosen(seen)["bedrock_price_from"])


def test_what_the_model_that_sees_has_taken_is_kept_at_its_price_between_rounds() -> None:
    batch = with_images(world())
    batch.plan()
    took = {"bedrock_prompt_tokens": 50_000, "bedrock_completion_tokens": 5_000}
    saw = {"seen_prompt_tokens": 45_000, "seen_completion_tokens": 2_500}
    batch.store.progress(REF, 0, ShardProgress(completed=50, **took, **saw), False)
    batch.plan("EngineBusy")
    held = batch.purse.reservation("2026-01", "batch_1")
    spent_ = (5_000 * 0.15 + 2_500 * 0.20 + 45_000 * 0.06 + 2_500 * 0.24) / 1e6
    assert held and float(held.usd) == pytest.approx(spent_, rel=1e-6), "while it waits, that alone"


def test_month_that_does_not_hold_the_images_ends_the_batch_before_anything_is_asked() -> None:
    batch = with_images(world(MUCH))
    spent(batch, 19.999)
    planned = batch.plan()
    assert (planned["next"], planned["status"]) == ("finish", "failed")
    assert [one.code for one in batch.record().errors] == ["spend_cap_reached"]
