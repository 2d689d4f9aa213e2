"""The end of a message that no session answers, in one transaction: the answer, the end of its waiting, what it cost in
the month's ledger, its reservation gone, and the person's usage. Or its move to the other backend, likewise.

No step between these can be lost, and each is there once: the answer's condition and the ledger's entry see to it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from foreverus import ids
from foreverus.aws import keys, person_keys
from foreverus.aws.dynamo import ConditionFailed, Table, Write, delete_write, put_write, update_write
from foreverus.aws.read_ahead import ReadAhead
from foreverus.conversations.answer_writes import final_writes, still_asked, title_writes
from foreverus.conversations.items import answer_from_item
from foreverus.conversations.records import BedrockCharge, FinishedAnswer, MessageRef, Saved
from foreverus.costs.ledger import CountedCost
from foreverus.costs.meter import month_of
from foreverus.costs.money import at_most, exact
from foreverus.costs.purse import TRIES, PurseStore
from foreverus.costs.reservations import Owner, Reservation
from foreverus.costs.usage.records import UsageKind, Used, UsedService
from foreverus.costs.usage.store import usage_write
from foreverus.errors import NotAccepted
from foreverus.sessions.pending import PendingMessage, PendingWorkStore, move_writes, pending_key

UNREAD = "unread"  # of a ledger entry: what was paid for an answer that nobody got
NOTHING = BedrockCharge(0, 0, 0.0)


@dataclass(frozen=True, slots=True)
class CallAccount:
    """Under what a message's calls are reserved and counted. `month`: `2026-11`, that of its first reservation."""

    month: str
    name: str

    @classmethod
    def of(cls, message: MessageRef, now: datetime) -> "CallAccount":
        return cls(month_of(ids.timestamp(now)), f"{message.conversation_id}/{message.message_id}")


