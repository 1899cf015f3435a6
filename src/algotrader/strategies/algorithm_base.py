"""The ground that an algorithm stands on: its port into the engine, its assets, the clock, records and denials."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any, Final

from algotrader.core import reports
from algotrader.core.algorithm_style import AlgorithmHooks, AlgorithmSlot
from algotrader.core.bars import WHOLE_SESSION
from algotrader.core.boundary import number
from algotrader.core.indicators import Indicator
from algotrader.core.market import utc
from algotrader.strategies.algorithm_assets import Asset, AssetBook
from algotrader.strategies.algorithm_context import AlgorithmContext
from algotrader.strategies.algorithm_errors import AlgorithmError, NotAllowedNow, NotSupported
from algotrader.strategies.running import STACK

INITIALIZE: Final = "initialize"
RUNNING: Final = ""


class AlgorithmBase(AlgorithmHooks):
    """Everything of ``TradingAlgorithm`` that is not about orders, settings or hooks.

    Attributes:
        recorded: what ``record`` kept, by name: pairs of time (nanoseconds UTC) and value.
    """

    def __init__(self) -> None:
        super().__init__()
        self.recorded: dict[str, list[tuple[int, float]]] = {}
        self._slot: AlgorithmSlot | None = None
        self._book = AssetBook(())
        self._context: AlgorithmContext | None = None
        self._stage = RUNNING
        self.stopped = False

    @property
    def _port(self) -> AlgorithmSlot:
        if self._slot is None:
            raise NotAllowedNow("the strategy is not running yet", "call this from initialize or later")
        return self._slot

    @property
    def context(self) -> AlgorithmContext:
        """What every hook receives first."""
        if self._context is None:
            raise NotAllowedNow("the strategy is not running yet", "call this from initialize or later")
        return self._context

    @property
    def assets(self) -> list[Asset]:
        """All assets of the run, in the order in which their symbols were given."""
        return self._book.assets

    def symbol(self, name: str) -> Asset:
        """The asset of a symbol.

        Raises:
            UnknownAsset: the run does not trade it.
        """
        return self._book.find(name)

    def symbols(self, *names: str) -> list[Asset]:
        """The assets of several symbols; raises ``UnknownAsset`` like ``symbol``."""
        return [self._book.find(name) for name in names]

    future_symbol = symbol

    def indicator(self, indicator: Indicator, asset: Asset | str) -> Indicator:
        """Let an indicator follow an asset's bars at the interval of the run; gives it back. Only in ``initialize``.

        The engine updates it with every bar before ``handle_data``; its ``value`` is NaN until it is warm.
        """
        self._only_in_initialize("indicator")
        self._port.add_indicator(self._book.track(asset), indicator)
        return indicator

    def get_datetime(self, tz: tzinfo | None = None) -> datetime:
        """The engine's time, in UTC or in the zone asked for."""
        now = utc(self._port.state.now)
        return now if tz is None else now.astimezone(tz)

    def get_environment(self, field: str = "platform") -> Any:
        """Facts about the run: ``platform``, ``data_frequency`` (daily or minute), ``capital_base``; ``*`` gives all.

        Raises:
            AlgorithmError: it is not known.
        """
        daily = self._port.interval_minutes == WHOLE_SESSION
        facts = {
            "platform": "algo-trader",
            "data_frequency": "daily" if daily else "minute",
            "capital_base": self.context.portfolio.starting_cash,
        }
        if field == "*":
            return facts
        if field not in facts:
            raise AlgorithmError(
                f"the environment has no {field!r} (known: {', '.join(facts)})", "a strategy is the same in every mode"
            )
        return facts[field]

    def record(self, /, **values: object) -> None:
        """Keep values with the present time, for the results and the tear sheet.

        Raises:
            StrategyFault: a value is not a finite number.
        """
        now = self._port.state.now
        for name, value in values.items():
            self.recorded.setdefault(name, []).append((now, float(number(value, f"record({name}=...)"))))

    def get_denial(self) -> str:
        """Why the last order was denied by risk control or a trading control; empty when it was not."""
        denial = self._port.denial
        return "" if denial is None else denial.message

    def _note(self, message: str, level: str = reports.INFO) -> None:
        """Tell the observers something about the strategy."""
        port = self._port
        port.state.note(reports.STRATEGY_NOTE, message, "", port.owner, level)

    def _only_in_initialize(self, function: str) -> None:
        if self._stage != INITIALIZE:
            raise NotAllowedNow(f"{function}() works only in initialize", "limits and settings stay as they are during a run")

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a hook of the user, with the strategy findable by the functions of ``algotrader.api``."""
        STACK.append(self)  # type: ignore[arg-type]
        try:
            function(*arguments)
        finally:
            STACK.pop()


def not_supported(function: str, instead: str) -> NotSupported:
    """The error for a function of Zipline that has no place here."""
    return NotSupported(f"{function}() is not supported", instead)
