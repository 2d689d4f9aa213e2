"""A batch's whole file, line by line: errors with line numbers, or shards. Pure: the server's first step and the
command line say the same.

Read once, streamed. What is kept: a digest of every custom_id (to find duplicates), the shards, the first errors.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from foreverus.api.violations import MOST_PARAM_CHARACTERS
from foreverus.backends.answer_schema import flaw_of
from foreverus.backends.images import PromptImage
from foreverus.backends.port import BackendName, Prompt
from foreverus.backends.prompts import prompt_of
from foreverus.backends.tokens import cannot_fit, texts_of
from foreverus.batches.input.images import ANY_IMAGES, ImageRules
from foreverus.batches.input.line_check import MAX_ERRORS_A_LINE, check_line
from foreverus.batches.input.lines import RawLine, estimate_prompt
from foreverus.batches.records import ErrorEntry, GpuOnly, Shard
from foreverus.choice.abilities import cannot
from foreverus.errors import InvalidRequest
from foreverus.strict_json import path_of
from foreverus.text import is_blank, quoted, shortened

MAX_LINES = 50_000  # that are not blank
MAX_LINE_NUMBER = 999_999  # blank ones count: the table's keys have six digits
MAX_ERRORS = 100
SHARD_LINES = 100
SHARD_BYTES = 1 << 20
ASSUMED_ANSWER_TOKENS = 1024  # of a chat without a limit, for the choice of a backend


@dataclass(frozen=True, slots=True)
class FileReport:
    """`errors`: the first MAX_ERRORS of `errors_total`; `total`: lines that are not blank. Shards count only if there
    are no errors. `images`: how many its lines show, which are `image_tokens` of the estimate; `images_line`: the first
    of these lines. `gpu_sees`: the GPU's model can be shown all of them, which are `gpu_image_tokens` there."""

    errors: list[ErrorEntry]
    errors_total: int
    total: int
    shards: list[Shard]
    prompt_tokens_estimate: int
    completion_tokens_limit: int
    gpu_only: GpuOnly | None = None
    images_line: int | None = None
    images: int = 0
    image_tokens: int = 0
    gpu_sees: bool = False
    gpu_image_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Allowed:
    """What lines are held against beside their form. `context_tokens` None: not known here."""

    backends: frozenset[BackendName] = frozenset({BackendName.GPU, BackendName.BEDROCK})
    context_tokens: int | None = None
    images: ImageRules = ANY_IMAGES


def validate(raw_lines: Iterable[RawLine], endpoint: str, model_id: str, allowed: Allowed = Allowed()) -> FileReport:
    """Looks at every line, or at the first MAX_LINES."""
    reading = _Reading(endpoint, model_id, allowed)
    for raw in raw_lines:
        if raw.number > MAX_LINE_NUMBER:
            message = f"A file has at most {MAX_LINE_NUMBER:,} lines, blank ones among them: leave those out."
            reading.note([ErrorEntry("too_many_lines", message, line=raw.number)])
            break
        if raw.data == b"":
            continue
        if reading.lines == MAX_LINES:
            message = f"A batch has at most {MAX_LINES:,} lines: split the file."
            reading.note([ErrorEntry("too_many_lines", message, line=raw.number)])
            break
        reading.lines += 1
        reading.read(raw)
    if not reading.lines and not reading.errors:
        reading.note([ErrorEntry("empty_file", "The file has no lines: write one JSON object a line.")])
    return reading.report()


