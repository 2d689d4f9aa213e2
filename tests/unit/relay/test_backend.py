"""A live GPU behind the queue as a backend: the real line, the real worker, everything around them in memory."""

import asyncio
import json
from contextlib import aclosing
from dataclasses import replace

import pytest

from foreverus.backends.port import Completion, Delta, Finished, Message, Prompt, ToolCall, ToolCallPiece
from foreverus.errors import (
    BackendUnavailable,
    EngineBusy,
    EngineFailed,
    GpuFull,
    LimitReached,
    ModelLoading,
    NotAuthenticated,
    PromptRejected,
    SpendCapReached,
)
from foreverus.relay.backend import GpuBackend
from foreverus.relay.line import Disconnected, LineRefused
from foreverus.relay.records import GpuRequest, RequestEnd, RequestRef
from foreverus.sessions.records import SessionStatus
from foreverus.worker.shutdown import spot_interrupted
from tests.unit.relay.lines import BOOTING, FULL, HEALTHY, NONE, Scene
from tests.unit.worker.harness import in_jumping_time, until

HELLO = Prompt((Message("user", "hello"),))
WORDS = [f"{n} " for n in range(40)]


async def heard(backend: GpuBackend, prompt: Prompt = HELLO) -> tuple[str, Finished | None, Exception | None]:
    """The text, the end, and the error in its place."""
    text, end = "", None
    try:
        async with aclosing(backend.stream(prompt)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    end = event
                else:
                    assert end is None
                    text += event.text
    except Exception as err:
        return text, end, err
    return text, end, None


@in_jumping_time
async def test_an_answer_comes_while_it_is_written_and_nothing_of_it_is_kept() -> None:
    scene = Scene.writing(WORDS, 0.5)
    loop = asyncio.get_running_loop()
    async with scene.world.worker():
        begun = loop.time()
        times, text = [], ""
        async with aclosing(scene.backend().stream(HELLO)) as events:
            async for event in events:
                times.append(loop.time() - begun)
                text += event.text if isinstance(event, Delta) else ""
        assert text == "".join(WORDS) and event == Finished("stop", 1, 40)
        assert times[0] < 1.0 and times[10] < 7.0 and len(times) == 41  # each token comes by itself
        await until(lambda: scene.nothing_is_left)
    assert scene.world.requests.counted == [("ses_1", "ana", 1, 40, 1)]
    assert scene.stopped == [] and scene.api.credentials == ["Bearer ana"]


@in_jumping_time
async def test_all_that_an_answer_can_hold_comes_through_streamed_and_whole() -> None:
    scene = Scene()
    pieces = [
        Delta("a", (), {"content": [{"token": "a", "logprob": -0.5}]}),
        Delta("", (), {"content": [{"token": "\ud83d", "logprob": -1}]}),
        Delta("", (ToolCallPiece(0, "call_1", "add"),)),
        Delta("", (ToolCallPiece(0, arguments='{"a": "ção \U0001f600'),)),
        Delta("", (ToolCallPiece(0, arguments='"}'), ToolCallPiece(1, "call_2", "sub", "{}"))),
    ]
    scene.world.engine.reply = lambda prompt: pieces
    prompt = Prompt((Message("user", "x"),), 10, 0.2, options={"tools": [{}], "seed": 3})
    async with scene.world.worker():
        whole = await scene.backend().complete(prompt)
        streamed = [event async for event in scene.backend().stream(prompt)]
    calls = (ToolCall("call_1", "add", '{"a": "ção \U0001f600"}'), ToolCall("call_2", "sub", "{}"))
    said = {"content": [{"token": "a", "logprob": -0.5}, {"token": "?", "logprob": -1}]}
    assert whole == Completion("a", "tool_calls", 1, 5, calls, said)
    assert streamed[0] == pieces[0] and streamed[-1] == Finished("tool_calls", 1, 5)
    assert prompt in scene.world.engine.prompts


@pytest.mark.parametrize("text", ["\U0001f600" * 60_000, "\u0001" * 70_000, '"\n' * 40_000, "x" * 290_000])
def test_a_piece_that_no_frame_holds_comes_in_several(text: str) -> None:
    @in_jumping_time
    async def story() -> None:
        scene = Scene()
        scene.world.engine.reply = lambda prompt: [text, Delta("", (ToolCallPiece(0, "c", "f", text),))]
        async with scene.world.worker():
            whole = await scene.backend().complete(HELLO)
            assert whole.text == text
            assert whole.tool_calls == (ToolCall("c", "f", text),) or whole.finish_reason == "length"
        frames = [frame for frames in scene.api.frames.values() for frame in frames]
        assert all(len(json.dumps(one, ensure_ascii=False).encode()) < 128 * 1024 for one in frames)

    story()


@in_jumping_time
async def test_nothing_is_sent_of_a_whole_answer_before_its_end() -> None:
    scene = Scene.writing(WORDS, 0.5)
    async with scene.world.worker():
        assert (await scene.backend().complete(HELLO)).text == "".join(WORDS)
        await until(lambda: scene.nothing_is_left)
    (frames,) = scene.api.frames.values()
    assert [len(one["deltas"]) for one in frames if one["type"] == "request"] == [40, 0]  # all, and the end


@pytest.mark.parametrize("whole", [True, False])
def test_who_is_not_seen_to_listen_is_answered_on_another_socket(whole: bool) -> None:
    @in_jumping_time
    async def story() -> None:
        scene = Scene.writing(WORDS, 0.5)
        async with scene.world.worker():
            assert await heard(scene.backend()) == ("".join(WORDS), Finished("stop", 1, 40), None)
            scene.api.deaf.add("c0")
            backends = [scene.backend() for _ in range(3)]  # one new socket is enough for all of them
            if whole:
                answers = await asyncio.gather(*(one.complete(HELLO) for one in backends))
                assert [one.text for one in answers] == ["".join(WORDS)] * 3
            else:
                said = await asyncio.gather(*map(heard, backends))
                assert said == [("".join(WORDS), Finished("stop", 1, 40), None)] * 3
            assert [one.connection_id for one in scene.api.open_sockets] == ["c1"]
            await until(lambda: scene.nothing_is_left)

    story()


@in_jumping_time
async def test_a_short_answer_that_nobody_heard_comes_from_the_table_and_the_next_one_on_another_socket() -> None:
    scene = Scene()
    scene.world.engine.seconds_per_token = 0.2
    loop = asyncio.get_running_loop()
    async with scene.world.worker():
        for most_s in (2.0, 10.0, 2.0):
            begun = loop.time()
            assert (await heard(scene.backend()))[0] == "You said: hello"
            assert loop.time() - begun < most_s
            scene.api.deaf.add("c0")
        assert len(scene.api.sockets) == 2


@in_jumping_time
async def test_who_is_not_seen_on_another_socket_either_is_told() -> None:
    scene = Scene.writing(WORDS, 0.5)
    async with scene.world.worker():
        scene.api.deaf |= {f"c{number}" for number in range(9)}
        text, _, err = await heard(scene.backend())
        assert text == "" and isinstance(err, EngineFailed) and "nobody could be seen to listen" in str(err)
        assert len(scene.api.sockets) == 2
        await until(lambda: scene.nothing_is_left)


@pytest.mark.parametrize("lost", [1, 3, 1000])
def test_frames_that_are_lost_are_made_good_from_the_table(lost: int) -> None:
    @in_jumping_time
    async def story() -> None:
        scene = Scene.writing(WORDS, 0.2)
        scene.api.lose_next = lost
        async with scene.world.worker():
            assert await heard(scene.backend()) == ("".join(WORDS), Finished("stop", 1, 40), None)

    story()


@in_jumping_time
async def test_a_last_frame_that_is_lost_is_read_from_the_table() -> None:
    scene = Scene.writing(WORDS, 0.1)
    async with scene.world.worker(), aclosing(scene.backend().stream(HELLO)) as events:
        text = (await anext(events)).text  # type: ignore[union-attr]
        for socket in scene.api.open_sockets:
            scene.api.stale.add(socket.connection_id)  # from now on it may have nothing
        scene.api.answers_pings = False
        rest = [event async for event in events]
    assert text + "".join(event.text for event in rest[:-1]) == "".join(WORDS)  # type: ignore[union-attr]


@in_jumping_time
async def test_a_line_that_breaks_is_opened_again_and_no_word_comes_twice() -> None:
    scene = Scene.writing(WORDS, 0.5)
    async with scene.world.worker():
        reading = asyncio.create_task(heard(scene.backend()))
        for _ in range(3):
            await asyncio.sleep(4)
            scene.api.open_sockets[0].cut()
        assert await reading == ("".join(WORDS), Finished("stop", 1, 40), None)
    assert len(scene.api.sockets) == 4 and scene.stopped == []


@in_jumping_time
async def test_who_goes_frees_the_slot_within_a_second_and_pays_for_what_was_written() -> None:
    scene = Scene(engine_slots=1)
    scene.world.engine.reply = lambda prompt: WORDS
    scene.world.engine.seconds_per_token = 0.5
    async with scene.world.worker():
        async with aclosing(scene.backend().stream(HELLO)) as events:
            for _ in range(5):
                await anext(events)
        left_at = asyncio.get_running_loop().time()
        await until(lambda: scene.world.engine.running == 0)
        assert asyncio.get_running_loop().time() - left_at <= 1.5
        await until(lambda: scene.nothing_is_left)
        assert await heard(scene.backend()) == ("".join(WORDS), Finished("stop", 1, 40), None)  # the slot is free
    (_, user_id, prompt_tokens, completion_tokens, answers) = scene.world.requests.counted[0]
    assert user_id == "ana" and prompt_tokens > 0 and 5 <= completion_tokens <= 8 and answers == 0


@in_jumping_time
async def test_who_is_cut_off_in_mid_read_stops_the_work_too() -> None:
    scene = Scene.writing(WORDS, 0.5)
    async with scene.world.worker():
        reading = asyncio.create_task(heard(scene.backend()))
        await until(lambda: scene.world.engine.running == 1)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await until(lambda: scene.nothing_is_left)
    assert len(scene.stopped) == 1


@in_jumping_time
async def test_one_that_waits_for_a_slot_is_withdrawn_without_asking_the_engine() -> None:
    scene = Scene(engine_slots=1)
    scene.world.engine.reply = lambda prompt: WORDS
    scene.world.engine.seconds_per_token = 0.2
    async with scene.world.worker():
        first = asyncio.create_task(heard(scene.backend()))
        await until(lambda: scene.world.engine.running == 1)
        second = asyncio.create_task(heard(scene.backend()))
        await asyncio.sleep(1)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        assert await first == ("".join(WORDS), Finished("stop", 1, 40), None)
        await until(lambda: scene.nothing_is_left)
    assert len(scene.world.engine.prompts) == 2 and scene.stopped == []  # the engine's probe, and the first one


@in_jumping_time
async def test_a_request_whose_asker_died_is_given_up_in_seconds() -> None:
    scene = Scene.writing(WORDS * 100, 0.5)
    async with scene.world.worker():
        reading = asyncio.create_task(heard(scene.backend()))
        await until(lambda: scene.world.engine.running == 1)
        await asyncio.sleep(5)
        scene.relay = replace(scene.relay, requests=scene.world.requests)
        for socket in scene.api.open_sockets:  # the process is gone: its line closes, and it says nothing more
            scene.api.refusals.extend([Disconnected("dead")] * 100)
            socket.cut()
        died_at = asyncio.get_running_loop().time()
        await until(lambda: scene.world.engine.running == 0)
        assert asyncio.get_running_loop().time() - died_at < 15
        await until(lambda: not scene.world.requests.kept)
        assert isinstance((await reading)[2], BackendUnavailable)


@in_jumping_time
async def test_what_nobody_waits_for_when_its_turn_comes_is_not_asked() -> None:
    scene = Scene()
    ref = RequestRef("req_1", "ana", "line_gone")
    scene.world.requests.keep(GpuRequest(ref=ref, prompt=HELLO, created_at="2026-01-01T11:58:00.000Z"))
    scene.send_request(ref)
    async with scene.world.worker():
        await until(lambda: scene.nothing_is_left)
    assert len(scene.world.engine.prompts) == 1 and scene.world.requests.counted == []  # the boot's probe alone


@pytest.mark.parametrize("words", [0, 7])
def test_a_lost_gpu_is_answered_anew_only_where_nothing_was_passed_on(words: int) -> None:
    @in_jumping_time
    async def story() -> None:
        scene = Scene.writing(WORDS, 1.0 if words else 30.0)
        async with scene.world.worker():
            reading = asyncio.create_task(heard(scene.backend()))
            await until(lambda: scene.world.engine.running == 1)
            await asyncio.sleep(words + 0.5)
            scene.world.shutdown.begin(spot_interrupted("gone"))
            await until(lambda: scene.world.tasks.results[-1][1] == "SpotInterrupted")
        scene.session = replace(scene.session, status=SessionStatus.FAILED)
        successor = another_worker(scene)
        async with successor.world.worker():
            text, end, error = await reading
        if words:
            assert isinstance(error, EngineFailed) and "lost in the middle" in str(error)
            assert text and "".join(WORDS).startswith(text) and end is None
        else:
            assert (text, end, error) == ("".join(WORDS), Finished("stop", 1, 40), None)

    story()


@in_jumping_time
async def test_a_whole_answer_is_begun_anew_after_a_lost_gpu_however_much_was_written() -> None:
    scene = Scene.writing(WORDS, 1.0)
    async with scene.world.worker():
        asking = asyncio.create_task(scene.backend().complete(HELLO))
        await until(lambda: scene.world.engine.running == 1)
        await asyncio.sleep(9)
        scene.world.shutdown.begin(spot_interrupted("gone"))
        await until(lambda: scene.world.tasks.results[-1][1] == "SpotInterrupted")
    async with another_worker(scene).world.worker():
        assert (await asking).text == "".join(WORDS)


def another_worker(scene: Scene) -> Scene:
    """The next GPU's, with the same queue, table and sockets."""
    successor = Scene()
    world = successor.world
    world.ports.requests, world.ports.push, world.ports.chat_queue = scene.world.requests, scene.api, scene.world.chat
    world.engine.reply = lambda prompt: WORDS
    return successor


@in_jumping_time
async def test_a_gpu_that_dies_without_a_word_ends_the_stream_once_its_session_is_over() -> None:
    scene = Scene.writing(WORDS, 1.0)
    async with scene.world.worker() as worker:
        reading = asyncio.create_task(heard(scene.backend()))
        await asyncio.sleep(10)
        worker.cancel()  # no handing back, no frame
        await asyncio.gather(worker, return_exceptions=True)
        scene.states = [NONE]
        await asyncio.sleep(60)
        assert not reading.done()  # its session is not over: another look may find the answer
        scene.session = replace(scene.session, status=SessionStatus.FAILED)
        text, _, error = await reading
    assert text and isinstance(error, EngineFailed) and not scene.world.requests.kept


@pytest.mark.parametrize(
    ("state", "starts", "error", "seconds", "started"),
    [
        (NONE, True, ModelLoading, "60", ["ana"]),
        (NONE, False, ModelLoading, "60", []),
        (BOOTING, True, ModelLoading, "60", []),
        (FULL, True, GpuFull, "5", []),
    ],
)
def test_a_gpu_that_cannot_answer_now_says_when_to_ask_again(
    state: object, starts: bool, error: type[ModelLoading], seconds: str, started: list[str]
) -> None:
    @in_jumping_time
    async def story() -> None:
        scene = Scene()
        scene.states = [state]  # type: ignore[list-item]
        looked: list[str] = []
        scene.relay = replace(scene.relay, crowd=lambda: looked.append("a crowd?"))
        with pytest.raises(error) as refused:
            await scene.backend(starts).complete(HELLO)
        assert bool(looked) == (error is GpuFull), "who finds no free slot looks whether another GPU is worth it"
        assert refused.value.headers["Retry-After"] == seconds
        assert scene.started == started and scene.nothing_is_left and not scene.api.sockets

    story()


@in_jumping_time
async def test_a_cap_that_lets_no_gpu_start_is_said() -> None:
    scene = Scene()
    scene.states = [NONE]

    def refuse(user_id: str) -> None:
        raise SpendCapReached("The month's cap is reached.")

    scene.relay = replace(scene.relay, start=refuse)
    with pytest.raises(SpendCapReached):
        await scene.backend(starts=True).complete(HELLO)


@in_jumping_time
async def test_a_gpu_that_ends_before_it_takes_the_request_is_told_as_a_cold_one_and_none_is_bought() -> None:
    scene = Scene()
    scene.states = [HEALTHY, NONE]
    text, end, error = await heard(scene.backend(starts=True))
    assert (text, end) == ("", None) and isinstance(error, ModelLoading) and scene.started == []
    assert not scene.world.requests.kept


@pytest.mark.parametrize(
    "error",
    [
        PromptRejected("The prompt is too long.", "context_length_exceeded"),
        PromptRejected("No such grammar."),
    ],
)
def test_what_the_engine_refuses_is_refused_in_its_words(error: PromptRejected) -> None:
    @in_jumping_time
    async def story() -> None:
        scene = Scene()
        async with scene.world.worker():
            scene.world.engine.fail_next(error)
            with pytest.raises(PromptRejected) as refused:
                await scene.backend().complete(HELLO)
        assert (str(refused.value), refused.value.reason) == (str(error), error.reason)
        assert scene.world.requests.counted == [("ses_1", "ana", 0, 0, 1)]

    story()


@in_jumping_time
async def test_an_engine_that_is_busy_or_fails_is_asked_again_while_nothing_was_said() -> None:
    scene = Scene()
    async with scene.world.worker():
        for error in (EngineBusy("later"), EngineBusy("later"), EngineFailed("broken")):
            scene.world.engine.fail_next(error)
        assert (await heard(scene.backend()))[0] == "You said: hello"


@in_jumping_time
async def test_an_engine_that_fails_in_mid_answer_ends_the_stream_in_an_error() -> None:
    scene = Scene()
    async with scene.world.worker():
        scene.world.engine.fail_next(EngineFailed("broken"), after_tokens=2)
        text, end, error = await heard(scene.backend())
        assert (text, end) == ("You said: ", None) and isinstance(error, EngineFailed)
        await until(lambda: scene.nothing_is_left)
    assert scene.world.requests.counted[0][3] == 2


@pytest.mark.parametrize(
    ("refusal", "error"),
    [(LineRefused(401), NotAuthenticated), (LineRefused(429), LimitReached), (LineRefused(500), BackendUnavailable)],
)
def test_a_line_that_nobody_may_open_fails_the_request_and_leaves_nothing(
    refusal: LineRefused, error: type[Exception]
) -> None:
    @in_jumping_time
    async def story() -> None:
        scene = Scene()
        scene.api.refusals.append(refusal)
        async with scene.world.worker():
            assert isinstance((await heard(scene.backend()))[2], error)
            await until(lambda: scene.nothing_is_left)

    story()


@in_jumping_time
async def test_a_line_that_cannot_be_opened_at_first_is_tried_again() -> None:
    scene = Scene()
    scene.api.refusals.extend([Disconnected("cold")] * 2)
    async with scene.world.worker():
        assert (await heard(scene.backend()))[0] == "You said: hello"


@in_jumping_time
async def test_a_key_that_is_revoked_in_mid_answer_ends_the_stream() -> None:
    scene = Scene.writing(WORDS, 1.0)
    async with scene.world.worker():
        reading = asyncio.create_task(heard(scene.backend()))
        await asyncio.sleep(10)
        (socket,) = scene.api.open_sockets
        socket.say(type="error", error={"code": "credential_ended"})
        text, end, error = await reading
        assert text and end is None and isinstance(error, NotAuthenticated)
        await until(lambda: scene.nothing_is_left)


@in_jumping_time
async def test_a_line_serves_many_requests_and_is_kept_good_by_pings() -> None:
    scene = Scene()
    scene.world.engine.seconds_per_token = 40.0  # two minutes an answer
    async with scene.world.worker():
        answers = await asyncio.gather(*(heard(scene.backend()) for _ in range(3)))
        assert [text for text, _, _ in answers] == ["You said: hello"] * 3
        scene.world.engine.seconds_per_token = 0
        await asyncio.sleep(60)
        before = asyncio.get_running_loop().time()
        assert (await heard(scene.backend()))[0] == "You said: hello"
        assert asyncio.get_running_loop().time() - before < 1.0
        assert len(scene.api.sockets) == 1 and scene.api.sockets["c0"].pings >= 4
        await asyncio.sleep(400)
        assert scene.api.open_sockets == []  # nobody needs it any more


@pytest.mark.parametrize("dies", [False, True], ids=["nobody needs it", "the other side has gone"])
def test_who_comes_while_a_line_is_closed_has_a_new_one(dies: bool) -> None:
    """As in a process that was frozen: what was due meanwhile is done first, just when the next request comes."""

    @in_jumping_time
    async def story() -> None:
        scene, closing = Scene(IDLE_SECONDS=600), asyncio.Event()
        async with scene.world.worker():
            await heard(scene.backend())
            (socket,) = scene.api.open_sockets
            cut = socket.cut

            async def close() -> None:
                closing.set()
                await asyncio.sleep(1)
                cut()

            socket.close = close  # type: ignore[method-assign]
            if dies:
                cut()
            scene.world.engine.reply = lambda prompt: WORDS
            scene.world.engine.seconds_per_token = 0.5
            await closing.wait()
            text, end, error = await heard(scene.backend())
            assert (text, error) == ("".join(WORDS), None) and end
            await until(lambda: scene.nothing_is_left)

    story()


@in_jumping_time
async def test_a_line_that_died_unseen_is_found_out_when_it_is_used_again() -> None:
    scene = Scene()
    async with scene.world.worker():
        await heard(scene.backend())
        scene.api.answers_pings = False  # it was frozen with its process, and the other side has gone
        await asyncio.sleep(20)
        reading = asyncio.create_task(heard(scene.backend()))
        await asyncio.sleep(1)
        scene.api.sockets["c0"].coming = asyncio.Queue()
        scene.api.gone.add("c0")
        scene.api.answers_pings = True
        assert (await reading)[0] == "You said: hello"


@in_jumping_time
async def test_nobody_hears_what_another_one_asks() -> None:
    scene = Scene()
    bob = scene.line_of("bob")
    async with scene.world.worker():
        ana, _ = await asyncio.gather(
            heard(scene.backend(), Prompt((Message("user", "ana's secret"),))),
            heard(scene.backend(line=bob, user_id="bob"), Prompt((Message("user", "bob's secret"),))),
        )
    assert ana[0] == "You said: ana's secret"
    by_user = {socket.user_id: json.dumps(scene.api.frames[name]) for name, socket in scene.api.sockets.items()}
    assert "bob's secret" not in by_user["ana"] and "ana's secret" not in by_user["bob"]


@in_jumping_time
async def test_an_answer_too_large_to_be_kept_and_lost_in_part_ends_in_an_error() -> None:
    scene = Scene()
    scene.world.engine.reply = lambda prompt: WORDS
    async with scene.world.worker():
        scene.api.lose_next = 1
        kept = scene.world.requests.finish

        def finish(ref: RequestRef, session_id: str, end: RequestEnd, deltas: list[Delta]) -> None:
            kept(ref, session_id, end, deltas)
            one = scene.world.requests.kept[ref.request_id]
            scene.world.requests.kept[ref.request_id] = replace(one, look=replace(one.look, deltas=None))

        scene.world.requests.finish = finish  # type: ignore[method-assign, assignment]
        text, end, error = await heard(scene.backend())
    assert end is None and isinstance(error, EngineFailed) and "".join(WORDS).startswith(text)
