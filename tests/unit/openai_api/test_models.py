"""The list of models says how each backend is, what it takes and what it costs, as it is just now."""

from typing import Any

import pytest

from foreverus.backends.tokens import BEDROCK_CONTEXT_TOKENS
from foreverus.choice.request_records import GpuStatus
from foreverus.costs.prices import TokenPrice
from foreverus.errors import NotFound
from foreverus.openai_api.models import GPU_PRICE, ModelList
from foreverus.openai_api.requests import Served
from tests.unit.openai_api.world import MODEL, PRICE

SMALL, LARGE = 8192, 65536
PAID_BY_THE_HOUR = (None, None, GPU_PRICE)
PAID_BY_THE_TOKEN = (0.15, 0.20, "a test's")


def backend_of(one: dict[str, Any]) -> tuple[str, str, tuple[float | None, float | None, str]]:
    prices = one["usd_per_million_prompt_tokens"], one["usd_per_million_completion_tokens"], one["price_source"]
    return one["backend"], one["state"], prices


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (GpuStatus.NONE, "off"),
        (GpuStatus.BOOTING, "booting"),
        (GpuStatus.HEALTHY, "ready"),
        (GpuStatus.FULL, "full"),
    ],
)
@pytest.mark.parametrize("bedrock", [None, PRICE])
@pytest.mark.parametrize("context_tokens", [SMALL, LARGE])
def test_state_context_and_prices_of_the_gpu_and_bedrock(
    status: GpuStatus, state: str, bedrock: TokenPrice | None, context_tokens: int
) -> None:
    models = ModelList(served=Served(MODEL), context_tokens=context_tokens, bedrock=bedrock, gpu=lambda: status)
    gpu = "gpu", state, PAID_BY_THE_HOUR
    on_bedrock = [] if bedrock is None else [("bedrock", "ready", PAID_BY_THE_TOKEN)]
    either = min(context_tokens, BEDROCK_CONTEXT_TOKENS) if bedrock else context_tokens  # whoever answers, it fits
    expected = [
        (MODEL, either, [gpu, *on_bedrock]),
        (f"{MODEL}@gpu", context_tokens, [gpu]),
        *((f"{MODEL}@bedrock", BEDROCK_CONTEXT_TOKENS, [one]) for one in on_bedrock),
    ]
    listed: Any = models.list_models()["data"]
    assert [(one["id"], one["context_window"], [*map(backend_of, one["backends"])]) for one in listed] == expected
    assert [models.get(one["id"]) for one in listed] == listed
    if bedrock is None:
        with pytest.raises(NotFound):
            models.get(f"{MODEL}@bedrock")
