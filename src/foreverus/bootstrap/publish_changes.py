"""What looks at every change of a session's record, and of what PostgreSQL has a copy of."""

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, shared
from foreverus.settings.sessions import PublishChangesSettings

if TYPE_CHECKING:
    from foreverus.aws.push import WebSocketPush
    from foreverus.results.changed_people import ChangedPeople
    from foreverus.sessions.spend_watch import SpendWatch


@dataclass(frozen=True)
class Watchers:
    push: "WebSocketPush"
    spending: "SpendWatch"
    people: "ChangedPeople"


@cache
def build() -> Watchers:
    from foreverus.results.changed_people import ChangedPeople

    env = PublishChangesSettings.from_env(os.environ)
    return Watchers(aws.push(), _spend_watch(), ChangedPeople(aws.items(env.table_name)))


def _spend_watch() -> "SpendWatch":
    """What looks at every change of a session's record for prices to note and notices to give."""
    from foreverus.aws.ec2 import SpotPrices
    from foreverus.costs.ledger import LedgerStore
    from foreverus.costs.price_book import PriceBook
    from foreverus.sessions.reserving import Lives
    from foreverus.sessions.spend_watch import SpendWatch
    from foreverus.sessions.store import SessionStore

    env = PublishChangesSettings.from_env(os.environ)
    prices = PriceBook(SpotPrices(aws.client("ec2")).at, aws.region())
    table = aws.items(env.table_name)
    return SpendWatch(
        records=SessionStore(table),
        ledger=LedgerStore(table),
        notifier=aws.notifier(env.topic_arn),
        price_of=prices.price_of,
        purse=shared.purse(env.table_name, env.monthly_cap_usd),
        lives=Lives(env.max_session_seconds, env.boot_timeout_seconds, aws.region()),
        clock=aws.clock,
    )
