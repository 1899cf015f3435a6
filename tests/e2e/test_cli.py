"""The command line as a user meets it: processes of their own, files in an empty folder, text that fits 80 columns."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from conftest import CliResult

from algotrader.core.instruments import equity
from algotrader.history.catalogue import Catalogue
from algotrader.history.generator import generate

Cli = Callable[..., CliResult]

FIGURES = ("Final equity", "Total return", "Sharpe ratio", "Maximum drawdown", "Win rate", "Profit factor", "Round trips", "Fees")
HEAVY = ("numpy", "polars", "pandas", "pydantic", "rich", "exchange_calendars")


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a catalogue with a week of made-up minute bars of two symbols."""
    catalogue = Catalogue(tmp_path_factory.mktemp("stored") / "bars")
    for symbol in ("AAPL", "TSLA"):
        instrument = equity(symbol)
        catalogue.write_bars(instrument, "1m", generate(instrument, date(2024, 1, 2), date(2024, 1, 8), seed=1))
    return str(catalogue.path)


@pytest.fixture(autouse=True)
def own_settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder shared by this file's tests, and none of the user's own settings. Set before ``cli`` reads them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    for name in ("ALGO_DATA", "ALGO_BACKTEST__CAPITAL", "ALGO_BACKTEST__SLIPPAGE", "ALGO_BACKTEST__COMMISSION"):
        monkeypatch.delenv(name, raising=False)


def assert_narrow(text: str) -> None:
    """No line is wider than a small terminal."""
    assert max(len(line) for line in text.splitlines()) <= 80


@pytest.mark.parametrize(
    "arguments", [(), ("--help",), ("backtest", "--help"), ("demo", "-h"), ("data",), ("data", "import", "-h")]
)
def test_help_fits_a_small_terminal(cli: Cli, arguments: tuple[str, ...]) -> None:
    done = cli(*arguments)
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: algo-trader")
    assert_narrow(done.stdout)


@pytest.mark.parametrize(
    "module", ["algotrader.cli.main", "algotrader.cli.backtest", "algotrader.cli.strategies", "algotrader.cli.demo"]
)
def test_help_needs_no_heavy_import(module: str) -> None:
    """What makes ``--help`` answer at once, said without a clock."""
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_version_names_the_kind_of_engine(cli: Cli) -> None:
    from algotrader.core import engine

    kind = "compiled" if str(engine.__file__).endswith((".so", ".pyd")) else "plain Python"
    done = cli("--version")
    assert done.code == 0
    assert re.fullmatch(rf"algo-trader \d+\.\d+\.\d+ \({kind} engine, Python 3\.\d+\.\d+\w*\)\n", done.stdout)


