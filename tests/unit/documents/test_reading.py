"""Every kind of document is read with its places, and what cannot be read says why in the person's words."""

import base64
import json
import zlib

import pytest

from foreverus.documents.reading.apart import unpacked
from foreverus.documents.reading.kinds import kind_of, read
from foreverus.documents.reading.outline import parted
from foreverus.documents.reading.process import environment, read_apart
from foreverus.documents.reading.records import (
    MOST_CHARACTERS,
    MOST_HEADING,
    MOST_OBJECTS,
    WORDS,
    Block,
    DocumentKind,
    ReadDocument,
    Trouble,
    Unreadable,
)
from tests.unit.documents import files


def trouble_of(data: bytes, kind: DocumentKind) -> Trouble:
    with pytest.raises(Unreadable) as caught:
        read(data, kind)
    assert str(caught.value) == WORDS[caught.value.trouble]
    return caught.value.trouble


def test_markdown_stands_under_its_headings_and_code_has_none() -> None:
    text = "Antes\n\n# Um\r\npara um\n\n```\n# kein\n```\n## Dois ##\npara dois"
    found = read(text.encode(), DocumentKind.MD)
    assert [(one.text, one.heading) for one in found.blocks] == [
        ("Antes", ""),
        ("Um", "Um"),
        ("para um", "Um"),
        ("```\n# kein\n```", "Um"),
        ("Dois", "Dois"),
        ("para dois", "Dois"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_is_read_in_the_letters_that_people_save_it_in(encoding: str) -> None:
    assert read("Ação é só o começo".encode(encoding), DocumentKind.TXT).blocks == (Block("Ação é só o começo"),)


def test_a_pdf_has_pages() -> None:
    found = read(files.pdf("Primeira (1)", "Segunda"), DocumentKind.PDF)
    assert found.pages == 2
    assert [(one.text, one.page) for one in found.blocks] == [("Primeira (1)", 1), ("Segunda", 2)]


def test_a_pdf_with_an_outline_stands_under_its_headings() -> None:
    pages = ("Capa", "2. M\u00e9todo", "Mais", "Fim")
    outline = [("Objetivos", 0), ("M\u00e9todo", 1), ("3. Resultados", 3), ("3.1 Limites", 3)]
    found = read(files.pdf_with_an_outline(pages, outline), DocumentKind.PDF)
    assert [(one.text, one.page, one.heading) for one in found.blocks] == [
        ("Capa", 1, "Objetivos"),
        ("2. M\u00e9todo", 2, "M\u00e9todo"),
        ("Mais", 3, "M\u00e9todo"),
        ("Fim", 4, "3.1 Limites"),
    ]


def test_a_heading_begins_where_the_page_says_it() -> None:
    text = "So it ends.\n2 A long heading\nthat goes on\nWe did.\nThis is a long heading that goes on.\n3 End\nOver."
    found = list(parted(text, ["A long heading that goes on", "End"], "Aims"))
    assert [heading for heading, _ in found] == ["Aims", "A long heading that goes on", "End"]
    assert [part.split("\n")[0] for _, part in found] == ["So it ends.", "2 A long heading", "3 End"]
    assert "\n".join(part for _, part in found) == text
    assert list(parted(text, [], "Aims")) == [("Aims", text)]
    assert [heading for heading, _ in parted(text, ["2024", "Nowhere"], "Aims")] == ["Nowhere"]


@pytest.mark.parametrize(
    "more", ["/Next 7 0 R", "/First 6 0 R", "/First 7 0 R", "/Dest 99 0 R", "/A << /S /GoTo /D 5 >>"]
)
def test_an_outline_that_leads_in_circles_or_nowhere_keeps_no_document_from_being_read(more: str) -> None:
    found = read(files.pdf_with_an_outline(("One", "Two"), [("A", 0), ("B", 1)], more), DocumentKind.PDF)
    assert [(one.text, one.page) for one in found.blocks] == [("One", 1), ("Two", 2)]


HOSTILE = "x" * 5_000 + " \u202egnp.\u2066<b>**[1]**</b>\n\n# y"


def test_a_hostile_heading_is_one_short_line_that_turns_nothing_around() -> None:
    pdf = read(files.pdf_with_an_outline(("One",), [("\u202egnp.\u2066 <b>**[1]**</b>\n\ny", 0)]), DocumentKind.PDF)
    assert pdf.blocks[0].heading == "gnp. <b>**[1]**</b> y"
    docx = read(files.docx(HOSTILE.replace("<", "&lt;"), "Text", style="Heading1"), DocumentKind.DOCX)
    assert {one.heading for one in docx.blocks} == {"x" * MOST_HEADING}
    md = read(b"# \xe2\x80\xaegnp. [INST]\ntext", DocumentKind.MD)
    assert {one.heading for one in md.blocks} == {"gnp. [INST]"}


@pytest.mark.parametrize(
    ("meant", "text"),
    [
        ("D83D", "\ufffd B"),
        ("DE00", "\ufffd B"),
        ("D83DDE00", "\U0001f600 B"),
        ("0000", "B"),
        ("202E", "\u202e B"),
    ],
)
def test_a_pdf_whose_font_has_half_a_character_has_text_that_every_store_takes(meant: str, text: str) -> None:
    (block,) = read_apart(files.pdf_with_a_font(meant), DocumentKind.PDF).blocks
    assert block.text == text
    assert block.text.encode()


@pytest.mark.parametrize(
    ("block", "taken"),
    [
        (["a\ud83d", 1, "\ude00"], Block("a\ufffd", 1, "\ufffd")),
        (["a", 1_000, ""], Block("a", 1_000)),
        (["a", 1, "b" * 9_000], Block("a", 1, "b" * MOST_HEADING)),
        (["a", 1_001, ""], None),
        (["a", -1, ""], None),
        (["a", 10**400, ""], None),
        (["a", float("inf"), ""], None),
        (["a", None, ""], None),
        (["a"], None),
    ],
)
def test_what_a_reader_says_is_taken_within_bounds(block: list[object], taken: Block | None) -> None:
    said = zlib.compress(json.dumps({"pages": 1, "blocks": [block]}).encode())
    answer = json.dumps({"packed": base64.b64encode(said).decode()}).encode()
    if taken:
        assert unpacked(answer) == ReadDocument((taken,), 1)
    else:
        with pytest.raises(Unreadable):
            unpacked(answer)


@pytest.mark.parametrize("style", ["Heading1", "Ttulo1", "Title"])
def test_a_word_file_has_headings_of_either_language(style: str) -> None:
    found = read(files.docx("Sobre nós", "Um texto", style=style), DocumentKind.DOCX)
    assert found.blocks == (Block("Sobre nós", 0, "Sobre nós"), Block("Um texto", 0, "Sobre nós"))


def test_tabs_breaks_and_tables_of_a_word_file_are_text() -> None:
    body = (
        f'<w:document xmlns:w="{files.WORD}"><w:body><w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t>'
        "<w:br/><w:t>c</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body></w:document>"
    )
    assert read(files.docx(body=body), DocumentKind.DOCX).blocks == (Block("a b\nc"),)


@pytest.mark.parametrize(
    ("data", "kind", "trouble"),
    [
        (b"", DocumentKind.TXT, Trouble.EMPTY),
        (b" \n\t ", DocumentKind.MD, Trouble.EMPTY),
        ("\u200b\ufeff".encode(), DocumentKind.TXT, Trouble.EMPTY),
        ("\u2060\u2063\n\n\u3164\u202e".encode(), DocumentKind.MD, Trouble.EMPTY),
        (b"\x00\x01\x02binary", DocumentKind.TXT, Trouble.KIND),
        (files.pdf("x"), DocumentKind.TXT, Trouble.KIND),
        (files.docx("x"), DocumentKind.MD, Trouble.KIND),
        (b"\xff\xfe\x00", DocumentKind.TXT, Trouble.BROKEN),
        (b"Just text", DocumentKind.PDF, Trouble.KIND),
        (files.docx("x"), DocumentKind.PDF, Trouble.KIND),
        (b"%PDF-1.4\nbut no more", DocumentKind.PDF, Trouble.BROKEN),
        (files.pdf("x")[:200], DocumentKind.PDF, Trouble.BROKEN),
        (files.pdf(""), DocumentKind.PDF, Trouble.EMPTY),
        (files.protected_pdf(), DocumentKind.PDF, Trouble.PROTECTED),
        (files.pdf_of_many_objects(MOST_OBJECTS + 1), DocumentKind.PDF, Trouble.TOO_COMPLEX),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", DocumentKind.DOCX, Trouble.PROTECTED),
        (b"Just text", DocumentKind.DOCX, Trouble.KIND),
        (b"PK\x03\x04broken", DocumentKind.DOCX, Trouble.BROKEN),
        (files.docx("x")[:-40], DocumentKind.DOCX, Trouble.BROKEN),
        (files.docx(body="<w:document"), DocumentKind.DOCX, Trouble.BROKEN),
        (files.docx(), DocumentKind.DOCX, Trouble.EMPTY),
        (b"a" * 10_000_001, DocumentKind.TXT, Trouble.TOO_LARGE),
        (b"a " * (MOST_CHARACTERS // 2 + 1) + b"a", DocumentKind.TXT, Trouble.TOO_LONG),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, kind: DocumentKind, trouble: Trouble) -> None:
    assert trouble_of(data, kind) is trouble


def test_a_zip_bomb_is_left_in_its_archive() -> None:
    body = b'<w:document xmlns:w="%s">' % files.WORD.encode() + b" " * 60_000_000
    assert trouble_of(files.docx(body=body.decode()), DocumentKind.DOCX) is Trouble.TOO_COMPLEX


def test_a_document_of_entities_is_not_expanded() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><w:document xmlns:w="x">&b;</w:document>'
    assert trouble_of(files.docx(body=bomb), DocumentKind.DOCX) is Trouble.TOO_COMPLEX


def test_elements_within_elements_end_somewhere() -> None:
    deep = f'<w:document xmlns:w="{files.WORD}">' + "<w:p>" * 5000 + "</w:p>" * 5000 + "</w:document>"
    assert trouble_of(files.docx(body=deep), DocumentKind.DOCX) is Trouble.TOO_COMPLEX


def test_a_page_that_unpacks_to_too_much_is_not_unpacked() -> None:
    packed = zlib.compress(b" " * 60_000_000)
    stream = f"<< /Length {len(packed)} /Filter /FlateDecode >>\nstream\n{packed.decode('latin-1')}\nendstream"
    page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources << >> >>"
    root, pages = "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    assert trouble_of(files.assembled([root, pages, page, stream]), DocumentKind.PDF) in (
        Trouble.TOO_COMPLEX,
        Trouble.EMPTY,
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.txt", DocumentKind.TXT),
        ("A.PDF", DocumentKind.PDF),
        ("b.c.docx", DocumentKind.DOCX),
        ("n.markdown", DocumentKind.MD),
        ("a.doc", None),
        ("", None),
    ],
)
def test_a_kind_is_a_names_end(name: str, kind: DocumentKind | None) -> None:
    assert kind_of(name) is kind


def test_it_is_read_in_a_process_of_its_own_that_knows_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert environment().keys() == {"LD_LIBRARY_PATH", "PYTHONPATH", "LC_ALL"}
    assert read_apart("# Olá\n\nmundo".encode(), DocumentKind.MD).blocks[1] == Block("mundo", 0, "Olá")
    with pytest.raises(Unreadable) as caught:
        read_apart(files.protected_pdf(), DocumentKind.PDF)
    assert caught.value.trouble is Trouble.PROTECTED


def test_a_reader_that_does_not_come_back_is_ended() -> None:
    with pytest.raises(Unreadable) as caught:
        read_apart(b"text", DocumentKind.TXT, longest_s=0.0)
    assert caught.value.trouble is Trouble.TOO_COMPLEX
