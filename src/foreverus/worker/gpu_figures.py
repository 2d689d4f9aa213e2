"""What the engine's /metrics, nvidia-smi and the machine say of themselves, once a minute while a session lives.

Each may be missing (a laptop has no GPU, an engine that loads has no metrics): its figures are left out then.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import httpx

from foreverus.metrics import GpuFigures, Metrics

log = logging.getLogger(__name__)

EVERY_S = 60.0
LIMIT_S = 5.0  # for each of the three
NVIDIA_SMI = ("nvidia-smi", "--query-gpu=utilization.gpu,memory.used,memory.total", "--format=csv,noheader,nounits")
# By the names of vLLM (older ones last) and of llama.cpp. Shares are of 1.
RUNNING = ("vllm:num_requests_running", "llamacpp:requests_processing")
WAITING = ("vllm:num_requests_waiting", "llamacpp:requests_deferred")
CACHE = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc", "llamacpp:kv_cache_usage_ratio")

Look = Callable[[], Awaitable[GpuFigures]]


def of_engine(exposition: str, slots: int) -> GpuFigures:
    """Of what an engine exposes for Prometheus.

    >>> of_engine('vllm:num_requests_running{model="m"} 2.0\\nvllm:kv_cache_usage_perc{model="m"} 0.25', 4)
    GpuFigures(slots=50.0, queue=None, cache=25.0, gpu_use=None, gpu_memory=None, machine_memory=None)
    """
    found: dict[str, float] = {}
    for line in exposition.splitlines():
        name, _, value = line.rpartition(" ")
        name = name.partition("{")[0].strip()
        if name in (*RUNNING, *WAITING, *CACHE):
            try:
                found[name] = found.get(name, 0.0) + float(value)
            except ValueError:
                continue
    running, waiting, cache = (
        next((found[one] for one in names if one in found), None) for names in (RUNNING, WAITING, CACHE)
    )
    return GpuFigures(
        slots=None if running is None or not slots else 100 * running / slots,
        queue=waiting,
        cache=None if cache is None else 100 * cache,
    )


def of_gpu(said: str) -> GpuFigures:
    """Of nvidia-smi's answer to `NVIDIA_SMI`; of several GPUs the busiest.

    >>> of_gpu("97, 20000, 23034").gpu_use, round(of_gpu("97, 20000, 23034").gpu_memory)
    (97.0, 87)
    """
    use, memory = [], []
    for line in said.splitlines():
        try:
            used, taken, whole = (float(one) for one in line.split(","))
        except ValueError:  # "[N/A]", or a warning
            continue
        use.append(used)
        memory.append(100 * taken / whole if whole else 0.0)
    return GpuFigures(gpu_use=max(use), gpu_memory=max(memory)) if use else GpuFigures()


def of_machine(meminfo: str) -> GpuFigures:
    """Of /proc/meminfo: what engine, worker and the rest have of the machine's memory.

    >>> of_machine("MemTotal: 100 kB\\nMemFree: 10 kB\\nMemAvailable: 40 kB").machine_memory
    60.0
    """
    found = {}
    for line in meminfo.splitlines():
        name, _, rest = line.partition(":")
        if name in ("MemTotal", "MemAvailable") and (words := rest.split()):
            found[name] = float(words[0])
    if not found.get("MemTotal") or "MemAvailable" not in found:
        return GpuFigures()
    return GpuFigures(machine_memory=100 * (1 - found["MemAvailable"] / found["MemTotal"]))


class MachineLook:
    """All three at once; what fails or hangs is left out."""

    def __init__(self, engine_url: str, slots: int, nvidia_smi: tuple[str, ...] = NVIDIA_SMI):
        self._url = engine_url.rstrip("/") + "/metrics"
        self._slots = slots
        self._nvidia_smi = nvidia_smi

    async def __call__(self) -> GpuFigures:
        engine, gpu, machine = await asyncio.gather(
            _or_nothing(self._engine()), _or_nothing(self._gpu()), _or_nothing(self._machine())
        )
        return replace(engine, gpu_use=gpu.gpu_use, gpu_memory=gpu.gpu_memory, machine_memory=machine.machine_memory)

    async def _engine(self) -> GpuFigures:
        async with httpx.AsyncClient(timeout=LIMIT_S, trust_env=False) as client:
            answer = await client.get(self._url)
            return of_engine(answer.raise_for_status().text, self._slots)

    async def _gpu(self) -> GpuFigures:
        process = await asyncio.create_subprocess_exec(
            *self._nvidia_smi, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        return of_gpu(said.decode(errors="replace"))

    async def _machine(self) -> GpuFigures:
        return of_machine(Path("/proc/meminfo").read_text(encoding="ascii"))


async def _or_nothing(look: Awaitable[GpuFigures]) -> GpuFigures:
    try:
        async with asyncio.timeout(LIMIT_S):
            return await look
    except Exception as err:  # there is none here, or it is busy
        log.debug("no figures: %r", err)
        return GpuFigures()


async def watch_gpu(look: Look, metrics: Metrics) -> None:
    """For as long as the worker lives. Never raises."""
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            metrics.gpu(await look())
        except Exception as err:
            log.warning("the GPU's figures: %r", err)
