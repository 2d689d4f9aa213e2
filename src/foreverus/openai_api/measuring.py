"""What is measured of a program's request: from its admission to its first word and to its end."""

import asyncio

from foreverus.backends.port import BackendName
from foreverus.errors import ModelLoading
from foreverus.metric_definitions import RequestKind
from foreverus.metrics import Metrics
from foreverus.openai_api import failures


class RequestTimes:
    """Of one request; it begins where this is made. Who goes before the end has no answer: nothing is said of it."""

    def __init__(self, metrics: Metrics, streams: bool):
        self._metrics = metrics
        self._streams = streams
        self._began = asyncio.get_running_loop().time()
        self._word: float | None = None
        self._is_over = False

    def word(self) -> None:
        """Something of the answer is there."""
        if self._word is None:
            self._word = self._elapsed()

    def end(self, by: BackendName, error: Exception | None = None) -> None:
        """Only the first call says it: an error after the answer's end is none of the answer. A client that is told
        that it asked wrongly, too much, or before a GPU is on, was answered. Of SageMaker nothing is said: it measures
        itself, and ten metrics are free (metric_definitions.py)."""
        if self._is_over or by is BackendName.SAGEMAKER:
            return
        self._is_over = True
        first_word = self._word if self._streams else None
        code = "" if error is None else failure(error)
        if error is None or code:
            self._metrics.answer(by.value, RequestKind.API, first_word, None if error else self._elapsed(), code)

    def _elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self._began


def failure(error: Exception) -> str:
    """A code where the error is our failure, else nothing."""
    if isinstance(error, ModelLoading):
        return ""
    known = failures.told(error)
    if known is None:
        return "internal_error"
    return known.reason or "backend_failed" if known.status >= 500 or known.reason == "backend_busy" else ""
