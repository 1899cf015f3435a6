"""Rebalance: fixed weights over all symbols, restored in the first session of every month."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from algotrader.strategies.algorithm import TradingAlgorithm
from algotrader.strategies.algorithm_assets import Asset
from algotrader.strategies.parameters import Parameters
from algotrader.strategies.schedule import date_rules, time_rules


class RebalanceParameters(Parameters):
    """The weights, and how much of the portfolio they divide."""

    weights: dict[str, Decimal] = Field({}, description="such as AAPL:0.6,MSFT:0.4; equal weights when left out")
    invested: Decimal = Field(Decimal("0.95"), gt=0, le=1, description="share of the portfolio that is invested")

    @field_validator("weights", mode="before")
    @classmethod
    def _from_text(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        try:
            pairs = [part.rsplit(":", 1) for part in given.split(",") if part.strip()]
            return {symbol.strip().upper(): Decimal(weight.strip()) for symbol, weight in pairs}
        except (ValueError, InvalidOperation):
            raise ValueError("write weights as AAPL:0.6,MSFT:0.4") from None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        total = sum(self.weights.values(), Decimal(0))
        if any(weight < 0 for weight in self.weights.values()) or total > 1:
            raise ValueError(f"'weights' must not be negative and add up to 1 at most, not to {total}")
        return self


class Rebalance(TradingAlgorithm):
    """Holds every symbol at its weight. Once a month it sells what has grown beyond it, then buys what has fallen behind."""

    name: ClassVar[str] = "rebalance"
    parameters_type: ClassVar[type[Parameters]] = RebalanceParameters

    def initialize(self, context: Any) -> None:
        """Fix the weights and the monthly date."""
        invested = float(self.parameters.invested)
        given: dict[str, Decimal] = self.parameters.weights
        equal = invested / len(self.assets)
        context.weights = dict.fromkeys(self.assets, equal)
        if given:
            context.weights = {self.symbol(symbol): float(weight) * invested for symbol, weight in given.items()}
        context.to_buy = []
        self.schedule_function(self.rebalance, date_rules.month_start(), time_rules.market_open(minutes=30))

    def rebalance(self, context: Any, data: Any) -> None:
        """Sell first: what is to be bought waits until that money is there."""
        context.to_buy = []
        for asset, weight in context.weights.items():
            if not data.can_trade(asset):
                continue
            if weight < self._weight(context, asset):
                self.order_target_percent(asset, weight)
            else:
                context.to_buy.append(asset)
        self._buy(context)

    def handle_data(self, context: Any, data: Any) -> None:
        """Go on with a rebalance whose sells were still working."""
        if context.to_buy:
            self._buy(context)

    def _buy(self, context: Any) -> None:
        if self.get_open_orders():
            return
        waiting, context.to_buy = context.to_buy, []
        for asset in waiting:
            self.order_target_percent(asset, context.weights[asset])

    def _weight(self, context: Any, asset: Asset) -> float:
        portfolio = context.portfolio
        return float(portfolio.positions[asset].value / portfolio.portfolio_value)
