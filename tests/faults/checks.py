"""What must hold after every case."""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from foreverus.costs.prices import bedrock_price
from local.emulator import REGION
from tests.faults.client import NotAnswered
from tests.unit.costs.test_bound import published

if TYPE_CHECKING:
    from tests.faults.play import Play

BOUND_S = published().of("the sweep a dead session").seconds  # as README and runbook publish it
LETTER_S = 3.0
BEDROCK_MODEL = "mistral.mistral-7b-instruct-v0:2"


@dataclass
class Verdict:
    leaked: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def check(play: "Play") -> Verdict:
    verdict = Verdict()
    items = play.sandbox.items()
    sessions = {item["sk"]["S"]: item for item in items if item["pk"]["S"] == "SESSIONS"}
    check_instances(play, sessions, verdict)
    check_answers(play, items, verdict)
    check_table(play, items, sessions, verdict)
    check_messages(play, items, verdict)
    check_money(play, items, sessions, verdict)
    check_purse(items, verdict)
    for session_id in sessions:
        if not is_told_of_once(session_id, sessions):
            check_notification(play, session_id, verdict)
    return verdict


def check_instances(play: "Play", sessions: dict[str, Any], verdict: Verdict) -> None:
    """Nothing lives; nothing outlived its execution longer than the bound; no session bought more than allowed."""
    verdict.leaked += [f"{one} is live" for one in play.sandbox.live_instances()]
    if (orphan_s := play.sandbox.orphan_s(play.begun)) > BOUND_S:
        verdict.leaked.append(f"an orphan lived {orphan_s} s")
    for session_id in sessions:
        bought = [one for one, seen in play.sandbox.seen.items() if seen["session"] == session_id]
        if len(bought) > 2:  # the first and MaxRelaunches of 1
            verdict.leaked.append(f"{session_id} bought {len(bought)} instances")


def check_answers(play: "Play", items: list[dict[str, Any]], verdict: Verdict) -> None:
    """One stored end for each accepted request, exactly what the engine counted, and what the person saw."""
    for message in play.accepted:
        try:
            answer = play.client.answer(message)
        except NotAnswered as problem:
            verdict.lost.append(f"{message}: {problem}")
            continue
        seen = play.client.text.get(message, "")
        whole = " ".join(str(number) for number in range(1, play.expected[message] + 1))
        if answer is None or answer["status"] not in ("answered", "failed"):
            verdict.lost.append(f"{message} is {answer and answer['status']}")
        elif answer["status"] == "answered":
            is_stopped = message in play.stopped and answer["finish_reason"] == "stopped"
            if answer["content"] != whole and not (is_stopped and whole.startswith(answer["content"])):
                verdict.duplicated.append(f"{message} is {answer['content'][:80]!r}")
            if not answer["content"].startswith(seen):
                verdict.duplicated.append(f"{message} is {answer['content'][-40:]!r}, was seen as {seen[-40:]!r}")
        else:
            if not (answer.get("error") or {}).get("code"):
                verdict.lost.append(f"{message} failed without an error")
            if not whole.startswith(answer["content"]) or not whole.startswith(seen):
                verdict.duplicated.append(f"{message} is {answer['content'][:80]!r}, seen as {seen[:80]!r}")
        counted = [item for item in items if item["pk"]["S"].startswith("ANSWERED#") and item["sk"]["S"] == message]
        if len(counted) > 1:
            verdict.duplicated.append(f"{message} was answered by {len(counted)} sessions")
    questions = {item["message_id"]["S"] for item in items if item["sk"]["S"].endswith("#0")}
    answers = {item["message_id"]["S"] for item in items if item["sk"]["S"].endswith("#1") and "message_id" in item}
    verdict.wrong += [f"{message} is answered, and nobody asked" for message in answers - questions]
    verdict.duplicated += play.client.contradictions
    if play.most_received > 1:
        verdict.duplicated.append(f"a message was delivered {play.most_received} times while its worker had it in hand")
    if play.case.name == "long" and (asked := play.sandbox.asked(play.case.order)) != 1:
        verdict.duplicated.append(f"the engine was asked {asked} times for one message that nobody disturbed")


def check_table(play: "Play", items: list[dict[str, Any]], sessions: dict[str, Any], verdict: Verdict) -> None:
    """The table agrees with EC2 and with Step Functions: everything is over."""
    running = [name for name, status in play.sandbox.executions().items() if status == "RUNNING"]
    verdict.wrong += [f"execution {name} runs" for name in running]
    for item in items:
        if item["pk"]["S"] == "GPU" and item["sk"]["S"].startswith("SLOT#"):
            verdict.wrong.append(f"the slot is held by {item['session_id']['S']}")
        if item["pk"]["S"] in ("PENDING", "PENDING#BEDROCK"):
            verdict.lost.append(f"{item['sk']['S']} is still promised")
    for session_id, session in sessions.items():
        if session["status"]["S"] not in ("ended", "failed"):
            verdict.wrong.append(f"{session_id} is {session['status']['S']}")
        if "task_token" in session:
            verdict.wrong.append(f"{session_id} has a token")
        answered = sum(1 for item in items if item["pk"]["S"] == f"ANSWERED#{session_id}")
        # What programs asked is in no item: the person's usage has it (relay.py).
        if play.case.script != "relay" and int(session.get("messages_answered", {"N": "0"})["N"]) != answered:
            verdict.duplicated.append(f"{session_id} counts {session.get('messages_answered')} of {answered} answers")


