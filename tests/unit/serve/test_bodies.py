"""Bodies within bounds of size, time and memory."""

import asyncio
from collections.abc import Sequence

import pytest

from foreverus.serve import bodies as module
from foreverus.serve.bodies import Bodies, BodiesFull, BodyTooLarge, BodyTooSlow, ClientLeft, Incoming, Message

LEFT: Message = {"type": "http.disconnect"}


def incoming(*parts: bytes, then: Message = LEFT) -> Incoming:
    """A body in these parts."""
    said: list[Message] = [
        {"type": "http.request", "body": part, "more_body": at < len(parts)} for at, part in enumerate(parts, 1)
    ]

    async def receive() -> Message:
        return said.pop(0) if said else then

    return Incoming(receive)


def broken(*parts: bytes) -> Incoming:
    """Its client leaves in the middle."""
    said: list[Message] = [{"type": "http.request", "body": part, "more_body": True} for part in parts] + [LEFT]

    async def receive() -> Message:
        return said.pop(0)

    return Incoming(receive)


def silent() -> Incoming:
    async def receive() -> Message:
        await asyncio.Event().wait()
        return LEFT

    return Incoming(receive)


@pytest.mark.parametrize("parts", [(b"",), (b"abc",), (b"a", b"", b"bc"), (b"a", b"b", b"")])
def test_a_body_is_whole_and_counted_until_it_is_done(parts: Sequence[bytes]) -> None:
    bodies = Bodies(1000, 5)
    body = asyncio.run(bodies.read(incoming(*parts)))
    assert (body, bodies.held) == (b"".join(parts), len(body))
    bodies.done(body)
    assert bodies.held == 0


def test_one_that_is_too_large_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BODY_BYTES", 4)
    bodies = Bodies(1000, 5)
    assert asyncio.run(bodies.read(incoming(b"ab", b"cd"))) == b"abcd"
    bodies.done(b"abcd")
    with pytest.raises(BodyTooLarge):
        asyncio.run(bodies.read(incoming(b"ab", b"cde")))
    assert bodies.held == 0


def test_all_together_have_a_bound() -> None:
    bodies = Bodies(5, 5)
    first = asyncio.run(bodies.read(incoming(b"abc")))
    with pytest.raises(BodiesFull):
        asyncio.run(bodies.read(incoming(b"abc")))
    assert bodies.held == 3
    bodies.done(first)
    assert asyncio.run(bodies.read(incoming(b"abc"))) == b"abc"


def test_one_that_does_not_come_is_not_waited_for() -> None:
    bodies, slow = Bodies(1000, 0.01), silent()
    with pytest.raises(BodyTooSlow):
        asyncio.run(bodies.read(slow))
    assert slow.is_read and asyncio.run(bodies.read(slow, keep=False)) == b"", "the rest of it neither"


def test_who_leaves_in_the_middle_sends_no_body() -> None:
    bodies = Bodies(1000, 5)
    with pytest.raises(ClientLeft):
        asyncio.run(bodies.read(broken(b"abc")))
    assert bodies.held == 0


def test_what_nobody_wants_is_not_kept() -> None:
    bodies, one = Bodies(2, 5), incoming(b"abc", b"def")
    assert asyncio.run(bodies.read(one, keep=False)) == b"" and one.is_read and bodies.held == 0


def test_the_next_application_reads_the_body_and_hears_that_the_client_leaves() -> None:
    async def both() -> list[Message]:
        one = incoming(b"ab", b"c")
        receive = one.again(await Bodies(1000, 5).read(one))
        return [await receive(), await receive()]

    assert asyncio.run(both()) == [{"type": "http.request", "body": b"abc", "more_body": False}, LEFT]
