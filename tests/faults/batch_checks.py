"""What must hold after every case of a batch, besides what holds after every case."""

import json
from typing import TYPE_CHECKING, Any

from local.deploy import PARAMETERS
from tests.faults.checks import Verdict, check_notification
from tests.faults.client import NotAnswered
from tests.faults.settling import BATCH_OVER

if TYPE_CHECKING:
    from tests.faults.batch import BatchPlay

Item = dict[str, Any]

SLOTS = int(PARAMETERS["EngineSlots"])


def check_batch(play: "BatchPlay", verdict: Verdict) -> None:
    records = play.records()
    if len(records) > 1:
        verdict.duplicated.append(f"one request made {len(records)} batches")
    if play.batch_id and play.batch_id not in [one["batch_id"]["S"] for one in records]:
        verdict.lost.append(f"{play.batch_id} was accepted and is not there")
    for record in records:
        check_record(play, record, verdict)
        check_lines(play, record, verdict)
        if not cost_nothing(record):
            check_notification(play, record["batch_id"]["S"], verdict)
        if not play.case.spoils:  # the emulator's database does not survive
            check_summary(play, record, verdict)
    check_asked(play, verdict)
    again = {line for line, who in play.finished_lines().items() if play.finished_before.get(line, who) != who}
    if again:
        verdict.duplicated.append(f"{sorted(again)} were finished, and answered again")


def cost_nothing(record: Item) -> bool:
    """Of such a batch nobody is mailed: whoever sent it sees how it ended."""
    if "total" not in record:  # it was refused before its lines were counted
        return True
    return record.get("completed", {"N": "0"})["N"] == "0" and float(record.get("cost_usd", {"N": "1"})["N"]) == 0


def check_record(play: "BatchPlay", record: Item, verdict: Verdict) -> None:
    status = record["status"]["S"]
    if status not in BATCH_OVER:
        verdict.lost.append(f"the batch is {status}")
    if "task_token" in record:
        verdict.wrong.append("the batch has a token")
    if status == "failed" and not record.get("errors", {}).get("L"):
        verdict.lost.append("the batch failed without an error")
    if status == "expired" or (status == "cancelled" and play.case.strike not in ("cancelled", "switched_off")):
        verdict.lost.append(f"the batch is {status} and nobody asked for it")


def check_lines(play: "BatchPlay", record: Item, verdict: Verdict) -> None:
    """Each custom_id once, in the output or in the error file; each answer exactly what the engine counts to."""
    from tests.faults.batch import POISONED, counted

    if "total" not in record:
        if record["status"]["S"] != "failed" and play.case.strike != "cancelled":
            verdict.lost.append("the batch ended without having been validated")
        return
    answered, failed = (read(play, record, name, verdict) for name in ("output_file_id", "error_file_id"))
    ids = [one["custom_id"] for one in answered + failed]
    wanted = [f"line-{line}" for line in play.lines]
    if missing := sorted(set(wanted) - set(ids)):
        verdict.lost.append(f"{missing} are in neither file")
    if len(ids) != len(set(ids)) or set(ids) - set(wanted):
        verdict.duplicated.append(f"the files have {len(ids)} lines for {len(wanted)}")
    for one in answered:
        play.check_answer(number_of(one), one["response"]["body"], verdict)
        choice = one["response"]["body"]["choices"][0]
        text = choice["text"] if "text" in choice else choice["message"]["content"]
        if text != counted(play.last(number_of(one))):
            verdict.duplicated.append(f"{one['custom_id']} is {text[:80]!r}")
    verdict.lost += [f"{one['custom_id']} has no error" for one in failed if not (one["error"] or {}).get("code")]
    poisoned = [f"line-{POISONED}"] if play.case.order == "poison" else []
    unforeseen = [one for one in failed if (one["error"] or {}).get("code") not in play.may_fail(number_of(one))]
    if record["status"]["S"] == "completed" and sorted(one["custom_id"] for one in unforeseen) != poisoned:
        verdict.lost.append(f"completed, and {[(one['custom_id'], one['error']) for one in failed]} failed")


def number_of(one: Item) -> int:
    return int(one["custom_id"].removeprefix("line-"))


def read(play: "BatchPlay", record: Item, name: str, verdict: Verdict) -> list[Item]:
    if name not in record or "S" not in record[name]:
        return []
    try:
        return [json.loads(line) for line in play.client.read(record[name]["S"]).splitlines()]
    except NotAnswered as problem:
        verdict.lost.append(f"{name}: {problem}")
        return []


def check_summary(play: "BatchPlay", record: Item, verdict: Verdict) -> None:
    rows = play.sandbox.rows("SELECT status, lines FROM batches WHERE batch_id = :id", id=record["batch_id"]["S"])
    wanted = [record["status"]["S"], int(record.get("total", {"N": "0"})["N"])]
    for item in play.sandbox.query("BATCHES"):
        verdict.wrong.append(f"{item['sk']['S']} is still an open batch")
    if rows != [wanted]:
        verdict.wrong.append(f"PostgreSQL has {rows}, not {wanted}")


def check_asked(play: "BatchPlay", verdict: Verdict) -> None:
    """A line is answered to its end once; again only where a worker was lost, for about one line a slot (two where it
    could not write what it had), or where Bedrock's answer was lost."""
    again = {line: times for line in play.lines if (times := play.sandbox.answered(play.order(line)) - 1) > 0}
    a_slot = 2 if play.case.strike.startswith("network_cut") else 1
    most = a_slot * SLOTS * max(0, play.sandbox.bought(play.begun) - 1)
    if "InvokeModel" in play.case.name or play.case.what.startswith("sight"):
        most += play.struck
    if sum(again.values()) > most:
        verdict.duplicated.append(f"answered again, where {most} may be: {again}")
