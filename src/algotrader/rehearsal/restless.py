"""A strategy that is never content: it enters, trails its stop and leaves far more often than anyone would with money.

A rehearsal wants as many orders in as many states as possible within a day. What it does follows from the time of the bar, the
symbol and a seed alone, so the same day gives the same wishes.
"""

from __future__ import annotations

import zlib
from decimal import Decimal
from typing import Any, ClassVar

from pydantic import Field

from algotrader.core.market import NS_PER_MINUTE, Bar
from algotrader.strategies.base import SignalStrategy
from algotrader.strategies.parameters import Parameters


class RestlessParameters(Parameters):
    """How often it acts, in bars, and how far its stops lie away, in percent."""

    seed: int = Field(1, ge=0, description="other seeds act on other bars")
    enter_every: int = Field(6, ge=1, le=1000, description="enters on one of so many bars")
    leave_every: int = Field(9, ge=1, le=1000, description="leaves on one of so many bars")
    trail_every: int = Field(3, ge=1, le=1000, description="moves its stop on one of so many bars")
    stop_pct: Decimal = Field(Decimal("0.4"), gt=0, le=50, description="distance of the stop from the close, percent")


class Restless(SignalStrategy):
    """Long only; at market, by stop or by limit, with planned stops, closed before the session ends."""

    name: ClassVar[str] = "restless"
    parameters_type: ClassVar[type[Parameters]] = RestlessParameters

    @property
    def required_history(self) -> int:
        """It looks at nothing."""
        return 1

    def _chance(self, bar: Bar, salt: int) -> int:
        """A number that looks random, the same for the same bar."""
        text = f"{self.parameters.seed}:{salt}:{self.symbol}:{bar.open_time // NS_PER_MINUTE}"
        return zlib.crc32(text.encode())

    def should_long(self, bar: Bar, indicators: Any) -> object:
        """Now and then."""
        return self._chance(bar, 1) % self.parameters.enter_every == 0

    def entry_price(self, bar: Bar, indicators: Any) -> Any:
        """At market, at the bar's high (a stop) or at its low (a limit)."""
        kind = self._chance(bar, 2) % 3
        return None if kind == 0 else bar.high if kind == 1 else bar.low

    def stop_loss_price(self, bar: Bar, indicators: Any) -> Any:
        """Below the bar's low."""
        return bar.low * (1 - self.parameters.stop_pct / 100)

    def should_update_stop(self, bar: Bar, indicators: Any) -> Any:
        """Closer to the market; a stop that would be lower is not moved by the engine."""
        if self._chance(bar, 3) % self.parameters.trail_every:
            return None
        return bar.low * (1 - self.parameters.stop_pct / 200)

    def should_exit(self, bar: Bar, indicators: Any) -> object:
        """Now and then."""
        return self._chance(bar, 4) % self.parameters.leave_every == 0
