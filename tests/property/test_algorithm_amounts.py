"""Amounts and values always come to quantities that can be traded and were meant."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from algotrader.core.instruments import crypto, equity
from algotrader.core.scaled import from_scaled, money
from algotrader.strategies.algorithm_orders import WHOLE_TOLERANCE, amount_raw, money_of, value_raw

WHOLE = equity("AAPL")
PARTS = crypto("BTC/USD")
amounts = st.decimals(-10_000_000, 10_000_000, places=8)
prices = st.integers(1, 10**9)


@given(amounts)
def test_a_whole_amount_is_never_more_than_a_tolerance_above_what_was_asked(amount: Decimal) -> None:
    shares = amount_raw(amount, WHOLE)
    assert shares == 0 or (shares > 0) == (amount > 0)
    assert abs(amount) - 1 < abs(shares) <= abs(amount) + WHOLE_TOLERANCE


@given(amounts)
def test_a_fractional_amount_is_exact(amount: Decimal) -> None:
    assert PARTS.quantity(amount_raw(amount, PARTS)) == amount


@given(amounts, prices)
def test_a_value_buys_as_much_as_it_can(value: Decimal, price_raw: int) -> None:
    unit = WHOLE.notional(price_raw, 1)
    spent = WHOLE.notional(price_raw, abs(value_raw(money(value), WHOLE, price_raw)))
    assert spent <= abs(money(value)) + unit // 10_000
    assert abs(money(value)) - spent < unit


@given(amounts, prices)
def test_buying_and_selling_are_mirror_images(value: Decimal, price_raw: int) -> None:
    assert value_raw(money(value), PARTS, price_raw) == -value_raw(money(-value), PARTS, price_raw)


@given(st.floats(-1e9, 1e9))
def test_a_value_given_as_a_float_is_taken_to_a_hundred_millionth(value: float) -> None:
    # A float means its shortest decimal reading.
    assert abs(from_scaled(money_of(value), 18) - Decimal(repr(value))) <= Decimal("0.000000005")
