"""How many people the stack carries, and what gives way first. Pure: reckoned from AWS's quotas and from what one
answer takes (one_answer.py); docs/scale.md shows it.

A person here is one who chats just now: a question a minute, and an answer of 256 tokens to a prompt of 400. Quotas are
the defaults of us-east-1, November 2026; Service Quotas shows an account's own.
"""

from dataclasses import dataclass

from foreverus.costs.one_answer import (
    ACCEPT_UNITS,
    API_S,
    AROUND_ANSWER_S,
    AROUND_STREAM_S,
    AUTHORIZE_S,
    FRAMES_A_SECOND,
)

QUESTIONS_A_MINUTE = 1.0
PROMPT_TOKENS, ANSWER_TOKENS = 400, 256
BEDROCK_TOKENS_A_SECOND = 30.0  # of one answer; assumed, as for prices (docs/costs.md)
GPU_TOKENS_A_SECOND = 452.0  # of a g6.xlarge with 8 answers at once (docs/costs.md)
ANSWER_S = ANSWER_TOKENS / BEDROCK_TOKENS_A_SECOND

NEW_ACCOUNT_LAMBDAS, LAMBDAS = (
    10,
    1_000,
)  # at once; https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
BEDROCK_TOKENS_A_MINUTE = 300_000  # Mistral 7B Instruct, on demand; a new account may have less
API_REQUESTS_A_SECOND = 10_000  # of all of an account's APIs, pushes among them; https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
NEW_SOCKETS_A_SECOND = 500  # the same page
PARTITION_WRITES_A_SECOND = (
    1_000  # units; https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
)
PARTITION_READS_A_SECOND = 3_000  # units of 4 KB, the same page
WAITING_BYTES = 200  # an item of what waits for Bedrock
WAITING_READS = 3.0  # of all that waits, for each answer (conversations/bedrock/answering.py)
TRANSACTION_S = 0.02  # how long an item is another transaction's; assumed, AWS names no figure
MOST_BUSY = 0.7  # of the time an item may be somebody's before tries run out: `make bench`, scale_purse
FIFO_CALLS_A_SECOND = 300  # of each kind, without batches; https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html

RECONNECT_S = (
    10.0  # in which all pages come back after a line was lost; the page spreads them (frontend/src/logic/backoff.ts)
)
PURSE_UNITS = (
    12.0  # reserve: reservation, total, and a look at the ledger; settle: the same two: two units each, and 1 KB each
)
PURSE_TRANSACTIONS = 2.0
EVERYBODY_CHANGES = 2.0  # LIMITS#everybody: in and out
EVERYBODY_S = 2 * TRANSACTION_S  # read, then written as it was read: others meanwhile look again
DEMAND_UNITS = 2.0  # one update, of an hour's item that has up to 2 KB (sessions/demand.py)
MOST_GPUS = 4


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """`people`: who chat at once when it gives way."""

    what: str
    people: float
    then: str


def people(capacity_a_second: float, for_one_answer: float) -> float:
    """Who can chat where each answer takes so much of what there is each second.

    >>> people(10.0, 1.0)
    600.0
    """
    return capacity_a_second / for_one_answer * 60 / QUESTIONS_A_MINUTE


def bottlenecks() -> tuple[Bottleneck, ...]:
    """The first to give way first."""
    return tuple(sorted((*_of_quotas(), *_of_our_own()), key=lambda one: one.people))


