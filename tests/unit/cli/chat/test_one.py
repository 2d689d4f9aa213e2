"""One question in a pipe: the standard output is the answer alone, word for word, whatever becomes of the line."""

import json
from typing import Any

import pytest

from tests.unit.cli.chat_server import CONVERSATION, ChatServer, answer, final
from tests.unit.cli.conftest import Shell
from tests.unit.cli.server import RESET, Server, error

TEXT = "Olá 😀 – it is\nblue."


def ask(shell: Shell, *words: str, **how: Any) -> int:
    return shell.run(*words, group="chat", **how)


def test_the_answer_alone_is_on_the_standard_output(chats: ChatServer, shell: Shell) -> None:
    chats.lines = [[("delta", 0, TEXT[:4]), ("delta", 4, TEXT[4:]), ("final", TEXT, {})]]
    assert ask(shell, "Why", "is it?") == 0
    assert shell.out == TEXT + "\n"
    assert shell.err.splitlines()[-1].startswith("bedrock · 9 + 4 tokens · $0.000002 · ")
    assert chats.sent("POST") == [{"content": "Why is it?"}]
    assert {"action": "subscribe", "conversation_id": CONVERSATION} in chats.frames


def test_what_is_piped_in_comes_below_the_question(chats: ChatServer, shell: Shell) -> None:
    shell.input = "\ufeffOne line.\nAnother – é.\n".encode()
    chats.lines = [[("final", "Short.", {})]]
    assert ask(shell, "summarise") == 0
    assert chats.sent("POST") == [{"content": "summarise\n\nOne line.\nAnother – é."}]
    chats.lines = [[("final", "Short.", {})]]
    assert ask(shell) == 0
    assert chats.sent("POST")[1] == {"content": "One line.\nAnother – é."}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (b"", "There is nothing to ask"),
        (b" \n\n", "There is nothing to ask"),
        ("caf\u00e9".encode("latin1"), "is no UTF-8 text (byte 3)"),
        (b"x" * 300_001, "more than 300,000 bytes"),
    ],
    ids=["empty", "blank", "latin1", "long"],
)
def test_what_cannot_be_asked_is_not_sent(
    chats: ChatServer, shell: Shell, server: Server, given: bytes, said: str
) -> None:
    shell.input = given
    assert ask(shell) == 2
    assert said in shell.err and server.requests == []


def test_what_is_asked_goes_along(chats: ChatServer, shell: Shell) -> None:
    chats.lines = [[("final", "Ok", {})]]
    words = ("--backend", "gpu", "--max-tokens", "9", "--temperature", "0.5", "--system", "Be brief.", "--title", "T")
    assert ask(shell, *words, "x") == 0
    assert chats.sent("POST") == [{"content": "x", "backend": "gpu", "max_tokens": 9, "temperature": 0.5}]
    assert chats.conversations[CONVERSATION]["system"] == "Be brief."
    assert chats.conversations[CONVERSATION]["title"] == "T"


def test_a_lost_answer_of_the_api_makes_no_second_message(chats: ChatServer, shell: Shell, server: Server) -> None:
    server.fail_next(f"POST /conversations/{CONVERSATION}/messages", RESET, (503, {"message": "busy"}))
    chats.lines = [[("final", "Ok", {})]]
    assert ask(shell, "x") == 0
    keys = [
        headers["Idempotency-Key"]
        for method, path, headers in server.requests
        if (method, path) == ("POST", f"/conversations/{CONVERSATION}/messages")
    ]
    assert len(keys) == 3 and len(set(keys)) == 1
    assert len(chats.sent("POST")) == 1


def test_a_line_that_breaks_is_opened_again_and_nothing_is_lost_or_said_twice(chats: ChatServer, shell: Shell) -> None:
    chats.gets = [answer("Olá 😀 – ", status="answering")]
    chats.lines = [
        [("delta", 0, "Olá"), ("break",)],
        [("delta", 6, "– it"), ("break",)],
        [("delta", 0, "Olá 😀 – it is"), ("get", final(TEXT)), ("final", TEXT, {})],
    ]
    assert ask(shell, "x", "--stream") == 0
    assert shell.out == TEXT + "\n"
    assert chats.opened == 3 and shell.err.count("The line for live text is down") == 1


