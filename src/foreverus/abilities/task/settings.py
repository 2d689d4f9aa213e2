"""What the container needs from its environment, and the times it lives by."""

from dataclasses import dataclass

from foreverus.settings.base import Settings

READY_S = 60.0  # for its token, which the state machine writes right after the start
HEARTBEAT_S = 5.0
LOST_S = 60.0  # without one answer of AWS for so long, it ends
DRAIN_S = 60.0  # for what is in hand at its longest life
VISIBILITY_S = 30  # of a job in hand; extended with each heartbeat
RECEIVE_S = 1.0  # a long poll; also how long an end can have to wait for it


@dataclass(frozen=True, kw_only=True)
class TaskSettings(Settings):
    """The field `table_name` is the variable `TABLE_NAME`, and so on. `run_id`: comes with the start of the task."""

    run_id: str
    table_name: str
    data_bucket: str
    queue_url: str
    idle_seconds: int
    max_seconds: int
    slots: int  # jobs in work at once