@dataclass(slots=True)
class _OpenShard:
    """A shard that still takes lines."""

    number: int
    first_line: int
    start: int
    end: int = 0
    lines: int = 0
    prompt_tokens_estimate: int = 0
    completion_tokens_limit: int = 0
    prompt_tokens_most: int = 0
    seen_prompt_tokens_estimate: int = 0
    seen_completion_tokens_limit: int = 0
    gpu_image_tokens: int = 0

    def closed(self) -> Shard:
        return Shard(
            self.number,
            self.first_line,
            self.lines,
            self.start,
            self.end,
            prompt_tokens_estimate=self.prompt_tokens_estimate,
            completion_tokens_limit=self.completion_tokens_limit,
            prompt_tokens_most=0 if self.prompt_tokens_most == self.end - self.start else self.prompt_tokens_most,
            seen_prompt_tokens_estimate=self.seen_prompt_tokens_estimate,
            seen_completion_tokens_limit=self.seen_completion_tokens_limit,
            gpu_image_tokens=self.gpu_image_tokens,
        )


@dataclass
class _Reading:
    """What is known after some lines."""

    endpoint: str
    model_id: str
    allowed: Allowed
    lines: int = 0
    errors: list[ErrorEntry] = field(default_factory=list)
    errors_total: int = 0
    shards: list[_OpenShard] = field(default_factory=list)
    first_line_of: dict[bytes, int] = field(default_factory=dict)  # digest of a custom_id → its line
    has_our_model: bool = False
    gpu_only: GpuOnly | None = None
    images_line: int | None = None
    unseen_line: int | None = None  # the first whose images the GPU cannot be shown
    images: int = 0
    image_tokens: int = 0

    def read(self, raw: RawLine) -> None:
        body, found = check_line(raw.data, self.endpoint, 1 if len(self.errors) == MAX_ERRORS else MAX_ERRORS_A_LINE)
        errors = [ErrorEntry(one.code, one.message, one.param, raw.number) for one in found]
        prompt = None
        if body is not None and not errors:
            try:
                prompt = self.allowed.images.shown(prompt_of(self.endpoint, body["body"]), body["body"])
                errors += self._what_is_asked(raw.number, prompt)
            except InvalidRequest as err:
                errors.append(ErrorEntry(err.reason or "invalid_field", err.message, err.param, raw.number))
        if body is not None:
            errors += self._beside_the_others(raw.number, body)
        self.note(errors)
        if prompt is not None and not self.errors:
            self._add_to_shards(raw, prompt)

    def note(self, errors: list[ErrorEntry]) -> None:
        self.errors += errors[: MAX_ERRORS - len(self.errors)]
        self.errors_total += len(errors)

    def _what_is_asked(self, number: int, prompt: Prompt) -> Iterator[ErrorEntry]:
        """What nobody could answer, and what nobody could who is allowed to."""
        where = "body.messages" if prompt.text is None else "body.prompt"
        texts = texts_of(prompt)
        said = [one.content for one in prompt.messages] if prompt.text is None else texts
        if all(map(is_blank, said)) and not prompt.images:
            yield ErrorEntry("invalid_field", f"There is no text in {where}: write what is asked.", where, number)
        context = self.allowed.context_tokens
        if context and (least := cannot_fit(texts, context)):
            message = (
                f"The prompt has at least {least:,} tokens; the model's context holds {context:,}, prompt and answer "
                "together: shorten it."
            )
            yield ErrorEntry("context_length_exceeded", message, where, number)
        yield from _schema_errors(number, prompt)
        were_both = self.gpu_only and self.unseen_line
        if prompt.images:
            self.images_line = self.images_line or number
            if BackendName.GPU not in self.allowed.images.who(prompt, self.allowed.backends, context):
                self.unseen_line = self.unseen_line or number
        if lacks := cannot(BackendName.BEDROCK, prompt):
            param = f"body.{lacks.param}"
            if BackendName.GPU not in self.allowed.backends:
                message = f"{lacks.message} This batch allows Bedrock alone (metadata.backend)."
                yield ErrorEntry(lacks.code, message, param, number)
            self.gpu_only = self.gpu_only or GpuOnly(param, number)
        if self.gpu_only and self.unseen_line and not were_both:
            same = self.gpu_only.line == self.unseen_line
            fix = "Leave one of the two out of it" if same else "One batch has one backend: split the file"
            message = (
                f"{self.gpu_only.param} of line {self.gpu_only.line} needs the GPU, and the images of line "
                f"{self.unseen_line} need Bedrock. {fix}."
            )
            yield ErrorEntry("unsupported_parameter", message, self.gpu_only.param, number)

    def _beside_the_others(self, number: int, line: dict[str, Any]) -> Iterator[ErrorEntry]:
        """What is wrong with it only in this file, or in this deployment."""
        custom_id = line.get("custom_id")
        if isinstance(custom_id, str):
            digest = hashlib.blake2b(custom_id.encode(), digest_size=16).digest()
            first = self.first_line_of.setdefault(digest, number)
            if first != number:
                message = f"The custom_id {_short(custom_id)} stands in line {first} already: give each line its own."
                yield ErrorEntry("duplicate_custom_id", message, "custom_id", number)
        body = line.get("body")
        model = body.get("model") if isinstance(body, dict) else None
        if model == self.model_id:
            self.has_our_model = True
        elif isinstance(model, str):
            message = f"The model {_short(model)} is not here: this deployment serves '{self.model_id}'."
            if self.has_our_model:
                message = f"The model is {_short(model)}, earlier lines say '{self.model_id}': a batch has one model."
            yield ErrorEntry(
                "mismatched_model" if self.has_our_model else "unknown_model", message, "body.model", number
            )

    def _add_to_shards(self, raw: RawLine, prompt: Prompt) -> None:
        last = self.shards[-1] if self.shards else None
        if last is None or last.lines == SHARD_LINES or raw.end - last.start > SHARD_BYTES:
            last = _OpenShard(len(self.shards), raw.number, raw.start, raw.start)
            self.shards.append(last)
        limit = prompt.max_tokens or ASSUMED_ANSWER_TOKENS
        limit = min(limit, self.allowed.context_tokens or limit)
        rules, images = self.allowed.images, prompt.images
        expected, most = rules.tokens(prompt) if images else (0, 0)
        estimate = estimate_prompt(prompt) + expected
        last.prompt_tokens_most += raw.end - last.end + most - sum(map(_spelled, images))
        last.lines += 1
        last.end = raw.end
        last.prompt_tokens_estimate += estimate
        last.completion_tokens_limit += limit
        if images and rules.seen_on_bedrock:
            last.seen_prompt_tokens_estimate += estimate
            last.seen_completion_tokens_limit += limit
        if images and rules.gpu:
            last.gpu_image_tokens += rules.gpu.all_tokens(images)
        self.images += len(images)
        self.image_tokens += expected

    def report(self) -> FileReport:
        return FileReport(
            self.errors,
            self.errors_total,
            self.lines,
            [] if self.errors else [one.closed() for one in self.shards],
            sum(one.prompt_tokens_estimate for one in self.shards),
            sum(one.completion_tokens_limit for one in self.shards),
            self.gpu_only,
            self.images_line,
            self.images,
            self.image_tokens,
            bool(self.images) and not self.unseen_line,
            sum(one.gpu_image_tokens for one in self.shards),
        )


def _schema_errors(number: int, prompt: Prompt) -> Iterator[ErrorEntry]:
    asked = prompt.options.get("response_format") or {}
    if asked.get("type") == "json_schema" and (flaw := flaw_of(asked["json_schema"]["schema"])):
        where = shortened(
            path_of(("body", "response_format", "json_schema", "schema", *flaw.path)), MOST_PARAM_CHARACTERS
        )
        yield ErrorEntry("invalid_field", f"The field {quoted(where)} {flaw.says}", where, number)


def _spelled(image: PromptImage) -> int:
    """Bytes of a line that spell the image in base64, at least."""
    return len(image.data) // 3 * 4


def _short(text: str) -> str:
    return f"'{text}'" if len(text) <= 60 else f"'{text[:57]}…'"