@pytest.mark.parametrize("url", ["", "ws://127.0.0.1:9/v1"])
def test_without_a_line_it_is_asked_for(chats: ChatServer, shell: Shell, url: str) -> None:
    chats.sockets_url = url
    partial = [answer(TEXT[:n], status="answering") for n in (0, 3, 3, 9)]
    chats.gets = [answer("", status="queued"), *partial, final(TEXT)]
    assert ask(shell, "x", "--stream") == 0
    assert shell.out == TEXT + "\n"
    assert "The line for live text is down" in shell.err


def test_a_network_that_goes_away_is_waited_for(chats: ChatServer, shell: Shell, server: Server) -> None:
    chats.sockets_url = ""
    server.fail_next(f"GET /conversations/{CONVERSATION}/messages", *[RESET] * 12)
    chats.gets = [final(TEXT)]
    assert ask(shell, "x") == 0
    assert shell.out == TEXT + "\n" and shell.err.count("trying again until it answers") == 1


def test_a_final_frame_that_holds_no_text_is_asked_for(chats: ChatServer, shell: Shell) -> None:
    chats.lines = [[("get", final(TEXT)), ("final", None, {})]]
    assert ask(shell, "x") == 0
    assert shell.out == TEXT + "\n"


def test_a_character_may_be_broken_over_fragments(chats: ChatServer, shell: Shell) -> None:
    frame = {"type": "delta", "conversation_id": CONVERSATION, "message_id": "msg_1", "offset": 0, "text": TEXT}
    data = json.dumps(frame, ensure_ascii=False).encode()
    chats.lines = [[("bytes", [data[n : n + 1] for n in range(len(data))]), ("final", TEXT, {})]]
    assert ask(shell, "x", "--stream") == 0
    assert shell.out == TEXT + "\n"


def test_what_is_none_of_ours_is_passed_over(chats: ChatServer, shell: Shell) -> None:
    other = {"type": "delta", "conversation_id": CONVERSATION, "message_id": "msg_0", "offset": 0, "text": "No"}
    late = {"type": "message", "message": final("No", in_reply_to="msg_0")}
    strange = {"type": "tomorrow's"}
    chats.lines = [[("frame", other), ("frame", late), ("frame", strange), ("bytes", [b"{"]), ("final", "Yes", {})]]
    assert ask(shell, "x", "--stream") == 0
    assert shell.out == "Yes\n"


def test_an_answer_that_is_begun_anew_is_whole(chats: ChatServer, shell: Shell) -> None:
    """The GPU was lost, and Bedrock says something else."""
    steps = [("delta", 0, "It is b"), ("delta", 0, "Because"), ("final", "Because of light.", {})]
    chats.lines = [steps]
    assert ask(shell, "x") == 0
    assert shell.out == "Because of light.\n"
    chats.lines = [steps]
    assert ask(shell, "x", "--stream") == 1
    assert shell.out == "It is b" and "without --stream" in shell.err
    shell.input, chats.lines = b"x\n", [steps]
    assert ask(shell, talk=True) == 0
    assert shell.out == "It is b\nBecause of light.\n" and "(begun anew)" in shell.err


def test_an_answer_that_fails_says_why(chats: ChatServer, shell: Shell) -> None:
    failed = {"status": "failed", "error": {"code": "SpendCapReached", "message": "The month's cap\x1b[2J is reached."}}
    chats.lines = [[("delta", 0, "It is"), ("final", "It is", failed)]]
    assert ask(shell, "x") == 1
    assert shell.out == ""
    assert shell.err.splitlines()[-1] == "The month's cap\ufffd[2J is reached. (SpendCapReached)"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"finish_reason": "length"}, "cut at its longest length"),
        ({"finish_reason": "stopped"}, "stopped"),
        ({"trimmed_messages": 3}, "3 earlier messages did not fit"),
        ({"moved_from": "gpu"}, "gpu could not answer it"),
        ({"choice": None}, "bedrock · 9 + 4 tokens · "),
    ],
)
def test_what_people_should_know_of_an_answer_is_said(
    chats: ChatServer, shell: Shell, changes: dict[str, Any], said: str
) -> None:
    chats.lines = [[("final", "Ok", changes)]]
    assert ask(shell, "x") == 0
    assert said in shell.err.splitlines()[-1] and shell.out == "Ok\n"


def test_json_is_the_whole_answer(chats: ChatServer, shell: Shell) -> None:
    chats.lines = [[("delta", 0, "O"), ("final", "Ok", {})]]
    assert ask(shell, "x", "--json") == 0
    assert json.loads(shell.out)["content"] == "Ok"


