"""What people have used, as an export shows it. Pure."""

from foreverus.api.responses import Body
from foreverus.costs.usage.records import DayUsage


def public_day(one: DayUsage) -> Body:
    """A person's day, with a part for each backend and kind of work."""
    parts = [
        {
            "backend": used.service,
            "kind": used.kind,
            "messages": used.messages,
            "prompt_tokens": used.prompt_tokens,
            "completion_tokens": used.completion_tokens,
            "usd": float(used.usd),
        }
        for used in one
    ]
    return {"object": "usage.day", "day": one.day, "used": parts}
