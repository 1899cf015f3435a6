"""Gathers what an engine tells during a backtest and makes the result of it."""

from __future__ import annotations

import traceback
from collections import Counter
from typing import Final

import numpy as np

from algotrader.assembly import Assembly
from algotrader.core import engine as engine_module
from algotrader.core import reports
from algotrader.core.engine import Engine
from algotrader.core.instruments import Instrument
from algotrader.core.market import NS_PER_DAY
from algotrader.core.reports import Report
from algotrader.core.scaled import from_money
from algotrader.history.calendars import ALWAYS_OPEN, sessions_between
from algotrader.history.catalogue import Catalogue
from algotrader.research.equity import EquityCurve
from algotrader.research.options import BacktestOptions
from algotrader.research.result import BacktestResult, PriceSeries, ProblemRecord, Times, Values
from algotrader.research.trades import Execution, Fills, Stops, Trips
from algotrader.simulation.loop import BacktestLoop
from algotrader.simulation.settings import SimulationSettings
from algotrader.strategies.algorithm import TradingAlgorithm

MAX_PROBLEMS: Final = 1000
"""Problems kept in full; more are only counted."""

MAX_ALIKE: Final = 25
"""Problems of one kind and cause kept in full."""

MAX_CHARTS: Final = 12
"""Symbols for which the result carries bars for the chart."""

_STOPS: Final = frozenset({reports.STOP_PLACED, reports.STOP_MOVED, reports.TRADE_CLOSED})
_PROBLEMS: Final = frozenset(
    {
        reports.STRATEGY_ERROR,
        reports.STRATEGY_VALUE,
        reports.SIGNAL_DENIED,
        reports.ORDER_DENIED,
        reports.ORDER_REJECTED,
        reports.DATA_DROPPED,
        reports.NOT_FLAT,
        reports.STOP_FALLBACK,
        reports.STOP_BREACH,
        reports.BREAKER_TRIPPED,
        reports.LATE_FILL,
        reports.UNEXPECTED,
        reports.UNKNOWN_ORDER,
        reports.CORPORATE_ACTION,
    }
)
_TAKEN: Final = _STOPS | _PROBLEMS


class Collector:
    """Takes reports and fills as a run goes on."""

    def __init__(self, engine: Engine, instruments: list[Instrument]) -> None:
        self.engine = engine
        self.instruments = {instrument.symbol: instrument for instrument in instruments}
        self.fills: list[Execution] = []
        self.stops: list[Report] = []
        self.problems: list[ProblemRecord] = []
        self.counts: Counter[str] = Counter()
        self._causes: dict[str, int] = {}

    def take(self, loop: BacktestLoop) -> None:
        """Take what came since the last call."""
        orders = self.engine.state.orders
        self.fills += [(event, orders.get(event.client_order_id)) for event in loop.fills]
        loop.fills = []
        self.report(self.engine.take_reports())

    def report(self, taken: list[Report]) -> None:
        """Count reports, and keep those that the result shows."""
        kinds = Counter([report.kind for report in taken])
        self.counts += kinds
        if _TAKEN.isdisjoint(kinds):
            return
        for report in [report for report in taken if report.kind in _TAKEN]:
            if report.kind in _STOPS:
                self.stops.append(report)
            elif self._is_news(report):
                trace = "" if report.error is None else "\n" + "".join(traceback.format_exception(report.error)).rstrip()
                self.problems.append(ProblemRecord(report.time, report.kind, report.symbol, report.message + trace))

    def _is_news(self, report: Report) -> bool:
        """Whether a problem is kept in full: of one kind and cause only the first ones are."""
        cause = f"{report.kind} {report.message.partition(':')[0]}"
        seen = self._causes.get(cause, 0)
        self._causes[cause] = seen + 1
        return seen < MAX_ALIKE and len(self.problems) < MAX_PROBLEMS

    def result(
        self,
        setup: Assembly,
        settings: SimulationSettings,
        options: BacktestOptions,
        curve: EquityCurve,
        period: tuple[int, int],
        catalogue: Catalogue,
    ) -> BacktestResult:
        """Put the result together and let algorithm-style strategies analyse it."""
        times, equity = curve.curve()
        instruments = setup.instruments
        state = self.engine.state
        continuous = all(instrument.calendar == "24/7" for instrument in instruments)
        incomplete = self.engine.streams.incomplete()
        if incomplete:
            self.counts[reports.DATA_INCOMPLETE] = incomplete
        own = next((algorithm.benchmark for algorithm in setup.algorithms if algorithm.benchmark), "")
        benchmark = (options.benchmark or own or instruments[0].symbol) if len(times) else ""
        line = curve.closes(benchmark)
        if line is None:
            line = _closes(catalogue, benchmark, setup.base, period, times)
        result = BacktestResult(
            strategy=setup.label,
            parameters=parameters_of(setup),
            symbols=tuple(instrument.symbol for instrument in instruments),
            interval=setup.interval,
            start=period[0],
            end=int(times[-1]) if len(times) else period[1],
            capital=options.capital,
            final_equity=from_money(state.equity()),
            equity_time=times,
            equity=equity,
            session_days=session_days(instruments[0].calendar, times),
            annual_sessions=365 if continuous else 252,
            exposure=curve.exposure,
            benchmark_symbol=benchmark,
            benchmark=None if line is None else np.asarray(float(options.capital) * line / line[0]),
            fills=Fills(self.fills, self.instruments),
            round_trips=Trips(state.ledger.trips),
            stops=Stops(self.stops, self.instruments),
            problems=self.problems,
            recorded=recorded_by(setup),
            assumptions=_assumptions(settings, options, setup),
            counts=dict(sorted(self.counts.items())),
            engine="compiled" if not engine_module.__file__.endswith(".py") else "plain Python",
        )
        for algorithm in setup.algorithms:
            self._analyze(algorithm, result)
        return result

    def release(self) -> None:
        """Let go of what a run has piled up in its engine.

        An engine's parts know each other, so that only the garbage collector could free it, and it would have to look at all of it.
        """
        state = self.engine.state
        state.orders, state.order_holding = {}, {}
        ledger = state.ledger
        ledger.trips, ledger.booked = [], {}
        for position in ledger.positions.values():
            position.bookings, position.trips = [], []

    def _analyze(self, algorithm: TradingAlgorithm, result: BacktestResult) -> None:
        """Let a strategy look at its result; a mistake in there does not lose the run."""
        try:
            algorithm.analyze_results(result)
        except Exception as error:
            message = f"{type(error).__name__}: {error} in analyze\n" + "".join(traceback.format_exception(error)).rstrip()
            result.problems.append(ProblemRecord(result.end, reports.STRATEGY_ERROR, ",".join(result.symbols), message))
            result.counts[reports.STRATEGY_ERROR] = result.counts.get(reports.STRATEGY_ERROR, 0) + 1


