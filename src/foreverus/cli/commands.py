"""What each command does, and its exit status."""

import argparse
import json
import uuid
from collections.abc import Callable
from pathlib import Path

from foreverus.cli import text
from foreverus.cli.api import Api, value_of
from foreverus.cli.arguments import METADATA_PAIRS
from foreverus.cli.checking import check
from foreverus.cli.context import Context, printable
from foreverus.cli.failures import COMPLETED, CommandFailed, Refused, UsageError
from foreverus.cli.objects.batches import BatchObject, BatchRequest
from foreverus.cli.streams import STANDARD, is_standard_output, readable
from foreverus.cli.transfer import download, upload
from foreverus.cli.watching import watch
from foreverus.files.records import MAX_FILE_BYTES

MOST_NAME = 512  # characters of a value of the metadata

Command = Callable[[argparse.Namespace, Api, Context], int]


def submit(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    """Checks, uploads, creates. The standard output is the batch's id alone, for scripts.

    The Idempotency-Key is random, one an invocation: all tries of it make one batch, and two invocations make two. When
    the tries are used up nobody knows whether the batch was made, so the key is told, to be given again.
    """
    metadata = _named(metadata_of(arguments), arguments.file)
    file_id = _input_file(arguments, api, context)
    body: BatchRequest = {
        "input_file_id": file_id,
        "endpoint": arguments.endpoint,
        "completion_window": arguments.window,
    }
    if metadata:
        body["metadata"] = metadata
    key = arguments.idempotency_key or str(uuid.uuid4())
    try:
        batch = api.create_batch(body, key)
    except (CommandFailed, KeyboardInterrupt) as err:
        if not isinstance(err, Refused):
            context.say(
                f"The batch may have been made. To submit it again without a second one: --idempotency-key {key}"
            )
        raise
    batch_id = str(value_of(batch, "id"))
    if arguments.watch:
        if not arguments.json:
            context.result(batch_id)
        return watch(api, batch_id, context, arguments.json)
    context.result(_json(batch) if arguments.json else batch_id)
    context.say(f"To watch it: foreverus batch watch {batch_id}")
    return COMPLETED


def metadata_of(arguments: argparse.Namespace) -> dict[str, str]:
    """The batch's metadata with our options in it. Raises UsageError when two of them contradict each other."""
    metadata: dict[str, str] = {}
    options = [("backend", arguments.backend)] if arguments.backend else []
    options += [("allow_on_demand", "true")] if arguments.on_demand else []
    for key, value in [*arguments.metadata, *options]:
        if metadata.get(key, value) != value:
            raise UsageError(f"metadata {key!r} is given as {metadata[key]!r} and as {value!r}.")
        metadata[key] = value
    if len(metadata) > METADATA_PAIRS:
        raise UsageError(
            f"metadata has {len(metadata)} pairs with our options among them; {METADATA_PAIRS} are possible."
        )
    return metadata


def _named(metadata: dict[str, str], file: str) -> dict[str, str]:
    """With the file's name, which lists and the page call the batch by, unless somebody has said another."""
    name = printable(Path(file).name)[-MOST_NAME:]
    if file == STANDARD or "filename" in metadata or "name" in metadata or len(metadata) >= METADATA_PAIRS:
        return metadata
    return {**metadata, "filename": name}


def _input_file(arguments: argparse.Namespace, api: Api, context: Context) -> str:
    if arguments.file.startswith("s3://"):
        return str(arguments.file)
    with readable(arguments.file, context, MAX_FILE_BYTES) as path:
        if not arguments.no_check:
            lines = check(path, arguments.endpoint, api.model(), metadata_of(arguments))
            context.say(f"{printable(path.name)}: {lines:,} lines, all valid.")
        context.say(f"Uploading {text.size(path.stat().st_size)}.")
        return str(value_of(upload(api, path, context), "id"))


def watching(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    return watch(api, arguments.id, context, arguments.json)


def list_batches(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    found = api.batches(arguments.limit, arguments.after)
    if arguments.json:
        context.result(_json(found))
        return COMPLETED
    if not found["data"]:
        context.say("There are no batches.")
        return COMPLETED
    for line in text.table(found["data"]):
        context.result(line)
    if found["has_more"]:
        context.say(f"There are more: --after {found['data'][-1]['id']}")
    return COMPLETED


def show(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    return _shown(api.batch(arguments.id), arguments, context)


def cancel(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    batch = api.cancel(arguments.id)
    if arguments.json:
        context.result(_json(batch))
    else:
        context.result(f"{arguments.id} {printable(str(batch.get('status')))}")
    return COMPLETED


def _shown(batch: BatchObject, arguments: argparse.Namespace, context: Context) -> int:
    for line in [_json(batch, indent=2)] if arguments.json else text.card(batch):
        context.result(line)
    return COMPLETED


def fetch(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    """The output file, or with --errors the error file, under its name once it is complete."""
    batch = api.batch(arguments.id)
    kind = "error" if arguments.errors else "output"
    file_id = batch.get("error_file_id" if arguments.errors else "output_file_id")
    if not file_id:
        raise CommandFailed(_no_file(batch, kind))
    target = _target(context.folder / (arguments.output or ""), f"{arguments.id}_{kind}.jsonl")
    size = download(api, str(file_id), target, context)
    what = {"file_id": file_id, "path": printable(str(target)), "bytes": size}
    # Where the answers are the standard output, nothing else is written there.
    tell = context.say if is_standard_output(target) else context.result
    tell(_json(what) if arguments.json else printable(str(target)))
    if kind == "output" and batch.get("error_file_id"):
        context.say(f"Some lines failed: foreverus batch download {arguments.id} --errors")
    return COMPLETED


def _target(given: Path, name: str) -> Path:
    if given.name == STANDARD:
        return Path(STANDARD)
    target = given / name if given.is_dir() else given
    if not target.parent.is_dir():
        raise UsageError(f"There is no folder {printable(str(target.parent))}.")
    return target


def _no_file(batch: BatchObject, kind: str) -> str:
    status = batch.get("status")
    if status not in text.TERMINAL:
        return f"The batch is {status}: its files are there when it has ended."
    if kind == "error":
        return f"The batch is {status} and has no error file: no line failed."
    other = " Why is in the error file: --errors" if batch.get("error_file_id") else ""
    return f"The batch is {status} and has no output file: no line was answered.{other}"


def _json(value: object, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


COMMANDS: dict[str, Command] = {
    "submit": submit,
    "watch": watching,
    "list": list_batches,
    "show": show,
    "cancel": cancel,
    "download": fetch,
}
