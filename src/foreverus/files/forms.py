"""A form with a file, as `multipart/form-data` (RFC 7578). Pure.

python-multipart reads it, the parser of FastAPI and Starlette: pure Python, fuzzed. Its `parse_form` writes files above
1 MiB to the disk and takes a form that ends too early for a shorter one; the class beneath it lets us say otherwise.
"""

from dataclasses import dataclass, field
from typing import Any

from foreverus.errors import InvalidRequest
from foreverus.text import quoted

MAX_PARTS = 20
MOST_BOUNDARY_BYTES = 256  # of the parser; RFC 2046 has 70


@dataclass(frozen=True, slots=True)
class FormFile:
    filename: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Form:
    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, FormFile] = field(default_factory=dict)


def read_form(content_type: str, body: bytes) -> Form:
    """Raises InvalidRequest for a body that is no such form, and for a field that comes twice."""
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import Field, File, FormParser

    form, is_whole = Form(), False

    def add(part: Field | File) -> None:
        name = _text(part.field_name)
        if name in form.fields or name in form.files:
            raise InvalidRequest(
                f"The field {quoted(name)} is there twice.", param=quoted(name)[1:-1], code="invalid_field"
            )
        if len(form.fields) + len(form.files) == MAX_PARTS:
            raise _broken(f"it has more than {MAX_PARTS} parts")
        if isinstance(part, Field):
            form.fields[name] = _text(part.value)
        else:
            part.file_object.seek(0)
            form.files[name] = FormFile(_text(part.file_name), part.file_object.read())

    def end() -> None:
        nonlocal is_whole
        is_whole = True

    in_memory = {"MAX_MEMORY_FILE_SIZE": float("inf")}  # API Gateway takes 10 MB at most
    boundary = _boundary_of(content_type)
    try:
        parser = FormParser("multipart/form-data", add, add, end, boundary, config=in_memory)
        _refuse_encodings(parser.parser)
        parser.write(body)
        parser.finalize()
    except FormParserError as err:
        raise _broken(_reason(str(err), getattr(err, "offset", -1))) from err
    if not is_whole:
        raise _broken("it ends too early")
    return form


def _refuse_encodings(parser: Any) -> None:
    """A part's bytes are its bytes: RFC 7578 has done away with base64 in forms, and of what is only said to be base64
    the parser makes nothing."""
    read, name, value = parser.callbacks["on_header_end"], bytearray(), bytearray()
    for kind, into in (("on_header_field", name), ("on_header_value", value)):
        keep = parser.callbacks[kind]

        def both(data: bytes, start: int, end: int, keep: Any = keep, into: bytearray = into) -> None:
            into += data[start:end]
            keep(data, start, end)

        parser.set_callback(kind.removeprefix("on_"), both)

    def end() -> None:
        given = bytes(value).strip().lower()
        if bytes(name).lower() == b"content-transfer-encoding" and given not in (b"7bit", b"8bit", b"binary"):
            shown = quoted(given.decode("latin-1"))
            raise _broken(f"a part has Content-Transfer-Encoding {shown}: send its bytes as they are, without it")
        name.clear()
        value.clear()
        read()

    parser.set_callback("header_end", end)


def _boundary_of(content_type: str) -> bytes:
    """Raises InvalidRequest."""
    from python_multipart.multipart import parse_options_header

    try:
        boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    except UnicodeEncodeError as err:
        raise _broken("its Content-Type holds characters that a header cannot have") from err
    if not 1 <= len(boundary) <= MOST_BOUNDARY_BYTES:
        raise _broken(
            f"its Content-Type must name the boundary of its parts, of 1 to {MOST_BOUNDARY_BYTES} characters "
            "(boundary=…)"
        )
    return boundary


def _reason(said: str, offset: int) -> str:
    """The parser's words are for those who write parsers."""
    for words, ours in _REASONS.items():
        if words in said:
            return ours
    at = f" (byte {offset + 1})" if offset >= 0 else ""
    return f"its parts are not written as RFC 7578 has them{at}; let an HTTP client make the form"


_REASONS = {
    "Field name not found": 'a part has no name: it needs Content-Disposition: form-data; name="…"',
    "Maximum header": "a part has too many headers, or one that is too long",
    "boundary": "its parts do not begin with the boundary that its Content-Type names, each on a line of its own",
}


def _text(given: bytes | None) -> str:
    """Names of fields and files are UTF-8, as browsers and HTTP clients write them."""
    try:
        return (given or b"").decode()
    except UnicodeDecodeError as err:
        raise _broken("a name or a field in it is not UTF-8 text") from err


def _broken(reason: str) -> InvalidRequest:
    return InvalidRequest(f"The body is not multipart/form-data: {reason}.", code="invalid_form")
