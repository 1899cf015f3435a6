"""Indicators against hand-computed cases, an exact cross, and independent batch computations on real prices."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from reference import batch_indicators as batch

from algotrader.core.indicator_base import ratio
from algotrader.core.indicators import (
    ADX,
    ATR,
    EMA,
    RSI,
    SMA,
    VWAP,
    BollingerBands,
    Highest,
    Indicator,
    Lowest,
    StdDev,
    crossed_above,
    crossed_below,
    gap,
    previous_gap,
)

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"
UNIT = 10_000
Row = tuple[int, int, int, int, int]

MAKERS: dict[str, Callable[[], Indicator]] = {
    "sma": lambda: SMA(3),
    "ema": lambda: EMA(3),
    "rsi": lambda: RSI(3),
    "atr": lambda: ATR(3),
    "bollinger": lambda: BollingerBands(3),
    "adx": lambda: ADX(3),
    "vwap": VWAP,
    "highest": lambda: Highest(3),
    "lowest": lambda: Lowest(3),
    "highest volume": lambda: Highest(3, "volume"),
    "stddev": lambda: StdDev(3),
}


def walk(size: int, seed: int = 1, step: int = 100) -> list[int]:
    """Closes that go one step up, one down or none, from a linear congruential generator."""
    price, closes = 1_000_000, []
    for _ in range(size):
        seed = (seed * 1_103_515_245 + 12_345) % 2**31
        price += step * (seed // 2**16 % 3 - 1)
        closes.append(price)
    return closes


def rows_of(closes: list[int]) -> list[Row]:
    """Bars around closes, each opening at the close before."""
    rows = []
    for number, close in enumerate(closes):
        first = closes[number - 1] if number else close
        spread = 35 * (number % 7)
        rows.append((first, max(first, close) + spread, min(first, close) - spread, close, 100 + number % 11))
    return rows


def feed(indicator: Indicator, rows: list[Row]) -> list[float]:
    values = []
    for row in rows:
        indicator.update_bar(*row)
        values.append(indicator.value)
    return values


def closes_of(indicator: Indicator, prices: list[float]) -> list[float]:
    indicator.bind(4, 0)
    return feed(indicator, [(p, p, p, p, 1) for p in (round(price * UNIT) for price in prices)])


def same(left: float, right: float, tolerance: float = 0.0) -> bool:
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return left == right or (tolerance > 0 and math.isclose(left, right, rel_tol=tolerance, abs_tol=tolerance))


NAN = math.nan


@pytest.mark.covers("A64", "A65")
@pytest.mark.parametrize(
    ("indicator", "prices", "expected"),
    [
        (SMA(3), [1, 2, 4, 8], [NAN, NAN, 7 / 3, 14 / 3]),
        (SMA(1), [1.01, 2.02], [1.01, 2.02]),
        # alpha 1/2: seed (1 + 2 + 3) / 3 = 2, then halfway to 5, then halfway to 1.5
        (EMA(3), [1, 2, 3, 5, 1.5], [NAN, NAN, 2.0, 3.5, 2.5]),
        # changes +1, -1: equal means, 50; then +2: gain (0.5 + 2) / 2, loss 0.5 / 2
        (RSI(2), [10, 11, 10, 12], [NAN, NAN, 50.0, 100 * (1.25 / 1.5)]),
        (RSI(2), [10, 10, 10], [NAN, NAN, 50.0]),
        (RSI(2), [10, 11, 12], [NAN, NAN, 100.0]),
        (RSI(2), [12, 11, 10], [NAN, NAN, 0.0]),
        (StdDev(2), [1, 3, 3], [NAN, 1.0, 0.0]),
        (StdDev(4), [2, 4, 4, 6], [NAN, NAN, NAN, math.sqrt(2)]),
        (Highest(2), [3, 2, 1], [NAN, 3.0, 2.0]),
        (Lowest(2), [1, 2, 3], [NAN, 1.0, 2.0]),
    ],
)
def test_hand_computed(indicator: Indicator, prices: list[float], expected: list[float]) -> None:
    got = closes_of(indicator, prices)
    assert all(same(a, b) for a, b in zip(got, expected, strict=True)), got


def test_atr_by_hand_widens_to_the_close_before_a_gap() -> None:
    atr = ATR(2)
    atr.bind(0, 0)
    got = feed(atr, [(10, 12, 9, 11, 1), (15, 16, 14, 15, 1), (8, 9, 7, 8, 1)])
    # true ranges 3, 16 - 11 = 5, 15 - 7 = 8: mean 4, then (4 + 8) / 2
    assert math.isnan(got[0])
    assert got[1:] == [4.0, 6.0]


def test_adx_by_hand() -> None:
    adx = ADX(2)
    adx.bind(0, 0)
    got = feed(adx, [(10, 12, 8, 10, 1), (11, 14, 9, 12, 1), (12, 15, 6, 7, 1), (7, 9, 5, 8, 1)])
    # moves +2 | -3 | -1, true ranges 5, 9, 4. After two: plus 2 / 14, minus 3 / 14, index 20.
    # Then plus 2 - 1 = 1, minus 3 - 1.5 + 1 = 2.5, range 14 - 7 + 4 = 11: index 150 / 3.5
    assert all(math.isnan(value) for value in got[:3])
    assert got[3] == pytest.approx((20 + 150 / 3.5) / 2, rel=1e-12)
    assert adx.plus_di == pytest.approx(100 / 11, rel=1e-12)
    assert adx.minus_di == pytest.approx(250 / 11, rel=1e-12)


def test_bollinger_bands_by_hand() -> None:
    bands = BollingerBands(2, 2.0)
    assert all(math.isnan(x) for x in (bands.middle, bands.upper, bands.lower, bands.percent_b, bands.bandwidth))
    closes_of(bands, [1, 3])
    assert (bands.middle, bands.upper, bands.lower) == (2.0, 4.0, 0.0)
    assert (bands.percent_b, bands.bandwidth) == (0.75, 2.0)
    bands.update_bar(0, 0, 0, 3 * UNIT, 1)
    assert (bands.upper, bands.lower, bands.bandwidth, bands.previous) == (3.0, 3.0, 0.0, 2.0)
    assert math.isnan(bands.percent_b)


def test_vwap_is_anchored_to_the_session() -> None:
    vwap = VWAP()
    vwap.bind(0, 0)
    assert math.isnan(feed(vwap, [(9, 9, 9, 9, 0)])[0])
    assert feed(vwap, [(1, 6, 3, 3, 10), (1, 9, 6, 6, 30)]) == [4.0, (4 * 10 + 7 * 30) / 40]
    assert (vwap.previous, vwap.warm, vwap.warm_with_previous, vwap.count) == (4.0, True, True, 3)
    vwap.reset_session()
    assert math.isnan(vwap.value)
    assert not vwap.warm
    assert feed(vwap, [(1, 3, 3, 3, 1)]) == [3.0]
    assert math.isnan(vwap.previous)


@pytest.mark.covers("A65")
@pytest.mark.parametrize(("name", "needed"), [("sma", 3), ("ema", 3), ("rsi", 4), ("atr", 3), ("adx", 6), ("highest", 3)])
def test_value_and_previous_are_there_only_when_full(name: str, needed: int) -> None:
    indicator = MAKERS[name]()
    assert indicator.needed == needed
    last = NAN
    for count, row in enumerate(rows_of(walk(10)), 1):
        indicator.update_bar(*row)
        assert indicator.count == count
        assert indicator.warm == (count >= needed) == (not math.isnan(indicator.value))
        assert indicator.warm_with_previous == (count > needed) == (not math.isnan(indicator.previous))
        assert same(indicator.previous, last)
        last = indicator.value


@pytest.mark.parametrize(
    ("fast_closes", "above", "below"),
    [
        ([5, 5, 5, 5, 6], True, False),  # from equal to above
        ([5, 5, 5, 5, 4], False, True),
        ([5, 5, 5, 5, 5], False, False),
        ([6, 5, 4, 3, 9], True, False),  # from below to above
        ([3, 4, 5, 6, 0], False, True),
        ([1, 2, 3, 4, 5], False, False),  # above all along
    ],
)
def test_crosses(fast_closes: list[int], above: bool, below: bool) -> None:
    fast, slow = SMA(1), SMA(4)
    for close in fast_closes:
        fast.update_bar(close, close, close, close, 1)
        slow.update_bar(close, close, close, close, 1)
    assert (crossed_above(fast, slow), crossed_below(fast, slow)) == (above, below)
    assert gap(fast, slow) == 4 * fast_closes[-1] - sum(fast_closes[-4:])
    assert previous_gap(fast, slow) == 4 * fast_closes[-2] - sum(fast_closes[-5:-1])


def test_no_cross_before_both_averages_are_full_on_both_bars() -> None:
    one, four = SMA(1), SMA(4)
    for close in (5, 5, 5, 1):  # the three closes before make a sum that looks like a low average of four
        one.update_bar(close, close, close, close, 1)
        four.update_bar(close, close, close, close, 1)
        assert not crossed_below(one, four)
        assert not crossed_above(four, one)


@pytest.mark.slow
@pytest.mark.covers("A64")
def test_crosses_of_a_penny_walk_are_exact_where_float_sums_are_not() -> None:
    closes = walk(200_000, seed=7)
    fast, slow = SMA(5), SMA(10)
    fast_sum = slow_sum = 0.0
    before: Fraction | None = None
    float_before = 0.0
    wrong_in_floats = 0
    for number, close in enumerate(closes):
        fast.update_bar(close, close, close, close, 1)
        slow.update_bar(close, close, close, close, 1)
        fast_sum += close / UNIT - (closes[number - 5] / UNIT if number >= 5 else 0.0)
        slow_sum += close / UNIT - (closes[number - 10] / UNIT if number >= 10 else 0.0)
        if number < 9:
            continue
        now = Fraction(sum(closes[number - 4 : number + 1]), 5) - Fraction(sum(closes[number - 9 : number + 1]), 10)
        float_now = fast_sum / 5 - slow_sum / 10
        if before is not None:
            assert crossed_above(fast, slow) == (before <= 0 < now), number
            assert crossed_below(fast, slow) == (before >= 0 > now), number
            wrong_in_floats += (float_before <= 0 < float_now) != (before <= 0 < now)
        before, float_before = now, float_now
    assert wrong_in_floats > 1000  # so the walk does put the question


@pytest.mark.parametrize("name", list(MAKERS))
def test_a_split_changes_prices_and_volumes_but_not_what_they_say(name: str) -> None:
    before, after = rows_of(walk(20, step=700))[:12], rows_of(walk(20, seed=3))
    late = [(7 * o, 7 * h, 7 * low, 7 * c, v) for o, h, low, c, v in before]
    split, never = MAKERS[name](), MAKERS[name]()
    for indicator in (split, never):
        indicator.bind(4, 0)
    feed(split, late)
    feed(never, [(o, h, low, c, 7 * v) for o, h, low, c, v in before])
    split.rescale(1, 7)
    assert same(split.value, never.value, 1e-12)
    assert same(split.previous, never.previous, 1e-12)
    for row in after:
        split.update_bar(*row)
        never.update_bar(*row)
        assert same(split.value, never.value, 1e-12)
        assert same(split.previous, never.previous, 1e-12)


@pytest.mark.parametrize("name", ["ema", "rsi", "atr", "sma", "bollinger"])
def test_a_split_while_still_warming_up(name: str) -> None:
    rows = rows_of(walk(9))
    split, never = MAKERS[name](), MAKERS[name]()
    feed(split, [(2 * o, 2 * h, 2 * low, 2 * c, v) for o, h, low, c, v in rows[:2]])
    split.rescale(1, 2)
    feed(never, rows[:2])
    for row in rows[2:]:
        split.update_bar(*row)
        never.update_bar(*row)
        assert same(split.value, never.value)


def test_a_split_rounds_each_stored_price_half_to_even() -> None:
    sma = SMA(2)
    feed(sma, [(1, 1, 1, 9, 1), (1, 1, 1, 5, 1), (1, 1, 1, 7, 1)])
    sma.rescale(1, 2)
    assert sma.total == 2 + 4  # 2.5 and 3.5
    assert sma.previous_total == 4 + 2  # 4.5 and 2.5


@pytest.mark.parametrize("name", list(MAKERS))
def test_state_of_another_indicator_is_refused(name: str) -> None:
    integers, floats = MAKERS[name]().state()
    with pytest.raises(ValueError, match="not the state of"):
        MAKERS[name]().restore([*integers, 0], floats)


def test_mistakes_are_refused_with_a_message() -> None:
    with pytest.raises(ValueError, match="period of SMA must be at least 1"):
        SMA(0)
    with pytest.raises(ValueError, match="no field 'mid'; choose one of open, high"):
        Highest(5, "mid")
    sma = SMA(2)
    sma.update_bar(1, 1, 1, 1, 1)
    with pytest.raises(ValueError, match="bind it to its instrument before"):
        sma.bind(2, 0)


@pytest.mark.parametrize(("field", "expected"), [("open", 3.0), ("high", 9.0), ("low", 1.0), ("close", 4.0), ("volume", 0.7)])
def test_extremes_of_every_field_in_its_own_unit(field: str, expected: float) -> None:
    highest = Highest(2, field)
    highest.bind(0, 1)
    feed(highest, [(3, 9, 1, 2, 5), (2, 5, 1, 4, 7)])
    assert highest.value == expected


@pytest.mark.parametrize(
    ("numerator", "denominator"), [(2**53 + 1, 3), (2**60 + 1, 2**55 - 1), (10**20 + 7, 10**9 + 7), (7, 9), (-(2**61), 10**18)]
)
def test_ratio_rounds_once(numerator: int, denominator: int) -> None:
    assert ratio(numerator, denominator) == float(Fraction(numerator, denominator))


class Momentum(Indicator):
    """What a user might write: the close against the close before."""

    def __init__(self) -> None:
        super().__init__(1, 2)
        self.last = 0

    def update_bar(self, o: int, h: int, l: int, c: int, v: int) -> None:  # noqa: E741
        value = (c - self.last) / self.unit
        self.last = c
        self.publish(value)


@pytest.mark.covers("A66")
def test_an_indicator_of_ones_own() -> None:
    momentum = Momentum()
    momentum.bind(1, 0)
    got = feed(momentum, [(0, 0, 0, close, 0) for close in (10, 15, 12)])
    assert math.isnan(got[0])
    assert got[1:] == [0.5, -0.3]
    assert (momentum.previous, momentum.warm_with_previous) == (0.5, True)
    with pytest.raises(NotImplementedError, match="must override update_bar"):
        Indicator(1, 1).update_bar(1, 1, 1, 1, 1)


def daily(symbol: str) -> pl.DataFrame:
    path = DATA / "equity_us" / "daily" / f"{symbol}.parquet"
    if not path.exists():
        pytest.skip("the shared market data is not there")
    return pl.read_parquet(path).tail(1500)


def column(frame: pl.DataFrame, name: str) -> list[int]:
    return [round(price * UNIT) for price in frame[name]]


@pytest.mark.covers("A64")
def test_real_days_agree_with_the_batch_reference() -> None:
    frame = daily("SPY")
    opens, highs, lows, closes = (column(frame, name) for name in ("open", "high", "low", "close"))
    volumes = frame["volume"].to_list()
    sessions = [number // 5 for number in range(len(closes))]
    exact = {
        "sma": batch.sma(closes, 200, UNIT),
        "stddev": batch.stddev(closes, 20, UNIT),
        "middle": batch.bollinger(closes, 20, UNIT, 2.0)[0],
        "upper": batch.bollinger(closes, 20, UNIT, 2.0)[1],
        "lower": batch.bollinger(closes, 20, UNIT, 2.0)[2],
        "vwap": batch.vwap(highs, lows, closes, volumes, sessions, UNIT),
        "highest": batch.rolling_extreme(highs, 55, UNIT, highest=True),
        "lowest": batch.rolling_extreme(lows, 55, UNIT, highest=False),
    }
    plus, minus, average = batch.adx(highs, lows, closes, 14)
    close_to = {
        "ema": batch.ema(closes, 20, UNIT),
        "rsi": batch.rsi(closes, 14, UNIT),
        "atr": batch.atr(highs, lows, closes, 14, UNIT),
        "plus": plus,
        "minus": minus,
        "adx": average,
    }
    bands, adx, vwap = BollingerBands(), ADX(), VWAP()
    plain = {
        "sma": SMA(200),
        "stddev": StdDev(20),
        "highest": Highest(55),
        "lowest": Lowest(55),
        "ema": EMA(20),
        "rsi": RSI(),
        "atr": ATR(),
    }
    for indicator in [bands, adx, vwap, *plain.values()]:
        indicator.bind(4, 0)
    for number in range(len(closes)):
        if number and sessions[number] != sessions[number - 1]:
            vwap.reset_session()
        for indicator in [bands, adx, vwap, *plain.values()]:
            indicator.update_bar(opens[number], highs[number], lows[number], closes[number], volumes[number])
        now = {name: indicator.value for name, indicator in plain.items()}
        now |= {"middle": bands.middle, "upper": bands.upper, "lower": bands.lower, "vwap": vwap.value}
        now |= {"plus": adx.plus_di, "minus": adx.minus_di, "adx": adx.value}
        assert all(same(now[name], values[number]) for name, values in exact.items()), number
        assert all(same(now[name], values[number], 1e-12) for name, values in close_to.items()), number


@pytest.mark.covers("A64")
def test_averages_of_real_closes_agree_with_a_rolling_mean() -> None:
    frame = daily("AAPL")
    closes = column(frame, "close")
    fast, slow = SMA(20), SMA(200)
    for indicator, period in ((fast, 20), (slow, 200)):
        indicator.bind(4, 0)
        got = feed(indicator, [(c, c, c, c, 1) for c in closes])
        rolling = frame["close"].rolling_mean(period).fill_null(NAN).to_numpy()
        np.testing.assert_allclose(got, rolling, rtol=1e-12)


@pytest.mark.parametrize(
    ("factor", "scale", "expected"),
    [
        (1, 4, "a0866eb6a44edd6bcfab3c20fa28550043eb5a3002186b4d3e8a160d0c517b28"),
        (
            6_000_001,
            8,
            "b6f6d2abc5a9d33e91a6b86b343c56dd66a82b56c8cb2099f29caa740f4faaca",
        ),  # sums, squares and products far beyond what a float holds
    ],
)
def test_the_bits_are_the_same_on_every_build(factor: int, scale: int, expected: str) -> None:
    digest = hashlib.sha256()
    rows = [(factor * o, factor * h, factor * low, factor * c, factor * v) for o, h, low, c, v in rows_of(walk(3000, seed=11))]
    for name, make in MAKERS.items():
        indicator = make()
        indicator.bind(scale, scale)
        digest.update(name.encode())
        for value in feed(indicator, rows):
            digest.update(b"nan" if math.isnan(value) else struct.pack("<d", value))
    assert digest.hexdigest() == expected
