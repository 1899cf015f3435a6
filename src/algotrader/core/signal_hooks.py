"""What the engine asks of a signal-style strategy, how it treats it, and what scans its instruments."""

from __future__ import annotations

from typing import Any, Final, final

from mypy_extensions import mypyc_attr

from algotrader.core.indicators import Indicator
from algotrader.core.market import Bar
from algotrader.core.state import DayStats

QUESTIONS: Final = (
    "should_long",
    "should_short",
    "entry_price",
    "stop_loss_price",
    "take_profit_price",
    "confidence",
    "quantity",
    "should_update_stop",
    "should_exit",
    "on_position_closed",
)
"""The methods of ``SignalHooks`` whose answer in the base class is no, none or nothing, and 0.5 for the confidence."""


@mypyc_attr(native_class=False)
class IndicatorSet:
    """The indicators a strategy declared, as attributes under the names it gave them."""

    def __init__(self, named: dict[str, Indicator]) -> None:
        self.__dict__.update(named)

    def __getattr__(self, name: str) -> Any:
        known = ", ".join(sorted(self.__dict__)) or "none"
        raise AttributeError(f"the strategy declares no indicator {name!r}; declared: {known}")


@mypyc_attr(allow_interpreted_subclasses=True)
class SignalHooks:
    """The questions that the engine asks a signal-style strategy; ``strategies.base`` is the class users build on.

    ``direction`` is ``long`` or ``short`` while prices for an entry are asked.
    """

    def __init__(self) -> None:
        self.direction: str = "long"

    def should_long(self, bar: Bar, indicators: Any) -> object:
        """Whether to enter long now."""
        return False

    def should_short(self, bar: Bar, indicators: Any) -> object:
        """Whether to enter short now."""
        return False

    def entry_price(self, bar: Bar, indicators: Any) -> object:
        """Price of the entry order; None enters at market."""
        return None

    def stop_loss_price(self, bar: Bar, indicators: Any) -> object:
        """Price of the planned stop; None when the strategy plans none."""
        return None

    def take_profit_price(self, bar: Bar, indicators: Any) -> object:
        """Price of the take profit; None for none."""
        return None

    def confidence(self, bar: Bar, indicators: Any) -> object:
        """How sure the strategy is, 0 to 1."""
        return 0.5

    def quantity(self, bar: Bar, indicators: Any) -> object:
        """Explicit quantity; None sizes by risk."""
        return None

    def should_update_stop(self, bar: Bar, indicators: Any) -> object:
        """A new stop price for the open position, or None."""
        return None

    def should_exit(self, bar: Bar, indicators: Any) -> object:
        """Whether to close the position at market."""
        return False

    def should_cancel_pending(self, bar: Bar, candles_since: int) -> object:
        """Whether to cancel an entry that has been working for so many closed bars."""
        return candles_since >= 1

    def on_position_closed(self) -> None:
        """The position was closed, for whatever reason."""


@final
class SlotSettings:
    """How the engine treats a signal-style strategy; see ``strategies.base.SignalStrategy`` for what each means to a user.

    ``entry_windows`` are pairs of minutes after the session's open; no pair means the whole session. ``unanswered`` names the
    questions that the strategy leaves to its base class, which answers no or none: they are not asked at all.
    """

    def __init__(self) -> None:
        self.interval_minutes: int = 1
        self.required_history: int = 200
        self.allow_long: bool = True
        self.allow_short: bool = False
        self.closes_at_end: bool = True
        self.regular_hours: bool = True
        self.protection: str = "planned"
        self.risk_sized: bool = True
        self.entry_windows: list[tuple[int, int]] = []
        self.cooldown_bars: int = 0
        self.time_stop_bars: int = 0
        self.take_profit_ppm: int = 0
        self.unanswered: tuple[str, ...] = ()


@mypyc_attr(allow_interpreted_subclasses=True)
class Scanner:
    """Chooses instruments: entries are allowed in a session from the moment a scanner admits the instrument."""

    def admits(self, symbol: str, day: DayStats) -> object:
        """Whether the instrument qualifies, given its session so far: True or False, numpy's kind too."""
        return True
