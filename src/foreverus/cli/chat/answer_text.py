"""An answer, put together from what arrives in any order: deltas, partial texts of a GET, the final message. Pure.

Offsets count Unicode code points, as Python's strings do. The rules are docs/architecture.md's, "Catching up".
"""

from enum import StrEnum


class Change(StrEnum):
    """What became of the text."""

    NONE = "none"
    LONGER = "longer"  # something was added at its end
    ANEW = "anew"  # another backend or worker says something else: what was there is not the answer's any more


class AnswerText:
    """`points`: code points so far. Pieces are joined when the whole is asked for: adding costs what is added."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._fresh: list[str] = []
        self.points = 0
        self._ahead: dict[int, str] = {}  # behind a gap, by offset

    @property
    def whole(self) -> str:
        self._pieces = ["".join(self._pieces)]
        return self._pieces[0]

    def fresh(self) -> str:
        """What was added since this was last asked for; after ANEW, the whole."""
        added, self._fresh = "".join(self._fresh), []
        return added

    @property
    def has_gap(self) -> bool:
        """Something is missing: the messages are to be asked for."""
        return bool(self._ahead)

    def add(self, offset: int, text: str) -> Change:
        """A delta. One that lies behind a gap is kept until the gap is closed."""
        if offset > self.points:
            if len(text) >= len(self._ahead.get(offset, "")):
                self._ahead[offset] = text
            return Change.NONE
        return self._closed(self._put(offset, text))

    def snapshot(self, text: str) -> Change:
        """A partial text, which may lag behind the deltas that are here already."""
        if len(text) <= self.points and self.whole.startswith(text):
            return Change.NONE
        if text.startswith(self.whole):
            return self._closed(self._put(self.points, text[self.points :]))
        return self.final(text)

    def final(self, text: str) -> Change:
        """The whole answer: nothing is added any more."""
        before = self.whole
        self._pieces, self.points, self._ahead = [text], len(text), {}
        if text == before:
            return Change.NONE
        if text.startswith(before):
            self._fresh.append(text[len(before) :])
            return Change.LONGER
        self._fresh = [text]
        return Change.ANEW

    def _put(self, offset: int, text: str) -> Change:
        if offset == self.points:
            self._pieces.append(text)
            self._fresh.append(text)
            self.points += len(text)
            return Change.LONGER if text else Change.NONE
        known = self.whole[offset:]
        if known.startswith(text):
            return Change.NONE
        if text.startswith(known):
            return self._put(self.points, text[len(known) :])
        kept = self.whole[:offset] + text
        self._pieces, self._fresh, self.points = [kept], [kept], len(kept)
        return Change.ANEW

    def _closed(self, change: Change) -> Change:
        """What waited behind a gap that is closed now is added, too."""
        while reached := [offset for offset in self._ahead if offset <= self.points]:
            at = min(reached)
            more = self._put(at, self._ahead.pop(at))
            change = more if change is Change.NONE or more is Change.ANEW else change
        return change
