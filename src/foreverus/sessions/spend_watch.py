"""What follows from a session's change: the price of a new instance is noted, what the session has reserved shrinks to
what it can still cost, a spend notice is sent.

Driven by the table's stream. An image of the stream may be old, so the record itself is asked before anything is done.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from foreverus import ids
from foreverus.costs.forecast import Forecast, Spent, forecast, months_of, sentence
from foreverus.costs.launch import Launch
from foreverus.costs.ledger import Ledger, by_days
from foreverus.costs.meter import HOW_TO_RAISE, month_of, spent_usd
from foreverus.costs.money import at_most
from foreverus.costs.prices import Price
from foreverus.costs.purse import Purse
from foreverus.notifications.notification import Notification, Notifier
from foreverus.sessions.records import Session, SpendCap
from foreverus.sessions.reserving import Lives, cap_within, is_ending, most_usd, over_at

logger = logging.getLogger(__name__)


class Records(Protocol):
    def get(self, session_id: str) -> Session | None: ...
    def note_price(self, session_id: str, launch: int, instance_id: str, price: Price, month_usd: float) -> bool: ...
    def lower_cap(self, session_id: str, cap_usd: float) -> None: ...
    def note_notified(self, session_id: str, percent: int) -> None: ...


@dataclass(frozen=True)
class SpendWatch:
    records: Records
    ledger: Ledger
    notifier: Notifier
    price_of: Callable[[Launch], Price]
    purse: Purse
    lives: Lives
    clock: Callable[[], datetime]

    def look(self, session: Session) -> None:
        """Notes prices that are missing, and notifies people of what they have not heard of.

        A session that ends at its cap may be over when this looks for the first time: its notice is still due.
        """
        if not session.is_over:  # the receipt of one that is over knows its prices itself, and its closing settles
            new = [(number, one) for number, one in enumerate(session.launches) if one.price_source is None]
            for number, launch in new:
                self._note_price(session, number, launch)
            if new or (session.launches and is_ending(session)):
                self._fit(session.session_id)
        if _is_notice_due(session):
            self._notify(session.session_id)

    def _note_price(self, session: Session, number: int, launch: Launch) -> None:
        month_usd = self.ledger.spent(month_of(session.created_at))
        self.records.note_price(
            session.session_id, number, launch.instance_id, self.price_of(launch), round(month_usd, 6)
        )

    def _fit(self, session_id: str) -> None:
        """Makes the reservation what the session can still cost at most. That is more than before where a lost GPU has
        a dearer or longer successor: then it takes what the month has left, and where that is too little, the session
        ends earlier."""
        session = self.records.get(session_id)
        if not session or session.is_over or not session.launches:
            return
        month, now = month_of(session.created_at), self.clock()
        reserved = self.purse.reservation(month, session_id)
        if reserved is None:  # of an earlier version
            return
        most, until = at_most(most_usd(session, now, self.lives)), ids.timestamp(over_at(session, now, self.lives))
        if most <= reserved.usd:
            return self.purse.shrink(month, session_id, most, until)
        got = self.purse.reserve(replace(reserved, usd=most, until=until), least=reserved.usd)
        if got.usd < most:
            self.records.lower_cap(session_id, cap_within(session, got.usd, self.lives.region))

    def _notify(self, session_id: str) -> None:
        """Told first and noted afterwards: a crash between tells twice, and never not at all."""
        session = self.records.get(session_id)
        if not session or not _is_notice_due(session):
            return
        self.notifier.send(spend_notice(session, self._forecast(session)))
        self.records.note_notified(session_id, session.spend_notice or 0)

    def _forecast(self, session: Session) -> Forecast | None:
        """None where the notice is told in a later month than the session is counted in."""
        now, month = self.clock(), month_of(session.created_at)
        if month_of(ids.timestamp(now)) != month or not session.monthly_cap_usd:
            return None
        live = 0.0 if session.is_over else spent_usd(session.launches, now, self.lives.region) + session.bedrock.usd
        spent, days = Spent(self.ledger.spent(month), live), by_days(self.ledger, months_of(now))
        return forecast(days, spent, now, session.monthly_cap_usd)


def _is_notice_due(session: Session) -> bool:
    return (session.spend_notice or 0) > session.spend_told


def spend_notice(session: Session, ahead: Forecast | None = None) -> Notification:
    percent, cap = session.spend_notice or 0, session.spend_notice_cap or SpendCap.SESSION
    usd = session.monthly_cap_usd if cap is SpendCap.MONTH else session.session_cap_usd
    of = f"this month's spend cap of US$ {usd}" if cap is SpendCap.MONTH else f"its spend cap of US$ {usd}"
    what = (
        "It finishes what it is answering and ends now; what waits ends in the error SpendCapReached."
        if percent >= 100
        else "It goes on. At 100 % it finishes what it is answering and ends."
    )
    said = f"\n{sentence(ahead)}" if ahead else ""
    return Notification(
        f"Forever Us: a session has used {percent} % of {'the month' if cap is SpendCap.MONTH else 'its'} spend cap",
        f"Session {session.session_id} has used {percent} % of {of}.\n{what}\n{HOW_TO_RAISE[cap]}{said}",
    )


def watch_all(sessions: list[Session], watch: SpendWatch) -> None:
    """One session's trouble keeps nobody else's from being looked at; the stream brings what failed again."""
    failures = []
    for session in sessions:
        try:
            watch.look(session)
        except Exception as err:
            logger.exception("the spending of %s was not looked at", session.session_id)
            failures.append(err)
    if failures:
        raise failures[0]
