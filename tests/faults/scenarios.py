"""What else than a person's two questions can be under way when something goes wrong.

A good run of each is recorded; the matrix has a case for each call that only it makes, and the `cases` that are named
here: strikes at its own moments, and orders to the engine.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Scenario:
    """`script`: who asks (`chat`; `bake`; `relay`: a program that asks the GPU; `container`: two that have our
    own do something; `shown`: a chat with an image; `gpu`, `bedrock`, `schedule`: a batch; `seen`: one with images).
    `rules` and `strike` are its setting, not the fault. `swept`: the functions of the five minutes' schedules that are
    to find something to do: their calls are the ones that are struck. `thin`: of its calls, only those that nobody
    makes elsewhere; `again`: callers whose calls count although they are made elsewhere too. `alone`: the session ends
    before the second question. `once`: there is no second one. `patience`: how often a refused request is sent.
    `backend`: what the questions name; `bedrock_refused`: it has throttled a moment ago, so `auto` is the GPU.
    `parameters`: of a stack that is deployed for it."""

    script: str = "chat"
    strike: str = ""
    moment: str = ""
    rules: list[dict[str, Any]] = field(default_factory=list)
    order: str = ""
    allow_on_demand: bool = False
    swept: tuple[str, ...] = ()
    thin: bool = False
    again: tuple[str, ...] = ()
    alone: bool = False
    once: bool = False
    patience: int = 15
    backend: str = "gpu"
    bedrock_refused: bool = False
    parameters: dict[str, str] = field(default_factory=dict)
    cases: tuple[str, ...] = ()


def strikes(name: str, *moments: str) -> tuple[str, ...]:
    return tuple(f"strike:{name}@{moment}" for moment in moments)


def refused(action: str, skip: int = 0, times: int = 0) -> dict[str, Any]:
    return {"kind": "denied", "caller": "ApiFunction", "action": action, "skip": skip, "times": times}


def never_there(function: str, kind: str = "throttled") -> dict[str, Any]:
    return {"kind": kind, "caller": "invocation", "action": f"lambda:{function}", "times": 0}


# Between the table and the queue, and nobody can start a session: an accepted message that nothing works on.
STUCK = [refused("sqs:SendMessage"), refused("states:StartExecution"), refused("dynamodb:TransactWriteItems", 1, 1)]
STUCK_SECOND = [
    refused("sqs:SendMessage", 1),
    refused("states:StartExecution", 1),
    refused("dynamodb:TransactWriteItems", 3, 1),
]

NO_GPU = {"kind": "no_capacity", "action": "ec2:CreateFleet", "times": 0}
STREAM = "bedrock:InvokeModelWithResponseStream"
NO_BEDROCK = {"kind": "denied", "caller": "AnswerConversationFunction", "action": STREAM, "times": 0}


def transactions(caller: str, count: int) -> tuple[str, ...]:
    """Each of the first transactions of a function fails before it is done, or is done and nobody hears of it: what
    reserves, shrinks, hands over and settles in the purse."""
    kinds = [(kind, number) for number in range(count) for kind in ("error", "lost")]
    return tuple(f"call:{caller}:dynamodb:TransactWriteItems@={kind}.nth{number}" for kind, number in kinds)


NO_GPU_CASES = (
    *transactions("ApiFunction", 1),  # the claim
    *transactions("AnswerChatsFunction", 2),  # lets go of the GPU's, moves the message
    *transactions("AnswerConversationFunction", 3),  # reserves, keeps what there is, saves
    *transactions("CloseSessionFunction", 1),  # settles
    *strikes("execution_stopped", "Answer on Bedrock.before", "Answer on Bedrock.after"),
    *strikes("month_spent", "Answer on Bedrock.before"),
)

CHAT_CASES = (
    "engine:cut",
    "engine:garbage",
    "engine:error",
    "engine:no_end",
    "engine:refusal",
    *transactions("AnswerConversationFunction", 6),  # reserves, keeps what there is, saves, and again
    *(
        f"call:invocation:lambda:AnswerConversationFunction@={kind}.{length}"
        for kind in ("throttled", "timeout", "crash", "lost")
        for length in ("once", "storm")
    ),
    *(f"call:AnswerConversationFunction:{STREAM}@={kind}.once" for kind in ("throttled", "error", "denied", "lost")),
    f"call:AnswerConversationFunction:{STREAM}@=throttled.storm",
)

# A reader stops an answer, and what says so is lost, comes twice, or finds its writer gone: the wish on the answer (the
# API's transactions before it accept the message, and claim a session), then the word to the session's worker.
STOP_CASES = (
    *(f"call:ApiFunction:dynamodb:TransactWriteItems@={kind}.nth2" for kind in ("error", "lost")),
    *(f"call:ApiFunction:dynamodb:UpdateItem@={kind}.once" for kind in ("error", "lost", "throttled")),
    *(f"call:Instance:dynamodb:TransactWriteItems@Serve={kind}.once" for kind in ("error", "lost")),
)
STOP_ON_BEDROCK_CASES = (
    *(f"call:ApiFunction:dynamodb:TransactWriteItems@={kind}.nth1" for kind in ("error", "lost")),
    *transactions("AnswerConversationFunction", 4),  # keeps what there is, reserves, saves the end
    "call:AnswerConversationFunction:dynamodb:TransactWriteItems@=error.storm",
    *(f"call:invocation:lambda:AnswerConversationFunction@={kind}.once" for kind in ("crash", "timeout", "lost")),
)

# A program's request on the GPU: each of its writes fails, or is done and nobody hears of it.
RELAY_CASES = (
    *transactions("ChatCompletionsFunction", 4),  # its place, the request, its erasure, its place back
    *(f"call:ChatCompletionsFunction:sqs:SendMessage@={kind}.once" for kind in ("error", "lost", "denied", "late")),
    *(f"call:Instance:dynamodb:UpdateItem@Serve={kind}.once" for kind in ("error", "lost")),  # takes it
    *(f"call:Instance:dynamodb:TransactWriteItems@Serve={kind}.once" for kind in ("error", "lost", "throttled")),
    *(f"call:Instance:execute-api:ManageConnections@Serve={kind}.once" for kind in ("error", "lost")),  # a frame
    "call:Instance:execute-api:ManageConnections@Serve=error.storm",
    *strikes("worker_killed", "answering"),
    *strikes("engine_killed", "answering"),
    *strikes("host_gone", "answering"),
    *strikes("spot_notice", "answering"),
    *strikes("switched_off", "answering"),
    *strikes("execution_stopped", "answering"),
    "crowd",
    *(f"crowd:{one}" for one in ("error", "lost", "throttled")),
)

BAKE_STATES = (
    *("Create image", "Look at image", "Publish image", "Release GPU", "Find published image", "List images"),
    *("List snapshots", "Notify"),
)
BAKE_CASES = (
    *strikes("bake_stopped", "loading", "baking"),
    *(f"strike:bake_stopped@{state}.{side}" for state in BAKE_STATES for side in ("before", "after")),
    *strikes("execution_stopped", "loading", "baking"),
    *strikes("machine_timed_out", "baking"),
    *strikes("worker_killed", "loading", "baking"),
    *strikes("engine_killed", "baking"),
    *strikes("worker_hung", "baking"),
    *strikes("spot_notice", "loading", "baking"),
    *strikes("terminated_from_outside", "baking"),
    *strikes("host_gone", "baking"),
    *strikes("network_cut_out", "baking"),
    *strikes("heartbeat_refused", "baking"),
)

# Two programs have our own container read aloud and read a picture. Spot's notice is `task_interrupted`; no room on
# Spot is RunTask's error, and none anywhere its storm; a lost callback is the task's word that it is ready, or over.
CONTAINER_CASES = (
    *strikes("task_killed", "starting", "working", "idle"),
    *strikes("task_interrupted", "starting", "working", "idle"),
    *strikes("task_killed_unheard", "starting", "working"),
    *strikes("image_gone", "starting"),
    *strikes("stale_events", "working"),
    *strikes("container_replaced", "starting", "working", "idle"),
    *strikes("stray_task", "working"),
    *strikes("run_stopped", "starting", "working", "idle"),
    *strikes("run_timed_out", "working"),
    *strikes("jobs_duplicated", "working"),
    *strikes("ability_off", "starting", "working", "idle"),
    *(f"strike:run_stopped@{state}.{side}" for state in ("Start task", "Close run") for side in ("before", "after")),
    *(f"call:ability_run:ecs:RunTask@Start task={kind}" for kind in ("error.once", "error.storm", "lost.once")),
    *(f"call:AbilityTask:states:SendTaskSuccess@={kind}.once" for kind in ("lost", "error", "refused")),
    "call:AbilityTask:states:SendTaskHeartbeat@=refused.once",
    *(f"call:AbilityTask:dynamodb:UpdateItem@={kind}.once" for kind in ("lost", "error")),  # a job's end
    *(f"call:AbilityTask:sqs:DeleteMessage@={kind}.once" for kind in ("lost", "error")),
    *(f"call:ChatCompletionsFunction:sqs:SendMessage@={kind}.once" for kind in ("lost", "error", "late")),
)

# A batch on Bedrock whose lines show images, which a model sees there.
ANSWERED = "call:batch_run:lambda:Invoke AnswerBatchFunction@Answer on Bedrock"
SEEN_CASES = (
    *(f"sight:{kind}" for kind in ("throttled.once", "throttled.storm", "error.storm", "lost.once", "denied.once")),
    *(f"image:{kind}" for kind in ("error.once", "error.storm", "throttled.storm", "denied.once", "denied.storm")),
    *(f"{ANSWERED}={kind}.once" for kind in ("twice", "lost", "error")),
    *(f"call:invocation:lambda:AnswerBatchFunction@={kind}.once" for kind in ("crash", "timeout", "lost")),
    *transactions("AnswerBatchFunction", 1),
    *strikes("image_deleted", "validating", "Plan.after", "first", "finishing"),
    *strikes("images_switched_off", "Plan.after", "first"),
    *strikes("batch_stopped", "first", "Answer on Bedrock.after"),
    *strikes("cancelled", "first"),
    *strikes("month_spent", "Plan.before"),
)
# A conversation on Bedrock whose first message shows an image.
SHOWN_CASES = (
    *(f"sight:{kind}" for kind in ("throttled.once", "throttled.storm", "error.storm", "lost.once", "denied.once")),
    *(f"image:{kind}" for kind in ("error.once", "error.storm", "throttled.storm", "denied.once", "denied.storm")),
    *(
        f"call:invocation:lambda:AnswerConversationFunction@={kind}.once"
        for kind in ("throttled", "crash", "timeout", "lost")
    ),
    *transactions("AnswerConversationFunction", 4),
    *strikes("image_deleted", "image.before", "answering", "answered"),
    *strikes("images_switched_off", "image.before", "sight.before", "answered"),
    *strikes("called_again", "image.before", "sight.before", "answering", "answered"),
)


def dead(partition: str, kind: str = "error") -> dict[str, Any]:
    """Nobody can read or write what is in it, at any time."""
    return {"kind": kind, "action": "dynamodb:*", "about": f'"{partition}"', "times": 0}


SCENARIOS: dict[str, Scenario] = {
    # What is only learned from: how spot GPUs fared and when people asked. Nothing may fail or wait for it.
    "dead_diary": Scenario(
        rules=[dead("CAPACITY"), dead("POOLS")], thin=True, cases=strikes("spot_notice", "answering")
    ),
    "dead_demand": Scenario(
        rules=[dead("DEMAND", "throttled")], thin=True, cases=strikes("worker_killed", "answering")
    ),
    "relaunch": Scenario(strike="worker_killed", moment="answering"),
    "on_demand": Scenario(rules=[{"kind": "no_capacity", "action": "ec2:CreateFleet"}], allow_on_demand=True),
    # The launch fails in a way that does not tell whether an instance was bought.
    "no_answer": Scenario(rules=[{"kind": "lost", "action": "ec2:CreateFleet", "times": 4}]),
    "stopped": Scenario(strike="execution_stopped", moment="answering"),
    # The spend guard and the capacity diary.
    "capped": Scenario(strike="cap_reached", moment="answering", order="count to 240", thin=True),
    "month_capped": Scenario(strike="month_spent", moment="answering", alone=True, thin=True),
    # Bedrock answers; and where it does not, what waits ends in an error.
    "no_gpu": Scenario(rules=[NO_GPU], thin=True, backend="auto", bedrock_refused=True, cases=NO_GPU_CASES),
    "no_answer_at_all": Scenario(
        rules=[NO_GPU, NO_BEDROCK], thin=True, backend="auto", bedrock_refused=True, again=("CloseSessionFunction",)
    ),
    # Nothing is live: Bedrock answers. Where it may not be asked, the GPU does; and where nobody may call its function,
    # the sweep finds what waits.
    "chat_bedrock": Scenario(backend="auto", cases=CHAT_CASES),
    "chat_taken_over": Scenario(
        rules=[NO_BEDROCK], thin=True, backend="auto", cases=transactions("AnswerConversationFunction", 2)
    ),
    "chat_lost": Scenario(
        rules=[never_there("AnswerConversationFunction")],
        thin=True,
        once=True,
        backend="bedrock",
        swept=("SweepFunction",),
    ),
    "stop": Scenario(
        strike="answer_stopped", moment="answering", order="count to 240", thin=True, once=True, cases=STOP_CASES
    ),
    "stop_bedrock": Scenario(
        strike="answer_stopped",
        moment="answering",
        order="count to 240",
        thin=True,
        once=True,
        backend="bedrock",
        cases=STOP_ON_BEDROCK_CASES,
    ),
    "relay": Scenario("relay", thin=True, again=("Instance",), cases=RELAY_CASES),
    # What only the five minutes' schedules bring on.
    "stuck": Scenario(rules=STUCK, once=True, swept=("SweepFunction",), thin=True),
    "stuck_capped": Scenario(
        rules=STUCK_SECOND,
        strike="month_spent",
        moment="swept",
        alone=True,
        swept=("SweepFunction",),
        thin=True,
    ),
    "unsaved": Scenario(rules=[never_there("StoreResultsFunction")], swept=("StoreResultsFunction",), thin=True),
    "container": Scenario("container", thin=True, cases=CONTAINER_CASES),
    # A bake, and who asks after it.
    "bake": Scenario("bake", cases=BAKE_CASES),
    # Batches.
    "batch_bedrock": Scenario(
        "bedrock",
        thin=True,
        cases=(
            "lines:mishaps",
            "lines:text",
            *transactions("RunBatchFunction.Plan", 1),  # reserves
            *transactions("RunBatchFunction.Finish", 1),  # settles
            *transactions("AnswerBatchFunction", 1),  # lets go of what its round has not spent
            "call:batch_run:lambda:Invoke AnswerBatchFunction@Answer on Bedrock=twice.once",  # one of them spends
            *strikes("cancelled", "validating", "first", "finishing"),
            *strikes("batch_stopped", "validating", "first"),
            *(
                f"strike:batch_stopped@{state}.{side}"
                for state in ("Validate", "Plan", "Answer on Bedrock", "Finish", "Store summary", "Notify")
                for side in ("before", "after")
            ),
            *strikes("cancelled", "Plan.before", "Plan.after", "Finish.before"),
            *strikes("postgresql_down", "first"),
            *strikes("sns_down", "first"),
            *strikes("month_spent", "validating"),
            *strikes("emulator_restarted", "finishing"),
        ),
    ),
    "batch": Scenario(
        "gpu",
        thin=True,
        again=("Instance",),
        cases=(
            "lines:mishaps",
            "lines:poison",
            "lines:text",
            *strikes("worker_killed", "loading", "first", "last"),
            *strikes("engine_killed", "first"),
            *strikes("engine_hung", "first"),
            *strikes("worker_hung", "first"),
            *strikes("host_gone", "first", "last"),
            *strikes("spot_notice", "loading", "first", "last"),
            *strikes("network_cut_out", "first"),
            *strikes("network_cut_back", "last"),
            *strikes("heartbeat_refused", "first"),
            *strikes("terminated_from_outside", "first"),
            *strikes("execution_stopped", "loading", "first", "last"),
            *strikes("machine_timed_out", "first"),
            *strikes("batch_stopped", "loading", "first", "last", "finishing", "Serve on GPU.before"),
            *strikes("shards_duplicated", "first", "last", "finishing"),
            *strikes("cancelled", "loading", "first", "last"),
            *strikes("switched_off", "first", "last"),
            *strikes("switched_off_by_another", "first", "last"),
            *strikes("month_spent", "validating", "first"),
            *strikes("emulator_restarted", "first"),
        ),
    ),
    "batch_capped": Scenario("gpu", strike="cap_reached", moment="first", order="slow", thin=True, cases=("good",)),
    "batch_scheduled": Scenario("schedule", thin=True),
    # The API is cut off between the record and its execution, and the person does not come back.
    "batch_unstarted": Scenario(
        "bedrock",
        rules=[refused("states:StartExecution"), refused("dynamodb:TransactWriteItems", 1, 1)],
        patience=1,
        swept=("SweepFunction",),
        thin=True,
    ),
    # The execution is stopped, and nobody hears of it.
    "batch_lost": Scenario(
        "bedrock",
        strike="batch_stopped",
        moment="first",
        rules=[never_there("RunBatchFunction", "crash")],
        swept=("SweepFunction",),
        thin=True,
    ),
    "batch_unsaved": Scenario(
        "bedrock", rules=[never_there("StoreResultsFunction")], swept=("StoreResultsFunction",), thin=True
    ),
    "chat_shown": Scenario("shown", thin=True, backend="auto", parameters={"Images": "managed"}, cases=SHOWN_CASES),
    "batch_seen": Scenario("seen", thin=True, parameters={"Images": "managed"}, cases=SEEN_CASES),
}
