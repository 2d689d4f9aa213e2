"""What a chat says besides its answers. Pure."""

from collections.abc import Sequence

from foreverus.cli.context import printable
from foreverus.cli.objects import ConversationObject, MessageObject
from foreverus.cli.text import aligned, duration

HELP = (
    "/stop            end the answer that is being written (or Ctrl-C; a second Ctrl-C leaves)",
    "/backend [NAME]  who answers from now on: auto, gpu or bedrock; without a name: who does",
    "/title [TEXT]    give the conversation a title; without a text: show it",
    "/help            this",
    "/quit            leave (or Ctrl-D); `foreverus chat --resume` goes on later",
    'Several lines: end a line with \\, or begin and end with """ . A line that begins with // is sent with one /.',
)


def usd(amount: float) -> str:
    """One answer costs a small part of a cent.

    >>> usd(0.0000284), usd(0.0312), usd(0)
    ('$0.000028', '$0.0312', '$0')
    """
    return "$0" if amount == 0 else f"${amount:.4f}" if amount >= 0.01 else f"${amount:.6f}"


def ending(answer: MessageObject, took_s: float, cost: str) -> str:
    """Who answered, what was written, what it cost: one line.

    >>> ending({"backend": "bedrock", "usage": {"prompt_tokens": 9, "completion_tokens": 4}}, 1.4, "$0.000002")
    'bedrock · 9 + 4 tokens · $0.000002 · 1 s'
    """
    tokens = answer.get("usage") or {}
    parts = [printable(str(answer.get("backend") or "gpu"))]
    parts += [f"{tokens.get('prompt_tokens', 0)} + {tokens.get('completion_tokens', 0)} tokens"] if tokens else []
    parts += [cost] if cost else []
    parts += [duration(took_s)]
    if answer.get("finish_reason") == "stopped":
        parts.append("stopped")
    if answer.get("finish_reason") == "length":
        parts.append("cut at its longest length: --max-tokens")
    if trimmed := answer.get("trimmed_messages"):
        parts.append(f"{trimmed} earlier messages did not fit and were not sent")
    return " · ".join(parts)


def failure(answer: MessageObject) -> str:
    error = answer.get("error") or {}
    code = f" ({printable(str(error['code']))})" if error.get("code") else ""
    return printable(str(error.get("message") or "The answer failed.")) + code


def conversation_table(conversations: Sequence[ConversationObject]) -> list[str]:
    """One line a conversation, under headings."""
    rows = [("ID", "LAST USED", "TITLE")]
    for one in conversations:
        used = str(one.get("updated_at") or one.get("created_at") or "")[:16].replace("T", " ")
        rows.append((str(one.get("id")), used, str(one.get("title") or "")))
    return aligned(rows)
