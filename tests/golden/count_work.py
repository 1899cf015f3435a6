"""Counts the work of small backtests: questions put to strategies, bars made for them, orders, calls of Python functions.

Counts do not depend on the machine or its mood, so a test holds them against ``work_counts.json``: more is a loss that nobody may
miss, less a gain that belongs into the record. After a change that is meant, ``make work-counts`` writes it anew, in both forms of
the engine: calls inside of compiled code are not Python calls, so each form has its own.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, Final

from backtest_kit import ideal, made_up

import algotrader
from algotrader.core import market
from algotrader.core.indicators import SMA, crossed_above, crossed_below
from algotrader.core.market import Bar
from algotrader.core.signal_hooks import QUESTIONS
from algotrader.history.catalogue import Catalogue
from algotrader.research.backtest import backtest
from algotrader.research.result import BacktestResult
from algotrader.strategies.algorithm import TradingAlgorithm
from algotrader.strategies.registry import StrategyType
from algotrader.strategies.sma_cross import SmaCross
from algotrader.strategies.velez import Velez

RECORD: Final = Path(__file__).with_name("work_counts.json")
PACKAGE: Final = str(Path(algotrader.__file__).parent)
FORM: Final = "interpreted" if str(market.__file__).endswith(".py") else "compiled"

SYMBOLS: Final = ("AAPL", "TSLA", "AMD", "NVDA")
DAYS: Final = (date(2024, 1, 2), date(2024, 3, 14))
FEW_DAYS: Final = (date(2024, 1, 2), date(2024, 1, 19))
PROMISES: Final = ("candidates", "exit_candidates")
HOOKS: Final = (*QUESTIONS, "should_cancel_pending", "handle_data")

Asked = Counter[str]


class Crossing(TradingAlgorithm):
    """The rule of ``sma_cross`` in the algorithm style."""

    name: ClassVar[str] = "crossing"

    def initialize(self, context: Any) -> None:
        """The asset and its averages."""
        context.asset = self.assets[0]
        context.fast = self.indicator(SMA(20), context.asset)
        context.slow = self.indicator(SMA(200), context.asset)

    def handle_data(self, context: Any, data: Any) -> None:
        """Buy on the cross above, sell on the cross below."""
        held = context.portfolio.positions[context.asset].amount
        if not held:
            if crossed_above(context.fast, context.slow):
                self.order(context.asset, 10)
        elif crossed_below(context.fast, context.slow):
            self.order_target(context.asset, 0)


@dataclass(frozen=True, slots=True)
class Case:
    """One backtest: over all days or the first few of so many symbols, asked on each bar or where the strategy says."""

    kind: StrategyType
    symbols: int
    few: bool
    candidates: bool
    interval: str = "1m"
    parameters: dict[str, object] = field(default_factory=dict)

    def run(self, catalogue: Catalogue, kind: StrategyType) -> BacktestResult:
        """Trade."""
        end = FEW_DAYS[1] if self.few else None
        options = ideal(candidates=self.candidates)
        return backtest(
            kind,
            SYMBOLS[: self.symbols],
            data=catalogue,
            end=end,
            interval=self.interval,
            parameters=self.parameters,
            options=options,
        )


CASES: Final = {
    "sma_cross, every bar": Case(SmaCross, 1, False, False),
    "sma_cross, candidates": Case(SmaCross, 1, False, True),
    "sma_cross, four instruments, every bar": Case(SmaCross, 4, True, False),
    "sma_cross, four instruments, candidates": Case(SmaCross, 4, True, True),
    "velez, every bar": Case(Velez, 1, True, False),
    "velez, candidates": Case(Velez, 1, True, True),
    "velez on 2m, four instruments, candidates": Case(Velez, 4, True, True, "2m"),
    "algorithm": Case(Crossing, 1, True, False),
}


def stored(folder: Path) -> Catalogue:
    """Twenty thousand made-up minute bars of each symbol, the same everywhere."""
    return made_up(folder, SYMBOLS, *DAYS)


def counted(kind: StrategyType, asked: Asked) -> StrategyType:
    """The same strategy with every hook that it overrides counted, and the bars that come with them."""
    last: dict[object, Bar] = {}

    def counting(name: str, hook: Callable[..., object]) -> Callable[..., object]:
        def question(self: object, *given: object) -> object:
            asked[name] += 1
            if given and isinstance(given[0], Bar) and last.get(self) is not given[0]:
                last[self] = given[0]
                asked["bars handed over"] += 1
            return hook(self, *given)

        return question

    hooks = [name for name in HOOKS if name in vars(kind)]
    members: dict[str, object] = {name: counting(name, getattr(kind, name)) for name in hooks}
    # Whoever answers differently has to promise anew.
    members |= {name: getattr(kind, name) for name in PROMISES if name in vars(kind)}
    return type("Counted", (kind,), members)


def python_calls(run: Callable[[], object]) -> Counter[str]:
    """How many Python functions of each package of ours are called; those of other packages are not our work."""
    calls: Counter[str] = Counter()
    cut = len(PACKAGE) + 1

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        # Comprehensions are functions on some versions of Python and not on others.
        if event == "call" and code.co_filename.startswith(PACKAGE) and not code.co_name.startswith("<"):
            calls["calls in " + code.co_filename[cut:].split("/")[0].removesuffix(".py")] += 1
            if code.co_qualname in ("Bar.__init__", "Engine.handle", "SimulatedVenue.execute"):
                calls[code.co_qualname] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(before)
    return calls


def count(case: Case, catalogue: Catalogue) -> dict[str, int]:
    """All counts of one case."""
    asked: Asked = Counter()
    kind = counted(case.kind, asked)
    results = [case.run(catalogue, kind)]
    # Calendars and the like are kept after the first run.
    asked.clear()
    calls = python_calls(lambda: results.append(case.run(catalogue, kind)))
    result = results[1]
    made = {"slices": len(result.equity), "fills": len(result.fills), "reports": sum(result.counts.values())}
    return {**made, **dict(sorted(asked.items())), **dict(sorted(calls.items()))}


def main() -> None:
    """Write down the counts of the form at hand, and keep those of the other."""
    if sys.argv[1:] != ["--accept"]:
        raise SystemExit("say --accept to write the counts as they are now")
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.is_file() else {}
    with tempfile.TemporaryDirectory() as folder:
        catalogue = stored(Path(folder))
        record[FORM] = {name: count(case, catalogue) for name, case in CASES.items()}
    RECORD.write_text(json.dumps(dict(sorted(record.items())), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
