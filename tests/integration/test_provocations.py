"""What users get wrong, one row each, through the command line's own entry: a clear line, a hint, an exit code, never a traceback.

A strategy that fails on the way is told with symbol and bar, and the other symbols trade on.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

from algotrader.cli.main import main
from algotrader.core.instruments import equity
from algotrader.history.catalogue import Catalogue
from algotrader.history.generator import generate

pytestmark = pytest.mark.usefixtures("workplace")

TRIED = ("--symbols", "AAPL,TSLA", "--data", "bars")
HEADER = "time,open,high,low,close,volume\n"
GOOD_ROW = "2024-01-02 14:30,1,2,1,2,5\n"
STRATEGY = '''
import math
import sys

import numpy as np

from algotrader.strategies.base import SignalStrategy


class Mine(SignalStrategy):
    """Buys one share whenever it is flat and sells it at the next full ten minutes."""

    sizing = "explicit"
    required_history = 1

    def should_long(self, bar, indicators):
        return True

    def stop_loss_price(self, bar, indicators):
        return bar.low * 99 / 100

    def quantity(self, bar, indicators):
        return 1

    def should_exit(self, bar, indicators):
        return bar.close_time // 60_000_000_000 % 10 == 0
'''


class Outcome(NamedTuple):
    """What a call of the command line left behind."""

    code: int
    out: str
    err: str


Call = Callable[..., Outcome]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue with two days of made-up minute bars of two symbols."""
    catalogue = Catalogue(tmp_path_factory.mktemp("stored") / "bars")
    for symbol in ("AAPL", "TSLA"):
        instrument = equity(symbol)
        catalogue.write_bars(instrument, "1m", generate(instrument, date(2024, 1, 2), date(2024, 1, 3), seed=1))
    return catalogue.path


