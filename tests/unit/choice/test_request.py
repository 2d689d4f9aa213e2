"""Where a chat or an OpenAI request goes: the table of rules, and what holds for every request."""

import doctest
import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.backends.images import ImageKind, PromptImage
from foreverus.backends.port import BackendName, Message, Prompt
from foreverus.backends.sights import SIGHTS, SeeingModel
from foreverus.choice import abilities, request_records, words
from foreverus.choice.abilities import PromptLength, cannot
from foreverus.choice.records import Bedrock, Gpu
from foreverus.choice.request import choose_for_request
from foreverus.choice.request_records import (
    Asked,
    AskedBy,
    BedrockNow,
    ChoiceReason,
    GpuNow,
    GpuStatus,
    Preference,
    RequestChoice,
    preferred,
)
from foreverus.choice.request_sums import beside_what_runs, most_bedrock_usd, on_bedrock, on_gpu
from foreverus.costs.reservations import Month
from foreverus.errors import Conflict, InvalidRequest, NotAccepted, SpendCapReached

AUTO, GPU, BEDROCK = BackendName.AUTO, BackendName.GPU, BackendName.BEDROCK
HELLO = Prompt((Message("user", "Hello"),), max_tokens=1024)
COLD = GpuNow(
    gpu=Gpu(
        allowed=True,
        live=False,
        boot_seconds=180,
        tokens_per_second=452,
        spot_usd_per_hour=0.44,
        on_demand_usd_per_hour=0.805,
        idle_seconds=300,
    ),
    slots=0,
    context_tokens=8192,
    needs_usd=Decimal("0.05"),
)
BOOTING = replace(COLD, booting=True)
HEALTHY = replace(COLD, gpu=replace(COLD.gpu, live=True), slots=8, in_work=3)
FULL = replace(HEALTHY, in_work=8)
GPUS = {"none": COLD, "booting": BOOTING, "healthy": HEALTHY, "full": FULL}
GOOD = BedrockNow(bedrock=Bedrock(True, 0.15, 0.20, 30), context_tokens=32_768)
OFF = replace(GOOD, bedrock=replace(GOOD.bedrock, allowed=False))
THROTTLED = replace(GOOD, throttled_for_s=40)
RICH = Month("2026-11", Decimal(10), Decimal(1), Decimal(1))
EMPTY = replace(RICH, spent=Decimal(10), committed=Decimal(10))
SEED = Prompt(HELLO.messages, 1024, options={"seed": 7})
HOT = Prompt(HELLO.messages, 1024, temperature=1.5)
NEITHER = Prompt(HELLO.messages, 1024, options={"n": 2})


def asked(
    prompt: Prompt = HELLO,
    backend: BackendName = AUTO,
    by: AskedBy = AskedBy.MESSAGE,
    waits_on: BackendName | None = None,
    least: int = 0,
) -> Asked:
    preference = Preference(backend, by)
    return Asked(prompt=prompt, prompt_tokens=400, least_prompt_tokens=least, preference=preference, waits_on=waits_on)


def test_examples_in_the_docstrings_hold() -> None:
    results = [doctest.testmod(module) for module in (abilities, request_records)]
    assert sum(one.failed for one in results) == 0 and sum(one.attempted for one in results) >= 3


