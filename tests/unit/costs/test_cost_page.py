"""The tables of docs/costs.md, computed from the price lists, the published rates and the choice that `auto` makes.

python -m tests.unit.costs.test_cost_page    writes them into docs/costs.md
"""

import doctest
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from foreverus.backends.port import BackendName, Prompt
from foreverus.batches.plan.estimates import ASSUMED_BOOT_S
from foreverus.choice.arithmetic import break_even_tokens
from foreverus.choice.assumed import ASSUMED_BEDROCK_CALL_TOKENS_PER_SECOND, EXPECTED_TOKENS
from foreverus.choice.batch import choose
from foreverus.choice.records import Bedrock, Gpu, Work
from foreverus.choice.request import choose_for_request
from foreverus.choice.request_records import Asked, AskedBy, BedrockNow, GpuNow, Preference
from foreverus.choice.request_sums import on_bedrock, on_gpu
from foreverus.costs import prices
from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR
from foreverus.costs.one_answer import Part, beside, openai_stream
from foreverus.costs.open_page import PING_EVERY_S, Attention, usd_an_hour
from foreverus.costs.prices import bedrock_price, gpu_usd_per_million_tokens, listed_price
from foreverus.costs.reservations import Month

PAGE = Path(__file__).parents[3] / "docs/costs.md"
CHAT_BEGIN, CHAT_END = "<!-- chat: computed, do not edit -->", "<!-- end of chat -->"
BEGIN, END = "<!-- costs: computed, do not edit -->", "<!-- end of costs -->"
MODEL, REGION = "mistral.mistral-7b-instruct-v0:2", "us-east-1"
# Output tokens a second of vLLM with Mistral 7B, AWQ and Marlin, on one L4 (g6.xlarge), by requests at once: a public
# benchmark of April 2026.
PUBLISHED = {1: 61, 4: 234, 8: 452}
SPOT = (0.26, 0.44)  # USD per hour of a g6.xlarge, the range of us-east-2 and us-east-1
BOOT_S, IDLE_S = int(ASSUMED_BOOT_S), 300  # until a stack knows its own; with IdleSeconds=300
PROMPT, ANSWER = 200, 150  # tokens of the example's lines


def on_demand() -> float:
    price = listed_price("g6.xlarge", REGION, "on-demand").usd_per_hour
    assert price is not None
    return price


def bedrock() -> tuple[float, float]:
    price = bedrock_price(MODEL, REGION)
    assert price.prompt is not None and price.completion is not None
    return price.prompt, price.completion


def cold(usd_per_hour: float, rate: float) -> Gpu:
    return Gpu(
        allowed=True,
        live=False,
        boot_seconds=BOOT_S,
        tokens_per_second=rate,
        spot_usd_per_hour=usd_per_hour,
        on_demand_usd_per_hour=on_demand(),
        idle_seconds=IDLE_S,
    )


