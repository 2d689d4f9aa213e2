"""A worker's life, from boot to its end, with everything around it in memory."""

import asyncio
from datetime import timedelta

from foreverus.backends.port import Health
from foreverus.errors import EngineFailed
from foreverus.worker.instance import SpotNotice
from tests.unit.worker.harness import START, World, ends, in_jumping_time, until


@in_jumping_time
async def test_a_message_is_answered_and_the_idle_worker_ends() -> None:
    world = World()
    world.subscribe()
    request = world.ask("hello")
    async with world.worker() as worker:
        answer = await world.answered(request)
        assert answer["content"] == "You said: hello"
        assert await ends(worker) == 0
    assert world.mailbox.phases == [("booting", 0), ("loading", 0), ("healthy", 0)]
    assert world.result == ("success", {"outcome": "idle"})
    assert world.mailbox.statuses == ["draining"]
    ((attempt, busy),) = world.mailbox.busy
    assert attempt == world.mailbox.snapshot.attempt and busy >= 0
    assert world.push.text_of("c1") == "You said: hello"
    assert world.push.frames["c1"][-1]["message"]["status"] == "answered"
    assert world.chat.is_empty and not world.answers.pending.work
    assert world.answers.session_usage["ses_1"]["messages"] == 1


@in_jumping_time
async def test_engine_that_never_gets_healthy_fails_the_boot() -> None:
    world = World()
    world.engine.state = Health.LOADING
    async with world.worker(serving=False) as worker:
        assert await ends(worker) == 1
    assert world.result[0] == "BootFailed"
    assert len(world.tasks.heartbeats) > 10


@in_jumping_time
async def test_engine_that_dies_while_loading_fails_the_boot_at_once() -> None:
    world = World()
    world.engine.state = Health.LOADING
    async with world.worker(serving=False) as worker:
        await asyncio.sleep(5)
        world.engine.state = Health.UNREACHABLE
        assert await ends(worker, within_s=20) == 1
    assert world.result[0] == "BootFailed"


@in_jumping_time
async def test_healthy_engine_without_a_completion_fails_the_boot() -> None:
    world = World()
    for _ in range(5):
        world.engine.fail_next(EngineFailed("The engine answered 404: no such model"))
    async with world.worker(serving=False) as worker:
        assert await ends(worker) == 1
    assert world.result[0] == "BootFailed" and "404" in world.result[1]


@in_jumping_time
async def test_session_ended_while_booting_ends_without_an_engine() -> None:
    world = World()
    world.engine.state = Health.LOADING
    async with world.worker(serving=False) as worker:
        await asyncio.sleep(1)
        world.mailbox.change(end_requested=True)
        assert await ends(worker, within_s=5) == 0
    assert world.result[0] == "SessionEndRequested"


@in_jumping_time
async def test_worker_waits_while_the_record_names_the_instance_before() -> None:
    world = World()
    world.mailbox.change(instance_id="i-0", task_token="old-token", end_requested=True)
    async with world.worker(serving=False):
        await asyncio.sleep(20)
        assert world.mailbox.phases == [] and world.tasks.results == [] and world.tasks.heartbeats == []
        world.mailbox.change(instance_id="i-1", task_token="boot-token", end_requested=False, attempt=1)
        await world.start_serving()
        await until(lambda: len(world.mailbox.phases) == 3)
    assert {attempt for _, attempt in world.mailbox.phases} == {1}


@in_jumping_time
async def test_record_that_names_another_instance_shuts_the_worker_down() -> None:
    world = World()
    async with world.worker() as worker:
        world.mailbox.change(instance_id="i-2")
        assert await ends(worker, within_s=10) == 1
    assert [token for token, *_ in world.tasks.results] == ["boot-token"]


@in_jumping_time
async def test_refused_heartbeat_shuts_the_worker_down() -> None:
    world = World()
    world.engine.seconds_per_token = 5.0
    request = world.ask("hello")
    async with world.worker() as worker:
        await until(lambda: "serve-token" in world.tasks.heartbeats)
        world.tasks.open.clear()
        assert await ends(worker, within_s=30) == 1
    answer = world.shown(request)
    assert answer["status"] == "answering"
    assert world.chat.waiting and not world.chat.hidden, "the message was handed back"


@in_jumping_time
async def test_lost_contact_shuts_the_worker_down() -> None:
    world = World()
    async with world.worker() as worker:
        world.network.cut = True
        assert await ends(worker, within_s=120) == 1


@in_jumping_time
async def test_contact_that_comes_back_in_time_changes_nothing() -> None:
    world = World()
    async with world.worker() as worker:
        world.network.cut = True
        await asyncio.sleep(20)
        world.network.cut = False
        request = world.ask("still there?")
        assert (await world.answered(request))["status"] == "answered"
        assert not worker.done()


