"""The two built-in algorithms, momentum and rebalance."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from algorithm_run import AlgorithmRun

from algotrader.strategies.momentum import Momentum
from algotrader.strategies.parameters import ParameterError, describe_parameters
from algotrader.strategies.rebalance import Rebalance

BOTH = ("AAPL", "MSFT")


def momentum(**given: Any) -> AlgorithmRun:
    run = AlgorithmRun(Momentum.create(BOTH, {"lookback": 2, "invested": "1.0", **given}), BOTH)
    run.open()
    return run


def test_momentum_buys_what_rose_and_sells_it_when_it_stops() -> None:
    run = momentum()
    run.bars({"AAPL": 100, "MSFT": 50})
    run.bars({"AAPL": 101, "MSFT": 49})
    assert run.orders == []
    run.bars({"AAPL": 102, "MSFT": 48})
    assert run.signed == [("AAPL", Decimal(122))]  # half of 25,000 at 102
    run.bars({"AAPL": 103, "MSFT": 47})
    assert len(run.orders) == 1
    run.fill("a1", 103)
    run.bars({"AAPL": 101, "MSFT": 47})
    assert run.signed[1:] == [("AAPL", Decimal(-122))]


def test_momentum_asks_for_more_than_the_threshold() -> None:
    run = momentum(threshold_pct="2")
    for price in (100, 101, 102):
        run.bars({"AAPL": price, "MSFT": 50})
    assert run.orders == []
    run.bars({"AAPL": 103.1, "MSFT": 50})
    assert [symbol for symbol, _ in run.signed] == ["AAPL"]


def test_momentum_waits_for_a_bar_of_the_asset() -> None:
    run = momentum()
    for price in (100, 101):
        run.bars({"AAPL": price, "MSFT": 50})
    run.bars({"MSFT": 50})
    assert run.orders == []


def test_momentum_does_not_act_on_an_old_price() -> None:
    run = momentum()
    for price in (100, 101, 102):
        run.bars({"AAPL": price, "MSFT": 50})
    run.cancel("a1")
    run.bars({"MSFT": 50})
    assert len(run.orders) == 1
    run.bars({"AAPL": 103, "MSFT": 50})
    assert len(run.orders) == 2


def rebalance(**given: Any) -> AlgorithmRun:
    run = AlgorithmRun(Rebalance.create(BOTH, given), BOTH, daily=True)
    run.open(0, day_of_month=0)
    return run


def test_rebalance_buys_equal_parts() -> None:
    run = rebalance(invested="0.8")
    run.bars({"AAPL": 100, "MSFT": 50})
    assert run.signed == [("AAPL", Decimal(100)), ("MSFT", Decimal(200))]


def test_rebalance_takes_weights() -> None:
    run = rebalance(weights="AAPL:0.75, msft:0.25", invested="1")
    run.bars({"AAPL": 100, "MSFT": 50})
    assert run.signed == [("AAPL", Decimal(187)), ("MSFT", Decimal(125))]


def test_rebalance_sells_first_and_buys_when_the_money_is_there() -> None:
    run = rebalance(invested="1")
    run.bars({"AAPL": 100, "MSFT": 50})
    run.fill("a1", 100)
    run.fill("a2", 50)
    run.close()
    run.open(1, day_of_month=1)
    run.bars({"AAPL": 140, "MSFT": 50})
    assert len(run.orders) == 2
    run.close()
    run.open(2, day_of_month=0)
    run.bars({"AAPL": 140, "MSFT": 50})
    # 125 x 140 + 250 x 50 = 30,000: half is 107 AAPL and 300 MSFT.
    assert run.signed[2:] == [("AAPL", Decimal(-18))]
    run.fill("a3", 140)
    run.close()
    run.open(3, day_of_month=1)
    run.bars({"AAPL": 140, "MSFT": 50})
    assert run.signed[3:] == [("MSFT", Decimal(50))]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("AAPL", "write weights as AAPL:0.6,MSFT:0.4"),
        ("AAPL:much", "write weights as AAPL:0.6,MSFT:0.4"),
        ("AAPL:0.6,MSFT:0.5", "add up to 1 at most, not to 1.1"),
        ("AAPL:-0.1", "must not be negative"),
    ],
)
def test_impossible_weights_are_refused(weights: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Rebalance.create(BOTH, {"weights": weights})


@pytest.mark.parametrize("kind", [Momentum, Rebalance])
def test_parameters_are_described_for_people(kind: Any) -> None:
    rows = describe_parameters(kind.parameters_type)
    assert all(meaning and "Undefined" not in default for _, default, _, meaning in rows)
