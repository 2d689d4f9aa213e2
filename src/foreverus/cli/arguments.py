"""The command line's words. Whatever is wrong here ends in exit status 2, before anything is sent."""

import argparse
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

ENDPOINTS = ("/v1/chat/completions", "/v1/completions")
BACKENDS = ("auto", "gpu", "bedrock")
WINDOW_MINUTES = (10, 168 * 60)
METADATA_PAIRS, METADATA_KEY, METADATA_VALUE = 16, 64, 512

EPILOG = (
    "The API is found in --url and --api-key-file, FOREVERUS_URL and FOREVERUS_API_KEY or FOREVERUS_API_KEY_FILE (a "
    "file that you alone can read), OPENAI_BASE_URL and OPENAI_API_KEY, or in .local/outputs.json while `make up` "
    "runs. Exit status: 0 done, 1 the API or the batch failed or no line was answered, 2 the command or the file is "
    "wrong and nothing was sent, 3 some lines failed, 130 stopped by Ctrl-C."
)


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="foreverus", description="A small team's own model, from the command line.")
    groups = root.add_subparsers(dest="group", metavar="COMMAND", required=True)
    _doctor(groups)
    _keys(groups)
    _me(groups)
    _erasure(groups)
    _sessions(groups)
    batch = groups.add_parser(
        "batch",
        help="many prompts at once: submit, watch, list, show, cancel, download",
        description="Batches: a JSONL file of requests in, a JSONL file of answers out.",
        epilog=EPILOG,
    )
    commands = batch.add_subparsers(dest="command", metavar="COMMAND", required=True)
    everywhere = _everywhere()

    submit = commands.add_parser("submit", parents=[everywhere], help="check a file, upload it and start its batch")
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

    watch = commands.add_parser("watch", parents=[everywhere], help="follow a batch until it ends")
    show = commands.add_parser("show", parents=[everywhere], help="everything about a batch")
    cancel = commands.add_parser("cancel", parents=[everywhere], help="end a batch; what is answered stays")
    download = commands.add_parser("download", parents=[everywhere], help="the answers of a batch that has ended")
    for command in (watch, show, cancel, download):
        command.add_argument("id", metavar="ID", type=identifier, help="batch_…")
    download.add_argument(
        "--output",
        type=Path,
        metavar="PATH",
        help="a file, a folder, or - for the standard output; default: this folder",
    )
    download.add_argument("--errors", action="store_true", help="the lines that failed, instead of the answers")

    listed = commands.add_parser("list", parents=[everywhere], help="the newest batches")
    listed.add_argument("--limit", type=positive, default=20, help="default: %(default)s")
    listed.add_argument("--after", type=identifier, metavar="ID", help="those that come after this batch in the list")
    return root


