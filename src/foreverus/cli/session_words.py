"""A GPU's session in words: how far its boot is, what it costs. Pure."""

from datetime import datetime

from foreverus.cli.context import printable
from foreverus.cli.objects.sessions import ReceiptObject, SessionObject
from foreverus.cli.text import duration, money

OVER = frozenset({"ended", "failed"})
MINIMUM_BILLED_S = 60.0  # EC2 bills at least a minute of each instance, as costs/meter.py has it

WORDS = {
    "requested": "GPU asked for",
    "launching": "looking for a GPU",
    "booting": "GPU starts",
    "downloading": "GPU fetches the model",
    "prepared": "GPU has the model on its disk",
    "loading": "GPU loads the model",
    "healthy": "GPU is on",
    "serving": "GPU is on",
    "draining": "GPU ends",
    "ended": "GPU is off",
    "failed": "GPU failed",
}


def moment_of(text: str | None) -> datetime | None:
    """A time of the API; None where there is none."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def newer(have: SessionObject, got: SessionObject) -> SessionObject:
    """The later of two; what only a GET says of it stays."""
    if got.get("id") != have.get("id") or got.get("version", 0) < have.get("version", 0):
        return have
    expected = have.get("expected_boot_seconds")
    return got if expected is None or got.get("expected_boot_seconds") else {**got, "expected_boot_seconds": expected}


def phase(session: SessionObject) -> str:
    """The word for where it is: its status, while it boots the newest phase that its worker told."""
    status = str(session.get("status", ""))
    if status == "booting":
        attempt = session.get("attempt", 0)
        told = [one["name"] for one in session.get("phases") or [] if one.get("attempt", 0) == attempt]
        status = told[-1] if told else status
    return WORDS.get(status, printable(status))


def is_booting(session: SessionObject) -> bool:
    return session.get("status") in ("requested", "launching", "booting")


def eta_s(session: SessionObject, now: datetime) -> float | None:
    """Seconds until it answers, as earlier sessions took; below zero: it is late. None: nothing was learned yet."""
    expected, begun = session.get("expected_boot_seconds"), moment_of(session.get("created_at"))
    if expected is None or begun is None:
        return None
    return expected - (now - begun).total_seconds()


def boot_detail(session: SessionObject, now: datetime) -> str:
    """`ETA 2 min 10 s`, or how long it has taken so far."""
    eta, begun = eta_s(session, now), moment_of(session.get("created_at"))
    if eta is not None and eta > 0:
        return f"ETA {duration(eta)}"
    taken = "" if begun is None else f"for {duration((now - begun).total_seconds())}"
    return f"{taken}, later than usual" if eta is not None and taken else taken


def spent_usd(session: SessionObject, now: datetime) -> float | None:
    """What its instances have cost until now, with disk and address; None where a price is not known. Each is counted
    from its launch to the next one's, at least a minute, as the page and the receipt do."""
    spend = session.get("spend") or {}
    launches = spend.get("launches") or []
    gpu, all_of_it = spend.get("gpu_usd_per_hour"), spend.get("usd_per_hour")
    if not launches or gpu is None or all_of_it is None:
        return None
    end = moment_of(session.get("ended_at")) or now
    starts = [start for one in launches if (start := moment_of(one.get("launched_at")))]
    ends = [*starts[1:], end]
    total = 0.0
    for one, start, until in zip(launches, starts, ends, strict=False):
        own = one.get("gpu_usd_per_hour")
        per_hour = (gpu if own is None else own) + all_of_it - gpu
        total += per_hour * max((until - start).total_seconds(), MINIMUM_BILLED_S) / 3600
    return total


def meter(session: SessionObject, now: datetime) -> str:
    """`$0.12 so far · $0.85/h`"""
    receipt = session.get("receipt") or {}
    if receipt.get("total_usd") is not None:
        return f"{money(float(receipt['total_usd'] or 0))} in all"
    spent, rate = spent_usd(session, now), (session.get("spend") or {}).get("usd_per_hour")
    parts = [] if spent is None else [f"{money(spent)} so far"]
    parts += [] if rate is None or session.get("status") in OVER else [f"{money(rate)}/h"]
    return " · ".join(parts)


