"""For how long the server may hold an answer: as long as nothing between cuts the connection first.

Must not take one outage for a habit: only what was cut twice in a row is asked for less.
"""

from __future__ import annotations

from .session import clock

#: What ends sooner is an outage, not an idle connection that was cut.
_SHORTEST_S = 1.0


class Holding:
    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._n_cut = 0
        self._began = clock()
        self._asked_s = longest_s

    def begin(self, wish_s: float) -> float:
        """How many seconds to ask for now."""
        self._began = clock()
        self._asked_s = min(wish_s, self._longest_s)
        return self._asked_s

    def answered(self) -> None:
        if clock() - self._began >= 0.9 * self._asked_s:
            self._n_cut = 0

    def was_cut(self) -> bool:
        """True where the connection was idle before it ended: then the call is repeated at once."""
        lasted_s = clock() - self._began
        if not _SHORTEST_S <= lasted_s <= self._asked_s + 1:
            return False
        self._n_cut += 1
        if self._n_cut > 1:
            self._longest_s = max(_SHORTEST_S, 0.8 * lasted_s)
        return True
