"""Buys once with a share of the equity and holds: the yardstick for every other strategy."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from algotrader.core.market import Bar
from algotrader.strategies.base import SignalStrategy
from algotrader.strategies.columns import Mask, StrategyColumns
from algotrader.strategies.parameters import Parameters


class BuyAndHoldParameters(Parameters):
    """How much to buy."""

    quantity: Decimal = Field(Decimal(10), gt=0, description="shares or units to buy")


class BuyAndHold(SignalStrategy):
    """One market order on the first bar; no stop, no exit."""

    name: ClassVar[str] = "buy_and_hold"
    protection: ClassVar[str] = "none"
    sizing: ClassVar[str] = "explicit"
    close_at_session_end: ClassVar[bool] = False
    parameters_type: ClassVar[type[Parameters]] = BuyAndHoldParameters

    @property
    def required_history(self) -> int:
        """It needs to know nothing."""
        return 1

    def should_long(self, bar: Bar, indicators: Any) -> object:
        """Always, until it holds."""
        return True

    def candidates(self, columns: StrategyColumns) -> Mask | None:
        """Every bar, until it holds."""
        return np.ones(len(columns), dtype=np.bool_)

    def exit_candidates(self, columns: StrategyColumns) -> Mask | None:
        """No bar."""
        return np.zeros(len(columns), dtype=np.bool_)

    def quantity(self, bar: Bar, indicators: Any) -> object:
        """The explicit quantity."""
        return self.parameters.quantity
