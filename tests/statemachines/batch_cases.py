"""Every path of batch_run, named for what happens. A state that is not mentioned calls its stub."""

from tests.statemachines.batch_machine import BatchCase, bedrock, finish, gpu, payload, wait
from tests.statemachines.machine import SILENCE, failure, success, throw

VALIDATE, VALID, PLAN, WAY = "Validate", "Was it valid?", "Plan", "Which way?"
SERVE, ANSWER, WAIT = "Serve on GPU", "Answer on Bedrock", "Wait for capacity"
FINISH, FINISH_FAILED, STORE = "Finish", "Finish as failed", "Store summary"
TELL, NOTIFY, MARK = "Is there anything to tell?", "Notify", "Mark as notified"
WELL, OVER, NOT_FINISHED = "Did it end well?", "Batch over", "Batch not finished"

BEGIN = (VALIDATE, VALID)
LOOK = (PLAN, WAY)
NOTIFIED = (STORE, TELL, NOTIFY, MARK, WELL, OVER)
END = (*LOOK, FINISH, *NOTIFIED)
NORMAL = (*BEGIN, *LOOK, SERVE, *END)
COMPLETED = ("completed", None)

CASES = [
    BatchCase("gpu", NORMAL, COMPLETED),
    BatchCase(
        "not-valid", (*BEGIN, FINISH, *NOTIFIED), ("failed", None), states={VALIDATE: [payload(valid=False, lines=3)]}
    ),
    BatchCase("bedrock", (*BEGIN, *LOOK, ANSWER, *END), COMPLETED, plans=(bedrock(), finish())),
    BatchCase(
        "bedrock-for-longer-than-one-call",
        (*BEGIN, *LOOK, ANSWER, *LOOK, ANSWER, *END),
        COMPLETED,
        plans=(bedrock(1), bedrock(2), finish()),
        states={ANSWER: [payload(left=7), payload(left=0)]},
    ),
    BatchCase(
        "bedrock-throttles-then-the-gpu",
        (*BEGIN, *LOOK, ANSWER, *LOOK, SERVE, *END),
        COMPLETED,
        plans=(bedrock(1), gpu(2), finish()),
        states={ANSWER: [payload(left=7, error={"Error": "EngineBusy", "Cause": "a test"})]},
    ),
    BatchCase(
        "bedrock-cannot-be-called",
        (*BEGIN, *LOOK, ANSWER, *END),
        ("failed", "Sandbox.Timedout"),
        plans=(bedrock(), finish("failed")),
        states={ANSWER: [throw("Sandbox.Timedout", "Task timed out after 900 seconds")]},
    ),
    BatchCase(
        "waits-for-capacity",
        (*BEGIN, *LOOK, SERVE, *LOOK, WAIT, *LOOK, SERVE, *END),
        COMPLETED,
        plans=(gpu(1), wait(2), gpu(3), finish()),
        worker=(failure("NoGpuCapacity"), success(outcome="done")),
    ),
    BatchCase(
        "nothing-can-answer-it",
        (*BEGIN, *LOOK, SERVE, *END),
        ("failed", "GpuQuotaExceeded"),
        plans=(gpu(), finish("failed")),
        worker=(failure("GpuQuotaExceeded"),),
    ),
    BatchCase(
        "no-session-can-be-started",
        (*BEGIN, *LOOK, SERVE, *END),
        ("failed", "SpendCapReached"),
        plans=(gpu(), finish("failed")),
        states={SERVE: [throw("SpendCapReached", "The month has cost as much as its cap.")]},
    ),
    BatchCase(
        "review-time-comes",
        (*BEGIN, *LOOK, SERVE, *LOOK, ANSWER, *END),
        COMPLETED,
        plans=(gpu(1, seconds=1), bedrock(2), finish()),
        worker=(SILENCE,),
    ),
    BatchCase(
        "window-is-over",
        (*BEGIN, *LOOK, SERVE, *END),
        ("expired", None),
        plans=(gpu(seconds=1), finish("expired")),
        worker=(SILENCE,),
    ),
    BatchCase(
        "cancelled",
        NORMAL,
        ("cancelled", None),
        plans=(gpu(), finish("cancelled")),
        worker=(success(outcome="cancelled"),),
    ),
    BatchCase("nothing-is-left", (*BEGIN, *END), COMPLETED, plans=(finish(),)),
    # What fails again and again
    BatchCase(
        "validation-cannot-be-done",
        (VALIDATE, FINISH_FAILED, *NOTIFIED),
        ("failed", "Runtime.ExitError"),
        states={VALIDATE: [throw("Runtime.ExitError", "out of memory")]},
    ),
    BatchCase(
        "plan-cannot-be-made",
        (*BEGIN, PLAN, FINISH_FAILED, *NOTIFIED),
        ("failed", "KeyError"),
        states={PLAN: [throw("KeyError")]},
    ),
    BatchCase(
        "files-cannot-be-written",
        (*NORMAL[: -len(NOTIFIED)], FINISH_FAILED, *NOTIFIED),
        ("failed", "ClientError"),
        states={FINISH: [throw("ClientError", "AccessDenied")]},
    ),
    BatchCase(
        "nothing-can-be-finished",
        (*NORMAL[: -len(NOTIFIED)], FINISH_FAILED, NOTIFY, MARK, WELL, NOT_FINISHED),
        None,
        error="ClientError",
        states={FINISH: [throw("ClientError", "SlowDown")], FINISH_FAILED: [throw("Lambda.Unknown")]},
    ),
    BatchCase(
        "cost-nothing",
        (*BEGIN, FINISH, STORE, TELL, WELL, OVER),
        None,
        states={
            VALIDATE: [payload(valid=False, lines=3)],
            FINISH: [payload(batch_id="b", status="failed", notification=None)],
        },
    ),
    BatchCase("summary-cannot-be-stored", NORMAL, COMPLETED, states={STORE: [throw("ResultsNotStored")]}),
    BatchCase(
        "notification-fails",
        (*NORMAL[:-3], WELL, NOT_FINISHED),
        COMPLETED,
        error="SNS.InternalErrorException",
        states={NOTIFY: [throw("SNS.InternalErrorException")]},
    ),
    BatchCase("notification-cannot-be-marked", NORMAL, COMPLETED, states={MARK: [throw("Lambda.Unknown")]}),
    BatchCase(
        "nothing-works-at-the-end",
        (*NORMAL[: -len(NOTIFIED)], FINISH_FAILED, NOTIFY, WELL, NOT_FINISHED),
        None,
        error="ClientError",
        states={
            FINISH: [throw("ClientError")],
            FINISH_FAILED: [throw("Lambda.Unknown")],
            NOTIFY: [throw("SNS.InternalErrorException")],
        },
    ),
]
