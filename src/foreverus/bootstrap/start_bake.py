"""What starts a bake's session."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, shared
from foreverus.settings.sessions import StartBakeSettings

if TYPE_CHECKING:
    from foreverus.sessions.baking import Bakes


@cache
def build() -> "Bakes":
    from foreverus.sessions.baking import Bakes
    from foreverus.sessions.store import SessionStore

    env = StartBakeSettings.from_env(os.environ)
    starter = shared.starter(env)
    return Bakes(starter, SessionStore(aws.items(env.table_name)), aws.clock)
