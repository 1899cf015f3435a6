"""Momentum: hold what has risen over the last bars, sell what has not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from pydantic import Field

from algotrader.strategies.algorithm import TradingAlgorithm
from algotrader.strategies.algorithm_assets import Asset
from algotrader.strategies.parameters import Parameters


class MomentumParameters(Parameters):
    """How far to look back, what counts as a rise, and how much to invest."""

    lookback: int = Field(20, ge=1, le=4999, description="bars over which the return is measured")
    threshold_pct: Decimal = Field(Decimal(0), ge=-100, le=1000, description="hold while the return is above this, percent")
    invested: Decimal = Field(
        Decimal("0.95"), gt=0, le=1, description="share of the portfolio to invest, split evenly over the symbols"
    )


class Momentum(TradingAlgorithm):
    """Long while the return over the lookback is above the threshold, flat otherwise; every symbol has an equal share."""

    name: ClassVar[str] = "momentum"
    parameters_type: ClassVar[type[Parameters]] = MomentumParameters

    def initialize(self, context: Any) -> None:
        """Split what is to be invested over the symbols."""
        context.share = float(self.parameters.invested) / len(self.assets)
        context.threshold = float(self.parameters.threshold_pct) / 100.0

    def handle_data(self, context: Any, data: Any) -> None:
        """Buy what began to rise, sell what stopped; a position is not resized in between."""
        for asset in self.assets:
            if data.is_stale(asset) or not data.can_trade(asset) or self.get_open_orders(asset):
                continue
            rises = self._rises(context, data, asset)
            held = context.portfolio.positions[asset].amount != 0
            if rises and not held:
                self.order_target_percent(asset, context.share)
            elif held and not rises:
                self.order_target(asset, 0)

    def _rises(self, context: Any, data: Any, asset: Asset) -> bool:
        bars = int(self.parameters.lookback) + 1
        closes = data.window(asset, "close", bars)
        return len(closes) == bars and bool(closes[-1] > closes[0] * (1.0 + context.threshold))
