"""`foreverus usage`: what the month has cost, who used what, and what the same would have cost elsewhere."""

import argparse
import json
from collections.abc import Sequence
from typing import cast

from foreverus.cli.api import Api
from foreverus.cli.context import Context, printable
from foreverus.cli.failures import COMPLETED
from foreverus.cli.objects.money import SumObject, UsageObject
from foreverus.cli.text import aligned, money, small_usd

HEADINGS = ("MESSAGES", "TOKENS IN", "TOKENS OUT", "BEDROCK", "IF GPU", "IF BEDROCK", "IF ALWAYS ON")


def usage(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    query = {"from": arguments.begin, "to": arguments.end, "group_by": ",".join(arguments.by or [])}
    found = cast(UsageObject, api.call("GET", "/usage", params={name: one for name, one in query.items() if one}))
    for line in [json.dumps(found, ensure_ascii=False)] if arguments.json else in_words(found):
        context.result(line)
    return COMPLETED


def in_words(found: UsageObject) -> list[str]:
    """The month, then everybody's sums and one's own, then the groups that were asked for."""
    lines = [month(found)]
    lines += [printable(text)] if (text := (found.get("forecast") or {}).get("text")) else []
    team, own = found.get("team") or {}, found.get("own") or {}
    if not team:  # an API of an earlier version
        return lines
    names = list(found.get("group_by") or [])
    lines.append(f"{printable(str(found.get('from')))} to {printable(str(found.get('to')))}, UTC:")
    rows = [(*(name.upper() for name in names or ["WHO"]), *HEADINGS)]
    groups = (team.get("groups") or []) if names else []
    rows += [(*(str(one.get(name) or "") for name in names), *_cells(one)) for one in groups]
    blank = [""] * (len(names) - 1)
    rows += [(who, *blank, *_cells(of.get("totals") or {})) for who, of in (("everybody", team), ("you", own))]
    lines += aligned(rows)
    lines += [_assumption(one) for one in cast(Sequence[dict[str, object]], found.get("assumptions") or [])]
    return lines


def month(found: UsageObject) -> str:
    """
    >>> month({"month": "2026-11", "spent_usd": 1.5, "live_usd": 0.2, "reserved_usd": 4, "left_usd": 14.3})
    '2026-11: $1.50 spent · $0.20 on what is on now · $4.00 set aside for what is under way · $14.30 left'
    """
    parts = [f"{money(float(found.get('spent_usd', 0)))} spent"]
    parts += [f"{money(float(found['live_usd']))} on what is on now"] if found.get("live_usd") else []
    reserved = float(found.get("reserved_usd", 0))
    parts += [f"{money(reserved)} set aside for what is under way"] if reserved else []
    cap = (found.get("caps") or {}).get("monthly_usd")
    parts.append(f"{money(float(found.get('left_usd', 0)))} left" + (f" of {money(float(cap))}" if cap else ""))
    return f"{printable(str(found.get('month')))}: {' · '.join(parts)}"


def _cells(one: SumObject) -> tuple[str, ...]:
    counts = (one.get("messages", 0), one.get("prompt_tokens", 0), one.get("completion_tokens", 0))
    costs = (one.get("usd"), one.get("if_gpu_usd"), one.get("if_bedrock_usd"), one.get("if_always_on_usd"))
    return (*(f"{count:,}" for count in counts), *("?" if usd is None else small_usd(usd) for usd in costs))


def _assumption(one: dict[str, object]) -> str:
    name = str(one.get("name", "")).replace("_", " ")
    return printable(f"  {name}: {one.get('expected')} {one.get('unit', '')} ({one.get('source')})")
