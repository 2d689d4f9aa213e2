"""What ends a session."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus import settings
from foreverus.bootstrap import shared

if TYPE_CHECKING:
    from foreverus.sessions.closing import SessionCloser


@cache
def build() -> "SessionCloser":
    return shared.session_closer(settings.CloseSessionSettings.from_env(os.environ))
