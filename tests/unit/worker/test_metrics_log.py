"""The worker's metrics go to CloudWatch once a minute, each once, and neither an answer nor the end waits for them."""

import asyncio
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from foreverus.metric_definitions import Name, RequestKind
from foreverus.metrics import GpuFigures, Metrics
from foreverus.worker.gpu_figures import MachineLook, of_engine, of_gpu, of_machine, watch_gpu
from foreverus.worker.metrics_log import EVERY_S, LAST_S, MOST_LINES, MetricsLog, stream_name
from tests.metrics_seen import metrics_of
from tests.unit.worker.harness import in_jumping_time


class Logs:
    """CloudWatch Logs. `fail`: what the next calls raise."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.calls = 0
        self.fail: list[Exception] = []
        self.hangs = False

    async def run(self, function: Any, *args: Any) -> Any:
        """In place of a thread."""
        await (asyncio.sleep(1e9) if self.hangs else asyncio.sleep(0.01))
        return function(*args)

    def create_log_stream(self, **request: str) -> None:
        raise ClientError({"Error": {"Code": "ResourceAlreadyExistsException"}}, "CreateLogStream")

    def put_log_events(self, logGroupName: str, logStreamName: str, logEvents: list[dict[str, Any]]) -> None:
        self.calls += 1
        if self.fail:
            raise self.fail.pop(0)
        assert (logGroupName, logStreamName) == ("group", "metrics/ses_1/i-1")
        assert [one["timestamp"] for one in logEvents] == sorted(one["timestamp"] for one in logEvents)
        assert len(logEvents) <= 10_000 and sum(len(one["message"]) + 26 for one in logEvents) <= 1024 * 1024
        self.events += logEvents


def world() -> tuple[Logs, MetricsLog, Metrics]:
    logs = Logs()
    kept = MetricsLog(logs, "group", stream_name("ses_1", "i-1"), logs.run)
    return logs, kept, Metrics("foreverus", source="worker", write=kept.write)


def seconds(logs: Logs) -> list[float]:
    found = [metrics_of(one["message"]) for one in logs.events]
    return [value for one in found for name, _, values, _ in one if name is Name.ANSWER for value in values]


@pytest.mark.parametrize("answers", [1, 1000, 3001])
@in_jumping_time
async def test_each_answer_arrives_once(answers: int) -> None:
    logs, kept, metrics = world()
    for number in range(answers):
        metrics.answer("gpu", RequestKind.CHAT, 0.5, float(number))
    await kept.finish()
    assert seconds(logs) == [float(number) for number in range(answers)]


@in_jumping_time
async def test_what_cloudwatch_refuses_is_sent_a_minute_later() -> None:
    logs, kept, metrics = world()
    logs.fail = [ClientError({"Error": {"Code": "ThrottlingException"}}, "PutLogEvents")]
    sending = asyncio.create_task(kept.run())
    metrics.unsaved(61)
    await asyncio.sleep(EVERY_S * 1.5)
    assert (logs.calls, logs.events) == (1, [])
    await asyncio.sleep(EVERY_S)
    assert len(logs.events) == 1
    sending.cancel()


@in_jumping_time
async def test_what_may_have_arrived_is_not_counted_twice() -> None:
    logs, kept, metrics = world()
    logs.fail = [ReadTimeoutError(endpoint_url="logs")]
    metrics.unsaved(61)
    await kept.send()
    metrics.unsaved(62)
    await kept.send()
    assert [json.loads(one["message"])["UnsavedMinutes"] for one in logs.events] == [62]


@in_jumping_time
async def test_a_cloudwatch_that_hangs_holds_up_nobody_and_fills_no_memory() -> None:
    logs, kept, metrics = world()
    logs.hangs = True
    sending = asyncio.create_task(kept.run())
    metrics.unsaved(1)
    await asyncio.sleep(EVERY_S + 1)
    for _ in range(MOST_LINES + 100):
        metrics.answer("gpu", RequestKind.CHAT, 0.5, 2.0)
    assert len(kept._lines) == MOST_LINES
    began = asyncio.get_running_loop().time()
    sending.cancel()
    await kept.finish()
    assert asyncio.get_running_loop().time() - began <= LAST_S + 0.1


VLLM = """# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="mistral"} 3.0
vllm:num_requests_waiting{engine="0",model_name="mistral"} 2.0
vllm:kv_cache_usage_perc{engine="0",model_name="mistral"} 0.125
"""
LLAMA = """# TYPE llamacpp:requests_processing gauge
llamacpp:requests_processing 1
# TYPE llamacpp:requests_deferred gauge
llamacpp:requests_deferred 4
"""


@pytest.mark.parametrize(
    ("exposed", "slots", "queue", "cache"),
    [
        (VLLM, 75.0, 2.0, 12.5),
        (VLLM.replace("kv_cache", "gpu_cache"), 75.0, 2.0, 12.5),
        (LLAMA, 25.0, 4.0, None),
        ("", None, None, None),
        ("vllm:num_requests_running nonsense\n<html>", None, None, None),
    ],
)
def test_engines_say_slots_queue_and_cache(
    exposed: str, slots: float | None, queue: float | None, cache: float | None
) -> None:
    assert of_engine(exposed, 4) == GpuFigures(slots=slots, queue=queue, cache=cache)


@pytest.mark.parametrize(
    ("said", "use"),
    [
        ("97, 20000, 23034\n", 97.0),
        ("3, 1, 2\n50, 1, 2", 50.0),
        ("[N/A], 1, 2", None),
        ("", None),
        ("No devices", None),
    ],
)
def test_nvidia_smi_says_use_and_memory(said: str, use: float | None) -> None:
    assert of_gpu(said).gpu_use == use


@pytest.mark.parametrize("said", ["", "MemTotal: 0 kB\nMemAvailable: 0 kB", "MemTotal: 5 kB", "MemTotal:"])
def test_a_machine_that_does_not_say_its_memory_has_no_figure(said: str) -> None:
    assert of_machine(said) == GpuFigures()


def test_without_an_engine_and_without_a_gpu_there_are_the_machines_figures() -> None:
    look = MachineLook("http://127.0.0.1:9", 4, ("a-program-that-is-not-there",))
    found = asyncio.run(look())
    assert (found.slots, found.gpu_use) == (None, None) and found.machine_memory is not None


@in_jumping_time
async def test_figures_are_said_each_minute_and_a_look_that_fails_ends_nothing() -> None:
    lines: list[str] = []
    looks = [RuntimeError("no driver"), GpuFigures(gpu_use=50)]

    async def look() -> GpuFigures:
        found = looks.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    watching = asyncio.create_task(watch_gpu(look, Metrics("foreverus", write=lines.append)))
    await asyncio.sleep(2.5 * EVERY_S)
    watching.cancel()
    assert [json.loads(line)["GpuPercent"] for line in lines] == [50]
