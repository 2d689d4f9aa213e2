"""What of a conversation is its current branch, and what an earlier version. Pure.

A question may take the place of an earlier one: its answer is asked for anew, or it is written anew. From then on
everything from the replaced question up to the new one is an earlier version, and stays one. So what a conversation
needs is which question replaced which; nothing is copied or moved. Ids sort by time, so they say what was between.
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple


class Replacement(NamedTuple):
    """`replaced`: the id of the question whose place `by` took."""

    replaced: str
    by: str


class Branch:
    """The messages of one version. `until`: it is as it was just before that question came; empty: the current one."""

    def __init__(self, replacements: Iterable[Replacement] = (), until: str = ""):
        self.until = until
        self._starts: list[str] = []  # of what is not in it, apart from each other, in order
        self._ends: list[str] = []
        for replaced, by in sorted(one for one in replacements if not until or one.by < until):
            if self._ends and replaced <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], by)
            else:
                self._starts.append(replaced)
                self._ends.append(by)

    def holds(self, message_id: str) -> bool:
        """
        >>> again = [Replacement("msg_3", "msg_5"), Replacement("msg_5", "msg_6")]
        >>> [n for n in range(1, 8) if Branch(again).holds(f"msg_{n}")]
        [1, 2, 6, 7]
        >>> [n for n in range(1, 8) if Branch(again, until="msg_6").holds(f"msg_{n}")]
        [1, 2, 5]
        """
        if self.until and message_id >= self.until:
            return False
        place = bisect_right(self._starts, message_id) - 1
        return place < 0 or message_id >= self._ends[place]


def version_of(message_id: str, replacements: Iterable[Replacement]) -> Branch:
    """The version that a message was in last: the current one, or the one that ended when it was replaced.

    >>> again = [Replacement("msg_3", "msg_5"), Replacement("msg_2", "msg_7")]
    >>> version_of("msg_4", again).until, version_of("msg_5", again).until, version_of("msg_7", again).until
    ('msg_5', 'msg_7', '')
    """
    known = list(replacements)
    return Branch(known, min((one.by for one in known if one.replaced <= message_id < one.by), default=""))
