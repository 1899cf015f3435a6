"""Part fills by volume, time in force, sessions, halts, latency and splits."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from unit.simulation.support import AAPL, MSFT, Bar, Desk, minute, raw

from algotrader.core.instruments import crypto, equity
from algotrader.core.market import NS_PER_DAY, NS_PER_MINUTE, Session
from algotrader.simulation.costs import FixedSlippage, VolumeShareSlippage
from algotrader.simulation.settings import SimulationSettings

TENTH = replace(SimulationSettings.ideal(), volume_limit_ppm=100_000)
FLAT: Bar = ("100", "101", "99", "100")


@pytest.mark.covers("B181")
def test_rest_of_an_order_fills_on_later_bars() -> None:
    desk = Desk(TENTH)
    desk.send(1, "a buy 100 market")
    assert desk.bars(1, [FLAT, FLAT, FLAT], volume=409) == ["1 a buy 40 @ 100.00", "2 a buy 40 @ 100.00", "3 a buy 20 @ 100.00"]


@pytest.mark.covers("B181")
def test_all_orders_of_a_bar_share_its_volume() -> None:
    desk = Desk(TENTH)
    desk.send(1, "a buy 30 market")
    desk.send(1, "b buy 30 limit 99")
    assert desk.bar(1, *FLAT, volume=500) == ["1 a buy 30 @ 100.00", "2 b buy 20 @ 99.00"]


def test_nothing_fills_on_a_bar_without_volume_unless_there_is_no_limit() -> None:
    limited, free = Desk(TENTH), Desk()
    for desk in (limited, free):
        desk.send(1, "a buy 10 market")
    assert limited.bar(1, *FLAT, volume=0) == []
    assert free.bar(1, *FLAT, volume=0) == ["1 a buy 10 @ 100.00"]


def test_volume_share_is_rounded_down_to_the_increment() -> None:
    lots = replace(AAPL, quantity_increment=10)
    desk = Desk(TENTH, instruments=[lots])
    desk.send(1, "a buy 100 market")
    assert desk.bar(1, *FLAT, volume=399) == ["1 a buy 30 @ 100.00"]


def test_triggered_stop_goes_on_as_a_market_order_at_the_next_open() -> None:
    desk = Desk(TENTH)
    desk.send(1, "a sell 100 stop 99.50")
    assert desk.bar(1, *FLAT, volume=600) == ["2 a triggered", "2 a sell 60 @ 99.50"]
    assert desk.bar(2, "105", "106", "104", "105", volume=600) == ["2 a sell 40 @ 105.00"]


@pytest.mark.covers("B188")
def test_volume_share_slippage_brings_its_own_limit_and_impact() -> None:
    desk = Desk(replace(SimulationSettings.ideal(), slippage=VolumeShareSlippage(Decimal("0.5"), Decimal("0.1"))))
    desk.send(1, "a buy 100 market")
    # Half the volume: 100 × (1 + 0.1 × 0.25) = 102.5, kept inside the bar; then a quarter: 100.625.
    assert desk.bar(1, "100", "103", "99", "100", volume=150) == ["1 a buy 75 @ 102.50"]
    assert desk.bar(2, "100", "103", "99", "100", volume=100) == ["2 a buy 25 @ 100.62"]


# Time in force


@pytest.mark.covers("A28", "B22")
@pytest.mark.parametrize(
    ("order", "bar", "volume", "lines"),
    [
        ("a buy 50 market ioc", FLAT, 1000, ["1 a buy 50 @ 100.00"]),
        ("a buy 50 market ioc", FLAT, 300, ["1 a buy 30 @ 100.00", "1 a cancelled"]),
        ("a buy 50 market fok", FLAT, 300, ["1 a cancelled"]),
        ("a buy 50 market fok", FLAT, 500, ["1 a buy 50 @ 100.00"]),
        ("a buy 50 limit 99 ioc", FLAT, 1000, ["1 a cancelled"]),  # reached later in the bar, but not at its open
        ("a buy 50 limit 100 ioc", FLAT, 1000, ["1 a buy 50 @ 100.00"]),
        ("a buy 50 limit 99 fok", FLAT, 1000, ["1 a cancelled"]),
    ],
)
def test_immediate_orders(order: str, bar: Bar, volume: int, lines: list[str]) -> None:
    desk = Desk(TENTH)
    desk.send(1, order)
    assert desk.bar(1, *bar, volume=volume) == lines
    assert not desk.venue.busy[0]


def test_opening_auction_takes_the_first_bar_of_the_session_only() -> None:
    desk = Desk()
    desk.send(1, "a buy 10 market opg")
    desk.send(1, "b buy 10 limit 100 opg")
    desk.send(1, "c buy 10 limit 99 opg")
    assert desk.bar(2, *FLAT) == []
    desk.open_session(5, 10)
    assert desk.bar(6, *FLAT) == ["6 a buy 10 @ 100.00", "6 b buy 10 @ 100.00", "6 c expired"]
    desk.send(7, "d buy 10 market opg")
    assert desk.bar(7, *FLAT) == []
    assert desk.close_session(5, 10) == []
    desk.open_session(15, 20)
    assert desk.bar(15, *FLAT) == ["15 d buy 10 @ 100.00"]


def test_opening_auction_order_expires_when_its_session_had_no_bar() -> None:
    desk = Desk()
    desk.send(1, "a buy 10 market opg")
    desk.open_session(5, 10)
    assert desk.close_session(5, 10) == ["10 a expired"]


def test_closing_auction_takes_the_close_of_the_last_bar() -> None:
    desk = Desk(replace(SimulationSettings.ideal(), slippage=FixedSlippage(Decimal(1))))
    desk.open_session(1, 4)
    desk.send(1, "a buy 10 market cls")
    desk.send(1, "b buy 10 limit 100 cls")
    desk.send(3.5, "late buy 10 market cls")
    assert desk.bar(1, *FLAT) == []
    assert desk.bar(3, "98", "102", "97", "101") == ["4 a buy 10 @ 101.00"]
    assert desk.close_session(1, 4) == ["4 b expired", "4 late expired"]


def test_day_orders_expire_at_the_close_and_later_ones_belong_to_the_next_session() -> None:
    desk = Desk(instruments=[AAPL, replace(MSFT, calendar="XLON")])
    desk.open_session(1, 4)
    desk.send(2, "a buy 10 limit 90 day")
    desk.send(2, "b buy 10 limit 90 gtc")
    desk.send(2, "other buy 10 limit 90 day", index=1)
    desk.send(4, "c buy 10 limit 90 day")
    assert desk.close_session(1, 4) == ["4 a expired"]
    desk.open_session(10, 14)
    assert desk.close_session(10, 14) == ["14 c expired"]


def test_day_ends_with_the_utc_day_where_markets_never_close() -> None:
    coin = crypto("BTC/USDT", price_scale=4, quantity_scale=0)
    desk = Desk(instruments=[coin])
    day = Session("24/7", "1970-01-01", 0, NS_PER_DAY, continuous=True)
    desk.send(1, "a buy 10 limit 90 day")
    desk.venue.close_session("24/7", day)
    assert desk.take() == [f"{minute(NS_PER_DAY)} a expired"]


def test_bars_outside_the_session_meet_orders_for_extended_hours_only() -> None:
    desk = Desk()
    desk.send(1, "a buy 10 limit 100")
    desk.send(1, "b buy 10 limit 100", extended_hours=True)
    desk.send(1, "c buy 10 market ioc")
    assert desk.bar(1, *FLAT, regular=False) == ["1 b buy 10 @ 100.00"]
    assert desk.bar(2, *FLAT) == ["2 c buy 10 @ 100.00", "2 a buy 10 @ 100.00"]


def test_halted_instrument_takes_orders_but_matches_none() -> None:
    desk = Desk()
    desk.send(0, "s sell 10 stop 99.50")
    desk.venue.set_halted(0, True)
    assert desk.send(1, "a buy 10 market") == ["1 a accepted"]
    assert desk.bar(1, *FLAT) == []
    desk.venue.set_halted(0, False)
    assert desk.bar(2, "98", "98", "97", "97") == ["2 a buy 10 @ 98.00", "2 s sell 10 @ 98.00"]


# Latency


@pytest.mark.covers("B180")
def test_commands_arrive_after_the_latency_in_the_order_sent() -> None:
    desk = Desk(replace(SimulationSettings.ideal(), latency_ns=NS_PER_MINUTE // 2, latency_jitter_ppm=0))
    assert desk.send(1, "a buy 10 market") == []
    assert desk.venue.busy[0]
    assert desk.venue.in_flight == 1
    assert desk.bar(1, *FLAT) == []
    assert desk.bar(2, *FLAT) == ["1.5 a accepted", "2 a buy 10 @ 100.00"]
    assert not desk.venue.busy[0]


@pytest.mark.covers("B180")
def test_latency_spreads_by_a_fifth_and_never_reorders() -> None:
    desk = Desk(SimulationSettings(latency_ns=100_000_000))
    for number in range(200):
        desk.send(number, f"o{number} buy 1 limit 1")
    desk.venue.advance(NS_PER_MINUTE * 1000)
    events = desk.venue.take_events()
    delays = [event.time - number * NS_PER_MINUTE for number, event in enumerate(events)]
    assert min(delays) >= 80_000_000
    assert max(delays) <= 120_000_000
    assert max(delays) - min(delays) > 30_000_000
    burst = Desk(SimulationSettings(latency_ns=100_000_000))
    for number in range(50):
        burst.send(0, f"o{number} buy 1 limit 1")
    burst.venue.advance(NS_PER_MINUTE)
    assert [line.split()[1] for line in burst.take()] == [f"o{number}" for number in range(50)]


def test_a_cancel_under_way_comes_too_late_for_the_open() -> None:
    desk = Desk(replace(SimulationSettings.ideal(), latency_ns=NS_PER_MINUTE // 2, latency_jitter_ppm=0))
    desk.send(0, "a buy 10 limit 100")
    desk.cancel(1, "a")
    assert desk.bar(1, *FLAT) == ["0.5 a accepted", "1 a buy 10 @ 100.00"]
    desk.venue.advance(2 * NS_PER_MINUTE)
    assert desk.take() == ["1.5 a cancel refused"]


# Splits


def test_split_scales_position_orders_and_pays_fractions() -> None:
    desk = Desk()
    desk.send(0, "e buy 5 market")
    desk.bar(0, "90", "90", "90", "90")
    desk.send(1, "s sell 5 stop 80")
    desk.send(1, "l buy 5 limit 70")
    before = desk.cash
    desk.venue.apply_split(0, 3, 2)
    orders = {o.client_order_id: o for o in desk.venue.open_orders()}
    assert desk.venue.positions[0] == 7
    assert (orders["s"].quantity_raw, orders["s"].stop_raw) == (7, raw("53.33"))
    assert (orders["l"].quantity_raw, orders["l"].limit_raw) == (7, raw("46.66"))
    assert desk.cash - before == Decimal(30)  # half a share at 60


def test_split_moves_a_trail_and_ends_what_is_too_small() -> None:
    desk = Desk()
    desk.mark("100")
    desk.send(0, "t sell 5 trailing_stop 2")
    desk.send(0, "u buy 20 limit 90")
    desk.venue.apply_split(0, 1, 10)
    assert desk.take() == ["0 t cancelled"]
    desk = Desk()
    desk.mark("100")
    desk.send(0, "t sell 10 trailing_stop 2")
    desk.venue.apply_split(0, 2, 1)
    assert desk.bar(1, "50", "50", "48", "49") == ["2 t sell 20 @ 49.00"]


def test_busy_counts_the_instruments_with_something_to_match() -> None:
    desk = Desk(instruments=[AAPL, MSFT])
    assert desk.venue.busy_count == 0
    desk.send(1, "a buy 10 limit 90")
    desk.send(1, "b buy 10 limit 90", index=1)
    desk.send(1, "c buy 10 limit 90", index=1)
    assert (desk.venue.busy, desk.venue.busy_count) == ([True, True], 2)
    desk.cancel(1, "b", 1)
    assert desk.venue.busy_count == 2
    desk.cancel(1, "c", 1)
    assert (desk.venue.busy, desk.venue.busy_count) == ([True, False], 1)


def test_fractional_quantities_fill_exactly() -> None:
    fractional = equity("AAPL", fractional=True)
    desk = Desk(instruments=[fractional])
    desk.send(1, "a buy 1500000 market")
    desk.bar(1, *FLAT)
    assert desk.venue.positions[0] == 1_500_000
    assert desk.cash == Decimal(-150)


def test_halted_instrument_fills_nothing_at_its_last_close_either() -> None:
    desk = Desk(replace(SimulationSettings.ideal(), fill="close"))
    desk.mark("100")
    desk.venue.set_halted(0, True)
    assert desk.send(1, "a buy 10 market") == ["1 a accepted"]
    desk.venue.set_halted(0, False)
    assert desk.bar(1, *FLAT) == ["1 a buy 10 @ 100.00"]
