"""`POST /v1/quotes`: what something would cost and how long it would take. It spends nothing and starts nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from foreverus.api.responses import Body
from foreverus.backends.sights import SeeingModel
from foreverus.batches.input.lines import CHAT
from foreverus.batches.model import window_of
from foreverus.choice.request import images_off
from foreverus.choice.request_records import GpuStatus
from foreverus.costs.prices import TokenPrice
from foreverus.costs.quote import Quote, QuoteKind
from foreverus.sessions.backends_now import BackendsNow
from foreverus.spending.batch_input import InputWork
from foreverus.spending.batch_quote import BatchWork, batch_quote
from foreverus.spending.chat_quote import chat_quote
from foreverus.spending.figures import CostFigures
from foreverus.spending.image_quote import QuotedImages
from foreverus.spending.session_quote import SessionPlan, session_quote
from foreverus.spending.views import public_quote
from foreverus.spending.work import answer_tokens, question_tokens, tokens_of_chat, tokens_of_lines


class Files(Protocol):
    def work(self, user_id: str, file_id: str, endpoint: str, answer_tokens: int | None) -> InputWork: ...


@dataclass(frozen=True, kw_only=True)
class QuoteService:
    """`look`: how both backends are just now. `session_cap_usd`, `max_gpus`, `context_tokens`: of this deployment.
    `sees`: what the model on Bedrock takes that sees images, where one does; `reads`: our own container reads them;
    `gpu_sees`: the GPU's model, where that sees them."""

    figures: Callable[[], CostFigures]
    look: Callable[[], BackendsNow]
    files: Files
    session_cap_usd: float
    max_gpus: int
    context_tokens: int
    clock: Callable[[], datetime]
    sees: TokenPrice | None = None
    reads: bool = False
    gpu_sees: SeeingModel | None = None

    def quote(self, user_id: str, request: Mapping[str, Any]) -> Body:
        """`request`: as `quote_create.json` has it. Raises InvalidRequest and NotFound that name the field."""
        work = self._batch_work(user_id, request) if request["kind"] == QuoteKind.BATCH else None
        now = self.look()
        return public_quote(self._quote(request, work, now), now.month, self.clock())

    def _quote(self, request: Mapping[str, Any], work: BatchWork | None, now: BackendsNow) -> Quote:
        figures, month = self.figures(), now.month
        if work:
            return batch_quote(figures, work, now.gpu.gpu.live, self.max_gpus, month, self.sees)
        if request["kind"] == QuoteKind.SESSION:
            given = {name: value for name, value in request.items() if name != "kind"}
            is_live = now.gpu.status is not GpuStatus.NONE
            return session_quote(figures, SessionPlan(**given), self.session_cap_usd, is_live, month)
        messages = request.get("messages", 1)
        question = question_tokens(request.get("prompt"), request.get("prompt_tokens"))
        answer = answer_tokens(request.get("answer_tokens"))
        images = self._images(request.get("images", 0))
        shown = images.tokens if images else None
        tokens = tokens_of_chat(question, answer, messages, self.context_tokens, shown)
        return chat_quote(figures, tokens, messages, now, images)

    def _images(self, count: int) -> QuotedImages | None:
        if count and not (self.sees or self.reads or self.gpu_sees):
            raise images_off("images")
        gpu = self.gpu_sees.sight if self.gpu_sees else None
        return QuotedImages(count, self.sees, self.reads, gpu) if count else None

    def _batch_work(self, user_id: str, request: Mapping[str, Any]) -> BatchWork:
        given = request.get("answer_tokens")
        if "lines" in request:
            lines = request["lines"]
            found = InputWork(lines, tokens_of_lines(lines, request["prompt_tokens"], given), None)
        else:
            found = self.files.work(user_id, request["file_id"], request.get("endpoint", CHAT), given)
        return BatchWork(
            lines=found.lines,
            tokens=found.tokens,
            seconds_left=window_of(request.get("completion_window", "24h")).total_seconds(),
            allow_on_demand=request.get("allow_on_demand", False),
            gpu_only=found.gpu_only,
            images=found.images,
        )