@in_jumping_time
async def test_spot_notice_hands_the_message_back_with_its_text_and_the_next_worker_continues() -> None:
    world = World()
    world.subscribe()
    words = [f"w{i} " for i in range(20)]
    world.engine.reply = lambda prompt: words
    world.engine.seconds_per_token = 1.0
    request = world.ask("tell me")
    async with world.worker() as worker:
        await until(lambda: world.push.text_of("c1").count("w") >= 5)
        world.instance.notice = SpotNotice("terminate", world.ports.clock() + timedelta(seconds=8))
        assert await ends(worker, within_s=20) == 0
    assert world.result[0] == "SpotInterrupted"
    partial = world.shown(request)["content"]
    assert "".join(words).startswith(partial) and partial

    next_one = World()
    next_one.engine.reply = lambda prompt: words
    next_one.answers, next_one.push, next_one.chat = world.answers, world.push, world.chat
    next_one.ports.answers, next_one.ports.push, next_one.ports.chat_queue = world.answers, world.push, world.chat
    next_one.ports.pending = world.answers.pending
    async with next_one.worker():
        answer = await next_one.answered(request)
        await until(lambda: world.push.frames["c1"][-1]["type"] == "message")
    assert answer["content"] == "".join(words) == world.push.text_of("c1")
    assert next_one.engine.prompts[-1].continues


@in_jumping_time
async def test_termination_signal_is_treated_like_a_spot_notice() -> None:
    from foreverus.worker.shutdown import spot_interrupted

    world = World()
    async with world.worker() as worker:
        world.shutdown.begin(spot_interrupted("The worker got SIGTERM."))
        assert await ends(worker, within_s=20) == 0
    assert world.result == ("SpotInterrupted", "The worker got SIGTERM.")


@in_jumping_time
async def test_ended_session_finishes_what_is_in_flight_and_takes_nothing_new() -> None:
    world = World()
    world.engine.seconds_per_token = 2.0
    request = world.ask("hello")
    async with world.worker() as worker:
        await until(lambda: world.engine.running == 1)
        world.mailbox.change(end_requested=True)
        await asyncio.sleep(3)
        late = world.ask("too late", message_id="msg_2")
        assert await ends(worker, within_s=30) == 0
    assert world.mailbox.statuses == ["draining"]
    assert world.shown(request)["status"] == "answered"
    assert world.answers.answer(late) is None and "msg_2" in world.answers.pending.work
    assert world.result == ("success", {"outcome": "ended"})


@in_jumping_time
async def test_maximum_life_ends_the_session_before_the_os_timer_does() -> None:
    world = World(max_session_seconds=600, idle_seconds=3000)
    async with world.worker() as worker:
        assert await ends(worker, within_s=600) == 0
        assert asyncio.get_running_loop().time() < 600
    assert world.result == ("success", {"outcome": "max_life"})
    assert world.ports.clock() > START


@in_jumping_time
async def test_work_promised_at_the_last_moment_keeps_the_idle_worker() -> None:
    world = World()
    async with world.worker() as worker:
        await until(lambda: "draining" in world.mailbox.statuses)
        request = world.ask("wait!")
        assert (await world.answered(request))["status"] == "answered"
        await until(lambda: world.mailbox.statuses[1:2] == ["serving"])
        assert not worker.done()
        assert await ends(worker) == 0
    assert world.result == ("success", {"outcome": "idle"})


@in_jumping_time
async def test_promise_that_never_turns_up_does_not_keep_the_gpu_on_for_ever() -> None:
    world = World()
    world.answers.ask("lost")
    async with world.worker() as worker:
        assert await ends(worker, within_s=1000) == 0
        assert asyncio.get_running_loop().time() > 660


@in_jumping_time
async def test_idle_time_is_the_session_records() -> None:
    world = World(idle_seconds=60)
    world.mailbox.change(idle_seconds=300)
    async with world.worker() as worker:
        await asyncio.sleep(250)
        assert not worker.done()
        assert await ends(worker, within_s=100) == 0


@in_jumping_time
async def test_dead_engine_ends_the_session_and_hands_work_back() -> None:
    world = World()
    world.engine.seconds_per_token = 9.0
    world.ask("hello")
    async with world.worker() as worker:
        await until(lambda: world.engine.running == 1)
        world.engine.state = Health.UNREACHABLE
        assert await ends(worker, within_s=30) == 1
    assert world.result[0] == "EngineFailed"
    assert world.chat.waiting and "msg_1" in world.answers.pending.work
    assert world.answers.answers["msg_1"].engine_failures == 1


@in_jumping_time
async def test_failed_report_is_sent_again() -> None:
    world = World()
    async with world.worker() as worker:
        world.mailbox.change(end_requested=True)
        await until(lambda: world.shutdown.ending is not None)
        world.network.cut = True
        await asyncio.sleep(15)
        world.network.cut = False
        assert await ends(worker, within_s=60) == 0
    assert world.result == ("success", {"outcome": "ended"})
