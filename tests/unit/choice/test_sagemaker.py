"""When a SageMaker endpoint answers: by its name, where it costs less, and where nobody else is to be had."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.backends.port import BackendName
from foreverus.choice.request import choose_for_request
from foreverus.choice.request_records import Asked, BedrockNow, ChoiceReason, GpuNow, Preference, RequestChoice
from foreverus.choice.request_sums import beside_what_runs, on_bedrock, on_gpu
from foreverus.choice.sagemaker import SageMakerNow, beside, by_name, on_sagemaker
from foreverus.costs.endpoint import EndpointRate, UpTime, answered, woken
from foreverus.costs.reservations import Month
from foreverus.errors import InvalidRequest, SpendCapReached
from tests.unit.choice.test_request import (
    AUTO,
    BEDROCK,
    COLD,
    EMPTY,
    GOOD,
    GPU,
    GPUS,
    HEALTHY,
    NEITHER,
    OFF,
    RICH,
    SEED,
    THROTTLED,
    asked,
)
from tests.unit.conftest import NOW

SAGEMAKER = BackendName.SAGEMAKER
RATE = EndpointRate(usd_per_hour=1.8, start_seconds=600, idle_seconds=1200)
WOKEN = woken(None, NOW, RATE)


def there(up: UpTime | None, seconds: float = 0, rate: EndpointRate = RATE) -> SageMakerNow:
    now = NOW + timedelta(seconds=seconds)
    return SageMakerNow(rate=rate, up=up, now=now, context_tokens=8192, call_seconds=960)


AT_REST, STARTING, READY = there(None), there(WOKEN, 60), there(WOKEN, 700)
# Another answer has begun just now, and ends later: one more moves the release by nothing.
BUSY = there(answered(WOKEN, NOW + timedelta(seconds=700), NOW + timedelta(seconds=800), RATE), 700)


def chosen(gpu: GpuNow, bedrock: BedrockNow, sagemaker: SageMakerNow, one: Asked, month: Month = RICH) -> RequestChoice:
    return beside(choose_for_request(one, gpu, bedrock, month), one, gpu, bedrock, sagemaker, month)


@pytest.mark.parametrize(
    ("sagemaker", "first_word_s", "usd"),
    [
        (AT_REST, 600.3, 1.8 * (600.3 + 256 / 61 + 1200) / 3600),
        (STARTING, 540.3, 1.8 * (0.3 + 256 / 61) / 3600),
        (READY, 0.3, 1.8 * (100.3 + 256 / 61) / 3600),
        (BUSY, 0.3, 0),
    ],
    ids=["at rest", "starting", "ready", "busy"],
)
def test_start_and_idle_time_are_part_of_the_price(sagemaker: SageMakerNow, first_word_s: float, usd: float) -> None:
    found = on_sagemaker(asked(), sagemaker)
    assert found.first_word_s == pytest.approx(first_word_s)
    assert found.usd == pytest.approx(usd, abs=1e-9)


@pytest.mark.parametrize("sagemaker", [AT_REST, STARTING, READY], ids=["at rest", "starting", "ready"])
@pytest.mark.parametrize("status", GPUS)
def test_auto_wakes_none_and_takes_none_where_the_others_cost_less(status: str, sagemaker: SageMakerNow) -> None:
    before = choose_for_request(asked(), GPUS[status], GOOD, RICH)
    found = chosen(GPUS[status], GOOD, sagemaker, asked())
    assert (found.backend, found.reason, found.text) == (before.backend, before.reason, before.text)
    assert found.numbers["sagemaker_usd"] > 0


@pytest.mark.parametrize("status", GPUS)
def test_auto_takes_one_that_is_paid_for_anyway(status: str) -> None:
    found = chosen(GPUS[status], GOOD, BUSY, asked())
    assert (found.backend, found.reason) == (SAGEMAKER, ChoiceReason.SAGEMAKER_CHEAPER)
    assert found.text == "One more answer costs less on SageMaker just now."


def test_auto_takes_one_where_nobody_else_is_to_be_had() -> None:
    nobody = replace(COLD, may_be_bought=False)
    found = chosen(nobody, OFF, AT_REST, asked())
    assert (found.backend, found.reason) == (SAGEMAKER, ChoiceReason.SAGEMAKER_ALONE)
    assert found.text.endswith("A copy answers in about 10.0 min.")
    assert chosen(nobody, THROTTLED, READY, asked()).backend is SAGEMAKER


def test_a_refusal_stays_where_it_cannot_do_it_either_or_the_month_has_too_little() -> None:
    assert isinstance(chosen(COLD, GOOD, READY, asked(NEITHER)).error, InvalidRequest)
    assert isinstance(chosen(COLD, GOOD, BUSY, asked(), EMPTY).error, SpendCapReached)


@pytest.mark.parametrize("backend", [GPU, BEDROCK])
def test_who_names_another_backend_gets_that(backend: BackendName) -> None:
    assert chosen(HEALTHY, GOOD, BUSY, asked(backend=backend)).backend is backend


def named(sagemaker: SageMakerNow, one: Asked, month: Month = RICH) -> RequestChoice:
    return by_name(replace(one, preference=Preference(SAGEMAKER, one.preference.by)), sagemaker, month)


def test_who_names_it_gets_it_or_an_error_that_says_why() -> None:
    found = named(AT_REST, asked(SEED))
    assert (found.chosen, found.reason) == (SAGEMAKER, ChoiceReason.AS_ASKED)
    assert found.numbers["sagemaker_starts_for_seconds"] == 600
    with pytest.raises(InvalidRequest) as refused:
        _ = named(READY, asked(NEITHER)).chosen
    assert refused.value.param == "n" and "SageMaker" in refused.value.message
    with pytest.raises(InvalidRequest) as too_long:
        _ = named(READY, asked(least=9000)).chosen
    assert too_long.value.reason == "context_length_exceeded" and "SageMaker holds 8,192" in too_long.value.message
    with pytest.raises(SpendCapReached):
        _ = named(AT_REST, asked(), EMPTY).chosen


ups = st.one_of(
    st.none(),
    st.tuples(st.floats(-3000, 3000), st.floats(0, 3000)).map(
        lambda ends: UpTime(ready_at=NOW + timedelta(seconds=ends[0]), until=NOW + timedelta(seconds=ends[0] + ends[1]))
    ),
)


@given(ups, st.sampled_from(list(GPUS)), st.sampled_from([GOOD, OFF, THROTTLED]), st.floats(0.01, 50))
def test_auto_never_pays_more_for_it_than_for_what_it_would_take_else(
    up: UpTime | None, status: str, bedrock: BedrockNow, usd_per_hour: float
) -> None:
    sagemaker, gpu = there(up, rate=replace(RATE, usd_per_hour=usd_per_hour)), GPUS[status]
    before = choose_for_request(asked(backend=AUTO), gpu, bedrock, RICH)
    found = chosen(gpu, bedrock, sagemaker, asked(backend=AUTO))
    json.dumps(dict(found.numbers))
    if found.backend is SAGEMAKER and before.error is None:
        if before.backend is BEDROCK:
            else_usd = on_bedrock(asked(), bedrock).usd
        else:
            else_usd = on_gpu(asked(), gpu).usd if status == "none" else beside_what_runs(asked(), gpu)
        assert on_sagemaker(asked(), sagemaker).usd < else_usd
    elif found.error is None:
        assert found.backend is before.backend
