"""A form with a file, as `multipart/form-data` (RFC 7578). Pure.

python-multipart reads it, the parser of FastAPI and Starlette: pure Python, one file's worth of code, fuzzed. The
standard library's email parser reads such bodies too, but takes them apart into lines of text and back.
"""

from dataclasses import dataclass, field

from foreverus.errors import InvalidRequest

MAX_PARTS = 20


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
    from python_multipart.multipart import MultipartParser, parse_options_header

    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise _broken("its Content-Type names no boundary")
    parts = _Parts()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": parts.begin,
                "on_header_field": parts.header_name,
                "on_header_value": parts.header_value,
                "on_header_end": parts.header_end,
                "on_part_data": parts.content,
                "on_part_end": parts.end,
                "on_end": parts.finish,
            },
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as err:
        raise _broken(str(err)) from err
    if not parts.is_whole:
        raise _broken("it ends too early")
    return parts.form


class _Parts:
    """Collects what the parser finds, piece by piece."""

    def __init__(self) -> None:
        self.form = Form()
        self.count = 0
        self.is_whole = False
        self.headers: dict[str, str] = {}
        self._name, self._value, self._data = bytearray(), bytearray(), bytearray()

    def begin(self) -> None:
        self.count += 1
        if self.count > MAX_PARTS:
            raise _broken(f"it has more than {MAX_PARTS} parts")
        self.headers = {}
        self._data = bytearray()

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        # Names of fields and files are UTF-8, as browsers and HTTP clients write them.
        self.headers[self._name.decode("latin-1").lower()] = self._value.decode("utf-8", "replace")
        self._name, self._value = bytearray(), bytearray()

    def content(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def end(self) -> None:
        options = _disposition(self.headers.get("content-disposition", ""))
        name = options.get("name")
        if not name:
            raise _broken("a part of it has no name")
        if name in self.form.fields or name in self.form.files:
            raise InvalidRequest(f"The field {name!r} is there twice.", param=name, code="invalid_field")
        if "filename" in options:
            self.form.files[name] = FormFile(options["filename"], bytes(self._data))
        else:
            self.form.fields[name] = self._data.decode("utf-8", "replace")

    def finish(self) -> None:
        self.is_whole = True


def _disposition(value: str) -> dict[str, str]:
    """The options of `form-data; name="file"; filename="prompts.jsonl"`."""
    from python_multipart.multipart import parse_options_header

    # The parser wants Latin-1, as WSGI has it: the bytes of UTF-8 pass through it unharmed.
    _, options = parse_options_header(value.encode().decode("latin-1"))
    return {name.decode("utf-8", "replace"): text.decode("utf-8", "replace") for name, text in options.items()}


def _broken(reason: str) -> InvalidRequest:
    return InvalidRequest(f"The body is not multipart/form-data: {reason}.", code="invalid_form")
