"""Splits and dividends: ratios from rounded factors, adjustment, files that are wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from algotrader.core.market import utc
from algotrader.core.scaled import div_half_even
from algotrader.errors import UserError
from algotrader.history.action_files import read_actions
from algotrader.history.corporate_actions import Dividend, Split, effective_ns, simple_ratio, split_adjusted, times_ratio

Csv = Callable[..., Path]

RATIOS = [
    ("1.999996", Fraction(2)),
    ("2.000006", Fraction(2)),
    ("6.999997", Fraction(7)),
    ("4.0", Fraction(4)),
    ("1.5", Fraction(3, 2)),
    ("1.333333", Fraction(4, 3)),
    ("0.1", Fraction(1, 10)),
    ("0.0333333", Fraction(1, 30)),
    ("0.01", Fraction(1, 100)),
    ("1.05", Fraction(21, 20)),
    ("1.0027", Fraction(10_027, 10_000)),
]


@pytest.mark.parametrize(("value", "ratio"), RATIOS)
def test_rounded_factors_are_simple_ratios(value: str, ratio: Fraction) -> None:
    assert simple_ratio(Decimal(value)) == ratio


@given(values=st.lists(st.integers(0, 2**53), max_size=20), up=st.integers(1, 10**6), down=st.integers(1, 10**6))
def test_multiplying_by_a_ratio_is_exact_and_half_even(values: list[int], up: int, down: int) -> None:
    ratio = Fraction(up, down)
    expected = [div_half_even(value * ratio.numerator, ratio.denominator) for value in values]
    assume(all(value < 2**63 for value in expected))
    assert times_ratio(np.array(values, dtype=np.int64), ratio).tolist() == expected


def bars(*days: tuple[str, int, int]) -> pl.DataFrame:
    """A bar at noon UTC of each day, with a price at scale 4 and a volume."""
    opens = [int(np.datetime64(f"{day}T12:00", "ns").astype(np.int64)) for day, _, _ in days]
    prices = [price for _, price, _ in days]
    columns = {
        "open_time": opens,
        "close_time": [time + 1 for time in opens],
        **dict.fromkeys(("open", "high", "low", "close"), prices),
    }
    return pl.DataFrame({**columns, "volume": [volume for _, _, volume in days]})


def test_adjusted_prices_are_in_shares_of_today() -> None:
    raw = bars(("2014-06-06", 7_000_001, 10), ("2014-06-09", 1_000_000, 70), ("2020-08-31", 250_000, 280))
    actions: list[Split | Dividend] = [
        Split(date(2014, 6, 9), 7),
        Dividend(date(2014, 8, 7), Decimal("0.47")),
        Split(date(2020, 8, 31), 4),
    ]
    adjusted = split_adjusted(raw, actions, "XNYS", 4)
    # 700.0001 / 28 = 25.0000035…, at a millionth 25.000004
    assert adjusted["close"].to_list() == [25_000_004, 25_000_000, 25_000_000]
    assert adjusted["volume"].to_list() == [280, 280, 280]
    assert raw["close"].to_list() == [7_000_001, 1_000_000, 250_000]


def test_reverse_splits_and_no_splits() -> None:
    raw = bars(("2024-01-02", 10_000, 1005), ("2024-01-04", 100_000, 100))
    assert split_adjusted(raw, [Split(date(2024, 1, 3), 1, 10)], "XNYS", 4)["close"].to_list() == [10_000_000, 10_000_000]
    assert split_adjusted(raw, [Split(date(2024, 1, 3), 1, 10)], "XNYS", 4)["volume"].to_list() == [100, 100]
    assert split_adjusted(raw, [], "XNYS", 4)["close"].to_list() == [1_000_000, 10_000_000]


def test_an_action_takes_effect_before_the_pre_market_of_its_day() -> None:
    assert str(utc(effective_ns(Split(date(2014, 6, 9), 7), "XNYS"))) == "2014-06-09 04:00:00+00:00"


@pytest.mark.parametrize("make", [lambda: Split(date(2024, 1, 2), 0), lambda: Dividend(date(2024, 1, 2), Decimal("NaN"))])
def test_impossible_actions_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        make()


EVENTS = "symbol,ex_date,kind,value"
BAD_EVENTS = [
    pytest.param("AAPL,,split,2", "ex_date", "the ex-date is missing", id="no day"),
    pytest.param("AAPL,2024-02-30,split,2", "ex_date", "is not a day", id="no such day"),
    pytest.param("AAPL,20240102,merger,2", "kind", "is neither split nor dividend", id="other kind"),
    pytest.param("AAPL,20240102,split,two", "value", "is not a number", id="no number"),
    pytest.param("AAPL,20240102,dividend,-1", "value", "is not a positive number", id="negative"),
    pytest.param("AAPL,20240102,split,NaN", "value", "is not a positive number", id="NaN"),
]


@pytest.mark.parametrize(("line", "column", "reason"), BAD_EVENTS)
def test_bad_events_are_left_out_and_reported(csv_file: Csv, line: str, column: str, reason: str) -> None:
    read = read_actions(csv_file(EVENTS, "aapl,20240103,split,3", line))
    assert read.actions == {"AAPL": [Split(date(2024, 1, 3), 3)]}
    assert [(row.line, row.column, row.reason) for row in read.bad] == [(3, column, reason)]


def test_an_ex_date_behind_a_hole_in_the_data_is_not_believed(csv_file: Csv) -> None:
    lines = [
        "symbol,last_date_before,ex_date,kind,value",
        "QQQ,20041216,20110323,dividend,0.38",
        "QQQ,20110322,20110323,dividend,0.1",
    ]
    read = read_actions(csv_file(*lines))
    assert read.actions == {"QQQ": [Dividend(date(2011, 3, 23), Decimal("0.1"))]}
    assert "the data have a hole" in read.bad[0].reason


def test_factor_files_without_a_header_and_over_a_weekend(csv_file: Csv) -> None:
    lines = ["20240104,0.990,0.5,200", "20240105,1,0.5,100", "20501231,1,1,0"]
    read = read_actions(csv_file(*lines, name="acme.csv"))
    assert read.actions == {"ACME": [Dividend(date(2024, 1, 5), Decimal("2.00000")), Split(date(2024, 1, 8), 2)]}
    assert list(read_actions(csv_file(*lines, name="x_factors.csv"), symbol="ibm").actions) == ["IBM"]


BAD_FILES = [
    pytest.param(["a,b,c", "1,2,3"], "is not a file of corporate actions", id="other columns"),
    pytest.param([""], "is empty", id="empty"),
    pytest.param(["20240104,one,1,1", "20240105,1,1,1"], "is not a factor file", id="words"),
    pytest.param(["20240104,0,1,1", "20240105,1,1,1"], "a factor is not positive", id="factor of zero"),
]


@pytest.mark.parametrize(("lines", "message"), BAD_FILES)
def test_other_files_are_refused(csv_file: Csv, lines: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_actions(csv_file(*lines))