def parameters_of(setup: Assembly) -> dict[str, object]:
    """Every parameter of the strategies with its value; of several strategies under the strategy's name."""
    shown: dict[str, object] = {}
    for plan in setup.plans:
        model = plan.kind.parameters_type(**plan.parameters)
        prefix = f"{plan.owner}." if len(setup.plans) > 1 else ""
        shown.update({prefix + name: value for name, value in model.model_dump().items()})
    return shown


def recorded_by(setup: Assembly) -> dict[str, tuple[Times, Values]]:
    """What algorithm-style strategies have recorded, by name."""
    found: dict[str, tuple[Times, Values]] = {}
    for algorithm in setup.algorithms:
        for name, points in algorithm.recorded.items():
            found[name] = (np.array([p[0] for p in points], dtype=np.int64), np.array([p[1] for p in points], dtype=np.float64))
    return found


def _assumptions(settings: SimulationSettings, options: BacktestOptions, setup: Assembly) -> dict[str, str]:
    said = settings.assumptions()
    said["venue"] = options.capabilities.name
    said["capital"] = f"{options.capital:,} {setup.instruments[0].currency}"
    said["prices"] = "raw; splits and dividends of the catalogue are applied as events"
    said["hours"] = "regular and extended" if setup.wants_extended else "regular session only"
    said["bars fed"] = setup.base
    return said


def session_days(calendar: str, times: Times) -> Times:
    """Number the trading day of every point: a point at a session's close belongs to it."""
    if len(times) == 0:
        return times
    if calendar == ALWAYS_OPEN:
        return np.asarray((times - 1) // NS_PER_DAY)
    return sessions_between(calendar, int(times[0]) - 7 * NS_PER_DAY, int(times[-1]) + 1).opened_by(times - 1)


def _closes(catalogue: Catalogue, symbol: str, base: str, period: tuple[int, int], times: Times) -> Values | None:
    """The benchmark's last close at each point, its first close before that; None when the catalogue has no such bars."""
    if not symbol or base not in catalogue.intervals(symbol):
        return None
    close_times, closes = catalogue.closes(symbol, base, *period)
    if len(closes) == 0:
        return None
    at = np.searchsorted(close_times, times, side="right") - 1
    return closes.astype(np.float64)[np.maximum(at, 0)]


def load_prices(result: BacktestResult, catalogue: Catalogue) -> None:
    """Add the bars that the price charts of a report show, for the symbols with the most round trips."""
    trips: dict[str, int] = dict.fromkeys(result.symbols, 0)
    for trip in result.round_trips:
        trips[trip.symbol] += 1
    chosen = sorted(result.symbols, key=lambda symbol: (-trips[symbol], symbol))[:MAX_CHARTS]
    base = result.assumptions["bars fed"]
    for symbol in chosen:
        instrument = catalogue.instrument(symbol)
        frame = catalogue.scan(symbol, base, result.start, result.end).sort("open_time").collect()
        unit = 10.0**instrument.price_scale
        prices = {name: frame[name].to_numpy() / unit for name in ("open", "high", "low", "close")}
        volume = frame["volume"].to_numpy() / 10.0**instrument.quantity_scale
        times = frame["open_time"].to_numpy()
        result.prices.append(PriceSeries(symbol, times, prices["open"], prices["high"], prices["low"], prices["close"], volume))