@pytest.mark.parametrize(
    ("gpu", "bedrock", "prompt", "backend", "reason"),
    [
        ("none", GOOD, HELLO, BEDROCK, ChoiceReason.NOTHING_LIVE),
        ("booting", GOOD, HELLO, BEDROCK, ChoiceReason.GPU_BOOTS),
        ("healthy", GOOD, HELLO, GPU, ChoiceReason.GPU_IS_ON),
        ("full", GOOD, HELLO, BEDROCK, ChoiceReason.GPU_IS_FULL),
        ("none", OFF, HELLO, GPU, ChoiceReason.NO_BEDROCK),
        ("booting", OFF, HELLO, GPU, ChoiceReason.NO_BEDROCK),
        ("full", OFF, HELLO, GPU, ChoiceReason.NO_BEDROCK),
        ("none", THROTTLED, HELLO, GPU, ChoiceReason.BEDROCK_THROTTLED),
        ("booting", THROTTLED, HELLO, GPU, ChoiceReason.BEDROCK_THROTTLED),
        ("healthy", THROTTLED, HELLO, GPU, ChoiceReason.GPU_IS_ON),
        ("full", THROTTLED, HELLO, GPU, ChoiceReason.BEDROCK_THROTTLED),
        ("none", GOOD, SEED, GPU, ChoiceReason.BEDROCK_CANNOT),
        ("none", GOOD, HOT, GPU, ChoiceReason.BEDROCK_CANNOT),
        ("full", GOOD, HOT, GPU, ChoiceReason.BEDROCK_CANNOT),
        ("none", THROTTLED, HOT, GPU, ChoiceReason.BEDROCK_CANNOT),
        ("none", GOOD, Prompt((*HELLO.messages, Message("assistant", "Hel"))), GPU, ChoiceReason.BEDROCK_CANNOT),
    ],
)
def test_auto_with_money_left(
    gpu: str, bedrock: BedrockNow, prompt: Prompt, backend: BackendName, reason: ChoiceReason
) -> None:
    choice = choose_for_request(asked(prompt), GPUS[gpu], bedrock, RICH)
    assert (choice.backend, choice.reason, choice.error) == (backend, reason, None)
    assert choice.chosen is backend and choice.text.endswith(".") and "None" not in choice.text


@pytest.mark.parametrize("backend", [one for one in BackendName if one not in (AUTO, GPU, BEDROCK)])
def test_who_answers_no_chat_is_refused_by_name(backend: BackendName) -> None:
    error = choose_for_request(asked(backend=backend), HEALTHY, GOOD, RICH).error
    assert isinstance(error, InvalidRequest) and error.param == "backend"


@pytest.mark.parametrize("waits_on", [None, GPU])
def test_prompt_that_only_bedrock_holds_goes_there_and_one_that_neither_holds_is_refused(
    waits_on: BackendName | None,
) -> None:
    choice = choose_for_request(asked(least=10_000), HEALTHY, GOOD, RICH)
    assert (choice.backend, choice.reason) == (BEDROCK, ChoiceReason.GPU_CANNOT)
    gone = choose_for_request(asked(least=40_000, waits_on=waits_on), HEALTHY, GOOD, RICH)
    assert isinstance(gone.error, InvalidRequest) and gone.error.reason == "context_length_exceeded"
    with pytest.raises(InvalidRequest, match="8,192"):
        _ = choose_for_request(asked(least=10_000, backend=GPU), COLD, OFF, RICH).chosen


@pytest.mark.parametrize("by", list(AskedBy))
@pytest.mark.parametrize("gpu", list(GPUS))
@pytest.mark.parametrize("backend", [GPU, BEDROCK])
def test_who_names_a_backend_gets_it(backend: BackendName, gpu: str, by: AskedBy) -> None:
    choice = choose_for_request(asked(backend=backend, by=by), GPUS[gpu], GOOD, RICH)
    assert (choice.backend, choice.reason) == (backend, ChoiceReason.AS_ASKED)
    assert choice.text.startswith(words.WHO[by])


