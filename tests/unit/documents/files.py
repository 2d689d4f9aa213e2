"""Documents as people have them, made byte by byte: PDFs and Word files, whole and broken."""

import io
import re
import zipfile
from collections.abc import Sequence

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def pdf(*pages: str, extra: str = "", trailer: str = "") -> bytes:
    """A PDF with a line of text for each page. `extra`: objects more; `trailer`: more of the trailer."""
    count = len(pages)
    kids = " ".join(f"{3 + 2 * n} 0 R" for n in range(count))
    font = 3 + 2 * count
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>",
    ]
    for number, text in enumerate(pages):
        escaped = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        stream = f"BT /F1 12 Tf 72 720 Td ({escaped}) Tj ET"
        resources = f"<< /Font << /F1 {font} 0 R >> >>"
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources {resources}"
            f" /Contents {4 + 2 * number} 0 R >>",
            f"<< /Length {len(stream.encode('latin-1'))} >>\nstream\n{stream}\nendstream",
        ]
    objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    if extra:
        objects.append(extra)
    return assembled(objects, trailer)


def pdf_with_an_outline(pages: Sequence[str], headings: Sequence[tuple[str, int]], more: str = "") -> bytes:
    """`headings`: title and page (from 0) of each entry; `more`: of each entry's dictionary, too."""
    whole = pdf(*pages, extra="OUTLINE")
    first = int(re.findall(rb"(\d+) 0 obj\nOUTLINE", whole)[0])
    objects = [one.decode("latin-1") for one in re.findall(rb"\d+ 0 obj\n(.*?)\nendobj", whole, re.DOTALL)]
    objects[0] = f"<< /Type /Catalog /Pages 2 0 R /Outlines {first} 0 R >>"
    objects[-1] = f"<< /Type /Outlines /First {first + 1} 0 R /Last {first + len(headings)} 0 R >>"
    for number, (title, page) in enumerate(headings, 1):
        following = f"/Next {first + number + 1} 0 R" if number < len(headings) else ""
        written = ("\ufeff" + title).encode("utf-16-be", "surrogatepass").hex()
        place = f"/Dest [{3 + 2 * page} 0 R /Fit]"
        objects.append(f"<< /Title <{written}> /Parent {first} 0 R {following} {place} {more} >>")
    return assembled(objects)


def assembled(objects: list[str], trailer: str = "") -> bytes:
    body, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{one}\nendobj\n".encode("latin-1")
    rows = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{rows}trailer\n<< /Size {size} /Root 1 0 R {trailer} >>\n"
    return body + f"{end}startxref\n{len(body)}\n%%EOF\n".encode("latin-1")


def pdf_with_a_font(meant: str) -> bytes:
    """Its page says `A B`; its font says that `A` means these UTF-16 units, in hexadecimal."""
    names = f"1 begincodespacerange <00> <FF> endcodespacerange\n1 beginbfchar <41> <{meant}> endbfchar"
    said, stream = f"begincmap\n{names}\nendcmap", "BT /F1 12 Tf 72 720 Td (A B) Tj ET"
    return assembled(
        [
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 5 0 R >> >>"
            " /Contents 4 0 R >>",
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 6 0 R >>",
            f"<< /Length {len(said)} >>\nstream\n{said}\nendstream",
        ]
    )


def protected_pdf() -> bytes:
    """Its trailer names a standard encryption: without its password nothing can be read."""
    letters = "41" * 32
    encryption = f"<< /Filter /Standard /V 1 /R 2 /O <{letters}> /U <{letters}> /P -44 >>"
    return pdf("Segredo", extra=encryption, trailer="/Encrypt 6 0 R /ID [<00> <00>]")


def pdf_of_many_objects(count: int) -> bytes:
    return b"%PDF-1.4\n" + b"".join(b"%d 0 obj\n1\nendobj\n" % number for number in range(1, count + 1))


def docx(*paragraphs: str, style: str = "", body: str | None = None, **others: bytes) -> bytes:
    """A Word file; the first paragraph has the style. `body`: its XML instead. `others`: parts more."""
    styled = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    runs = [f"<w:r><w:t>{text}</w:t></w:r>" for text in paragraphs]
    made = "".join(f"<w:p>{'' if n else styled}{run}</w:p>" for n, run in enumerate(runs))
    document = f'<?xml version="1.0"?><w:document xmlns:w="{WORD}"><w:body>{made}</w:body></w:document>'
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", document if body is None else body)
        for name, data in others.items():
            archive.writestr(name, data)
    return file.getvalue()
