"""W5 by this package: the rule of W1 in the algorithm style, with the package's own averages."""

from __future__ import annotations

from typing import Any, ClassVar

from algotrader.core.indicators import SMA, crossed_above, crossed_below
from algotrader.strategies.algorithm import TradingAlgorithm
from algotrader.strategies.parameters import Parameters
from algotrader.strategies.sma_cross import SmaCrossParameters
from benchmarks.ours.common import measured
from benchmarks.protocol import read_task


class Crossing(TradingAlgorithm):
    """Long only, a fixed number of shares."""

    name: ClassVar[str] = "crossing"
    parameters_type: ClassVar[type[Parameters]] = SmaCrossParameters

    def initialize(self, context: Any) -> None:
        """The asset and its averages."""
        context.asset = self.assets[0]
        context.fast = self.indicator(SMA(self.parameters.fast), context.asset)
        context.slow = self.indicator(SMA(self.parameters.slow), context.asset)

    def handle_data(self, context: Any, data: Any) -> None:
        """Buy on the cross above, sell on the cross below."""
        held = context.portfolio.positions[context.asset].amount
        if not held:
            if crossed_above(context.fast, context.slow):
                self.order(context.asset, int(self.parameters.quantity))
        elif crossed_below(context.fast, context.slow):
            self.order_target(context.asset, 0)


def main() -> None:
    """Run the task once."""
    measured(read_task(), Crossing)


if __name__ == "__main__":
    main()
