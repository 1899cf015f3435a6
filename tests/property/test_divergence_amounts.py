"""The parts of a difference in profit are the whole of it, whatever was executed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algotrader.core.instruments import crypto, equity
from algotrader.research.divergence.amounts import Filled, divide, same_rate

EQUITY = equity("AAPL")
CRYPTO = crypto("BTC/USDT")


def filled() -> st.SearchStrategy[Filled]:
    """An order of which something was executed."""
    pieces = st.lists(st.tuples(st.integers(1, 10**7), st.integers(1, 10**8)), min_size=1, max_size=4)
    return st.builds(
        lambda parts, fee: Filled(sum(q for q, _ in parts), sum(q * p for q, p in parts), fee),
        pieces,
        st.integers(-(10**20), 10**22),
    )


@given(filled(), filled(), st.sampled_from([EQUITY, CRYPTO]), st.sampled_from([1, -1]), st.integers(0, 10**8))
def test_parts_add_up(live: Filled, tested: Filled, instrument: object, sign: int, mark: int) -> None:
    assert instrument is EQUITY or instrument is CRYPTO
    traded = EQUITY if instrument is EQUITY else CRYPTO
    parts = divide(live, tested, traded, sign, mark)
    assert parts.total == live.worth(traded, sign, mark) - tested.worth(traded, sign, mark)


@given(filled(), st.sampled_from([1, -1]), st.integers(0, 10**8))
def test_the_same_executions_differ_by_nothing(one: Filled, sign: int, mark: int) -> None:
    parts = divide(one, one, EQUITY, sign, mark)
    assert (parts.price, parts.quantity, parts.fee) == (0, 0, 0)


@given(filled(), filled(), st.integers(0, 10**8))
def test_a_buy_and_a_sale_mirror_each_other(live: Filled, tested: Filled, mark: int) -> None:
    """Without fees, what a buyer gains by better prices a seller loses."""
    mine, theirs = Filled(live.quantity, live.value), Filled(tested.quantity, tested.value)
    bought, sold = divide(mine, theirs, EQUITY, 1, mark), divide(mine, theirs, EQUITY, -1, mark)
    assert bought.total == -sold.total


@given(filled(), st.integers(1, 10**22), st.integers(0, 10**8))
def test_of_equal_quantities_only_price_and_fee_differ(one: Filled, fee: int, mark: int) -> None:
    dearer = Filled(one.quantity, one.value + one.quantity, one.commission)
    assert divide(dearer, one, EQUITY, 1, mark).price == -one.quantity * EQUITY.money_factor
    charged = Filled(one.quantity, one.value, one.commission + fee)
    parts = divide(charged, one, EQUITY, 1, mark)
    assert (parts.price, parts.quantity, parts.fee) == (0, 0, -fee)


UNIT = EQUITY.money_factor
DIVIDED = {
    "a worse price and a fee": (Filled(10, 1_010, 7), Filled(10, 1_000, 0), (-10 * UNIT, 0, -7)),
    "a better price and a lower fee": (Filled(10, 990, 3), Filled(10, 1_000, 7), (10 * UNIT, 0, 4)),
    "half of it": (Filled(5, 500, 0), Filled(10, 1_000, 0), (0, -5 * 20 * UNIT, 0)),
    "half of it with its half of the fee": (Filled(5, 500, 50), Filled(10, 1_000, 100), (0, -5 * 20 * UNIT + 50, 0)),
    "half of it, dearer, with a fee": (Filled(5, 505, 9), Filled(10, 1_000, 0), (-5 * UNIT, -5 * 20 * UNIT, -9)),
}
"""Bought for about a hundred; the last price is 120."""


@pytest.mark.parametrize(("live", "tested", "expected"), list(DIVIDED.values()), ids=list(DIVIDED))
def test_parts_by_hand(live: Filled, tested: Filled, expected: tuple[int, int, int]) -> None:
    parts = divide(live, tested, EQUITY, 1, 120)
    assert (parts.price, parts.quantity, parts.fee) == expected


@pytest.mark.parametrize(
    ("live", "tested", "same"),
    [
        (Filled(10, 1000, 0), Filled(20, 2000, 0), True),
        (Filled(10, 1000, 50), Filled(20, 2000, 100), True),
        (Filled(10, 1000, 100), Filled(20, 2000, 100), True),
        (Filled(10, 1100, 110), Filled(10, 1000, 100), True),
        (Filled(10, 1000, 50), Filled(10, 1000, 0), False),
        (Filled(10, 1000, 51), Filled(20, 2000, 100), False),
    ],
    ids=["free", "by unit", "by order", "by value", "one is free", "dearer"],
)
def test_rates_of_commission(live: Filled, tested: Filled, same: bool) -> None:
    assert same_rate(live, tested) is same
