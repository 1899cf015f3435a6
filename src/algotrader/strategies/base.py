"""The signal style: a class says what it needs and answers questions; the engine owns orders, sizing and stops."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final, Self

from algotrader.core.indicators import Indicator
from algotrader.core.market import Bar
from algotrader.core.signal_hooks import QUESTIONS, SignalHooks, SlotSettings
from algotrader.core.state import PROTECTIONS
from algotrader.strategies.columns import Mask, StrategyColumns
from algotrader.strategies.parameters import ParameterError, Parameters, parse_parameters

Price = Decimal | float | int | None
"""What a strategy may answer for a price; None means none. Numpy numbers are taken too."""

_PROMISES: Final[dict[str, tuple[str, ...]]] = {
    "candidates": ("should_long", "should_short", "indicators"),
    "exit_candidates": ("should_exit", "should_update_stop", "indicators"),
}
"""What says on which bars a question matters, and the questions it speaks for."""


class SignalStrategy(SignalHooks):
    """Base of signal-style strategies. One instance follows one symbol and keeps its own pattern state.

    Override ``indicators`` and the questions; the engine computes the indicators and asks on every closed bar: ``should_long`` (and
    ``should_short``) while flat, ``should_cancel_pending`` while an entry works, ``should_update_stop`` and ``should_exit`` while a
    position is open. Nothing is asked before ``required_history`` bars are in and every indicator is warm.

    Class attributes that say how the engine treats the strategy:
        name: under which it is registered and reported.
        protection: ``planned`` (``stop_loss_price`` is asked), ``emergency`` (a percentage of the entry) or ``none``.
        sizing: ``risk`` (from the stop distance, with every cap) or ``explicit`` (``quantity`` is asked; checked, never resized).
        close_at_session_end: close before the session does; markets around the clock have no such end.
        regular_hours: see and trade only the regular session.
        allow_short: ask ``should_short`` too.
        entry_windows: pairs of minutes after the open in which entries are allowed; empty for the whole session.
        cooldown_bars: bars to wait after a round trip.
        time_stop_bars: close a position after so many bars; 0 for never.
        take_profit_pct: take profit at this percentage from the entry; 0 for none, or answer ``take_profit_price``.
    """

    name: ClassVar[str] = ""
    protection: ClassVar[str] = "planned"
    sizing: ClassVar[str] = "risk"
    close_at_session_end: ClassVar[bool] = True
    regular_hours: ClassVar[bool] = True
    allow_short: ClassVar[bool] = False
    entry_windows: ClassVar[tuple[tuple[int, int], ...]] = ()
    cooldown_bars: ClassVar[int] = 0
    time_stop_bars: ClassVar[int] = 0
    take_profit_pct: ClassVar[float] = 0.0
    parameters_type: ClassVar[type[Parameters]] = Parameters
    snapshot_fixed: ClassVar[tuple[str, ...]] = ("parameters",)
    snapshot_base: ClassVar[tuple[str, ...]] = ("direction", "symbol")

    def __init_subclass__(cls) -> None:
        """Withdraw a promise that was inherited from a class whose questions this one answers differently."""
        super().__init_subclass__()
        for promise, questions in _PROMISES.items():
            if any(_place(cls, question) < _place(cls, promise) for question in questions):
                setattr(cls, promise, getattr(SignalStrategy, promise))

    def __init__(self, symbol: str, parameters: Parameters | None = None) -> None:
        super().__init__()
        self.symbol = symbol
        self.parameters: Any = parameters if parameters is not None else type(self).parameters_type()

    @classmethod
    def create(cls, symbol: str, given: Mapping[str, object]) -> Self:
        """Build an instance from parameters as a user gives them.

        Raises:
            ParameterError: a parameter is unknown or out of bounds.
        """
        return cls(symbol, parse_parameters(cls.parameters_type, given, cls.strategy_name()))

    @classmethod
    def strategy_name(cls) -> str:
        """The registered name, or the class name."""
        return cls.name or cls.__name__

    @property
    def required_history(self) -> int:
        """Closed bars before the first question."""
        return 200

    @property
    def interval_minutes(self) -> int | None:
        """Length of its bars in minutes; None takes the interval of the run."""
        return None

    @property
    def shorts(self) -> bool:
        """Whether ``should_short`` is asked."""
        return self.allow_short

    def indicators(self) -> dict[str, Indicator]:
        """The indicators it needs, under the names by which the questions receive them."""
        return {}

    def should_long(self, bar: Bar, indicators: Any) -> object:
        """Whether to enter long on this closed bar."""
        return False

    def should_short(self, bar: Bar, indicators: Any) -> object:
        """Whether to enter short on this closed bar."""
        return False

    def entry_price(self, bar: Bar, indicators: Any) -> Price:
        """Entry price; None enters at market. ``self.direction`` says for which side it is asked."""
        return None

    def stop_loss_price(self, bar: Bar, indicators: Any) -> Price:
        """Planned stop of the entry."""
        return None

    def take_profit_price(self, bar: Bar, indicators: Any) -> Price:
        """Take profit of the entry."""
        return None

    def should_update_stop(self, bar: Bar, indicators: Any) -> Price:
        """A new stop, or None. Stops only ever tighten."""
        return None

    def candidates(self, columns: StrategyColumns) -> Mask | None:
        """On which bars a signal could possibly arise while nothing is held: a necessary condition, True where in doubt.

        A strategy that offers it promises that, while it is flat and without orders, it keeps no state but the engine's indicators:
        it is then asked on those bars only. ``columns.values(self.ema)`` gives an indicator that ``indicators`` made on every bar.
        None offers nothing. Checked by ``--verify-candidates``.
        """
        return None

    def exit_candidates(self, columns: StrategyColumns) -> Mask | None:
        """On which bars stop or exit could possibly change while a position is open and no order works. None: on any."""
        return None

    def _leaves(self, question: str) -> bool:
        """Whether a question is answered by the base classes alone."""
        defined = next(kind for kind in type(self).__mro__ if question in vars(kind))
        return defined in (SignalStrategy, SignalHooks) and question not in vars(self)

    def settings(self, run_minutes: int) -> SlotSettings:
        """The engine's view of the class attributes, for a run whose interval is ``run_minutes`` (0: whole sessions).

        Raises:
            ParameterError: an attribute has an impossible value.
        """
        name = self.strategy_name()
        if self.protection not in PROTECTIONS:
            raise ParameterError(f"{name}: protection must be one of {', '.join(PROTECTIONS)}, not {self.protection!r}")
        if self.sizing not in ("risk", "explicit"):
            raise ParameterError(f"{name}: sizing must be 'risk' or 'explicit', not {self.sizing!r}")
        if self.sizing == "risk" and self.protection != "planned":
            raise ParameterError(f"{name}: sizing by risk needs planned stops; set protection = 'planned' or sizing = 'explicit'")
        result = SlotSettings()
        own = self.interval_minutes
        result.interval_minutes = run_minutes if own is None else own
        result.required_history = self.required_history
        result.allow_short = self.shorts
        result.closes_at_end = self.close_at_session_end
        result.regular_hours = self.regular_hours
        result.protection = self.protection
        result.risk_sized = self.sizing == "risk"
        result.entry_windows = list(self.entry_windows)
        result.cooldown_bars = self.cooldown_bars
        result.time_stop_bars = self.time_stop_bars
        result.take_profit_ppm = int(self.take_profit_pct * 10_000)
        result.unanswered = tuple(question for question in QUESTIONS if self._leaves(question))
        return result


def _place(kind: type, name: str) -> int:
    """How far up among the bases of a class an attribute is defined; 0 for the class itself."""
    return next(place for place, base in enumerate(kind.__mro__) if name in vars(base))
