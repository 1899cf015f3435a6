"""From what a user asked of a sweep to what will be run; every mistake that can be seen beforehand is told here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from algotrader import __version__
from algotrader.assembly import plan_routes
from algotrader.core.instruments import normal_symbol
from algotrader.errors import UserError
from algotrader.history.calendars import time_zone
from algotrader.history.catalogue import Catalogue
from algotrader.research.backtest import Moment, resolve_period
from algotrader.research.options import BacktestError, BacktestOptions
from algotrader.research.setup import choose_base
from algotrader.research.sweeps.result import SweepResult, metric_name
from algotrader.research.sweeps.search import Search, make_search
from algotrader.research.sweeps.space import Space, axes_of, is_possible, why_impossible
from algotrader.research.sweeps.trial import TEST, Job, Record, catalogue_path, plain_options
from algotrader.research.sweeps.walkforward import WalkForward, Window, make_windows
from algotrader.strategies.parameters import ParameterError
from algotrader.strategies.registry import StrategyType, UnknownStrategy, load_strategy
from algotrader.strategies.scanners import Route, StaticScanner, scanner_from_text

Table = tuple[tuple[str, ...], str]
"""Symbols and the interval of their bars."""

_PLANNED: Final = 200
"""Combinations whose bars are prepared in advance; a later one that needs other bars reads them from the catalogue."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asked for; the fields are the arguments of ``sweep``."""

    strategy: str | StrategyType
    symbols: Sequence[str]
    catalogue: Catalogue
    grid: Mapping[str, object]
    metric: str
    start: Moment
    end: Moment
    interval: str | None
    options: BacktestOptions
    scanner: str | None
    search: str
    trials: int | None
    seed: int
    walk_forward: WalkForward | None


@dataclass(slots=True)
class Plan:
    """A sweep that has been checked.

    Attributes:
        asked: what the user wanted.
        job: what all runs have in common.
        kind: the strategy's class.
        space: what there is to try.
        metric: by which runs are ranked.
        tables: the bars that the runs will want.
        period: first and last moment of them, nanoseconds UTC.
        windows: of a walk-forward; empty without one.
        zone: time zone of the first symbol's exchange.
    """

    asked: Request
    job: Job
    kind: StrategyType
    space: Space
    metric: str
    tables: list[Table] = field(default_factory=list)
    period: tuple[int, int] = (0, 0)
    windows: list[Window] = field(default_factory=list)
    zone: str = "UTC"
    _verdicts: dict[int, bool] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The strategy's name."""
        return self.kind.strategy_name()

    def possible(self, point: int) -> bool:
        """Whether the strategy allows a combination.

        Raises:
            BacktestError: it has a parameter or a value that is wrong by itself.
        """
        if point not in self._verdicts:
            try:
                self._verdicts[point] = is_possible(self.kind.parameters_type, self.space.at(point), self.name)
            except ParameterError as error:
                raise BacktestError(str(error), "algo-trader strategies lists them with their parameters") from None
        return self._verdicts[point]

    def searches(self) -> list[Search]:
        """One search, or one for each window; they do not hear of each other.

        Raises:
            UserError: the strategy allows none of the combinations.
        """
        asked = self.asked
        count = max(len(self.windows), 1)
        found = [make_search(asked.search, self.space, self.possible, asked.trials, asked.seed) for _ in range(count)]
        if not found[0].planned:
            reason = why_impossible(self.kind.parameters_type, self.space.at(0), self.name)
            raise UserError(f"none of the combinations is possible: {reason}", "choose other values")
        return found

    def header(self, digest: str) -> dict[str, Any]:
        """What identifies the sweep, in values of JSON; ``digest`` is that of its bars."""
        asked = self.asked
        return {
            "version": __version__,
            "strategy": self.name,
            "code": _code_digest(self.job.strategy),
            "symbols": list(self.job.symbols),
            "data": digest,
            "period": [str(asked.start), str(asked.end)],
            "interval": asked.interval,
            "scanner": asked.scanner,
            "options": {name: str(value) for name, value in self.job.options.items()},
            "grid": [[axis.name, [str(value) for value in axis.values]] for axis in self.space.axes],
            "search": [asked.search, asked.trials, asked.seed],
            "walk-forward": str(asked.walk_forward),
            "metric": self.metric,
        }

    def result(self, records: list[Record], skipped: int) -> SweepResult:
        """The result, with its runs in order: window by window, trials first."""
        order = sorted(records, key=lambda record: (record["window"], record["sample"] == TEST, record["trial"]))
        asked = self.asked
        return SweepResult(
            self.name, self.job.symbols, self.metric, self.space, asked.search, asked.seed, skipped, order, self.windows, self.zone
        )


