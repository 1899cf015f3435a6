"""A session as a result: its journal is handled once more, and what comes of it is gathered as a backtest gathers it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import numpy as np

from algotrader.assembly import Assembly
from algotrader.core import engine as engine_module
from algotrader.core import reports
from algotrader.core.events import Event, MarketData, OrderFill, SliceClosed
from algotrader.core.market import Bar
from algotrader.core.reports import Report
from algotrader.core.scaled import MONEY_SCALE, from_money
from algotrader.history.calendars import ALWAYS_OPEN
from algotrader.research.collect import MAX_CHARTS, Collector, parameters_of, recorded_by, session_days
from algotrader.research.result import BacktestResult, PriceSeries
from algotrader.research.trades import Execution, Fills, Stops, Trips


class SessionRecord:
    """Takes a session's events as a replay hands them out; one point of the equity curve for every slice of bars.

    Args:
        setup: the engine that handles them, and what it was made of.
    """

    def __init__(self, setup: Assembly) -> None:
        self._setup: Final = setup
        self._collector: Final = Collector(setup.engine, setup.instruments)
        self._bars: Final[dict[str, list[Bar]]] = {instrument.symbol: [] for instrument in setup.instruments}
        self._times: Final[list[int]] = []
        self._equity: Final[list[float]] = []
        self._closes: Final[list[int]] = []
        self._exposed = 0
        self._began = 0

    def take(self, event: Event, reported: list[Report]) -> None:
        """Take an event that the engine has just handled, and what it reported."""
        self._began = self._began or event.time
        self._collector.report(reported)
        if isinstance(event, MarketData):
            if event.bar is not None:
                self._bars[event.bar.instrument.symbol].append(event.bar)
        elif isinstance(event, SliceClosed):
            self._point(event.close_time or event.time)

    def _point(self, time: int) -> None:
        state = self._setup.engine.state
        if time <= (self._times[-1] if self._times else self._began):
            # Bars of the past: a gap that was filled, or what the strategies warm up on.
            return
        self._times.append(time)
        self._equity.append(state.equity() / 10.0**MONEY_SCALE)
        self._closes.append(state.tracks[0].last_raw)
        self._exposed += any(holding.quantity_raw for holding in state.holdings.values())

    def result(self, capital: Decimal, assumptions: dict[str, str]) -> BacktestResult:
        """What the session came to.

        Args:
            capital: with which it began.
            assumptions: how its fills came about, for people.
        """
        setup, state = self._setup, self._setup.engine.state
        times = np.array(self._times, dtype=np.int64)
        first = setup.instruments[0]
        closes = np.array(self._closes, dtype=np.float64)
        instruments = {instrument.symbol: instrument for instrument in setup.instruments}
        collected = self._collector
        result = BacktestResult(
            strategy=setup.label,
            parameters=parameters_of(setup),
            symbols=tuple(instruments),
            interval=setup.interval,
            start=self._times[0] if self._times else 0,
            end=self._times[-1] if self._times else 0,
            capital=capital,
            final_equity=from_money(state.equity()) if state.ledger.cash else capital,
            equity_time=times,
            equity=np.array(self._equity, dtype=np.float64),
            session_days=session_days(first.calendar, times),
            annual_sessions=365 if all(each.calendar == ALWAYS_OPEN for each in setup.instruments) else 252,
            exposure=self._exposed / len(times) if len(times) else 0.0,
            benchmark_symbol=first.symbol,
            benchmark=np.asarray(float(capital) * closes / closes[0]) if len(closes) and closes[0] else None,
            fills=Fills(self._executions(), instruments),
            round_trips=Trips(state.ledger.trips),
            stops=Stops(collected.stops, instruments),
            problems=collected.problems,
            recorded=recorded_by(setup),
            assumptions=assumptions,
            counts=dict(sorted(collected.counts.items())),
            engine="compiled" if not engine_module.__file__.endswith(".py") else "plain Python",
            kind="Paper session",
        )
        incomplete = setup.engine.streams.incomplete()
        if incomplete:
            result.counts[reports.DATA_INCOMPLETE] = incomplete
        result.prices.extend(self._charts(result))
        return result

    def _executions(self) -> list[Execution]:
        """Every execution in the engine's books, once, in the order in which they happened."""
        found: list[Execution] = []
        # An order that was replaced is there under the id of each of its legs.
        orders = {order.client_order_id: order for order in self._setup.engine.state.orders.values()}
        for order in orders.values():
            for fill in order.fills.values():
                event = OrderFill(
                    fill.time,
                    fill.client_order_id,
                    fill.fill_id,
                    order.symbol,
                    fill.side,
                    fill.price_raw,
                    fill.quantity_raw,
                    fill.commission,
                )
                found.append((event, order))
        return sorted(found, key=lambda one: (one[0].time, one[0].fill_id))

    def _charts(self, result: BacktestResult) -> list[PriceSeries]:
        """The bars from the first point of the curve on, of the symbols with the most round trips."""
        trips = dict.fromkeys(self._bars, 0)
        for trip in result.round_trips:
            trips[trip.symbol] += 1
        chosen = sorted(trips, key=lambda symbol: (-trips[symbol], symbol))[:MAX_CHARTS]
        return [series for symbol in chosen if (series := self._series(symbol)) is not None]

    def _series(self, symbol: str) -> PriceSeries | None:
        bars = [bar for bar in self._bars[symbol] if self._times and bar.close_time >= self._times[0]]
        if not bars:
            return None
        instrument = bars[0].instrument
        unit, quantity = 10.0**instrument.price_scale, 10.0**instrument.quantity_scale
        rows = np.array(
            [(b.open_raw / unit, b.high_raw / unit, b.low_raw / unit, b.close_raw / unit, b.volume_raw / quantity) for b in bars],
            dtype=np.float64,
        )
        return PriceSeries(symbol, np.array([bar.open_time for bar in bars], dtype=np.int64), *rows.T)
