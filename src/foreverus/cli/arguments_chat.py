"""The words of `foreverus chat|session`."""

from foreverus.cli.argument_types import BACKENDS, NEWEST, conversation, everywhere, identifier, positive, temperature
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
    chat.add_argument("--backend", choices=BACKENDS, help="who answers; default: what you or the conversation prefer")
    chat.add_argument("--system", metavar="TEXT", help="how to answer, for the whole of a new conversation")
    chat.add_argument("--title", metavar="TEXT", help="of a new conversation")
    chat.add_argument("--max-tokens", type=positive, metavar="N", help="the longest answer")
    chat.add_argument("--temperature", type=temperature, metavar="N", help="0 to 2")
    chat.add_argument("--stream", action="store_true", help="in a pipe, too: write words as they come")
    chat.add_argument("--forget", action="store_true", help="of one question: delete its conversation afterwards")


def session_words(groups: Groups) -> None:
    session = groups.add_parser(
        "session",
        help="the GPU that is on: what is in work, and its end",
        description="The GPU that is on. Everybody of the team may switch it off: it says first whose work is on it.",
        epilog="The API and a key for it are found as for `foreverus batch`. Exit status: 0 done, 1 refused or no GPU "
        "is on, 2 the command is wrong or nobody could be asked, and nothing was ended.",
    )
    commands = session.add_subparsers(dest="command", metavar="COMMAND", required=True)
    work = commands.add_parser("work", parents=[everywhere()], help="what is in work, and what would come of it")
    end = commands.add_parser("end", parents=[everywhere()], help="switch it off, once you have said yes")
    for command in (work, end):
        command.add_argument("id", metavar="ID", nargs="?", type=identifier, help="ses_…; default: the one that is on")
    end.add_argument("--yes", action="store_true", help="ask nothing")
