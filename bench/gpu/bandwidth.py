"""How fast the device's memory is: what decoding cannot be faster than, because each step reads every weight once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

COPIES = 12
GPU_BYTES = 4 << 30  # far more than any cache
CPU_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """Bytes a second: the best of some copies, bytes read and bytes written both counted; and the best read alone."""

    copy: float
    read: float | None  # None where it is not measured

    @property
    def best(self) -> float:
        return max(self.copy, self.read or 0.0)


def measure(device: str) -> Bandwidth:
    """Frees the device's memory again."""
    if not device.startswith("cuda"):
        return of_cpu()
    import torch

    found = of_gpu(device)
    torch.cuda.empty_cache()
    return found


def of_cpu() -> Bandwidth:
    """One core's: what a copy of a large block moves."""
    source, target = bytearray(CPU_BYTES), bytearray(CPU_BYTES)
    best = float("inf")
    for _ in range(4):
        begun = time.perf_counter()
        target[:] = source
        best = min(best, time.perf_counter() - begun)
    return Bandwidth(2 * CPU_BYTES / best, None)


def of_gpu(device: str) -> Bandwidth:
    import torch

    source = torch.ones(GPU_BYTES // 4, dtype=torch.float32, device=device)
    target = torch.empty_like(source)

    copied = _best_s(partial(target.copy_, source), device)
    read = _best_s(source.sum, device)
    return Bandwidth(2 * GPU_BYTES / copied, GPU_BYTES / read)


def _best_s(work: Callable[[], object], device: str) -> float:
    import torch

    seconds = []
    for _ in range(COPIES):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        work()
        end.record()
        torch.cuda.synchronize(device)
        seconds.append(begin.elapsed_time(end) / 1000)
    return min(seconds)
