"""`POST /v1/quotes` through its handler: what it says of each kind of work, and that it spends and starts nothing."""

import json
from datetime import timedelta
from typing import Any

import pytest

from foreverus import bootstrap, ids
from foreverus.aws import keys
from foreverus.backends.images import image_tokens
from foreverus.batches.plan.records import LearnedSpeed
from foreverus.batches.store import BatchStore
from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR
from foreverus.files.records import new_file
from foreverus.files.store import FileStore
from tests.unit.conftest import NOW, Aws, launch_item, session_item
from tests.unit.spending.calling import call

MODEL = "mistral-7b-instruct-v0.3"
CHAT = {"kind": "chat", "prompt": "Por que o céu é azul?"}
SESSION = {"kind": "session", "minutes": 30}
LINES = {"kind": "batch", "lines": 1_000, "prompt_tokens": 200, "answer_tokens": 150}


@pytest.fixture(autouse=True)
def noon(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.aws, "clock", lambda: NOW)
    monkeypatch.setenv("ANSWER_CONVERSATION_FUNCTION", "foreverus-AnswerConversationFunction")


def quote(request: dict[str, Any], user_id: str = "ana") -> Any:
    status, shown = call("POST /quotes", request, user_id=user_id)
    assert status == 200, shown
    return shown


def on(shown: Any, backend: str) -> Any:
    return next(one for one in shown["backends"] if one["backend"] == backend)


def assumed(shown: Any, name: str) -> Any:
    return next(one for one in shown["assumptions"] if one["name"] == name)


def put_file(aws: Aws, data: bytes, file_id: str = "file_in", user_id: str = "ana") -> None:
    file = new_file(file_id, user_id, "in.jsonl", len(data), NOW)
    FileStore(aws.items).put(file)
    bootstrap.aws.objects(aws.data_bucket).put(file.object_key, data)


def line(number: int, **body: Any) -> bytes:
    asked = {"model": MODEL, "messages": [{"role": "user", "content": "x" * 342}], "max_tokens": 100, **body}
    one = {"custom_id": f"c{number}", "method": "POST", "url": "/v1/chat/completions", "body": asked}
    return json.dumps(one).encode() + b"\n"


