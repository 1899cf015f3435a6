"""Strategies that throw dice: every answer follows from the bar alone, so that runs can be compared, and everything is tried."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from pydantic import Field

from algotrader.core.indicators import SMA
from algotrader.core.market import Bar
from algotrader.strategies.algorithm import TradingAlgorithm
from algotrader.strategies.algorithm_orders import LimitOrder, MarketOrder, StopOrder
from algotrader.strategies.base import Price, SignalStrategy
from algotrader.strategies.parameters import Parameters


class DiceParameters(Parameters):
    """Which dice."""

    seed: int = Field(0, description="start of the dice")


def throw(seed: int, bar: Bar, question: int, sides: int) -> int:
    """A number below ``sides`` for a question about a bar."""
    mixed = seed * 7919 + bar.open_time // 60_000_000_000 * 104_729 + bar.close_raw * 31 + bar.volume_raw * 17 + question * 6007
    for _ in range(3):
        mixed = (mixed * 1103515245 + 12345) % 2**31
    return (mixed >> 8) % sides


class Dice(SignalStrategy):
    """Enters at market, by limit or by stop, on both sides; stops, take profits, moved stops, sudden exits; sized by risk."""

    name: ClassVar[str] = "dice"
    allow_short: ClassVar[bool] = True
    parameters_type: ClassVar[type[Parameters]] = DiceParameters

    @property
    def required_history(self) -> int:
        """A few bars."""
        return 3

    def throw(self, bar: Bar, question: int, sides: int) -> int:
        """This strategy's own dice."""
        return throw(self.parameters.seed, bar, question, sides)

    def should_long(self, bar: Bar, indicators: Any) -> bool:
        """On one bar in seven."""
        return self.throw(bar, 1, 7) == 0

    def should_short(self, bar: Bar, indicators: Any) -> bool:
        """On one bar in seven."""
        return self.throw(bar, 2, 7) == 0

    def confidence(self, bar: Bar, indicators: Any) -> float:
        """Tenths."""
        return self.throw(bar, 12, 11) / 10

    def _away(self, bar: Bar, question: int, sides: int) -> Decimal:
        step: Decimal = bar.close * (1 + self.throw(bar, question, sides)) / 2000
        return step if self.direction == "long" else -step

    def entry_price(self, bar: Bar, indicators: Any) -> Price:
        """At market, ahead of the market or behind it."""
        kind = self.throw(bar, 3, 3)
        if kind == 0:
            return None
        return bar.close + self._away(bar, 4, 4) if kind == 1 else bar.close - self._away(bar, 4, 4)

    def stop_loss_price(self, bar: Bar, indicators: Any) -> Price:
        """Behind any entry."""
        return bar.close - self._away(bar, 5, 8) - self._away(bar, 4, 4)

    def take_profit_price(self, bar: Bar, indicators: Any) -> Price:
        """Half of the time."""
        return None if self.throw(bar, 6, 2) else bar.close + self._away(bar, 7, 10) + self._away(bar, 4, 4)

    def should_update_stop(self, bar: Bar, indicators: Any) -> Price:
        """On one bar in four, sometimes looser and sometimes through the market."""
        if self.throw(bar, 8, 4):
            return None
        return bar.close + self._away(bar, 9, 3) if self.throw(bar, 10, 6) == 0 else bar.close - self._away(bar, 9, 9)

    def should_exit(self, bar: Bar, indicators: Any) -> bool:
        """On one bar in fifteen."""
        return self.throw(bar, 11, 15) == 0

    def should_cancel_pending(self, bar: Bar, candles_since: int) -> bool:
        """After some bars."""
        return candles_since > self.throw(bar, 13, 4)


class DiceOvernight(Dice):
    """Keeps its positions over night, and protects them by a percentage."""

    name: ClassVar[str] = "dice_overnight"
    protection: ClassVar[str] = "emergency"
    sizing: ClassVar[str] = "explicit"
    close_at_session_end: ClassVar[bool] = False

    def quantity(self, bar: Bar, indicators: Any) -> Any:
        """Up to ten."""
        return 1 + self.throw(bar, 14, 10)

    def stop_loss_price(self, bar: Bar, indicators: Any) -> Price:
        """None planned."""
        return None


class DiceUnprotected(DiceOvernight):
    """Without any stop."""

    name: ClassVar[str] = "dice_unprotected"
    protection: ClassVar[str] = "none"

    def should_update_stop(self, bar: Bar, indicators: Any) -> Price:
        """None."""
        return None


class DiceAlgorithm(TradingAlgorithm):
    """Orders of all kinds and targets, and cancels, in the algorithm style."""

    name: ClassVar[str] = "dice_algorithm"
    protection: ClassVar[str] = "emergency"
    parameters_type: ClassVar[type[Parameters]] = DiceParameters

    def initialize(self, context: Any) -> None:
        """Nothing but the dice."""
        context.average = self.indicator(SMA(3), self.assets[0])

    def handle_data(self, context: Any, data: Any) -> None:
        """One throw for each asset that has a bar."""
        for asset in self.assets:
            price = data.current(asset, "price")
            if data.can_trade(asset) and not data.is_stale(asset):
                self._act(data, asset, Decimal(str(price)))

    def _act(self, data: Any, asset: Any, price: Decimal) -> None:
        mixed = int(price * 10_000) * 31 + int(data.current(asset, "volume")) * 17 + self.parameters.seed
        for _ in range(3):
            mixed = (mixed * 1103515245 + 12345) % 2**31
        kind, amount = (mixed >> 8) % 30, 1 + (mixed >> 14) % 8
        step = (price / 500).quantize(Decimal("0.01"))
        if kind == 0:
            self.order(asset, amount, style=MarketOrder())
        elif kind == 1:
            self.order(asset, amount, style=LimitOrder(price - step))
        elif kind == 2:
            self.order(asset, amount, style=StopOrder(price + step))
        elif kind == 3:
            self.order_target(asset, amount)
        elif kind == 4:
            self.order_target(asset, 0)
        elif kind == 5:
            for order in self.get_open_orders(asset):
                self.cancel_order(order)
