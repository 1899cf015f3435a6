"""Base bars joined to candles as strategies see them, and strategies' indicators on every candle, by the engine's own parts."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from algotrader.core.bars import WHOLE_SESSION, BarAggregator
from algotrader.core.catch_up import CatchUp, ClosedBars
from algotrader.core.columns import IntColumn
from algotrader.core.instruments import Instrument
from algotrader.core.market import NS_PER_SECOND, Bar, Session
from algotrader.core.signal_style import SignalSlot
from algotrader.history.hours import Hours
from algotrader.strategies.base import SignalStrategy


@dataclass(slots=True)
class Candles:
    """Candles, oldest first, the last one perhaps in the making; ``openings`` has a byte a candle, 1 where a session opened."""

    bars: list[Bar]
    openings: bytes
    complete: int


def join(instrument: Instrument, base: Sequence[Bar], minutes: int, hours: Hours, regular_only: bool) -> Candles:
    """Join base bars.

    Args:
        instrument: what they are of.
        base: bars of one length, oldest first.
        minutes: length of a candle; 0 for whole sessions.
        hours: of the instrument's calendar.
        regular_only: leave out what lies outside the regular session.
    """
    if not base:
        return Candles([], b"", 0)
    seconds = (base[-1].close_time - base[-1].open_time) // NS_PER_SECOND
    if minutes != WHOLE_SESSION and minutes * 60 <= seconds:
        return _as_they_are(base, hours, regular_only)
    return _Joiner(instrument, minutes, seconds, hours).join(base)


def _as_they_are(base: Sequence[Bar], hours: Hours, regular_only: bool) -> Candles:
    kept = [bar for bar in base if not regular_only or hours.is_trading(bar.open_time)]
    opens = [session.open_time if (session := hours.session_at(bar.open_time)) is not None else 0 for bar in kept]
    marks = bytes(opens[i] != 0 and (i == 0 or opens[i] != opens[i - 1]) for i in range(len(opens)))
    return Candles(kept, marks, len(kept))


class _Joiner:
    """Feeds the engine's own aggregator, session by session."""

    def __init__(self, instrument: Instrument, minutes: int, seconds: int, hours: Hours) -> None:
        self._aggregator: Final = BarAggregator(instrument, minutes, seconds)
        self._instrument: Final = instrument
        self._hours: Final = hours
        self._bars: Final[list[Bar]] = []
        self._marks: Final = bytearray()
        self._session: Session | None = None
        self._is_new = False

    def join(self, base: Sequence[Bar]) -> Candles:
        for bar in base:
            self._enter(bar.open_time)
            if self._session is not None:
                self._take(
                    self._aggregator.push(
                        bar.open_time, bar.close_time, bar.open_raw, bar.high_raw, bar.low_raw, bar.close_raw, bar.volume_raw
                    )
                )
        complete = len(self._bars)
        self._take(self._aggregator.close_session())
        if self._session is not None and base[-1].close_time >= self._session.close_time:
            complete = len(self._bars)
        return Candles(self._bars, bytes(self._marks), complete)

    def _enter(self, moment: int) -> None:
        if self._session is not None and self._session.open_time <= moment < self._session.close_time:
            return
        session = self._hours.session_at(moment)
        if session is not None:
            self._take(self._aggregator.open_session(session))
            self._session, self._is_new = session, True

    def _take(self, count: int) -> None:
        for place in range(count):
            window = self._aggregator.ready[place]
            self._bars.append(window.bar())
            self._marks.append(self._is_new)
            self._is_new = False


def indicator_values(slot: SignalSlot, candles: Candles) -> dict[str, list[tuple[int, float]]]:
    """A strategy's indicators on every complete candle on which they are there: open time and value, by name.

    The strategy that trades is left alone: a second one of the same parameters makes the indicators.

    Raises:
        Exception: whatever a strategy or an indicator of a user's own raises.
    """
    hooks = slot.hooks
    if not isinstance(hooks, SignalStrategy):
        return {}
    twin = type(hooks)(hooks.symbol, hooks.parameters)
    if candles.complete == 0:
        return {name: [] for name in twin.indicators()}
    instrument = slot.track.instrument
    bars = candles.bars[: candles.complete]
    closed = ClosedBars(
        _column([bar.open_raw for bar in bars]),
        _column([bar.high_raw for bar in bars]),
        _column([bar.low_raw for bar in bars]),
        _column([bar.close_raw for bar in bars]),
        _column([bar.volume_raw for bar in bars]),
        candles.openings[: candles.complete],
    )
    found = {}
    for name, indicator in twin.indicators().items():
        indicator.bind(instrument.price_scale, instrument.quantity_scale)
        run = CatchUp(indicator)
        run.use(1, closed)
        values = array("d", run.values("value"))
        found[name] = [(bar.open_time, value) for bar, value in zip(bars, values, strict=True) if math.isfinite(value)]
    return found


def _column(numbers: list[int]) -> IntColumn:
    return IntColumn(array("q", numbers).tobytes())
