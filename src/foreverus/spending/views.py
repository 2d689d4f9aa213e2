"""Usage and quotes as the API shows them. Pure."""

from datetime import datetime

from foreverus import ids
from foreverus.api.responses import Body
from foreverus.costs.assumptions import Assumption, Range
from foreverus.costs.quote import BackendQuote, Quote
from foreverus.costs.reservations import Month
from foreverus.costs.usage.report import Report, Sum

USD_PLACES = 9  # a token of the cheapest model costs 1e-7


def public_report(report: Report) -> Body:
    groups = [{**{by.value: name for by, name in one.names.items()}, **_sum(one.sum)} for one in report.groups]
    return {"totals": _sum(report.totals), "groups": groups}


def _sum(of: Sum) -> Body:
    return {
        "messages": of.messages,
        "prompt_tokens": of.prompt_tokens,
        "completion_tokens": of.completion_tokens,
        "usd": float(of.usd),
        "if_gpu_usd": _rounded(of.if_gpu_usd),
        "if_bedrock_usd": _rounded(of.if_bedrock_usd),
        "if_always_on_usd": _rounded(of.if_always_on_usd),
    }


def public_assumption(one: Assumption) -> Body:
    return {"name": one.name, **public_range(one.value), "unit": one.measure, "source": one.source}


def public_range(of: Range) -> Body:
    """
    >>> public_range(Range.of(1e-10 + 0.5))
    {'low': 0.5, 'expected': 0.5, 'high': 0.5}
    """
    return {name: _rounded(getattr(of, name)) for name in ("low", "expected", "high")}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, USD_PLACES)


def public_quote(quote: Quote, month: Month, now: datetime) -> Body:
    return {
        "object": "quote",
        "kind": quote.kind,
        "created_at": ids.timestamp(now),
        "work": {name: public_range(value) for name, value in quote.work.items()},
        "backends": [_backend(one) for one in quote.backends],
        "auto": {"backend": quote.auto.backend, "reason": quote.auto.reason, "text": quote.auto.text},
        "assumptions": [public_assumption(one) for one in quote.assumptions],
        "month": {"left_usd": round(float(month.left), 6), "monthly_cap_usd": round(float(month.cap), 6)},
    }


def _backend(one: BackendQuote) -> Body:
    ranges = {name: getattr(one, name) for name in ("usd", "seconds", "first_word_seconds", "beside_usd")}
    shown = {name: public_range(value) if value else None for name, value in ranges.items()}
    return {"backend": one.backend, **shown, "why_not": one.why_not or None}