def _given(*places: tuple[str, int, int]) -> dict[str, Any]:
    """As the API shows an answer's sources; a place is a document, a page and a character."""
    found = [
        {"number": number, "document_id": one, "page": page, "start": start, "end": start + 9}
        for number, (one, page, start) in enumerate(places, 1)
    ]
    return {"found": found, "why": None if found else "database_waking"}


SOURCES = _given(("doc_1", 3, 0), ("doc_2", 0, 0), ("doc_2", 0, 429), ("doc_gone", 0, 5))


def test_the_sources_of_an_answer_stand_under_it(chats: ChatServer, shell: Shell) -> None:
    chats.documents = [
        {"id": "doc_1", "filename": "prices\x1b[2J.pdf", "characters": 9000},
        {"id": "doc_2", "filename": "manual.md", "characters": 1000},
    ]
    chats.lines = [[("final", "Two [1].", {"sources": SOURCES})]]
    assert ask(shell, "How many?") == 0
    assert shell.out == "Two [1].\n"
    assert [line for line in shell.err.splitlines() if line.startswith("[")] == [
        "[1] prices�[2J.pdf, page 3",
        "[2] manual.md, at the beginning",
        "[3] manual.md, 42% into the text",
        "[4] deleted document",
    ]


def test_a_source_says_its_nearest_heading_where_its_document_has_some(
    chats: ChatServer, shell: Shell, server: Server
) -> None:
    chats.documents = [
        {"id": "doc_1", "filename": "prices.pdf", "characters": 9000, "has_headings": True},
        {"id": "doc_2", "filename": "manual.md", "characters": 1000, "has_headings": True},
        {"id": "doc_3", "filename": "other.md", "characters": 1000, "has_headings": True},
    ]
    chats.headings = {
        "doc_1": [{"start": 0, "text": "Chapter 2\x1b[2J \u202e[1]"}, {"start": 5, "text": "Chapter 3"}],
        "doc_2": [{"start": 5, "text": "Use"}, {"start": 300, "text": "Care"}, {"start": 429, "text": ""}],
    }
    chats.lines = [[("final", "Two [1].", {"sources": SOURCES})]]
    assert ask(shell, "How many?") == 0
    assert [line for line in shell.err.splitlines() if line.startswith("[")] == [
        "[1] prices.pdf, Chapter 2�[2J �[1], page 3",
        "[2] manual.md, at the beginning",
        "[3] manual.md, 42% into the text",
        "[4] deleted document",
    ]
    assert server.counts()["GET /documents/doc_3"] == 0, "it is no source"
    chats.headings = {"doc_2": [{"start": 5, "text": "Use"}, {"start": 300, "text": "Care"}]}
    chats.lines = [[("final", "Two [1].", {"sources": SOURCES})]]
    assert ask(shell, "How many?") == 0
    assert "[1] prices.pdf, page 3\n" in shell.err, "nobody says its headings"
    assert "[3] manual.md, Care, 42% into the text" in shell.err


def test_sources_are_told_by_their_ids_where_nobody_says_their_names(chats: ChatServer, shell: Shell) -> None:
    chats.lines = [[("final", "Two.", {"sources": SOURCES})]]
    assert ask(shell, "How many?") == 0
    assert "[1] doc_1, page 3\n[2] doc_2\n" in shell.err


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        (_given(), "their database is waking. Ask again in half a minute."),
        ({"found": [], "why": "tired\x1b"}, "Without your documents (tired�)."),
        (None, ""),
    ],
)
def test_why_an_answer_has_no_sources_is_said(chats: ChatServer, shell: Shell, sources: Any, said: str) -> None:
    chats.lines = [[("final", "Two.", {"sources": sources})]]
    assert ask(shell, "How many?") == 0
    assert said in shell.err and ("documents" in shell.err) is bool(said)


def test_json_keeps_the_sources(chats: ChatServer, shell: Shell, server: Server) -> None:
    chats.lines = [[("final", "Two.", {"sources": SOURCES})]]
    assert ask(shell, "How many?", "--json") == 0
    assert json.loads(shell.out)["sources"] == SOURCES
    assert "page 3" not in shell.err and "GET /documents" not in server.counts()


def test_forget_leaves_no_conversation(chats: ChatServer, shell: Shell) -> None:
    chats.lines = [[("final", "Ok", {})]]
    assert ask(shell, "x", "--forget") == 0
    assert chats.conversations == {}


# Ctrl-C.


