"""Of money: what was used, and what something would cost."""

from typing import TypedDict


class SumObject(TypedDict, total=False):
    day: str
    backend: str
    person: str
    kind: str
    messages: int
    prompt_tokens: int
    completion_tokens: int
    usd: float
    if_gpu_usd: float | None
    if_bedrock_usd: float | None
    if_always_on_usd: float | None


class ReportObject(TypedDict, total=False):
    totals: SumObject
    groups: list[SumObject]


class AssumptionObject(TypedDict, total=False):
    name: str
    low: float | None
    expected: float | None
    high: float | None
    unit: str
    source: str


class CapsObject(TypedDict, total=False):
    monthly_usd: float
    session_usd: float


class ForecastObject(TypedDict, total=False):
    text: str


UsageObject = TypedDict(
    "UsageObject",
    {
        "month": str,
        "spent_usd": float,
        "live_usd": float,
        "total_usd": float,
        "reserved_usd": float,
        "left_usd": float,
        "caps": CapsObject,
        "forecast": ForecastObject,
        "from": str,
        "to": str,
        "group_by": list[str],
        "team": ReportObject,
        "own": ReportObject,
        "assumptions": list[AssumptionObject],
    },
    total=False,
)


class RangeObject(TypedDict, total=False):
    low: float | None
    expected: float | None
    high: float | None


class BackendQuoteObject(TypedDict, total=False):
    backend: str
    usd: RangeObject | None
    seconds: RangeObject | None
    first_word_seconds: RangeObject | None
    why_not: str | None


class AutoObject(TypedDict, total=False):
    backend: str | None
    text: str


class LeftObject(TypedDict, total=False):
    left_usd: float
    monthly_cap_usd: float


class QuoteObject(TypedDict, total=False):
    kind: str
    work: dict[str, RangeObject]
    backends: list[BackendQuoteObject]
    auto: AutoObject
    assumptions: list[AssumptionObject]
    month: LeftObject


class QuoteRequest(TypedDict, total=False):
    kind: str
    minutes: int
    idle_seconds: int
    allow_on_demand: bool
    prompt: str
    prompt_tokens: int
    answer_tokens: int
    messages: int
    images: int
    file_id: str
    lines: int
    endpoint: str
    completion_window: str