def row(session: SessionObject, now: datetime) -> str:
    """One line: where it is, its ETA or how long it is on, the meter."""
    status = str(session.get("status", ""))
    parts = [phase(session)]
    launched = moment_of(session.get("launched_at"))
    if is_booting(session):
        parts.append(boot_detail(session, now))
    elif launched and status not in OVER:
        parts.append(f"for {duration((now - launched).total_seconds())}")
    parts.append(meter(session, now))
    return " · ".join(part for part in parts if part)


def ending(session: SessionObject, now: datetime) -> str:
    """How it ended, and what it cost."""
    error = session.get("error") or {}
    parts = [f"{printable(str(session.get('id')))} {printable(str(session.get('status')))}"]
    parts += [printable(str(session["outcome"]))] if session.get("outcome") else []
    parts += [printable(f"{error.get('code')}: {error.get('message') or ''}".rstrip(": "))] if error else []
    messages = (session.get("usage") or {}).get("messages")
    parts += [f"{messages} messages answered"] if messages else []
    parts.append(meter(session, now))
    return " · ".join(part for part in parts if part)


def card(session: SessionObject, now: datetime) -> list[str]:
    """Everything about one session that people ask for."""
    instance, usage = session.get("instance") or {}, session.get("usage") or {}
    where = (instance.get("type"), instance.get("availability_zone"), instance.get("lifecycle"), instance.get("id"))
    over = session.get("status") in OVER
    decided = session.get("idle") or {}
    idle = session.get("idle_seconds") or decided.get("seconds") or 0
    why = "" if over or session.get("idle_seconds") else decided.get("text", "")
    cap = (session.get("spend") or {}).get("session_cap_usd")
    fields = [
        ("session", str(session.get("id"))),
        ("state", ending(session, now) if over else row(session, now)),
        ("asked for", _time(session.get("created_at"))),
        ("GPU", " · ".join(str(part) for part in where if part)),
        ("zones", (session.get("pools") or {}).get("text", "")),
        ("launched", _time(session.get("launched_at"))),
        ("answers since", _time(session.get("healthy_at"))),
        ("ended", _time(session.get("ended_at"))),
        ("messages", str(usage.get("messages") or "")),
        ("tokens", f"{usage.get('prompt_tokens', 0):,} + {usage.get('completion_tokens', 0):,}" if usage else ""),
        ("its cap", money(cap) if cap else ""),
        ("ends itself", f"after {duration(idle)} idle" if idle else ""),
        ("why", why),
        *compared(session.get("receipt") or {}),
    ]
    return [f"{name:<14}{printable(value)}" for name, value in fields if value]


def compared(receipt: ReceiptObject) -> list[tuple[str, str]]:
    """What its receipt says beside the sum, in words: a line for each thing that is known.

    >>> compared({"boot_seconds": 240.0, "idle_seconds": 300.0, "idle_usd": 0.04})
    [('booted for', '4 min 00 s'), ('idle for', '5 min 00 s, which cost $0.0400')]
    """
    boot, idle, idle_usd = receipt.get("boot_seconds"), receipt.get("idle_seconds"), receipt.get("idle_usd")
    bedrock, always_on = receipt.get("if_bedrock_usd"), receipt.get("always_on_day_usd")
    cost = "" if idle_usd is None else f", which cost {money(idle_usd)}"
    said = [
        ("booted for", "" if boot is None else duration(boot)),
        ("idle for", "" if idle is None else f"{duration(idle)}{cost}"),
        ("on Bedrock", "" if bedrock is None else f"{money(bedrock)} for the same tokens"),
        ("always on", "" if always_on is None else f"{money(always_on)} a day"),
    ]
    return [(name, words) for name, words in said if words]


def _time(text: str | None) -> str:
    return (text or "")[:19].replace("T", " ")
