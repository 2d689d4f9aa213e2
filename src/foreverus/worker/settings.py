"""What the worker needs from its environment (`/etc/foreverus/worker.env`), and the times it lives by."""

from dataclasses import dataclass

from foreverus.settings.base import Settings


@dataclass(frozen=True, kw_only=True)
class WorkerSettings(Settings):
    """The field `table_name` is the variable `TABLE_NAME`, and so on; `from_env` names the one that is missing."""

    table_name: str
    chat_queue_url: str
    batch_queue_url: str
    websocket_callback_url: str
    data_bucket: str
    find_sources_function: str  # who finds passages of documents for a question; empty: documents are off
    show_images_function: str  # who lends the images of a question; empty: the model is shown none
    model_id: str
    gpu_model_sees: str  # which family it is of (backends/sights.py), where it is shown images
    context_tokens: int  # of one conversation in the engine: prompt and answer
    engine_url: str
    engine_slots: int  # streams that the engine answers at once
    idle_seconds: int  # 0: by policy (worker/idle_limit.py)
    chat_bedrock_model_id: str  # who answers chats while no GPU is on; empty: nobody
    max_session_seconds: int
    visibility_seconds: int
    heartbeat_seconds: int
    aws_default_region: str
    conversation_retention_days: int  # 0: kept
    machine_dir: str  # where the machine's units say how they are (worker/units.py)
    stack_name: str
    metrics_log_group: str  # where CloudWatch reads the worker's metrics
    more_metrics: str  # true or false: beyond the ten that are free

    @property
    def has_more_metrics(self) -> bool:
        return self.more_metrics == "true"

    @property
    def max_life_margin_s(self) -> float:
        """How long before its maximum life a worker starts to drain: nobody likes to be cut off by the OS timer."""
        return min(120.0, self.max_session_seconds * 0.1)

    @property
    def lost_contact_s(self) -> float:
        """Without one successful AWS call for so long, a worker gives up: the state machine has, too."""
        return max(30.0, 4.0 * self.heartbeat_seconds)


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Intervals in seconds. Tests shorten none of them: they run on a clock of their own."""

    health_poll: float = 0.05  # while loading; loopback, and a second of GPU is worth more
    engine_gone: float = 10.0  # an engine that was there while loading and then is not for so long has died
    boot_budget: float = 900.0  # the state machine's own limit comes first; this one needs nobody
    mailbox_boot: float = 0.15  # until the serve token is there
    mailbox: float = 1.0
    spot_poll: float = 5.0  # AWS recommends it; the notice comes two minutes ahead
    engine_watch: float = 2.0
    units_look: float = 0.5  # a stat of three small files; an engine that ended is noticed in so long
    engine_confirm: float = 0.5  # between the looks that make a failed engine certain
    receive_wait: float = 2.0  # a long poll; also how long an end can have to wait for it
    receive_retry: float = 1.0
    idle_look: float = 0.5
    drain: float = 120.0  # for answers in flight when somebody ends the session
    hand_back: float = 10.0  # for giving messages back when time is short
    report_wait: float = 20.0  # for a token that the state machine has not written yet
    report: float = 60.0  # for telling the state machine, through failing calls
    last_frames: float = 3.0  # for the last frames to slow clients