@pytest.mark.parametrize(
    ("prompt", "backend", "bedrock", "status", "code", "param", "says"),
    [
        (SEED, BEDROCK, GOOD, 400, "unsupported_parameter", "seed", "`gpu`"),
        (HOT, BEDROCK, GOOD, 400, "unsupported_parameter", "temperature", "`gpu`"),
        (HELLO, BEDROCK, OFF, 400, "backend_unavailable", "backend", "'gpu'"),
        (HELLO, BEDROCK, THROTTLED, 503, "backend_throttled", "backend", "'gpu'"),
        (NEITHER, GPU, GOOD, 400, "unsupported_parameter", "n", "leave it out"),
        (NEITHER, AUTO, GOOD, 400, "unsupported_parameter", "n", "leave it out"),
        (NEITHER, AUTO, OFF, 400, "unsupported_parameter", "n", "leave it out"),
    ],
)
def test_what_a_backend_cannot_do_is_a_clear_error(
    prompt: Prompt, backend: BackendName, bedrock: BedrockNow, status: int, code: str, param: str, says: str
) -> None:
    error = choose_for_request(asked(prompt, backend), COLD, bedrock, RICH).error
    assert error and (error.status, error.reason, error.param) == (status, code, param)
    assert says in error.message
    if status == 503:
        assert error.headers == {"Retry-After": "40"}


@pytest.mark.parametrize(
    ("backend", "gpu", "bedrock", "prompt"),
    [
        (AUTO, COLD, GOOD, HELLO),
        (AUTO, COLD, OFF, HELLO),
        (AUTO, COLD, GOOD, SEED),
        (GPU, COLD, GOOD, HELLO),
        (BEDROCK, HEALTHY, GOOD, HELLO),
    ],
)
def test_an_empty_month_buys_nothing(backend: BackendName, gpu: GpuNow, bedrock: BedrockNow, prompt: Prompt) -> None:
    error = choose_for_request(asked(prompt, backend), gpu, bedrock, EMPTY).error
    assert isinstance(error, SpendCapReached) and "monthly cap" in error.message
    if prompt is SEED:
        assert "Bedrock has no seed" in error.message


@pytest.mark.parametrize("gpu", ["booting", "healthy", "full"])
@pytest.mark.parametrize("backend", [AUTO, GPU])
def test_an_empty_month_still_uses_the_gpu_that_is_on(backend: BackendName, gpu: str) -> None:
    assert choose_for_request(asked(backend=backend), GPUS[gpu], GOOD, EMPTY).backend is GPU


def test_where_no_gpu_may_be_bought_a_throttled_bedrock_is_worth_waiting_for() -> None:
    never = replace(COLD, may_be_bought=False)
    error = choose_for_request(asked(), never, THROTTLED, RICH).error
    assert isinstance(error, NotAccepted) and error.retry_after_s == 40
    refused = choose_for_request(asked(backend=GPU), never, GOOD, RICH).error
    assert isinstance(refused, NotAccepted) and "'bedrock'" in refused.message
    seed = choose_for_request(asked(SEED), never, GOOD, RICH).error
    assert isinstance(seed, NotAccepted) and "seed" in seed.message and seed.param == "seed"


@pytest.mark.parametrize("waits_on", [GPU, BEDROCK])
@pytest.mark.parametrize("gpu", list(GPUS))
def test_a_conversation_goes_on_where_its_earlier_message_waits(gpu: str, waits_on: BackendName) -> None:
    other = GPU if waits_on is BEDROCK else BEDROCK
    for backend, by in ((AUTO, AskedBy.MESSAGE), (waits_on, AskedBy.MESSAGE), (other, AskedBy.CONVERSATION)):
        choice = choose_for_request(asked(backend=backend, by=by, waits_on=waits_on), GPUS[gpu], THROTTLED, RICH)
        assert (choice.backend, choice.reason) == (waits_on, ChoiceReason.ORDER)
    busy = choose_for_request(asked(backend=other, waits_on=waits_on), GPUS[gpu], GOOD, RICH).error
    assert isinstance(busy, Conflict) and (busy.reason, busy.param) == ("conversation_busy", "backend")


def test_what_the_backend_in_work_cannot_do_waits_for_its_answer() -> None:
    busy = choose_for_request(asked(SEED, waits_on=BEDROCK), HEALTHY, GOOD, RICH).error
    assert isinstance(busy, Conflict) and busy.param == "seed" and "wait for its answer" in busy.message
    assert choose_for_request(asked(waits_on=BEDROCK), COLD, OFF, RICH).backend is GPU, "the stack has none any more"


