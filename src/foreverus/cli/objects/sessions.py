"""Of sessions, and of the work that waits for one."""

from typing import TypedDict


class PhaseObject(TypedDict, total=False):
    name: str
    at: str
    attempt: int


class LaunchObject(TypedDict, total=False):
    launched_at: str
    gpu_usd_per_hour: float | None


class SpendObject(TypedDict, total=False):
    gpu_usd_per_hour: float | None
    usd_per_hour: float | None
    price_source: str | None
    launches: list[LaunchObject]
    session_cap_usd: float | None


class InstanceObject(TypedDict, total=False):
    id: str
    type: str | None
    availability_zone: str | None
    lifecycle: str | None


class ErrorObject(TypedDict, total=False):
    code: str | None
    message: str | None


class ReceiptObject(TypedDict, total=False):
    total_usd: float | None
    boot_seconds: float | None
    idle_seconds: float | None
    idle_usd: float | None
    if_bedrock_usd: float | None
    always_on_day_usd: float | None


class SessionUsageObject(TypedDict, total=False):
    prompt_tokens: int
    completion_tokens: int
    messages: int


class IdleObject(TypedDict, total=False):
    """How long it stays on without use, and why."""

    seconds: int
    reason: str
    text: str
    numbers: dict[str, float | str | bool]


class PoolsObject(TypedDict, total=False):
    """In which order its zones and types were asked for, and why."""

    learned: bool
    text: str


class SessionObject(TypedDict, total=False):
    id: str
    status: str
    version: int
    created_at: str
    launched_at: str | None
    healthy_at: str | None
    ended_at: str | None
    end_requested: bool
    attempt: int
    phases: list[PhaseObject]
    instance: InstanceObject | None
    idle_seconds: int | None
    idle: IdleObject | None
    pools: PoolsObject | None
    usage: SessionUsageObject
    spend: SpendObject | None
    outcome: str | None
    error: ErrorObject | None
    receipt: ReceiptObject | None
    expected_boot_seconds: float | None


class SessionRequest(TypedDict, total=False):
    idle_seconds: int
    allow_on_demand: bool


class BatchInWork(TypedDict):
    id: str | None
    owner: str
    lines: int
    lines_left: int
    goes_on: bool


class MessagesInWork(TypedDict):
    yours: int
    of_others: int


class WorkObject(TypedDict):
    session_id: str
    messages: MessagesInWork
    batches: list[BatchInWork]
