"""Session records and the GPU slot in DynamoDB."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.demand_keys import POOL_ORDER
from foreverus.aws.dynamo import (
    ConditionFailed,
    Table,
    Write,
    delete_write,
    put_write,
    update_write,
)
from foreverus.choice.pools import PoolOrder
from foreverus.costs.ledger import CountedCost
from foreverus.costs.meter import month_of
from foreverus.costs.money import exact
from foreverus.costs.prices import Price
from foreverus.costs.purse import BUSY, TRIES, PurseStore
from foreverus.costs.receipt import idle_of
from foreverus.errors import AnotherSessionIsLive, NotAccepted
from foreverus.limits.records import CountChange, CountChanged
from foreverus.limits.store import change_write
from foreverus.notifications.outbox import OutboxEntry, Subject, entry_write
from foreverus.sessions.items import end_to_item, pools_from_item, session_from_item, session_to_item
from foreverus.sessions.records import Gpus, Session, SessionEnd, SessionStatus, SpendCap
from foreverus.sessions.reserving import first_reservation, least_usd, with_cap

AFTER_ALL = "ses_~"  # sorts behind every id that we give


class SessionStore:
    def __init__(self, items: Table):
        self.items = items
        self.purse = PurseStore(items)  # to settle and release; who claims brings one with the month's cap

    def live_session_ids(self) -> list[str]:
        """Who holds a GPU slot: the sessions that are live, from request to termination."""
        return [slot["session_id"] for slot in self.items.query(keys.GPUS, "SLOT#")]

    def gpus(self) -> Gpus:
        """In one read: to know the order costs a launch nothing."""
        items = list(self.items.query(keys.GPUS))
        slots = tuple(one["session_id"] for one in items if one["sk"].startswith("SLOT#"))
        order = next((one for one in items if one["sk"] == POOL_ORDER["sk"]), None)
        return Gpus(slots, pools_from_item(order) if order else None)

    def note_pools(self, order: PoolOrder) -> None:
        """For the next launch."""
        self.items.put({**POOL_ORDER, **asdict(order)})

    def others(self, session_id: str) -> list[Session]:
        """The live sessions beside this one that are not on their way to their end: they serve the same queues."""
        found = (self.get(one) for one in self.live_session_ids() if one != session_id)
        return [session for session in found if session and session.is_usable]

    def get(self, session_id: str) -> Session | None:
        item = self.items.get(keys.session_key(session_id))
        return session_from_item(item) if item else None

    def newest(self, limit: int, after: str = "") -> list[Session]:
        """Newest first, `after` a session's id. Ids sort by time. What the schedule of earlier versions started has its
        execution's name as its id, which begins with a hexadecimal digit: it stands behind all others."""
        found = self.items.query(keys.SESSIONS, newest_first=True, limit=limit, before=after or AFTER_ALL)
        return [session_from_item(item) for item in found]

    def claim(
        self, session: Session, purse: PurseStore, session_cap_usd: float, place: CountChange | None = None
    ) -> Session:
        """Reserves what the session may cost, writes its record and takes the GPU slot, all or nothing. Returns it with
        the cap that it got: what the month has left, where that is less than `session_cap_usd`. `place`: among those
        that its owner may start, counted with it.

        Raises SpendCapReached where that would not even pay a boot; AnotherSessionIsLive; CountChanged, where the place
        is somebody else's meanwhile; NotAccepted, where too many others reserve at the same moment."""
        slot = {"session_id": session.session_id, "claimed_at": session.created_at}
        counted = [change_write(place)] if place else []
        for _ in range(TRIES):
            offer = purse.offer(first_reservation(session, session_cap_usd), least_usd())
            claimed = with_cap(session, offer.reservation.usd, session_cap_usd)
            try:
                self.items.transact(
                    put_write(session_to_item(claimed), "attribute_not_exists(pk)"),
                    put_write({**keys.gpu_slot_key(session.slot), **slot}, "attribute_not_exists(pk)"),
                    *counted,
                    *offer.writes,
                )
            except ConditionFailed as err:
                if err.writes & {0, 1}:
                    raise AnotherSessionIsLive from err
                if counted and 2 in err.writes:
                    raise CountChanged from err
                continue
            return claimed
        raise NotAccepted(BUSY)

    def unclaim(self, session: Session) -> bool:
        """Undoes `claim` when the execution could not be started. False, and nothing is undone, when the session's
        execution has opened it; one that begins later finds no claim and ends."""
        record, slot = keys.session_key(session.session_id), keys.gpu_slot_key(session.slot)
        requested = {":requested": SessionStatus.REQUESTED}
        for _ in range(TRIES):
            try:
                self.items.transact(
                    delete_write(record, "#status = :requested", requested, names={"#status": "status"}),
                    delete_write(slot, "session_id = :s", {":s": session.session_id}),
                    *self.purse.releasing(month_of(session.created_at), session.session_id),
                )
            except ConditionFailed as err:
                if err.writes & {0, 1}:
                    return False
                continue
            return True
        raise NotAccepted(BUSY)

    def request_end(self, session_id: str, now: datetime, user_id: str, everything: bool = False) -> Session:
        """The worker reads this in its mailbox within a second or two. Of two people the first one's word counts for
        whose work ends; `everything`, an admin's, counts whenever it comes."""
        sets = [
            "end_requested = :yes",
            "end_requested_at = if_not_exists(end_requested_at, :now)",
            "end_requested_by = if_not_exists(end_requested_by, :user_id)",
            *(["end_everything = :yes"] if everything else []),
        ]
        item = self.items.update(
            keys.session_key(session_id),
            f"SET {', '.join(sets)} ADD version :one",
            {":yes": True, ":now": ids.timestamp(now), ":user_id": user_id, ":one": 1},
            condition="attribute_exists(pk)",
        )
        return session_from_item(item)

    def request_stop(self, session_id: str, work_id: str) -> bool:
        """Tells the session's worker, which looks every second, that a message or a request is wanted no more. False
        where the session is over. Who asks for it notes the same beside the work, for one that comes to it later."""
        asked = update_write(
            keys.session_key(session_id),
            "ADD stops :work, version :one",
            {":work": {work_id}, ":one": 1},
            "attribute_exists(pk) AND attribute_not_exists(ended_at)",
        )
        return self.items.transact_if(asked)

    def release_bake(self, session_id: str, now: datetime) -> None:
        """The bake is done with this GPU: what `bake_image` writes itself, where nothing cuts it off."""
        self.items.update(
            keys.session_key(session_id),
            "SET baked_at = if_not_exists(baked_at, :now) ADD version :one",
            {":now": ids.timestamp(now), ":one": 1},
            condition="attribute_exists(pk)",
        )

    def close(
        self, session: Session, end: SessionEnd, usd: float, price_unknown: bool = False, *, told: bool = True
    ) -> bool:
        """Writes the end into the record, settles what the session had reserved for what it has cost (`price_unknown`:
        at a guard's price) and notes that people are to be notified, where they are to be `told`: one transaction, so
        no crash keeps an end or its cost from anybody. False, and nothing is written, when the session has an end
        already. The GPU slot stays taken until `release_slot`. Raises NotAccepted where too many
        others settle at the same moment."""
        month, name = month_of(session.created_at or end.ended_at), session.session_id
        outbox = [entry_write(OutboxEntry(Subject.SESSIONS, name, ended_at=end.ended_at))] if told else []
        cost = CountedCost(exact(usd), end.ended_at, price_unknown, sessions=1, idle=idle_of(end.receipt))
        for _ in range(TRIES):
            try:
                self.items.transact(
                    _end_write(session, end),
                    *outbox,
                    *self.purse.settling(month, name, cost),
                )
            except ConditionFailed as err:
                if 0 in err.writes:
                    return False
                continue
            return True
        raise NotAccepted(BUSY)

    def release_slot(self, session: Session) -> None:
        """Frees the GPU slot if it is still this session's."""
        slot = keys.gpu_slot_key(session.slot)
        self.items.transact_if(delete_write(slot, "session_id = :s", {":s": session.session_id}))

    def note_price(self, session_id: str, launch: int, instance_id: str, price: Price, month_usd: float) -> bool:
        """Notes what an instance costs by the hour, once, and what the month had cost when it was bought."""
        at = f"launches[{launch}]"
        try:
            self.items.update(
                keys.session_key(session_id),
                f"SET {at}.price_per_hour_usd = :price, {at}.price_source = :source, price_per_hour_usd = :price, "
                "price_source = :source, month_usd = if_not_exists(month_usd, :month_usd) ADD version :one",
                {
                    ":price": price.usd_per_hour,
                    ":source": price.source,
                    ":month_usd": month_usd,
                    ":instance_id": instance_id,
                    ":one": 1,
                },
                condition=f"{at}.instance_id = :instance_id AND attribute_not_exists({at}.price_source)",
            )
        except ConditionFailed:
            return False
        return True

    def lower_cap(self, session_id: str, cap_usd: float) -> None:
        """For a session that the month holds no more for: its worker ends it there."""
        self.items.transact_if(  # else it is as low already
            update_write(
                keys.session_key(session_id),
                "SET session_cap_usd = :cap, capped_by = :month ADD version :one",
                {":cap": cap_usd, ":month": SpendCap.MONTH, ":one": 1},
                condition="session_cap_usd > :cap",
            )
        )

    def note_notified(self, session_id: str, percent: int) -> None:
        self.items.update(
            keys.session_key(session_id),
            "SET spend_told = :percent ADD version :one",
            {":percent": percent, ":one": 1},
            condition="attribute_exists(pk)",
        )

    def mark_stored(self, session_id: str, now: datetime) -> None:
        self.items.update(
            keys.session_key(session_id),
            "SET stored_at = :now ADD version :one",
            {":now": ids.timestamp(now), ":one": 1},
            condition="attribute_exists(pk)",
        )

    def of_owner(self, user_id: str) -> Iterator[Session]:
        """The sessions that somebody began, oldest first."""
        return (session_from_item(item) for item in self.items.query(keys.SESSIONS) if item.get("owner") == user_id)

    def forget_person(self, user_id: str, instead: str) -> int:
        """Sessions stay, with what they cost; who began them, and who asked for their end, is forgotten. Returns how
        many sessions there were."""
        roles, found = ("owner", "end_requested_by"), 0
        for item in self.items.query(keys.SESSIONS):
            mine = [role for role in roles if item.get(role) == user_id]
            if not mine:
                continue
            found += 1
            self.items.update(
                keys.session_key(item["sk"]),
                f"SET {', '.join(f'#{role} = :instead' for role in mine)} ADD version :one",
                {":instead": instead, ":one": 1},
                condition="attribute_exists(pk)",
                names={f"#{role}": role for role in mine},
            )
        return found

    def count_store_try(self, session_id: str) -> None:
        self.items.update(
            keys.session_key(session_id), "ADD store_tries :one", {":one": 1}, condition="attribute_exists(pk)"
        )

    def note_refused_row(self, session_id: str, table: str, key: str, error: str, now: datetime) -> None:
        """A row of the session that PostgreSQL does not take: which, why and when, and none of its text."""
        self.items.update(
            keys.refused_row_key(session_id, table, key),
            "SET #error = :error, #at = :at",
            {":error": error, ":at": ids.timestamp(now)},
            names={"#error": "error", "#at": "at"},
        )


def _end_write(session: Session, end: SessionEnd) -> Write:
    """The record's end, once."""
    record = end_to_item(end)
    sets = [f"#{name} = :{name}" for name in record]
    # A session that was refused before it had a record gets one that the page can show.
    sets += [f"{name} = if_not_exists({name}, :{name})" for name in ("session_id", "created_at")]
    values = {f":{name}": value for name, value in record.items()} | {
        ":one": 1,
        ":session_id": session.session_id,
        ":created_at": end.ended_at,
    }
    return update_write(
        keys.session_key(session.session_id),
        f"SET {', '.join(sets)} REMOVE task_token ADD version :one",
        values,
        condition="attribute_not_exists(ended_at)",
        names={f"#{name}": name for name in record},
    )