def test_the_nearest_preference_wins() -> None:
    assert preferred(AUTO, GPU, GPU, GPU) == (AUTO, AskedBy.MESSAGE)
    assert preferred(None, BEDROCK, GPU, GPU) == (BEDROCK, AskedBy.CONVERSATION)
    assert preferred(None, None, GPU, BEDROCK) == (GPU, AskedBy.PERSON)
    assert preferred(None, None, None, BEDROCK) == (BEDROCK, AskedBy.STACK)


def test_sums_are_those_of_the_price_lists() -> None:
    """256 expected tokens of an answer and 400 of a prompt."""
    one = asked()
    assert on_bedrock(one, GOOD).usd == pytest.approx((400 * 0.15 + 256 * 0.20) / 1e6)
    assert on_gpu(one, COLD).usd == pytest.approx((180 + 300 + 256 / 452) / 3600 * 0.44)
    for gpu in (BOOTING, HEALTHY, FULL):
        assert on_gpu(one, gpu).usd == pytest.approx(256 / 452 / 3600 * 0.44), "the rest is paid for anyway"
    assert on_gpu(one, COLD).first_word_s == on_gpu(one, BOOTING).first_word_s > 180
    assert on_gpu(one, FULL).first_word_s > on_gpu(one, HEALTHY).first_word_s
    unseen = replace(one, streaming=False)
    assert on_bedrock(unseen, GOOD).first_word_s == on_bedrock(one, GOOD).whole_s
    assert most_bedrock_usd(one, GOOD) == pytest.approx((1200 * 0.15 + 1024 * 0.20) / 1e6)
    short = asked(replace(HELLO, max_tokens=8))
    assert on_bedrock(short, GOOD).whole_s == pytest.approx(0.8 + 8 / 30)


def test_numbers_are_ready_for_json_and_say_what_was_compared() -> None:
    numbers = choose_for_request(asked(), COLD, GOOD, RICH).numbers
    assert json.loads(json.dumps(numbers)) == numbers
    assert numbers["gpu_status"] == "none" and numbers["prompt_tokens"] == 400
    assert float(numbers["gpu_usd"]) > 100 * float(numbers["bedrock_usd"])
    assert "bedrock_usd" not in choose_for_request(asked(), COLD, OFF, RICH).numbers


def test_a_refusal_is_raised_where_its_backend_is_asked_for() -> None:
    with pytest.raises(InvalidRequest, match="seed"):
        _ = choose_for_request(asked(SEED, BEDROCK), COLD, GOOD, RICH).chosen


prompts = st.sampled_from([HELLO, SEED, HOT, NEITHER, Prompt((*HELLO.messages, Message("assistant", "x")))])
gpus = st.builds(
    lambda gpu, may, context: replace(gpu, may_be_bought=may, context_tokens=context),
    st.sampled_from(list(GPUS.values())),
    st.booleans(),
    st.sampled_from([2048, 8192, 65_536]),
)
bedrocks = st.sampled_from([GOOD, OFF, THROTTLED])
months = st.sampled_from(
    [RICH, EMPTY, replace(RICH, committed=Decimal("9.99")), replace(RICH, committed=Decimal("9.9998"))]
)
requests = st.builds(
    asked,
    prompts,
    st.sampled_from(list(BackendName)),
    st.sampled_from(list(AskedBy)),
    st.sampled_from([None, GPU, BEDROCK]),
    st.sampled_from([0, 5000, 20_000, 100_000]),
)