def test_ctrl_c_stops_the_answer_and_keeps_what_is_written(chats: ChatServer, shell: Shell) -> None:
    stopped = {"finish_reason": "stopped"}
    chats.lines = [[("delta", 0, "It is"), ("interrupt",), ("stopped",), ("final", "It is", stopped)]]
    assert ask(shell, "x") == 130
    assert shell.out == "It is\n" and "stopped" in shell.err
    assert len(chats.sent("DELETE")) == 1


def test_ctrl_c_while_it_is_sent_stops_it_once_it_is(chats: ChatServer, shell: Shell) -> None:
    """Sent it would be paid for, and nobody would know of it."""
    chats.interrupts_sending = True
    chats.lines = [[("stopped",), ("final", "", {"finish_reason": "stopped"})]]
    shell.input = b"x\n/title\n"
    assert ask(shell, talk=True) == 0
    assert [method for method, _, _ in chats.bodies] == ["POST", "DELETE", "GET"]
    assert "stopped" in shell.err and "It has no title" in shell.err


def test_a_second_ctrl_c_leaves(chats: ChatServer, shell: Shell) -> None:
    chats.lines = [[("interrupt",), ("stopped",), ("interrupt",), ("stopped",)]]
    assert ask(shell, "x") == 130
    assert shell.out == "" and shell.err.splitlines()[-1] == "Stopped."


def test_an_answer_that_was_over_by_then_is_shown(chats: ChatServer, shell: Shell, server: Server) -> None:
    server.fail_next(f"DELETE /conversations/{CONVERSATION}/messages/msg_1", error(409, "It is over."))
    chats.lines = [[("get", final("Ok")), ("interrupt",)]]
    assert ask(shell, "x") == 130
    assert shell.out == "Ok\n" and "not stopped" not in shell.err


# What the API refuses.


def test_a_wrong_key_says_where_keys_come_from(chats: ChatServer, shell: Shell, server: Server) -> None:
    server.fail_next("POST /conversations", error(401, "The API key is wrong.", code="invalid_api_key"))
    assert ask(shell, "x") == 1
    assert shell.out == "" and "The API key is wrong." in shell.err and "foreverus key create" in shell.err


def test_a_key_that_ends_meanwhile_ends_the_command(chats: ChatServer, shell: Shell, server: Server) -> None:
    server.fail_next("POST /tickets", error(401, "The API key is wrong.", code="invalid_api_key"))
    assert ask(shell, "x") == 1
    assert "invalid_api_key" in shell.err


def test_a_cap_says_what_helps(chats: ChatServer, shell: Shell, server: Server) -> None:
    refused = error(402, "The month has $0.01 left.", code="spend_cap_reached")
    server.fail_next(f"POST /conversations/{CONVERSATION}/messages", refused)
    assert ask(shell, "x") == 1
    assert "The month has $0.01 left." in shell.err and "MonthlyCapUsd" in shell.err


def test_offline_names_what_to_look_at(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREVERUS_API_KEY", "fu_x")
    assert ask(shell, "x", "--url", "http://127.0.0.1:9/v1", bare=True) == 1
    assert "No answer from 127.0.0.1" in shell.err and "--url" in shell.err.splitlines()[-1]


@pytest.mark.parametrize("url", ["ws://example.com/v1", "http://127.0.0.1/v1", "wss:example.com"])
def test_a_line_that_is_not_encrypted_gets_no_ticket(chats: ChatServer, shell: Shell, url: str) -> None:
    chats.sockets_url = url
    assert ask(shell, "x") == 1
    assert "is not encrypted" in shell.err


# A GPU that boots.


def test_the_phases_of_a_boot_are_shown_with_their_eta(chats: ChatServer, shell: Shell) -> None:
    session = {"id": "ses_1", "status": "launching", "version": 1, "created_at": "2020-01-01T00:00:00.000Z"}
    chats.session = session | {"expected_boot_seconds": 4e9}
    loading = {"status": "booting", "version": 3, "attempt": 0, "phases": [{"name": "loading", "at": "", "attempt": 0}]}
    chats.lines = [
        [
            ("frame", {"type": "session", "session": session | loading}),
            ("frame", {"type": "session", "session": session | {"version": 2}}),
            ("final", "Ok", {"backend": "gpu"}),
        ]
    ]
    assert ask(shell, "x", "--backend", "gpu") == 0
    waited = [line for line in shell.err.splitlines() if "ETA" in line]
    assert [line.split(" · ")[0] for line in waited] == ["looking for a GPU", "GPU loads the model"]
    assert {"action": "subscribe", "session_id": "ses_1"} in chats.frames
