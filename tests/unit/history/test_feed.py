"""The feed of a backtest: sorted, complete, never splitting a slice, in bounded memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import date
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algotrader.core.instruments import Instrument, crypto, equity
from algotrader.core.market import NS_PER_DAY, NS_PER_MINUTE, BarColumns, utc
from algotrader.errors import UserError
from algotrader.history import feed
from algotrader.history.calendars import session_of_day
from algotrader.history.catalogue import Catalogue
from algotrader.history.intervals import day_ns

Bars = Callable[..., pl.DataFrame]
MONTH_END = day_ns(date(2024, 2, 1))
SYMBOLS = ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
Row = tuple[int, int, int, int]


def rows_of(chunk: BarColumns) -> list[Row]:
    """Close time, number, open time and close of every row of a chunk."""
    return list(zip(chunk.close_time, chunk.instrument, chunk.open_time, chunk.close, strict=True))


def bars_at(minutes: list[int], base: int) -> pl.DataFrame:
    """Bars at minutes around the end of a month."""
    opens = pl.Series([MONTH_END + minute * NS_PER_MINUTE for minute in minutes], dtype=pl.Int64)
    price = pl.Series([base + abs(minute) for minute in minutes], dtype=pl.Int64)
    return pl.DataFrame(
        {
            "open_time": opens,
            "close_time": opens + NS_PER_MINUTE,
            "open": price,
            "high": price,
            "low": price,
            "close": price,
            "volume": price,
        }
    )


@settings(max_examples=40)
@given(
    minutes=st.lists(st.lists(st.integers(-9, 9), unique=True, min_size=6, max_size=19).map(sorted), min_size=3, max_size=3),
    chunk_rows=st.integers(1, 12),
    rows_at_once=st.integers(1, 100),
    span=st.tuples(st.integers(-12, 0), st.integers(0, 12)),
)
def test_chunks_hold_every_bar_once_in_order(
    minutes: list[list[int]], chunk_rows: int, rows_at_once: int, span: tuple[int, int]
) -> None:
    start, end = (MONTH_END + minute * NS_PER_MINUTE for minute in span)
    expected = sorted(
        (MONTH_END + (minute + 1) * NS_PER_MINUTE, number, MONTH_END + minute * NS_PER_MINUTE, 1000 * (number + 1) + abs(minute))
        for number, series in enumerate(minutes)
        for minute in series
        if span[0] <= minute < span[1]
    )
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed, "ROWS_AT_ONCE", rows_at_once)
        catalogue = Catalogue(folder)
        for number, series in enumerate(minutes):
            catalogue.write_bars(crypto(SYMBOLS[number]), "1m", bars_at(series, 1000 * (number + 1)))
        chunks = list(catalogue.columns(SYMBOLS, "1m", start, end, regular_only=True, chunk_rows=chunk_rows))
    assert list(chain.from_iterable(rows_of(chunk) for chunk in chunks)) == expected
    closes = [set(chunk.close_time) for chunk in chunks]
    assert all(not left & right for left, right in pairwise(closes))
    assert all(0 < len(chunk) <= max(chunk_rows, len(SYMBOLS)) for chunk in chunks)
    assert all(chunk.regular == b"" for chunk in chunks)


@given(
    close_times=st.lists(st.integers(0, 8), min_size=1, max_size=30).map(sorted),
    chunk_rows=st.integers(1, 10),
)
def test_chunks_end_between_two_close_times(close_times: list[int], chunk_rows: int) -> None:
    times = np.array(close_times)
    start = 0
    while start < len(times):
        end = feed.chunk_end(times, start, chunk_rows)
        assert end > start
        assert end == len(times) or times[end] != times[end - 1]
        assert end - start <= chunk_rows or times[start] == times[end - 1]
        start = end


def test_a_bar_that_closes_where_one_window_ends_comes_once(
    catalogue: Catalogue, minute_bars: Bars, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is taken for two rows, and one row at once, make two windows, which meet in the middle of the month."""
    middle = MONTH_END + 29 * NS_PER_DAY // 2
    catalogue.write_bars(crypto("BTC/USDT"), "1m", minute_bars(middle - NS_PER_MINUTE, 2))
    (file,) = catalogue.path.glob("bars/*/*/*.parquet")
    monkeypatch.setattr(feed, "BYTES_A_ROW", file.stat().st_size // 2)
    monkeypatch.setattr(feed, "ROWS_AT_ONCE", 1)
    chunks = list(catalogue.columns(["BTC/USDT"], "1m", 0, 2**62, regular_only=False))
    assert [chunk.close_time.tolist() for chunk in chunks] == [[middle], [middle + NS_PER_MINUTE]]


def test_numbers_follow_the_order_asked_for(catalogue: Catalogue, minute_bars: Bars) -> None:
    catalogue.write_bars(equity("AAPL"), "1m", minute_bars(MONTH_END, 1, price=1_000_000))
    catalogue.write_bars(equity("IBM"), "1m", minute_bars(MONTH_END, 1, price=2_000_000))
    (chunk,) = catalogue.columns(["IBM", "AAPL"], "1m", 0, 2**62, regular_only=False)
    assert (list(chunk.instrument), list(chunk.close)) == ([0, 1], [2_000_000, 1_000_000])


def test_regular_hours_by_each_instruments_calendar(catalogue: Catalogue, minute_bars: Bars) -> None:
    session = session_of_day("XNYS", date(2025, 11, 28))
    assert session is not None
    around_close = session.close_time - 2 * NS_PER_MINUTE
    catalogue.write_bars(equity("AAPL"), "1m", minute_bars(around_close, 4))
    catalogue.write_bars(crypto("BTC/USDT"), "1m", minute_bars(around_close, 4))
    (chunk,) = catalogue.columns(["AAPL", "BTC/USDT"], "1m", 0, 2**62, regular_only=False)
    assert list(chunk.regular) == [True, True, True, True, False, True, False, True]
    (chunk,) = catalogue.columns(["AAPL", "BTC/USDT"], "1m", 0, 2**62, regular_only=True)
    assert list(chunk.instrument) == [0, 1, 0, 1, 1, 1]
    assert chunk.regular == b""


def test_daily_bars_of_exchanges_that_close_on_other_sides_of_new_year_stay_in_order(catalogue: Catalogue) -> None:
    """A day that opens in December and closes in January comes after all that closed in December."""
    new_year = day_ns(date(2024, 1, 1))
    hour = 60 * NS_PER_MINUTE
    sydney = Instrument("BHP", calendar="XASX")
    catalogue.write_bars(sydney, "1d", daily(new_year - hour, new_year + 5 * hour))
    catalogue.write_bars(crypto("BTC/USDT"), "1d", daily(new_year - NS_PER_DAY, new_year))
    catalogue.write_bars(equity("AAPL"), "1d", daily(new_year - 9 * hour, new_year - 3 * hour))
    chunks = list(catalogue.columns(["BHP", "BTC/USDT", "AAPL"], "1d", 0, 2**62, regular_only=True))
    assert [number for chunk in chunks for number in chunk.instrument] == [2, 1, 0]


def daily(open_time: int, close_time: int) -> pl.DataFrame:
    """One daily bar."""
    return pl.DataFrame(
        {"open_time": [open_time], "close_time": [close_time], "open": [5], "high": [5], "low": [5], "close": [5], "volume": [5]}
    )


def test_a_symbol_may_be_asked_for_once_only(catalogue: Catalogue, minute_bars: Bars) -> None:
    catalogue.write_bars(crypto("BTC/USDT"), "1m", minute_bars(MONTH_END, 1))
    with pytest.raises(UserError, match="BTC/USDT is given twice"):
        catalogue.columns(["BTC/USDT", "btcusdt"], "1m", 0, 1, regular_only=False)


def test_a_symbol_without_bars_in_the_span_gives_none(catalogue: Catalogue, minute_bars: Bars) -> None:
    catalogue.write_bars(crypto("BTC/USDT"), "1m", minute_bars(MONTH_END, 1))
    assert list(catalogue.columns(["BTC/USDT"], "1m", MONTH_END + 1, 2**62, regular_only=False)) == []
    assert utc(MONTH_END).day == 1


_STREAM = """
import sys
from pathlib import Path
import polars as pl
from algotrader.core.instruments import crypto, equity
from algotrader.history.catalogue import Catalogue
rows = 0
catalogue = Catalogue(sys.argv[1])
for chunk in catalogue.columns(list(catalogue.instruments()), "1m", 0, 2**62, regular_only=False):
    rows += len(chunk)
# getrusage would count the process this one was forked from.
(peak,) = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(rows, int(peak) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_ten_million_bars_stream_in_little_memory(catalogue: Catalogue, minute_bars: Bars) -> None:
    bars = minute_bars(day_ns(date(2020, 1, 1)), 2_000_000)
    for number in range(4):
        catalogue.write_bars(crypto(f"COIN{number}/USDT"), "1m", bars)
    catalogue.write_bars(equity("AAPL"), "1m", bars)
    paths = os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path if entry)
    command = [sys.executable, "-c", _STREAM, str(catalogue.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": paths})
    rows, peak_megabytes = (int(word) for word in done.stdout.split())
    assert rows == 10_000_000
    assert peak_megabytes < 250


_LEAVE = """
import sys
from algotrader.history import feed
from algotrader.history.catalogue import Catalogue
feed.FIRST_ROWS = feed.ROWS_AT_ONCE = 20_000
def columns():
    return Catalogue(sys.argv[1]).columns(["BTC/USDT"], "1m", 0, 2**62, regular_only=False)
for _ in range(5):
    chunks = columns()
    next(chunks)
    del chunks
print(sum(map(len, columns())))
"""


def test_a_reader_may_leave_at_any_time(catalogue: Catalogue, minute_bars: Bars) -> None:
    """What is being read ahead then is waited for, so that polars does not complain."""
    catalogue.write_bars(crypto("BTC/USDT"), "1m", minute_bars(day_ns(date(2020, 1, 1)), 200_000))
    paths = os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path if entry)
    command = [sys.executable, "-c", _LEAVE, str(catalogue.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": paths})
    assert (done.stdout, done.stderr) == ("200000\n", "")


def test_the_damaged_file_is_named(catalogue: Catalogue, minute_bars: Bars) -> None:
    catalogue.write_bars(crypto("BTC/USDT"), "1m", minute_bars(day_ns(date(2024, 1, 1)), 100_000))
    catalogue.write_bars(crypto("ETH/USDT"), "1m", minute_bars(day_ns(date(2024, 1, 1)), 100_000))
    damaged = catalogue.path / "bars" / "ETH-USDT" / "1m" / "2024-02.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"ETH-USDT/1m/2024-02\.parquet cannot be read"):
        list(catalogue.columns(["BTC/USDT", "ETH/USDT"], "1m", 0, 2**62, regular_only=False))
