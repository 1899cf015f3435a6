"""Columns of whole numbers: what goes in comes out, and searching equals what bisect finds."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algotrader.core.columns import IntColumn, int_column

NUMBERS = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(NUMBERS))
def test_numbers_come_out_as_they_went_in(numbers: list[int]) -> None:
    column = int_column(numbers)
    assert column.tolist() == list(column) == [column[row] for row in range(len(column))] == numbers
    assert column == IntColumn(column.raw)
    assert hash(column) == hash(int_column(numbers))


@given(st.lists(st.integers(0, 40), max_size=60).map(sorted), st.integers(-2, 45), st.integers(0, 60))
def test_first_from_finds_what_bisect_finds(numbers: list[int], value: int, start: int) -> None:
    start = min(start, len(numbers))
    assert int_column(numbers).first_from(value, start) == bisect_left(numbers, value, start)


def test_a_number_beyond_64_bits_and_a_row_beyond_the_end_are_refused() -> None:
    with pytest.raises(OverflowError):
        int_column([2**63])
    with pytest.raises(IndexError):
        int_column([1, 2])[2]
    with pytest.raises(IndexError):
        int_column([])[0]
    assert int_column([1, 2])[-1] == 2
