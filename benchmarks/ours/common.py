"""One backtest through the package's public function, with the assumptions that all engines share."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from algotrader.core.market import utc
from algotrader.core.risk import RiskPolicy
from algotrader.history.catalogue import Catalogue
from algotrader.research.backtest import BacktestOptions, backtest
from algotrader.research.result import BacktestResult
from algotrader.strategies.registry import StrategyType
from benchmarks.engines import EVERY_BAR
from benchmarks.protocol import Task


def catalogue(task: Task) -> Catalogue:
    """The stored bars."""
    return Catalogue(task.catalogue)


NO_BREAKER: Final = RiskPolicy(max_daily_loss=Decimal(1), consecutive_loss_pause=1_000_000_000)
"""The peers know no daily breaker, so ours is put out of reach where fills are compared."""


def options(task: Task, policy: RiskPolicy = NO_BREAKER) -> BacktestOptions:
    """No slippage and no volume limit; commission per share."""
    return BacktestOptions(
        capital=Decimal(str(task.capital)),
        slippage="none",
        commission=str(task.commission),
        volume_limit=None,
        fill="next_open" if task.fill == "open" else "close",
        candidates=task.variant != EVERY_BAR,
        policy=policy,
    )


def run(task: Task, strategy: str | StrategyType, pair: tuple[int, int]) -> BacktestResult:
    """One backtest of all of the task's symbols over its first rows."""
    parameters: dict[str, object] = {"fast": pair[0], "slow": pair[1], "quantity": task.quantity}
    end = utc(task.end)
    return backtest(strategy, task.symbols, data=catalogue(task), end=end, parameters=parameters, options=options(task))
