"""The passwords that a deployment makes before its database."""

import os
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws
from foreverus.settings.database import MakePasswordsSettings

if TYPE_CHECKING:
    from foreverus.deployment.passwords import DatabasePasswords


def build() -> "DatabasePasswords":
    from foreverus.deployment.passwords import DatabasePasswords

    env = MakePasswordsSettings.from_env(os.environ)
    return DatabasePasswords(aws.secure_parameters(), env.database_passwords)