@given(requests, gpus, bedrocks, months)
def test_of_every_request(one: Asked, gpu: GpuNow, bedrock: BedrockNow, month: Month) -> None:
    choice, again = (choose_for_request(one, gpu, bedrock, month) for _ in range(2))
    assert (choice.reason, choice.told) == (again.reason, again.told), "the same facts, the same choice"
    assert (choice.backend is None) == (choice.error is not None) == (choice.reason is ChoiceReason.REFUSED)
    assert choice.backend is not AUTO and choice.text.strip()
    if one.preference.backend not in (AUTO, GPU, BEDROCK):
        assert isinstance(choice.error, InvalidRequest) and choice.error.param == "backend", "of OpenAI's API alone"
    if choice.error:
        assert choice.error.status in (400, 402, 409, 503) and choice.error.reason
        return
    _holds(one, gpu, bedrock, month, choice)


def _holds(one: Asked, gpu: GpuNow, bedrock: BedrockNow, month: Month, choice: RequestChoice) -> None:
    backend, by = one.preference
    context = {GPU: gpu.context_tokens, BEDROCK: bedrock.context_tokens}
    able = {
        name: cannot(name, one.prompt, PromptLength(context[name], one.least_prompt_tokens)) is None
        for name in (GPU, BEDROCK)
    }
    assert able[choice.chosen], "never a backend that cannot do what is asked"
    assert choice.backend is not BEDROCK or bedrock.bedrock.allowed
    buys = choice.backend is GPU and gpu.status is GpuStatus.NONE
    if buys:
        assert gpu.may_be_bought and month.left >= gpu.needs_usd, "never one that the month does not pay"
        bedrock_is_good = able[BEDROCK] and bedrock is GOOD and float(month.left) > most_bedrock_usd(one, bedrock)
        assert not (backend is AUTO and bedrock_is_good and one.waits_on is not GPU), (
            "never under auto, if Bedrock is good"
        )
    if one.waits_on and (one.waits_on is GPU or bedrock.bedrock.allowed):
        assert choice.backend is one.waits_on
        assert by is not AskedBy.MESSAGE or backend in (AUTO, one.waits_on)
    elif backend is not AUTO:
        assert choice.backend is backend
    elif gpu.status is GpuStatus.HEALTHY and able[GPU]:
        assert choice.backend is GPU, "it is paid for anyway"


@given(requests, gpus, bedrocks, months)
def test_auto_is_refused_only_where_both_named_backends_are(
    one: Asked, gpu: GpuNow, bedrock: BedrockNow, month: Month
) -> None:
    free = replace(one, waits_on=None, preference=Preference(AUTO, AskedBy.MESSAGE))
    named = [
        choose_for_request(replace(free, preference=Preference(name, AskedBy.MESSAGE)), gpu, bedrock, month).error
        for name in (GPU, BEDROCK)
    ]
    refused = choose_for_request(free, gpu, bedrock, month).error is not None
    assert refused == all(named)


NEAR = replace(RICH, spent=Decimal("8.5"), committed=Decimal("8.5"))
ALONE = replace(HEALTHY, in_work=0)


@pytest.mark.parametrize(
    ("gpu", "bedrock", "month", "backend", "reason", "says"),
    [
        (BOOTING, GOOD, NEAR, GPU, ChoiceReason.CAP_NEAR, "still starting"),
        (FULL, GOOD, NEAR, GPU, ChoiceReason.CAP_NEAR, "8 slots are all taken"),
        (ALONE, GOOD, NEAR, BEDROCK, ChoiceReason.CAP_NEAR, "can end"),
        (HEALTHY, GOOD, NEAR, GPU, ChoiceReason.GPU_IS_ON, "paid for anyway"),
        (COLD, GOOD, NEAR, BEDROCK, ChoiceReason.NOTHING_LIVE, "costs less on Bedrock"),
        (ALONE, OFF, NEAR, GPU, ChoiceReason.GPU_IS_ON, "paid for anyway"),
        (BOOTING, THROTTLED, NEAR, GPU, ChoiceReason.BEDROCK_THROTTLED, "refused lately"),
        (BOOTING, GOOD, replace(NEAR, spent=Decimal("7.99")), BEDROCK, ChoiceReason.GPU_BOOTS, "still starting"),
        (BOOTING, GOOD, replace(NEAR, spent=Decimal("8")), GPU, ChoiceReason.CAP_NEAR, "80 % of the month"),
        (ALONE, GOOD, replace(RICH, committed=Decimal(9)), GPU, ChoiceReason.GPU_IS_ON, "paid for anyway"),
    ],
    ids=["boots", "full", "idle", "in use", "none", "no bedrock", "throttled", "under", "at", "only reserved"],
)
def test_near_the_months_cap_the_cheaper_way_is_taken_though_it_is_slower(
    gpu: GpuNow, bedrock: BedrockNow, month: Month, backend: BackendName, reason: ChoiceReason, says: str
) -> None:
    choice = choose_for_request(asked(), gpu, bedrock, month)
    assert (choice.backend, choice.reason) == (backend, reason) and says in choice.text
    assert choice.kept.reason == reason.value and ("cap_percent" in choice.numbers) is (month.spent >= 8)