@pytest.mark.covers("A219", "B239")
def test_backtest_prints_figures_and_writes_files(cli: Cli, bars: str, tmp_path: Path) -> None:
    files = ("--report", "out/run.html", "--json", "out/run.json", "--fills", "out/fills.csv")
    given = (
        "--from",
        "2024-01-03",
        "--to",
        "2024-01-05",
        "--capital",
        "50000",
        "--param",
        "sma_fast=10",
        "--param",
        "sma_slow=100",
    )
    done = cli("backtest", "velez", "--symbols", "AAPL,TSLA", "--data", bars, *given, *files)
    assert (done.code, done.stderr) == (0, "")
    assert_narrow(done.stdout)
    for name in FIGURES:
        assert name in done.stdout
    assert "2024-01-03 to 2024-01-05, 2m bars, capital 50,000.00" in done.stdout
    assert "made-up data" not in done.stdout  # this catalogue's bars are not marked as such
    assert (tmp_path / "out" / "run.html").read_text(encoding="utf-8").startswith("<!doctype html>")

    document = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert document["parameters"]["sma_fast"] == 10
    assert f"fingerprint  {document['fingerprint']}" in done.stdout
    assert document["metrics"]["round_trips"] == len(document["round_trips"]) > 0
    profit = sum(Decimal(trip["pnl"]) for trip in document["round_trips"])
    assert Decimal(document["final_equity"]) - Decimal(document["capital"]) == profit  # velez is flat at every close
    assert document["equity"][-1][1] == pytest.approx(float(document["final_equity"]))
    assert document["assumptions"]["slippage"] == "0.01 a share"

    with (tmp_path / "out" / "fills.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["time", "symbol", "side", "quantity", "price", "commission", "client_order_id"]
    assert len(rows) - 1 == document["fills"]
    for time, symbol, side, quantity, price, commission, order in rows[1:]:
        assert re.fullmatch(r"2024-01-0[345]T\d\d:\d\d:\d\dZ", time)
        assert symbol in ("AAPL", "TSLA")
        assert side in ("buy", "sell")
        assert all(re.fullmatch(r"\d+(\.\d+)?", number) for number in (quantity, price, commission))
        assert order
    assert [row[0] for row in rows[1:]] == sorted(row[0] for row in rows[1:])


def test_the_same_call_gives_the_same_fills(cli: Cli, bars: str) -> None:
    given = ("backtest", "sma_cross", "--symbols", "TSLA,AAPL", "--data", bars, "--param", "fast=5", "--param", "slow=20")
    first, second = cli(*given, "--latency", "250", "--seed", "4"), cli(*given, "--latency", "250", "--seed", "4")
    assert first.code == 0
    assert first.stdout == second.stdout
    assert "fingerprint" in first.stdout


OPTIONS = {
    "ideal": (("--ideal",), "slippage", "none"),
    "slippage": (("--slippage", "bps:5"), "slippage", "5 basis points"),
    "commission": (("--commission", "per-share:0.005:1.0"), "commission", "0.005 a share, at least 1.0 an order"),
    "volume limit": (("--volume-limit", "1%"), "volume limit", "1 % of a bar"),
    "no volume limit": (("--volume-limit", "none"), "volume limit", "none"),
    "latency": (("--latency", "250"), "latency", "250 ms ±20 %"),
    "fill": (("--fill", "close"), "market orders", "close of the same bar (optimistic)"),
    "entry bar": (("--entry-bar-stop", "ignore"), "stop on the entry's bar", "ignored (optimistic)"),
    "venue": (("--venue", "alpaca-like"), "venue", "alpaca-like"),
}


@pytest.mark.parametrize(("given", "name", "said"), OPTIONS.values(), ids=OPTIONS.keys())
def test_an_option_reaches_the_assumptions(
    cli: Cli, bars: str, tmp_path: Path, given: tuple[str, ...], name: str, said: str
) -> None:
    done = cli("backtest", "buy_and_hold", "--symbols", "AAPL", "--data", bars, "--to", "2024-01-02", *given, "--json", "run.json")
    assert done.code == 0, done.stderr
    assumptions = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["assumptions"]
    assert assumptions[name].removesuffix(".00") == said
    assert ("beware" in done.stdout) == ("optimistic" in said)


def test_a_scanner_decides_what_may_be_traded(cli: Cli, bars: str) -> None:
    given = ("backtest", "buy_and_hold", "--symbols", "AAPL", "--data", bars)
    assert "Fills                              1" in cli(*given).stdout
    assert "Fills                              0" in cli(*given, "--scanner", "gap_up:50").stdout


def test_settings_come_from_the_environment(cli: Cli, bars: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"ALGO_DATA": bars, "ALGO_BACKTEST__CAPITAL": "7500", "ALGO_BACKTEST__SLIPPAGE": "bps:3"}
    code = "import sys, os; os.environ.update(" + repr(environment) + "); from algotrader.cli.main import main; main()"
    call = [sys.executable, "-c", code, "backtest", "buy_and_hold", "--symbols", "AAPL", "--json", str(tmp_path / "run.json")]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert document["capital"] == "7500"
    assert document["assumptions"]["slippage"] == "3 basis points"
    shown = cli("backtest", "buy_and_hold", "--symbols", "AAPL", "--data", bars, "--capital", "9000").stdout
    assert "capital 9,000.00" in shown


def demo_process(cache: Path, folder: Path, *options: str) -> subprocess.Popen[str]:
    """The demo as a process of its own."""
    environment = dict(os.environ, ALGOTRADER_CACHE=str(cache), XDG_STATE_HOME=str(cache), COLUMNS="80")
    search = [os.path.abspath(part) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    environment["PYTHONPATH"] = os.pathsep.join(search)
    call = [sys.executable, "-m", "algotrader.cli.main", "demo", *options]
    return subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env=environment)


@pytest.mark.slow
def test_demo_trades_a_day_on_paper(tmp_path: Path) -> None:
    process = demo_process(tmp_path / "cache", tmp_path, "--speed", "1500")
    out, err = process.communicate(timeout=180)
    assert (process.returncode, err) == (0, "")
    assert_narrow(out)
    lines = out.splitlines()
    assert lines[0] == "mode       paper, no real money"
    assert any(line.startswith("listening on http://127.0.0.1:") for line in lines)
    assert any(line.startswith("2024-03-07 ") and "  running" in line for line in lines)
    assert any(line.startswith("2024-03-07 21:") and "  stopped" in line for line in lines)
    assert re.search(r"^Final equity .* Round trips ", out, re.MULTILINE)
    assert re.search(r"^Longest drawdown .* Fills |^Maximum drawdown .* Fills | {4}Fills +[0-9]", out, re.MULTILINE)
    assert "tear sheet   out/tearsheet.html" in out
    page = (tmp_path / "out" / "tearsheet.html").read_text(encoding="utf-8")
    assert "Paper session tear sheet" in page
    database = tmp_path / "cache" / "demo" / "trading.db"
    call = [sys.executable, "-m", "algotrader.cli.main", "replay", "--database", str(database)]
    again = subprocess.run(call, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stdout
    assert "events, the same" in again.stdout


@pytest.mark.slow
def test_demo_ends_in_order_when_it_is_interrupted(tmp_path: Path) -> None:
    process = demo_process(tmp_path / "cache", tmp_path, "--speed", "400")
    assert process.stdout is not None
    seen = ""
    while "  running" not in seen:
        line = process.stdout.readline()
        assert line, process.communicate()
        seen += line
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, [line for line in err.splitlines() if "shut" not in line]) == (0, [])
    assert "  stopped" in out
    assert "tear sheet   out/tearsheet.html" in out or "it ended before its first bar" in out


def test_demo_makes_data_runs_and_writes_the_tear_sheet(cli: Cli, tmp_path: Path) -> None:
    done = cli("demo", "--backtest")
    assert (done.code, done.stderr) == (0, "")
    assert_narrow(done.stdout)
    assert done.stdout.startswith("velez on AAPL, TSLA, AMD, NVDA, META\n")
    assert "made-up data" in done.stdout
    assert "tear sheet   out/tearsheet.html" in done.stdout
    text = (tmp_path / "out" / "tearsheet.html").read_text(encoding="utf-8")
    assert "META" in text
    seconds = re.search(r"in (\d+\.\d) s", done.stdout)
    assert seconds is not None
    assert float(seconds[1]) < 60
    without_data = cli("backtest", "velez", "--symbols", "AAPL", "--to", "2024-01-10")
    assert without_data.code == 0
    assert "made-up data" in without_data.stdout


def test_strategies_are_listed_and_described(cli: Cli, tmp_path: Path) -> None:
    listed = cli("strategies")
    assert listed.code == 0
    assert_narrow(listed.stdout)
    for name in ("velez", "sma_cross", "buy_and_hold"):
        assert re.search(rf"^{name} +signal ", listed.stdout, re.MULTILINE)
    assert "cannot be loaded" not in listed.stdout

    velez = cli("strategies", "velez").stdout
    assert_narrow(velez)
    assert re.search(r"^sma_fast +20 +>= 5, <= 50 +period of the fast", velez, re.MULTILINE)
    assert re.search(r"^protection +planned", velez, re.MULTILINE)
    assert re.search(r"^sizing +by risk", velez, re.MULTILINE)
    assert re.search(r"^at the session's end +closes its positions", velez, re.MULTILINE)


def test_a_strategy_in_a_file_is_described_and_run(cli: Cli, bars: str, tmp_path: Path) -> None:
    source = (
        "from algotrader.strategies.buy_and_hold import BuyAndHold\n\n\n"
        'class Patient(BuyAndHold):\n    """Buys later."""\n\n    name = "patient"\n    required_history = 30\n'
    )
    (tmp_path / "own.py").write_text(source, encoding="utf-8")
    described = cli("strategies", "own.py:Patient").stdout
    assert "Buys later." in described
    assert "none: positions have no stop" in described
    done = cli("backtest", "own.py", "--symbols", "AAPL", "--data", bars, "--fills", "fills.csv")
    assert done.code == 0, done.stderr
    assert (tmp_path / "fills.csv").read_text(encoding="utf-8").splitlines()[1].startswith("2024-01-02T15:00:00Z,AAPL,buy,10,")


def test_config_shows_every_value_and_its_source(cli: Cli) -> None:
    done = cli("config")
    assert done.code == 0
    assert "backtest.capital = 25000   (default)" in done.stdout
    assert "[ALGO_BACKTEST__CAPITAL]" in done.stdout
    assert re.search(r"^data = .*cache.algo-trader.demo-data\s+\(default\)$", done.stdout, re.MULTILINE)


def test_output_to_a_pipe_that_closes_is_no_error(bars: str) -> None:
    call = f"{sys.executable} -m algotrader.cli.main strategies velez | head -1"
    done = subprocess.run(call, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("velez")
    assert "Traceback" not in done.stderr
