"""The passwords of those who log in to PostgreSQL seldom: made before the cluster is, gone after it.

In a custom resource, because CloudFormation makes no SecureString. Nobody sees them: the cluster takes its master's
through a reference that CloudFormation resolves (`ssm-secure`), the others are set by the migrations.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from foreverus.aws.ssm import SecureParameters

LOGINS = ("master", "eraser", "searcher", "documents")
BYTES = 32  # of chance; 43 characters, all of which RDS takes in a password (no slash, quote, @ or space)


@dataclass(frozen=True)
class DatabasePasswords:
    """`folder`: `/<stack>/database`. A password is the parameter `<folder>/<login>`."""

    parameters: SecureParameters
    folder: str

    def make(self, properties: Mapping[str, object]) -> dict[str, str]:
        """Where the master's stands. What is there stays: the database knows it already."""
        for login in LOGINS:
            self.parameters.make(f"{self.folder}/{login}", secrets.token_urlsafe(BYTES))
        return {"Master": f"{self.folder}/master"}

    def forget(self, properties: Mapping[str, object]) -> dict[str, str]:
        self.parameters.forget(f"{self.folder}/{login}" for login in LOGINS)
        return {}