def _doctor(groups: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    doctor = groups.add_parser(
        "doctor",
        help="is this AWS account ready, and is the stack well: what is wrong, and the command that mends it",
        description="Looks at the account that the AWS CLI would use, and at the stack if it is there. Reads only. "
        "Exit status: 0 nothing has to be done, 1 something has to be done or could not be looked at.",
    )
    doctor.add_argument("--stack", type=identifier, default="foreverus", help="default: %(default)s")
    doctor.add_argument("--region", type=identifier, help="default: what the AWS CLI would take")
    doctor.add_argument("--spend", action="store_true", help="try Bedrock with one token (under US$ 0.00001)")
    doctor.add_argument("--json", action="store_true", help="JSON instead of text")


def _keys(groups: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    key = groups.add_parser(
        "key",
        help="API keys: create, list, revoke",
        description="API keys, for programs and for this command line. Each person has their own, 20 at most.",
        epilog="The API and a key for it are found as for `foreverus batch`. The first key of somebody, and all where "
        "there is no page: --user, with the AWS credentials of whoever owns the account. Exit status: 0 done, 1 "
        "refused, 2 the command is wrong and nothing was sent.",
    )
    commands = key.add_subparsers(dest="command", metavar="COMMAND", required=True)
    shared = argparse.ArgumentParser(add_help=False, parents=[_everywhere()])
    shared.add_argument("--user", type=person, metavar="EMAIL", help="whose; by AWS credentials instead of a key")
    shared.add_argument("--stack", type=identifier, default="foreverus", help="with --user; default: %(default)s")
    shared.add_argument("--region", type=identifier, help="with --user; default: what the AWS CLI would take")
    create = commands.add_parser(
        "create", parents=[shared], help="make a key: the standard output is the key, this once"
    )
    create.add_argument("name", metavar="NAME", help="what it is for, so that you know it again")
    create.add_argument("--expires", type=expiry, metavar="WHEN", help="30d, 12h, or a time: 2027-01-31T00:00:00Z")
    create.add_argument("--can-create-keys", action="store_true", help="further keys can be made with it")
    commands.add_parser("list", parents=[shared], help="your keys, newest first")
    revoke = commands.add_parser("revoke", parents=[shared], help="end a key, for good")
    revoke.add_argument("id", metavar="ID", type=key_identifier, help="key_…, of the list; not the key itself")


def _me(groups: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    me = groups.add_parser(
        "me",
        help="everything of yours: take it along, or have it deleted",
        description="Everything that is kept of you: conversations, files, batches, names of keys, usage.",
        epilog="The API and a key for it are found as for `foreverus batch`. Exit status: 0 done, 1 refused or failed, "
        "2 the command is wrong and nothing was sent.",
    )
    commands = me.add_subparsers(dest="command", metavar="COMMAND", required=True)
    export = commands.add_parser("export", parents=[_everywhere()], help="one zip file of everything of yours")
    export.add_argument("--output", type=Path, metavar="FILE", help="default: forever-us-<day>.zip in this folder")
    export.add_argument("--new", action="store_true", help="not the one that there is: a new one (once a day)")
    delete = commands.add_parser(
        "delete", parents=[_everywhere()], help="delete everything of yours and your sign-in, for good"
    )
    delete.add_argument("--confirm", metavar="WORDS", help="what would be asked for: delete everything")


def _erasure(groups: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    erasure = groups.add_parser(
        "erasure",
        help="receipts of people's deletions, for whoever owns the AWS account",
        description="What went of somebody who had everything deleted, from which store and when; nothing of whom.",
    )
    commands = erasure.add_subparsers(dest="command", metavar="COMMAND", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--stack", type=identifier, default="foreverus", help="default: %(default)s")
    shared.add_argument("--region", type=identifier, help="default: what the AWS CLI would take")
    shared.add_argument("--json", action="store_true", help="JSON instead of text")
    show = commands.add_parser("show", parents=[shared], help="one receipt")
    show.add_argument("id", metavar="ID", type=identifier, help="erasure_…, which the person was answered")
    commands.add_parser("list", parents=[shared], help="the newest receipts")


def _sessions(groups: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    session = groups.add_parser(
        "session",
        help="the GPU that is on: what is in work, and its end",
        description="The GPU that is on. Everybody of the team may switch it off: it says first whose work is on it.",
        epilog="The API and a key for it are found as for `foreverus batch`. Exit status: 0 done, 1 refused or no GPU "
        "is on, 2 the command is wrong or nobody could be asked, and nothing was ended.",
    )
    commands = session.add_subparsers(dest="command", metavar="COMMAND", required=True)
    work = commands.add_parser("work", parents=[_everywhere()], help="what is in work, and what would come of it")
    end = commands.add_parser("end", parents=[_everywhere()], help="switch it off, once you have said yes")
    for command in (work, end):
        command.add_argument("id", metavar="ID", nargs="?", type=identifier, help="ses_…; default: the one that is on")
    end.add_argument("--yes", action="store_true", help="ask nothing")


def _everywhere() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--url", help="address of the API, …/v1")
    shared.add_argument("--api-key-file", metavar="FILE", help="with the API key, readable by you alone (mode 600)")
    shared.add_argument("--api-key", dest="visible_key", action="store", nargs="?", const="", help=argparse.SUPPRESS)
    shared.add_argument("--json", action="store_true", help="JSON instead of text")
    return shared


def window(text: str) -> str:
    """A completion window: whole minutes or hours."""
    match = re.fullmatch(r"([1-9]\d{0,4})([mh])", text, re.ASCII)
    minutes = int(match[1]) * (60 if match[2] == "h" else 1) if match else 0
    if not WINDOW_MINUTES[0] <= minutes <= WINDOW_MINUTES[1]:
        raise argparse.ArgumentTypeError(f"{text!r} is no window from 10m to 168h, in whole minutes or hours like 90m")
    return text


def expiry(text: str) -> str:
    """A time for the API: days or hours from now are reckoned here, all else is the API's to judge."""
    match = re.fullmatch(r"([1-9]\d{0,4})([hd])", text, re.ASCII)
    if not match:
        return text
    span = timedelta(hours=int(match[1])) if match[2] == "h" else timedelta(days=int(match[1]))
    return (datetime.now(UTC) + span).isoformat(timespec="seconds")


def person(text: str) -> str:
    if not re.fullmatch(r"[!-~]{1,128}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no e-mail address")
    return text


def pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE (FILE comes before --metadata)")
    if len(key) > METADATA_KEY or len(value) > METADATA_VALUE:
        raise argparse.ArgumentTypeError(f"{key[:20]!r}: keys have at most 64 characters, values at most 512")
    return key, value


def identifier(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an id")
    return text


def key_identifier(text: str) -> str:
    """What is wrong is not repeated: a key itself should stand in no log."""
    if text.startswith("fu_"):
        raise argparse.ArgumentTypeError("this is a key itself; give its id, key_…, which `foreverus key list` shows")
    return identifier(text)


def positive(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,5}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of batches from 1 on")
    return int(text)