def test_a_dear_gpu_is_not_waited_for_near_the_cap() -> None:
    dear = replace(BOOTING, gpu=replace(BOOTING.gpu, spot_usd_per_hour=5.0))
    assert choose_for_request(asked(), dear, GOOD, NEAR).reason is ChoiceReason.GPU_BOOTS


@given(
    gpu=st.sampled_from([*GPUS.values(), ALONE]),
    price=st.floats(0.05, 50),
    idle=st.floats(0, 900),
    percent=st.integers(0, 99),
    named=st.sampled_from([AUTO, GPU, BEDROCK]),
)
def test_near_the_cap_auto_never_takes_what_adds_more(
    gpu: GpuNow, price: float, idle: float, percent: int, named: BackendName
) -> None:
    gpu = replace(gpu, gpu=replace(gpu.gpu, spot_usd_per_hour=price, idle_seconds=idle))
    month = Month("2026-11", Decimal(100), Decimal(percent), Decimal(percent))
    choice = choose_for_request(asked(backend=named), gpu, GOOD, month)
    if named is not AUTO or percent < 80:
        assert choice.reason is not ChoiceReason.CAP_NEAR
        return
    there, here = beside_what_runs(asked(), gpu), on_bedrock(asked(), GOOD).usd
    if gpu.status is not GpuStatus.NONE:
        assert choice.backend is (GPU if there <= here else BEDROCK)
        assert choice.numbers["cap_percent"] == percent and choice.numbers["gpu_more_usd"] == round(there, 8)


IMAGES = Prompt((Message("user", "What is this?", images=(PromptImage(ImageKind.PNG, 1300, 1300, b""),) * 2),), 1024)
QWEN = SeeingModel("qwen", SIGHTS["qwen-vl"])
SEEING_GPUS = {name: replace(one, sees=QWEN) for name, one in GPUS.items()}
NOVA = replace(GOOD, sees="nova")
SPENT = replace(RICH, spent=Decimal(10), committed=Decimal(10))


