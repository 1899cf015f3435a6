"""The equity curve against the plain way: slice by slice, price by price."""

from __future__ import annotations

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from algotrader.core.columns import int_column
from algotrader.core.instruments import equity
from algotrader.core.market import BarColumns
from algotrader.core.scaled import MONEY_SCALE
from algotrader.research.equity import EquityCurve
from algotrader.simulation.loop import Change

INSTRUMENTS = [equity("AAPL"), equity("IBM"), equity("KO")]
Row = tuple[int, int, int]
"""Close time, number of the instrument, price."""


def columns(rows: list[Row]) -> BarColumns:
    """A chunk; only times, numbers and closes matter."""
    times, numbers, prices = (int_column(values) for values in zip(*rows, strict=True))
    return BarColumns(numbers, times, times, prices, prices, prices, prices, prices)


def plain(rows: list[Row], changes: list[Change], capital: float, count: int) -> tuple[list[int], list[float], list[float], int]:
    """Times and values of the curve, the closes of the first instrument, and how many slices were exposed."""
    times, values, closes, exposed = [], [], [], 0
    prices, quantities, cash = [0.0] * count, [0.0] * count, capital
    for time, bars in groupby(rows, key=lambda row: row[0]):
        for _, number, price in bars:
            prices[number] = float(price)
        for change in (change for change in changes if change.time == time):
            cash, quantities[change.index] = change.cash / 10.0**MONEY_SCALE, float(change.quantity_raw)
        value = cash
        for number in range(count):
            value += prices[number] * quantities[number] * (INSTRUMENTS[number].money_factor / 10.0**MONEY_SCALE)
        times.append(time)
        values.append(value)
        closes.append(prices[0])
        exposed += any(quantities)
    return times, values, closes, exposed


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[list[Row]], list[Change]]:
    """How many instruments, their bars in chunks, and changes at the times of bars."""
    count = draw(st.integers(1, 3))
    slices = draw(st.lists(st.sets(st.integers(0, count - 1), min_size=1), min_size=1, max_size=12))
    rows = [[(time, number, draw(st.integers(1, 10**6))) for number in sorted(numbers)] for time, numbers in enumerate(slices)]
    cuts = sorted(draw(st.sets(st.integers(1, len(slices)), max_size=3)) | {len(slices)})
    chunks = [[row for part in rows[start:end] for row in part] for start, end in zip([0, *cuts], cuts, strict=False)]
    times = sorted(draw(st.lists(st.integers(0, len(slices) - 1), max_size=9)))
    numbers = st.integers(0, count - 1)
    changes = [Change(t, draw(numbers), draw(st.integers(-9, 9)), draw(st.integers(0, 10**24))) for t in times]
    return count, chunks, changes


@given(histories())
def test_curve_is_what_cash_and_holdings_are_worth(history: tuple[int, list[list[Row]], list[Change]]) -> None:
    count, chunks, changes = history
    curve = EquityCurve(INSTRUMENTS[:count], 500.0, "AAPL")
    for chunk in chunks:
        within = {row[0] for row in chunk}
        curve.add(columns(chunk), [change for change in changes if change.time in within])
    rows = [row for chunk in chunks for row in chunk]
    times, values, closes, exposed = plain(rows, changes, 500.0, count)
    found = curve.curve()
    assert (found[0].tolist(), found[1].tolist()) == (times, values)
    assert (curve.points, curve.exposed) == (len(times), exposed)
    kept = curve.closes("AAPL")
    always = {row[0] for row in rows if row[1] == 0} == set(times)
    assert (None if kept is None else kept.tolist()) == (closes if always else None)
    assert curve.closes("IBM") is None
