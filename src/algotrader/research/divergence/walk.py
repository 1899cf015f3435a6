"""The walk through a day from cause to effect: each difference gets the cause it has, or that of the difference it follows from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from algotrader.core.orders import OrderRole, OrderState
from algotrader.research.divergence.amounts import Filled, divide
from algotrader.research.divergence.causes import (
    EXTRA,
    FEE,
    MISSING,
    PARTIAL,
    PRICE,
    SIGNAL,
    TIMING,
    UNATTRIBUTED,
    Reason,
    Root,
)
from algotrader.research.divergence.conditions import RISK, clock
from algotrader.research.divergence.evidence import OF_THE_ACCOUNT, OF_THE_LANE, Evidence
from algotrader.research.divergence.pairs import OPENERS, Pair
from algotrader.research.divergence.traces import Lane, OrderTrace

_DECIDED: Final = (OrderRole.ENTRY, OrderRole.PLAIN, OrderRole.EXIT)
"""Orders that a strategy decides on at a bar; the others follow from executions."""

_UNKNOWN: Final = Reason(UNATTRIBUTED, "nothing that is known explains it")


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """A difference between two orders, or a part of it: what it came from and what it came to (money).

    ``follows``: it is the consequence of another one, whose root it shares.
    """

    pair: Pair
    root: Root
    amount: int
    follows: bool


class Walk:
    """Attributes the differences of a day.

    Args:
        evidence: of the day.
        marks: the last price of each instrument, scaled.
    """

    def __init__(self, evidence: Evidence, marks: dict[str, int]) -> None:
        self._evidence: Final = evidence
        self._marks: Final = marks
        self._roots: Final[dict[Reason, Root]] = {}
        self._lanes: Final[dict[Lane, Root]] = {}
        self._trades: Final[dict[int, Root]] = {}
        self._priced: Final[dict[int, Root]] = {}
        self.findings: Final[list[Finding]] = []

    def all(self, pairs: Iterable[Pair]) -> list[Finding]:
        """Attribute pair after pair, in the order of time."""
        every = list(pairs)
        self._siblings = every
        for pair in every:
            if pair.has_fills:
                self._look(pair)
        return self.findings

    def _look(self, pair: Pair) -> None:
        live, tested = Filled.of(pair.live), Filled.of(pair.tested)
        instrument, sign = pair.one.order.instrument, pair.one.order.sign
        mark = self._marks.get(pair.one.order.symbol, 0)
        if not live.quantity or not tested.quantity:
            amount = live.worth(instrument, sign, mark) - tested.worth(instrument, sign, mark)
            inherited = self._inherited(pair)
            reason = None if inherited else self._why_alone(pair, EXTRA if live.quantity else MISSING)
            self._record(pair, inherited, reason, amount, shifts=True)
            return
        parts = divide(live, tested, instrument, sign, mark)
        if live.quantity != tested.quantity:
            inherited = self._inherited(pair)
            reason = None if inherited else self._why_quantity(pair, live, tested)
            self._record(pair, inherited, reason, parts.quantity, shifts=True)
        same_average = live.value * tested.quantity == tested.value * live.quantity
        if not same_average or parts.price or not self._same_bar(pair):
            self._price(pair, parts.price, live, tested)
        if parts.fee or (parts.fee == 0 and _fees_differ(live, tested)):
            self._record(pair, None, Reason(FEE, _fee_words(pair, live, tested)), parts.fee)

    def _price(self, pair: Pair, amount: int, live: Filled, tested: Filled) -> None:
        inherited = self._inherited(pair)
        if inherited is not None and (not self._same_bar(pair) or _prices_differ(pair) or _bars_differ(pair)):
            self._record(pair, inherited, None, amount, shifts=True)
            return
        followed = self._priced.get(id(pair.opener)) if pair.opener is not None and _prices_differ(pair) else None
        if followed is not None:
            self._record(pair, followed, None, amount)
            return
        timing = self._why_later(pair)
        if timing is not None:
            self._record(pair, None, timing, amount, shifts=True)
            return
        self._record(pair, None, Reason(PRICE, _price_words(pair, live, tested)), amount)

    # ------------------------------------------------------------------ what follows from what

    def _record(self, pair: Pair, inherited: Root | None, reason: Reason | None, amount: int, *, shifts: bool = False) -> None:
        """Keep a finding. ``shifts``: from here on the two sides may hold different positions."""
        root = inherited
        if root is None:
            given = reason or _UNKNOWN
            root = self._roots.setdefault(given, Root(given, pair.time))
        follows = inherited is not None or (reason is not None and root.affected > 0 and root.time < pair.time)
        root.amount += amount
        root.affected += 1
        self.findings.append(Finding(pair, root, amount, follows))
        trade = id(pair.opener or pair)
        self._priced.setdefault(trade, root)
        if shifts:
            self._trades.setdefault(trade, root)
            self._lanes[pair.one.lane] = root

    def _inherited(self, pair: Pair) -> Root | None:
        """The root of what opened the position, if the two sides differed there or since."""
        return None if pair.opener is None else self._trades.get(id(pair.opener))

    def _largest(self) -> Root | None:
        """The difference that has moved the account most so far."""
        return max(self._roots.values(), key=lambda root: abs(root.amount), default=None)

    def _root_as_reason(self, root: Root | None) -> Reason | None:
        return None if root is None else root.reason

    # ------------------------------------------------------------------ executed on one side only

    def _why_alone(self, pair: Pair, cause: str) -> Reason | None:
        if pair.live is not None and pair.tested is not None:
            return self._why_not_filled(pair, pair.live, pair.tested, cause)
        trace = pair.one
        others = self._evidence.closed_by_others(trace) if pair.live is not None else None
        if others is not None:
            return others
        if trace.order.role in _DECIDED:
            found = self._decision(trace.lane, trace.bar, cause, pair)
            if found is not None:
                return found
        return self._within_a_bar(pair) or self._outside(pair)

    def _why_not_filled(self, pair: Pair, live: OrderTrace, tested: OrderTrace, cause: str) -> Reason | None:
        if cause == EXTRA:
            return self._outside(pair) or Reason(EXTRA, f"the backtest's venue did not fill it ({_end_of(tested)})")
        evidence, order = self._evidence, live.order
        if order.state is OrderState.REJECTED or order.state is OrderState.SUBMIT_FAILED:
            return Reason(MISSING, f"the venue refused it: {order.reason or order.state.value}")
        held_up = evidence.held_up(live.created, max(order.changed_time, live.created), MISSING, order.symbol)
        if order.state is OrderState.CANCELED and held_up is not None:
            return held_up
        late = evidence.sent_late(live) if order.role in _DECIDED else None
        return late or Reason(MISSING, f"the venue did not fill it ({_end_of(live)})")

    def _decision(self, lane: Lane, bar: int, cause: str, pair: Pair) -> Reason | None:
        """Why only one side decided so at a bar."""
        evidence = self._evidence
        found = evidence.bar_fault(lane, bar, cause)
        if found is not None:
            return found
        code, reason = evidence.denial(lane, bar)
        if reason is not None:
            return reason
        if code in OF_THE_LANE or evidence.held_differs(lane, bar):
            return self._root_as_reason(self._lanes.get(lane) or self._largest())
        if code in OF_THE_ACCOUNT:
            return self._root_as_reason(self._largest())
        late = evidence.lateness(lane[1], bar)
        if late:
            return Reason(TIMING, late)
        disabled = evidence.disabled(lane, bar)
        if disabled is not None:
            return disabled
        if evidence.figures_differ(lane, bar):
            found = evidence.data_fault(lane, bar) or self._root_as_reason(self._lanes.get(lane))
            if found is not None:
                return found
        return evidence.held_up(bar, bar + evidence.patience, cause, lane[1]) if cause == MISSING else None

    def _within_a_bar(self, pair: Pair) -> Reason | None:
        """Whether both sides left the position within one bar, by different orders."""
        if pair.opener is None:
            return None
        heard = _first_heard(pair.one)
        for other in self._siblings:
            if other is pair or other.opener is not pair.opener or not other.has_fills:
                continue
            if (other.live is None) != (pair.live is None) and abs(_first_heard(other.one) - heard) <= self._evidence.length(
                pair.one.order.symbol, heard
            ):
                return Reason(TIMING, "within one bar the backtest takes the worse for the first")
        return None

    def _outside(self, pair: Pair) -> Reason | None:
        """Whether the venue filled at a price that the bars do not show."""
        live = pair.live
        if live is None or not live.fills:
            return None
        fill = live.fills[0]
        heard = live.heard.get(fill.fill_id, fill.time)
        closes = [close for symbol, close in self._evidence.tested.bars if symbol == live.order.symbol and close >= heard - 1]
        bar = self._evidence.bar(live.order.symbol, min(closes)) if closes else None
        if bar is not None and not bar.prices[2] <= fill.price_raw <= bar.prices[1]:
            price = live.order.instrument.price(fill.price_raw)
            return Reason(EXTRA, f"the venue traded at {price:f}, which lies outside the bar")
        return None

    # ------------------------------------------------------------------ executed on both sides

    def _why_quantity(self, pair: Pair, live: Filled, tested: Filled) -> Reason | None:
        assert pair.live is not None
        assert pair.tested is not None
        mine, theirs = pair.live.order, pair.tested.order
        if mine.request.quantity_raw == theirs.request.quantity_raw:
            return Reason(PARTIAL, self._partial_words(pair.live, pair.tested, live, tested))
        evidence, lane, bar = self._evidence, pair.live.lane, pair.live.bar
        changed = evidence.conditions.find(RISK, evidence.live.since, pair.live.created)
        if changed is not None:
            return Reason(SIGNAL, changed.words)
        if evidence.held_differs(lane, bar) and lane in self._lanes:
            return self._lanes[lane].reason
        if evidence.figures_differ(lane, bar):
            found = evidence.data_fault(lane, bar) or self._root_as_reason(self._lanes.get(lane))
            if found is not None:
                return found
        return self._root_as_reason(self._largest())

    def _partial_words(self, mine: OrderTrace, theirs: OrderTrace, live: Filled, tested: Filled) -> str:
        instrument = mine.order.instrument
        asked = instrument.quantity(mine.order.request.quantity_raw)
        parts = [f"{instrument.quantity(filled.quantity):f} of {asked:f}" for filled in (live, tested)]
        least = mine if live.quantity < tested.quantity else theirs
        bar = self._evidence.bar(mine.order.symbol, _bar_after(self._evidence, mine.order.symbol, _first_heard(least)))
        share = ""
        if bar is not None and bar.prices[4]:
            share = f", {100 * min(live.quantity, tested.quantity) / bar.prices[4]:.2g} % of the bar's volume"
        return f"limit of volume: {parts[0]} filled, in the backtest {parts[1]}{share}"

    def _why_later(self, pair: Pair) -> Reason | None:
        """Why an order was sent or executed at another time; None where it was not."""
        live, tested = pair.live, pair.tested
        assert live is not None
        assert tested is not None
        evidence = self._evidence
        others = evidence.closed_by_others(live)
        if others is not None:
            return others
        late = evidence.sent_late(live) if live.order.role in _DECIDED else None
        if _bars_differ(pair) and live.order.role in _DECIDED:
            if late is not None:
                return late
            return self._decision(live.lane, min(live.bar, tested.bar), TIMING, pair) or _UNKNOWN
        if late is not None:
            return late
        if self._same_bar(pair):
            return None
        heard = _first_heard(live)
        held_up = evidence.held_up(live.created, heard, TIMING, live.order.symbol)
        if held_up is not None:
            return held_up
        return Reason(TIMING, f"executed at {clock(heard)}, in the backtest in the bar that closed at {clock(_first_heard(tested))}")

    def _same_bar(self, pair: Pair) -> bool:
        """Whether the session heard of the first execution while the bar lasted on which the backtest has it, or right after."""
        assert pair.live is not None
        assert pair.tested is not None
        close = _first_heard(pair.tested)
        opened = close - self._evidence.length(pair.one.order.symbol, close)
        return opened <= _first_heard(pair.live) <= close + self._evidence.patience


def is_opener(pair: Pair) -> bool:
    """Whether a pair opens a position, or may."""
    return pair.one.order.role in OPENERS


def _first_heard(trace: OrderTrace) -> int:
    return min((trace.heard.get(fill.fill_id, fill.time) for fill in trace.fills), default=trace.created)


def _bar_after(evidence: Evidence, symbol: str, moment: int) -> int:
    """Close time of the bar during which, or at the close of which, something became known."""
    closes = [close for name, close in evidence.tested.bars if name == symbol and close <= moment + evidence.patience]
    return max(closes, default=0)


def _bars_differ(pair: Pair) -> bool:
    return pair.live is not None and pair.tested is not None and pair.live.bar != pair.tested.bar


def _prices_differ(pair: Pair) -> bool:
    """Whether the two orders asked for other prices."""
    if pair.live is None or pair.tested is None:
        return False
    mine, theirs = pair.live.order, pair.tested.order
    return (mine.limit_raw, mine.stop_raw) != (theirs.limit_raw, theirs.stop_raw)


def _fees_differ(live: Filled, tested: Filled) -> bool:
    return live.commission != tested.commission and live.quantity == tested.quantity and live.value == tested.value


def _price_words(pair: Pair, live: Filled, tested: Filled) -> str:
    instrument, sign = pair.one.order.instrument, pair.one.order.sign
    unit = float(10**instrument.price_scale)
    better = sign * (tested.value / tested.quantity - live.value / live.quantity) / unit
    return f"slippage: {abs(better):.4g} a unit {'better' if better > 0 else 'worse'} than in the backtest"


def _fee_words(pair: Pair, live: Filled, tested: Filled) -> str:
    return "commission higher than in the backtest" if live.commission > tested.commission else "commission lower than in the backtest"


def _end_of(trace: OrderTrace) -> str:
    order = trace.order
    word = order.state.value.replace("_", " ")
    return f"{word}: {order.reason}" if order.reason else word
