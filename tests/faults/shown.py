"""Plays one case of a conversation whose first question shows an image, which a model on Bedrock sees; the second
one is shown it again. An image that is gone, or that nobody may see any more, is said in its place: who does not see
answers.
"""

from typing import Any

from tests.faults.checks import BEDROCK_MODEL, Verdict
from tests.faults.pictures import SEES, upload
from tests.faults.play import Play
from tests.faults.sandbox import Sandbox
from tests.faults.table import Case

PLAIN_TOKENS = 8  # the first question and its system message have fewer, without the image and without a word of it


class ShownPlay(Play):
    image_asker = "AnswerConversationFunction"
    bedrock_models = (BEDROCK_MODEL, SEES)

    def __init__(self, sandbox: Sandbox, case: Case) -> None:
        super().__init__(sandbox, case)
        self.uploaded = upload(self.client)

    def _ask(self, content: str, *images: str) -> None:
        super()._ask(content, *([] if self.accepted else [self.uploaded]))

    def _await_answer(self) -> None:
        super()._await_answer()
        self._meet_once("answered")

    def _happened(self, moment: str) -> bool:
        return moment == "answered" or super()._happened(moment)

    def may_fail(self) -> tuple[str, ...]:
        """The errors that a message may end in."""
        what = self.case.what
        if what.startswith("image:") or "s3:GetObject" in what:
            return ("images_not_fetched",)
        if self.case.strike == "images_switched_off":
            return ("images_not_fetched", "bedrock_unavailable")  # rights go before settings
        if what.startswith("sight:") or "InvokeModel" in what:
            return ("bedrock_unavailable", "bedrock_throttled", "bedrock_failed")
        return ("bedrock_not_called", "bedrock_failed") if "call:invocation" in what else ()

    def _check(self) -> Verdict:
        verdict, items = super()._check(), self.sandbox.items()
        made = (one for one in items if one["sk"]["S"].endswith("#1") and "message_id" in one)
        answers = {one["message_id"]["S"]: one for one in made}
        for number, message in enumerate(self.accepted):
            answer = answers.get(message, {})
            code = error_of(answer)
            if code and code not in self.may_fail():
                verdict.lost.append(f"{message} failed with {code}")
            tokens = int(answer.get("usage", {"M": {"prompt_tokens": {"N": "0"}}})["M"]["prompt_tokens"]["N"])
            if number == 0 and not code and tokens <= PLAIN_TOKENS:
                verdict.wrong.append(f"{message} was answered as if nothing had been shown: {tokens} tokens")
        return verdict


def error_of(answer: dict[str, Any]) -> str:
    return str(answer["error"]["M"]["code"]["S"]) if answer.get("error", {}).get("M") else ""
