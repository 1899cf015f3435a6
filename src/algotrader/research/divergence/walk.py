"""The walk through a day from cause to effect: each difference gets the cause it has, or that of the difference it follows from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from algotrader.core.orders import OrderState
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
from algotrader.research.divergence.orders import (
    bar_after,
    bars_differ,
    end_of,
    fee_words,
    first_heard,
    is_decided,
    price_words,
    prices_differ,
)
from algotrader.research.divergence.pairs import Pair
from algotrader.research.divergence.traces import Lane, OrderTrace

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
            found = self._inherited(pair) or self._why_alone(pair, EXTRA if live.quantity else MISSING)
            self._record(pair, found, amount, shifts=True)
            return
        parts = divide(live, tested, instrument, sign, mark)
        if live.quantity != tested.quantity:
            self._record(pair, self._inherited(pair) or self._why_quantity(pair, live, tested), parts.quantity, shifts=True)
        same_average = live.value * tested.quantity == tested.value * live.quantity
        if not same_average or not self._same_bar(pair):
            self._price(pair, parts.price, live, tested)
        if parts.fee:
            self._record(pair, Reason(FEE, fee_words(live, tested)), parts.fee)

    def _price(self, pair: Pair, amount: int, live: Filled, tested: Filled) -> None:
        inherited = self._inherited(pair)
        if inherited is not None and (not self._same_bar(pair) or prices_differ(pair) or bars_differ(pair)):
            self._record(pair, inherited, amount, remembered=True)
            return
        # A stop that is reckoned from the entry's price follows that price.
        followed = self._priced.get(id(pair.opener)) if pair.opener is not None and prices_differ(pair) else None
        if followed is not None:
            self._record(pair, followed, amount)
            return
        timing = self._why_later(pair)
        if timing is not None:
            self._record(pair, timing, amount, remembered=True)
            return
        if prices_differ(pair):
            self._record(pair, self._why_priced(pair), amount)
            return
        if pair.live is not None and pair.tested is not None and len(pair.live.fills) != len(pair.tested.fills):
            self._record(pair, Reason(PARTIAL, self._pieces(pair.live, pair.tested)), amount)
            return
        self._record(pair, Reason(PRICE, price_words(pair, live, tested)), amount)

    # ------------------------------------------------------------------ what follows from what

    def _record(
        self, pair: Pair, found: Reason | Root | None, amount: int, *, shifts: bool = False, remembered: bool = False
    ) -> None:
        """Keep a finding: with a reason of its own, or as a consequence of what has that root.

        Args:
            pair: of orders.
            found: the reason or the root; None where nothing explains it.
            amount: money.
            shifts: from here on the two sides hold different positions, so that all that closes them differs too.
            remembered: the strategy may remember it, though both hold the same again.
        """
        if isinstance(found, Root):
            root = found
        else:
            reason = found or _UNKNOWN
            root = self._roots.setdefault(reason, Root(reason))
        root.amount += amount
        if isinstance(found, Root):
            root.followed += 1
        else:
            root.direct += 1
        self.findings.append(Finding(pair, root, amount, isinstance(found, Root)))
        trade = id(pair.opener or pair)
        self._priced.setdefault(trade, root)
        if shifts:
            self._trades.setdefault(trade, root)
        if shifts or remembered:
            self._lanes[pair.one.lane] = root

    def _inherited(self, pair: Pair) -> Root | None:
        """The root of what opened the position, if the two sides differed there or since."""
        return None if pair.opener is None else self._trades.get(id(pair.opener))

    def _largest(self) -> Root | None:
        """The difference that has moved the account most so far."""
        return max(self._roots.values(), key=lambda root: abs(root.amount), default=None)

    # ------------------------------------------------------------------ executed on one side only

    def _why_alone(self, pair: Pair, cause: str) -> Reason | Root | None:
        if pair.live is not None and pair.tested is not None:
            return self._why_not_filled(pair, pair.live, pair.tested, cause)
        trace = pair.one
        others = self._evidence.closed_by_others(trace) if pair.live is not None else None
        if others is not None:
            return others
        if is_decided(trace):
            found = self._decision(trace.lane, trace.bar, cause)
            if found is not None:
                return found
        return self._within_a_bar(pair) or self._outside(pair)

    def _why_not_filled(self, pair: Pair, live: OrderTrace, tested: OrderTrace, cause: str) -> Reason | Root | None:
        """Why the same order was executed on one side only."""
        order, evidence = live.order, self._evidence
        if cause == MISSING and order.state in (OrderState.REJECTED, OrderState.SUBMIT_FAILED):
            return Reason(MISSING, f"the venue refused it: {order.reason or order.state.value}")
        stopped = self._interrupted(live) if cause == MISSING else evidence.unfed(live) or self._outside(pair)
        found = stopped or (evidence.sent_late(live) if is_decided(live) else None)
        if found is not None:
            return found
        if bars_differ(pair) and is_decided(live):
            return self._decision(live.lane, min(live.bar, tested.bar), cause)
        ended = max(order.changed_time, tested.order.changed_time)
        data = evidence.data_fault(live.lane, ended + evidence.patience, pair.bar)
        if data is not None:
            return data
        if prices_differ(pair):
            return self._lanes.get(live.lane)
        if cause == EXTRA:
            return Reason(EXTRA, f"the backtest's venue did not fill it ({end_of(tested)})")
        return Reason(MISSING, f"the venue did not fill it ({end_of(live)})")

    def _interrupted(self, live: OrderTrace) -> Reason | None:
        """Whether something ended an order before all of it was executed."""
        order = live.order
        if order.state is not OrderState.CANCELED:
            return None
        closed = self._evidence.closed_between(live.created, order.changed_time, order.symbol)
        return closed or self._evidence.held_up(live.created, max(order.changed_time, live.created), MISSING, order.symbol)

    def _decision(self, lane: Lane, bar: int, cause: str) -> Reason | Root | None:
        """Why only one side decided so at a bar."""
        evidence = self._evidence
        found = evidence.bar_fault(lane, bar, cause)
        if found is not None:
            return found
        code, reason = evidence.denial(lane, bar)
        if reason is not None:
            return reason
        if code in OF_THE_LANE or evidence.held_differs(lane, bar):
            return self._lanes.get(lane) or self._largest()
        if code in OF_THE_ACCOUNT:
            return self._largest() or evidence.limited(bar, cause)
        late = evidence.lateness(lane[1], bar)
        if late:
            return Reason(TIMING, late)
        disabled = evidence.disabled(lane, bar)
        if disabled is not None:
            return disabled
        if evidence.figures_differ(lane, bar):
            before = evidence.data_fault(lane, bar) or self._lanes.get(lane)
            if before is not None:
                return before
        return evidence.held_up(bar, bar + evidence.patience, cause, lane[1]) if cause == MISSING else None

    def _within_a_bar(self, pair: Pair) -> Reason | None:
        """Whether both sides left the position within one bar, by different orders."""
        if pair.opener is None:
            return None
        heard = first_heard(pair.one)
        for other in self._siblings:
            if other is pair or other.opener is not pair.opener or not other.has_fills:
                continue
            if (other.live is None) != (pair.live is None) and abs(first_heard(other.one) - heard) <= self._evidence.length(
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

    def _why_quantity(self, pair: Pair, live: Filled, tested: Filled) -> Reason | Root | None:
        assert pair.live is not None
        assert pair.tested is not None
        mine, theirs = pair.live.order, pair.tested.order
        if mine.request.quantity_raw == theirs.request.quantity_raw:
            interrupted = self._interrupted(pair.live) if live.quantity < tested.quantity else None
            if interrupted is not None:
                return interrupted
            return Reason(PARTIAL, self._partial_words(pair.live, pair.tested, live, tested))
        if bars_differ(pair) and is_decided(pair.live):
            # Decided at another bar, it was sized by the prices of that one.
            later = self._why_later(pair)
            if later is not None and later is not _UNKNOWN:
                return later
        evidence, lane, bar = self._evidence, pair.live.lane, pair.live.bar
        changed = evidence.conditions.find(RISK, evidence.live.since, pair.live.created)
        if changed is not None:
            return Reason(SIGNAL, changed.words)
        if evidence.held_differs(lane, bar) and lane in self._lanes:
            return self._lanes[lane]
        if evidence.figures_differ(lane, bar):
            found = evidence.data_fault(lane, bar) or self._lanes.get(lane)
            if found is not None:
                return found
        return self._largest() or evidence.limited(bar, SIGNAL)

    def _partial_words(self, mine: OrderTrace, theirs: OrderTrace, live: Filled, tested: Filled) -> str:
        instrument = mine.order.instrument
        asked = instrument.quantity(mine.order.request.quantity_raw)
        parts = [f"{instrument.quantity(filled.quantity):f} of {asked:f}" for filled in (live, tested)]
        least = mine if live.quantity < tested.quantity else theirs
        bar = self._evidence.bar(mine.order.symbol, bar_after(self._evidence, mine.order.symbol, first_heard(least)))
        share = ""
        if bar is not None and bar.prices[4]:
            share = f", {100 * min(live.quantity, tested.quantity) / bar.prices[4]:.2g} % of the bar's volume"
        return f"limit of volume: {parts[0]} filled, in the backtest {parts[1]}{share}"

    def _why_priced(self, pair: Pair) -> Reason | Root | None:
        """Why two orders asked for other prices, though nothing that led to them differed."""
        lane, bar = pair.one.lane, max(each.bar for each in (pair.live, pair.tested) if each is not None)
        until = min(first_heard(each) for each in (pair.live, pair.tested) if each is not None)
        return self._evidence.data_fault(lane, max(bar, until)) or self._lanes.get(lane)

    def _pieces(self, live: OrderTrace, tested: OrderTrace) -> str:
        mine, theirs = len(live.fills), len(tested.fills)
        return f"limit of volume: filled in {mine} part{'s' if mine != 1 else ''}, in the backtest in {theirs}"

    def _why_later(self, pair: Pair) -> Reason | Root | None:
        """Why an order was sent or executed at another time; None where it was not."""
        live, tested = pair.live, pair.tested
        assert live is not None
        assert tested is not None
        evidence = self._evidence
        others = evidence.closed_by_others(live) if live.reason != tested.reason else None
        if others is not None:
            return others
        late = evidence.sent_late(live) if is_decided(live) else None
        if bars_differ(pair) and is_decided(live):
            if late is not None:
                return late
            return self._decision(live.lane, min(live.bar, tested.bar), TIMING) or _UNKNOWN
        if late is not None:
            return late
        if self._same_bar(pair):
            return None
        heard = first_heard(live)
        held_up = evidence.held_up(live.created, heard, TIMING, live.order.symbol) or evidence.unfed(live)
        if held_up is not None:
            return held_up
        if prices_differ(pair):
            return self._why_priced(pair) or _UNKNOWN
        return Reason(TIMING, f"executed at {clock(heard)}, in the backtest in the bar that closed at {clock(first_heard(tested))}")

    def _same_bar(self, pair: Pair) -> bool:
        """Whether the session heard of the first execution while the bar lasted on which the backtest has it, or right after."""
        assert pair.live is not None
        assert pair.tested is not None
        close = first_heard(pair.tested)
        opened = close - self._evidence.length(pair.one.order.symbol, close)
        return opened < first_heard(pair.live) <= close + self._evidence.patience
