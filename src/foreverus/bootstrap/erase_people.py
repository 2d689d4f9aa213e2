"""What takes people out of every store."""

import os
from functools import partial
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws
from foreverus.settings.people import ErasePeopleSettings

if TYPE_CHECKING:
    from foreverus.deletions.work import Deletions, Erased


def run() -> "list[Erased]":
    """What is gone now. Raises PeopleNotErased when everything was tried and something failed."""
    from foreverus.attempts import Attempts
    from foreverus.privacy.erasing import PeopleNotErased

    attempts = Attempts()
    erased = build().work_off(attempts)
    attempts.raise_any(PeopleNotErased)
    return erased


def build() -> "Deletions":
    """Batches last: they are owed by the people before them."""
    from foreverus.access.store import ApiKeyStore
    from foreverus.aws.cognito_users import CognitoUsers
    from foreverus.aws.s3_versions import ObjectVersions
    from foreverus.batches.store import BatchStore
    from foreverus.costs.ledger import LedgerStore
    from foreverus.deletions.owed import OwedDeletions, OwedKind
    from foreverus.deletions.work import Deletions, Erase
    from foreverus.notifications.outbox import OutboxStore
    from foreverus.privacy.batches import EraseBatch
    from foreverus.privacy.erasing import ErasePerson
    from foreverus.privacy.receipts import Erasures
    from foreverus.results.migrations import ERASER_ROLE

    env = ErasePeopleSettings.from_env(os.environ)
    table = aws.items(env.table_name)
    versions = ObjectVersions(aws.client("s3"), env.data_bucket)
    erase: dict[OwedKind, Erase] = {
        OwedKind.PERSON: ErasePerson(
            items=table,
            api_keys=ApiKeyStore(aws.items(env.keys_table_name)),
            members=CognitoUsers(aws.client("cognito-idp"), env.user_pool_id),
            versions=versions,
            database=partial(aws.lent_database, env, ERASER_ROLE, "eraser") if env.database_cluster_arn else None,
            erasures=Erasures(table),
            clock=aws.clock,
        ),
        OwedKind.BATCH: EraseBatch(
            BatchStore(table), LedgerStore(table), versions, OutboxStore(table), aws.tasks(), aws.clock
        ),
    }
    return Deletions(OwedDeletions(table), erase, aws.clock)
