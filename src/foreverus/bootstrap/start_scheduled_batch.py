"""The schedule's batches."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws
from foreverus.bootstrap.batches import batch_service
from foreverus.settings.batches import StartScheduledBatchSettings

if TYPE_CHECKING:
    from foreverus.batches.scheduled import ScheduledBatches


@cache
def build() -> "ScheduledBatches":
    from foreverus.batches.schedule_store import ScheduleStore
    from foreverus.batches.scheduled import ScheduledBatches
    from foreverus.batches.store import BatchStore

    env = StartScheduledBatchSettings.from_env(os.environ)
    table = aws.items(env.table_name)
    return ScheduledBatches(
        service=batch_service(env),
        store=BatchStore(table),
        objects=aws.objects(env.data_bucket),
        runs=ScheduleStore(table),
        notifier=aws.notifier(env.topic_arn),
        bucket=env.data_bucket,
        clock=aws.clock,
    )
