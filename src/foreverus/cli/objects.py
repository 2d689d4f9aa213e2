"""The API's JSON objects, as far as the command line reads them. A field may be missing: servers differ in age."""

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


class ConversationObject(TypedDict, total=False):
    id: str
    title: str
    system: str
    backend: str | None
    created_at: str
    updated_at: str


class MessageTokens(TypedDict, total=False):
    prompt_tokens: int
    completion_tokens: int


class ChoiceObject(TypedDict, total=False):
    """Why a backend was chosen. `numbers`: what was reckoned with."""

    backend: str
    reason: str
    text: str
    numbers: dict[str, float | str | bool]


class MessageObject(TypedDict, total=False):
    """A question or an answer; `content` is None in a frame that cannot hold it."""

    id: str
    role: str
    in_reply_to: str
    content: str | None
    status: str
    created_at: str
    session_id: str
    usage: MessageTokens
    finish_reason: str
    backend: str
    choice: ChoiceObject
    moved_from: str
    trimmed_messages: int
    memories: int
    cost_usd: float
    error: ErrorObject


class MessageRequest(TypedDict, total=False):
    content: str
    images: list[str]
    backend: str
    max_tokens: int
    temperature: float


class AcceptedObject(TypedDict):
    message: MessageObject
    answer: MessageObject
    session: SessionObject | None


class TicketObject(TypedDict, total=False):
    ticket: str
    url: str


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


class KeyObject(TypedDict, total=False):
    id: str
    name: str
    last_four: str
    created_at: str
    last_used_at: str | None
    expires_at: str | None
    can_create_keys: bool
    key: str  # the key itself, in the answer that makes it and nowhere else


class KeyRevocation(TypedDict, total=False):
    id: str
    deleted: bool
    effective_within_seconds: int


class KeyRequest(TypedDict, total=False):
    name: str
    expires_at: str
    can_create_keys: bool


class ExportObject(TypedDict, total=False):
    id: str
    status: str
    created_at: str
    bytes: int
    url: str


class KeptPlace(TypedDict):
    where: str
    what: str
    days: int


class ErasureObject(TypedDict, total=False):
    id: str
    erases: list[str]
    kept: list[KeptPlace]


class UploadAddress(TypedDict, total=False):
    method: str
    url: str
    headers: dict[str, str]


class FileObject(TypedDict, total=False):
    id: str
    bytes: int
    upload: UploadAddress
