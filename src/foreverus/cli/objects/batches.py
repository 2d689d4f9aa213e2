"""Of batches."""

from typing import TypedDict


class RequestCounts(TypedDict, total=False):
    total: int
    completed: int
    failed: int


class BatchFigures(TypedDict, total=False):
    """The batch's `foreverus`: what is ours."""

    choice_text: str | None
    backend: str | None
    tokens_per_second: float | None
    eta_seconds: float | None
    cost_usd: float | None
    prompt_tokens: int
    completion_tokens: int
    sessions: list[str] | None


class TokenUsageObject(TypedDict, total=False):
    input_tokens: int
    output_tokens: int


class ProblemObject(TypedDict, total=False):
    line: int | None
    param: str | None
    code: str | None
    message: str | None


class Problems(TypedDict, total=False):
    data: list[ProblemObject]
    total: int


class BatchObject(TypedDict, total=False):
    id: str
    status: str
    endpoint: str
    model: str | None
    completion_window: str
    input_file_id: str
    output_file_id: str | None
    error_file_id: str | None
    created_at: int | None
    request_counts: RequestCounts
    usage: TokenUsageObject | None
    metadata: dict[str, str] | None
    errors: Problems | None
    foreverus: BatchFigures


class BatchRequest(TypedDict, total=False):
    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: dict[str, str]


class BatchList(TypedDict):
    object: str
    data: list[BatchObject]
    has_more: bool
