"""What ends a session."""

import os
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws
from foreverus.bootstrap.session_ends import session_closer
from foreverus.settings.sessions import CloseSessionSettings

if TYPE_CHECKING:
    from foreverus.sessions.closing import SessionCloser


@cache
def build() -> "SessionCloser":
    from foreverus.aws.ssm import PublishedImage

    env = CloseSessionSettings.from_env(os.environ)
    closer = session_closer(env)
    if not env.image_parameter:
        return closer
    return replace(closer, withdraw_image=PublishedImage(aws.client("ssm"), env.image_parameter).withdraw)