@dataclass(frozen=True)
class MessageEnds:
    items: Table
    purse: PurseStore
    clock: Callable[[], datetime]

    def ahead(self, message: MessageRef, account: CallAccount, documents: bool = False) -> ReadAhead:
        """What answering a message reads of its conversation and of the month, with one call. `documents`: they are
        on, so whether its person has any."""
        more = [person_keys.ready_documents_key(message.user_id)] if documents else []
        return ReadAhead(
            self.items,
            keys.conversation_key(message.user_id, message.conversation_id),
            person_keys.memories_key(message.user_id),
            keys.purse_total_key(account.month),
            keys.ledger_total_key(account.month),
            keys.reservation_key(account.month, account.name),
            *more,
        )

    def reserve(
        self,
        account: CallAccount,
        usd: float,
        until: datetime,
        beside: Sequence[Write] = (),
        read: ReadAhead | None = None,
    ) -> bool:
        """What the next call may cost, and `beside`, all or nothing: False where a condition of `beside` is not met.
        `read`: of `ahead`. Raises SpendCapReached, NotAccepted."""
        since = ids.timestamp(self.clock())
        wanted = Reservation(account.month, account.name, Owner.CHAT, at_most(usd), since, ids.timestamp(until))
        purse = self.purse.over(read) if read else self.purse
        return purse.reserve_with(wanted, beside)

    def finish(self, waiting: PendingMessage, finished: FinishedAnswer, account: CallAccount, now: datetime) -> Saved:
        """Saves the message's end. `finished.charge`: all that Bedrock took for it."""
        message = MessageRef.of(waiting)
        answered = {
            **keys.answered_key(keys.NO_SESSION, message.message_id),
            "conversation_id": message.conversation_id,
            "user_id": message.user_id,
            "answered_at": ids.timestamp(now),
        }
        writes = (
            *final_writes(message, finished.record(message, "", now)),
            delete_write(pending_key(waiting), "attribute_exists(pk)"),
            put_write(answered),
        )
        used = (finished.charge or NOTHING).used(1)
        failed = self._write(
            writes,
            message,
            finished.charge or NOTHING,
            account,
            replace(used, service=UsedService(waiting.backend.value)),
        )
        if 0 in failed:
            return Saved.DUPLICATE
        if failed & {1, 2}:
            return Saved.DELETED
        return Saved.MOVED if failed else Saved.SAVED

    def charge(self, message: MessageRef, charge: BedrockCharge, account: CallAccount, call: str) -> None:
        """Counts what was paid for an answer that nobody got: there was another one, or the conversation is gone.
        `call`: a name that no other one of the message has, for several may have written it."""
        self._write((), message, charge, CallAccount(account.month, f"{account.name}/{UNREAD}/{call}"))

    def entitle(self, message: MessageRef, title: str, charge: BedrockCharge, account: CallAccount) -> bool:
        """Keeps a conversation's title with what it cost; that alone where it is empty, the conversation has one of the
        model's, or is gone. Whether it was kept."""
        if title and not self._write(title_writes(message, title), message, charge, account):
            return True
        self._write((), message, charge, account)
        return False

    def move(self, waiting: PendingMessage, account: CallAccount, charge: BedrockCharge = NOTHING) -> bool:
        """It waits for the other backend from here on, and its reader is told, once in each conversation. False: it
        waits for this one no more, or its conversation is gone."""
        message = MessageRef.of(waiting)
        conversation = keys.conversation_key(message.user_id, message.conversation_id)
        found = self.items.get(conversation)
        if found is None:
            return False
        question = still_asked(message)
        if not found.get("move_told"):
            key, says = keys.question_key(message.conversation_id, message.message_id), {":from": waiting.backend.value}
            question = update_write(key, "SET moved_from = :from", says, "attribute_exists(pk)")
        change = update_write(
            conversation, "SET move_told = :yes ADD version :one", {":yes": True, ":one": 1}, "attribute_exists(pk)"
        )
        lost, counted = self._lost_with_a_gpu(message)
        return not self._write((*move_writes(waiting), change, question, *counted), message, charge, account, lost)

    def _lost_with_a_gpu(self, message: MessageRef) -> tuple[Used | None, tuple[Write, ...]]:
        """What a GPU had written of an answer, and was lost before it could count: it is counted with the move, for the
        other backend begins anew."""
        key = keys.answer_key(message.conversation_id, message.message_id)
        item = self.items.get(key)
        begun = answer_from_item(item) if item else None
        if begun is None or not begun.session_id or begun.partial_tokens <= begun.counted_tokens:
            return None, ()
        tokens = begun.partial_tokens - begun.counted_tokens
        counted = update_write(
            key,
            "SET counted_tokens = :all",
            {":all": begun.partial_tokens, ":id": begun.session_id},
            "session_id = :id",
        )
        return Used(service=UsedService.GPU, kind=UsageKind.CHAT, completion_tokens=tokens), (counted,)

    def release(self, account: CallAccount) -> None:
        """Nothing more is spent on the message."""
        self.purse.release(account.month, account.name)

    def forget(self, message: MessageRef, account: CallAccount) -> None:
        """The conversation was deleted, or the message has its end: it waits for nobody, and nothing is reserved."""
        PendingWorkStore(self.items).forget(message.message_id)
        self.release(account)

    def _write(
        self,
        writes: Iterable[Write],
        message: MessageRef,
        charge: BedrockCharge,
        account: CallAccount,
        used: Used | None = None,
    ) -> frozenset[int]:
        """With what it cost. Returns the places of those of `writes` whose conditions were not met: nothing was written
        then. Raises NotAccepted where too many others change the purse at once."""
        ours = tuple(writes)
        cost = CountedCost(exact(charge.usd), ids.timestamp(self.clock()), not charge.price_known)
        used = used or charge.used()
        for _ in range(TRIES):
            settling = self.purse.settling(account.month, account.name, cost)
            counted = (
                (usage_write(message.user_id, self.clock(), used),)
                if used.messages or used.tokens or charge.usd
                else ()
            )
            if not (ours or settling or counted):
                return frozenset()
            try:
                self.items.transact(*ours, *settling, *counted)
            except ConditionFailed as err:
                if failed := frozenset(place for place in err.writes if place < len(ours)):
                    return failed
                if cost.usd and self.purse.ledger.has(account.month, account.name):  # by an earlier try
                    if not ours:
                        return frozenset()
                    cost = CountedCost(exact(0), cost.at)
            else:
                return frozenset()
        raise NotAccepted("The month's purse is changed by too many at once.")
