"""What Titan is asked and answers, on the stubbed client."""

import io
import json
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from foreverus.abilities.embed.memory import MemoryEmbedder
from foreverus.abilities.embed.port import DIMENSIONS
from foreverus.abilities.embed.titan import MODEL_ID, MOST_CHARACTERS, TitanEmbedder, refusal, request
from foreverus.errors import BackendUnavailable, EngineBusy, EngineFailed, PromptRejected
from tests.unit.abilities import embedding_contract


def answering(body: bytes) -> tuple[TitanEmbedder, Stubber]:
    client = boto3.client("bedrock-runtime", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    stub = Stubber(client)
    answer = {"body": StreamingBody(io.BytesIO(body), len(body)), "contentType": "application/json"}
    kind = "application/json"
    asked = {"modelId": MODEL_ID, "body": request("Oi"), "contentType": kind, "accept": kind}
    stub.add_response("invoke_model", answer, asked)
    stub.activate()
    return TitanEmbedder(client), stub


def test_a_text_becomes_a_direction_and_what_is_billed_for_it() -> None:
    embedder, stub = answering(json.dumps({"embedding": [1] + [0] * 511, "inputTextTokenCount": 2}).encode())
    found = embedder.embed("Oi")
    assert (found.vector[0], len(found.vector), found.tokens) == (1.0, DIMENSIONS, 2)
    stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"embedding": [1], "inputTextTokenCount": 1}', b'{"embedding": 5}']
)
def test_what_is_no_vector_of_ours_is_a_failure_and_no_vector(body: bytes) -> None:
    embedder, _ = answering(body)
    with pytest.raises(EngineFailed):
        embedder.embed("Oi")


def test_of_a_longer_text_than_it_takes_the_beginning_is_sent() -> None:
    asked: Any = json.loads(request("é" * (MOST_CHARACTERS + 1)))
    assert (len(asked["inputText"]), asked["dimensions"], asked["normalize"]) == (MOST_CHARACTERS, DIMENSIONS, True)


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("ThrottlingException", 429, EngineBusy),
        ("ServiceUnavailableException", 503, EngineBusy),
        ("AccessDeniedException", 403, BackendUnavailable),
        ("ResourceNotFoundException", 404, BackendUnavailable),
        ("ValidationException", 400, PromptRejected),
        ("InternalServerException", 500, EngineFailed),
    ],
)
def test_what_aws_refuses_is_named_by_what_the_caller_does_next(code: str, status: int, error: type) -> None:
    assert type(refusal(code, "", status)) is error


def test_the_twin_keeps_the_contract_that_the_laptops_model_keeps() -> None:
    embedding_contract.check(MemoryEmbedder())


def test_the_twin_answers_as_many_numbers_and_fails_when_told_to() -> None:
    twin = MemoryEmbedder()
    twin.fail_next(EngineBusy("busy"))
    with pytest.raises(EngineBusy):
        twin.embed("a b")
    found = twin.embed("a b")
    assert (len(found.vector), found.tokens, round(sum(one * one for one in found.vector), 6)) == (DIMENSIONS, 2, 1.0)
