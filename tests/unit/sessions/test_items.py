"""Sessions as the table holds them today, and as older versions have left them there."""

from dataclasses import fields, replace
from typing import Any

from foreverus.aws.attribute_values import from_attribute_values, to_attribute_values
from foreverus.costs.launch import BedrockUse, Launch, Lifecycle
from foreverus.sessions.boots import learned_boots
from foreverus.sessions.items import session_from_item, session_to_item
from foreverus.sessions.records import Outcome, Phase, Session, SessionStatus, SpendCap, Task, Trigger
from foreverus.sessions.views import public_session

AT = "2026-11-21T20:22:30.123Z"
LATER = "2026-11-21T21:22:30.123Z"
RECEIPT = {
    "session_id": "ses_1",
    "instance_id": "i-1",
    "instance_type": "g6.xlarge",
    "lifecycle": "spot",
    "region": "us-east-1",
    "launches": 1,
    "launched_at": AT,
    "terminated_at": LATER,
    "instance_seconds": 3600,
    "instance_minutes": 60,
    "price_per_hour_usd": 0.4,
    "price_source": "spot price history of us-east-1a",
    "gpu_usd": 0.4,
    "storage_usd": 0.010959,
    "address_usd": 0.005,
    "database_usd": 0.0115,
    "bedrock_usd": 0,
    "bedrock_messages": 0,
    "prompt_tokens": 10,
    "completion_tokens": 90,
    "messages": 2,
    "boot_seconds": 300,
    "idle_seconds": 1200,
    "idle_usd": 0.138653,
    "if_bedrock_usd": 2e-5,
    "always_on_day_usd": 19.3,
    "total_usd": 0.415959,
}
LAUNCH = {
    "attempt": 0,
    "instance_id": "i-1",
    "instance_type": "g6.xlarge",
    "availability_zone": "us-east-1a",
    "lifecycle": "spot",
    "launched_at": AT,
    "price_per_hour_usd": 0.4,
    "price_source": "spot price history of us-east-1a",
}
REFUSED = {
    "instance_type": "g6.xlarge",
    "zone": "us-east-1b",
    "code": "InsufficientInstanceCapacity",
    "lifecycle": "spot",
    "at": AT,
    "error": "NoGpuCapacity",
}
POOL = {
    **{"instance_type": "g6.xlarge", "zone": "us-east-1b", "usd_per_hour": 0.4, "hours": 8.5, "interruptions": 0.5},
    **{"chance": 0.0125, "usd": 0.2875},
}
STORED: dict[str, Any] = {
    "pk": "SESSIONS",
    "sk": "ses_1",
    "session_id": "ses_1",
    "status": "ended",
    "version": 23,
    "trigger": "batch",
    "owner": "ana",
    "created_at": AT,
    "allow_on_demand": True,
    "idle_seconds": 300,
    "slot": 1,
    "batch_id": "batch_1",
    "trace": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1",
    "bake_token": "bake token",
    "baked_at": "2026-01-01T12:20:00.000Z",
    "attempt": 1,
    "instance_id": "i-1",
    "instance_type": "g6.xlarge",
    "availability_zone": "us-east-1a",
    "lifecycle": "spot",
    "launched_at": AT,
    "healthy_at": AT,
    "launches": [LAUNCH],
    "phases": [{"name": "booting", "at": AT, "attempt": 0}],
    "refused": [REFUSED],
    "busy": [{"attempt": 0, "seconds": 12.5}],
    "crowd": {
        "wanted": True,
        "waiting": 30,
        "gpus": 1,
        "asked_per_minute": 110.5,
        "answered_per_minute": 105.9,
        "wait_seconds": 17,
        "saved_hours": 4.93,
        "usd": 0.12,
    },
    "idle": {
        **{"seconds": 90, "reason": "pauses", "shorter": 4, "pauses": 10, "restart_seconds": 420, "boot_seconds": 420},
        **{"gpu_usd_per_hour": 0.4, "bedrock_usd_per_hour": 0.25},
    },
    "pools": {
        **{"at": AT, "learned": True, "names": ["g6.xlarge#us-east-1b", "g6.xlarge#us-east-1a"]},
        **{"hours": 12.5, "interruptions": 4, "seconds": 2280},
        "first": POOL,
        "last": {**POOL, "zone": "us-east-1a", "interruptions": 4.5},
    },
    "rebalance_recommended_at": AT,
    "task": "serve",
    "task_token": "token",
    "end_requested": True,
    "end_requested_by": "ana",
    "end_everything": True,
    "end_requested_at": AT,
    "prompt_tokens": 10,
    "completion_tokens": 90,
    "messages_answered": 2,
    "lines_answered": 3,
    "bedrock_messages": 1,
    "bedrock_prompt_tokens": 4,
    "bedrock_completion_tokens": 5,
    "bedrock_usd": 0.25,
    "bedrock_price_unknown": True,
    "bedrock_counted_usd": 0.25,
    "session_cap_usd": 4,
    "monthly_cap_usd": 20,
    "price_per_hour_usd": 0.4,
    "price_source": "spot price history of us-east-1a",
    "month_usd": 3.5,
    "spend_notice": 80,
    "spend_notice_cap": "month",
    "capped_by": "month",
    "spend_told": 80,
    "terminated_at": LATER,
    "ended_at": LATER,
    "outcome": "max_life",
    "error": "SpendCapReached",
    "cause": "A cap.",
    "receipt": RECEIPT,
    "stored_at": LATER,
    "store_tries": 1,
    "stops": {"msg_1", "req_1"},
}


