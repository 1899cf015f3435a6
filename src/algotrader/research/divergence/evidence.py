"""Why a session decided otherwise than a backtest: what is known of its bars, its denials, and what happened around it."""

from __future__ import annotations

from statistics import median
from typing import Final

from algotrader.core import risk
from algotrader.core.algorithm_style import AlgorithmSlot
from algotrader.core.market import NS_PER_MINUTE, NS_PER_SECOND
from algotrader.research.divergence.causes import EXTRA, MISSING, SIGNAL, TIMING, Reason
from algotrader.research.divergence.conditions import CLOSED, CUT_OFF, DISABLED, DOWN, HALTED, INSTRUMENT, Conditions, clock
from algotrader.research.divergence.traces import BarSeen, Lane, OrderTrace, Watch

LATE_NS: Final = NS_PER_SECOND
"""A bar that came this much later than bars of the session mostly did came late."""

END_OF_DAY: Final = "end of day"
"""Why positions are closed before a session ends."""

_OTHERS: Final = ("close: ", "reduce: ", "flatten: ", "emergency stop: ")

OF_THE_ENGINE: Final = ("stop guarantee broken", "triggered stop-limit did not fill", "stop at the market", "stop cannot be placed")
"""Why the engine closes a position by itself, at no bar."""

_SPELL_OF: Final = {
    risk.DENIED_HALTED: (DOWN, HALTED),
    risk.DENIED_REDUCING: (HALTED,),
    risk.DENIED_DISCONNECTED: (CUT_OFF,),
    risk.DENIED_INSTRUMENT_HALTED: (INSTRUMENT,),
}
_BY_ITSELF: Final = (
    risk.DENIED_EXTERNAL,
    risk.DENIED_UNKNOWN,
    risk.DENIED_INSTRUMENT_HALTED,
    risk.DENIED_DISCONNECTED,
)
"""Denials that no backtest knows: they say themselves what was the matter."""

OF_THE_LANE: Final = (risk.DENIED_HAS_POSITION, risk.DENIED_COOLDOWN)
"""Denials that come of what the strategy has in that instrument already."""

OF_THE_ACCOUNT: Final = (
    risk.DENIED_MAX_POSITIONS,
    risk.DENIED_SIZE,
    risk.DENIED_BUYING_POWER,
    risk.DENIED_BREAKER,
    risk.DENIED_OPPOSING,
    risk.DENIED_RANK,
    risk.DENIED_QUANTITY,
    risk.DENIED_CONTROL,
)
"""Denials that come of what the whole account has."""


