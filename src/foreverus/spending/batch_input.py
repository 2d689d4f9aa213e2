"""How much a batch's file holds, from its beginning where it is long: nobody waits a minute for a quote."""

from collections.abc import Callable
from dataclasses import dataclass

from foreverus.abilities.read_image.port import Sight
from foreverus.aws.s3 import ObjectNotThere
from foreverus.batches.input.file_check import Allowed, FileReport, validate
from foreverus.batches.input.images import ANY_IMAGES, ImageRules
from foreverus.batches.input.lines import RawLine, split
from foreverus.batches.input.source import BatchInputs
from foreverus.batches.records import ErrorEntry, GpuOnly
from foreverus.errors import InvalidRequest, NotFound
from foreverus.files.records import MAX_FILE_BYTES
from foreverus.spending.image_quote import SET_ASIDE, LineImages
from foreverus.spending.work import Tokens, tokens_of_file
from foreverus.text import quoted

MOST_BYTES = 4 << 20  # some two seconds of the API's processor; lines have one MiB at most


@dataclass(frozen=True, slots=True)
class InputWork:
    """`lines`: reckoned from those that were read, where not all were."""

    lines: int
    tokens: Tokens
    gpu_only: GpuOnly | None
    images: LineImages | None = None


@dataclass(frozen=True)
class BatchFiles:
    """`context_tokens`: of the served model. `images`: what becomes of those that somebody's lines show."""

    inputs: BatchInputs
    model_id: str
    context_tokens: int
    images: Callable[[str], ImageRules] = lambda user_id: ANY_IMAGES

    def work(self, user_id: str, file_id: str, endpoint: str, answer_tokens: int | None) -> InputWork:
        """Raises NotFound, and InvalidRequest that names the line."""
        key = self.inputs.source_of(user_id, file_id, "file_id")
        found = self.inputs.objects.head(key)
        if found is None:
            raise _not_there(file_id)
        if found.size > MAX_FILE_BYTES:
            message = f"The file has {found.size:,} bytes, the most is {MAX_FILE_BYTES:,}: split it."
            raise InvalidRequest(message, param="file_id", code="file_too_large")
        try:
            data = self.inputs.objects.read(key, 0, min(found.size, MOST_BYTES))
        except ObjectNotThere as err:
            raise _not_there(file_id) from err
        lines = _whole_lines(data, is_all=found.size <= MOST_BYTES)
        rules = self.images(user_id)
        allowed = Allowed(context_tokens=self.context_tokens, images=rules)
        report = validate(lines, endpoint, self.model_id, allowed)
        if report.errors:
            raise _invalid(report.errors[0], report.errors_total)
        by = rules.sight if rules.bedrock else None
        return _scaled(report, lines[-1].end, found.size, answer_tokens, by)


def _whole_lines(data: bytes, *, is_all: bool) -> list[RawLine]:
    """Pure. Of a part of a file the last line may be cut."""
    lines = list(split([data]))
    return lines if is_all or len(lines) < 2 else lines[:-1]


def _scaled(report: FileReport, read: int, size: int, answer_tokens: int | None, by: Sight | None) -> InputWork:
    """Pure. `by`: how images are taken in on Bedrock."""
    factor = max(1.0, size / read)
    where = "read from the whole file"
    if factor > 1:
        where = f"reckoned from its first {read:,} of {size:,} bytes"
    lines = round(report.total * factor)
    words = report.prompt_tokens_estimate - report.image_tokens
    tokens = tokens_of_file(lines, words * factor, report.completion_tokens_limit * factor, answer_tokens, where)
    if report.images_line is None:
        return InputWork(lines, tokens, report.gpu_only)
    images = _images(report, report.images_line, factor, by)
    prompt = tokens.prompt + images.added.value
    named = (*tokens.assumptions, images.added)
    return InputWork(lines, Tokens(prompt, tokens.completion, named), report.gpu_only, images)


def _images(report: FileReport, line: int, factor: float, by: Sight | None) -> LineImages:
    """Pure. `line`: the first one that shows some."""
    seen = sum(one.seen_prompt_tokens_estimate for one in report.shards)
    less = report.image_tokens * (1 - SET_ASIDE.expected) if seen else 0.0  # than what is set aside is expected
    written = sum(one.seen_completion_tokens_limit for one in report.shards)
    return LineImages(
        line=line,
        count=round(report.images * factor),
        tokens=report.image_tokens * factor,
        of_prompt=max(0.0, seen - less) / max(report.prompt_tokens_estimate - less, 1),
        of_completion=written / max(report.completion_tokens_limit, 1),
        by=by,
        gpu_tokens=report.gpu_image_tokens * factor if report.gpu_sees else None,
    )


def _invalid(error: ErrorEntry, total: int) -> InvalidRequest:
    where = f"Line {error.line} of the file: " if error.line else ""
    more = f" {total - 1:,} more errors are in what was read." if total > 1 else ""
    return InvalidRequest(f"{where}{error.message}{more}", param="file_id", code=error.code)


def _not_there(file_id: str) -> NotFound:
    return NotFound(f"There is no file {quoted(file_id)}.", param="file_id", code="file_not_found")
