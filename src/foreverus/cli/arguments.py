"""The command line's words. Whatever is wrong here ends in exit status 2, before anything is sent."""

import argparse
from pathlib import Path

from foreverus.cli.argument_types import BACKENDS, ENDPOINTS, everywhere, identifier, pair, positive, window
from foreverus.cli.arguments_account import (
    Groups,
    doctor_words,
    erasure_words,
    keys_words,
    me_words,
    memory_words,
    user_words,
)
from foreverus.cli.arguments_chat import chat_words, completion_words, quote_words, session_words, usage_words

METADATA_PAIRS = 16

EPILOG = (
    "The API is found in --url and --api-key-file, FOREVERUS_URL and FOREVERUS_API_KEY or FOREVERUS_API_KEY_FILE (a "
    "file that you alone can read), OPENAI_BASE_URL and OPENAI_API_KEY, or in .local/outputs.json while `make up` "
    "runs. Exit status: 0 done, 1 the API or the batch failed or no line was answered, 2 the command or the file is "
    "wrong and nothing was sent, 3 some lines failed, 130 stopped by Ctrl-C."
)


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="foreverus", description="A small team's own model, from the command line.")
    groups = root.add_subparsers(dest="group", metavar="COMMAND", required=True)
    chat_words(groups)
    session_words(groups)
    usage_words(groups)
    quote_words(groups)
    doctor_words(groups)
    keys_words(groups)
    me_words(groups)
    memory_words(groups)
    user_words(groups)
    erasure_words(groups)
    completion_words(groups)
    _batch(groups)
    return root


def _batch(groups: Groups) -> None:
    batch = groups.add_parser(
        "batch",
        help="many prompts at once: submit, watch, list, show, cancel, download",
        description="Batches: a JSONL file of requests in, a JSONL file of answers out.",
        epilog=EPILOG,
    )
    commands = batch.add_subparsers(dest="command", metavar="COMMAND", required=True)
    shared = everywhere()

    submit = commands.add_parser("submit", parents=[shared], help="check a file, upload it and start its batch")
    submit.add_argument(
        "file",
        metavar="FILE",
        help="JSONL; - for the standard input; or s3://<data bucket>/inputs/… for one that is there",
    )
    submit.add_argument("--endpoint", choices=ENDPOINTS, default=ENDPOINTS[0], help="default: %(default)s")
    submit.add_argument("--window", type=window, default="24h", help="10m to 168h; default: %(default)s")
    submit.add_argument("--backend", choices=BACKENDS, help="who answers; default: what is cheapest in time")
    submit.add_argument("--on-demand", action="store_true", help="allow a GPU at the on-demand price")
    submit.add_argument("--metadata", type=pair, nargs="+", action="extend", default=[], metavar="KEY=VALUE")
    submit.add_argument("--watch", action="store_true", help="follow it until it ends")
    submit.add_argument("--no-check", action="store_true", help="leave all checks of the file to the server")
    submit.add_argument("--idempotency-key", metavar="KEY", help="of a submit that was cut off: makes no second batch")

    watch = commands.add_parser("watch", parents=[shared], help="follow a batch until it ends")
    show = commands.add_parser("show", parents=[shared], help="everything about a batch")
    cancel = commands.add_parser("cancel", parents=[shared], help="end a batch; what is answered stays")
    download = commands.add_parser("download", parents=[shared], help="the answers of a batch that has ended")
    for command in (watch, show, cancel, download):
        command.add_argument("id", metavar="ID", type=identifier, help="batch_…")
    download.add_argument(
        "--output",
        type=Path,
        metavar="PATH",
        help="a file, a folder, or - for the standard output; default: this folder",
    )
    download.add_argument("--errors", action="store_true", help="the lines that failed, instead of the answers")

    listed = commands.add_parser("list", parents=[shared], help="the newest batches")
    listed.add_argument("--limit", type=positive, default=20, help="default: %(default)s")
    listed.add_argument("--after", type=identifier, metavar="ID", help="those that come after this batch in the list")
