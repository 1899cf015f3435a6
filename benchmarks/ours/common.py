"""One backtest through the package's public function, with the assumptions that all engines share."""

from __future__ import annotations

from decimal import Decimal

from algotrader.core.market import NS_PER_MINUTE, utc
from algotrader.history.catalogue import Catalogue
from algotrader.research.backtest import BacktestOptions, backtest
from algotrader.research.result import BacktestResult
from algotrader.strategies.registry import StrategyType
from benchmarks.data import session_minutes
from benchmarks.protocol import Task


def options(task: Task) -> BacktestOptions:
    """No slippage and no volume limit; commission per share."""
    fill = "next_open" if task.fill == "open" else "close"
    return BacktestOptions(
        capital=Decimal(str(task.capital)), slippage="none", commission=str(task.commission), volume_limit=None, fill=fill
    )


def run(task: Task, strategy: str | StrategyType, pair: tuple[int, int]) -> BacktestResult:
    """One backtest of all of the task's symbols over its first rows."""
    end = utc(int(session_minutes(task.rows)[-1]) + NS_PER_MINUTE)
    parameters: dict[str, object] = {"fast": pair[0], "slow": pair[1], "quantity": task.quantity}
    return backtest(strategy, task.symbols, data=Catalogue(task.catalogue), end=end, parameters=parameters, options=options(task))