@pytest.mark.parametrize(
    ("gpu", "bedrock", "preference", "outcome"),
    [
        ("healthy", NOVA, AUTO, (GPU, "gpu_is_on", "qwen")),
        ("none", NOVA, AUTO, (BEDROCK, "nothing_live", "nova")),
        ("booting", NOVA, AUTO, (BEDROCK, "gpu_boots", "nova")),
        ("full", NOVA, AUTO, (BEDROCK, "gpu_is_full", "nova")),
        ("none", NOVA, GPU, (GPU, "as_asked", "qwen")),
        ("healthy", NOVA, BEDROCK, (BEDROCK, "as_asked", "nova")),
        ("none", OFF, AUTO, (GPU, "bedrock_cannot", "qwen")),  # nobody else sees: it is bought
        ("full", OFF, AUTO, (GPU, "bedrock_cannot", "qwen")),
        ("healthy", OFF, BEDROCK, "images_not_seen"),
    ],
)
def test_images_go_to_whom_words_would_go_among_those_who_see(
    gpu: str, bedrock: BedrockNow, preference: BackendName, outcome: tuple[BackendName, str, str] | str
) -> None:
    asked = Asked(prompt=IMAGES, preference=Preference(preference, AskedBy.MESSAGE), prompt_tokens=9000)
    choice = choose_for_request(asked, SEEING_GPUS[gpu], bedrock, RICH)
    if isinstance(outcome, str):
        assert isinstance(choice.error, InvalidRequest) and choice.error.reason == outcome
        assert "Backend 'gpu' can." in choice.error.message
        return
    assert (choice.backend, choice.reason.value, choice.numbers["images_seen_by"]) == outcome
    assert choice.text.endswith(f"{outcome[2]} on {abilities.WORDS[outcome[0]]} sees the images.")
    assert (choice.numbers["images"], choice.numbers["gpu_image_tokens"]) == (2, 2 * 1282)


@pytest.mark.parametrize("preference", [AUTO, GPU, BEDROCK])
def test_images_with_what_only_the_blind_gpu_does_name_both(preference: BackendName) -> None:
    hot = replace(IMAGES, temperature=1.5)
    asked = Asked(prompt=hot, preference=Preference(preference, AskedBy.MESSAGE), prompt_tokens=9000)
    error = choose_for_request(asked, GPUS["healthy"], NOVA, RICH).error
    assert error and error.reason == "images_not_seen" and "`gpu`" not in error.message
    assert error.message == (
        "The model on the GPU sees no images. Who sees them cannot do what 'temperature' asks: "
        "leave one of the two out."
    )


def test_images_that_are_more_than_its_context_are_not_the_gpus() -> None:
    small = replace(SEEING_GPUS["healthy"], context_tokens=2000)
    asked = Asked(prompt=IMAGES, preference=Preference(AUTO, AskedBy.STACK), prompt_tokens=9000, least_prompt_tokens=3)
    choice = choose_for_request(asked, small, NOVA, RICH)
    assert (choice.backend, choice.reason) == (BEDROCK, ChoiceReason.GPU_CANNOT)
    alone = choose_for_request(asked, small, OFF, RICH)
    assert alone.error and alone.error.reason == "context_length_exceeded"
    assert "at least 2,567 tokens with its images; the GPU holds 2,000" in alone.error.message


def test_no_gpu_is_bought_for_images_that_the_month_does_not_pay_for() -> None:
    asked = Asked(prompt=IMAGES, preference=Preference(AUTO, AskedBy.STACK), prompt_tokens=9000)
    cold = SEEING_GPUS["none"]
    assert isinstance(choose_for_request(asked, cold, OFF, SPENT).error, SpendCapReached)
    forbidden = choose_for_request(asked, replace(cold, may_be_bought=False), OFF, RICH).error
    assert isinstance(forbidden, NotAccepted) and "No model on Bedrock sees images here" in forbidden.message


def test_images_wait_for_a_message_before_them_that_is_with_one_who_sees_nothing() -> None:
    asked = Asked(
        prompt=IMAGES, preference=Preference(AUTO, AskedBy.STACK), prompt_tokens=9000, waits_on=BackendName.BEDROCK
    )
    busy = choose_for_request(asked, SEEING_GPUS["healthy"], OFF, RICH).error
    assert isinstance(busy, Conflict) and busy.reason == "conversation_busy"
    assert choose_for_request(asked, SEEING_GPUS["healthy"], NOVA, RICH).backend is BEDROCK


def test_nobody_who_sees_is_images_off() -> None:
    asked = Asked(prompt=IMAGES, preference=Preference(AUTO, AskedBy.STACK), prompt_tokens=9000)
    off = choose_for_request(asked, HEALTHY, OFF, RICH).error
    assert off and off.reason == "images_off"
