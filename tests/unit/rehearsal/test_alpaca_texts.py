"""How the rehearsal server writes and reads numbers and times."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algotrader.rehearsal.alpaca.texts import decimal_text, eastern_text, read_number, read_time, time_text


@given(st.integers(1, 4_000_000_000 * 10**9))
def test_times_are_read_as_they_are_written(time: int) -> None:
    assert read_time(str(time_text(time))) == time
    assert read_time(eastern_text(time, fraction=True)) == time


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-03-05", 1_709_596_800_000_000_000),
        ("2024-03-05T14:30:00Z", 1_709_649_000_000_000_000),
        ("2024-03-05T09:30:00.5-05:00", 1_709_649_000_500_000_000),
        ("2024-03-05 14:30:00.000000001+00:00", 1_709_649_000_000_000_001),
    ],
)
def test_times_may_be_written_in_many_ways(text: str, time: int) -> None:
    assert read_time(text) == time


@pytest.mark.parametrize("text", ["", "yesterday", "2024-13-05", "2024-03-05T25:00:00Z", "2024-03-05T09:30:00.1234567890Z"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_time(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=9))
def test_numbers_are_read_as_they_are_written(value: Decimal) -> None:
    text = decimal_text(value)
    assert "E" not in text
    assert read_number(text) == value
    assert decimal_text(Decimal(text)) == text


@pytest.mark.parametrize("value", [True, [], {}, "NaN", "Infinity", "1e999999999", "1e-999", 1e300, "one", "1" * 31])
def test_what_is_no_number(value: Any) -> None:
    with pytest.raises(ValueError, match="not a number"):
        read_number(value)
