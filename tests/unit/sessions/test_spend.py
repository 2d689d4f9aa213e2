"""The spend guard around sessions: ledger, caps, prices in the record, notices."""

from dataclasses import replace
from datetime import timedelta

import boto3
import pytest

from foreverus import bootstrap, ids
from foreverus.aws import keys
from foreverus.aws.sns import SnsTopic
from foreverus.costs.database import wake_usd
from foreverus.costs.launch import Launch
from foreverus.costs.ledger import LedgerStore
from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR
from foreverus.costs.prices import Price, cheapest_price
from foreverus.costs.purse import PurseStore
from foreverus.errors import SpendCapReached
from foreverus.notifications.notification import TopicNotifier
from foreverus.sessions.items import session_from_item
from foreverus.sessions.records import Session, Trigger
from foreverus.sessions.reserving import BOOT_S, Lives, least_usd
from foreverus.sessions.spend_watch import SpendWatch, watch_all
from foreverus.sessions.start import SessionStarter
from foreverus.sessions.store import SessionStore
from foreverus.sessions.views import public_usage
from tests.unit.conftest import NOW, Aws, launch_item, session_item, session_record
from tests.unit.sessions.test_closing import LATE, Machine, Waiting, closer, live, request

MONTH = "2026-01"
LIVES = Lives(14_400, 900, "us-east-1")


def spent(aws: Aws, usd: float, month: str = MONTH) -> None:
    aws.put(**keys.ledger_total_key(month), spent_usd=usd)


def starter(aws: Aws, machine: Machine, cap: float = 20.0) -> SessionStarter:
    return SessionStarter(SessionStore(aws.items), PurseStore(aws.items, cap), machine, 300, 4.0, lambda: NOW)


def test_closing_twice_counts_the_cost_once(aws: Aws) -> None:
    live(aws)
    closer(aws, Machine()).close(request("idle", terminated_at=ids.timestamp(NOW)))
    once = LedgerStore(aws.items).spent(MONTH)
    assert once == pytest.approx(0.5 * (0.4 + 0.005 + (100 * 0.08 + 125 * 0.04) / 730), abs=1e-5)
    again = replace(closer(aws, Machine()), clock=lambda: NOW + timedelta(hours=5))
    again.close(request("idle"))
    assert LedgerStore(aws.items).spent(MONTH) == once
    assert (aws.items.get(keys.ledger_total_key(MONTH)) or {})["sessions"] == 1


def test_cost_is_counted_although_the_gpu_slot_is_somebody_elses(aws: Aws) -> None:
    live(aws)
    aws.put(**keys.GPU_SLOT, session_id="ses_2")
    closer(aws, Machine()).close(request("idle", terminated_at=ids.timestamp(NOW)))
    assert LedgerStore(aws.items).spent(MONTH) > 0
    assert SessionStore(aws.items).live_session_ids() == ["ses_2"]


def test_unknown_price_is_counted_as_the_dearest(aws: Aws) -> None:
    at = ids.timestamp(NOW - timedelta(minutes=60))
    aws.put(**session_item("ses_1", launches=[launch_item(launched_at=at, instance_type="x9.unheard-of")]))
    closer(aws, Machine(), price=None).close(request("idle", terminated_at=ids.timestamp(NOW)))
    assert LedgerStore(aws.items).spent(MONTH) > 1.8


def test_month_at_its_cap_starts_nothing(aws: Aws) -> None:
    spent(aws, 20.0)
    machine = Machine()
    with pytest.raises(SpendCapReached, match=r"2026-01 have cost US\$ 20.00"):
        starter(aws, machine).start("user-1", Trigger.PAGE)
    assert machine.started == []
    assert SessionStore(aws.items).live_session_ids() == []
    assert list(aws.items.query(keys.SESSIONS)) == []


def test_new_month_starts_again(aws: Aws) -> None:
    spent(aws, 500.0, "2025-12")
    assert starter(aws, Machine()).start("user-1", Trigger.PAGE)[1]


def test_live_session_is_joined_at_the_cap(aws: Aws) -> None:
    live(aws)
    spent(aws, 20.0)
    session, started = starter(aws, Machine()).start("user-2", Trigger.PAGE)
    assert (session.session_id, started) == ("ses_1", False)


def test_what_waits_at_the_cap_ends_in_an_error_and_buys_no_successor(aws: Aws) -> None:
    live(aws)
    machine, waiting = Machine(), Waiting(LATE)
    result = closer(aws, machine, waiting=waiting).close(request("spend_cap"))
    assert waiting.rejected == [("ses_1", "SpendCapReached", "")]
    assert machine.started == []
    assert "ended at its spend cap" in result.notification.subject
    assert "SessionCapUsd" in result.notification.message


