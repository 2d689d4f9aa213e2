"""The laptop's cloud with an engine of a known speed behind both backends, and who asks it."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import sse
from bench.bare import BareFunctions
from foreverus.backends.port import BackendName
from local.cloud import Cloud
from local.deploy import PARAMETERS
from local.instances import faults
from local.instances.places import Places

MODEL = PARAMETERS["ModelId"]
READY_TRIES = 60  # each has tries and pauses of its own


@dataclass(frozen=True)
class Bench:
    cloud: Cloud
    bare: BareFunctions

    def pace(self, tokens_per_s: float) -> None:
        """Of both backends' engines."""
        faults.set_pace(Places(Path(self.cloud.state.directory)), tokens_per_s)
        self.cloud.bedrock_pace.parent.mkdir(parents=True, exist_ok=True)
        self.cloud.bedrock_pace.write_text(str(tokens_per_s))
        time.sleep(0.2)  # they look twenty times a second

    def ask(self, backend: BackendName, tokens: int) -> dict[str, Any]:
        """A request's body."""
        return {"model": f"{MODEL}@{backend.value}", **says(tokens)}

    def stream(
        self, body: dict[str, Any], path: str = "/chat/completions", at_first: Callable[[], object] = lambda: None
    ) -> sse.Heard:
        url, key = self.cloud.outputs["api_url"] + path, self.cloud.outputs["api_key"]
        return asyncio.run(sse.listen(url, body, key, at_first))

    def wait_until_ready(self) -> None:
        """Until the GPU answers: on a busy laptop its session is on before its worker is."""
        for _ in range(READY_TRIES):
            with contextlib.suppress(RuntimeError):
                self.stream(self.ask(BackendName.GPU, 1))
                return
        raise RuntimeError("the GPU did not come up")


def says(tokens: int) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": f"count to {tokens}"}], "max_tokens": tokens}
