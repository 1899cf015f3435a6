"""Dated orders, bars, and the fills expected of them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from unit.simulation.support import Bar, Desk

from algotrader.simulation.costs import BasisPointsSlippage, FixedSlippage, MakerTakerCommission
from algotrader.simulation.settings import SimulationSettings

CENT = replace(SimulationSettings.ideal(), slippage=FixedSlippage(Decimal("0.01")))
FLAT: Bar = ("100", "101", "99", "100")
NARROW: Bar = ("100", "100.50", "99.50", "100")


def run(order: str, bars: list[Bar], settings: SimulationSettings = CENT) -> list[str]:
    desk = Desk(settings)
    desk.send(1, order)
    return desk.bars(1, bars)


@pytest.mark.covers("B177", "B186", "A218")
@pytest.mark.parametrize(
    ("order", "bar", "fill"),
    [
        ("a buy 10 market", ("100", "101", "99", "100"), "1 a buy 10 @ 100.01"),
        ("a sell 10 market", ("100", "101", "99", "100"), "1 a sell 10 @ 99.99"),
        ("a buy 10 market", ("100", "100", "99", "99"), "1 a buy 10 @ 100.00"),  # nothing traded above the high
        ("a sell 10 market", ("100", "101", "100", "101"), "1 a sell 10 @ 100.00"),
    ],
)
def test_market_order_fills_at_the_open(order: str, bar: Bar, fill: str) -> None:
    assert run(order, [bar]) == [fill]


@pytest.mark.covers("B178")
@pytest.mark.parametrize(
    ("order", "bars", "fills"),
    [
        # Through the limit at the open: the open, without slippage.
        ("a buy 10 limit 101", [FLAT], ["1 a buy 10 @ 100.00"]),
        ("a sell 10 limit 99", [FLAT], ["1 a sell 10 @ 100.00"]),
        # Reached inside the bar: the limit, at the bar's close time.
        ("a buy 10 limit 99", [FLAT], ["2 a buy 10 @ 99.00"]),
        ("a sell 10 limit 101", [FLAT], ["2 a sell 10 @ 101.00"]),
        # Not reached: it rests until it is.
        ("a buy 10 limit 98.99", [FLAT, ("100", "100", "98", "99")], ["3 a buy 10 @ 98.99"]),
        ("a sell 10 limit 101.01", [FLAT, ("100", "102", "100", "101")], ["3 a sell 10 @ 101.01"]),
        # A gap through a resting limit fills at the open.
        ("a buy 10 limit 98", [FLAT, ("95", "96", "94", "95")], ["2 a buy 10 @ 95.00"]),
        ("a sell 10 limit 103", [FLAT, ("105", "106", "104", "105")], ["2 a sell 10 @ 105.00"]),
    ],
)
def test_limit_order(order: str, bars: list[Bar], fills: list[str]) -> None:
    assert run(order, bars) == fills


@pytest.mark.covers("B179", "A218", "A27")
@pytest.mark.parametrize(
    ("order", "bars", "fills"),
    [
        ("a buy 10 stop 100.50", [FLAT], ["2 a buy 10 @ 100.51"]),
        ("a sell 10 stop 99.50", [FLAT], ["2 a sell 10 @ 99.49"]),
        # Slippage stays inside the bar.
        ("a buy 10 stop 101", [FLAT], ["2 a buy 10 @ 101.00"]),
        ("a sell 10 stop 99", [FLAT], ["2 a sell 10 @ 99.00"]),
        # A gap fills at the open.
        ("a buy 10 stop 102", [FLAT, ("105", "106", "104", "105")], ["2 a buy 10 @ 105.01"]),
        ("a sell 10 stop 98", [FLAT, ("95", "96", "94", "95")], ["2 a sell 10 @ 94.99"]),
        ("a buy 10 stop 101.01", [FLAT], []),
        ("a sell 10 stop 98.99", [FLAT], []),
    ],
)
def test_stop_order(order: str, bars: list[Bar], fills: list[str]) -> None:
    assert run(order, bars) == fills


@pytest.mark.covers("B179")
@pytest.mark.parametrize(
    ("order", "bars", "lines"),
    [
        # Triggered inside the bar, the limit allows the stop's price.
        ("a buy 10 stop_limit 100.50 100.60", [FLAT], ["2 a triggered", "2 a buy 10 @ 100.50"]),
        ("a sell 10 stop_limit 99.50 99.40", [FLAT], ["2 a triggered", "2 a sell 10 @ 99.50"]),
        # The limit does not: no fill on this bar though its range has the limit, then it rests.
        ("a buy 10 stop_limit 100.50 100.20", [FLAT, FLAT], ["2 a triggered", "2 a buy 10 @ 100.00"]),
        ("a sell 10 stop_limit 99.50 99.80", [FLAT, FLAT], ["2 a triggered", "2 a sell 10 @ 100.00"]),
        # Triggered by a gap beyond the limit.
        (
            "a buy 10 stop_limit 102 103",
            [("105", "106", "102", "104"), ("104", "104", "102", "103")],
            ["1 a triggered", "3 a buy 10 @ 103.00"],
        ),
        (
            "a sell 10 stop_limit 98 97",
            [("95", "98", "94", "96"), ("96", "98", "95", "97")],
            ["1 a triggered", "3 a sell 10 @ 97.00"],
        ),
        # A gap inside the limit.
        ("a buy 10 stop_limit 102 106", [("105", "107", "104", "104")], ["1 a triggered", "1 a buy 10 @ 105.00"]),
    ],
)
def test_stop_limit_order(order: str, bars: list[Bar], lines: list[str]) -> None:
    assert run(order, bars) == lines


@pytest.mark.covers("A27")
@pytest.mark.parametrize(
    ("order", "bars", "fills"),
    [
        # The bar that makes the new high is tested against the old stop; only then does the stop move.
        ("a sell 10 trailing_stop 2", [("100", "105", "99", "104"), ("104", "104", "102", "103")], ["3 a sell 10 @ 102.99"]),
        ("a buy 10 trailing_stop 2", [("100", "101", "95", "96"), ("96", "98", "96", "97")], ["3 a buy 10 @ 97.01"]),
        ("a sell 10 trailing_stop 2", [FLAT, NARROW, ("100", "100", "98", "99")], ["4 a sell 10 @ 98.99"]),
        ("a buy 10 trailing_stop 2", [FLAT, NARROW, ("100", "102", "98", "99")], ["4 a buy 10 @ 101.01"]),
        ("a sell 10 trailing_stop 2", [("100", "100", "98", "99")], ["2 a sell 10 @ 98.00"]),
    ],
)
def test_trailing_stop(order: str, bars: list[Bar], fills: list[str]) -> None:
    assert run(order, bars) == fills


def test_trailing_stop_starts_from_the_last_price() -> None:
    desk = Desk()
    desk.mark("110")
    desk.send(1, "a sell 10 trailing_stop 2")
    assert desk.bars(1, [("109", "109", "107", "108")]) == ["2 a sell 10 @ 108.00"]


@pytest.mark.parametrize(
    ("arrives", "fills"),
    [(1, ["1 a buy 10 @ 100.00"]), (0.5, ["1 a buy 10 @ 100.00"]), (1.01, ["2 a buy 10 @ 100.50"]), (2, ["2 a buy 10 @ 50.00"])],
)
def test_a_market_order_that_comes_inside_a_bar_fills_at_its_close(arrives: float, fills: list[str]) -> None:
    desk = Desk()
    desk.send(arrives, "a buy 10 market")
    assert desk.bars(1, [("100", "101", "99", "100.50"), ("50", "51", "49", "50")]) == fills


@pytest.mark.parametrize(
    ("orders", "bar", "lines"),
    [
        # A stop and a take profit inside one bar: the stop.
        (
            ["s sell 10 stop 99", "t sell 10 limit 101"],
            ("100", "102", "98", "100"),
            ["2 s sell 10 @ 99.00", "2 t cancelled"],
        ),
        # The bar opens beyond the take profit: that came first for certain.
        (
            ["s sell 10 stop 99", "t sell 10 limit 101"],
            ("101.50", "102", "98", "100"),
            ["1 t sell 10 @ 101.50", "1 s cancelled"],
        ),
        # A market exit goes at the open, before the stop.
        (["s sell 10 stop 99", "m sell 10 market"], ("100", "102", "98", "100"), ["1 m sell 10 @ 100.00", "1 s cancelled"]),
        # Opened beyond the stop: still the market order first.
        (["s sell 10 stop 99", "m sell 10 market"], ("98", "98", "97", "97"), ["1 m sell 10 @ 98.00", "1 s cancelled"]),
    ],
)
def test_which_end_of_a_position_comes_first(orders: list[str], bar: Bar, lines: list[str]) -> None:
    desk = Desk()
    desk.send(0, "entry buy 10 market")
    desk.bar(0, *FLAT)
    for order in orders:
        desk.send(1, order, oco_group="exit")
    assert desk.bar(1, *bar) == lines


def test_exits_go_before_entries_and_older_before_newer() -> None:
    desk = Desk()
    desk.send(0, "entry buy 10 market")
    desk.bar(0, *FLAT)
    for order in ("b1 buy 5 market", "x1 sell 5 market", "b2 buy 5 market", "x2 sell 5 market"):
        desk.send(1, order)
    desk.send(1, "b0 buy 5 stop 100.50")
    desk.send(1, "x0 sell 5 stop 99.50")
    ids = [line.split()[1] for line in desk.bar(1, *FLAT)]
    assert ids == ["x1", "x2", "b1", "b2", "x0", "b0"]


@pytest.mark.covers("B185")
@pytest.mark.parametrize(
    ("order", "bars", "fills"),
    [
        ("a buy 10 limit 101", [FLAT], ["1 a buy 10 @ 100.00 costs 2.00"]),  # at once, through its limit: it takes
        ("a buy 10 limit 99", [FLAT], ["2 a buy 10 @ 99.00 costs 0.99"]),  # it rested: it gives
        ("a buy 10 limit 98", [FLAT, ("95", "96", "94", "95")], ["2 a buy 10 @ 95.00 costs 0.95"]),
        ("a buy 10 market", [FLAT], ["1 a buy 10 @ 100.00 costs 2.00"]),
        ("a buy 10 stop 100", [FLAT], ["1 a buy 10 @ 100.00 costs 2.00"]),
    ],
)
def test_maker_and_taker(order: str, bars: list[Bar], fills: list[str]) -> None:
    settings = replace(SimulationSettings.ideal(), commission=MakerTakerCommission(Decimal("0.001"), Decimal("0.002")))
    assert run(order, bars, settings) == fills


@pytest.mark.covers("B187")
def test_basis_points_slippage_on_both_sides() -> None:
    settings = replace(SimulationSettings.ideal(), slippage=BasisPointsSlippage(Decimal(5)))
    assert run("a buy 10 market", [FLAT], settings) == ["1 a buy 10 @ 100.05"]
    assert run("a sell 10 market", [FLAT], settings) == ["1 a sell 10 @ 99.95"]


def test_optimistic_fill_at_the_close_of_the_same_bar() -> None:
    desk = Desk(replace(CENT, fill="close"))
    desk.mark("100")
    assert desk.send(1, "a buy 10 market") == ["1 a accepted", "1 a buy 10 @ 100.01"]
    assert desk.send(1, "b buy 10 market opg") == ["1 b accepted"]
    assert desk.send(1, "c buy 10 limit 101") == ["1 c accepted"]


def test_without_a_last_price_the_optimistic_fill_waits_for_the_open() -> None:
    desk = Desk(replace(CENT, fill="close"))
    assert desk.send(1, "a buy 10 market") == ["1 a accepted"]
    assert desk.bar(1, *FLAT) == ["1 a buy 10 @ 100.01"]


@pytest.mark.covers("B189")
def test_positions_and_cash_follow_the_fills() -> None:
    desk = Desk()
    desk.send(1, "a buy 10 market")
    desk.bar(1, *FLAT)
    assert (desk.venue.positions[0], desk.cash) == (10, Decimal(-1000))
    desk.send(2, "b sell 15 market")
    desk.bar(2, "110", "111", "109", "110")
    assert (desk.venue.positions[0], desk.cash) == (-5, Decimal(650))
