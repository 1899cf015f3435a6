"""One backtest through the package's public function, with the assumptions that all engines share."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

from algotrader.core.market import utc
from algotrader.core.risk import RiskPolicy
from algotrader.history.catalogue import Catalogue
from algotrader.history.loaded import LoadedCatalogue
from algotrader.research.backtest import BacktestOptions, backtest
from algotrader.research.result import BacktestResult
from algotrader.strategies.registry import StrategyType
from benchmarks.engines import EVERY_BAR, IN_MEMORY
from benchmarks.protocol import Task, report, timed


def catalogue(task: Task) -> Catalogue:
    """The stored bars, read beforehand where the variant says so."""
    stored = Catalogue(task.catalogue)
    return LoadedCatalogue(stored, task.symbols, "1m") if IN_MEMORY in task.variant else stored


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
        candidates=EVERY_BAR not in task.variant,
        policy=policy,
    )


WARM_UP: Final = "2016-01-06"
"""The last day of the small run before the clock starts, which imports all that is imported when it is first used."""


def measured(task: Task, strategy: str | StrategyType) -> None:
    """One backtest of all of the task's symbols over its first rows, after a small one, and its outcome."""
    stored = catalogue(task)
    run(task, strategy, stored, WARM_UP)
    result, seconds = timed(lambda: run(task, strategy, stored, utc(task.end)))
    report(seconds, task.bars, len(result.fills), float(result.final_equity))


def run(task: Task, strategy: str | StrategyType, stored: Catalogue, end: datetime | str) -> BacktestResult:
    """A backtest from the first bar on."""
    fast, slow = task.pairs[0]
    parameters: dict[str, object] = {"fast": fast, "slow": slow, "quantity": task.quantity}
    return backtest(strategy, task.symbols, data=stored, end=end, parameters=parameters, options=options(task))
