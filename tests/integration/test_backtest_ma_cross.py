"""The crossing of averages through the whole backtest equals thirty lines of NumPy, to the cent and the bar."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backtest_kit import DATA, ideal, made_up
from reference.ma_cross_reference import crossing_fills

from algotrader.core.instruments import Instrument
from algotrader.core.market import BarColumns, utc
from algotrader.history.catalogue import Catalogue
from algotrader.history.importing import import_file
from algotrader.research.backtest import backtest
from algotrader.research.result import BacktestResult

CAPITAL = Decimal(10_000_000)
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the recorded market data are not there")


class Columns:
    """All bars of one symbol that a run sees."""

    def __init__(self, catalogue: Catalogue, symbol: str, interval: str) -> None:
        chunks: list[BarColumns] = list(catalogue.columns([symbol], interval, *catalogue.span(symbol, interval), regular_only=True))
        self.instrument: Instrument = catalogue.instrument(symbol)
        self.open_time = [time for chunk in chunks for time in chunk.open_time]
        self.close_time = [time for chunk in chunks for time in chunk.close_time]
        self.open = np.array([price for chunk in chunks for price in chunk.open])
        self.close = np.array([price for chunk in chunks for price in chunk.close])

    def expected(self, fast: int, slow: int, quantity: Decimal = Decimal(10)) -> tuple[list[tuple[int, str, Decimal]], Decimal]:
        """Fills of the reference as (time, side, price), and the equity at the end."""
        fills = crossing_fills(self.open, self.close, fast, slow)
        told = [(self.open_time[bar], side, self.instrument.price(price)) for bar, side, price in fills]
        cash = CAPITAL
        for _, side, price in told:
            cash += quantity * price if side == "sell" else -quantity * price
        if told and told[-1][1] == "buy":
            cash += quantity * self.instrument.price(int(self.close[-1]))
        return told, cash


def check(result: BacktestResult, columns: Columns, fast: int, slow: int) -> int:
    """Compare a run with the reference; gives the number of fills."""
    fills, equity = columns.expected(fast, slow)
    assert [(fill.time, fill.side, fill.price) for fill in result.fills] == fills
    assert {fill.quantity for fill in result.fills} <= {Decimal(10)}
    assert result.final_equity == equity
    assert len(result.equity_time) == len(set(columns.close_time))
    return len(fills)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return made_up(tmp_path_factory.mktemp("bars"), ["AAPL", "META", "BTC/USDT"], date(2024, 6, 3), date(2024, 7, 12), seed=5)


@pytest.mark.covers("B175", "A218")
@pytest.mark.parametrize("candidates", [True, False], ids=["skipping", "asking on every bar"])
@pytest.mark.parametrize(("fast", "slow"), [(1, 2), (5, 20), (10, 30), (20, 200), (199, 200)])
@pytest.mark.parametrize("symbol", ["AAPL", "META", "BTC/USDT"])
def test_made_up_minutes(generated: Catalogue, symbol: str, fast: int, slow: int, candidates: bool) -> None:
    parameters = {"fast": fast, "slow": slow}
    result = backtest("sma_cross", [symbol], data=generated, parameters=parameters, options=ideal(candidates=candidates))
    assert check(result, Columns(generated, symbol, "1m"), fast, slow) > 20


@pytest.mark.parametrize("interval", ["5m", "15m", "1h"])
def test_longer_bars_out_of_minutes(generated: Catalogue, interval: str) -> None:
    # The fills lie on minutes, so only decisions on longer bars and fills on the first minute after them agree.
    options = ideal()
    short = backtest("sma_cross", ["META"], data=generated, interval=interval, parameters={"fast": 5, "slow": 20}, options=options)
    minutes = Columns(generated, "META", "1m")
    length = {"5m": 5, "15m": 15, "1h": 60}[interval]
    groups: dict[tuple[date, int], list[int]] = {}
    opens: dict[date, int] = {}
    for row, time in enumerate(minutes.open_time):
        day = utc(time).date()
        start = opens.setdefault(day, time)
        groups.setdefault((day, (time - start) // (length * 60_000_000_000)), []).append(row)
    bars = list(groups.values())
    long_open = np.array([minutes.open[rows[0]] for rows in bars])
    long_close = np.array([minutes.close[rows[-1]] for rows in bars])
    expected = [
        (minutes.open_time[bars[bar][0]], side, minutes.instrument.price(price))
        for bar, side, price in crossing_fills(long_open, long_close, 5, 20)
    ]
    assert [(fill.time, fill.side, fill.price) for fill in short.fills] == expected
    assert len(expected) > 5


@needs_data
@pytest.mark.covers("B175", "A181")
@pytest.mark.parametrize(("fast", "slow"), [(5, 20), (10, 30), (50, 200)])
@pytest.mark.parametrize("symbol", ["AAPL", "SPY", "IBM", "GOOG"])
def test_recorded_days(tmp_path: Path, symbol: str, fast: int, slow: int) -> None:
    catalogue = Catalogue(tmp_path)
    import_file(DATA / "equity_us" / "daily" / f"{symbol}.parquet", symbol, "1d", catalogue, asset_class="equity")
    parameters = {"fast": fast, "slow": slow}
    result = backtest("sma_cross", [symbol], data=catalogue, interval="1d", parameters=parameters, options=ideal())
    assert check(result, Columns(catalogue, symbol, "1d"), fast, slow) > 20


@needs_data
@pytest.mark.covers("A181")
@pytest.mark.parametrize(("fast", "slow"), [(5, 20), (10, 30), (20, 200)])
@pytest.mark.parametrize("symbol", ["SPY", "IBM", "BAC", "AAPL"])
def test_recorded_minutes_of_the_regular_session(tmp_path: Path, symbol: str, fast: int, slow: int) -> None:
    catalogue = Catalogue(tmp_path)
    import_file(DATA / "equity_us" / "minute" / f"{symbol}_trade.parquet", symbol, "1m", catalogue, asset_class="equity")
    result = backtest("sma_cross", [symbol], data=catalogue, parameters={"fast": fast, "slow": slow}, options=ideal())
    columns = Columns(catalogue, symbol, "1m")
    assert len(columns.close) < catalogue.count(symbol, "1m")
    assert all((13, 30) <= (utc(fill.time).hour, utc(fill.time).minute) < (20, 0) for fill in result.fills)
    assert check(result, columns, fast, slow) > 3


@needs_data
@pytest.mark.parametrize(("fast", "slow"), [(5, 20), (10, 30), (50, 200)])
def test_recorded_days_around_the_clock(tmp_path: Path, fast: int, slow: int) -> None:
    catalogue = Catalogue(tmp_path)
    import_file(DATA / "crypto" / "daily" / "coinbase_BTCUSD.parquet", "BTCUSD", "1d", catalogue, asset_class="crypto")
    parameters = {"fast": fast, "slow": slow}
    result = backtest("sma_cross", ["BTC/USD"], data=catalogue, interval="1d", parameters=parameters, options=ideal())
    assert check(result, Columns(catalogue, "BTC/USD", "1d"), fast, slow) > 1


def test_the_command_line_gives_the_same_fills(generated: Catalogue, tmp_path: Path, cli: Callable[..., Any]) -> None:
    target = tmp_path / "fills.csv"
    options = ["--ideal", "--capital", "10000000", "--param", "fast=10", "--param", "slow=30", "--fills", str(target)]
    done = cli("backtest", "sma_cross", "--symbols", "AAPL", "--data", str(generated.path), *options)
    assert done.code == 0, done.stderr
    with target.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    expected, _ = Columns(generated, "AAPL", "1m").expected(10, 30)
    told = [(datetime.fromisoformat(row["time"]), row["side"], Decimal(row["price"])) for row in rows]
    assert told == [(utc(time), side, price) for time, side, price in expected]
