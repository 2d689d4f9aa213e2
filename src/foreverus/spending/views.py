"""Usage and quotes as the API shows them. Pure."""

from foreverus.api.responses import Body
from foreverus.costs.assumptions import Assumption, Range
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
        "bedrock_usd": float(of.bedrock_usd),
        "if_gpu_usd": _rounded(of.if_gpu_usd),
        "if_bedrock_usd": _rounded(of.if_bedrock_usd),
        "if_always_on_usd": _rounded(of.if_always_on_usd),
    }


def public_assumption(one: Assumption) -> Body:
    return {"name": one.name, **public_range(one.value), "unit": one.unit, "source": one.source}


def public_range(of: Range) -> Body:
    """
    >>> public_range(Range.of(1e-10 + 0.5))
    {'low': 0.5, 'expected': 0.5, 'high': 0.5}
    """
    return {name: _rounded(getattr(of, name)) for name in ("low", "expected", "high")}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, USD_PLACES)
