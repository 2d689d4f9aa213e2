"""A file's bytes as the text of an answer. Pure."""

# Of the 6 MB that Lambda gives, as JSON text with its escapes.
MAX_ANSWER_BYTES = 5_500_000


def as_answer(data: bytes) -> str | None:
    """The same bytes as the text of an answer; None when they are no text or too much of it.

    Not base64: API Gateway decodes that only for clients whose `Accept` begins with a type that it holds for binary.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    escapes = sum(text.count(mark) for mark in '"\\\n\r\t') + 5 * sum(text.count(chr(code)) for code in _CONTROLS)
    return text if len(data) + escapes <= MAX_ANSWER_BYTES else None


_CONTROLS = [code for code in range(32) if chr(code) not in "\n\r\t"]  # `\u0000` and so on
