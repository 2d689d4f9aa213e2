"""What AWS takes for one chat answer beside its tokens: requests, functions, writes, frames. Pure.

None of it is in the ledger or under the caps, because nobody can say of each request what it was: AWS bills it by the
month, and a part of it not at all within the free tier. List prices of us-east-1, November 2026, and the sizes of our
own code: a test compares them with it.
"""

from typing import NamedTuple

REST_USD = 3.50e-6  # a request; https://aws.amazon.com/api-gateway/pricing
FRAME_USD = 1.00e-6  # a WebSocket message of up to 32 KB; the same page
GB_SECOND_USD = 0.0000166667  # Lambda, x86; https://aws.amazon.com/lambda/pricing
CALL_USD = 0.20e-6
WRITE_USD = 0.625e-6  # a unit: 1 KB, twice that in a transaction; https://aws.amazon.com/dynamodb/pricing/on-demand
READ_USD = 0.125e-6

API_GB, API_S = 1.0, 0.15  # ApiFunction's memory; the time is what a warm POST takes, and so is the next one
AUTHORIZE_GB, AUTHORIZE_S = 0.5, 0.05
ANSWER_GB, AROUND_ANSWER_S = 1.0, 0.5  # AnswerConversationFunction, and its reads and last writes
FRAMES_A_SECOND = 20  # deltas are put together for 50 ms (conversations/streaming/live.py)
CHECKPOINTS_A_SECOND = 2
CHECKPOINT_UNITS = 6  # a transaction: the answer so far, of up to 2 KB, and a look at its question
ACCEPT_UNITS = 8  # question, what waits, conversation, the person's count
END_UNITS = 20  # lease, reservation, and the end: answer, what waited, ledger, purse, usage
READS = 20

STREAM_GB, AROUND_STREAM_S = 1769 / 1024, 0.3  # ChatCompletionsFunction, which lives as long as its answer
PLACE_UNITS = 12  # into its place and out of it again: the counts of person, key and all, a transaction each
CALL_UNITS = 16  # on Bedrock: reservation, then ledger, purse, usage
RELAY_UNITS = 20  # on the GPU: the request kept, taken, answered with its counts, erased
STREAM_READS = 24


class Part(NamedTuple):
    what: str
    usd: float


def beside(answer_s: float, *, on_bedrock: bool) -> tuple[Part, ...]:
    """`answer_s`: from the first word to the last, with one page that watches. On the GPU no function of ours runs
    meanwhile: the machine sends and writes itself.

    >>> round(sum(one.usd for one in beside(8.5, on_bedrock=True)), 5)
    0.00041
    """
    request = (API_GB * API_S + AUTHORIZE_GB * AUTHORIZE_S) * GB_SECOND_USD + 2 * CALL_USD
    functions = [Part("Lambda: the request and its authorizer", request)]
    if on_bedrock:
        usd = ANSWER_GB * (answer_s + AROUND_ANSWER_S) * GB_SECOND_USD + CALL_USD
        functions.append(Part("Lambda: the answer, as long as it is written", usd))
    writes = ACCEPT_UNITS + END_UNITS + CHECKPOINT_UNITS * CHECKPOINTS_A_SECOND * answer_s
    return (
        Part("API Gateway: the request", REST_USD),
        *functions,
        Part("DynamoDB: what is kept, and the answer so far twice a second", writes * WRITE_USD + READS * READ_USD),
        Part("WebSocket: frames to one page, twenty a second", FRAMES_A_SECOND * answer_s * FRAME_USD),
        Part("Step Functions: transitions, 0", 0.0),
    )


def openai_stream(answer_s: float, *, on_bedrock: bool) -> tuple[Part, ...]:
    """A stream of OpenAI's API. Its words come straight from Bedrock, or as frames from the GPU's machine.

    >>> bedrock, gpu = (sum(one.usd for one in openai_stream(8.5, on_bedrock=where)) for where in (True, False))
    >>> round(bedrock, 5), round(gpu, 5)
    (0.00028, 0.00045)
    """
    function = (STREAM_GB * (answer_s + AROUND_STREAM_S) + AUTHORIZE_GB * AUTHORIZE_S) * GB_SECOND_USD + 2 * CALL_USD
    writes = PLACE_UNITS + (CALL_UNITS if on_bedrock else RELAY_UNITS)
    return (
        Part("API Gateway: the request", REST_USD),
        Part("Lambda: as long as it is written, and the authorizer", function),
        Part("DynamoDB: its place, its accounts, on the GPU the request", writes * WRITE_USD + STREAM_READS * READ_USD),
        Part("WebSocket: frames from the GPU's machine", 0.0 if on_bedrock else FRAMES_A_SECOND * answer_s * FRAME_USD),
        Part("Step Functions: transitions, 0", 0.0),
    )


def beside_usd(answer_s: float, *, on_bedrock: bool) -> float:
    return sum(one.usd for one in beside(answer_s, on_bedrock=on_bedrock))
