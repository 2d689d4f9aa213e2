"""The words of `foreverus doctor|key|me|user|erasure`: an account, and the people in it."""

import argparse
from pathlib import Path
from typing import TypeAlias

from foreverus.cli.argument_types import BACKENDS, STACKS, everywhere, expiry, identifier, key_identifier, person

Groups: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def doctor_words(groups: Groups) -> None:
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


def keys_words(groups: Groups) -> None:
    key = groups.add_parser(
        "key",
        help="API keys: create, list, revoke",
        description="API keys, for programs and for this command line. Each person has their own, 20 at most.",
        epilog="The API and a key for it are found as for `foreverus batch`. The first key of somebody, and all where "
        "there is no page: --user, with the AWS credentials of whoever owns the account. Exit status: 0 done, 1 "
        "refused, 2 the command is wrong and nothing was sent.",
    )
    commands = key.add_subparsers(dest="command", metavar="COMMAND", required=True)
    shared = argparse.ArgumentParser(add_help=False, parents=[everywhere()])
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


def me_words(groups: Groups) -> None:
    me = groups.add_parser(
        "me",
        help="everything of yours: take it along, or have it deleted; who answers you",
        description="Everything that is kept of you: conversations, files, batches, names of keys, usage.",
        epilog="The API and a key for it are found as for `foreverus batch`. Exit status: 0 done, 1 refused or failed, "
        "2 the command is wrong and nothing was sent.",
    )
    commands = me.add_subparsers(dest="command", metavar="COMMAND", required=True)
    export = commands.add_parser("export", parents=[everywhere()], help="one zip file of everything of yours")
    export.add_argument("--output", type=Path, metavar="FILE", help="default: forever-us-<day>.zip in this folder")
    export.add_argument("--new", action="store_true", help="not the one that there is: a new one (once a day)")
    delete = commands.add_parser(
        "delete", parents=[everywhere()], help="delete everything of yours and your sign-in, for good"
    )
    backend = commands.add_parser("backend", parents=[everywhere()], help="who answers you, where nothing else says")
    backend.add_argument("name", nargs="?", choices=(*BACKENDS, STACKS), help="left out: shows it")
    delete.add_argument("--confirm", metavar="WORDS", help="what would be asked for: delete everything")


def memory_words(groups: Groups) -> None:
    memory = groups.add_parser(
        "memory",
        help="what the model is to know in all your conversations: list, add, switch, forget",
        description="What you want remembered: 50 sentences at most, each read with your questions as far as there is "
        "room. Nothing is remembered by itself.",
        epilog="The API and a key for it are found as for `foreverus batch`. Exit status: 0 done, 1 refused, 2 the "
        "command is wrong and nothing was sent.",
    )
    commands = memory.add_subparsers(dest="command", metavar="COMMAND", required=True)
    commands.add_parser("list", parents=[everywhere()], help="all of them, newest first, and what they take")
    add = commands.add_parser("add", parents=[everywhere()], help="remember a sentence: the standard output is its id")
    add.add_argument("text", metavar="TEXT", help="300 characters at most")
    on = commands.add_parser("on", parents=[everywhere()], help="have one read with your questions again")
    off = commands.add_parser("off", parents=[everywhere()], help="keep one, and have it read no more")
    forget = commands.add_parser("forget", parents=[everywhere()], help="forget one, for good")
    for one in (on, off, forget):
        one.add_argument("id", metavar="ID", type=identifier, help="memory_…, of the list")


def erasure_words(groups: Groups) -> None:
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


def user_words(groups: Groups) -> None:
    user = groups.add_parser(
        "user",
        help="remove a person, for whoever owns the AWS account",
        description="People of the team. By AWS credentials, not by a key.",
        epilog="Exit status: 0 done, 1 refused or failed, 2 the command is wrong or nobody said yes: nothing was done.",
    )
    commands = user.add_subparsers(dest="command", metavar="COMMAND", required=True)
    remove = commands.add_parser("remove", help="end somebody's access, and delete everything of theirs")
    remove.add_argument(
        "who", metavar="EMAIL", type=person, help="or a user id, also of who is in no user pool any more"
    )
    remove.add_argument("--keep-data", action="store_true", help="end their access alone: keys, sign-in, WebSockets")
    remove.add_argument("--yes", action="store_true", help="ask nothing")
    remove.add_argument("--stack", type=identifier, default="foreverus", help="default: %(default)s")
    remove.add_argument("--region", type=identifier, help="default: what the AWS CLI would take")
    remove.add_argument("--json", action="store_true", help="JSON instead of text")
