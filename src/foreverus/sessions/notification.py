"""What people are told when a session is over: never prompts, never answers. Pure."""

from collections.abc import Iterable

from foreverus.costs.receipt import Receipt
from foreverus.errors import SpendCapReached
from foreverus.notifications.notification import Notification
from foreverus.sessions.advice import advice
from foreverus.sessions.records import Outcome, Session, SessionStatus, Trigger

HOUR = len("2026-11-29T20")


def is_told(session: Session, earlier: Iterable[Session]) -> bool:
    """Whether people are mailed that it is over. Of one that cost nothing only that it failed, and that once an hour
    (UTC) for each error, however often somebody tries; of the schedule's, always. `earlier`: older sessions."""
    if session.launches or session.bedrock.usd or session.trigger in (Trigger.SCHEDULE, Trigger.BAKE):
        return True
    hour = session.ended_at[:HOUR]
    return session.status is SessionStatus.FAILED and not any(
        one.session_id < session.session_id
        and (one.status, one.error, one.ended_at[:HOUR]) == (SessionStatus.FAILED, session.error, hour)
        and not one.launches
        for one in earlier
    )


def notification(session: Session, withdrawn_image: str = "") -> Notification:
    spent = session.receipt or Receipt()
    cost = _cost(spent.total_usd)
    failed, at_cap = session.status is SessionStatus.FAILED, session.outcome is Outcome.SPEND_CAP
    how = "ended at its spend cap" if at_cap else "ended"
    subject = f"Forever Us: session failed, {session.error}" if failed else f"Forever Us: session {how}, {cost}"
    lines = [
        f"Session:   {session.session_id}",
        f"Outcome:   {session.outcome}",
        *([f"Error:     {session.error}: {session.cause}"] if failed else []),
        *([f"Notice:    {advice(SpendCapReached.code())}"] if at_cap else []),
        *([f"Image:     {withdrawn_image} did not boot and is withdrawn; bake another"] if withdrawn_image else []),
        *_bedrock_line(spent),
        f"GPU:       {spent.instance_type or 'none was launched'} {spent.lifecycle or ''}".rstrip(),
        f"Instance:  {spent.instance_id or '-'} (terminated)",
        f"Minutes:   {spent.instance_minutes}",
        f"Messages:  {spent.messages}",
        f"Tokens:    {spent.prompt_tokens} in, {spent.completion_tokens} out",
        f"Cost:      {cost}" + (f" (at US$ {spent.price_per_hour_usd}/h)" if spent.price_per_hour_usd else ""),
    ]
    return Notification(subject, "\n".join(lines))


def _cost(usd: float | None) -> str:
    """What is small never looks like nothing."""
    if usd is None:
        return "cost unknown"
    return "under US$ 0.0001" if 0 < usd < 1e-4 else f"US$ {usd:.4f}"


def _bedrock_line(spent: Receipt) -> list[str]:
    """What Bedrock answered because no GPU could be had."""
    if not spent.bedrock_messages:
        return []
    messages = "1 message was" if spent.bedrock_messages == 1 else f"{spent.bedrock_messages} messages were"
    cost = "a price that is not known" if spent.bedrock_usd is None else f"US$ {spent.bedrock_usd:.6f}"
    return [f"Bedrock:   {messages} answered on Bedrock, {cost}"]