def test_successor_that_the_cap_forbids_leaves_nobody_waiting(aws: Aws) -> None:
    live(aws)
    spent(aws, 19.9)
    machine, waiting = Machine(), Waiting(LATE)
    closer(aws, machine, waiting=waiting).close(request("idle", terminated_at=ids.timestamp(NOW)))
    assert machine.started == []
    assert waiting.rejected == [("ses_1", "SpendCapReached", "")]


class Prices:
    def __init__(self, price: float | None = 0.4) -> None:
        self.price = price
        self.asked: list[str] = []

    def price_of(self, launch: Launch) -> Price:
        self.asked.append(launch.instance_id)
        return Price(self.price, "test")


def watch(aws: Aws, prices: Prices) -> SpendWatch:
    return replace(watch_of(aws, 20.0), price_of=prices.price_of)


def watch_of(aws: Aws, cap: float) -> SpendWatch:
    topic = boto3.client("sns").list_topics()["Topics"][0]["TopicArn"]
    return SpendWatch(
        SessionStore(aws.items),
        LedgerStore(aws.items),
        TopicNotifier(SnsTopic(boto3.client("sns"), topic)),
        Prices().price_of,
        PurseStore(aws.items, cap),
        LIVES,
        lambda: NOW,
    )


def session(aws: Aws) -> Session:
    return session_from_item(record(aws))


def record(aws: Aws) -> dict[str, object]:
    return aws.items.get(keys.session_key("ses_1")) or {}


def test_new_instance_gets_its_price_once(aws: Aws) -> None:
    live(aws)
    spent(aws, 3.5)
    prices = Prices()
    old_image = session(aws)
    watch(aws, prices).look(old_image)
    noted = record(aws)
    assert (noted["price_per_hour_usd"], noted["price_source"], noted["month_usd"]) == (0.4, "test", 3.5)
    assert noted["launches"][0]["price_per_hour_usd"] == 0.4  # type: ignore[index]
    watch(aws, prices).look(old_image)  # the stream may bring it again
    watch(aws, prices).look(session(aws))
    assert record(aws)["version"] == noted["version"]
    assert len(prices.asked) == 2


def test_relaunched_instance_gets_a_price_of_its_own(aws: Aws) -> None:
    live(aws)
    watch(aws, Prices(0.4)).look(session(aws))
    second = [*record(aws)["launches"], launch_item(instance_id="i-2", attempt=1)]  # type: ignore[misc]
    aws.put(**{**record(aws), "launches": second})
    watch(aws, Prices(0.9)).look(session(aws))
    assert [one["price_per_hour_usd"] for one in record(aws)["launches"]] == [0.4, 0.9]  # type: ignore[attr-defined]
    assert record(aws)["price_per_hour_usd"] == 0.9


def test_price_that_nobody_knows_is_noted_as_unknown_and_not_asked_again(aws: Aws) -> None:
    live(aws)
    prices = Prices(None)
    watch(aws, prices).look(session(aws))
    watch(aws, prices).look(session(aws))
    assert record(aws)["price_per_hour_usd"] is None
    assert len(prices.asked) == 1


def test_notice_is_sent_once_although_the_stream_repeats_itself(aws: Aws) -> None:
    live(aws, spend_notice=80, spend_notice_cap="month", monthly_cap_usd=20)
    image = session(aws)
    for _ in range(3):
        watch(aws, Prices()).look(image)
    (notification,) = aws.notifications()
    assert "80 %" in notification["Body"]
    assert "MonthlyCapUsd" in notification["Body"]


def test_notice_at_100_percent_follows_the_one_at_80(aws: Aws) -> None:
    live(aws, spend_notice=100, spend_notice_cap="session", session_cap_usd=4, spend_told=80)
    watch(aws, Prices()).look(session(aws))
    (notification,) = aws.notifications()
    assert "100 %" in notification["Body"]
    assert record(aws)["spend_told"] == 100


def test_notice_of_a_session_that_is_over_already_is_sent(aws: Aws) -> None:
    """The stream brings several changes at once, of which only the newest is looked at: the end may be among them."""
    live(aws, spend_notice=100, spend_notice_cap="month", monthly_cap_usd=20, status="ended")
    prices = Prices()
    for _ in range(2):
        watch(aws, prices).look(session(aws))
    (notification,) = aws.notifications()
    assert "100 %" in notification["Body"]
    assert prices.asked == []


def test_a_notice_says_where_the_month_ends_at_this_pace_with_what_is_on(aws: Aws) -> None:
    live(aws, spend_notice=80, spend_notice_cap="month", monthly_cap_usd=20)
    aws.put(**keys.ledger_total_key("2025-12"), spent_usd=7.0, usd_of_day_25=3.5, usd_of_day_31=3.5)
    aws.put(**keys.ledger_total_key(MONTH), spent_usd=2.0, usd_of_day_01=2.0)
    watch(aws, Prices()).look(session(aws))
    (notification,) = aws.notifications()
    says = notification["Body"]
    assert "US$ 1.00 a day for 30.5 more days" in says and "7 days from 2025-12-25 to 2025-12-31" in says
    so_far = float(says.split(" so far")[0].rpartition("US$ ")[2])
    assert 2.0 < so_far < 2.5, "the session that is on has cost something too"
    assert "cap of US$ 20.00 is reached on 2026-01-" in says


