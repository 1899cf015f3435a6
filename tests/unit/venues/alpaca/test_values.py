"""Numbers and times of the venue: exact, and refused where they are none."""

from __future__ import annotations

from decimal import Decimal

import pytest

from algotrader.venues.alpaca.values import (
    AlpacaRecordFault,
    cut_raw,
    decimal_to_raw,
    flag,
    nearest_raw,
    number,
    time_ns,
    time_or_zero,
)
from algotrader.venues.alpaca.wire import our_symbol


@pytest.mark.parametrize(
    ("value", "scale", "raw"),
    [
        ("150.125", 4, 1_501_250),
        ("15", 0, 15),
        ("-23140.2", 2, -2_314_020),
        ("0.000000001", 9, 1),
        ("1e-9", 9, 1),
        ("15.000000000", 0, 15),
        (150, 4, 1_500_000),
        (0.1, 9, 100_000_000),
        (1e-05, 9, 10_000),
        (Decimal("3.14"), 2, 314),
        ("+1", 0, 1),
    ],
)
def test_numbers_are_taken_exactly_from_texts_integers_and_floats(value: object, scale: int, raw: int) -> None:
    assert decimal_to_raw(value, scale) == raw


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "abc",
        "1_000",
        "١٢",
        "0x10",
        "NaN",
        "inf",
        float("nan"),
        float("inf"),
        True,
        [],
        {},
        "1" * 60,
        "1e99",
        10**60,
        " 1",
        "1.2.3",
    ],
)
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(AlpacaRecordFault):
        number(value)


def test_a_number_with_too_many_decimals_or_too_large_is_not_exact() -> None:
    for value, scale in (("1.5", 0), ("0.12345", 4), (str(2**53), 0), (str(-(2**53)), 0)):
        with pytest.raises(AlpacaRecordFault):
            decimal_to_raw(value, scale)


def test_averages_are_rounded_half_to_even_and_quantities_are_cut() -> None:
    assert [nearest_raw(text, 2) for text in ("1.005", "1.015", "1.0151")] == [100, 102, 102]
    assert [cut_raw(text, 0) for text in ("1.999", "-1.999", "0.4")] == [1, -1, 0]


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-20T14:32:00.123456789Z", 1_795_185_120_123_456_789),
        ("2026-11-20T14:32:00.5Z", 1_795_185_120_500_000_000),
        ("2026-11-20T09:32:00-05:00", 1_795_185_120_000_000_000),
        ("2026-11-20T20:02:00+05:30", 1_795_185_120_000_000_000),
        ("2026-11-20t14:32:00.1234567891z", 1_795_185_120_123_456_789),
    ],
)
def test_times_are_read_to_the_nanosecond(text: str, nanoseconds: int) -> None:
    assert time_ns(text) == nanoseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-20",
        "2026-11-20T14:32:00",
        "2026-13-20T14:32:00Z",
        "2026-11-20T25:32:00Z",
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00+23:59",
        "٢٠٢٦-11-20T14:32:00Z",
        1_795_185_120,
        None,
    ],
)
def test_what_is_no_time_is_refused(text: object) -> None:
    with pytest.raises(AlpacaRecordFault):
        time_ns(text)


def test_a_missing_time_is_none_whether_absent_null_empty_or_the_year_one() -> None:
    assert [time_or_zero({"t": value}, "t") for value in (None, "", "0001-01-01T00:00:00Z")] == [0, 0, 0]
    assert time_or_zero({}, "t") == 0


def test_a_flag_is_true_false_or_missing() -> None:
    assert [flag({"f": value}, "f") for value in (True, "true", False, "false", None)] == [True, True, False, False, False]
    with pytest.raises(AlpacaRecordFault):
        flag({"f": 1}, "f")


@pytest.mark.parametrize(
    ("symbol", "asset_class", "ours"),
    [
        ("AAPL", "us_equity", "AAPL"),
        ("BRK.B", "us_equity", "BRK.B"),
        ("BTC/USD", "crypto", "BTC/USD"),
        ("BTCUSD", "crypto", "BTC/USD"),
        ("BTCUSD", "", "BTC/USD"),
        ("USDTUSD", "crypto", "USDT/USD"),
        ("ETHBTC", "crypto", "ETH/BTC"),
        ("AAVEUSDC", "crypto", "AAVE/USDC"),
        ("MUSD", "us_equity", "MUSD"),
        ("MUSD", "", "MUSD"),
        ("AAPL261218C00150000", "us_option", "AAPL261218C00150000"),
        ("AAPL261218C00150000", "", "AAPL261218C00150000"),
        ("ABR.PRD", "", "ABR.PRD"),
    ],
)
def test_symbols_of_crypto_get_their_stroke_and_others_stay(symbol: str, asset_class: str, ours: str) -> None:
    assert our_symbol(symbol, asset_class) == ours
