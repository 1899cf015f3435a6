"""W5 by this package, written as for Zipline: the averages are taken of the last 201 closes on every bar."""

from __future__ import annotations

from typing import Any, ClassVar

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
        """The asset and the periods."""
        context.asset = self.assets[0]
        context.fast = self.parameters.fast
        context.slow = self.parameters.slow

    def handle_data(self, context: Any, data: Any) -> None:
        """Buy on the cross above, sell on the cross below."""
        asset, fast, slow = context.asset, context.fast, context.slow
        closes = data.window(asset, "close", slow + 1)
        if len(closes) <= slow:
            return
        before = closes[-fast - 1 : -1].mean() - closes[:-1].mean()
        now = closes[-fast:].mean() - closes[1:].mean()
        held = context.portfolio.positions[asset].amount
        if not held:
            if before <= 0 < now:
                self.order(asset, int(self.parameters.quantity))
        elif now < 0 <= before:
            self.order_target(asset, 0)


def main() -> None:
    """Run the task once."""
    measured(read_task(), Crossing)


if __name__ == "__main__":
    main()
