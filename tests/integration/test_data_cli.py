"""The ``data`` commands from the outside: what they print, what they leave behind, how they fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import polars as pl
import pytest
from click.testing import CliRunner, Result

from algotrader.cli.data import data
from algotrader.cli.errors import catch_user_errors
from algotrader.errors import UserError
from algotrader.history.catalogue import Catalogue

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
EVER = (0, 2**62)
Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Folder of the catalogue of a test."""
    return tmp_path / "catalogue"


@pytest.fixture
def run(folder: Path) -> Run:
    """Give a function that runs ``data ARGS --data FOLDER``."""

    def invoke(*arguments: str) -> Result:
        return CliRunner(env={"COLUMNS": "80"}).invoke(data, [*arguments, "--data", str(folder)], prog_name="algo-trader data")

    return invoke


@pytest.fixture
def generated(run: Run) -> Run:
    """The commands over a catalogue with some days of made-up bars."""
    result = run("generate", "--symbols", "AAPL,btcusdt", "--from", "2024-11-27", "--to", "2024-12-02", "--seed", "3")
    assert result.exit_code == 0, result.stderr
    return run


def test_generate_then_list(generated: Run) -> None:
    result = generated("list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert max(len(line) for line in lines) <= 80
    apple, coin = (next(line.split() for line in lines if name in line) for name in ("AAPL*", "BTC/USDT*"))
    assert apple == ["AAPL*", "equity", "1m", "990", "2024-11-27", "2024-12-02", "XNYS"]
    assert coin == ["BTC/USDT*", "crypto", "1m", "8,640", "2024-11-27", "2024-12-03", "24/7"]
    assert "* made-up bars of the generator" in result.stdout


def test_generating_twice_changes_nothing(generated: Run, folder: Path) -> None:
    before = Catalogue(folder).scan("AAPL", "1m", *EVER).collect()
    generated("generate", "--symbols", "AAPL", "--from", "2024-11-27", "--to", "2024-12-02", "--seed", "3")
    assert Catalogue(folder).scan("AAPL", "1m", *EVER).collect().equals(before)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("symbol", ["AAPL", "BTC/USDT"])
def test_export_and_import_give_the_same_bars(generated: Run, folder: Path, tmp_path: Path, symbol: str, suffix: str) -> None:
    out = tmp_path / f"bars.{suffix}"
    assert generated("export", symbol, "--interval", "1m", "--out", str(out)).exit_code == 0
    copy = tmp_path / "copy"
    arguments = ["import", str(out), "--symbol", symbol, "--interval", "1m", "--strict", "--data", str(copy)]
    assert CliRunner().invoke(data, arguments).exit_code == 0
    original, copied = (Catalogue(path).scan(symbol, "1m", *EVER).collect() for path in (folder, copy))
    assert copied.equals(original)


def test_export_keeps_to_the_days_of_the_exchange(generated: Run, tmp_path: Path) -> None:
    out = tmp_path / "day.csv"
    result = generated("export", "aapl", "--interval", "1m", "--from", "2024-11-29", "--to", "2024-11-29", "--out", str(out))
    assert result.stdout.startswith("wrote 210 bars to ")
    table = pl.read_csv(out)
    assert table.columns == ["timestamp", "open", "high", "low", "close", "volume"]
    assert (table["timestamp"][0], table["timestamp"][-1]) == ("2024-11-29T14:30:00Z", "2024-11-29T17:59:00Z")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_daily_bars_survive_export_and_import(run: Run, folder: Path, tmp_path: Path, suffix: str) -> None:
    if not SHARED.is_dir():
        pytest.skip("the recorded market data are not here")
    assert run("import", str(SHARED / "equity_us/daily/SPY.parquet"), "--symbol", "SPY", "--interval", "1d").exit_code == 0
    out = tmp_path / f"days.{suffix}"
    assert run("export", "SPY", "--interval", "1d", "--out", str(out)).exit_code == 0
    if suffix == "parquet":
        source = pl.read_parquet(SHARED / "equity_us/daily/SPY.parquet")
        assert pl.read_parquet(out).drop("timestamp").equals(source.drop("timestamp"))
    again = run("import", str(out), "--symbol", "SPY", "--interval", "1d", "--strict")
    assert "new 0, replaced 0, already there 5849, left out 0" in again.stdout
    assert Catalogue(folder).count("SPY", "1d") == 5849


def test_import_reports_what_it_left_out_and_assumed(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    rows = [f"2024-07-01 09:{minute:02d},10,11,9,{'x' if minute == 33 else 10},5" for minute in range(30, 36)]
    path.write_text("\n".join(["when,Open,High,Low,Close,Vol", *rows]) + "\n", encoding="utf-8")
    options = ("--column", "time=when", "--timezone", "America/New_York", "--label", "start")
    result = run("import", str(path), "--symbol", "AAPL", "--interval", "1m", *options)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == [
        "AAPL 1m: 5 of 6 rows, 2024-07-01 13:30 to 2024-07-01 13:36 UTC",
        "new 5, replaced 0, already there 0, left out 1",
        "left out 1: close is not a number",
        "  line 5: close 'x': is not a number",
    ]
    refused = run("import", str(path), "--symbol", "AAPL", "--interval", "1m", *options, "--strict")
    assert refused.exit_code == 2
    assert "1 of 6 rows are bad, nothing was imported" in refused.stderr


def test_corporate_actions_come_in_and_are_shown(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(
        "symbol,ex_date,kind,value\nAAPL,20140609,split,6.999997\nAAPL,20140807,dividend,0.47\nAAPL,,split,2\n", encoding="utf-8"
    )
    result = run("import-actions", str(path))
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == [
        "AAPL: 1 splits, 1 dividends; stored now: 2",
        "left out line 4: ex_date '': the ex-date is missing",
    ]
    shown = [line.split() for line in run("actions", "aapl").stdout.splitlines() if "AAPL" in line]
    assert shown == [["AAPL", "2014-06-09", "split", "7:1"], ["AAPL", "2014-08-07", "dividend", "0.47"]]
    assert "no corporate actions of IBM" in run("actions", "IBM").stderr


FAILURES = [
    pytest.param(["list"], "holds no catalogue", "algo-trader data import", id="no catalogue"),
    pytest.param(
        ["import", "none.csv", "--symbol", "AAPL", "--interval", "1m"],
        "none.csv: No such file",
        "check that the path",
        id="no file",
    ),
    pytest.param(["import", ".", "--symbol", "AAPL", "--interval", "1m"], "is a folder", "CSV", id="folder"),
    pytest.param(["import", "x", "--symbol", "A B", "--interval", "1m"], "is not a symbol", "--symbol", id="symbol"),
    pytest.param(["import", "x", "--symbol", "AAPL", "--interval", "7m"], "is not an interval", "1s, 1m", id="interval"),
    pytest.param(["import", "x", "--symbol", "A", "--interval", "1m", "--column", "open"], "OURS=THEIRS", "open=Open", id="column"),
    pytest.param(["import-actions", "none.csv"], "none.csv: No such file", "check that the path", id="no actions"),
    pytest.param(
        ["generate", "--symbols", "AAPL", "--from", "2024-1-1", "--to", "2024-01-05"], "not a day", "2024-01-31", id="day"
    ),
    pytest.param(
        ["generate", "--symbols", "AAPL", "--from", "2024-07-04", "--to", "2024-07-04"], "no session", "open", id="holiday"
    ),
    pytest.param(
        ["generate", "--symbols", "AAPL", "--from", "2024-01-05", "--to", "2024-01-02"], "before the first", "swap", id="order"
    ),
]


@pytest.mark.parametrize(("arguments", "message", "hint"), FAILURES)
def test_failures_are_two_lines_and_a_code(run: Run, arguments: list[str], message: str, hint: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    first, second = result.stderr.splitlines()
    assert first.startswith("error: ")
    assert message in first
    assert second.startswith("hint: ")
    assert hint in second
    assert result.stdout == ""


CATALOGUE_FAILURES = [
    pytest.param(["export", "AAPL", "--interval", "5m", "--out", "x.csv"], "no 5m bars", "intervals stored: 1m", id="interval"),
    pytest.param(
        ["export", "APPL", "--interval", "1m", "--out", "x.csv"], "not in the catalogue", "did you mean AAPL?", id="symbol"
    ),
    pytest.param(["export", "AAPL", "--interval", "1m", "--out", "x.xlsx"], "cannot tell the format", ".csv", id="format"),
    pytest.param(
        ["export", "AAPL", "--interval", "1m", "--out", "x.csv", "--to", "2020-01-01"], "no 1m bars", "data list", id="span"
    ),
]


@pytest.mark.parametrize(("arguments", "message", "hint"), CATALOGUE_FAILURES)
def test_failures_over_a_catalogue(generated: Run, arguments: list[str], message: str, hint: str) -> None:
    result = generated(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert hint in result.stderr


def test_made_up_bars_never_mix_with_imported_ones(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text("timestamp,open,high,low,close,volume\n2024-07-01T13:30:00Z,10,11,9,10,5\n", encoding="utf-8")
    assert run("import", str(path), "--symbol", "AAPL", "--interval", "1m").exit_code == 0
    refused = run("generate", "--symbols", "AAPL", "--from", "2024-07-01", "--to", "2024-07-02")
    assert refused.exit_code == 2
    assert "AAPL has imported bars" in refused.stderr


def test_errors_below_a_nested_group_are_told_once() -> None:
    @click.group(cls=catch_user_errors)
    def outer() -> None:
        pass

    @outer.group(cls=catch_user_errors)
    def inner() -> None:
        pass

    @inner.command()
    @click.argument("kind")
    def fail(kind: str) -> None:
        if kind == "user":
            raise UserError("it is wrong")
        raise PermissionError(13, "Permission denied", "some/file")

    told = CliRunner().invoke(outer, ["inner", "fail", "user"])
    assert (told.exit_code, told.stderr) == (2, "error: it is wrong\n")
    denied = CliRunner().invoke(outer, ["inner", "fail", "system"])
    assert denied.exit_code == 2
    assert denied.stderr.startswith("error: some/file: Permission denied\nhint: ")
    assert CliRunner().invoke(outer, ["inner", "none"]).exit_code == 2
