"""What a chat says besides its answers. Pure."""

from collections.abc import Mapping, Sequence

from foreverus.cli.context import printable
from foreverus.cli.objects.conversations import (
    ConversationObject,
    DocumentObject,
    MessageObject,
    SourceObject,
    SourcesObject,
)
from foreverus.cli.text import aligned, duration, small_usd

HELP = (
    "/stop            end the answer that is being written (or Ctrl-C; a second Ctrl-C leaves)",
    "/backend [NAME]  who answers from now on: auto, gpu or bedrock; without a name: who does",
    "/image FILE      show it with your next question; up to four",
    "/why             why that backend answered the last question, and what was reckoned",
    "/title [TEXT]    give the conversation a title; without a text: show it",
    "/help            this",
    "/quit            leave (or Ctrl-D); `foreverus chat --resume` goes on later",
    'Several lines: end a line with \\, or begin and end with """ . A line that begins with // is sent with one /.',
)


NO_SOURCES = {
    "nothing_found": "Nothing in your documents fits this question.",
    "database_waking": "Without your documents: their database is waking. Ask again in half a minute.",
    "database_unavailable": "Without your documents: their database did not answer. Ask again later.",
    "embedding_unavailable": "Without your documents: they could not be searched just now. Ask again later.",
}


def bedrock_cost(answer: MessageObject) -> str:
    """What Bedrock takes for the answer's tokens, by the prices that the choice was made with; empty: not known.

    >>> numbers = {"bedrock_usd_per_million_prompt_tokens": 0.15, "bedrock_usd_per_million_completion_tokens": 0.2}
    >>> tokens = {"prompt_tokens": 1000, "completion_tokens": 500}
    >>> bedrock_cost({"usage": tokens, "choice": {"numbers": numbers}})
    '$0.000250'
    """
    tokens, numbers = answer.get("usage") or {}, (answer.get("choice") or {}).get("numbers") or {}
    asked, written = tokens.get("prompt_tokens"), tokens.get("completion_tokens")
    prices = [numbers.get(f"bedrock_usd_per_million_{kind}_tokens") for kind in ("prompt", "completion")]
    if asked is None or written is None or None in prices:
        return ""
    usd = (asked * float(prices[0] or 0) + written * float(prices[1] or 0)) / 1e6
    return small_usd(usd)


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
    if answer.get("moved_from"):
        parts.append(f"{printable(str(answer['moved_from']))} could not answer it")
    if trimmed := answer.get("trimmed_messages"):
        parts.append(f"{trimmed} earlier messages did not fit and were not sent")
    if memories := answer.get("memories"):
        parts.append(f"{memories} remembered")
    return " · ".join(parts)


def sources(given: SourcesObject, documents: Sequence[DocumentObject] | None) -> list[str]:
    """The passages that an answer was given: number, document, heading, place. `documents`: None where nobody could be
    asked.

    >>> sources({"found": [{"number": 1, "document_id": "doc_1", "page": 3}]}, [{"id": "doc_1", "filename": "a.pdf"}])
    ['[1] a.pdf, page 3']
    """
    known = None if documents is None else {str(one.get("id")): one for one in documents}
    return [_source(one, known) for one in given.get("found") or []]


def _source(source: SourceObject, documents: Mapping[str, DocumentObject] | None) -> str:
    name, document = str(source.get("document_id")), None
    if documents is not None:
        document = documents.get(name)
        name = "deleted document" if document is None else str(document.get("filename"))
    parts = [name, _heading(source, document), _place(source, document)]
    return printable(f"[{source.get('number')}] " + ", ".join(filter(None, parts)))


def _heading(source: SourceObject, document: DocumentObject | None) -> str:
    """The nearest one before the passage; empty where there is none, or nobody knows."""
    start, found = source.get("start", 0), (document or {}).get("headings") or []
    return next((one["text"] for one in reversed(found) if one["start"] <= start), "")


def _place(source: SourceObject, document: DocumentObject | None) -> str:
    if page := source.get("page"):
        return f"page {page}"
    characters = (document or {}).get("characters")
    if not characters:
        return ""
    percent = min(100, source.get("start", 0) * 100 // characters)
    return f"{percent}% into the text" if percent else "at the beginning"


def no_sources(given: SourcesObject) -> list[str]:
    """Why there are none; empty where nobody looked."""
    why = given.get("why")
    return [NO_SOURCES.get(why, printable(f"Without your documents ({why})."))] if why else []


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


def reasons(answer: MessageObject | None) -> list[str]:
    """Why that backend was chosen: a sentence, and what was reckoned."""
    choice = (answer or {}).get("choice")
    if not choice:
        return ["Nothing is known of it: no answer yet, or nobody had a choice."]
    numbers = [f"  {name.replace('_', ' ')}: {value}" for name, value in (choice.get("numbers") or {}).items()]
    return [printable(line) for line in (str(choice.get("text", "")), *numbers)]
