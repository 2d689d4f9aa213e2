"""The answering function dies at a moment of the test's choice, with all that it had in mind."""

from typing import Any

import pytest

from tests.unit.conversations.bedrock.scene import Scene


class Killed(BaseException):
    """The function is gone, with all that it had in mind."""


WRITES = ("transact_write_items", "update_item", "put_item", "delete_item")


class Killer:
    """The function dies before its nth write to the table, or after it was done."""

    def __init__(self, client: Any, nth: int = 1_000, after: bool = False) -> None:
        self.client, self.left, self.after, self.struck = client, nth, after, False
        self.originals = {name: getattr(client, name) for name in WRITES}
        for name in WRITES:
            setattr(client, name, self.wrapped(self.originals[name]))

    def wrapped(self, original: Any) -> Any:
        def call(**request: Any) -> Any:
            if self.struck:
                raise Killed
            self.left -= 1
            if self.left >= 0:
                return original(**request)
            self.struck = True
            if self.after:
                original(**request)
            raise Killed

        return call

    def strike(self, *_: Any, **__: Any) -> Any:
        """Now."""
        self.struck = True
        raise Killed

    def restore(self) -> None:
        for name, original in self.originals.items():
            setattr(self.client, name, original)


async def killed_in(scene: Scene, conversation: str, owner: Any, name: str) -> bool:
    """One call that dies when `name` of `owner` is called. Whether it did."""
    killer = Killer(scene.aws.items.client)
    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(owner, name, killer.strike)
        return await _run(scene, conversation, killer)


async def killed_by(scene: Scene, conversation: str, content: str) -> bool:
    """One call that dies when Bedrock is asked that. Whether it did."""
    killer = Killer(scene.aws.items.client)
    scene.backend.answering = lambda prompt: killer.strike() if prompt.messages[-1].content == content else None
    try:
        return await _run(scene, conversation, killer)
    finally:
        scene.backend.answering = lambda prompt: None


async def killed_at(scene: Scene, conversation: str, nth: int, after: bool) -> bool:
    """Whether the function died."""
    return await _run(scene, conversation, Killer(scene.aws.items.client, nth, after))


async def _run(scene: Scene, conversation: str, killer: Killer) -> bool:
    try:
        await scene.run(conversation)
    except Killed:
        pass
    finally:
        killer.restore()
    return killer.struck