@pytest.fixture
def workplace(tmp_path: Path, stored: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder in which ``bars`` is the catalogue; nothing of the user's own settings."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bars").symlink_to(stored)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("ALGO_DATA", "ALGO_BACKTEST__CAPITAL", "ALGO_BACKTEST__SLIPPAGE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Give a function that runs ``algo-trader ARGS`` in this process; an exception that escapes fails the test."""

    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["algo-trader", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return Outcome(int(left.value.code or 0), captured.out, captured.err)

    return run


def assert_refused(outcome: Outcome, said: str, hinted: str) -> None:
    """One line that says what is wrong, one that says what to do, exit code 2, nothing else."""
    lines = outcome.err.splitlines()
    assert outcome.code == 2
    assert len(lines) == 2, outcome.err
    assert lines[0].startswith("error: ")
    assert said in lines[0]
    assert lines[1].startswith("hint: ")
    assert hinted in lines[1]
    assert "Traceback" not in outcome.err


CALLS = {
    "unknown command": (("backtst",), "no command 'backtst'", "did you mean backtest?"),
    "unknown option": (("backtest", "velez", "--symbls", "AAPL"), "--symbls", "backtest --help"),
    "no strategy": (("backtest", "--symbols", "AAPL"), "missing argument", "backtest --help"),
    "no symbols": (("backtest", "velez"), "--symbols", "backtest --help"),
    "empty symbols": (("backtest", "velez", "--symbols", " , "), "names no symbol", "AAPL"),
    "unknown strategy": (("backtest", "velz", *TRIED), "did you mean 'velez'", "strategies"),
    "unknown strategy to describe": (("strategies", "sma_cros"), "did you mean 'sma_cross'", "strategies"),
    "no such strategy file": (("backtest", "gone.py:Mine", *TRIED), "gone.py", "strategies"),
    "unknown symbol": (("backtest", "velez", "--symbols", "APPL", "--data", "bars"), "APPL is not in the", "AAPL, TSLA"),
    "symbol twice": (("backtest", "velez", "--symbols", "AAPL,AAPL", "--data", "bars"), "given twice", "once"),
    "unknown benchmark": (("backtest", "velez", *TRIED, "--benchmark", "SPY"), "SPY is not in the", "AAPL, TSLA"),
    "no catalogue": (("backtest", "velez", "--symbols", "AAPL", "--data", "gone"), "gone does not exist", "data import"),
    "empty range": (("backtest", "velez", *TRIED, "--from", "2020-01-01", "--to", "2020-02-01"), "no bars", "2024-01-02 to 2024"),
    "range backwards": (("backtest", "velez", *TRIED, "--from", "2024-01-03", "--to", "2024-01-01"), "empty", "--from"),
    "impossible day": (("backtest", "velez", *TRIED, "--from", "2024-02-30"), "2024-02-30", "write it as"),
    "wrong interval": (("backtest", "velez", *TRIED, "--interval", "3m"), "'3m'", "1s, 1m, 2m, 5m, 10m"),
    "interval that cannot be made": (("backtest", "sma_cross", *TRIED, "--interval", "1s"), "1s", "1m"),
    "unknown parameter": (("backtest", "sma_cross", *TRIED, "--param", "fst=3"), "did you mean 'fast'", "strategies"),
    "impossible parameter": (("backtest", "velez", *TRIED, "--param", "sma_fast=2"), "greater than or equal to 5", "strategies"),
    "parameters that conflict": (
        ("backtest", "sma_cross", *TRIED, "--param", "fast=30", "--param", "slow=10"),
        "did you mean fast=10 slow=30?",
        "strategies",
    ),
    "parameter not a number": (("backtest", "sma_cross", *TRIED, "--param", "quantity=ten"), "'ten'", "strategies"),
    "parameter without value": (("backtest", "sma_cross", *TRIED, "--param", "fast"), "NAME=VALUE", "--param fast=10"),
    "parameter twice": (("backtest", "sma_cross", *TRIED, "--param", "fast=1", "--param", "fast=2"), "given twice", "once"),
    "capital no number": (("backtest", "velez", *TRIED, "--capital", "12,5"), "--capital: '12,5' is not a number", "--help"),
    "capital infinite": (("backtest", "velez", *TRIED, "--capital", "inf"), "not a finite number", "--help"),
    "capital negative": (("backtest", "velez", *TRIED, "--capital=-5"), "above 0, not -5", "--help"),
    "volume limit": (("backtest", "velez", *TRIED, "--volume-limit", "250%"), "--volume-limit", "--help"),
    "latency": (("backtest", "velez", *TRIED, "--latency=-1"), "must not be negative", "--help"),
    "slippage": (("backtest", "velez", *TRIED, "--slippage", "much"), "'much' is not a slippage model", "assumptions"),
    "commission": (("backtest", "velez", *TRIED, "--commission", "per-share:x"), "not a commission model", "assumptions"),
    "fill": (("backtest", "velez", *TRIED, "--fill", "middle"), "'next_open', 'close'", "--help"),
    "venue": (("backtest", "velez", *TRIED, "--venue", "alpaca"), "unknown venue 'alpaca'", "alpaca-like"),
    "scanner": (("backtest", "velez", *TRIED, "--scanner", "gap:2"), "unknown scanner 'gap'", "gap_up:2"),
    "scanner's number": (("backtest", "velez", *TRIED, "--scanner", "gap_up:two"), "no number", "gap_up:2"),
    "unwritable report": (("backtest", "velez", *TRIED, "--report", "bars/instruments.json/x.html"), "x.html cannot be", "folder"),
    "unwritable demo": (("demo", "--out", "bars/instruments.json/x.html"), "x.html cannot be written", "folder"),
    "report is a folder": (("backtest", "velez", *TRIED, "--json", "bars"), "is a directory", "--help"),
}


@pytest.mark.parametrize(("arguments", "said", "hinted"), CALLS.values(), ids=CALLS.keys())
def test_a_wrong_call_is_refused_in_one_line(call: Call, arguments: tuple[str, ...], said: str, hinted: str) -> None:
    assert_refused(call(*arguments), said, hinted)


FILES = {
    "empty": ("", "is empty", "header"),
    "header only": (HEADER, "no rows", "header"),
    "no such column": ("time,open,high,low,close\n2024-01-02 14:30,1,2,1,2\n", "no column for volume", "--column volume="),
    "text for a price": (HEADER + "2024-01-02 14:30,abc,2,1,2,5\n", "'abc': is not a number", "1234.56"),
    "NaN": (HEADER + "2024-01-02 14:30,nan,2,1,2,5\n", "is not a number", "1234.56"),
    "negative price": (HEADER + "2024-01-02 14:30,-1,2,1,2,5\n", "zero or negative", "--column"),
    "high below low": (HEADER + "2024-01-02 14:30,1,1,2,2,5\n", "high is below low", "--column"),
    "no time": (HEADER + "yesterday,1,2,1,2,5\n", "'yesterday'", "--date-format"),
    "only days": (HEADER + "2024-01-02,1,2,1,2,5\n", "days only", "--interval 1d"),
    "short row": (HEADER + "2024-01-02 14:30,1,2\n", "a value is missing", "--column"),
    "semicolons": (HEADER + "2024-01-02 14:30;1;2;1;2;5\n", "is not a time", "--date-format"),
    "too many decimals": (HEADER + "2024-01-02 14:30,1.1234567,2,1,2,5\n", "more than 4 decimal places", "--round"),
    "binary": ("\x00\x01PNG\n\x00", "binary data", "CSV"),
}


@pytest.mark.parametrize(("content", "said", "hinted"), FILES.values(), ids=FILES.keys())
def test_a_malformed_file_is_refused_in_one_line(call: Call, workplace: Path, content: str, said: str, hinted: str) -> None:
    (workplace / "file.csv").write_text(content, encoding="utf-8")
    outcome = call("data", "import", "file.csv", "--symbol", "AAPL", "--interval", "1m", "--data", "new")
    assert_refused(outcome, said, hinted)
    assert not Catalogue(workplace / "new").instruments()


IMPORTS = {
    "no such file": (("gone.csv",), "gone.csv", "exists"),
    "time zone": (("good.csv", "--timezone", "Mars/Base"), "not a time zone", "America/New_York"),
    "column": (("good.csv", "--column", "open=Opn"), "no column 'Opn'", "did you mean open?"),
    "duplicate, strict": (("twice.csv", "--strict"), "is there already", "--strict"),
}


@pytest.mark.parametrize(("arguments", "said", "hinted"), IMPORTS.values(), ids=IMPORTS.keys())
def test_a_wrong_import_is_refused_in_one_line(
    call: Call, workplace: Path, arguments: tuple[str, ...], said: str, hinted: str
) -> None:
    (workplace / "good.csv").write_text(HEADER + GOOD_ROW, encoding="utf-8")
    (workplace / "twice.csv").write_text(HEADER + GOOD_ROW + GOOD_ROW.replace(",5", ",6"), encoding="utf-8")
    assert_refused(call("data", "import", *arguments, "--symbol", "AAPL", "--interval", "1m", "--data", "new"), said, hinted)


BROKEN = {
    "syntax": ("def x(:\n", "SyntaxError", "strategies"),
    "import": ("import nothing_here\n", "No module named 'nothing_here'", "strategies"),
    "no class": ("x = 1\n", "no class 'Mine'", "strategies"),
    "no strategy": ("class Mine: pass\n", "not a strategy; derive it from", "strategies"),
    "leaves at once": ("import sys\nsys.exit(3)\n", "asked Python to exit", "exit()"),
    "leaves on a bar": (STRATEGY + "    def should_long(self, bar, indicators): sys.exit(3)\n", "asked Python to exit", "exit()"),
    "constructor": (
        STRATEGY + "    def __init__(self, symbol, parameters=None):\n        raise RuntimeError('no licence')\n",
        "failed in line 28: RuntimeError: no licence",
        "--trace",
    ),
    "indicators": (STRATEGY + "    def indicators(self): return {}['x']\n", "failed in line 27: KeyError", "--trace"),
    "indicator of a wrong kind": (STRATEGY + "    def indicators(self): return {'fast': 3}\n", "failed: ", "--trace"),
    "history of a wrong kind": (STRATEGY + "    required_history = 'many'\n", "failed: TypeError", "--trace"),
    "protection": (STRATEGY + "    protection = 'planed'\n", "must be one of planned, emergency, none", "strategies"),
    "sizing": (STRATEGY + "    protection = 'none'\n    sizing = 'risk'\n", "needs planned stops", "strategies"),
}


@pytest.mark.parametrize(("source", "said", "hinted"), BROKEN.values(), ids=BROKEN.keys())
def test_a_strategy_that_cannot_be_set_up_is_refused_in_one_line(
    call: Call, workplace: Path, source: str, said: str, hinted: str
) -> None:
    (workplace / "own.py").write_text(source, encoding="utf-8")
    assert_refused(call("backtest", "own.py:Mine", *TRIED), said, hinted)


ALGORITHM = """
from algotrader.strategies.algorithm import TradingAlgorithm


class Mine(TradingAlgorithm):
    def initialize(self, context):
        pass

    def handle_data(self, context, data):
        pass
"""

ALGORITHMS = {
    "initialize raises": ("    def initialize(self, context): raise RuntimeError('no licence')\n", "in line 11: RuntimeError: no"),
    "unknown symbol": ("    def initialize(self, context): self.symbol('AAPLE')\n", "'AAPLE' is not among the symbols"),
}


@pytest.mark.parametrize(("method", "said"), ALGORITHMS.values(), ids=ALGORITHMS.keys())
def test_an_algorithm_that_cannot_be_set_up_is_refused_in_one_line(call: Call, workplace: Path, method: str, said: str) -> None:
    (workplace / "own.py").write_text(ALGORITHM + method, encoding="utf-8")
    assert_refused(call("backtest", "own.py:Mine", *TRIED), said, "")


@pytest.mark.parametrize(
    ("body", "said"),
    [("1 / 0", "ZeroDivisionError: division by zero"), ("self.order(self.assets[0], 'many')", "must be a number, not 'many'")],
)
def test_an_algorithm_that_fails_on_bars_is_told(call: Call, workplace: Path, body: str, said: str) -> None:
    (workplace / "own.py").write_text(f"{ALGORITHM}    def handle_data(self, context, data): {body}\n", encoding="utf-8")
    outcome = call("backtest", "own.py:Mine", *TRIED)
    assert (outcome.code, outcome.err) == (3, "")
    told = " ".join(outcome.out.split())
    assert f"{said}" in told
    assert "first 2024-01-02 14:31 UTC" in told


def test_a_mistake_in_analyze_does_not_lose_the_run(call: Call, workplace: Path) -> None:
    (workplace / "own.py").write_text(
        ALGORITHM + "    def analyze(self, context, results): raise KeyError('x')\n", encoding="utf-8"
    )
    outcome = call("backtest", "own.py:Mine", *TRIED, "--json", "out.json")
    assert (outcome.code, outcome.err) == (3, "")
    assert "KeyError: 'x' in analyze" in " ".join(outcome.out.split())
    assert (workplace / "out.json").is_file()


def test_trace_shows_where_a_strategy_failed(call: Call, workplace: Path) -> None:
    (workplace / "own.py").write_text(STRATEGY + "    def indicators(self): return {}['x']\n", encoding="utf-8")
    with pytest.raises(KeyError):
        call("backtest", "own.py:Mine", *TRIED, "--trace")


def fails_for_apple(method: str, answer: str) -> str:
    """The strategy with one method that answers wrongly for AAPL only."""
    usual = {"should_long": "True", "stop_loss_price": "bar.low * 99 / 100", "quantity": "1", "should_exit": "False"}[method]
    body = f"return ({answer}) if self.symbol == 'AAPL' else {usual}"
    return f"{STRATEGY}\n    def {method}(self, bar, indicators):\n        {body}\n"


FAILING = {
    "raises": ("should_long", "1 / 0", "AAPL ZeroDivisionError: division by zero"),
    "recursion": ("should_long", "self.should_long(bar, indicators)", "AAPL RecursionError"),
    "unknown indicator": ("should_long", "indicators.fast > 1", "AAPL AttributeError: the strategy declares no indicator 'fast'"),
    "text for a truth": ("should_long", "'yes'", "AAPL should_long must answer True or False, not 'yes'"),
    "NaN": ("stop_loss_price", "math.nan", "AAPL stop_loss_price is NaN"),
    "infinite": ("quantity", "math.inf", "AAPL quantity is Infinity"),
    "text for a price": ("stop_loss_price", "'cheap'", "AAPL stop_loss_price must be a number, not 'cheap'"),
    "huge": ("quantity", "10 ** 30", "too large for AAPL"),
    "raises in a position": ("should_exit", "{}['x']", "AAPL KeyError: 'x'"),
}


@pytest.mark.covers("A230")
@pytest.mark.parametrize(("method", "answer", "said"), FAILING.values(), ids=FAILING.keys())
def test_a_failing_strategy_is_told_and_the_other_symbol_trades(
    call: Call, workplace: Path, method: str, answer: str, said: str
) -> None:
    (workplace / "own.py").write_text(fails_for_apple(method, answer), encoding="utf-8")
    outcome = call("backtest", "own.py:Mine", *TRIED, "--fills", "fills.csv", "--json", "run.json", "--report", "run.html")
    assert outcome.code == 3
    assert outcome.err == ""
    assert "Traceback" not in outcome.out
    told = " ".join(outcome.out.split())
    assert said in told
    assert "first 2024-01-02 14:3" in told  # the bar, by its close
    with (workplace / "fills.csv").open(encoding="utf-8") as file:
        assert "TSLA" in {row["symbol"] for row in csv.DictReader(file)}
    problems = json.loads((workplace / "run.json").read_text(encoding="utf-8"))["problems"]
    first = next(problem for problem in problems if problem["kind"].startswith("strategy"))
    assert first["symbol"] == "AAPL"
    assert "Bar(AAPL 2024-01-02T14:3" in first["message"]
    assert (workplace / "run.html").stat().st_size > 10_000


DENIED = {
    "stop above the entry": ("stop_loss_price", "bar.high * 2", "is not below its entry"),
    "no stop": ("stop_loss_price", "None", "plans its stops but gave none"),
    "negative quantity": ("quantity", "-1", "negative"),
}


@pytest.mark.parametrize(("method", "answer", "said"), DENIED.values(), ids=DENIED.keys())
def test_an_impossible_signal_is_denied_with_the_reason(call: Call, workplace: Path, method: str, answer: str, said: str) -> None:
    (workplace / "own.py").write_text(fails_for_apple(method, answer), encoding="utf-8")
    outcome = call("backtest", "own.py:Mine", *TRIED, "--fills", "fills.csv")
    assert outcome.code == 0
    told = " ".join(outcome.out.split())
    assert "entries denied (invalid signal, such as:" in told
    assert said in told
    with (workplace / "fills.csv").open(encoding="utf-8") as file:
        assert {row["symbol"] for row in csv.DictReader(file)} == {"TSLA"}


ACCEPTED = {
    "numpy truth": ("should_long", "np.bool_(True)"),
    "numpy price": ("stop_loss_price", "np.float64(float(bar.low) * 0.99)"),
    "numpy quantity": ("quantity", "np.int64(1)"),
}


@pytest.mark.parametrize(("method", "answer"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_numpy_numbers_are_taken(call: Call, workplace: Path, method: str, answer: str) -> None:
    (workplace / "own.py").write_text(fails_for_apple(method, answer), encoding="utf-8")
    outcome = call("backtest", "own.py:Mine", *TRIED, "--fills", "fills.csv")
    assert outcome.code == 0
    with (workplace / "fills.csv").open(encoding="utf-8") as file:
        assert {row["symbol"] for row in csv.DictReader(file)} == {"AAPL", "TSLA"}


def test_interrupting_a_run_ends_it_quietly(call: Call, workplace: Path) -> None:
    (workplace / "own.py").write_text(fails_for_apple("should_long", "(_ for _ in ()).throw(KeyboardInterrupt)"), encoding="utf-8")
    outcome = call("backtest", "own.py:Mine", *TRIED)
    assert outcome.code == 130
    assert outcome.err.split() == ["interrupted"]


def test_a_wrong_environment_variable_is_named(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALGO_BACKTEST__CAPITAL", "lots")
    assert_refused(call("config"), "ALGO_BACKTEST__CAPITAL: 'lots' is not a number", "environment variable")
