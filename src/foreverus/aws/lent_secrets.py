"""A secret of Secrets Manager that is there only while somebody needs it.

The Data API takes a login from a secret and from nothing else, and a secret that is kept costs US$ 0.40 a month.
What logs in seldom keeps its password elsewhere (`aws/ssm.py`) and makes a secret of it for as long as it works. A note
in the table stands there before the secret does: what a crash leaves, the sweep deletes.
"""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import Table

log = logging.getLogger(__name__)

LONGEST_LOAN = timedelta(minutes=20)  # no function runs longer than 15


@dataclass(frozen=True)
class LentSecrets:
    """`secrets`: a client of Secrets Manager."""

    secrets: Any
    items: Table
    clock: Callable[[], datetime]

    @contextmanager
    def lend(self, prefix: str, username: str, password: str) -> Iterator[str]:
        """The ARN of a login's secret, named `<prefix><random>`; afterwards it is gone. Raises ClientError."""
        name = self._note(prefix)
        try:
            yield self._make(name, username, password)
        finally:
            try:
                self.take_back(name)
            except Exception:
                log.exception("%s is still there: the sweep deletes it", name)

    def leave(self, prefix: str, username: str, password: str) -> str:
        """The same for a process of which nobody says when it ends: the sweep deletes it, once LONGEST_LOAN is over."""
        return self._make(self._note(prefix), username, password)

    def _note(self, prefix: str) -> str:
        now = self.clock()
        name = ids.new_id(prefix, now)
        self.items.put({**keys.lent_secret_key(name), "until": ids.timestamp(now + LONGEST_LOAN)})
        return name

    def _make(self, name: str, username: str, password: str) -> str:
        login = json.dumps({"username": username, "password": password})
        return str(self.secrets.create_secret(Name=name, SecretString=login)["ARN"])

    def overdue(self) -> list[str]:
        """The names of those whose function has ended, whatever became of it."""
        now = ids.timestamp(self.clock())
        return [item["sk"] for item in self.items.query(keys.LENT_SECRETS) if item["until"] < now]

    def take_back(self, name: str) -> None:
        """At once and for good: no window in which it could be restored. Raises ClientError."""
        try:
            self.secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        except self.secrets.exceptions.ResourceNotFoundException:
            log.info("%s was not there", name)
        self.items.delete(keys.lent_secret_key(name))
