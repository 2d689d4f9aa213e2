"""Images with a question: looked at before anything is sent, without what a camera adds, and shown once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from foreverus.cli.failures import USAGE
from tests.unit.abilities.images import PLACE, gif, jpeg, png
from tests.unit.cli.chat.test_talk import talk
from tests.unit.cli.chat_server import ChatServer
from tests.unit.cli.conftest import Shell
from tests.unit.cli.server import Server

Kept = Callable[[str, bytes], str]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    def write(name: str, data: bytes) -> str:
        (tmp_path / name).write_bytes(data)
        return str(tmp_path / name)

    return write


def test_images_are_uploaded_and_shown_with_the_question(
    chats: ChatServer, shell: Shell, server: Server, kept: Kept
) -> None:
    chats.lines = [[("final", "A cat.", {})]]
    words = ("--image", kept("a.jpg", jpeg()), "--image", kept("b.png", png()), "What is it?")
    assert shell.run(*words, group="chat") == 0
    assert chats.sent("POST") == [{"content": "What is it?", "images": ["file-1", "file-2"]}]
    assert [(one["filename"], one["purpose"]) for one in server.files.values()] == [
        ("a.jpg", "vision"),
        ("b.png", "vision"),
    ]
    assert not any(PLACE in data for data in server.contents.values()), "where it was taken stays here"


def test_image_may_stand_without_words(chats: ChatServer, shell: Shell, kept: Kept) -> None:
    chats.lines = [[("final", "A cat.", {})]]
    assert shell.run("--image", kept("a.png", png()), group="chat") == 0
    assert chats.sent("POST") == [{"content": "", "images": ["file-1"]}]


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"%PDF-1.7", "is no image"), (gif(pictures=2), "moves"), (b"", "is empty"), (None, "There is no file")],
)
def test_what_would_be_refused_is_not_sent(
    chats: ChatServer, shell: Shell, server: Server, kept: Kept, data: bytes | None, said: str
) -> None:
    path = kept("bad.png", data) if data is not None else "nowhere.png"
    assert shell.run("--image", kept("a.png", png()), "--image", path, "What is it?", group="chat") == USAGE
    assert said in shell.err and Path(path).name in shell.err and server.requests == []


def test_fifth_is_one_too_many(chats: ChatServer, shell: Shell, server: Server, kept: Kept) -> None:
    five = [word for number in range(5) for word in ("--image", kept(f"{number}.png", png()))]
    assert shell.run(*five, "What is it?", group="chat") == USAGE
    assert "4 images at most" in shell.err and server.requests == []


def test_in_a_talk_an_image_goes_with_the_next_question(chats: ChatServer, shell: Shell, kept: Kept) -> None:
    chats.lines = [[("final", "A cat.", {})]]
    assert talk(shell, f"/image {kept('a.png', png())}\n/image nowhere.png\nWhat is it?\n/image\n") == 0
    assert chats.sent("POST") == [{"content": "What is it?", "images": ["file-1"]}]
    assert "With your next question: a.png." in shell.err and "There is no file nowhere.png." in shell.err
    assert "> No image is to be shown.\n" in shell.err, "it went with that one alone"
