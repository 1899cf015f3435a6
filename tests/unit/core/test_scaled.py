"""Scaled integers against exact arithmetic done another way."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algotrader.core.scaled import (
    NotExact,
    ceil_scaled,
    div_floor,
    div_half_even,
    floor_scaled,
    from_money,
    from_scaled,
    money,
    money_from_float,
    money_to_float,
    nearest_scaled,
    round_down_to,
    round_up_to,
    to_scaled,
)


@pytest.mark.covers("A22", "C47")
@pytest.mark.parametrize(
    ("value", "scale", "raw"),
    [("165.37", 4, 1653700), ("-0.0001", 4, -1), ("0", 0, 0), ("1E+3", 2, 100000), ("9007199254740993", 0, 2**53 + 1)],
)
def test_a_decimal_becomes_an_integer_and_comes_back(value: str, scale: int, raw: int) -> None:
    assert to_scaled(Decimal(value), scale) == raw
    assert from_scaled(raw, scale) == Decimal(value)


@pytest.mark.parametrize("value", ["0.00001", "NaN", "Infinity", "-Infinity", "sNaN"])
def test_what_cannot_be_held_exactly_is_refused(value: str) -> None:
    with pytest.raises(NotExact):
        to_scaled(Decimal(value), 4)


@pytest.mark.parametrize("value", ["NaN", "Infinity"])
def test_rounding_refuses_what_is_no_number(value: str) -> None:
    with pytest.raises(NotExact):
        nearest_scaled(Decimal(value), 2)


@pytest.mark.parametrize(
    ("value", "down", "nearest", "up"),
    [("1.005", 100, 100, 101), ("1.015", 101, 102, 102), ("-1.005", -101, -100, -100), ("1.00", 100, 100, 100)],
)
def test_rounding_goes_where_it_says(value: str, down: int, nearest: int, up: int) -> None:
    exact = Decimal(value)
    assert (floor_scaled(exact, 2), nearest_scaled(exact, 2), ceil_scaled(exact, 2)) == (down, nearest, up)


@pytest.mark.covers("A22")
@pytest.mark.parametrize(
    ("amount", "text"), [("1", "1.00"), ("1.5", "1.50"), ("0.123456789012345678", "0.123456789012345678"), ("-7", "-7.00")]
)
def test_money_reads_with_at_least_two_places(amount: str, text: str) -> None:
    assert str(from_money(money(Decimal(amount)))) == text


def test_money_from_a_float_is_rounded_to_a_millionth() -> None:
    assert from_money(money_from_float(0.1 + 0.2)) == Decimal("0.30")
    assert money_to_float(money(Decimal("2.5"))) == 2.5


@given(st.integers(-(10**40), 10**40), st.integers(1, 10**20))
def test_division_agrees_with_fractions(numerator: int, denominator: int) -> None:
    exact = Fraction(numerator, denominator)
    assert div_half_even(numerator, denominator) == round(exact)
    assert div_floor(numerator, denominator) == exact.__floor__()


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_rounding_to_an_increment_gives_the_neighbouring_multiples(raw: int, increment: int) -> None:
    down, up = round_down_to(raw, increment), round_up_to(raw, increment)
    assert down <= raw <= up
    assert down % increment == up % increment == 0
    assert up - down in (0, increment)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9))
def test_the_way_there_and_back_loses_nothing(value: Decimal) -> None:
    assert from_scaled(to_scaled(value, 6), 6) == value