def ranges(value: Any) -> list[Any]:
    if isinstance(value, dict):
        own = [value] if value.keys() >= {"low", "expected", "high"} else []
        return own + [one for inner in value.values() for one in ranges(inner)]
    return [one for inner in value for one in ranges(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize("request_", [CHAT, SESSION, LINES, {**CHAT, "messages": 1000}, {**SESSION, "minutes": 0}])
def test_what_is_expected_lies_between_low_and_high_and_every_figure_has_a_source(request_: dict[str, Any]) -> None:
    shown = quote(request_)
    assert len(ranges(shown)) >= 6
    for one in ranges(shown):
        assert 0 <= one["low"] <= one["expected"] <= one["high"], one
    assert all(one["source"] and one["unit"] for one in shown["assumptions"])
    names = [one["name"] for one in shown["assumptions"]]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("request_", [CHAT, SESSION, LINES])
def test_it_spends_and_starts_nothing(aws: Aws, request_: dict[str, Any]) -> None:
    def everything() -> Any:
        return sorted(
            json.dumps(one, sort_keys=True)
            for one in bootstrap.aws.client("dynamodb").scan(TableName="foreverus")["Items"]
        )

    before = everything()
    quote(request_)
    assert everything() == before
    running = bootstrap.aws.client("stepfunctions").list_executions(stateMachineArn=aws.gpu_session_arn)
    assert running["executions"] == []


def test_one_chat_with_nothing_on_belongs_on_bedrock() -> None:
    shown = quote(CHAT)
    gpu, bedrock = on(shown, "gpu"), on(shown, "bedrock")
    assert (shown["auto"]["backend"], shown["auto"]["reason"]) == ("bedrock", "nothing_live")
    assert gpu["usd"]["expected"] > 100 * bedrock["usd"]["expected"]
    assert gpu["first_word_seconds"]["expected"] > 300 > 10 > bedrock["first_word_seconds"]["expected"]
    answer, prompt = assumed(shown, "answer_tokens")["expected"], shown["work"]["prompt_tokens"]["expected"]
    assert bedrock["usd"]["expected"] == pytest.approx((prompt * 0.15 + answer * 0.2) / 1e6, abs=1e-9)


def test_a_conversation_sends_what_was_said_before_with_each_question() -> None:
    one, three = (quote({"kind": "chat", "prompt_tokens": 100, "answer_tokens": 50, "messages": n}) for n in (1, 3))
    system = assumed(one, "system_tokens")["expected"]
    assert one["work"]["prompt_tokens"]["expected"] == system + 100
    assert three["work"]["prompt_tokens"]["expected"] == 3 * (system + 100) + (1 + 2) * 150
    long = quote({"kind": "chat", "prompt_tokens": 100, "answer_tokens": 50, "messages": 1000})
    assert long["work"]["prompt_tokens"]["expected"] < 1000 * 2048, "no more than the context holds"


def test_images_are_seen_by_a_model_of_their_own_which_has_its_own_price(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGES_MODEL_ID", "amazon.nova-lite-v1:0")
    monkeypatch.setenv("IMAGES", "managed")
    shown, without = quote({**CHAT, "images": 2}), quote(CHAT)
    gpu, bedrock = on(shown, "gpu"), on(shown, "bedrock")
    assert gpu["usd"] is None and "sees no images" in gpu["why_not"]
    assert (shown["auto"]["backend"], shown["auto"]["reason"]) == ("bedrock", "sees_images")
    answer, prompt = assumed(shown, "answer_tokens")["expected"], shown["work"]["prompt_tokens"]["expected"]
    assert prompt == without["work"]["prompt_tokens"]["expected"] + 2 * 1300
    assert bedrock["usd"]["expected"] == pytest.approx((prompt * 0.06 + answer * 0.24) / 1e6, abs=1e-9)
    most = shown["work"]["prompt_tokens"]["high"] - without["work"]["prompt_tokens"]["high"]
    assert most == 2 * image_tokens(4000, 4000), "what is set aside for the largest that is taken"


def test_images_that_our_own_container_reads_cost_its_time_on_whichever_backend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IMAGES", "container")
    shown, without = quote({**CHAT, "images": 1}), quote(CHAT)
    container = assumed(shown, "container_usd")
    assert container["low"] == 0 < container["expected"] < container["high"] < 0.03
    for backend in ("gpu", "bedrock"):
        more = on(shown, backend)["usd"]["expected"] - on(without, backend)["usd"]["expected"]
        assert more == pytest.approx(container["expected"], abs=0.0005), "and the words that were read"
    three = quote({**CHAT, "images": 1, "messages": 3})
    assert assumed(three, "container_usd") == container, "one run for all of them"


def test_images_that_the_gpus_model_sees_are_quoted_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGES", "gpu")
    monkeypatch.setenv("GPU_MODEL_SEES", "qwen-vl")
    shown = quote({**CHAT, "images": 1})
    gpu, bedrock = on(shown, "gpu"), on(shown, "bedrock")
    assert gpu["usd"] and "No model on Bedrock sees images" in bedrock["why_not"]
    assert (shown["auto"]["backend"], shown["auto"]["reason"]) == ("gpu", "bedrock_cannot")
    crowded = quote({**CHAT, "images": 4})
    assert crowded["auto"]["backend"] is None, "four are more than this context of 2,048 tokens"
    monkeypatch.setenv("IMAGES", "managed")
    monkeypatch.setenv("IMAGES_MODEL_ID", "amazon.nova-lite-v1:0")
    bootstrap.quotes.service.cache_clear()
    both = quote({**CHAT, "images": 1})
    assert all(on(both, one)["usd"] for one in ("gpu", "bedrock")) and both["auto"]["reason"] == "nothing_live"


def test_a_quote_with_images_where_nobody_sees_any_says_so() -> None:
    status, refused = call("POST /quotes", {**CHAT, "images": 1}, user_id="ana")
    assert (status, refused["error"]["code"], refused["error"]["param"]) == (400, "images_off", "images")
    assert quote({**CHAT, "images": 0}) == quote(CHAT)


def test_with_a_gpu_on_a_chat_goes_there_for_its_share(aws: Aws) -> None:
    aws.put(**session_item("ses_1", healthy_at="2026-01-01T00:05:00.000Z"))
    aws.put(**keys.GPU_SLOT, session_id="ses_1")
    shown = quote(CHAT)
    assert (shown["auto"]["backend"], shown["auto"]["reason"]) == ("gpu", "gpu_is_on")
    assert on(shown, "gpu")["usd"]["expected"] < 0.001 and on(shown, "gpu")["first_word_seconds"]["expected"] < 5
    assert quote(SESSION)["auto"]["reason"] == "joined"


def test_what_was_measured_here_takes_the_place_of_what_was_published(aws: Aws) -> None:
    for number, seconds in enumerate((100, 200, 260)):
        began = NOW - timedelta(days=number + 1)
        healthy = ids.timestamp(began + timedelta(seconds=seconds))
        launches = [launch_item(lifecycle="spot", price_per_hour_usd=0.2 + number / 10, price_source="EC2")]
        at = {"created_at": ids.timestamp(began), "healthy_at": healthy, "status": "ended", "launches": launches}
        aws.put(**session_item(ids.new_id("ses", began), **at))
    BatchStore(aws.items).note_speed("g6.xlarge", LearnedSpeed(tokens_per_second=900.0))
    shown = quote(LINES)
    boot, rate, spot = (
        assumed(shown, f"gpu_{one}") for one in ("boot_seconds", "tokens_per_second", "spot_usd_per_hour")
    )
    assert (boot["low"], boot["expected"], boot["high"]) == (100, 200, 260) and "learned from 3 sessions" in boot[
        "source"
    ]
    assert rate["expected"] == 900 and "learned from earlier batches" in rate["source"]
    assert spot["low"] == pytest.approx(0.2 + BESIDE_GPU_USD_PER_HOUR), "the cheapest that was bought here"


def test_the_more_there_is_to_do_the_more_it_costs() -> None:
    small, big = quote(LINES), quote({**LINES, "lines": 50_000})
    for backend in ("gpu", "bedrock"):
        assert on(small, backend)["usd"]["expected"] < on(big, backend)["usd"]["expected"]


def test_a_big_batch_on_a_gpu_whose_speed_is_known_is_worth_booting_it(aws: Aws) -> None:
    BatchStore(aws.items).note_speed("g6.xlarge", LearnedSpeed(tokens_per_second=1_500.0))
    shown = quote({**LINES, "lines": 50_000})
    assert shown["auto"]["backend"] == "gpu" and "cheaper" in shown["auto"]["text"]
    assert on(shown, "gpu")["usd"]["expected"] < on(shown, "bedrock")["usd"]["expected"]
    assert quote(LINES)["auto"]["backend"] == "bedrock"


def test_a_file_is_read(aws: Aws) -> None:
    put_file(aws, b"".join(line(number) for number in range(40)))
    shown = quote({"kind": "batch", "file_id": "file_in"})
    assert shown["work"]["lines"]["expected"] == 40
    assert shown["work"]["completion_tokens"] == {"low": 500.0, "expected": 2_000.0, "high": 4_000.0}
    prompt = shown["work"]["prompt_tokens"]
    assert prompt["low"] < prompt["expected"] == 40 * (98 + 5) < prompt["high"]
    assert "whole file" in assumed(shown, "prompt_tokens")["source"]


def test_of_a_long_file_the_beginning_is_read(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    put_file(aws, b"".join(line(number) for number in range(10_000, 10_400)))
    whole = quote({"kind": "batch", "file_id": "file_in"})
    monkeypatch.setattr("foreverus.spending.batch_input.MOST_BYTES", 10_000)
    part = quote({"kind": "batch", "file_id": "file_in"})
    assert part["work"]["lines"]["expected"] == whole["work"]["lines"]["expected"] == 400
    assert part["work"]["prompt_tokens"]["expected"] == pytest.approx(
        whole["work"]["prompt_tokens"]["expected"], rel=0.01
    )
    assert "first" in assumed(part, "prompt_tokens")["source"]


def test_what_bedrock_cannot_do_is_for_the_gpu(aws: Aws) -> None:
    put_file(aws, line(1) + line(2, temperature=1.5))
    shown = quote({"kind": "batch", "file_id": "file_in"})
    bedrock = on(shown, "bedrock")
    assert shown["auto"]["backend"] == "gpu" and bedrock["usd"] is None and "line 2" in bedrock["why_not"]


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (line(1) + b"{not json\n", "invalid_json", "Line 2"),
        (line(1) + line(1), "duplicate_custom_id", "Line 2"),
        (line(1, model="gpt-4"), "unknown_model", "Line 1"),
        (line(1, messages=[]), "invalid_field", "Line 1"),
        (b"", "empty_file", "no lines"),
        (b"\n\n", "empty_file", "no lines"),
    ],
)
def test_a_file_that_would_fail_is_told_why(aws: Aws, data: bytes, code: str, words: str) -> None:
    put_file(aws, data)
    status, shown = call("POST /quotes", {"kind": "batch", "file_id": "file_in"})
    error = shown["error"]
    assert (status, error["code"], error["param"]) == (400, code, "file_id") and words in error["message"]


@pytest.mark.parametrize("file_id", ["file_of_bia", "file_unknown", "s3://data/elsewhere/x", "x" * 1_100])
def test_nobody_is_told_of_files_of_others(aws: Aws, file_id: str) -> None:
    put_file(aws, line(1), "file_of_bia", "bia")
    status, shown = call("POST /quotes", {"kind": "batch", "file_id": file_id})
    assert (status, shown["error"]["param"]) in ((404, "file_id"), (400, "file_id"))


@pytest.mark.parametrize(
    ("request_", "param", "words"),
    [
        ({}, "kind", "'kind' is missing"),
        ({"kind": "film"}, "kind", "'session', 'chat' or 'batch'"),
        ({"kind": "session"}, "minutes", "is missing"),
        ({"kind": "session", "minutes": 1441}, "minutes", "from 0 to 1440"),
        ({"kind": "session", "minutes": 5, "prompt": "x"}, "prompt", "Known fields: allow_on_demand"),
        ({"kind": "chat"}, "prompt", "is missing"),
        ({"kind": "chat", "prompt": " \u200b"}, "prompt", "blank"),
        ({"kind": "chat", "prompt": "x", "prompt_tokens": 5}, None, "at once"),
        ({"kind": "chat", "prompt": "x", "messages": 0}, "messages", "from 1 to 1000"),
        ({"kind": "chat", "prompt": "x", "images": 5}, "images", "from 0 to 4"),
        ({"kind": "batch"}, "file_id", "is missing"),
        ({"kind": "batch", "lines": 5}, "prompt_tokens", "is missing"),
        ({"kind": "batch", "lines": 5, "prompt_tokens": 5, "file_id": "f"}, None, "at once"),
        ({"kind": "batch", "lines": 5, "prompt_tokens": 5, "completion_window": "1y"}, "completion_window", "'24h'"),
    ],
)
def test_a_wrong_request_is_told_which_field(request_: dict[str, Any], param: str | None, words: str) -> None:
    status, shown = call("POST /quotes", request_)
    assert (status, shown["error"]["param"]) == (400, param) and words in shown["error"]["message"]


def test_a_stack_without_bedrock_quotes_its_gpu_alone(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEDROCK_MODEL_ID", "")
    for request_ in (CHAT, LINES):
        shown = quote(request_)
        assert shown["auto"]["backend"] == "gpu" and "BedrockModelId is empty" in on(shown, "bedrock")["why_not"]


@pytest.mark.parametrize("request_", [CHAT, SESSION, LINES])
def test_a_month_that_is_used_up_is_told_before_and_not_after(aws: Aws, request_: dict[str, Any]) -> None:
    aws.put(**keys.ledger_total_key("2026-01"), spent_usd=20)
    shown = quote(request_)
    assert shown["auto"]["backend"] is None and shown["month"]["left_usd"] == 0
    assert shown["auto"]["text"]
