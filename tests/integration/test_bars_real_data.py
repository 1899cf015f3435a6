"""Aggregated bars against recorded market data: other intervals, daily bars and prints of the same days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from algotrader.core.bars import WHOLE_SESSION, BarAggregator, TickBarBuilder
from algotrader.core.instruments import crypto, equity
from algotrader.core.market import NS_PER_MINUTE, Bar, Session, nanoseconds

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
UNIT = 10_000


def shared(path: str) -> pl.DataFrame:
    if not (DATA / path).exists():
        pytest.skip("the shared market data is not there")
    return pl.read_parquet(DATA / path)


def raw_rows(frame: pl.DataFrame, scale: int = UNIT) -> list[tuple[int, int, int, int, int, int]]:
    """Start in nanoseconds, four prices and the volume as scaled integers."""
    columns = [pl.col("timestamp").dt.epoch("ns")]
    columns += [(pl.col(name) * scale).round().cast(pl.Int64) for name in ("open", "high", "low", "close")]
    return frame.select(*columns, pl.col("volume").cast(pl.Int64)).rows()


def regular_sessions(frame: pl.DataFrame) -> list[Session]:
    """9:30 to 16:00 in New York on each day of the data."""
    local = frame.select(pl.col("timestamp").dt.convert_time_zone("America/New_York").dt.date().unique().sort()).to_series()
    midnights = local.cast(pl.Datetime("us")).dt.replace_time_zone("America/New_York").dt.convert_time_zone("UTC")
    out = []
    for label, midnight in zip(local, midnights, strict=True):
        first = nanoseconds(midnight + timedelta(hours=9, minutes=30))
        out.append(Session("XNYS", str(label), first, first + 390 * NS_PER_MINUTE))
    return out


def run(aggregator: BarAggregator, rows: list[tuple[int, int, int, int, int, int]], sessions: list[Session]) -> list[Bar]:
    """Replay bars session by session."""
    out: list[Bar] = []
    rest = list(reversed(rows))
    for session in sessions:
        aggregator.open_session(session)
        while rest and rest[-1][0] < session.close_time:
            start, o, h, low, c, v = rest.pop()
            count = aggregator.push(start, start + NS_PER_MINUTE, o, h, low, c, v)
            out += [bar.bar() for bar in aggregator.ready[:count]]
        out += [bar.bar() for bar in aggregator.ready[: aggregator.close_session()]]
    return out


@pytest.mark.covers("A53", "A54", "A55", "A64")
@pytest.mark.parametrize("minutes", [2, 5, 10, 15, 30, 60])
@pytest.mark.parametrize("symbol", ["SPY", "BAC", "IBM"])
def test_real_minutes_agree_with_a_grouping_by_time(symbol: str, minutes: int) -> None:
    frame = shared(f"equity_us/minute/{symbol}_trade.parquet")
    aggregator = BarAggregator(equity(symbol), minutes)
    sessions = regular_sessions(frame)
    got = run(aggregator, raw_rows(frame), sessions)
    regular = frame.with_columns(pl.col("timestamp").dt.epoch("ns").alias("ns")).filter(
        pl.any_horizontal([pl.col("ns").is_between(s.open_time, s.close_time - 1) for s in sessions])
    )
    grouped = regular.group_by_dynamic("timestamp", every=f"{minutes}m", offset="30m" if minutes == 60 else "0m").agg(
        pl.col("open").first(), pl.col("high").max(), pl.col("low").min(), pl.col("close").last(), pl.col("volume").sum()
    )
    assert [(b.open_time, b.open_raw, b.high_raw, b.low_raw, b.close_raw, b.volume_raw) for b in got] == raw_rows(grouped)
    assert aggregator.outside + len(regular) == len([r for r in raw_rows(frame) if r[0] < sessions[-1].close_time])
    assert all(
        b.close_time == min(b.open_time + minutes * NS_PER_MINUTE, next(s for s in sessions if s.contains(b.open_time)).close_time)
        for b in got
    )


@pytest.mark.covers("A55", "A61")
def test_real_minutes_agree_with_the_daily_bars() -> None:
    frame = shared("equity_us/minute/SPY_trade.parquet")
    daily = shared("equity_us/daily/SPY.parquet").filter(pl.col("date").is_between(pl.lit("2013-10-04"), pl.lit("2013-10-09")))
    sessions = regular_sessions(frame)
    got = run(BarAggregator(equity("SPY"), WHOLE_SESSION), raw_rows(frame), sessions)
    assert [(b.open_time, b.close_time) for b in got] == [(s.open_time, s.close_time) for s in sessions]
    expected = [row[1:] for row in raw_rows(daily)]
    assert len(got) == len(expected) == 4
    for bar, (o, h, low, c, v) in zip(got, expected, strict=True):
        assert (bar.open_raw, bar.high_raw, bar.close_raw, bar.volume_raw) == (o, h, c, v)
        assert bar.low_raw in (low, low - 100)  # one day's two files differ by a cent


@pytest.mark.covers("A53", "A54")
def test_real_crypto_minutes_make_hours_and_a_day() -> None:
    frame = shared("crypto/minute/bitstamp_BTCUSD_20200101.parquet")
    rows = [(start, o, h, low, c, 0) for start, o, h, low, c, _ in raw_rows(frame, 10**8)]
    midnight = nanoseconds(datetime(2020, 1, 1, tzinfo=UTC))
    session = Session("24/7", "2020-01-01", midnight, midnight + 1440 * NS_PER_MINUTE, continuous=True)
    hours = run(BarAggregator(crypto("BTC/USD"), 60), rows, [session])
    assert [bar.open_time for bar in hours] == [midnight + hour * 60 * NS_PER_MINUTE for hour in range(24)]
    (day,) = run(BarAggregator(crypto("BTC/USD"), WHOLE_SESSION), rows, [session])
    assert (day.open_raw, day.close_raw) == (rows[0][1], rows[-1][4])
    assert (day.high_raw, day.low_raw) == (max(row[2] for row in rows), min(row[3] for row in rows))


def built_from(prints: pl.DataFrame) -> list[tuple[int, int, int, int, int, int]]:
    """Minutes out of prints, in the form of ``raw_rows``."""
    builder = TickBarBuilder(equity("IBM"), 60)
    times = prints["timestamp"].dt.epoch("ns").to_list()
    prices = (prints["price"] * UNIT).round().cast(pl.Int64).to_list()
    made = [builder.push(*row) for row in zip(times, prices, prints["size"].to_list(), strict=True)]
    made.append(builder.flush(times[-1] + NS_PER_MINUTE))
    return [(b.open_time, b.open_raw, b.high_raw, b.low_raw, b.close_raw, b.volume_raw) for b in made if b is not None]


def real_prints() -> pl.DataFrame:
    return shared("equity_us/tick/IBM_trade.parquet").filter(pl.col("suspicious") == 0)


@pytest.mark.covers("B65")
def test_real_prints_agree_with_a_grouping_by_time() -> None:
    prints, price = real_prints(), pl.col("price")
    ends = (price.first().alias("open"), price.max().alias("high"), price.min().alias("low"), price.last().alias("close"))
    grouped = prints.group_by_dynamic("timestamp", every="1m").agg(*ends, pl.col("size").sum().alias("volume"))
    assert built_from(prints) == raw_rows(grouped)


@pytest.mark.covers("B65")
def test_real_prints_agree_with_the_recorded_minutes() -> None:
    prints = real_prints()
    first, last = prints["timestamp"].min(), prints["timestamp"].max()
    recorded = shared("equity_us/minute/IBM_trade.parquet").filter(pl.col("timestamp").dt.offset_by("1m") > first)
    theirs = {row[0]: row for row in raw_rows(recorded.filter(pl.col("timestamp") <= last))}
    ours = built_from(prints)
    assert [row[0] for row in ours] == list(theirs)
    # The volumes differ in 8 of 877 minutes, around the auctions.
    assert sum(row[5] == theirs[row[0]][5] for row in ours) == 869
    # In the recorded minutes the prints with these two condition flags have volume, but set no price.
    flags = pl.col("condition").str.to_integer(base=16) & 0x20000020
    regular = built_from(prints.filter(flags == 0))
    assert sum(row[1:5] == theirs[row[0]][1:5] for row in regular) == 843
    assert len(regular) == 864
