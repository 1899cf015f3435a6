"""A user's file works the same on the compiled engine and on the plain one: odd answers, mistakes, models, indicators, scanners."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from backtest_kit import made_up

SOURCES = Path(__file__).resolve().parents[2] / "src"

FILE = '''
from decimal import Decimal

import numpy as np

from algotrader.core.indicators import SMA, Indicator
from algotrader.core.signal_hooks import Scanner
from algotrader.simulation.costs import CommissionModel, SlippageModel
from algotrader.strategies.base import SignalStrategy


class Swing(Indicator):
    """High less low of the last bar, from a user's file; fails on some bars of one symbol."""

    def __init__(self, fails=False):
        super().__init__(1, 1)
        self.fails = fails

    def update_bar(self, o, h, l, c, v):
        if self.fails and c % 1700 == 0:
            raise ArithmeticError("swing")
        self.publish((h - l) / self.unit)


class Odd(SignalStrategy):
    """Answers in every way there is, right and wrong, by the minute of the bar."""

    name = "odd"
    sizing = "explicit"
    protection = "planned"
    allow_short = True

    @property
    def required_history(self):
        return 3

    def indicators(self):
        return {"mean": SMA(3), "swing": Swing(self.symbol == "TSLA")}

    def pick(self, bar, good, wrong):
        kind = (bar.open_time // 60_000_000_000 + len(good)) % (len(good) + len(wrong))
        answers = good + wrong
        answer = answers[kind]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def should_long(self, bar, indicators):
        up = float(bar.close) > indicators.mean.value
        return self.pick(bar, [up, np.bool_(up), None, False], ["yes", 1, np.array([True, False]), ValueError("long")])

    def should_short(self, bar, indicators):
        down = float(bar.close) < indicators.mean.value
        return self.pick(bar, [down, np.bool_(down), None], [np.int64(1), KeyError("short")])

    def sign(self):
        return 1 if self.direction == "long" else -1

    def entry_price(self, bar, indicators):
        close = float(bar.close)
        good = [None, bar.close, close, np.float64(close), np.float32(close), round(close), np.int64(round(close))]
        return self.pick(bar, good, [float("nan"), "100", -1, True, Decimal("NaN"), np.inf, object(), RuntimeError("entry")])

    def stop_loss_price(self, bar, indicators):
        away = self.sign() * (2 + 3 * indicators.swing.value)
        close = float(bar.close)
        stop = close - away
        return self.pick(bar, [stop, np.float64(stop), Decimal(str(round(stop, 3)))], ["stop", float("nan")])

    def take_profit_price(self, bar, indicators):
        return self.pick(bar, [None, float(bar.close) + self.sign() * 4], [[1]])

    def confidence(self, bar, indicators):
        return self.pick(bar, [0, 1, 0.5, np.float64(0.25), Decimal("0.75"), np.float32(0.125)], [2, -1, float("nan"), "sure"])

    def quantity(self, bar, indicators):
        return self.pick(bar, [3, 4.9, np.int64(5), np.float64(6.5), Decimal("7")], [None, 0, "ten", float("inf"), np.nan])

    def should_update_stop(self, bar, indicators):
        close = float(bar.close)
        return self.pick(bar, [None, close - 1, np.float64(close + 1), Decimal("1")], ["x", float("nan"), TypeError("stop")])

    def should_exit(self, bar, indicators):
        return self.pick(bar, [False] * 9 + [True, np.bool_(True)], ["now", IndexError("exit")])

    def should_cancel_pending(self, bar, candles_since):
        return self.pick(bar, [candles_since > 2, np.bool_(candles_since > 1)], [2.5, OSError("cancel")])

    def on_position_closed(self):
        if self.symbol == "AMD":
            raise LookupError("closed")


class Stepped(SlippageModel):
    """Another kind of number each time."""

    def adjust(self, side_sign, price_raw, quantity_raw, volume_raw, instrument):
        worse = price_raw + side_sign * 100
        price = instrument.price(worse)
        return [worse, np.int64(worse), price, float(price), np.float64(price)][quantity_raw % 5]


class Dimes(CommissionModel):
    """Likewise."""

    def charge(self, instrument, price_raw, quantity_raw, filled_before_raw, charged_before, is_maker):
        return [10**17, np.int64(10**17), Decimal("0.1"), 0.1, np.float64(0.1)][quantity_raw % 5]


class Late(Scanner):
    """Admits later and answers with numpy's truth; fails for one symbol at first."""

    def admits(self, symbol, day):
        if symbol == "AAPL" and day.volume_raw < 1_000_000:
            raise BufferError("scan")
        return np.bool_(day.volume_raw > 500_000)
'''

SCRIPT = """
import importlib.util, json, sys
from decimal import Decimal
from algotrader.core import engine
from algotrader.research.backtest import BacktestOptions, backtest
from algotrader.strategies.scanners import Route

folder, path = sys.argv[1:]
spec = importlib.util.spec_from_file_location("own", path)
own = importlib.util.module_from_spec(spec)
spec.loader.exec_module(own)
found = []
for venue, latency in (("generic", 0.0), ("alpaca-like", 0.0), ("generic", 700.0)):
    options = BacktestOptions(
        capital=Decimal(1_000_000), venue=venue, latency_ms=latency, slippage=own.Stepped(), commission=own.Dimes(), seed=1
    )
    routes = [Route(own.Late(), own.Odd)]
    result = backtest(None, ["AAPL", "AMD", "TSLA"], data=folder, interval="1m", routes=routes, options=options)
    fills = [[f.time, f.symbol, f.side, str(f.quantity), str(f.price), str(f.commission), f.role] for f in result.fills]
    problems = [[p.time, p.kind, p.symbol, p.message.splitlines()[0]] for p in result.problems]
    found.append({"fills": fills, "problems": problems, "counts": result.counts, "equity": str(result.final_equity)})
print(json.dumps({"runs": found, "compiled": not engine.__file__.endswith(".py")}))
"""


def run(folder: Path, where: Path, *, sources: bool) -> dict[str, Any]:
    """Run the script in a process of its own, on the sources or on another build that can be imported."""
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and Path(path).resolve() != SOURCES]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(SOURCES), *paths] if sources else paths))
    own = where / "own.py"
    own.write_text(FILE, encoding="utf-8")
    command = [sys.executable, "-c", SCRIPT, str(folder), str(own)]
    done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode and "No module named 'algotrader'" in done.stderr:
        pytest.skip("the package is not installed beside its sources")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A catalogue, and what the plain engine makes of the file."""
    folder = tmp_path_factory.mktemp("bars")
    made_up(folder, ["AAPL", "AMD", "TSLA"], date(2024, 3, 4), date(2024, 3, 6), seed=9)
    return folder, run(folder, tmp_path_factory.mktemp("plain"), sources=True)


@pytest.mark.covers("A86", "A230")
def test_mistakes_are_told_and_everything_else_goes_on(plain: tuple[Path, dict[str, Any]]) -> None:
    for outcome in plain[1]["runs"]:
        assert {fill[1] for fill in outcome["fills"]} == {"AAPL", "AMD", "TSLA"}
        assert {fill[2] for fill in outcome["fills"]} == {"buy", "sell"}
        assert len(outcome["fills"]) > 30
        told = " ".join(problem[3] for problem in outcome["problems"])
        assert "BufferError: scan in the scanner" in told
        assert "ArithmeticError: swing in the indicator Swing" in told
        assert "must answer True or False" in told
        assert outcome["counts"]["strategy_error"] > 20
        assert outcome["counts"]["strategy_value_refused"] > 20
        assert "stop_guarantee_breach" not in outcome["counts"]


def test_the_compiled_engine_does_the_same(plain: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, expected = plain
    found = run(folder, tmp_path, sources=False)
    if not found["compiled"]:
        pytest.skip("the installed package is not compiled")
    for here, there in zip(found["runs"], expected["runs"], strict=True):
        assert here == there