def check_messages(play: "Play", items: list[dict[str, Any]], verdict: Verdict) -> None:
    """A message in a queue must have its final answer: the next worker drops it then."""
    final = {
        item["message_id"]["S"]
        for item in items
        if item["sk"]["S"].endswith("#1") and item.get("status", {}).get("S") in ("answered", "failed")
    }
    for body in play.sandbox.messages():
        message = json.loads(body).get("message_id")
        if message in play.accepted and message not in final:
            verdict.wrong.append(f"{message} is in a queue and not answered")


def check_money(play: "Play", items: list[dict[str, Any]], sessions: dict[str, Any], verdict: Verdict) -> None:
    """Each session, and what Bedrock took for a batch, is counted once into its month; a cap is a cap."""
    ledger = [item for item in items if item["pk"]["S"].startswith("LEDGER#")]
    entries = {item["sk"]["S"]: float(item["usd"]["N"]) for item in ledger if item["sk"]["S"] != "TOTAL"}
    total = sum(float(item["spent_usd"]["N"]) for item in ledger if item["sk"]["S"] == "TOTAL") - play.spent_elsewhere
    chats = {name for name in entries if "/msg_" in name}
    check_bedrock(play, items, {name: entries[name] for name in chats}, verdict)
    counted = entries.keys() - chats
    batches = {
        item["batch_id"]["S"]
        for item in items
        if item["sk"]["S"].startswith("BATCH#") and float(item.get("bedrock_usd", {}).get("N", 0))
    }
    if counted != sessions.keys() | batches or abs(total - sum(entries.values())) > 1e-6:
        verdict.wrong.append(f"the ledger has {entries} and says {total} for {sorted(sessions.keys() | batches)}")
    if play.case.strike == "month_spent" and len(play.accepted) > 1 and not play.case.sweep:
        verdict.wrong.append("a message was accepted beyond the month's cap")
    if play.case.strike == "cap_reached" and play.struck:
        outcomes = [session.get("outcome", {}).get("S") for session in sessions.values()]
        if outcomes.count("spend_cap") != 1:
            verdict.wrong.append(f"the session's cap was reached, and the sessions' outcomes are {outcomes}")


def check_purse(items: list[dict[str, Any]], verdict: Verdict) -> None:
    """Everything is over: nothing is reserved, and what is committed is what was spent."""
    spent = {item["pk"]["S"][-7:]: float(item["spent_usd"]["N"]) for item in items if "spent_usd" in item}
    for item in items:
        name = item["sk"]["S"]
        if not item["pk"]["S"].startswith("PURSE#"):
            continue
        if name != "TOTAL":
            verdict.wrong.append(f"{name} still holds US$ {item['usd']['N']}")
        elif abs(float(item["committed_usd"]["N"]) - spent.get(item["pk"]["S"][-7:], 0.0)) > 1e-8:
            verdict.wrong.append(f"US$ {item['committed_usd']['N']} are committed, and {spent} spent")


def check_bedrock(play: "Play", items: list[dict[str, Any]], entries: dict[str, float], verdict: Verdict) -> None:
    """Each answer of Bedrock's is in the ledger once, under its message's name, for what it took at least: for exactly
    that where no call broke off. Nothing else is there but what was paid for answers that nobody got."""
    prices = [bedrock_price(one, REGION) for one in play.bedrock_models]
    answered = {}
    for item in items:
        if item.get("backend", {}).get("S") == "bedrock" and item["sk"]["S"].endswith("#1"):
            usage = {name: int(value["N"]) for name, value in item["usage"]["M"].items()}
            usds = [one.guard_usd(usage["prompt_tokens"], usage["completion_tokens"]) for one in prices]
            answered[f"{item['conversation_id']['S']}/{item['message_id']['S']}"] = usds
    for name, usds in answered.items():
        paid = entries.get(name, 0.0)
        usd = min(usds, key=lambda one: abs(one - paid))  # of whoever answered it
        exactly = not play.struck and not play.case.order
        if paid < usd - 1e-8 or (exactly and paid > usd + 1e-8):
            verdict.wrong.append(f"{name} took {usd}, and the ledger has {paid}")
    asked = {[*name.split("/"), name][1] for name in entries}  # with what follows, for what nobody got and for titles
    verdict.wrong += [f"{one} is paid for, and nobody asked" for one in asked - set(play.accepted)]


def is_told_of_once(session_id: str, sessions: dict[str, Any]) -> bool:
    """It cost nothing, and either ended well or failed of what an older one has failed of that people were told of:
    whoever tries again and again fills no mailbox."""
    one = sessions[session_id]
    if "launches" in one or one["trigger"]["S"] in ("schedule", "bake"):
        return False
    of = one.get("error")
    return of is None or any(name < session_id and of == other.get("error") for name, other in sessions.items())


def check_notification(play: "Play", session_id: str, verdict: Verdict) -> None:
    """People were told of the end: by its machine, or in its place by the reaper."""
    if play.sandbox.cloud.inbox.wait_for(session_id, LETTER_S) is None:
        ended = (
            play.sandbox.end_of(session_id) if session_id in play.sandbox.executions() else {"status": "never started"}
        )
        verdict.wrong.append(f"nobody was told of {session_id} ({ended['status']} {ended.get('error', '')})")
