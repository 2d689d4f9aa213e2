"""The weekly letter: its sums, its silence about people, and weeks with little in them."""

import doctest
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from foreverus import bootstrap, ids
from foreverus.aws import keys
from foreverus.costs.receipt import Receipt
from foreverus.costs.usage.records import UsageKind, Used, UsedService
from foreverus.costs.usage.store import usage_write
from foreverus.errors import NotAccepted
from foreverus.notifications.notification import Notification
from foreverus.sessions.items import session_to_item
from foreverus.sessions.records import Outcome, Session, SessionStatus
from foreverus.spending import letter as module
from foreverus.spending.letter import PAGE, WeeklyLetter
from foreverus.spending.sent_letters import SENDS
from tests.unit.conftest import Aws

MONDAY = datetime(2026, 2, 2, 8, tzinfo=UTC)  # the week is 26 January to 1 February: two months
AT = "2026-02-02T08:00:00Z"


@pytest.fixture
def letter(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> WeeklyLetter:
    monkeypatch.setattr(bootstrap.aws, "clock", lambda: MONDAY)
    monkeypatch.setenv("BEDROCK_MODEL_ID", "mistral.mistral-7b-instruct-v0:2")
    return replace(bootstrap.send_letter.build(), clock=lambda: MONDAY)


def sent(letter: WeeklyLetter, scheduled_at: str = AT) -> Notification:
    written = letter.send(scheduled_at)
    assert written
    return written


def over(aws: Aws, number: int, ended: datetime, usd: float | None, outcome: Outcome = Outcome.IDLE) -> None:
    begun = ended - timedelta(hours=2)
    receipt = Receipt(session_id="", instance_seconds=7_200.0, total_usd=usd, idle_seconds=600.0, idle_usd=0.05)
    session = Session(
        session_id=ids.new_id("ses", begun)[:-3] + f"{number:03}",
        created_at=ids.timestamp(begun),
        ended_at=ids.timestamp(ended),
        status=SessionStatus.ENDED,
        outcome=outcome,
        owner="ana@example.org",
        instance_type="g6.xlarge",
        receipt=receipt,
    )
    aws.put(**session_to_item(session))


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(module).failed == 0


def test_a_week_over_a_months_end_is_summed_by_its_days(aws: Aws, letter: WeeklyLetter) -> None:
    aws.put(
        **keys.ledger_total_key("2026-01"), spent_usd=99.0, usd_of_day_25=90.0, usd_of_day_26=4.0, usd_of_day_31=5.0
    )
    aws.put(**keys.ledger_total_key("2026-02"), spent_usd=3.0, usd_of_day_01=1.0, usd_of_day_02=2.0)
    week = letter.week()
    assert (week.first, week.last, week.spent_usd) == (date(2026, 1, 26), date(2026, 2, 1), 10.0)
    assert sent(letter).subject == "Forever Us: the week to 2026-02-01 cost US$ 10.00"
    (told,) = aws.notifications()
    assert "never switched off: US$ 135.21, so US$ 125.21 were saved." in told["Body"]  # 168 h at 0.8048
    assert "the month ends at" in told["Body"]


def test_the_same_tokens_elsewhere_and_nobodys_name(aws: Aws, letter: WeeklyLetter) -> None:
    at = MONDAY - timedelta(days=2)
    used = Used(service=UsedService.GPU, kind=UsageKind.CHAT, messages=20, prompt_tokens=10**6, completion_tokens=10**6)
    aws.items.transact(usage_write("ana@example.org", at, used))
    aws.items.transact(usage_write("ana@example.org", MONDAY - timedelta(days=8), used))
    aws.put(**keys.ledger_total_key("2026-01"), spent_usd=1.0, usd_of_day_31=1.0)
    over(aws, 1, at, 1.0)
    body = sent(letter).message
    assert "20 answers with 1,000,000 tokens" in body
    assert "on Bedrock alone: US$ 0.35, so US$ 0.65 less." in body
    assert "ana" not in body and "example.org" not in body


def test_sessions_by_way_idle_minutes_and_the_three_dearest(aws: Aws, letter: WeeklyLetter) -> None:
    at = MONDAY - timedelta(days=3)
    for number, (usd, outcome) in enumerate(
        [
            (0.5, Outcome.IDLE),
            (2.0, Outcome.INTERRUPTED),
            (None, Outcome.FAILED),
            (1.0, Outcome.IDLE),
            (3.0, Outcome.ENDED),
        ]
    ):
        over(aws, number, at + timedelta(minutes=number), usd, outcome)
    over(aws, 90, MONDAY - timedelta(hours=1), 50.0)  # today's
    over(aws, 91, MONDAY - timedelta(days=8), 60.0)  # of the week before
    body = sent(letter).message
    assert "GPU sessions that ended: 5. Ready, and nobody asked: 50 minutes, US$ 0.25." in body
    assert "2 × nobody used it" in body and "1 × AWS took the spot machine back" in body and "1 × it failed" in body
    dearest = [line.split(":")[0].strip() for line in body.split("The dearest:\n")[1].splitlines()[:3]]
    assert dearest == ["US$ 3.00", "US$ 2.00", "US$ 1.00"] and "US$ 50.00" not in body


def test_a_week_of_many_sessions_is_read_to_its_begin(aws: Aws, letter: WeeklyLetter) -> None:
    for number in range(2 * PAGE + 5):
        over(aws, number, MONDAY - timedelta(days=6, minutes=number), 0.01)
    assert len(letter.week().sessions) == 2 * PAGE + 5


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_way_to_end_has_its_words(outcome: Outcome) -> None:
    assert module.WAYS[outcome.value]


def test_a_quiet_week_says_so(aws: Aws, letter: WeeklyLetter) -> None:
    body = sent(letter).message
    assert "Spent: US$ 0.00, for 0 answers with 0 tokens." in body and "No GPU session ended." in body


def test_a_run_that_is_delivered_twice_sends_one_letter(aws: Aws, letter: WeeklyLetter) -> None:
    assert letter.send(AT) and letter.send(AT) is None
    late = replace(letter, clock=lambda: MONDAY + timedelta(hours=20))
    assert late.send(AT) is None and len(aws.notifications()) == 1
    assert letter.send("2026-02-09T08:00:00Z") and len(aws.notifications()) == 1, "the next week's is another one"


def test_two_runs_at_once_send_one_letter(aws: Aws, letter: WeeklyLetter) -> None:
    class Meanwhile:
        """The other run comes while this one sends."""

        def send(self, notification: Notification) -> None:
            with pytest.raises(NotAccepted):
                letter.send(AT)
            letter.notifier.send(notification)

    assert replace(letter, notifier=Meanwhile()).send(AT)
    assert len(aws.notifications()) == 1 and letter.send(AT) is None


def test_a_letter_that_could_not_be_sent_is_sent_by_a_later_try(aws: Aws, letter: WeeklyLetter) -> None:
    class Dead:
        def send(self, notification: Notification) -> None:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        replace(letter, notifier=Dead()).send(AT)
    with pytest.raises(NotAccepted):
        letter.send(AT)  # nobody knows yet whether the first run is gone
    later = replace(letter, clock=lambda: MONDAY + SENDS + timedelta(seconds=1))
    assert later.send(AT) and len(aws.notifications()) == 1
