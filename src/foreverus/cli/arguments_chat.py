"""The words of `foreverus chat|session|usage|quote|completion`."""

from foreverus.cli.argument_types import (
    BACKENDS,
    ENDPOINTS,
    NEWEST,
    conversation,
    day,
    everywhere,
    groups,
    identifier,
    minutes,
    positive,
    temperature,
    window,
)
from foreverus.cli.arguments_account import Groups


def chat_words(groups: Groups) -> None:
    chat = groups.add_parser(
        "chat",
        parents=[everywhere()],
        help="ask: a talk at the terminal, or one question, in a pipe too",
        description="Without TEXT, at a terminal: a talk; /help shows its commands. With TEXT or a pipe: one question; "
        "the standard output is the answer alone, everything else goes to the standard error.",
        epilog="The API and a key for it are found as for `foreverus batch`. Exit status: 0 answered, 1 refused or the "
        "answer failed, 2 the command or the text is wrong and nothing was sent, 130 stopped by Ctrl-C. What is typed "
        "is kept for the next time in ~/.local/state/foreverus/history, or in FOREVERUS_HISTORY (empty: nowhere).",
    )
    chat.add_argument("text", metavar="TEXT", nargs="*", help="the question; what is piped in comes below it")
    chat.add_argument(
        "--resume", metavar="ID", nargs="?", const=NEWEST, type=conversation, help="go on in a conversation"
    )
    chat.add_argument("--list", action="store_true", help="your conversations, newest first")
    chat.add_argument(
        "--image", metavar="FILE", action="append", default=[], help="shown with the (first) question; up to four"
    )
    chat.add_argument("--backend", choices=BACKENDS, help="who answers; default: what you or the conversation prefer")
    chat.add_argument("--system", metavar="TEXT", help="how to answer, for the whole of a new conversation")
    chat.add_argument("--title", metavar="TEXT", help="of a new conversation")
    chat.add_argument("--max-tokens", type=positive, metavar="N", help="the longest answer")
    chat.add_argument("--temperature", type=temperature, metavar="N", help="0 to 2")
    chat.add_argument("--stream", action="store_true", help="in a pipe, too: write words as they come")
    chat.add_argument("--forget", action="store_true", help="of one question: delete its conversation afterwards")


FOUND_AS_FOR_BATCH = "The API and a key for it are found as for `foreverus batch`. "


def session_words(groups: Groups) -> None:
    session = groups.add_parser(
        "session",
        help="the GPU: start, show, watch, work, end",
        description="The GPU. Everybody of the team may switch it on, and off: it says first whose work is on it.",
        epilog=f"{FOUND_AS_FOR_BATCH}Exit status: 0 done, 1 refused, the session failed or no GPU is on, 2 the command "
        "is wrong or nobody could be asked, and nothing was ended, 130 stopped by Ctrl-C, which ends nothing.",
    )
    commands = session.add_subparsers(dest="command", metavar="COMMAND", required=True)
    start = commands.add_parser("start", parents=[everywhere()], help="switch it on, or join the one that is on")
    start.add_argument("--idle", type=positive, metavar="SECONDS", help="it ends when nobody has asked for this long")
    start.add_argument("--on-demand", action="store_true", help="allow a GPU at the on-demand price")
    start.add_argument("--watch", action="store_true", help="follow it until it answers")
    shown = commands.add_parser("show", parents=[everywhere()], help="its state, GPU, times and cost")
    watch = commands.add_parser("watch", parents=[everywhere()], help="follow it to its end, with its meter")
    work = commands.add_parser("work", parents=[everywhere()], help="what is in work, and what would come of it")
    end = commands.add_parser("end", parents=[everywhere()], help="switch it off, once you have said yes")
    for command in (watch, work, end):
        command.add_argument("id", metavar="ID", nargs="?", type=identifier, help="ses_…; default: the one that is on")
    shown.add_argument("id", metavar="ID", nargs="?", type=identifier, help="ses_…; default: the newest")
    end.add_argument("--yes", action="store_true", help="ask nothing")


def usage_words(words: Groups) -> None:
    usage = words.add_parser(
        "usage",
        parents=[everywhere()],
        help="what the month has cost, who used what, and what it would have cost elsewhere",
        description="The month's cost and what is left of its cap; messages and tokens of everybody and of you.",
        epilog=f"{FOUND_AS_FOR_BATCH}Exit status: 0 done, 1 refused, 2 the command is wrong.",
    )
    usage.add_argument("--by", type=groups, metavar="WHAT", help="day, backend, person, kind; or several: day,person")
    usage.add_argument("--from", dest="begin", type=day, metavar="DAY", help="2026-11-01; default: this month")
    usage.add_argument("--to", dest="end", type=day, metavar="DAY", help="with this day; default: today")


def quote_words(words: Groups) -> None:
    quote = words.add_parser(
        "quote",
        parents=[everywhere()],
        help="what it would cost and how long it would take, on each backend",
        description="Of a batch's file, a session or a chat; spends nothing. A file of this machine is uploaded for it "
        "and deleted again.",
        epilog=f"{FOUND_AS_FOR_BATCH}Exit status: 0 done, 1 refused, 2 the command or the file is wrong.",
    )
    quote.add_argument("file", metavar="FILE", nargs="?", help="a batch's JSONL; - for the standard input; or file-…")
    quote.add_argument("--session", type=minutes, metavar="MINUTES", help="a GPU that is used for so long; also 2h")
    quote.add_argument("--chat", metavar="TEXT", help="a question")
    quote.add_argument("--messages", type=positive, default=1, metavar="N", help="how many; default: %(default)s")
    quote.add_argument("--images", type=positive, metavar="N", help="how many images each of them shows, at most 4")
    quote.add_argument("--answer-tokens", type=positive, metavar="N", help="how long each answer is, if you know")
    quote.add_argument("--endpoint", choices=ENDPOINTS, default=ENDPOINTS[0], help="of FILE; default: %(default)s")
    quote.add_argument("--window", type=window, default="24h", help="of FILE; default: %(default)s")
    quote.add_argument("--on-demand", action="store_true", help="allow a GPU at the on-demand price")
    quote.add_argument("--why", action="store_true", help="every figure that was used, and where it comes from")


def completion_words(words: Groups) -> None:
    completion = words.add_parser(
        "completion",
        help="what completes these commands in your shell",
        description="Write it where your shell reads it: docs/cli.md says how.",
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
