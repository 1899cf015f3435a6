"""What holds of indicators whatever the bars: they equal their batch reference, and a snapshot continues bit for bit."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import batch_indicators as batch

from algotrader.core.indicators import ADX, ATR, EMA, RSI, SMA, VWAP, BollingerBands, Highest, Indicator, Lowest, StdDev

Row = tuple[int, int, int, int, int]
UNIT = 100
TOLERANCE = 1e-12

MAKERS: dict[str, Callable[[int], Indicator]] = {
    "sma": SMA,
    "ema": EMA,
    "rsi": RSI,
    "atr": ATR,
    "bollinger": BollingerBands,
    "adx": ADX,
    "vwap": lambda _: VWAP(),
    "highest": Highest,
    "lowest": Lowest,
    "stddev": StdDev,
}


@st.composite
def bars(draw: st.DrawFn, *, max_size: int = 60) -> list[Row]:
    """Possible bars; few different prices, so that ties and flat stretches are frequent."""
    top = draw(st.sampled_from([3, 30, 10**6, 10**12]))
    prices = st.lists(st.integers(1, top), min_size=4, max_size=4).map(sorted)
    rows = []
    for quartet in draw(st.lists(prices, min_size=1, max_size=max_size)):
        low, first, last, high = quartet
        if draw(st.booleans()):
            first, last = last, first
        rows.append((first, high, low, last, draw(st.integers(0, 1000))))
    return rows


def bound(indicator: Indicator) -> Indicator:
    indicator.bind(2, 0)
    return indicator


def feed(indicator: Indicator, rows: list[Row]) -> list[float]:
    values = []
    for row in rows:
        indicator.update_bar(*row)
        values.append(indicator.value)
    return values


def agree(got: list[float], expected: list[float], tolerance: float = 0.0) -> bool:
    return len(got) == len(expected) and all(
        (math.isnan(a) and math.isnan(b)) or a == b or (tolerance > 0 and math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance))
        for a, b in zip(got, expected, strict=True)
    )


@pytest.mark.covers("A64")
@given(rows=bars(), period=st.integers(1, 12))
def test_windows_equal_the_batch_reference_exactly(rows: list[Row], period: int) -> None:
    highs, lows, closes = ([row[n] for row in rows] for n in (1, 2, 3))
    assert agree(feed(bound(SMA(period)), rows), batch.sma(closes, period, UNIT))
    assert agree(feed(bound(StdDev(period)), rows), batch.stddev(closes, period, UNIT))
    assert agree(feed(bound(Highest(period)), rows), batch.rolling_extreme(highs, period, UNIT, highest=True))
    assert agree(feed(bound(Lowest(period)), rows), batch.rolling_extreme(lows, period, UNIT, highest=False))
    volumes = [row[4] for row in rows]
    assert agree(feed(bound(VWAP()), rows), batch.vwap(highs, lows, closes, volumes, [0] * len(rows), UNIT))


@pytest.mark.covers("A64")
@given(rows=bars(), period=st.integers(1, 12))
def test_recursions_agree_with_the_batch_reference(rows: list[Row], period: int) -> None:
    highs, lows, closes = ([row[n] for row in rows] for n in (1, 2, 3))
    assert agree(feed(bound(EMA(period)), rows), list(batch.ema(closes, period, UNIT)), TOLERANCE)
    assert agree(feed(bound(ATR(period)), rows), list(batch.atr(highs, lows, closes, period, UNIT)), TOLERANCE)


@given(rows=bars(), period=st.integers(1, 12))
def test_bands_and_indices_stay_in_their_bounds(rows: list[Row], period: int) -> None:
    bands, rsi, adx = BollingerBands(period), RSI(period), ADX(period)
    for row in rows:
        for indicator in (bands, rsi, adx):
            indicator.update_bar(*row)
        if bands.warm:
            assert bands.lower <= bands.middle <= bands.upper
        if rsi.warm:
            assert 0 <= rsi.value <= 100
        if adx.warm:
            assert 0 <= adx.value <= 100 + 1e-9
            assert adx.plus_di >= -1e-9
            assert adx.plus_di + adx.minus_di <= 100 + 1e-9


@pytest.mark.covers("A65")
@pytest.mark.parametrize("name", list(MAKERS))
@given(rows=bars(), period=st.integers(1, 12))
def test_previous_is_the_value_one_bar_ago(name: str, rows: list[Row], period: int) -> None:
    indicator, last = bound(MAKERS[name](period)), math.nan
    for row in rows:
        indicator.update_bar(*row)
        assert agree([indicator.previous], [last])
        assert indicator.warm == (not math.isnan(indicator.value))
        assert indicator.warm_with_previous == (not math.isnan(indicator.previous))
        last = indicator.value


@pytest.mark.parametrize("name", list(MAKERS))
@settings(max_examples=50)
@given(rows=bars(), period=st.integers(1, 12), cut=st.integers(0, 60))
def test_a_restored_snapshot_continues_bit_for_bit(name: str, rows: list[Row], period: int, cut: int) -> None:
    whole, before, after = (bound(MAKERS[name](period)) for _ in range(3))
    expected = feed(whole, rows)
    values = feed(before, rows[:cut])
    integers, floats = json.loads(json.dumps(before.state(), allow_nan=False))
    after.restore(integers, floats)
    feed(before, rows[cut:])  # the state is a copy: what goes on must not change it
    values += feed(after, rows[cut:])
    assert agree(values, expected)
    assert agree([after.previous], [whole.previous])
    assert after.state() == whole.state()