def test_a_notice_that_is_told_in_another_month_has_no_forecast(aws: Aws) -> None:
    live(aws, spend_notice=80, spend_notice_cap="month", monthly_cap_usd=20, created_at="2025-12-31T23:50:00.000Z")
    watch(aws, Prices()).look(session(aws))
    assert "pace" not in aws.notifications()[0]["Body"]


class Refusing(LedgerStore):
    def spent(self, month: str) -> float:
        if month == "2026-02":
            raise ConnectionError
        return super().spent(month)


def test_one_sessions_trouble_keeps_no_other_from_being_looked_at(aws: Aws) -> None:
    live(aws)
    broken = session_record("ses_0", created_at="2026-02-01T00:00:00.000Z")  # there is no such record to write to
    spend_watch = watch(aws, Prices())
    ledger = Refusing(aws.items)
    with pytest.raises(ConnectionError):
        watch_all([broken, session(aws)], replace(spend_watch, ledger=ledger))
    assert record(aws)["price_source"] == "test"


def test_usage_shows_month_live_and_caps(aws: Aws) -> None:
    at = ids.timestamp(NOW - timedelta(minutes=30))
    noted = launch_item(launched_at=at, price_per_hour_usd=0.4, price_source="test")
    aws.put(**session_item("ses_1", launches=[noted], price_per_hour_usd=0.4, price_source="test"))
    aws.put(**keys.GPU_SLOT, session_id="ses_1")
    spent(aws, 3.5)
    shown = public_usage(replace(bootstrap.api.build().usage.meter, clock=lambda: NOW).show())
    assert (shown["month"], shown["spent_usd"]) == (MONTH, 3.5)
    assert shown["caps"] == {"monthly_usd": 20, "session_usd": 4}
    (one,) = shown["live"]
    assert one["usd"] == pytest.approx(one["usd_per_hour"] / 2, abs=1e-5)
    assert shown["total_usd"] == pytest.approx(3.5 + one["usd"])
    public = bootstrap.api.build().sessions.get("ses_1")["spend"]
    assert public["gpu_usd_per_hour"] == 0.4
    assert public["usd_per_hour"] == one["usd_per_hour"]


def test_usage_shows_what_bedrock_takes_before_its_session_is_closed(aws: Aws) -> None:
    aws.put(**session_item("ses_1", launches=[], status="launching", bedrock_usd=0.25))
    aws.put(**keys.GPU_SLOT, session_id="ses_1")
    shown = public_usage(bootstrap.api.build().usage.meter.show())
    (live,) = shown["live"]
    assert (live["usd"], live["usd_per_hour"], shown["live_usd"]) == (0.25, 0.0, 0.25)


# ---- What a session reserves ----


def reserved(aws: Aws, name: str = "ses_1") -> float:
    found = PurseStore(aws.items).reservation(MONTH, name)
    return float(found.usd) if found else 0.0


def claimed(aws: Aws, cap: float = 20.0, **bought: object) -> None:
    """`ses_1`, which has reserved what it may cost and has just got its first GPU."""
    begun = starter(aws, Machine(), cap).start("user-1", Trigger.PAGE, session_id="ses_1")[0]
    launched = launch_item(launched_at=ids.timestamp(NOW), **bought)
    aws.put(**{**record(aws), "status": "booting", "launches": [launched], "monthly_cap_usd": cap})
    assert begun.session_id == "ses_1"


def test_a_session_reserves_its_cap_and_its_storing(aws: Aws) -> None:
    session, _ = starter(aws, Machine()).start("user-1", Trigger.PAGE)
    assert (session.session_cap_usd, session.capped_by) == (4.0, None)
    assert reserved(aws, session.session_id) == pytest.approx(4 + wake_usd())


def test_a_session_gets_what_the_month_has_left_as_its_own_cap(aws: Aws) -> None:
    spent(aws, 19.0)
    session, _ = starter(aws, Machine()).start("user-1", Trigger.PAGE)
    stored = SessionStore(aws.items).get(session.session_id)
    assert stored and stored.session_cap_usd == pytest.approx(1 - wake_usd()) and stored.capped_by == "month"
    assert PurseStore(aws.items, 20.0).month(MONTH).left == 0


