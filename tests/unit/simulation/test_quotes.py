"""Paper trading on quotes and prints."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from unit.simulation.support import Desk

from algotrader.simulation.costs import FixedSlippage, MakerTakerCommission
from algotrader.simulation.settings import SimulationSettings

CENT = replace(SimulationSettings.ideal(), slippage=FixedSlippage(Decimal("0.01")))
SIZED = replace(SimulationSettings.ideal(), volume_limit_ppm=500_000)


@pytest.mark.covers("B177")
def test_market_order_meets_the_other_side_at_once_when_a_quote_is_known() -> None:
    desk = Desk(CENT)
    assert desk.quote(1, "99.90", "100.10") == []
    assert desk.send(2, "a buy 10 market") == ["2 a accepted", "2 a buy 10 @ 100.11"]
    assert desk.send(2, "b sell 10 market") == ["2 b accepted", "2 b sell 10 @ 99.89"]


def test_without_a_quote_it_waits_for_one() -> None:
    desk = Desk()
    assert desk.send(1, "a buy 10 market") == ["1 a accepted"]
    assert desk.quote(2, "99.90", "100.10") == ["2 a buy 10 @ 100.10"]


@pytest.mark.covers("B180")
def test_market_order_gets_the_quote_that_stands_after_the_latency() -> None:
    desk = Desk(replace(SimulationSettings.ideal(), latency_ns=60 * 10**9, latency_jitter_ppm=0))
    desk.quote(1, "99.90", "100.10")
    desk.send(1, "a buy 10 market")
    assert desk.quote(1.5, "100.90", "101.10") == []
    assert desk.quote(3, "110", "111") == ["2 a accepted", "2 a buy 10 @ 101.10"]


@pytest.mark.covers("B178")
def test_marketable_limit_fills_at_once_and_a_resting_one_at_its_own_price() -> None:
    desk = Desk(replace(SimulationSettings.ideal(), commission=MakerTakerCommission(Decimal("0.001"), Decimal("0.002"))))
    desk.quote(1, "99.90", "100.10")
    assert desk.send(1, "a buy 10 limit 100.50")[1:] == ["1 a buy 10 @ 100.10 costs 2.002"]
    assert desk.send(1, "b buy 10 limit 100")[1:] == []
    assert desk.quote(2, "99.60", "99.80") == ["2 b buy 10 @ 100.00 costs 1.00"]
    assert desk.send(2, "c sell 10 limit 101")[1:] == []
    assert desk.quote(3, "101.20", "101.30") == ["3 c sell 10 @ 101.00 costs 1.01"]


@pytest.mark.covers("B179")
@pytest.mark.parametrize(
    ("order", "quotes", "lines"),
    [
        ("a sell 10 stop 99", [("99.50", "99.60"), ("98.90", "99.10")], ["3 a sell 10 @ 98.90"]),
        ("a buy 10 stop 101", [("100", "100.90"), ("100.95", "101.05")], ["3 a buy 10 @ 101.05"]),
        ("a sell 10 stop_limit 99 98.95", [("98.90", "99.10"), ("99.20", "99.30")], ["2 a triggered", "3 a sell 10 @ 98.95"]),
        ("a sell 10 stop_limit 99 98", [("98.90", "99.10")], ["2 a triggered", "2 a sell 10 @ 98.90"]),
        ("a sell 10 trailing_stop 1", [("102", "102.10"), ("101.10", "101.20"), ("100.90", "101")], ["4 a sell 10 @ 100.90"]),
    ],
)
def test_stops_on_quotes(order: str, quotes: list[tuple[str, str]], lines: list[str]) -> None:
    desk = Desk()
    desk.quote(1, "100", "100.10")
    desk.send(1, order)
    said: list[str] = []
    for number, (bid, ask) in enumerate(quotes):
        said += desk.quote(2 + number, bid, ask)
    assert said == lines


def test_prints_trigger_stops_and_fill_limits_but_market_orders_wait_for_the_quote() -> None:
    desk = Desk()
    desk.send(1, "m buy 10 market")
    assert desk.tick(1, "100") == ["1 m buy 10 @ 100.00"]
    desk.send(1, "s sell 10 stop 99")
    desk.send(1, "l buy 10 limit 98")
    assert desk.tick(2, "98.50") == ["2 s sell 10 @ 98.50"]
    assert desk.tick(3, "97.50") == ["3 l buy 10 @ 98.00"]
    desk.quote(4, "97.40", "97.60")
    desk.venue.set_halted(0, True)
    desk.send(5, "n buy 10 market")
    desk.venue.set_halted(0, False)
    assert desk.tick(5, "97.50") == []
    assert desk.quote(6, "97.40", "97.60") == ["6 n buy 10 @ 97.60"]


@pytest.mark.covers("B181")
def test_with_a_volume_limit_a_quote_gives_what_it_shows_and_a_print_its_share() -> None:
    desk = Desk(SIZED)
    desk.quote(1, "99.90", "100.10", 30, 40)
    assert desk.send(1, "a buy 100 market")[1:] == ["1 a buy 40 @ 100.10"]
    assert desk.send(1, "b buy 5 market ioc")[1:] == ["1 b cancelled"]
    assert desk.quote(2, "99.90", "100.20", 30, 30) == ["2 a buy 30 @ 100.20"]
    assert desk.quote(3, "99.90", "100.20") == ["3 a buy 30 @ 100.20"]  # no size shown
    prints = Desk(SIZED)
    prints.send(1, "a buy 100 market")
    assert prints.tick(1, "100", 60) == ["1 a buy 30 @ 100.00"]


def test_session_hours_bound_quotes_too() -> None:
    desk = Desk()
    desk.send(1, "o buy 10 market opg")
    assert desk.quote(1, "99", "101") == []
    desk.open_session(5, 10)
    assert desk.quote(4, "99", "101") == []
    assert desk.quote(5, "99", "101") == ["5 o buy 10 @ 101.00"]
    assert desk.send(9, "c sell 10 market cls") == ["9 c accepted"]
    assert desk.send(9, "d sell 10 limit 101 cls") == ["9 d accepted"]
    desk.tick(9, "100")
    assert desk.close_session(5, 10) == ["10 c sell 10 @ 100.00", "10 d expired"]
    assert desk.send(11, "m buy 10 market")[1:] == []
    assert desk.send(11, "x buy 10 limit 101", extended_hours=True)[1:] == ["11 x buy 10 @ 101.00"]


def test_one_sided_quote_fills_one_side() -> None:
    desk = Desk()
    desk.send(1, "b buy 10 market")
    desk.send(1, "s sell 10 market")
    assert desk.quote(1, "99", "") == ["1 s sell 10 @ 99.00"]


def test_last_price_of_quotes_checks_stops() -> None:
    desk = Desk()
    desk.quote(1, "99", "101")
    assert desk.venue.last_price(0) == 1_000_000
    assert desk.send(1, "s sell 10 stop 100.50") == ["1 s refused through_market"]
