"""What something would cost: figures and quotes."""

import os
from functools import cache, partial
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, images, shared
from foreverus.settings.api import ApiSettings

if TYPE_CHECKING:
    from foreverus.spending.figures import CostFiguresLook
    from foreverus.spending.quotes import QuoteService


@cache
def service() -> "QuoteService":
    from foreverus.batches.input.source import BatchInputs
    from foreverus.choice.refusals import RefusalStore
    from foreverus.spending.batch_input import BatchFiles
    from foreverus.spending.quotes import QuoteService

    env = ApiSettings.from_env(os.environ)
    files = shared.file_service(env.table_name, env.data_bucket)
    inputs = BatchInputs(files, files.objects, env.data_bucket)
    look = images.look_at_backends(env)
    refusals = RefusalStore(aws.items(env.table_name), aws.clock)
    return QuoteService(
        figures=figures(env),
        look=lambda: look(refusals.left_s()),
        files=BatchFiles(inputs, env.model_id, env.context_tokens, partial(images.line_rules, env)),
        session_cap_usd=env.session_cap_usd,
        max_gpus=env.max_gpus,
        context_tokens=env.context_tokens,
        clock=aws.clock,
        **images.quoted(env),
    )


def figures(env: ApiSettings) -> "CostFiguresLook":
    """What quotes and comparisons are reckoned with."""
    from foreverus.batches.store import BatchStore
    from foreverus.costs.database import wake_usd
    from foreverus.sessions.store import SessionStore
    from foreverus.spending.figures import CostFiguresLook

    table = aws.items(env.table_name)
    deployment = shared.deployment(env, env.idle_seconds, env.max_gpus)
    database_usd = 0.0 if env.database == "none" else wake_usd()
    return CostFiguresLook(SessionStore(table), BatchStore(table).speed, deployment, database_usd)