@pytest.mark.parametrize(("left", "starts"), [(0.001, False), (0.02, False), (0.06, True)])
def test_what_would_not_even_pay_a_boot_starts_nothing(aws: Aws, left: float, starts: bool) -> None:
    spent(aws, 20.0 - left)
    made = starter(aws, Machine())
    if starts:
        assert made.start("user-1", Trigger.PAGE)[1]
        return
    for refused in (made.check_cap, lambda: made.start("user-1", Trigger.PAGE)):
        with pytest.raises(SpendCapReached, match="MonthlyCapUsd"):
            refused()
    assert SessionStore(aws.items).live_session_ids() == []


def test_the_least_that_a_session_starts_with_pays_its_boot(aws: Aws) -> None:
    """What its end takes is kept back of it once its price is known."""
    claimed(aws, cap=float(least_usd()), instance_type="g4dn.xlarge")
    cheapest = cheapest_price().usd_per_hour or 0.0
    replace(watch_of(aws, float(least_usd())), price_of=Prices(cheapest).price_of).look(session(aws))
    hourly = cheapest + BESIDE_GPU_USD_PER_HOUR
    assert float(record(aws)["session_cap_usd"]) >= BOOT_S / 3600 * hourly - 1e-6  # type: ignore[arg-type]
    assert record(aws)["capped_by"] == "month" and reserved(aws) == float(least_usd())


def test_a_reservation_shrinks_when_the_price_is_known(aws: Aws) -> None:
    """A spot GPU of US$ 0.4 an hour cannot cost four dollars in its longest life."""
    claimed(aws)
    watch(aws, Prices(0.4)).look(session(aws))
    beside = 0.005 + (100 * 0.08 + 125 * 0.04) / 730
    longest = (LIVES.longest_s + 300) / 3600 * (0.4 + beside) + wake_usd()
    assert reserved(aws) == pytest.approx(longest, abs=1e-6) and longest < 2.1
    assert record(aws)["session_cap_usd"] == 4, "no notice comes before it should"
    watch(aws, Prices(0.4)).look(session(aws))
    assert reserved(aws) == pytest.approx(longest, abs=1e-6)


def test_a_dear_gpu_is_held_to_its_cap_and_what_ending_takes(aws: Aws) -> None:
    claimed(aws)
    watch(aws, Prices(2.0)).look(session(aws))
    assert 4 + wake_usd() < reserved(aws) < 4.3 + wake_usd()
    assert record(aws)["session_cap_usd"] == 4


def test_where_the_month_cannot_hold_what_ending_takes_the_session_ends_before(aws: Aws) -> None:
    claimed(aws, cap=4.0)
    watch = replace(watch_of(aws, 4.0), price_of=Prices(2.0).price_of)
    watch.look(session(aws))
    found = session(aws)
    assert reserved(aws) == 4.0
    assert found.capped_by == "month" and found.session_cap_usd and 3.7 < found.session_cap_usd < 3.85


def test_a_lost_gpus_successor_reserves_again(aws: Aws) -> None:
    claimed(aws)
    watch(aws, Prices(0.4)).look(session(aws))
    shrunk = reserved(aws)
    later = ids.timestamp(NOW + timedelta(hours=3))
    second = launch_item(launched_at=later, instance_id="i-2", attempt=1)
    aws.put(**{**record(aws), "launches": [*record(aws)["launches"], second]})  # type: ignore[misc]
    watch(aws, Prices(0.4)).look(session(aws))
    assert shrunk + 1 < reserved(aws) < 4.1


def test_what_is_told_to_end_holds_the_minutes_that_takes(aws: Aws) -> None:
    claimed(aws)
    watch(aws, Prices(0.4)).look(session(aws))
    SessionStore(aws.items).request_end("ses_1", NOW, "ana")
    watch(aws, Prices(0.4)).look(session(aws))
    assert reserved(aws) == pytest.approx(300 / 3600 * 0.423 + wake_usd(), abs=0.001)


def test_a_closed_session_holds_nothing_and_the_purse_is_the_ledger(aws: Aws) -> None:
    claimed(aws)
    later = ids.timestamp(NOW + timedelta(minutes=30))
    closer(aws, Machine()).close(request("idle", terminated_at=later))
    at = PurseStore(aws.items, 20.0).month(MONTH)
    assert at.reservations == () and at.committed == at.spent > 0


def test_usage_shows_what_is_reserved_and_nobodys_name(aws: Aws) -> None:
    claimed(aws)
    shown = public_usage(replace(bootstrap.api.build().usage.meter, clock=lambda: NOW).show())
    assert shown["reserved_usd"] == pytest.approx(4 + wake_usd(), abs=1e-6)
    assert shown["left_usd"] == pytest.approx(16 - wake_usd(), abs=1e-6)
    (one,) = shown["reservations"]
    assert (one["kind"], one["since"]) == ("session", ids.timestamp(NOW)) and one["until"] > one["since"]
    assert "ses_1" not in str(shown["reservations"])
