"""The answer on the standard output: word for word on a terminal, as one exact text in a pipe."""

from foreverus.cli.context import Context
from foreverus.cli.failures import Broken
from foreverus.text import whole as in_utf8

# A terminal acts on these, and the text comes from a model: only tab and line feed are left to it.
_HIDDEN = dict.fromkeys((*range(9), 11, 12, *range(14, 32), *range(127, 160)), "�") | {13: None}


class Screen:
    """`live`: as it comes. In a pipe what is written cannot be taken back, and an answer may be begun anew by another
    backend: so there it is written when it is final, unless `live` was asked for. `silent`: nothing is
    written, somebody else shows the answer."""

    def __init__(self, context: Context, live: bool, silent: bool = False):
        self._context, self._live, self._silent = context, live, silent
        self._terminal = context.out.isatty()
        self._open = False  # the cursor stands in a line of the answer
        self.has_text = False

    def more(self, text: str) -> None:
        """What is new at the end."""
        if self._live and text:
            self._write(text)

    def anew(self, whole: str) -> None:
        """Raises Broken where what is written cannot be taken back."""
        if not self._live or not self.has_text:
            return self.more(whole)
        if not self._terminal:
            raise Broken("The answer was begun anew after a part of it had been written: ask again, without --stream.")
        self.end()
        self._context.say("(begun anew)")
        self.more(whole)

    def end(self) -> None:
        """The cursor stands in a new line."""
        if self._open:
            self._write("\n")

    def final(self, whole: str) -> None:
        """All of it is there; what was written as it came is not written again. Empty: it has failed."""
        if not self._live and whole and not self._silent:
            self._write(whole)
        self.end()

    def _write(self, text: str) -> None:
        self.has_text = True
        self._open = not text.endswith("\n")
        self._context.out.write(in_utf8(text.translate(_HIDDEN) if self._terminal else text))
        self._context.out.flush()
