"""Which order of a session is which order of a backtest: by strategy, instrument, role and the bar that led to it, never by id."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Final

from algotrader.core.market import NS_PER_MINUTE
from algotrader.core.orders import OrderRole
from algotrader.research.divergence.traces import Lane, OrderTrace

OPENERS: Final = (OrderRole.ENTRY, OrderRole.PLAIN)
NEAR_NS: Final = 5 * NS_PER_MINUTE
"""How far apart the bars of two orders may lie that are still taken for the same wish."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """An order of the session and its counterpart in the backtest; one of them may be missing.

    ``opener`` is the pair of the orders that opened the position which these two work on.
    """

    live: OrderTrace | None
    tested: OrderTrace | None
    opener: Pair | None = None

    @property
    def one(self) -> OrderTrace:
        """Either of them; the session's where both are there."""
        found = self.live or self.tested
        assert found is not None
        return found

    @property
    def time(self) -> int:
        """When the first of them was made."""
        return min(each.created for each in (self.live, self.tested) if each is not None)

    @property
    def bar(self) -> int:
        """The bar that led to the first of them."""
        return min(each.bar for each in (self.live, self.tested) if each is not None)

    @property
    def has_fills(self) -> bool:
        """Whether anything was executed on either side."""
        return any(each is not None and each.fills for each in (self.live, self.tested))


def pair_orders(live: Iterable[OrderTrace], tested: Iterable[OrderTrace]) -> list[Pair]:
    """Pair the orders of a day, in the order of time; every order is in exactly one pair."""
    lanes: dict[Lane, tuple[list[OrderTrace], list[OrderTrace]]] = defaultdict(lambda: ([], []))
    for side, traces in enumerate((live, tested)):
        for trace in traces:
            lanes[trace.lane][side].append(trace)
    found: list[Pair] = []
    for mine, theirs in lanes.values():
        found += _Lane(mine, theirs).pairs()
    return sorted(found, key=_in_time)


def _in_time(pair: Pair) -> tuple[int, bool, str, str, int, str]:
    """Sort key: causes before effects. What closes a position comes after what opens it, also where both have one time."""
    opener, order = pair.opener, pair.one.order
    time = pair.time if opener is None else max(pair.time, opener.time)
    return (time, opener is not None, order.owner, order.symbol, len(order.client_order_id), order.client_order_id)


class _Lane:
    """The orders of one strategy in one instrument."""

    def __init__(self, live: list[OrderTrace], tested: list[OrderTrace]) -> None:
        self._live: Final = sorted(live, key=lambda trace: trace.created)
        self._tested: Final = sorted(tested, key=lambda trace: trace.created)
        self._pairs: Final[list[Pair]] = []
        self._opener: dict[tuple[bool, str], Pair] = {}

    def pairs(self) -> list[Pair]:
        """All pairs."""
        self._match(_kept, _everything)
        self._match(lambda trace: (trace.order.role, trace.order.side, trace.bar), _opens)
        self._match_near()
        for pair in self._pairs:
            self._note(pair)
        for trace in [trace for trace in self._live + self._tested if _opens(trace)]:
            self._alone(trace)
        # What closes a position belongs to what opened it.
        self._match(lambda trace: self._place(trace, trace.bar), _everything)
        self._match(lambda trace: self._place(trace, 0), _everything)
        self._match(lambda trace: (trace.order.role, trace.order.side, trace.bar), _everything)
        for trace in self._live + self._tested:
            self._alone(trace)
        return self._pairs

    def _place(self, trace: OrderTrace, bar: int) -> Hashable | None:
        opener = self._opened_by(trace)
        return None if opener is None or opener.live is None or opener.tested is None else (id(opener), trace.order.role, bar)

    def _opened_by(self, trace: OrderTrace) -> Pair | None:
        return self._opener.get((trace in self._live, trace.order.correlation_id)) if trace.order.correlation_id else None

    def _note(self, pair: Pair) -> None:
        for is_live, trace in ((True, pair.live), (False, pair.tested)):
            if trace is not None and _opens(trace) and trace.order.correlation_id:
                self._opener.setdefault((is_live, trace.order.correlation_id), pair)

    def _match(self, key: Callable[[OrderTrace], Hashable | None], wanted: Callable[[OrderTrace], bool]) -> None:
        """Pair the orders of equal keys, first with first, second with second."""
        waiting: dict[Hashable, list[OrderTrace]] = defaultdict(list)
        for trace in self._tested:
            if wanted(trace) and (name := key(trace)) is not None:
                waiting[name].append(trace)
        for trace in list(self._live):
            name = key(trace) if wanted(trace) else None
            if name is not None and waiting[name]:
                self._join(trace, waiting[name].pop(0))

    def _match_near(self) -> None:
        """Pair what opens a position a few bars apart: the wish was the same, and came at another time."""
        for trace in [trace for trace in self._live if _opens(trace)]:
            near = [
                other
                for other in self._tested
                if _opens(other)
                and (other.order.role, other.order.side) == (trace.order.role, trace.order.side)
                and abs(other.bar - trace.bar) <= NEAR_NS
            ]
            if near:
                self._join(trace, min(near, key=lambda other: abs(other.bar - trace.bar)))

    def _join(self, live: OrderTrace, tested: OrderTrace) -> None:
        opener = None if _opens(live) else self._opened_by(live)
        self._live.remove(live)
        self._tested.remove(tested)
        self._pairs.append(Pair(live, tested, opener))

    def _alone(self, trace: OrderTrace) -> None:
        opener = None if _opens(trace) else self._opened_by(trace)
        if trace in self._live:
            self._live.remove(trace)
            pair = Pair(trace, None, opener)
        else:
            self._tested.remove(trace)
            pair = Pair(None, trace, opener)
        self._pairs.append(pair)
        self._note(pair)


def _kept(trace: OrderTrace) -> Hashable | None:
    """The id of an order that both sides began the day with."""
    return trace.order.client_order_id if trace.bar == 0 else None


def _opens(trace: OrderTrace) -> bool:
    return trace.order.role in OPENERS


def _everything(trace: OrderTrace) -> bool:
    return True
