"""The same events give the same orders: in another process, under another hash seed, compiled or not, in either style."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from algotrader.core.indicators import SMA, crossed_above, crossed_below
from algotrader.history.catalogue import Catalogue
from algotrader.history.generator import ensure_demo_catalogue
from algotrader.research.backtest import BacktestOptions, backtest
from algotrader.strategies.algorithm import TradingAlgorithm

SOURCES = Path(__file__).resolve().parents[2] / "src"

SCRIPT = """
import hashlib, json, sys
from decimal import Decimal
from pathlib import Path
from algotrader.core import engine
from algotrader.research.backtest import BacktestOptions, backtest
from algotrader.research.collect import Collector

told = hashlib.sha256()
keep = Collector.report
def note(self, taken):
    for report in taken:
        told.update(f"{report.kind}|{report.time}|{report.owner}|{report.symbol}|{report.order_id}|{report.message}\\n".encode())
    keep(self, taken)
Collector.report = note

folder, strategies = sys.argv[1], sys.argv[2:]
fills = []
for venue in ("generic", "alpaca-like"):
    for strategy in strategies:
        options = BacktestOptions(capital=Decimal(1_000_000), venue=venue, latency_ms=250.0, seed=7)
        result = backtest(strategy, ["AAPL", "AMD", "TSLA"], data=folder, end="2024-02-15", interval="2m", options=options)
        fills.append((result.fingerprint, len(result.fills)))
print(json.dumps({"told": told.hexdigest(), "fills": fills, "compiled": not engine.__file__.endswith(".py")}))
"""

USER_STRATEGY = """
import numpy as np
from algotrader.core.indicators import ATR, SMA, Indicator
from algotrader.strategies.base import SignalStrategy

class Mine(SignalStrategy):
    name = "mine"
    def indicators(self):
        return {"mean": SMA(10), "range": ATR(5), "odd": Odd()}
    @property
    def required_history(self):
        return 12
    def should_long(self, bar, indicators):
        return np.bool_(float(bar.close) > indicators.mean.value)
    def entry_price(self, bar, indicators):
        return np.float64(float(bar.close)) + 0.02
    def stop_loss_price(self, bar, indicators):
        return np.float64(float(bar.low) - 2 * indicators.range.value - 0.05)
    def should_exit(self, bar, indicators):
        return indicators.odd.value > 0.5 and bar.is_red

class Odd(Indicator):
    def __init__(self):
        super().__init__(1, 1)
    def update_bar(self, o, h, l, c, v):
        self.publish(float(c % 2))
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return ensure_demo_catalogue(tmp_path_factory.mktemp("demo"))


def run(folder: Path, strategies: list[str], where: Path, *, sources: bool, seed: str = "0") -> dict[str, Any]:
    """Run the script in a process of its own, on the sources or on the package that is installed."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"PYTHONHASHSEED": seed}
    if sources:
        environment["PYTHONPATH"] = str(SOURCES)
    command = [sys.executable, "-c", SCRIPT, str(folder), *strategies]
    done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)
    if done.returncode and "No module named 'algotrader'" in done.stderr:
        pytest.skip("the package is not installed beside its sources")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_two_processes_and_two_hash_seeds_agree(demo: Catalogue, tmp_path: Path) -> None:
    first = run(demo.path, ["velez", "sma_cross"], tmp_path, sources=True, seed="0")
    second = run(demo.path, ["velez", "sma_cross"], tmp_path, sources=True, seed="4242")
    assert first == second
    assert all(count > 50 for _, count in first["fills"])


def test_compiled_and_plain_agree_also_for_a_users_strategy(demo: Catalogue, tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text(USER_STRATEGY, encoding="utf-8")
    strategies = ["velez", "sma_cross", "momentum", f"{own}:Mine"]
    plain = run(demo.path, strategies, tmp_path, sources=True)
    installed = run(demo.path, strategies, tmp_path, sources=False)
    if not installed["compiled"]:
        pytest.skip("the installed package is not compiled")
    assert not plain["compiled"]
    assert installed["told"] == plain["told"]
    assert installed["fills"] == plain["fills"]
    assert all(count > 5 for _, count in plain["fills"])


class Crossing(TradingAlgorithm):
    """The crossing of averages in algorithm style."""

    name: ClassVar[str] = "crossing"

    def initialize(self, context: Any) -> None:
        context.asset = self.symbol("AAPL")
        context.fast = self.indicator(SMA(20), context.asset)
        context.slow = self.indicator(SMA(200), context.asset)

    def handle_data(self, context: Any, data: Any) -> None:
        held = context.portfolio.positions[context.asset].amount
        if held == 0 and crossed_above(context.fast, context.slow):
            self.order(context.asset, 10)
        elif held > 0 and crossed_below(context.fast, context.slow):
            self.order_target(context.asset, 0)


@pytest.mark.covers("A90", "B172", "B173")
def test_one_rule_in_both_styles_gives_the_same_fills(demo: Catalogue) -> None:
    options = BacktestOptions(capital=Decimal(1_000_000), ideal=True)
    signal = backtest("sma_cross", ["AAPL"], data=demo, interval="1m", end="2024-06-28", options=options)
    algorithm = backtest(Crossing, ["AAPL"], data=demo, interval="1m", end="2024-06-28", options=options)
    assert len(signal.fills) > 200
    rows = [[(f.time, f.symbol, f.side, f.quantity, f.price) for f in result.fills] for result in (signal, algorithm)]
    assert rows[0] == rows[1]


MEMORY = """
import sys
from decimal import Decimal
from pathlib import Path
from algotrader.research.backtest import BacktestOptions, backtest
options = BacktestOptions(capital=Decimal(100_000))
result = backtest("velez", ["AAPL", "TSLA", "AMD", "NVDA", "META"], data=sys.argv[1], options=options)
status = Path("/proc/self/status").read_text()
peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024
print(len(result.equity), peak)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_a_year_of_minutes_of_five_instruments_needs_less_than_500_megabytes(demo: Catalogue) -> None:
    done = subprocess.run([sys.executable, "-c", MEMORY, str(demo.path)], capture_output=True, text=True, check=True)
    slices, peak = (int(part) for part in done.stdout.split())
    assert slices > 97_000
    assert peak < 500
