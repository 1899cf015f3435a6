"""The recorded market data through the import: real sessions, real splits, real daylight saving."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from algotrader.core.market import utc
from algotrader.history.action_files import read_actions
from algotrader.history.calendars import regular_mask, session_of_day
from algotrader.history.catalogue import Catalogue
from algotrader.history.corporate_actions import Split, split_adjusted
from algotrader.history.importing import import_file

EVER = (0, 2**62)
DAYS = ["2013-10-04", "2013-10-07", "2013-10-08", "2013-10-09"]

FILES = [
    *[(f"equity_us/minute/{name}_trade.parquet", name, "1m") for name in ("AAPL", "BAC", "FOXA", "IBM", "SHY", "SPY")],
    *[(f"equity_us/daily/{name}.parquet", name, "1d") for name in ("AAPL", "BAC", "GOOG", "IBM", "QQQ", "SPY")],
    *[(f"equity_us/hour/{name}.parquet", name, "1h") for name in ("AAPL", "SPY")],
    ("equity_us/second/SPY_trade.parquet", "SPY", "1s"),
    ("crypto/minute/binance_BTCBUSD_trade.parquet", "BTC/BUSD", "1m"),
    ("crypto/minute/bitstamp_BTCUSD_20200101.parquet", "BTC/USD", "1m"),
    ("crypto/minute/bybit_BTCUSDT_trade.parquet", "BTC/USDT", "1m"),
    ("crypto/minute/coinbase_BTCUSD_trade.parquet", "BTC/USD", "1m"),
    ("crypto/minute/coinbase_ETHUSD_trade.parquet", "ETH/USD", "1m"),
    ("crypto/daily/binance_BTCUSDT_2020.parquet", "BTC/USDT", "1d"),
    ("crypto/daily/coinbase_BTCUSD.parquet", "BTC/USD", "1d"),
    ("crypto/second/coinbase_BTCUSD_trade.parquet", "BTC/USD", "1s"),
]


@pytest.mark.parametrize(("name", "symbol", "interval"), FILES, ids=[f"{name}" for name, _, _ in FILES])
def test_every_recorded_file_of_bars_comes_in_whole(
    catalogue: Catalogue, shared: Path, name: str, symbol: str, interval: str
) -> None:
    path = shared / name
    report = import_file(path, symbol, interval, catalogue, strict=True)
    source = pl.read_parquet(path)
    stored = catalogue.scan(symbol, interval, *EVER).collect()
    assert (report.good_rows, report.bad_rows) == (source.height, 0)
    instrument = catalogue.instrument(symbol)
    for column in ("open", "high", "low", "close", "volume"):
        scale = instrument.quantity_scale if column == "volume" else instrument.price_scale
        assert (stored[column].to_numpy() / 10.0**scale == source[column].to_numpy()).all()
    if interval != "1d":
        assert stored["open_time"].equals(source["timestamp"].dt.epoch("ns").alias("open_time"))
    elif symbol.isalpha():
        assert pl.from_epoch(stored["close_time"], "ns").dt.date().cast(pl.String).to_list() == source["date"].to_list()


def test_regular_minutes_of_spy_make_its_daily_bars(catalogue: Catalogue, shared: Path) -> None:
    """All figures agree but one low, which the two recordings hold a cent apart."""
    import_file(shared / "equity_us/minute/SPY_trade.parquet", "SPY", "1m", catalogue)
    import_file(shared / "equity_us/daily/SPY.parquet", "SPY", "1d", catalogue)
    (minutes,) = catalogue.columns(["SPY"], "1m", *EVER, regular_only=True)
    rows = pl.DataFrame({name: getattr(minutes, name).tolist() for name in ("open_time", "open", "high", "low", "close", "volume")})
    by_day = rows.group_by(pl.from_epoch("open_time", "ns").dt.date().cast(pl.String).alias("day"), maintain_order=True).agg(
        pl.col("open").first(), pl.col("high").max(), pl.col("low").min(), pl.col("close").last(), pl.col("volume").sum(), pl.len()
    )
    assert by_day["len"].to_list() == [390] * 4
    assert by_day["day"].to_list() == DAYS
    daily = catalogue.scan("SPY", "1d", *EVER).collect()
    kept = daily.filter(pl.from_epoch("open_time", "ns").dt.date().cast(pl.String).is_in(DAYS))
    for column in ("open", "high", "close", "volume"):
        assert by_day[column].to_list() == kept[column].to_list()
    assert (kept["low"] - by_day["low"]).to_list() == [0, 0, 100, 0]


@pytest.mark.covers("B77")
def test_local_times_around_the_change_of_clocks(catalogue: Catalogue, shared: Path, tmp_path: Path) -> None:
    """New York wall times without a zone, over the weekend on which clocks went forward, give the recorded UTC times back."""
    source = pl.read_parquet(shared / "equity_us/minute/SHY_trade.parquet")
    local = source.with_columns(pl.col("timestamp").dt.convert_time_zone("America/New_York").dt.strftime("%Y-%m-%d %H:%M:%S"))
    path = tmp_path / "shy.csv"
    local.write_csv(path)
    import_file(path, "SHY", "1m", catalogue, timezone="America/New_York", strict=True)
    stored = catalogue.scan("SHY", "1m", *EVER).collect()
    assert stored["open_time"].equals(source["timestamp"].dt.epoch("ns").alias("open_time"))
    regular = stored.filter(pl.Series(regular_mask("XNYS", stored["open_time"].to_numpy())))
    assert regular.height == 646
    for day, opens in ((date(2008, 3, 7), 14), (date(2008, 3, 10), 13)):
        session = session_of_day("XNYS", day)
        assert session is not None
        assert utc(session.open_time).hour == opens


def test_events_and_factor_files_tell_the_same_splits_and_dividends(shared: Path) -> None:
    folder = shared / "equity_us/corporate_actions"
    events = read_actions(folder / "events_derived.csv")
    assert {row.reason for row in events.bad} >= {"the ex-date is missing"}
    for symbol in ("SPY", "AAPL", "IBM", "BAC", "GOOG"):
        assert read_actions(folder / f"{symbol}_factors.csv").actions[symbol] == events.actions[symbol]
    splits = [action for action in events.actions["AAPL"] if isinstance(action, Split)]
    assert [(str(split.ex_date), split.numerator, split.denominator) for split in splits] == [
        ("2000-06-21", 2, 1),
        ("2005-02-28", 2, 1),
        ("2014-06-09", 7, 1),
        ("2020-08-31", 4, 1),
    ]


def test_adjusting_takes_the_jump_of_a_split_away(catalogue: Catalogue, shared: Path) -> None:
    import_file(shared / "equity_us/minute/AAPL_trade.parquet", "AAPL", "1m", catalogue)
    raw = catalogue.scan("AAPL", "1m", *EVER).collect()
    actions = [Split(date(2014, 6, 9), 7)]
    adjusted = split_adjusted(raw, actions, "XNYS", 4)

    def largest_jump(bars: pl.DataFrame) -> float:
        return float((bars["close"] / bars["close"].shift() - 1).abs().max())  # type: ignore[arg-type]

    assert largest_jump(raw) > 0.8
    assert largest_jump(adjusted) < 0.01
    before = raw["open_time"] < session_open(date(2014, 6, 9))
    assert adjusted.filter(~before)["close"].to_list() == (raw.filter(~before)["close"] * 100).to_list()


def session_open(day: date) -> int:
    """The open of a session in New York."""
    session = session_of_day("XNYS", day)
    assert session is not None
    return session.open_time - 6 * 3600 * 10**9
