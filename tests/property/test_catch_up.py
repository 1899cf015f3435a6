"""Indicators over whole columns equal those of bar by bar in every bit, and can be taken to any bar, however the bars are cut."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algotrader.core.catch_up import CatchUp, ClosedBars
from algotrader.core.columns import int_column
from algotrader.core.indicators import ADX, ATR, EMA, RSI, SMA, VWAP, BollingerBands, Highest, Indicator, Lowest, StdDev
from algotrader.core.scaled import MAX_SCALED

Row = tuple[int, int, int, int, int, bool]
"""Open, high, low, close, volume, and whether a session opened before the bar."""

PLAIN = ("value", "previous")


class SessionRange(Indicator):
    """Somebody's own: the range of the session so far, and the number of bars in it."""

    def __init__(self, period: int) -> None:
        super().__init__(period, 1)
        self.factor = 0.5
        self.top = 0
        self.bottom = 0
        self.bars = 0

    def update_bar(self, o: int, h: int, l: int, c: int, v: int) -> None:  # noqa: E741
        self.top = max(self.top, h) if self.bars else h
        self.bottom = min(self.bottom, l) if self.bars else l
        self.bars += 1
        self.publish((self.top - self.bottom) * self.factor / self.unit)

    def reset_session(self) -> None:
        self.bars = 0

    def state(self) -> tuple[list[int], list[float]]:
        integers, floats = super().state()
        return [*integers, self.top, self.bottom, self.bars], floats

    def restore(self, integers: list[int], floats: list[float]) -> None:
        super().restore(integers, floats)
        self.top, self.bottom, self.bars = integers[1:]


MAKERS: dict[str, tuple[Callable[[int], Indicator], tuple[str, ...], tuple[str, ...]]] = {
    "sma": (SMA, PLAIN, ("total", "previous_total", "count")),
    "ema": (EMA, PLAIN, ("count",)),
    "rsi": (RSI, (*PLAIN, "average_gain", "average_loss"), ()),
    "atr": (ATR, PLAIN, ()),
    "adx": (ADX, (*PLAIN, "plus_di", "minus_di"), ()),
    "stddev": (StdDev, PLAIN, ()),
    "bollinger": (BollingerBands, (*PLAIN, "middle", "upper", "lower", "half_width", "percent_b", "bandwidth"), ()),
    "vwap": (lambda _: VWAP(), PLAIN, ("volume", "warm", "warm_with_previous")),
    "highest": (Highest, PLAIN, ("raw", "previous_raw")),
    "lowest": (Lowest, PLAIN, ("raw", "previous_raw")),
    "volumes": (lambda period: Highest(period, "volume"), PLAIN, ("raw",)),
    "own": (SessionRange, PLAIN, ("bars",)),
}


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def made(name: str, period: int) -> Indicator:
    indicator = MAKERS[name][0](period)
    indicator.bind(2, 3)
    return indicator


@st.composite
def few(draw: st.DrawFn) -> list[Row]:
    """Some bars up to the largest prices; few different ones, so that ties and flat stretches are frequent."""
    top = draw(st.sampled_from([3, 30, 10**6, MAX_SCALED - 1]))
    rows = []
    for quartet in draw(st.lists(st.lists(st.integers(1, top), min_size=4, max_size=4).map(sorted), min_size=1, max_size=40)):
        low, first, last, high = quartet
        if draw(st.booleans()):
            first, last = last, first
        rows.append((first, high, low, last, draw(st.sampled_from([0, 1, 500, top])), draw(st.booleans())))
    return rows


def many(seed: int, count: int = 1500) -> list[Row]:
    """So many bars that states are kept on the way."""
    dice = np.random.default_rng(seed)
    quartets = np.sort(dice.integers(1, int(dice.choice([50, 10**9, MAX_SCALED])), (count, 4)))
    volumes, openings = dice.integers(0, 10**6, count), dice.random(count) < 0.01
    return [
        (int(first), int(high), int(low), int(last), int(volume), bool(opening))
        for (low, first, last, high), volume, opening in zip(quartets, volumes, openings, strict=True)
    ]


def closed(rows: list[Row]) -> ClosedBars:
    o, h, low, c, v = (int_column([int(row[place]) for row in rows]) for place in range(5))
    return ClosedBars(o, h, low, c, v, bytes(row[5] for row in rows))


def step(indicator: Indicator, row: Row) -> None:
    if row[5]:
        indicator.reset_session()
    indicator.update_bar(*row[:5])


def chunks(rows: list[Row], cuts: list[int]) -> list[tuple[int, list[Row]]]:
    """The rows cut into pieces, each with the number of its first bar."""
    edges = sorted({0, len(rows), *[cut % len(rows) for cut in cuts]})
    return [(start + 1, rows[start:end]) for start, end in pairwise(edges)]


def check_outputs(name: str, period: int, rows: list[Row], cuts: list[int]) -> None:
    _, floats, wholes = MAKERS[name]
    by_bar, run = made(name, period), CatchUp(made(name, period))
    for first, piece in chunks(rows, cuts):
        run.use(first, closed(piece))
        found = {output: run.values(output) for output in floats}
        counted = {output: np.frombuffer(run.integers(output), "<i8") for output in wholes}
        for place, row in enumerate(piece):
            step(by_bar, row)
            for output in floats:
                assert found[output][place * 8 : place * 8 + 8] == bits(getattr(by_bar, output)), (output, first + place)
            for output in wholes:
                assert counted[output][place] == getattr(by_bar, output), (output, first + place)