def first_lines_on_the_gpu(gpu: Gpu, live: bool = False) -> int | None:
    """The smallest batch of the example's lines for which `auto` takes the GPU, with a week's time."""
    rival = Bedrock(True, *bedrock(), tokens_per_second=500)
    gpu = Gpu(**{**vars(gpu), "live": live})

    def taken(lines: int) -> bool:
        return choose(Work(lines, PROMPT * lines, ANSWER * lines, 1e9), gpu, rival).next == "gpu"

    low, high = 0, 1_000_000
    if not taken(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if taken(middle) else (middle, high)
    return high


def chat_table() -> str:
    """One answer, by how the GPU is."""
    gpu = Gpu(**{**vars(cold(0.0, PUBLISHED[8])), "spot_usd_per_hour": spot()})
    base = GpuNow(gpu=gpu, slots=0, context_tokens=8192)
    healthy = replace(base, gpu=replace(gpu, live=True), slots=16)
    by_token = Bedrock(True, *bedrock(), tokens_per_second=ASSUMED_BEDROCK_CALL_TOKENS_PER_SECOND)
    rival = BedrockNow(bedrock=by_token, context_tokens=8192)
    rows = [
        "| the GPU is | US$ on the GPU | US$ on Bedrock | first word on the GPU | on Bedrock | `auto` |",
        "|---|---|---|---|---|---|",
    ]
    states = (("none", base), ("booting", replace(base, booting=True)), ("healthy", healthy))
    asked = Asked(
        preference=Preference(BackendName.AUTO, AskedBy.STACK), prompt=Prompt((), max_tokens=256), prompt_tokens=400
    )
    month = Month("2026-11", Decimal(100), Decimal(0), Decimal(0))
    for name, now in (*states, ("full", replace(healthy, in_work=16))):
        there, here = on_gpu(asked, now), on_bedrock(asked, rival)
        taken = choose_for_request(asked, now, rival, month).backend
        rows.append(
            f"| {name} | {there.usd:.6f} | {here.usd:.6f} | {there.first_word_s:.1f} s | {here.first_word_s:.1f} s "
            f"| {taken} |"
        )
    return "\n".join(rows)


def spot() -> float:
    price = listed_price("g6.xlarge", REGION, "spot").usd_per_hour
    assert price is not None
    return price + BESIDE_GPU_USD_PER_HOUR


def table() -> str:
    hours = (*SPOT, on_demand())
    rows = ["| US$ per million tokens | prompt | output | one of each |", "|---|---|---|---|"]
    prompt, output = bedrock()
    rows.append(
        f"| Bedrock on-demand, Mistral 7B Instruct v0.2 | {prompt:.3f} | {output:.2f} | {prompt + output:.3f} |"
    )
    for requests, rate in PUBLISHED.items():
        for price, kind in zip(hours, ("spot", "spot", "on-demand"), strict=True):
            usd = gpu_usd_per_million_tokens(price, rate)
            what = f"g6.xlarge {kind} at {price:.2f}/h, {requests} at once: {rate} tok/s"
            rows.append(f"| {what} | in it | {usd:.2f} | {usd:.2f} |")
    rows += [
        "",
        "Output tokens a second from which a busy GPU is cheaper, for lines with as many prompt as output tokens:",
        "",
    ]
    rows += ["| g6.xlarge | than Bedrock |", "|---|---|"]
    for price, kind in zip(hours, ("spot", "spot", "on-demand"), strict=True):
        needed = price / 3600 / sum(bedrock()) * 1e6
        rows.append(f"| {kind} at {price:.2f}/h | {needed:,.0f} |")
    boots = [break_even_tokens(BOOT_S, price, bedrock()[1]) for price in SPOT]
    rows += [
        "",
        f"A boot of {BOOT_S // 60} minutes on spot costs as much as {boots[0]:,.0f} to {boots[1]:,.0f} output tokens "
        f"of Bedrock. With it and {IDLE_S // 60} idle minutes at the end,",
        f"`auto` takes a cold GPU from so many lines on ({PROMPT} tokens in, {ANSWER} out; a live GPU is taken for any "
        "number where the table has one):",
        "",
        "| g6.xlarge | " + " | ".join(f"{rate} tok/s" for rate in (*PUBLISHED.values(), 1000)) + " |",
        "|---|" + "---|" * (len(PUBLISHED) + 1),
    ]
    for price in SPOT:
        counts = [first_lines_on_the_gpu(cold(price, rate)) for rate in (*PUBLISHED.values(), 1000)]
        shown = " | ".join("never" if count is None else f"{count:,}" for count in counts)
        rows.append(f"| spot at {price:.2f}/h | {shown} |")
    return "\n".join(rows)


def test_the_pages_tables_are_computed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = text.split(BEGIN)[1].split(END)[0].strip()
    assert shown == table(), "python -m tests.unit.costs.test_cost_page"


ANSWER_BEGIN, ANSWER_END = "<!-- one answer: computed, do not edit -->", "<!-- end of one answer -->"
ONE_PROMPT, ONE_ANSWER = 400, EXPECTED_TOKENS  # tokens, as in the table before it


def one_answer() -> str:
    prompt, output = bedrock()
    seconds = ONE_ANSWER / ASSUMED_BEDROCK_CALL_TOKENS_PER_SECOND
    parts = beside(seconds, on_bedrock=True)
    tokens = Part(
        f"Bedrock: {ONE_PROMPT} tokens in, {ONE_ANSWER} out", (ONE_PROMPT * prompt + ONE_ANSWER * output) / 1e6
    )
    rows = ["| one chat answer on Bedrock | US$ |", "|---|---|"]
    rows += [f"| {one.what} | {one.usd:.6f} |" for one in (tokens, *parts)]
    total = tokens.usd + sum(one.usd for one in parts)
    rows.append(f"| **sum** (a dollar is {1 / total:,.0f} answers) | **{total:.6f}** |")
    return "\n".join(rows)


STREAM_BEGIN, STREAM_END = "<!-- one stream: computed, do not edit -->", "<!-- end of one stream -->"


def one_stream() -> str:
    seconds = ONE_ANSWER / ASSUMED_BEDROCK_CALL_TOKENS_PER_SECOND
    bedrock, gpu = (openai_stream(seconds, on_bedrock=where) for where in (True, False))
    rows = ["| one OpenAI stream as long, beside its tokens | US$ on Bedrock | on the GPU |", "|---|---|---|"]
    rows += [f"| {one.what} | {one.usd:.6f} | {other.usd:.6f} |" for one, other in zip(bedrock, gpu, strict=True)]
    sums = (sum(one.usd for one in parts) for parts in (bedrock, gpu))
    rows.append(f"| **sum** | {' | '.join(f'**{one:.6f}**' for one in sums)} |")
    return "\n".join(rows)


def test_the_price_of_one_stream_is_computed() -> None:
    shown = PAGE.read_text(encoding="utf-8").split(STREAM_BEGIN)[1].split(STREAM_END)[0].strip()
    assert shown == one_stream(), "python -m tests.unit.costs.test_cost_page"


def test_the_price_of_one_answer_is_computed() -> None:
    shown = PAGE.read_text(encoding="utf-8").split(ANSWER_BEGIN)[1].split(ANSWER_END)[0].strip()
    assert shown == one_answer(), "python -m tests.unit.costs.test_cost_page"


OPEN_BEGIN, OPEN_END = "<!-- an open page: computed, do not edit -->", "<!-- end of an open page -->"
SHOWN = {
    Attention.SEEN: "somebody looks at it",
    Attention.AWAITED: "behind another tab, while a GPU is on or an answer on its way",
    Attention.UNSEEN: "behind another tab, otherwise",
}


def open_page() -> str:
    rows = ["| a page that is open, and nothing happens | pings an hour | US$ an hour |", "|---|---|---|"]
    for attention, words in SHOWN.items():
        pings = 3600 / PING_EVERY_S[attention]
        rows.append(f"| {words} | {pings:.0f} | {usd_an_hour(attention):.6f} |")
    return "\n".join(rows)


def test_the_price_of_an_open_page_is_computed() -> None:
    shown = PAGE.read_text(encoding="utf-8").split(OPEN_BEGIN)[1].split(OPEN_END)[0].strip()
    assert shown == open_page(), "python -m tests.unit.costs.test_cost_page"


def test_break_even_agrees_with_the_sums_by_hand() -> None:
    """A line costs 200 × 0.15 + 150 × 0.20 = 60 USD per million lines on Bedrock, and 150 ÷ rate seconds on the GPU."""
    per_line = 150 / 452 / 3600 * 0.26
    assert first_lines_on_the_gpu(cold(0.26, 452)) == pytest.approx(
        (BOOT_S + IDLE_S) / 3600 * 0.26 / (60e-6 - per_line), rel=1e-3
    )
    assert first_lines_on_the_gpu(cold(0.44, 61)) is None, "a GPU that answers one request at a time is dearer"
    assert first_lines_on_the_gpu(cold(0.44, 452), live=True) == 1
    assert first_lines_on_the_gpu(cold(0.44, 61), live=True) is None


def test_examples_in_the_docstrings_hold() -> None:
    failed, tried = doctest.testmod(prices)
    assert failed == 0 and tried >= 4


def test_bedrocks_prices_name_their_source() -> None:
    price = bedrock_price(MODEL, "us-east-1")
    assert (price.prompt, price.completion) == (0.15, 0.20)
    assert price.source == "Bedrock on-demand in us-east-1, published 2026-11, aws.amazon.com/bedrock/pricing"


def test_region_that_is_not_listed_costs_what_the_dearest_does() -> None:
    assert bedrock_price(MODEL, "sa-east-1").completion == 0.26
    assert bedrock_price(MODEL, "us-west-2").completion == 0.20


@pytest.mark.parametrize(
    "model_id",
    [
        f"us.{MODEL}",
        f"arn:aws:bedrock:us-east-1::foundation-model/{MODEL}",
        f"arn:aws:bedrock:us-east-1:1:inference-profile/us.{MODEL}",
    ],
)
def test_profile_costs_what_its_model_costs(model_id: str) -> None:
    assert bedrock_price(model_id, "us-east-1").completion == 0.20


def test_unknown_model_has_no_price_rather_than_an_invented_one() -> None:
    price = bedrock_price("somebody.else-v1:0", "us-east-1")
    assert price.prompt is None and price.usd(1, 1) is None and "somebody.else-v1:0" in price.source


def test_the_page_has_what_one_answer_costs() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.split(CHAT_BEGIN)[1].split(CHAT_END)[0].strip() == chat_table(), "run the module to write it"


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    computed = (
        *((BEGIN, END, table()), (CHAT_BEGIN, CHAT_END, chat_table())),
        (ANSWER_BEGIN, ANSWER_END, one_answer()),
        (STREAM_BEGIN, STREAM_END, one_stream()),
        (OPEN_BEGIN, OPEN_END, open_page()),
    )
    for begin, end, made in computed:
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{made}\n{end}{rest.split(end)[1]}"
    PAGE.write_text(text, encoding="utf-8")