def make_plan(asked: Request) -> Plan:
    """Check what was asked for, as far as that needs no run.

    Raises:
        UserError: it cannot be done.
    """
    symbols = tuple(normal_symbol(symbol) for symbol in asked.symbols)
    if not symbols:
        raise BacktestError("no symbols to trade", "give at least one, such as --symbols AAPL")
    try:
        kind = load_strategy(asked.strategy) if isinstance(asked.strategy, str) else asked.strategy
        if asked.scanner is not None:
            scanner_from_text(asked.scanner)
    except (UnknownStrategy, ParameterError) as error:
        raise BacktestError(str(error), "algo-trader strategies lists what there is") from None
    plan = Plan(asked, _job(asked, symbols), kind, Space(axes_of(asked.grid)), metric_name(asked.metric))
    first = asked.catalogue.instrument(symbols[0])
    plan.zone = time_zone(first.calendar)
    plan.possible(0)
    bases = list(dict.fromkeys(_bases(plan)))
    periods = [resolve_period(asked.catalogue, list(symbols), base, asked.start, asked.end) for base in bases]
    plan.period = min(period[0] for period in periods), max(period[1] for period in periods)
    plan.tables = [(symbols, base) for base in bases] + _benchmark_tables(plan, bases)
    if asked.walk_forward is not None:
        plan.windows = make_windows(asked.walk_forward, first.calendar, *plan.period)
    return plan


def _job(asked: Request, symbols: tuple[str, ...]) -> Job:
    strategy = asked.strategy
    if isinstance(strategy, str) and ".py" in strategy:
        file, _, name = strategy.rpartition(".py")
        strategy = f"{Path(file).resolve()}.py{name}"
    path = str(catalogue_path(asked.catalogue))
    options = plain_options(asked.options)
    return Job(strategy, symbols, path, asked.start, asked.end, asked.interval, asked.scanner, options)


def _bases(plan: Plan) -> Iterator[str]:
    """The stored intervals that the combinations are fed from, as far as a sample of them shows.

    Raises:
        UserError: not one of them can be fed, or none is possible.
    """
    found, reason = False, None
    for point in range(0, plan.space.size, max(plan.space.size // _PLANNED, 1)):
        if not plan.possible(point):
            continue
        route = Route(StaticScanner(), plan.kind, plan.space.at(point))
        try:
            plans = plan_routes([route], plan.job.symbols, plan.asked.interval)
            yield choose_base(plan.asked.catalogue, plan.job.symbols, plans)
            found = True
        except BacktestError as error:
            reason = error
    if not found:
        if reason is not None:
            raise reason
        yield from _any_base(plan)


def _any_base(plan: Plan) -> Iterator[str]:
    """The base of the first combination that is possible, where the sample held none."""
    search = plan.searches()[0]
    for point in search.ask()[:1]:
        plans = plan_routes([Route(StaticScanner(), plan.kind, plan.space.at(point))], plan.job.symbols, plan.asked.interval)
        yield choose_base(plan.asked.catalogue, plan.job.symbols, plans)


def _benchmark_tables(plan: Plan, bases: Sequence[str]) -> list[Table]:
    """The benchmark's bars, where it is not among the symbols."""
    benchmark = plan.asked.options.benchmark
    name = "" if benchmark is None else normal_symbol(benchmark)
    if not name or name in plan.job.symbols:
        return []
    stored = plan.asked.catalogue.intervals(plan.asked.catalogue.instrument(name).symbol)
    return [((name,), base) for base in bases if base in stored]


def _code_digest(strategy: object) -> str:
    """A digest of a strategy's file; empty for strategies that do not come from one."""
    if not (isinstance(strategy, str) and ".py" in strategy):
        return ""
    return hashlib.sha256(Path(strategy.rpartition(".py")[0] + ".py").read_bytes()).hexdigest()
