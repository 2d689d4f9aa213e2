"""A batch's round on Bedrock."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, containers, images, shared
from foreverus.settings.batches import AnswerBatchSettings

if TYPE_CHECKING:
    from foreverus.batches.shards.images import LineBackends
    from foreverus.batches.shards.on_bedrock import OnBedrock

WHOLE_ANSWER_S = 300  # that of the other model's client (backends/bedrock.py)


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
        images=_images(env),
    )


def _images(env: AnswerBatchSettings) -> "LineBackends":
    from foreverus.abilities.read_image.stored import StoredTexts
    from foreverus.batches.shards.images import NO_IMAGES, ReadImages, SeenImages
    from foreverus.costs.prices import bedrock_price

    objects = aws.objects(env.data_bucket)
    if env.images == containers.CONTAINER:
        return ReadImages(reader=lambda: StoredTexts(containers.patient_reader(env), objects))
    if not env.images_model_id:
        return NO_IMAGES
    seer = images.sight(env.images_model_id, shared.BEDROCK_CALLS, WHOLE_ANSWER_S)
    return SeenImages(seer=seer, sight=bedrock_price(env.images_model_id, aws.region()), objects=objects)
