"""Backtests: one function that takes a strategy, symbols and stored bars, and gives the result as plain records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import zip_longest
from pathlib import Path

from algotrader.assembly import Assembly, Plan, plan_routes
from algotrader.core.events import CashMovement, Split
from algotrader.core.instruments import Instrument, normal_symbol
from algotrader.core.market import nanoseconds
from algotrader.core.scaled import money
from algotrader.errors import UserError
from algotrader.history.catalogue import Catalogue
from algotrader.research.candidates import CandidatePlanner
from algotrader.research.collect import Collector
from algotrader.research.equity import EquityCurve
from algotrader.research.garbage import rare_collections
from algotrader.research.options import BacktestError, BacktestOptions
from algotrader.research.result import BacktestResult
from algotrader.research.schedule import build_schedule, corporate_events, unheard_by
from algotrader.research.setup import choose_base, run_setup
from algotrader.simulation.loop import BacktestLoop, Scheduled
from algotrader.simulation.venue import SimulatedVenue
from algotrader.strategies.parameters import ParameterError
from algotrader.strategies.registry import StrategyType, UnknownStrategy
from algotrader.strategies.scanners import Route, StaticScanner

__all__ = ["BacktestError", "BacktestOptions", "backtest", "verify_candidates"]

Moment = str | date | datetime | None
Progress = Callable[[float, str], None]


def backtest(
    strategy: str | StrategyType | None,
    symbols: Sequence[str],
    *,
    data: Catalogue | Path | str,
    start: Moment = None,
    end: Moment = None,
    interval: str | None = None,
    parameters: Mapping[str, object] | None = None,
    options: BacktestOptions | None = None,
    routes: Sequence[Route] = (),
    progress: Progress | None = None,
) -> BacktestResult:
    """Trade a strategy over stored bars.

    Args:
        strategy: a registered name, ``path/to/file.py:Name``, or the class itself; None when ``routes`` say it all.
        symbols: what to trade; registration order breaks ties between signals of equal confidence.
        data: the catalogue, or its folder.
        start: first day (or aware datetime), UTC; None for the first in the data of every symbol.
        end: last day, included (or aware datetime, not included); None for the last in the data.
        interval: of the strategy's bars, such as ``2m`` or ``1d``; None takes the strategy's own, or the finest stored.
        parameters: of the strategy.
        options: capital, costs and other assumptions.
        routes: several strategies, each with its scanner and parameters.
        progress: called with the fraction done and the date reached.

    Returns:
        Fills, round trips, the equity curve and everything else that is known about the run.

    Raises:
        UserError: what was asked for cannot be done; the message says what and the hint what to do.
    """
    chosen = options or BacktestOptions()
    catalogue = data if isinstance(data, Catalogue) else Catalogue(data)
    names = [normal_symbol(symbol) for symbol in symbols]
    if not names:
        raise BacktestError("no symbols to trade", "give at least one, such as --symbols AAPL")
    all_routes = list(routes)
    if strategy is not None:
        all_routes.insert(0, Route(StaticScanner(), strategy, dict(parameters or {})))
    if not all_routes:
        raise BacktestError("no strategy to run", "give a strategy or routes")
    try:
        plans = plan_routes(all_routes, names, interval)
    except (UnknownStrategy, ParameterError) as error:
        raise BacktestError(str(error), "algo-trader strategies lists them with their parameters") from None
    instruments = [catalogue.instrument(name) for name in names]
    if chosen.benchmark is not None:
        catalogue.instrument(chosen.benchmark)
    base = choose_base(catalogue, names, plans)
    period = resolve_period(catalogue, names, base, start, end)
    with rare_collections():
        return _run(catalogue, instruments, plans, base, period, chosen, progress)


def _run(
    catalogue: Catalogue,
    instruments: list[Instrument],
    plans: list[Plan],
    base: str,
    period: tuple[int, int],
    options: BacktestOptions,
    progress: Progress | None,
) -> BacktestResult:
    start_ns, end_ns = period
    setup = run_setup(instruments, plans, base, options)
    engine = setup.engine
    currency = instruments[0].currency
    engine.handle(CashMovement(start_ns, "deposit", currency, money(options.capital)))
    settings = options.settings(setup.models)
    venue = SimulatedVenue(instruments, options.capabilities, settings)
    events = [item for instrument in instruments for item in corporate_events(instrument, catalogue.actions(instrument.symbol))]
    loop = BacktestLoop(engine, venue, build_schedule(instruments, events, start_ns, end_ns, unheard_by(engine.slots())))
    curve = EquityCurve(instruments, float(options.capital), options.benchmark or instruments[0].symbol)
    collector = Collector(engine, instruments)
    symbols = [instrument.symbol for instrument in instruments]
    planner = _planner(setup, events) if options.candidates else None
    for columns in catalogue.columns(symbols, base, start_ns, end_ns, regular_only=not setup.wants_extended):
        loop.run(columns, None if planner is None else planner.prepare(columns))
        curve.add(columns, loop.changes)
        loop.changes = []
        collector.take(loop)
        if progress is not None:
            done = (columns.close_time[-1] - start_ns) / (end_ns - start_ns)
            progress(min(done, 1.0), datetime.fromtimestamp(columns.close_time[-1] // 10**9, UTC).date().isoformat())
    if curve.points == 0:
        raise BacktestError("no bars to trade in this period", "choose other dates, or --extended-hours if the data has only those")
    loop.finish(end_ns)
    collector.take(loop)
    result = collector.result(setup, settings, options, curve, (start_ns, end_ns), catalogue)
    collector.release()
    return result


def _planner(setup: Assembly, events: list[Scheduled]) -> CandidatePlanner | None:
    if setup.wants_extended:
        # Columns are planned whole, and some of these bars are not for every strategy.
        return None
    split = frozenset(item.event.symbol for item in events if isinstance(item.event, Split))
    planner = CandidatePlanner(setup.engine.slots(), setup.base_minutes, split, len(setup.instruments))
    return None if planner.is_empty else planner


def verify_candidates(
    strategy: str | StrategyType,
    symbols: Sequence[str],
    *,
    data: Catalogue | Path | str,
    start: Moment = None,
    end: Moment = None,
    interval: str | None = None,
    parameters: Mapping[str, object] | None = None,
    options: BacktestOptions | None = None,
) -> str:
    """Run a backtest with and without skipping bars; the first difference in fills as a sentence, empty when there is none.

    The arguments are those of ``backtest``.
    """
    base = options or BacktestOptions()
    runs = [
        backtest(
            strategy,
            symbols,
            data=data,
            start=start,
            end=end,
            interval=interval,
            parameters=parameters,
            options=replace(base, candidates=skipping),
        )
        for skipping in (True, False)
    ]
    for number, (first, second) in enumerate(zip_longest(runs[0].fills, runs[1].fills)):
        if first != second:
            return f"fill {number + 1} differs: skipping bars {first}, asking on every bar {second}"
    return ""


def resolve_period(catalogue: Catalogue, names: list[str], base: str, start: Moment, end: Moment) -> tuple[int, int]:
    """The first and last moment (nanoseconds UTC) of a run: what was asked for, as far as the stored bars of any symbol reach.

    Raises:
        UserError: a day cannot be read, the period is empty, or no bar lies in it.
    """
    spans = catalogue.spans(names, base)
    first, last = min(span[0] for span in spans), max(span[1] for span in spans)
    start_ns = first if start is None else _moment(start, False)
    end_ns = last if end is None else _moment(end, True)
    if start_ns >= end_ns:
        raise BacktestError("the period is empty: it ends before it begins", "give --from a day before --to")
    if start_ns >= last or end_ns <= first:
        spoken = f"{_day(first)} to {_day(last)}"
        raise BacktestError("there are no bars in this period", f"the {base} data of {', '.join(names)} span {spoken}")
    return max(start_ns, first), min(end_ns, last)


def _moment(value: str | date | datetime, ends: bool) -> int:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value) if "T" in value or " " in value else date.fromisoformat(value)
        except ValueError:
            raise UserError(f"{value!r} is not a date", "write it as 2024-03-28") from None
    if isinstance(value, datetime):
        return nanoseconds(value if value.tzinfo is not None else value.replace(tzinfo=UTC))
    day = value + timedelta(days=1) if ends else value
    return nanoseconds(datetime(day.year, day.month, day.day, tzinfo=UTC))


def _day(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 10**9, UTC).date().isoformat()
