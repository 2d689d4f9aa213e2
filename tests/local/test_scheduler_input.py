"""A schedule's input says which run it is."""

from datetime import UTC, datetime, timedelta

import pytest

from local.emulator import ACCOUNT, Emulator
from tests.cloud import unique
from tests.local.machines import make_queue, make_role, receive

pytestmark = pytest.mark.cloud


def run_of_a_schedule(emulator: Emulator) -> tuple[str, str]:
    """(when it was scheduled for, what its target was given)."""
    queue = make_queue(emulator)
    role = f"arn:aws:iam::{ACCOUNT}:role/{make_role(emulator, 'scheduler')}"
    soon = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%S")
    emulator.client("scheduler").create_schedule(
        Name=unique("schedule"),
        ScheduleExpression=f"at({soon})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue.rpartition('/')[2]}",
            "RoleArn": role,
            "Input": '{"scheduled_at": "<aws.scheduler.scheduled-time>"}',
        },
    )
    return f"{soon}Z", str(receive(emulator, queue)["Body"])


def test_a_run_is_told_its_time(emulator: Emulator) -> None:
    soon, body = run_of_a_schedule(emulator)
    assert body == f'{{"scheduled_at": "{soon}"}}'


def test_emulator_still_tells_every_run_the_same(unpatched: Emulator) -> None:
    """The day this fails, the emulator does it itself: delete the patch."""
    _, body = run_of_a_schedule(unpatched)
    assert body == '{"scheduled_at": "<aws.scheduler.scheduled-time>"}'
