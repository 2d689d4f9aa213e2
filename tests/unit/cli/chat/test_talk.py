"""A talk at the terminal: commands, several lines, an answer that was still being written."""

import pytest

from tests.unit.cli.chat_server import CONVERSATION, ChatServer, answer, final
from tests.unit.cli.conftest import Shell
from tests.unit.cli.server import Server, error


def talk(shell: Shell, typed: str, *words: str) -> int:
    shell.input = typed.encode()
    return shell.run(*words, group="chat", talk=True)


def answers(chats: ChatServer, *texts: str) -> None:
    chats.lines = [[("delta", 0, text[:2]), ("final", text, {})] for text in texts]


def test_questions_are_answered_in_one_conversation(chats: ChatServer, shell: Shell) -> None:
    chats.lines = [[("delta", 0, "Hel"), ("final", "Hello.", {})]]
    assert talk(shell, "Hi\n") == 0
    assert shell.out == "Hello.\n"
    assert len(chats.conversations) == 1 and chats.sent("POST") == [{"content": "Hi"}]


def test_an_empty_talk_leaves_nothing(chats: ChatServer, shell: Shell, server: Server) -> None:
    assert talk(shell, "\n  \n/quit\nnot read\n") == 0
    assert server.requests == []


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("one \\\ntwo\n", "one \ntwo"),
        ('"""one\n\n  two\n"""\n', "one\n\n  two"),
        ('"""\n/quit\n"""\n', "/quit"),
        ("//etc/hosts?\n", "/etc/hosts?"),
        ("é 😀\r\n", "é 😀"),
    ],
)
def test_several_lines_and_slashes(chats: ChatServer, shell: Shell, typed: str, sent: str) -> None:
    chats.lines = [[("final", "Ok", {})]]
    assert talk(shell, typed) == 0
    assert chats.sent("POST") == [{"content": sent}]


def test_a_terminal_that_sends_no_utf_8_is_told(chats: ChatServer, shell: Shell, server: Server) -> None:
    shell.input = "caf\u00e9\n".encode("latin1")
    assert shell.run(group="chat", talk=True) == 0
    assert "LC_ALL" in shell.err and server.requests == []


def test_backend_is_for_what_comes(chats: ChatServer, shell: Shell) -> None:
    chats.lines = [[("final", "Ok", {})]]
    assert talk(shell, "/backend\n/backend cray\n/backend gpu\nHi\n") == 0
    assert chats.sent("POST") == [{"content": "Hi", "backend": "gpu"}]
    assert "cray is no backend" in shell.err and "From now on: gpu." in shell.err


def test_why_shows_the_sentence_and_the_sums(chats: ChatServer, shell: Shell) -> None:
    chats.lines = [[("final", "Ok", {})]]
    assert talk(shell, "/why\nHi\n/why\n") == 0
    assert "no answer yet" in shell.err
    assert "No GPU is on, and Bedrock\ufffd[2J answers now." in shell.err
    assert "bedrock usd per million prompt tokens: 0.15" in shell.err


def test_title_is_shown_and_changed(chats: ChatServer, shell: Shell) -> None:
    chats.conversations[CONVERSATION] = {"id": CONVERSATION, "title": "Old\x1b[2J", "updated_at": "2026"}
    chats.gets = [final("Ok")]
    assert talk(shell, "/title\n/title New one\n", "--resume") == 0
    assert chats.sent("PATCH") == [{"title": "New one"}]
    assert "Old\ufffd[2J" in shell.err and "New one" in shell.err


def test_help_names_every_command(chats: ChatServer, shell: Shell) -> None:
    assert talk(shell, "/help\n/stop\n/nothing\n") == 0
    for name in ("/stop", "/backend", "/why", "/title", "/help", "/quit"):
        assert name in shell.err
    assert "There is no /nothing" in shell.err and "No answer is being written" in shell.err


def test_what_is_refused_ends_no_talk(chats: ChatServer, shell: Shell, server: Server) -> None:
    server.fail_next(f"POST /conversations/{CONVERSATION}/messages", error(402, "The cap.", code="spend_cap_reached"))
    chats.lines = [[("final", "Ok", {})]]
    assert talk(shell, "one\ntwo\n") == 0
    assert "The cap." in shell.err and "MonthlyCapUsd" in shell.err
    assert shell.out == "Ok\n"


def test_resumed_talk_shows_where_it_was(chats: ChatServer, shell: Shell) -> None:
    chats.conversations["conv_1"] = {"id": "conv_1", "updated_at": "2026-01-02"}
    chats.conversations["conv_2"] = {"id": "conv_2", "updated_at": "2026-01-01"}
    chats.gets = [final("Light\x1b[2J.")]
    assert talk(shell, "", "--resume") == 0
    assert "conv_1" in shell.err and "> Why?" in shell.err and "Light\ufffd[2J." in shell.err
    assert talk(shell, "", "--resume", "conv_2") == 0
    assert "conv_2" in shell.err


def test_an_answer_that_is_still_written_is_followed(chats: ChatServer, shell: Shell) -> None:
    chats.conversations[CONVERSATION] = {"id": CONVERSATION, "updated_at": "2026"}
    chats.gets = [answer("Li", status="answering")]
    chats.lines = [[("delta", 2, "ght"), ("final", "Light.", {})]]
    assert talk(shell, "", "--resume") == 0
    assert shell.out == "Light.\n"


def test_nothing_to_resume(chats: ChatServer, shell: Shell) -> None:
    assert talk(shell, "", "--resume") == 1
    assert "`foreverus chat` begins one" in shell.err


def test_list_is_newest_first_and_shows_no_escapes(chats: ChatServer, shell: Shell) -> None:
    for number in (1, 3, 2):
        made = {"id": f"conv_{number}", "updated_at": f"2026-01-0{number}T10:00:00Z", "title": "T\x1b"}
        chats.conversations[made["id"]] = made
    assert shell.run("--list", group="chat") == 0
    _, *rows = shell.out.splitlines()
    assert [row.split()[0] for row in rows] == ["conv_3", "conv_2", "conv_1"] and "\x1b" not in shell.out


def test_a_model_s_escape_sequences_do_not_reach_a_terminal(chats: ChatServer, shell: Shell) -> None:
    chats.lines = [[("delta", 0, "a\x1b[2J\rb\tc\x9b"), ("final", "a\x1b[2J\rb\tc\x9b", {})]]
    assert talk(shell, "x\n") == 0
    assert shell.out == "a\ufffd[2Jb\tc\ufffd\n"
    chats.lines = [[("final", "a\x1b[2J\r\nb", {})]]
    assert shell.run("x", group="chat") == 0
    assert shell.out == "a\x1b[2J\r\nb\n"  # in a pipe it is exact


def test_wrong_words_send_nothing(chats: ChatServer, shell: Shell, server: Server) -> None:
    for words in (("--resume", "hello"), ("--temperature", "3"), ("--max-tokens", "0"), ("--backend", "cray")):
        with pytest.raises(SystemExit) as ended:
            shell.run(*words, group="chat")
        assert ended.value.code == 2
    assert talk(shell, "", "--json") == 2
    assert server.requests == []
