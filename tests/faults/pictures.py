"""Plays one case of a batch on Bedrock whose lines show images: a third shows none, a third spells one, a third names
an uploaded one. A model that sees answers them.
"""

import base64
from typing import Any, ClassVar

from tests.faults.batch import BatchPlay
from tests.faults.checks import Verdict
from tests.faults.client import Client
from tests.faults.container import NOTE
from tests.faults.sandbox import Sandbox
from tests.faults.table import Case

SEES = "amazon.nova-lite-v1:0"
PLAIN, SPELLED, NAMED = 0, 1, 2  # by the line's number

Item = dict[str, Any]


def upload(client: Client) -> str:
    form = {"files": {"file": ("note.png", NOTE)}, "data": {"purpose": "vision"}}
    return str(client.call("POST", "/files", form=form)["id"])


class PicturesPlay(BatchPlay):
    image_asker = "AnswerBatchFunction"
    seen: ClassVar[Item] = {}  # what an answer's body says of its line's images

    def __init__(self, sandbox: Sandbox, case: Case) -> None:
        super().__init__(sandbox, case)
        self.uploaded = upload(self.client)

    def words(self, line: int) -> Any:
        if line % 3 == PLAIN:
            return self.order(line)
        url = f"data:image/png;base64,{base64.b64encode(NOTE).decode()}"
        spelled = {"type": "image_url", "image_url": {"url": url}}
        named = {"type": "file", "file": {"file_id": self.uploaded}}
        return [{"type": "text", "text": self.order(line)}, spelled if line % 3 == SPELLED else named]

    def may_fail(self, line: int) -> tuple[str, ...]:
        if line % 3 == NAMED and self.case.strike == "image_deleted":
            return ("image_not_found",)
        if line % 3 != PLAIN and self.case.strike == "images_switched_off":
            return ("images_off", "images_not_fetched")  # rights go before settings
        if line % 3 == NAMED and self.case.what.startswith("image:"):
            return ("images_not_fetched",)
        return ()

    def check_answer(self, line: int, body: Item, verdict: Verdict) -> None:
        said = body.get("foreverus", {})
        if said != ({} if line % 3 == PLAIN else self.seen):
            verdict.wrong.append(f"line-{line} says {said} of its images")
        if (body["usage"]["prompt_tokens"] > 8) != (line % 3 != PLAIN):
            verdict.wrong.append(f"line-{line} was asked with {body['usage']['prompt_tokens']} tokens")


class SeenPlay(PicturesPlay):
    seen: ClassVar[Item] = {"images_seen_by": SEES}
