"""How each machine's engine is run."""

import os
from dataclasses import dataclass

ENGINE_THREADS = min(4, os.cpu_count() or 2)  # a g6.xlarge has 4 vCPUs; more would take the whole laptop


@dataclass(frozen=True)
class EngineOptions:
    """pace: of paced engines, which then stand in for the model; see local/engine."""

    pace: float | None = None
    threads: int = ENGINE_THREADS
