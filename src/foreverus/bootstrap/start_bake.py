"""What starts a bake's session."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus import settings
from foreverus.bootstrap import shared

if TYPE_CHECKING:
    from foreverus.sessions.baking import Bakes


@cache
def build() -> "Bakes":
    from foreverus.sessions.baking import Bakes

    env = settings.StartBakeSettings.from_env(os.environ)
    return Bakes(shared.starter(env.table_name, env.gpu_session_arn, env.monthly_cap_usd))
