"""How long a JSONata expression may take.

AWS: a second, of its own machines. (Step Functions Developer Guide, "Transforming data with JSONata": an expression
that takes longer fails with States.QueryEvaluationError.)
Emulator: a second on the clock, whatever else the laptop does meanwhile: a busy one fails expressions of a millisecond,
and their executions take another way.
Patch: a second of the processor's time, in the thread that evaluates.
"""

import time
from typing import Any

from local.patches import Options


def apply(options: Options) -> None:
    from jsonata import jexception, timebox

    class Timebox(timebox.Timebox):  # type: ignore[misc]
        """`timeout` in milliseconds, as the library has it; its own look at the clock is left out."""

        def __init__(self, frame: Any, timeout: int | None = None, max_depth: int | None = None):
            self.most_ms = timeout
            self.began = time.thread_time()
            super().__init__(frame, None, max_depth)

        def check_runaway(self) -> None:
            super().check_runaway()
            if self.most_ms is not None and (time.thread_time() - self.began) * 1000 > self.most_ms:
                raise jexception.JException("D1012", -1, self.most_ms)

    timebox.Timebox = Timebox