def _of_quotas() -> tuple[Bottleneck, ...]:
    """What AWS raises when it is asked, or sells."""
    busy_s = API_S + AUTHORIZE_S + ANSWER_S + AROUND_ANSWER_S
    tokens = PROMPT_TOKENS + ANSWER_TOKENS
    pushes = FRAMES_A_SECOND * ANSWER_S
    return (
        Bottleneck(
            f"{NEW_ACCOUNT_LAMBDAS} Lambdas at once (a new account)",
            people(NEW_ACCOUNT_LAMBDAS, busy_s),
            "answers begin later: Lambda calls again by itself, and the sweep after that. Ask for the quota of "
            f"{LAMBDAS:,} first",
        ),
        Bottleneck(
            f"{LAMBDAS:,} Lambdas at once",
            people(LAMBDAS, busy_s),
            "the same; the quota can be raised",
        ),
        Bottleneck(
            f"Bedrock: {BEDROCK_TOKENS_A_MINUTE:,} tokens a minute",
            people(BEDROCK_TOKENS_A_MINUTE / 60, tokens),
            "throttled: the GPU takes over where it may be bought, else a clear error; the quota can be raised",
        ),
        Bottleneck(
            "one GPU (g6.xlarge)",
            people(GPU_TOKENS_A_SECOND, ANSWER_TOKENS),
            "people wait in the queue, each answer as fast as before; `MaxGpus`",
        ),
        Bottleneck(
            f"{MOST_GPUS} GPUs, the most there are",
            people(MOST_GPUS * GPU_TOKENS_A_SECOND, ANSWER_TOKENS),
            "people wait; a larger GPU, or more than four (the slots in the table are counted, not built in)",
        ),
        Bottleneck(
            f"API Gateway: {API_REQUESTS_A_SECOND:,} requests a second",
            people(API_REQUESTS_A_SECOND, pushes + 2),
            "frames are refused, and the page reads what it missed; fewer frames a second",
        ),
        Bottleneck(
            f"{NEW_SOCKETS_A_SECOND} new WebSockets a second",
            NEW_SOCKETS_A_SECOND * RECONNECT_S,
            f"after a lost line some come back later than within {RECONNECT_S:g} s",
        ),
        Bottleneck(
            f"the chat queue: {FIFO_CALLS_A_SECOND} calls of each kind a second",
            people(FIFO_CALLS_A_SECOND, 1.0),
            "high throughput of the FIFO queue, a switch",
        ),
    )


def _of_our_own() -> tuple[Bottleneck, ...]:
    """Single items and partitions of the table."""
    return (
        Bottleneck(
            "`PURSE#month / TOTAL`: one transaction at a time",
            people(MOST_BUSY / TRANSACTION_S, PURSE_TRANSACTIONS),
            "transactions collide and are made again: later first words, then `NotAccepted`. A purse in parts, each "
            "with its share of the cap",
        ),
        Bottleneck(
            "`LIMITS#everybody`: OpenAI's requests, one after the other",
            people(1 / EVERYBODY_S, EVERYBODY_CHANGES),
            "requests look again, then 429. `AllRequestsAtOnce=1000` counts nothing together",
        ),
        Bottleneck(
            "the partition `PURSE#month`",
            people(PARTITION_WRITES_A_SECOND, PURSE_UNITS),
            "writes are throttled and made again; a purse in parts",
        ),
        Bottleneck(
            "`PENDING#BEDROCK`, which each answer reads whole",
            _readers_of_what_waits(),
            "reads are throttled and made again; a sort key that begins with the conversation, so that each reads "
            "its own",
        ),
        Bottleneck(
            "the partition `PENDING#BEDROCK`, and `PENDING` of the GPUs",
            people(PARTITION_WRITES_A_SECOND, ACCEPT_UNITS / 2),
            "the same; a partition for each hash of the conversation",
        ),
        Bottleneck(
            "`DEMAND`, the item of this hour: what Bedrock took is added to it",
            people(PARTITION_WRITES_A_SECOND, DEMAND_UNITS),
            "some of it is not counted, no answer waits for it: a GPU for chats starts later; an item for each minute",
        ),
    )


def _readers_of_what_waits() -> float:
    """Twice the people read twice as often twice as much.

    >>> round(_readers_of_what_waits(), -2)
    2900.0
    """
    asked = QUESTIONS_A_MINUTE / 60
    units = WAITING_READS * asked * (ANSWER_S + AROUND_ANSWER_S) * WAITING_BYTES / 4096
    return float((PARTITION_READS_A_SECOND / (asked * units)) ** 0.5)


def lambdas_at_once(chatting: float, *, streams: bool = False) -> float:
    """Of so many people. `streams`: of OpenAI's API, whose function lives as long as its answer."""
    around = AROUND_STREAM_S + AUTHORIZE_S if streams else API_S + AUTHORIZE_S + AROUND_ANSWER_S
    return chatting * QUESTIONS_A_MINUTE / 60 * (ANSWER_S + around)
