"""The trace header of messages that are sent several at once.

AWS: each entry of SendMessageBatch may have MessageSystemAttributes, as a message that is sent alone: AWSTraceHeader.
Emulator: takes it from SendMessage, and drops it from the entries of SendMessageBatch.
"""

from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from local.patches import Options

_attributes: ContextVar[Iterator[Any] | None] = ContextVar("foreverus_batch_attributes", default=None)


def apply(options: Options) -> None:
    from ministack.services import sqs

    original_batch, original_one = sqs._act_send_message_batch, sqs._act_send_message

    def send_batch(data: dict[str, Any], url: str) -> Any:
        mark = _attributes.set(iter([one.get("MessageSystemAttributes") for one in data.get("Entries", [])]))
        try:
            return original_batch(data, url)
        finally:
            _attributes.reset(mark)

    def send(data: dict[str, Any], url: str) -> Any:
        waiting = _attributes.get()
        if waiting is not None and "MessageSystemAttributes" not in data:
            data = {**data, "MessageSystemAttributes": next(waiting, None)}
        return original_one(data, url)

    sqs._act_send_message_batch, sqs._act_send_message = send_batch, send
    sqs._HANDLERS["SendMessageBatch"], sqs._HANDLERS["SendMessage"] = send_batch, send
