"""What a strategy may answer, and what it is told when it may not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from algotrader.core import boundary
from algotrader.core.boundary import StrategyFault
from algotrader.core.instruments import equity

AAPL = equity("AAPL")
NAN = float("nan")


@pytest.mark.parametrize(
    ("value", "exact"),
    [
        (5, "5"),
        (155.2, "155.2"),
        (0.1 + 0.2, "0.3"),
        (Decimal("1.23456789012"), "1.23456789012"),
        (np.float64(155.2), "155.2"),
        (np.float32(0.5), "0.5"),
        (np.int64(7), "7"),
        (1e22, "1E+22"),
    ],
)
def test_numbers_of_every_kind_are_taken_for_what_they_mean(value: Any, exact: str) -> None:
    assert boundary.number(value, "x") == Decimal(exact)


@pytest.mark.parametrize("value", [NAN, float("inf"), Decimal("NaN"), np.float64("nan"), "5", True, None, [1], object()])
def test_what_is_no_number_is_refused_by_name(value: Any) -> None:
    with pytest.raises(StrategyFault, match="stop_loss_price"):
        boundary.number(value, "stop_loss_price")


@pytest.mark.parametrize(("value", "answer"), [(True, True), (False, False), (None, False), (np.True_, True), (np.False_, False)])
def test_yes_and_no(value: Any, answer: bool) -> None:
    assert boundary.truth(value, "should_long") is answer


@pytest.mark.parametrize("value", ["yes", 1, 0, [], np.array([True, False])])
def test_other_answers_to_yes_or_no_are_refused(value: Any) -> None:
    with pytest.raises(StrategyFault, match="should_long must answer True or False"):
        boundary.truth(value, "should_long")


@pytest.mark.parametrize(
    ("value", "up", "raw"),
    [(None, True, 0), (100.001, True, 1_000_100), (100.001, False, 1_000_000), (Decimal(100), True, 1_000_000), (0.00015, True, 2)],
)
def test_prices_land_on_the_increment_on_the_side_asked_for(value: Any, up: bool, raw: int) -> None:
    assert boundary.price(value, AAPL, "entry_price", up) == raw


@pytest.mark.parametrize("value", [0, -1, NAN, 1e12, Decimal("0.00001"), "100"])
def test_prices_that_no_venue_takes_are_refused(value: Any) -> None:
    with pytest.raises(StrategyFault, match="entry_price"):
        boundary.price(value, AAPL, "entry_price", False)


@pytest.mark.parametrize(("value", "raw"), [(10.9, 10), (-10.9, -10), (Decimal("0.5"), 0), (np.int64(3), 3)])
def test_quantities_are_rounded_towards_zero(value: Any, raw: int) -> None:
    assert boundary.quantity(value, AAPL, "quantity") == raw


@pytest.mark.parametrize("value", [1e17, NAN, None])
def test_quantities_that_do_not_fit_are_refused(value: Any) -> None:
    with pytest.raises(StrategyFault, match="quantity"):
        boundary.quantity(value, AAPL, "quantity")


@pytest.mark.covers("C16")
@pytest.mark.parametrize("value", [0, 1, 0.5, Decimal("0.25"), np.float64(0.75)])
def test_confidence_lies_between_0_and_1(value: Any) -> None:
    assert boundary.fraction(value, "confidence") == float(value)


@pytest.mark.covers("C16")
@pytest.mark.parametrize("value", [-0.1, 1.1, NAN, "high"])
def test_other_confidence_is_refused(value: Any) -> None:
    with pytest.raises(StrategyFault, match="confidence"):
        boundary.fraction(value, "confidence")