class Evidence:
    """Answers questions about a day.

    Args:
        live: the session.
        tested: the backtest.
        conditions: around the session.
    """

    def __init__(self, live: Watch, tested: Watch, conditions: Conditions) -> None:
        self.live: Final = live
        self.tested: Final = tested
        self.conditions: Final = conditions
        delays = [seen.time - close for (_, close), seen in live.bars.items() if not seen.past and not seen.late]
        self.typical: Final = int(median(delays)) if delays else 0
        self._end: Final = max([close for _, close in [*live.bars, *tested.bars]], default=0)
        self._symbols: Final = sorted({symbol for symbol, _ in [*live.bars, *tested.bars]})
        self._differing: Final[dict[str, list[int]]] = {symbol: self._differences(symbol) for symbol in self._symbols}

    @property
    def patience(self) -> int:
        """How much later than a bar what belongs to it may become known."""
        return max(2 * NS_PER_SECOND, 4 * self.typical)

    def _differences(self, symbol: str) -> list[int]:
        """Close times of the bars that only one side had, or that were not the same, oldest first."""
        closes = {close for name, close in [*self.live.bars, *self.tested.bars] if name == symbol}
        return sorted(close for close in closes if self._differs(symbol, close))

    def _differs(self, symbol: str, close: int) -> bool:
        mine, theirs = self.live.bars.get((symbol, close)), self.tested.bars.get((symbol, close))
        return mine is None or theirs is None or mine.prices != theirs.prices

    def length(self, symbol: str, close: int) -> int:
        """How long a bar lasts."""
        seen = self.tested.bars.get((symbol, close)) or self.live.bars.get((symbol, close))
        return NS_PER_MINUTE if seen is None else close - seen.open_time

    # ------------------------------------------------------------------ bars

    def bar_fault(self, lane: Lane, bar: int, cause: str) -> Reason | None:
        """What was wrong with the bar that led to a decision, if the session had no chance to decide by it as a backtest does."""
        symbol = lane[1]
        mine, theirs = self.live.bars.get((symbol, bar)), self.tested.bars.get((symbol, bar))
        if mine is None and theirs is None:
            return None
        if theirs is None:
            return self._untested(symbol, bar)
        if mine is None:
            return self._absent(symbol, bar, cause)
        if mine.past:
            return self._spell((DOWN,), bar, mine.time, cause) or Reason(cause, f"the bar of {clock(bar)} came while catching up")
        return None

    def _absent(self, symbol: str, bar: int, cause: str) -> Reason:
        down = self._spell((DOWN,), bar - self.length(symbol, bar), bar + self.patience, cause)
        if down is not None:
            return down
        if len(self._symbols) > 1 and not any((other, bar) in self.live.bars for other in self._symbols):
            first, last = self._silence(bar)
            return Reason(cause, f"no bars came from {clock(first)} to {clock(last)}: the bar stream was lost")
        return Reason(SIGNAL, f"the bar of {symbol} that closed at {clock(bar)} never came")

    def _silence(self, bar: int) -> tuple[int, int]:
        """The stretch without any bar around a moment."""
        arrived = sorted(close for _, close in self.live.bars)
        before = [close for close in arrived if close < bar]
        after = [close for close in arrived if close > bar]
        return (before[-1] if before else self.live.since), (after[0] if after else self._end)

    def lateness(self, symbol: str, bar: int) -> str:
        """In words how late a bar came; empty when it came as bars mostly did."""
        seen = self.live.bars.get((symbol, bar))
        if seen is None or not (seen.late or seen.time - bar > self.typical + LATE_NS):
            return ""
        earlier = [other.time for other in self.live.bars.values() if other.time < seen.time - NS_PER_SECOND]
        silent_since = max(earlier, default=self.live.since)
        if seen.time - bar > self.patience and seen.time - silent_since > self.length(symbol, bar) + self.patience:
            return f"no bars came from {clock(silent_since)} to {clock(seen.time)}: the bar stream was lost"
        return f"the bar of {symbol} that closed at {clock(bar)} came {seconds(seen.time - bar - self.typical)} late"

    def data_fault(self, lane: Lane, until: int, after: int = 0) -> Reason | None:
        """The newest bar that only one side had, or that had other prices; of an algorithm's other instruments too.

        Args:
            lane: of the decision.
            until: the last moment at which it may have closed.
            after: it closed later than this.
        """
        wanted = {lane[1], *self._followed(lane[0])}
        found = [(close, symbol) for symbol in wanted for close in self._differing.get(symbol, []) if after < close <= until]
        if not found:
            return None
        close, symbol = max(found)
        if (symbol, close) not in self.tested.bars:
            return self._untested(symbol, close)
        if (symbol, close) not in self.live.bars:
            return Reason(SIGNAL, f"the bar of {symbol} that closed at {clock(close)} never came")
        return Reason(SIGNAL, f"the bar of {symbol} that closed at {clock(close)} had other prices")

    def unfed(self, trace: OrderTrace) -> Reason | None:
        """Whether the backtest lacks the bar right after the one that led to an order, so that it could not fill there."""
        symbol, bar = trace.order.symbol, trace.bar
        following = bar + self.length(symbol, bar)
        if bar == 0 or (symbol, following) in self.tested.bars:
            return None
        return self._untested(symbol, following)

    def _untested(self, symbol: str, close: int) -> Reason:
        return Reason(SIGNAL, f"the backtest has no bar of {symbol} that closed at {clock(close)}")

    def _followed(self, owner: str) -> list[str]:
        slots = [slot for slot in self.live.engine.state.slots if isinstance(slot, AlgorithmSlot) and slot.owner == owner]
        return self._symbols if slots else []

    # ------------------------------------------------------------------ what was known and denied

    def held_differs(self, lane: Lane, bar: int) -> bool:
        """Whether the two sides held different positions when they decided."""
        mine, theirs = self.live.known.get((*lane, bar)), self.tested.known.get((*lane, bar))
        return mine is not None and theirs is not None and mine.held != theirs.held

    def figures_differ(self, lane: Lane, bar: int) -> bool:
        """Whether indicators or the strategy's memory differed, or whether nobody can tell."""
        mine, theirs = self.live.known.get((*lane, bar)), self.tested.known.get((*lane, bar))
        return mine is None or theirs is None or mine.figures is None or mine.figures != theirs.figures

    def denial(self, lane: Lane, bar: int) -> tuple[str, Reason | None]:
        """The code with which only one side denied a signal, and the reason where it needs no other."""
        mine, theirs = self.live.signals.get((*lane, bar)), self.tested.signals.get((*lane, bar))
        if mine is not None and mine.denied and not (theirs is not None and theirs.denied):
            reason = self._spell(_SPELL_OF.get(mine.code, ()), bar, bar + self.length(lane[1], bar), MISSING)
            if reason is None and mine.code in _BY_ITSELF:
                reason = Reason(MISSING, mine.denied)
            return mine.code, reason
        if theirs is not None and theirs.denied and mine is not None and not mine.denied:
            return theirs.code, None
        return "", None

    def limited(self, bar: int, cause: str) -> Reason | None:
        """Whether the venue told of less buying power than our books say when it came to sizes."""
        return (
            Reason(cause, "sized by the buying power that the venue told, less than our books say")
            if bar in self.live.limited
            else None
        )

    def disabled(self, lane: Lane, bar: int) -> Reason | None:
        """Whether the strategy was switched off at a bar."""
        known = self.live.known.get((*lane, bar))
        if known is None or known.enabled:
            return None
        return self._spell((DISABLED,), bar, bar + self.patience, MISSING, lane[0])

    # ------------------------------------------------------------------ what happened around it

    def closed_by_others(self, trace: OrderTrace) -> Reason | None:
        """Whether an order closes a position because somebody wanted that, or the engine had to."""
        if trace.reason.startswith(_OTHERS):
            return self._spell((CLOSED,), 0, trace.created, EXTRA, trace.order.symbol) or Reason(EXTRA, trace.reason)
        return Reason(EXTRA, f"the engine closed it: {trace.reason}") if trace.reason in OF_THE_ENGINE else None

    def closed_between(self, start: int, end: int, symbol: str) -> Reason | None:
        """Whether somebody wanted a position closed at a time, and so the entries to it ended."""
        return self._spell((CLOSED,), start, end, EXTRA, symbol)

    def held_up(self, start: int, end: int, cause: str, symbol: str) -> Reason | None:
        """What of a session's troubles lasted at a time."""
        return self._spell((DOWN, CUT_OFF, HALTED, INSTRUMENT), start, end, cause, symbol)

    def _spell(self, kinds: tuple[str, ...], start: int, end: int, cause: str, subject: str = "") -> Reason | None:
        for kind in kinds:
            spell = self.conditions.find(kind, start, end, subject)
            if spell is not None:
                return Reason(cause, spell.text())
        return None

    # ------------------------------------------------------------------ the time of an order

    def sent_late(self, trace: OrderTrace) -> Reason | None:
        """Why an order left later than right after its bar."""
        if trace.bar == 0:
            return None
        late = self.lateness(trace.order.symbol, trace.bar)
        if late:
            return Reason(TIMING, late)
        delay = trace.created - trace.bar
        if delay <= self.typical + LATE_NS:
            return None
        if trace.reason == END_OF_DAY:
            return Reason(TIMING, "sent by the clock shortly before the close, in the middle of the last bar")
        held_up = self._spell((DOWN, CUT_OFF, INSTRUMENT), trace.bar, trace.created, TIMING, trace.order.symbol)
        if held_up is not None:
            return held_up
        awaited = [other for other in self._symbols if self._awaited(other, trace.bar, trace.created)]
        if awaited:
            return Reason(TIMING, f"{clock(trace.bar)}: waited {seconds(delay - self.typical)} for the bar of {', '.join(awaited)}")
        return Reason(TIMING, f"sent {seconds(delay)} after its bar had closed")

    def _awaited(self, symbol: str, bar: int, until: int) -> bool:
        """Whether the other bars of a close time had to wait for this one until a moment."""
        seen = self.live.bars.get((symbol, bar))
        return seen is None or seen.time > until or seen.time - bar > self.typical + LATE_NS

    def bar(self, symbol: str, close: int) -> BarSeen | None:
        """A bar of the backtest."""
        return self.tested.bars.get((symbol, close))


def seconds(span: int) -> str:
    """A span of time in seconds."""
    return f"{span / NS_PER_SECOND:.1f} s"
