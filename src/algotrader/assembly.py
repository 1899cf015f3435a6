"""From what a user asked for to an engine with its strategies registered: the same for backtests and for live sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from algotrader.core.engine import BASE_SESSION, Engine
from algotrader.core.instruments import GENERIC, Instrument, VenueCapabilities
from algotrader.core.market import NS_PER_MINUTE, NS_PER_SECOND
from algotrader.core.risk import RiskPolicy
from algotrader.core.signal_hooks import Scanner
from algotrader.errors import UserError
from algotrader.history.intervals import DAILY, INTERVALS, interval_ns
from algotrader.strategies.algorithm import TradingAlgorithm
from algotrader.strategies.base import SignalStrategy
from algotrader.strategies.parameters import parse_parameters
from algotrader.strategies.registry import StrategyType, load_strategy
from algotrader.strategies.scanners import Route, StaticScanner

CANDLE_PARAMETER = "candle_interval_minutes"
"""The parameter of strategies that fix their own bar length; an interval given for the run is passed to it."""


class AssemblyError(UserError):
    """Strategies, symbols and intervals that do not go together."""


@dataclass(slots=True)
class Plan:
    """One route, ready to be registered: the class, its checked parameters, the symbols and the bar length in minutes.

    ``minutes`` is None when the run's finest bars decide; 0 stands for whole sessions.
    """

    owner: str
    kind: StrategyType
    parameters: dict[str, object]
    symbols: tuple[str, ...]
    scanner: Scanner | None
    minutes: int | None


def interval_minutes(interval: str) -> int:
    """An interval as minutes; 0 for whole sessions.

    Raises:
        UserError: not an interval, or one below a minute.
    """
    length = interval_ns(interval)
    if interval == DAILY:
        return 0
    if length < NS_PER_MINUTE:
        raise AssemblyError(f"a strategy cannot run on bars of {interval}", "use 1m or longer")
    return length // NS_PER_MINUTE


def plan_routes(routes: Sequence[Route], symbols: Sequence[str], interval: str | None) -> list[Plan]:
    """Load every route's strategy and check its parameters before any data is read.

    Raises:
        UnknownStrategy, ParameterError: the strategy or a parameter is not known.
    """
    plans: list[Plan] = []
    asked = None if interval is None else interval_minutes(interval)
    for route in routes:
        kind = load_strategy(route.strategy) if isinstance(route.strategy, str) else route.strategy
        if not (isinstance(kind, type) and issubclass(kind, (SignalStrategy, TradingAlgorithm))):
            raise AssemblyError(f"{kind!r} is not a strategy", "derive it from SignalStrategy or TradingAlgorithm")
        given = _with_interval(kind, dict(route.parameters), asked)
        parse_parameters(kind.parameters_type, given, kind.strategy_name())
        name = kind.strategy_name()
        same = sum(1 for plan in plans if plan.owner.split("-")[0] == name)
        owner = name if same == 0 else f"{name}-{same + 1}"
        scanner = None if type(route.scanner) is StaticScanner and not route.scanner.symbols else route.scanner
        plans.append(Plan(owner, kind, given, tuple(symbols), scanner, _minutes(kind, given, symbols, asked)))
    return plans


def _with_interval(kind: StrategyType, given: dict[str, object], asked: int | None) -> dict[str, object]:
    if asked == 0 and CANDLE_PARAMETER in kind.parameters_type.model_fields:
        raise AssemblyError(
            f"{kind.strategy_name()} trades within the session and cannot run on daily bars", "use --interval 1m, 2m, 5m or 10m"
        )
    if asked is not None and CANDLE_PARAMETER in kind.parameters_type.model_fields and CANDLE_PARAMETER not in given:
        given[CANDLE_PARAMETER] = asked
    return given


def _minutes(kind: StrategyType, given: Mapping[str, object], symbols: Sequence[str], asked: int | None) -> int | None:
    if issubclass(kind, SignalStrategy):
        own = kind.create(symbols[0], given).interval_minutes
        if own is not None:
            return own
    return asked


def serves(base: int, wanted: int | None) -> bool:
    """Whether bars of ``wanted`` minutes can be made of bars of ``base`` minutes; None takes any, 0 stands for whole sessions."""
    if wanted is None or wanted == base:
        return True
    if base == 0:
        return False
    return wanted % base == 0


class Assembly:
    """An engine with every planned strategy registered on it.

    Args:
        instruments: what may be traded; the place in the list is the registration number.
        plans: of ``plan_routes``.
        base: interval of the bars that will be fed.
        policy: limits of the account.
        capabilities: what the venue allows.
        extended_hours: give bars outside the regular session to strategies that want them.
        strict: raise on a breach of the stop guarantee (backtests and tests).
        id_prefix: start of every client order id; it must be another one for every account and run that a venue may see.

    Raises:
        AssemblyError: a strategy cannot run on such bars.
    """

    def __init__(
        self,
        instruments: list[Instrument],
        plans: Sequence[Plan],
        base: str,
        policy: RiskPolicy,
        capabilities: VenueCapabilities = GENERIC,
        *,
        extended_hours: bool = False,
        strict: bool = False,
        id_prefix: str = "a",
    ) -> None:
        self.instruments = instruments
        self.plans = plans
        self.base = base
        self.base_minutes = interval_minutes(base)
        seconds = BASE_SESSION if base == DAILY else interval_ns(base) // NS_PER_SECOND
        self.engine = Engine(instruments, seconds, policy, capabilities, id_prefix, strict)
        self.algorithms: list[TradingAlgorithm] = []
        self.models: dict[str, Any] = {}
        self.wants_extended = False
        for plan in plans:
            if issubclass(plan.kind, SignalStrategy):
                self._add_signal(plan, plan.kind, extended_hours)
            else:
                self._add_algorithm(plan, plan.kind)

    def _run_minutes(self, plan: Plan) -> int:
        return self.base_minutes if plan.minutes is None else plan.minutes

    def _add_signal(self, plan: Plan, kind: type[SignalStrategy], extended_hours: bool) -> None:
        for symbol in plan.symbols:
            hooks = kind.create(symbol, plan.parameters)
            settings = hooks.settings(self._run_minutes(plan))
            continuous = self.engine.state.by_symbol[symbol].instrument.calendar == "24/7"
            if settings.closes_at_end and self.base == DAILY and not continuous:
                raise AssemblyError(
                    f"{plan.owner} closes its positions before the session ends and cannot run on daily bars",
                    "use an intraday interval, or set close_at_session_end = False",
                )
            if not extended_hours:
                settings.regular_hours = True
            self.wants_extended = self.wants_extended or not settings.regular_hours
            self.engine.add_signal_strategy(plan.owner, hooks, settings, hooks.indicators(), symbol, plan.scanner)

    def _add_algorithm(self, plan: Plan, kind: type[TradingAlgorithm]) -> None:
        algorithm = kind.create(plan.symbols, plan.parameters)
        minutes = self._run_minutes(plan)
        self.engine.add_algorithm(
            plan.owner, algorithm, list(plan.symbols), minutes, algorithm.protection, algorithm.close_at_session_end
        )
        self.algorithms.append(algorithm)
        self.models.update(algorithm.cost_models)

    @property
    def label(self) -> str:
        """Names of the strategies."""
        return ", ".join(dict.fromkeys(plan.owner for plan in self.plans))

    @property
    def interval(self) -> str:
        """The strategies' interval as text."""
        minutes = {self._run_minutes(plan) for plan in self.plans}
        by_minutes = {length // NS_PER_MINUTE: name for name, length in INTERVALS.items() if name != DAILY}
        return ", ".join(DAILY if m == 0 else by_minutes.get(m, f"{m}m") for m in sorted(minutes))
