"""A batch's round on Bedrock."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, shared
from foreverus.settings.batches import AnswerBatchSettings

if TYPE_CHECKING:
    from foreverus.batches.shards.on_bedrock import OnBedrock


@cache
def build() -> "OnBedrock":
    from foreverus.batches.shards.on_bedrock import OnBedrock
    from foreverus.batches.shards.rounds import RoundStore
    from foreverus.batches.store import BatchStore
    from foreverus.costs.prices import bedrock_price

    env = AnswerBatchSettings.from_env(os.environ)
    table = aws.items(env.table_name)
    return OnBedrock(
        store=BatchStore(table),
        rounds=RoundStore(table),
        objects=aws.objects(env.data_bucket),
        backend=shared.bedrock_backend(env.bedrock_model_id),
        purse=shared.purse(env.table_name),
        price=bedrock_price(env.bedrock_model_id, aws.region()),
        calls_at_once=shared.BEDROCK_CALLS,
        clock=aws.clock,
        metrics=aws.metrics(),
    )
