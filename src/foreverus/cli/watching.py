"""Following one batch until it ends. It only reads, so it may be stopped and taken up again at any time."""

import json

from foreverus.cli.api import Api, pause_s
from foreverus.cli.context import Context, printable
from foreverus.cli.display import Display, display
from foreverus.cli.failures import COMPLETED, FAILED, INTERRUPTED, PARTLY, CommandFailed, Unreachable
from foreverus.cli.objects.batches import BatchObject
from foreverus.cli.text import TERMINAL, BatchProgress, errors_of, money

SHORTEST_LOOK_S = 2.0
LONGEST_LOOK_S = 15.0


def look_after_s(watched_s: float, eta_s: float | None) -> float:
    """How long to wait for the next look: 2 s at first, 15 s when it takes long, sooner again near the end."""
    slow = watched_s / 20 if eta_s is None else min(watched_s / 20, eta_s / 4)
    return min(LONGEST_LOOK_S, max(SHORTEST_LOOK_S, slow))


def watch(api: Api, batch_id: str, context: Context, as_json: bool) -> int:
    """The exit status: 0 completed, 1 failed, expired, cancelled or no line answered, 3 some lines failed, 130 Ctrl-C.

    A network that is away is waited for. Raises Refused for what waiting does not cure (a wrong key, no such batch).
    """
    shown = display(context, as_json)
    try:
        batch = _follow(api, batch_id, context, shown)
    except KeyboardInterrupt:
        shown.close()
        context.say(f"Stopped watching. The batch goes on; to watch again: foreverus batch watch {batch_id}")
        return INTERRUPTED
    finally:
        shown.close()
    if not as_json:
        for line in ending(batch):
            context.result(line)
        if problem := first_error(api, batch):
            context.result(f"first error: {problem}")
    return exit_status(batch)


def exit_status(batch: BatchObject) -> int:
    """A batch that is completed may have answered nothing: OpenAI's status says that it was gone through."""
    at = BatchProgress.of(batch)
    if at.status != "completed" or (at.failed and not at.completed):
        return FAILED
    return PARTLY if at.failed else COMPLETED


def first_error(api: Api, batch: BatchObject) -> str | None:
    """Of the error file's first line: its custom_id and what was wrong. None where there is no such file to read."""
    file_id = batch.get("error_file_id")
    if not file_id:
        return None
    try:
        with api.content(str(file_id)) as response:
            line = json.loads(next(response.iter_lines(), ""))
        error = line.get("error") or line["response"]["body"]["error"]
        return printable(f"{line.get('custom_id')}: {error['message']} ({error.get('code')})")
    except (CommandFailed, ValueError, KeyError, TypeError, AttributeError):
        return None  # the file's id is shown, and `download --errors` says what is wrong with it


def _follow(api: Api, batch_id: str, context: Context, shown: Display) -> BatchObject:
    started, failures = context.clock(), 0
    while True:
        try:
            batch = api.batch(batch_id, tries=1)
        except Unreachable as err:
            failures += 1
            if failures == 1:  # once is news; that it lasts is not
                shown.say(f"{printable(str(err))} · trying again until it answers")
            context.sleep(pause_s(failures))
            continue
        failures = 0
        shown.show(batch)
        if batch.get("status") in TERMINAL:
            return batch
        context.sleep(look_after_s(context.clock() - started, BatchProgress.of(batch).eta_seconds))


def ending(batch: BatchObject) -> list[str]:
    """What people want to know of a batch that has ended, and where its files are."""
    at, batch_id = BatchProgress.of(batch), printable(str(batch.get("id")))
    cost = "" if at.cost_usd is None else f" · {money(at.cost_usd)}"
    lines = [f"{batch_id} {printable(at.status)}: {at.completed} of {at.total} answered, {at.failed} failed{cost}"]
    lines += errors_of(batch)
    if batch.get("output_file_id"):
        lines.append(f"answers: {printable(str(batch['output_file_id']))} · foreverus batch download {batch_id}")
    if batch.get("error_file_id"):
        lines.append(f"errors: {printable(str(batch['error_file_id']))} · foreverus batch download {batch_id} --errors")
    return lines
