"""What people do with their account as a whole: delete it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from foreverus import ids
from foreverus.access.records import Caller
from foreverus.access.sockets import Sockets
from foreverus.access.store import ApiKeyStore
from foreverus.api.responses import Body
from foreverus.attempts import Attempts
from foreverus.aws.cognito_users import CognitoUsers
from foreverus.aws.dynamo import Table
from foreverus.deletions.owed import OwedDeletion, OwedDeletions, OwedKind, owed_write
from foreverus.errors import NotAllowed
from foreverus.privacy.kept import Kept
from foreverus.privacy.receipts import Erasure, Erasures, Store, new_erasure, receipt_write
from foreverus.privacy.views import public_erasure

logger = logging.getLogger(__name__)


class Function(Protocol):
    def call(self) -> None:
        """Without waiting for its answer."""


@dataclass(frozen=True)
class AccountService:
    """`sockets`: theirs, which are closed. `eraser`: works off what is owed, and is called every few minutes besides.
    `kept`: what no deletion reaches."""

    items: Table
    api_keys: ApiKeyStore
    members: CognitoUsers
    sockets: Sockets
    eraser: Function
    kept: Sequence[Kept]
    clock: Callable[[], datetime]

    def delete(self, caller: Caller, confirmed: Mapping[str, object]) -> Body:
        """Everything of the caller's is owed from here on, and nothing lets them in any more. Asked for again it is the
        same deletion. What fails after it is owed is done by the eraser. `confirmed`: the request, which its schema
        lets through with the right words only. Raises NotAllowed."""
        if caller.key_id and not caller.can_create_keys:
            message = (
                "This API key may not delete the account of its owner. Do it on the page, or with a key that was made "
                "to make keys (can_create_keys)."
            )
            raise NotAllowed(message, code="key_cannot_delete_account")
        erasure = self._owed(caller.user_id) or self._owe(caller.user_id)
        attempts, erasures = Attempts(), Erasures(self.items)
        with attempts.at(f"{erasure.receipt_id}: keys"):
            erasures.count(erasure.receipt_id, Store.KEYS, "api_keys", self.api_keys.forget_person(caller.user_id))
        with attempts.at(f"{erasure.receipt_id}: user pool"):
            erasures.count(erasure.receipt_id, Store.COGNITO, "users", self.members.delete(caller.user_id))
        self.sockets.close(caller.user_id)  # after the pool: whoever can sign in opens new ones
        with attempts.at(f"{erasure.receipt_id}: calling the eraser"):
            self.eraser.call()
        logger.info("%s was asked for", erasure.receipt_id)
        return public_erasure(erasure, self.kept)

    def _owed(self, user_id: str) -> Erasure | None:
        owed = OwedDeletions(self.items).get(OwedKind.PERSON, user_id)
        return Erasures(self.items).get(owed.receipt_id) if owed else None

    def _owe(self, user_id: str) -> Erasure:
        now = self.clock()
        erasure = new_erasure(user_id, now)
        owed = OwedDeletion(
            kind=OwedKind.PERSON,
            name=user_id,
            user_id=user_id,
            deleted_at=ids.timestamp(now),
            receipt_id=erasure.receipt_id,
        )
        self.items.transact(owed_write(owed), receipt_write(erasure))
        return erasure