@pytest.mark.covers("A64")
@pytest.mark.parametrize("name", list(MAKERS))
@settings(max_examples=40)
@given(rows=few(), period=st.integers(1, 12), cuts=st.lists(st.integers(0, 40), max_size=4))
def test_outputs_over_columns_equal_those_of_bar_by_bar(name: str, rows: list[Row], period: int, cuts: list[int]) -> None:
    check_outputs(name, period, rows, cuts)


@pytest.mark.covers("A64")
@pytest.mark.parametrize("name", list(MAKERS))
@settings(max_examples=5)
@given(seed=st.integers(0, 10**6), period=st.sampled_from([1, 14, 200]), cuts=st.lists(st.integers(0, 1500), max_size=3))
def test_outputs_over_long_columns_equal_those_of_bar_by_bar(name: str, seed: int, period: int, cuts: list[int]) -> None:
    check_outputs(name, period, many(seed), cuts)


@pytest.mark.parametrize("name", list(MAKERS))
@settings(max_examples=10)
@given(
    seed=st.integers(0, 10**6),
    period=st.sampled_from([1, 14, 200]),
    cuts=st.lists(st.integers(0, 1500), max_size=3),
    back=st.integers(0, 30),
    data=st.data(),
)
def test_any_bar_can_be_reached_in_any_order(
    name: str, seed: int, period: int, cuts: list[int], back: int, data: st.DataObject
) -> None:
    rows = many(seed)
    by_bar = made(name, period)
    states = [by_bar.state()]
    for row in rows:
        step(by_bar, row)
        states.append(by_bar.state())
    indicator = made(name, period)
    run = CatchUp(indicator)
    for first, piece in chunks(rows, cuts):
        # A chunk may begin with bars of the one before.
        start = max(first - back, 1)
        run.use(start, closed(rows[start - 1 : first - 1 + len(piece)]))
        last = first - 1 + len(piece)
        for number in data.draw(st.lists(st.integers(start - 1, last), max_size=8)):
            if data.draw(st.booleans()):
                run.values("value")
            run.to(number)
            assert indicator.state() == states[number]
        run.release(data.draw(st.integers(max(last - 5, start - 1), last)))
        step(indicator, rows[0])  # somebody else feeds it
    run.to(len(rows))
    assert indicator.state() == states[-1]


def test_bars_that_are_not_there_are_refused() -> None:
    run = CatchUp(made("ema", 3))
    run.use(1, closed(many(1, 10)))
    with pytest.raises(ValueError, match="bar 11 is not among the 10 from 1 on"):
        run.to(11)
    with pytest.raises(ValueError, match="bar 11 is not among"):
        run.use(12, closed(many(1, 10)))


def test_an_indicator_of_the_session_is_not_run_over_bars_without_sessions() -> None:
    rows = closed(many(1, 10))
    blind = ClosedBars(rows.open, rows.high, rows.low, rows.close, rows.volume)
    for name in ("vwap", "own"):
        with pytest.raises(ValueError, match="starts anew when a session opens, and these bars do not tell when"):
            CatchUp(made(name, 3)).use(1, blind)
    CatchUp(made("ema", 3)).use(1, blind)


class Forgetful(Indicator):
    """Keeps closes, and does not tell."""

    def __init__(self) -> None:
        super().__init__(3, 3)
        self.closes: list[int] = []

    def update_bar(self, o: int, h: int, l: int, c: int, v: int) -> None:  # noqa: E741
        self.closes.append(c)
        self.publish(float(sum(self.closes[-3:])))


class Breadth(Indicator):
    """Keeps nothing of its own, so it has nothing to tell."""

    def update_bar(self, o: int, h: int, l: int, c: int, v: int) -> None:  # noqa: E741
        if v == 13:
            raise ZeroDivisionError("unlucky")
        self.publish((h - l) / v)


def test_an_indicator_that_hides_what_it_keeps_is_refused() -> None:
    with pytest.raises(ValueError, match="Forgetful keeps things of its own; override state and restore"):
        CatchUp(Forgetful())
    used = made("ema", 3)
    used.update_bar(1, 1, 1, 1, 1)
    with pytest.raises(ValueError, match="EMA has seen 1 bars"):
        CatchUp(used)


def test_a_bar_on_which_an_indicator_fails_is_passed_by() -> None:
    rows: list[Row] = [(5, 9, 1, 5, volume, False) for volume in (1, 2, 13, 4, 13, 8)]
    indicator = Breadth(1, 1)
    run = CatchUp(indicator)
    run.use(1, closed(rows))
    failures = 0
    while True:
        try:
            run.to(6)
            break
        except ZeroDivisionError:
            failures += 1
    assert (failures, indicator.count, indicator.value, indicator.previous) == (2, 4, 1.0, 2.0)


def test_outputs_of_the_wrong_kind_are_refused() -> None:
    run = CatchUp(made("sma", 1))
    run.use(1, closed(many(1, 3)))
    with pytest.raises(TypeError, match="total of SMA is not a float"):
        run.values("total")
    with pytest.raises(TypeError, match="value of SMA is not a whole number"):
        run.integers("value")
    huge = CatchUp(made("bollinger", 5))
    huge.use(1, closed([(2**52, 2**52, 2**52, 2**52, 1, False)]))
    with pytest.raises(OverflowError, match="squares of BollingerBands needs more than 64 bits"):
        huge.integers("squares")
