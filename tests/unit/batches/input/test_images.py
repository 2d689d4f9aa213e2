"""Images in a batch's lines, before anything is spent: as in a chat, with the line and the field in each error."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from foreverus.abilities.read_image.checking import checked
from foreverus.abilities.read_image.port import MOST_CHARACTERS, READ_TOKENS, Sight
from foreverus.backends.images import ImageKind, PromptImage, stored_image
from foreverus.backends.port import BackendName
from foreverus.backends.sights import SIGHTS
from foreverus.batches.input.file_check import Allowed, FileReport, validate
from foreverus.batches.input.images import ImageRules
from foreverus.batches.input.lines import CHAT, MAX_LINE_BYTES, named_in, read_shard, split
from tests.unit.abilities.images import jpeg, png, png_that_claims

MODEL = "mistral-7b"
OWN = {"file_mine": PromptImage(ImageKind.PNG, 1300, 1300, b"", "files/ana/file_mine")}


def shown(*pictures: bytes) -> list[dict[str, Any]]:
    urls = [f"data:image/png;base64,{base64.b64encode(one).decode()}" for one in pictures]
    return [{"type": "image_url", "image_url": {"url": one, "detail": "low"}} for one in urls]


def named(file_id: str) -> dict[str, Any]:
    return {"type": "file", "file": {"file_id": file_id}}


def line(number: int, *parts: dict[str, Any], role: str = "user", text: str = "What is it?", **more: Any) -> bytes:
    words = [{"type": "text", "text": text}] if text else []
    body = {"model": MODEL, "messages": [{"role": role, "content": [*words, *parts]}], "max_tokens": 10, **more}
    return json.dumps({"custom_id": f"c{number}", "method": "POST", "url": CHAT, "body": body}).encode() + b"\n"


def own(file_ids: Sequence[str]) -> Mapping[str, PromptImage]:
    return {one: OWN[one] for one in file_ids if one in OWN}


SEEN = ImageRules(sight=Sight.SEEN, own=own)


def check(*lines: bytes, rules: ImageRules = SEEN, **allowed: Any) -> FileReport:
    return validate(split([b"".join(lines)]), CHAT, MODEL, Allowed(images=rules, **allowed))


def problems(report: FileReport) -> list[tuple[int | None, str, str | None]]:
    return [(one.line, one.code, one.param) for one in report.errors]


def test_lines_with_data_urls_and_own_files_are_taken_and_reckoned_with() -> None:
    lines = line(1), line(2, *shown(png(900, 450)), text=""), line(3, named("file_mine"))
    report = check(*lines)
    assert report.errors == [] and (report.images_line, report.images) == (2, 2)
    (shard,) = report.shards
    assert report.image_tokens == 2025 + 4225, "a token for 400 pixels, no fewer than of 900 x 900"
    words = check(line(1), line(3)).prompt_tokens_estimate // 2
    assert shard.seen_prompt_tokens_estimate == report.image_tokens + words + 6, "one of the two has no words"
    assert (shard.completion_tokens_limit, shard.seen_completion_tokens_limit) == (30, 20)
    spelled = len(base64.b64encode(png(900, 450)))
    bound = shard.end - shard.start - spelled + report.image_tokens
    assert bound <= shard.prompt_tokens_most <= bound + 200, "what is left out of an image counts as words"


def test_lines_without_images_have_what_they_had() -> None:
    (shard,) = check(line(1), b"\n", line(2)).shards
    assert (shard.prompt_tokens_most, shard.seen_prompt_tokens_estimate) == (0, 0)


def test_text_that_is_read_is_expected_to_be_short_and_may_be_long() -> None:
    report = check(line(1, *shown(png(), png())), rules=ImageRules(sight=Sight.READ))
    (shard,) = report.shards
    assert report.image_tokens == 2 * READ_TOKENS and shard.prompt_tokens_most > 2 * MOST_CHARACTERS
    assert shard.seen_prompt_tokens_estimate == 0, "no other model takes them"


@pytest.mark.parametrize(
    ("parts", "code", "where", "words"),
    [
        (
            [{"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}],
            "image_not_fetched",
            "content[1].image_url.url",
            "no address is fetched. An image that you have uploaded",
        ),
        ([named("file_theirs")], "image_not_found", "content[1].file.file_id", "upload it first"),
        (shown(b"%PDF-1.7"), "invalid_image", "content[1].image_url.url", "a PDF"),
        (shown(png_that_claims(20_000, 10)), "invalid_image", "content[1].image_url.url", "a side has at most 8,000"),
        (shown(png_that_claims(8000, 8000)), "invalid_image", "content[1].image_url.url", "the most is 16"),
        (shown(*[png()] * 5), "invalid_field", "content", "has 5 images; a message has at most 4"),
        ([{"type": "image_url"}], "missing_field", "content[1].image_url", "is missing"),
        ([{"type": "video"}], "invalid_field", "content[1].type", "'text', 'image_url' or 'file'"),
    ],
)
def test_what_a_chat_refuses_a_line_refuses_and_names_the_place(
    parts: list[dict[str, Any]], code: str, where: str, words: str
) -> None:
    report = check(line(1), line(2, *parts))
    assert problems(report) == [(2, code, f"body.messages[0].{where}")]
    assert words in report.errors[0].message and report.shards == []


def test_images_are_a_users() -> None:
    assert problems(check(line(1, *shown(png()), role="system"))) == [(1, "invalid_field", "body.messages[0].content")]


def test_deployment_without_images_says_which_parameter_of_every_line() -> None:
    report = check(line(1, *shown(png())), line(2), line(3, named("file_mine")), rules=ImageRules(sight=None))
    assert problems(report) == [(1, "images_off", "body.messages"), (3, "images_off", "body.messages")]
    assert "parameter Images is off" in report.errors[0].message


def test_images_are_bedrocks_and_whoever_excludes_that_is_told_at_once() -> None:
    gpu = check(line(1, *shown(png())), backends=frozenset({BackendName.GPU}))
    assert problems(gpu) == [(1, "images_not_seen", "body.messages")] and "metadata.backend" in gpu.errors[0].message
    none = check(line(1, *shown(png())), rules=ImageRules(sight=Sight.READ, bedrock=False))
    assert problems(none) == [(1, "images_not_seen", "body.messages")] and "BedrockModelId" in none.errors[0].message


QWEN = SIGHTS["qwen-vl"]
BOTH_SEE = ImageRules(own=own, gpu=QWEN)
GPU_SEES = ImageRules(own=own, gpu=QWEN, bedrock=False)
READ_OR_SEEN = ImageRules(sight=Sight.READ, own=own, gpu=QWEN)
ON_GPU, ON_BEDROCK = frozenset({BackendName.GPU}), frozenset({BackendName.BEDROCK})


def test_where_both_see_a_batch_has_both_prices_and_either_may_answer_it() -> None:
    report = check(line(1), line(2, *shown(png(280, 280))), line(3, named("file_mine")), rules=BOTH_SEE)
    assert report.errors == [] and (report.images_line, report.gpu_sees) == (2, True)
    (shard,) = report.shards
    assert shard.gpu_image_tokens == report.gpu_image_tokens == 102 + 1282, "vLLM's own sums"
    assert report.image_tokens == 2025 + 4225 and shard.seen_completion_tokens_limit == 20
    alone = check(line(1, named("file_mine")), rules=BOTH_SEE, backends=ON_GPU)
    assert alone.errors == [] and alone.gpu_sees


def test_where_the_gpu_alone_sees_its_tokens_are_those_that_are_reckoned_with() -> None:
    report = check(line(1, named("file_mine")), line(2, seed=7), rules=GPU_SEES)
    assert report.errors == [] and report.gpu_sees and report.image_tokens == 1282
    (shard,) = report.shards
    assert (shard.seen_prompt_tokens_estimate, shard.seen_completion_tokens_limit) == (0, 0), "nobody else's price"
    refused = check(line(1, named("file_mine")), rules=GPU_SEES, backends=ON_BEDROCK)
    assert problems(refused) == [(1, "images_not_seen", "body.messages")]
    assert "the GPU's model alone sees here" in refused.errors[0].message


def test_images_without_room_on_the_gpu_are_bedrocks_or_their_lines_error() -> None:
    four = line(1, *(named("file_mine"),) * 4)
    both = check(four, line(2, named("file_mine")), rules=BOTH_SEE, context_tokens=4096)
    assert both.errors == [] and both.images_line == 1 and not both.gpu_sees, "a batch is not divided"
    alone = check(line(2), four, rules=GPU_SEES, context_tokens=4096)
    assert problems(alone) == [(2, "context_length_exceeded", "body.messages")]
    assert "with its images; the GPU holds 4,096" in alone.errors[0].message
    split_it = check(four, line(2, seed=7), rules=BOTH_SEE, context_tokens=4096)
    assert problems(split_it) == [(2, "unsupported_parameter", "body.seed")]


def test_where_our_own_container_reads_the_gpu_sees_for_who_names_it() -> None:
    auto = check(line(1, *shown(png())), rules=READ_OR_SEEN)
    assert auto.errors == [] and not auto.gpu_sees and auto.image_tokens == READ_TOKENS
    gpu = check(line(1, *shown(png())), rules=READ_OR_SEEN, backends=ON_GPU)
    assert gpu.errors == [] and gpu.gpu_sees


def test_parameter_that_bedrock_lacks_goes_with_images_where_the_gpu_sees() -> None:
    report = check(line(1, *shown(png()), seed=7), line(2, *shown(png())), rules=BOTH_SEE)
    assert report.errors == [] and report.gpu_sees and report.gpu_only and report.gpu_only.line == 1


@pytest.mark.parametrize("turned", [False, True])
def test_lines_that_only_the_gpu_and_lines_that_only_bedrock_answers_are_two_files(turned: bool) -> None:
    lines = [line(1, *shown(png())), line(2, seed=7), line(3, *shown(png())), line(4, seed=8)]
    report = check(*(lines[1::-1] if turned else lines))
    assert [one.code for one in report.errors] == ["unsupported_parameter"] and report.errors[0].line == 2
    assert "split the file" in report.errors[0].message
    both = check(line(1, *shown(png()), seed=7))
    assert problems(both) == [(1, "unsupported_parameter", "body.seed")]
    assert "Leave one of the two out of it" in both.errors[0].message


def test_line_too_long_for_its_image_says_how_it_becomes_short() -> None:
    long = check(line(1, *shown(png() + bytes(MAX_LINE_BYTES))))
    assert problems(long) == [(1, "line_too_long", None)]
    assert "purpose 'vision'" in long.errors[0].message and "file_id" in long.errors[0].message


def test_command_line_checks_the_form_and_looks_nobodys_images_up() -> None:
    assert validate(split([line(1, named("file_unknown"), *shown(jpeg()))]), CHAT, MODEL).errors == []
    assert problems(validate(split([line(1, *shown(b"<svg/>"))]), CHAT, MODEL))[0][1] == "invalid_image"


def test_named_image_is_read_from_its_persons_place_alone_when_the_line_is_asked() -> None:
    data = line(7, named("file_mine"), *shown(png()), tools=None)
    (asked,) = read_shard(data, 7, "ana")
    stored, spelled = asked.prompt.images
    assert stored == stored_image("files/ana/file_mine")
    assert (spelled.width, spelled.data) == (3, checked(png()).data) and b"-23.55" not in spelled.data
    assert asked.prompt.messages[0].content == "What is it?"


def test_what_a_line_names_is_found_in_its_shard_by_its_number() -> None:
    lines = line(7, named("file_a"), *shown(png())), b"\n", line(9, named("file_b"), named("file_a")), line(10)
    data = b"".join(lines)
    found = {number: named_in(data, 7, number) for number in (6, 7, 8, 9, 10, 11)}
    assert found == {6: (), 7: ("file_a",), 8: (), 9: ("file_b", "file_a"), 10: (), 11: ()}


def test_person_is_asked_about_once_for_each_line_and_not_for_those_that_name_nothing() -> None:
    calls: list[Sequence[str]] = []

    def counted(file_ids: Sequence[str]) -> Mapping[str, PromptImage]:
        calls.append(file_ids)
        return own(file_ids)

    check(line(1), line(2, *shown(png())), line(3, named("file_mine")), rules=ImageRules(own=counted))
    assert calls == [("file_mine",)]