def through_the_table(item: dict[str, Any]) -> dict[str, Any]:
    return from_attribute_values(to_attribute_values(item))


def test_a_whole_item_is_read_and_would_be_written_as_it_is() -> None:
    session = session_from_item(through_the_table(STORED))
    assert through_the_table(session_to_item(session)) == through_the_table(STORED)
    fresh = Session(session_id="")
    unread = [field.name for field in fields(Session) if getattr(session, field.name) == getattr(fresh, field.name)]
    assert unread == [], "every field has a value of its own in this item"


def test_words_are_enumerations_and_lists_are_records() -> None:
    session = session_from_item(STORED)
    assert (session.status, session.trigger, session.outcome) == (
        SessionStatus.ENDED,
        Trigger.BATCH,
        Outcome.MAX_LIFE,
    )
    assert session.task is Task.SERVE and session.spend_notice_cap is SpendCap.MONTH
    assert isinstance(session.launches[0], Launch) and session.launches[0].lifecycle is Lifecycle.SPOT
    assert session.phases == (Phase("booting", AT, 0),)
    assert session.bedrock.billed_usd is None and session.bedrock.usd == 0.25
    assert session.receipt and session.receipt.total_usd == 0.415959


def test_a_session_that_is_only_requested_is_stored_as_it_always_was() -> None:
    requested = Session(session_id="ses_1", created_at=AT, version=1, trigger=Trigger.PAGE, owner="ana")
    stored = {
        "pk": "SESSIONS",
        "sk": "ses_1",
        "session_id": "ses_1",
        "status": "requested",
        "version": 1,
        "trigger": "page",
        "owner": "ana",
        "created_at": AT,
        "allow_on_demand": False,
        "attempt": 0,
        "slot": 0,
    }
    assert through_the_table(session_to_item(requested)) == stored
    more = through_the_table(session_to_item(replace(requested, idle_seconds=60, batch_id="batch_1")))
    assert more == stored | {"idle_seconds": 60, "batch_id": "batch_1"}
    assert session_from_item(stored) == requested


def test_an_old_item_is_read_with_what_it_lacks_and_without_what_nobody_knows() -> None:
    old = {
        "pk": "SESSIONS",
        "sk": "0b5e-night",
        "status": "ended",
        "created_at": AT,
        "launches": [{name: LAUNCH[name] for name in ("instance_id", "instance_type", "lifecycle", "launched_at")}],
        "receipt": {"session_id": "0b5e-night", "total_usd": 0.5, "carbon_grams": 3},
        "colour": "blue",
    }
    session = session_from_item(old)
    assert (session.session_id, session.is_over, session.trigger) == ("0b5e-night", True, None)
    assert session.launches[0].noted_price is None
    assert session.receipt and (session.receipt.total_usd, session.receipt.bedrock_usd) == (0.5, 0)
    assert session.bedrock == BedrockUse()
    assert public_session(session)["trigger"] is None


def test_a_price_that_nobody_knows_is_a_noted_one() -> None:
    unknown = {**LAUNCH, "price_per_hour_usd": None, "price_source": "unknown: prices.csv has no x9"}
    (launch,) = session_from_item({**STORED, "launches": [unknown]}).launches
    assert launch.noted_price and launch.noted_price.usd_per_hour is None


def test_a_word_that_a_later_version_wrote_stops_no_reader() -> None:
    later = {"status": "hibernating", "trigger": "voice", "outcome": "bored", "lifecycle": "block", "task": "train"}
    session = session_from_item({**STORED, **later, "launches": [{**LAUNCH, "lifecycle": "capacity-block"}]})
    assert not session.is_over, "nobody may buy a second GPU beside it"
    assert (session.trigger, session.outcome, session.task) == (Trigger.UNKNOWN, Outcome.ENDED, Task.NONE)
    assert session.launches[0].lifecycle is Lifecycle.ON_DEMAND, "the dearer one"


def test_shown_session_is_json_of_plain_words() -> None:
    shown = public_session(session_from_item(through_the_table(STORED)), learned_boots([session_from_item(STORED)]))
    assert shown["receipt"] == RECEIPT
    assert shown["phases"] == STORED["phases"]
    assert shown["boots"] == {"low": 0, "expected": 0, "high": 0, "late": 0, "count": 1}
    assert shown["expected_boot_seconds"] == 0
    assert shown["instance"] == {
        "id": "i-1",
        "type": "g6.xlarge",
        "availability_zone": "us-east-1a",
        "lifecycle": "spot",
    }
    assert shown["spend"]["launches"] == [{"launched_at": AT, "gpu_usd_per_hour": 0.4}]
    assert (shown["spend"]["notice"], shown["spend"]["notice_cap"]) == (80, "month")
    assert shown["usage"] == {"prompt_tokens": 10, "completion_tokens": 90, "messages": 2}
    assert shown["error"] == {"code": "SpendCapReached", "message": "A cap."}
    assert "token" not in str(sorted(shown))
