"""Long only: buy when the fast average crosses above the slow one, sell when it crosses below."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from algotrader.core.indicators import SMA, Indicator, crossed_above, crossed_below
from algotrader.core.market import Bar
from algotrader.strategies.base import SignalStrategy
from algotrader.strategies.columns import Mask, StrategyColumns
from algotrader.strategies.parameters import Parameters


class SmaCrossParameters(Parameters):
    """Periods of the two averages, and how much to buy."""

    fast: int = Field(20, ge=1, le=5000, description="period of the fast average, bars")
    slow: int = Field(200, ge=2, le=5000, description="period of the slow average, bars")
    quantity: Decimal = Field(Decimal(10), gt=0, description="shares or units to buy")

    @model_validator(mode="after")
    def _fast_below_slow(self) -> Self:
        if self.fast >= self.slow:
            swapped = f"did you mean fast={self.slow} slow={self.fast}?" if self.fast > self.slow else "choose a larger 'slow'"
            raise ValueError(f"'fast' ({self.fast}) must be below 'slow' ({self.slow}); {swapped}")
        return self


class SmaCross(SignalStrategy):
    """Market orders for an explicit quantity, no stop, held overnight. Crosses are decided on exact sums."""

    name: ClassVar[str] = "sma_cross"
    protection: ClassVar[str] = "none"
    sizing: ClassVar[str] = "explicit"
    close_at_session_end: ClassVar[bool] = False
    parameters_type: ClassVar[type[Parameters]] = SmaCrossParameters

    def indicators(self) -> dict[str, Indicator]:
        """The two averages."""
        self.fast = SMA(self.parameters.fast)
        self.slow = SMA(self.parameters.slow)
        return {"fast": self.fast, "slow": self.slow}

    @property
    def required_history(self) -> int:
        """Both averages full on this bar and on the one before."""
        return int(self.parameters.slow) + 1

    def should_long(self, bar: Bar, indicators: Any) -> object:
        """Fast at or below slow on the previous bar, above it on this one."""
        return crossed_above(self.fast, self.slow)

    def should_exit(self, bar: Bar, indicators: Any) -> object:
        """The cross the other way."""
        return crossed_below(self.fast, self.slow)

    def candidates(self, columns: StrategyColumns) -> Mask | None:
        """The bars of the cross itself."""
        gap = columns.gap(self.parameters.fast, self.parameters.slow)
        return None if gap is None else (columns.earlier(gap) <= 0) & (gap > 0)

    def exit_candidates(self, columns: StrategyColumns) -> Mask | None:
        """The bars of the cross the other way."""
        gap = columns.gap(self.parameters.fast, self.parameters.slow)
        return None if gap is None else (columns.earlier(gap) >= 0) & (gap < 0)

    def quantity(self, bar: Bar, indicators: Any) -> object:
        """The explicit quantity."""
        return self.parameters.quantity
