"""Made-up bars: the same for a seed everywhere, possible as bars, and like a market in what strategies look for."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from algotrader.core.instruments import Instrument, crypto, equity
from algotrader.core.market import NS_PER_MINUTE, utc
from algotrader.errors import UserError
from algotrader.history.calendars import regular_mask
from algotrader.history.catalogue import Catalogue
from algotrader.history.checks import check_bars
from algotrader.history.generator import DEMO_CRYPTO, DEMO_SYMBOLS, Stream, ensure_demo_catalogue, fingerprint, generate

YEAR = (date(2024, 1, 2), date(2024, 12, 31))

FINGERPRINTS = [
    (equity("AAPL"), date(2024, 11, 25), date(2024, 12, 6), 1, "630ff3572996e6384125423b5cf2632edcbc633a4946741cdeefac054cd8a17f"),
    (
        crypto("BTC/USDT"),
        date(2024, 2, 28),
        date(2024, 3, 1),
        1,
        "46834199c45067928f268d41ba1b79c7120eb6d37eee00229c54c9cb0d3e73a2",
    ),
    (
        equity("ZZZ", calendar="XTKS"),
        date(2024, 11, 1),
        date(2024, 11, 6),
        42,
        "ce0b65f04d0f8eedb91107c8d45f5ad8198d54c398f3f24f23e82adf2b05ef90",
    ),
]


@pytest.mark.parametrize(("instrument", "start", "end", "seed", "expected"), FINGERPRINTS)
def test_a_seed_gives_these_very_bars(instrument: Instrument, start: date, end: date, seed: int, expected: str) -> None:
    assert fingerprint(generate(instrument, start, end, seed)) == expected


def test_seeds_and_symbols_differ() -> None:
    days = (date(2024, 1, 2), date(2024, 1, 3))
    prints = {fingerprint(generate(equity(symbol), *days, seed)) for symbol in ("AAPL", "TSLA", "ABC") for seed in (1, 2)}
    assert len(prints) == 6


def test_bars_are_possible_and_lie_in_their_sessions() -> None:
    bars = generate(equity("AMD"), *YEAR, 3)
    assert check_bars("AMD", bars).equals(bars)
    assert regular_mask("XNYS", bars["open_time"].to_numpy()).all()
    assert (bars["open"] % 100 == 0).all()
    by_day = bars.group_by(pl.from_epoch("open_time", "ns").dt.date().cast(pl.String).alias("day")).len()
    counts = dict(by_day.iter_rows())
    assert len(counts) == 252
    assert {day: count for day, count in counts.items() if count != 390} == {
        "2024-07-03": 210,
        "2024-11-29": 210,
        "2024-12-24": 210,
    }


def test_breaks_of_a_session_have_no_bars() -> None:
    bars = generate(equity("ZZZ", calendar="XTKS"), date(2024, 11, 6), date(2024, 11, 6), 1)
    assert bars.height == 5 * 60 + 30
    assert regular_mask("XTKS", bars["open_time"].to_numpy()).all()


def test_crypto_trades_around_the_clock_in_fractions() -> None:
    bars = generate(crypto("BTC/USDT"), date(2024, 3, 9), date(2024, 3, 10), 1)
    assert bars.height == 2 * 1440
    assert str(utc(int(bars["open_time"][0]))) == "2024-03-09 00:00:00+00:00"
    assert set(bars["open_time"].diff().drop_nulls()) == {NS_PER_MINUTE}
    assert (bars["volume"] % 10**8 != 0).any()


def test_missing_minutes_are_left_out_at_random() -> None:
    full = generate(equity("AAPL"), date(2024, 1, 2), date(2024, 1, 31), 1)
    thin = generate(equity("AAPL"), date(2024, 1, 2), date(2024, 1, 31), 1, missing=0.1)
    assert 0.88 < thin.height / full.height < 0.92
    assert thin.join(full, on=full.columns, how="anti").height == 0


def test_the_market_behaves_like_one() -> None:
    """Daily moves as profiled, busy edges of the day, moves that cluster, gaps over night."""
    bars = generate(equity("AAPL"), *YEAR, 5).with_columns(pl.from_epoch("open_time", "ns").dt.date().alias("day"))
    days = bars.group_by("day", maintain_order=True).agg(
        pl.col("open").first(),
        pl.col("close").last(),
        pl.col("volume").sum(),
        (pl.col("high").max() - pl.col("low").min()).alias("range"),
    )
    moves = (days["close"] / days["close"].shift() - 1).drop_nulls().to_numpy()
    assert 0.010 < moves.std() < 0.020
    assert 20e6 < days["volume"].to_numpy().mean() < 80e6
    gaps = (days["open"] / days["close"].shift() - 1).drop_nulls().to_numpy()
    assert 0.3 < gaps.std() / moves.std() < 0.7
    minute = bars.with_columns(pl.int_range(pl.len()).over("day").alias("minute"))
    volume = minute.group_by("minute").agg(pl.col("volume").mean()).sort("minute")["volume"].to_numpy()
    assert min(volume[:30].mean(), volume[360:390].mean()) > 1.3 * volume[150:240].mean()
    sizes = np.abs(np.diff(bars["close"].to_numpy()[::30]))
    assert np.corrcoef(sizes[:-13], sizes[13:])[0, 1] > 0.02


def test_the_bell_has_mean_zero_and_variance_one() -> None:
    draws = Stream(1, "AAPL").bell(200_000)
    assert abs(draws.mean()) < 0.01
    assert abs(draws.std() - 1) < 0.01


@pytest.mark.parametrize(
    ("start", "end", "missing", "message"),
    [(date(2024, 1, 3), date(2024, 1, 2), 0.0, "is before the first day"), (date(2024, 1, 2), date(2024, 1, 3), 1.0, "impossible")],
)
def test_impossible_wishes_are_refused(start: date, end: date, missing: float, message: str) -> None:
    with pytest.raises(UserError, match=message):
        generate(equity("AAPL"), start, end, 1, missing=missing)


def test_days_without_sessions_give_no_bars() -> None:
    assert generate(equity("AAPL"), date(2024, 7, 4), date(2024, 7, 4), 1).height == 0


@pytest.mark.slow
def test_the_demonstration_catalogue_is_written_once(catalogue: Catalogue) -> None:
    demo = ensure_demo_catalogue(catalogue.path)
    assert sorted(demo.instruments()) == sorted([*DEMO_SYMBOLS, DEMO_CRYPTO])
    assert demo.count("AAPL", "1m") == 249 * 390 + 3 * 210
    assert demo.count(DEMO_CRYPTO, "1m") == 122 * 1440
    assert set(demo.made_up()) == set(demo.instruments())
    before = {path: path.stat().st_mtime_ns for path in demo.path.rglob("*.parquet")}
    ensure_demo_catalogue(catalogue.path)
    assert {path: path.stat().st_mtime_ns for path in demo.path.rglob("*.parquet")} == before
