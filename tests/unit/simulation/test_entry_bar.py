"""A protective stop on the very bar of its entry, and what is attached to an entry."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from unit.simulation.support import Bar, Desk

from algotrader.core.instruments import GENERIC
from algotrader.simulation.costs import FixedSlippage
from algotrader.simulation.settings import SimulationSettings

CENT = replace(SimulationSettings.ideal(), slippage=FixedSlippage(Decimal("0.01")))
WIDE: Bar = ("100", "110", "90", "105")


@pytest.mark.parametrize(
    ("entry", "stop", "bar", "fill"),
    [
        # Entered inside the bar: the stop's price, less slippage.
        ("e buy 10 stop 102", "s sell 10 stop 98", WIDE, "2 s sell 10 @ 97.99"),
        ("e sell 10 stop 98", "s buy 10 stop 102", WIDE, "2 s buy 10 @ 102.01"),
        ("e buy 10 limit 95", "s sell 10 stop 92", WIDE, "2 s sell 10 @ 91.99"),
        # Entered at the open.
        ("e buy 10 market", "s sell 10 stop 98", WIDE, "2 s sell 10 @ 97.99"),
        ("e sell 10 market", "s buy 10 stop 102", WIDE, "2 s buy 10 @ 102.01"),
        # The open is beyond the stop already.
        ("e buy 10 market", "s sell 10 stop 101", WIDE, "1 s sell 10 @ 99.99"),
        ("e sell 10 market", "s buy 10 stop 99", WIDE, "1 s buy 10 @ 100.01"),
        # Entered below a stop that came too high: no better than the entry.
        ("e buy 10 limit 95", "s sell 10 stop 97", WIDE, "2 s sell 10 @ 94.99"),
        # A stop limit that the bar reaches.
        ("e buy 10 market", "s sell 10 stop_limit 98 97", WIDE, "2 s sell 10 @ 98.00"),
        # A trail starts at the entry.
        ("e buy 10 market", "s sell 10 trailing_stop 5", WIDE, "2 s sell 10 @ 94.99"),
    ],
)
@pytest.mark.covers("A218")
def test_stop_is_live_on_its_entrys_bar(entry: str, stop: str, bar: Bar, fill: str) -> None:
    desk = Desk(CENT)
    desk.send(1, entry)
    desk.open_bar(1, *bar)
    assert desk.send(1, stop) == [f"1 {stop.split()[0]} accepted"]
    assert desk.again()[-1] == fill
    assert desk.venue.positions[0] == 0


@pytest.mark.parametrize(
    ("entry", "order"),
    [
        ("e buy 10 stop 102", "s sell 10 stop 89.99"),  # not reached
        ("e buy 10 stop 102", "s sell 10 limit 105"),  # a limit waits for the next bar
        ("e buy 10 stop 102", "s sell 10 market"),
        ("e buy 10 stop 102", "s buy 10 stop 108"),  # adds to the position
    ],
)
def test_what_is_not_live_on_the_entrys_bar(entry: str, order: str) -> None:
    desk = Desk(CENT)
    desk.send(1, entry)
    desk.open_bar(1, *WIDE)
    desk.send(2, order)
    assert desk.again() == []


def test_stop_for_an_older_position_waits_for_the_next_bar() -> None:
    desk = Desk()
    desk.send(0, "e buy 10 market")
    desk.bar(0, "100", "100", "100", "100")
    desk.bar(1, "100", "100", "100", "100")
    desk.send(2, "s sell 10 stop 95")
    assert desk.again() == []
    assert desk.bar(2, *WIDE) == ["3 s sell 10 @ 95.00"]


def test_ignored_on_the_entrys_bar_when_the_option_says_so() -> None:
    desk = Desk(replace(CENT, entry_bar_stop="ignore"))
    desk.send(1, "e buy 10 market")
    desk.open_bar(1, *WIDE)
    desk.send(1, "s sell 10 stop 98")
    assert desk.again() == []
    assert desk.bar(2, "105", "106", "98", "100") == ["3 s sell 10 @ 98.00"]


def test_latency_does_not_spare_the_entrys_bar() -> None:
    desk = Desk(replace(CENT, latency_ns=1_000_000, latency_jitter_ppm=0))
    desk.send(0.5, "e buy 10 market")
    desk.open_bar(1, *WIDE)
    desk.send(1, "s sell 10 stop 98")
    assert desk.again() == ["2 s sell 10 @ 97.99"]


def test_a_stop_raised_for_a_second_entry_is_tested_on_that_bar() -> None:
    desk = Desk()
    desk.send(0, "e buy 10 market")
    desk.bar(0, "100", "100", "100", "100")
    desk.send(1, "s sell 10 stop 85")
    desk.send(1, "f buy 10 stop 102")
    desk.open_bar(1, *WIDE)
    assert desk.replace(2, "s", "s-r1", 20, stop="95") == ["2 s replaced by s-r1"]
    assert desk.again() == ["2 s-r1 sell 20 @ 95.00"]


def test_trail_moves_with_the_close_of_the_entrys_bar_only() -> None:
    desk = Desk()
    desk.send(1, "e buy 10 market")
    desk.open_bar(1, "100", "110", "99", "104")
    desk.send(1, "s sell 10 trailing_stop 5")
    assert desk.again() == []
    # From the high of 110 it would be 105 and fill at the open; from the close of 104 it is 99.
    assert desk.bar(2, "104", "104", "98", "99") == ["3 s sell 10 @ 99.00"]


# Attached orders


@pytest.mark.covers("A31")
def test_bracket_comes_to_life_with_the_entry() -> None:
    desk = Desk()
    assert desk.send(1, "e buy 10 market", stop_loss="95", take_profit="120") == ["1 e accepted"]
    assert [(o.client_order_id, o.held) for o in desk.venue.open_orders()] == [("e", False), ("e-sl", True), ("e-tp", True)]
    assert desk.bar(1, "100", "101", "99", "100") == ["1 e buy 10 @ 100.00", "1 e-sl accepted", "1 e-tp accepted"]
    assert desk.bar(2, "100", "121", "99", "100") == ["3 e-tp sell 10 @ 120.00", "3 e-sl cancelled"]
    assert desk.venue.open_orders() == []


def test_attached_stop_is_live_on_the_entrys_bar_and_beats_the_take_profit() -> None:
    desk = Desk()
    desk.send(1, "e buy 10 market", stop_loss="95", take_profit="105")
    assert desk.bar(1, *WIDE)[3:] == ["2 e-sl sell 10 @ 95.00", "2 e-tp cancelled"]


def test_attached_take_profit_waits_for_the_next_bar() -> None:
    desk = Desk()
    desk.send(1, "e buy 10 market", take_profit="105")
    assert desk.bar(1, "100", "110", "99", "100") == ["1 e buy 10 @ 100.00", "1 e-tp accepted"]
    assert desk.bar(2, "100", "110", "99", "100") == ["3 e-tp sell 10 @ 105.00"]


def test_attached_stop_waits_for_the_whole_entry() -> None:
    desk = Desk(replace(SimulationSettings.ideal(), volume_limit_ppm=100_000))
    desk.send(1, "e buy 100 market", stop_loss="95")
    assert desk.bar(1, *WIDE, volume=600) == ["1 e buy 60 @ 100.00"]
    assert desk.bar(2, "100", "101", "99", "100", volume=600) == ["2 e buy 40 @ 100.00", "2 e-sl accepted"]
    assert [order.quantity_raw for order in desk.venue.open_orders()] == [100]


def test_attached_orders_end_with_an_entry_that_was_not_filled_completely() -> None:
    desk = Desk(replace(SimulationSettings.ideal(), volume_limit_ppm=100_000))
    desk.send(1, "e buy 100 market", stop_loss="95", take_profit="105")
    desk.bar(1, *WIDE, volume=600)
    assert desk.cancel(2, "e") == ["2 e cancelled", "2 e-sl cancelled", "2 e-tp cancelled"]
    assert not desk.venue.busy[0]


def test_part_fill_of_one_reduces_the_other() -> None:
    desk = Desk(replace(SimulationSettings.ideal(), volume_limit_ppm=100_000))
    desk.send(1, "e buy 100 market", stop_loss="95", take_profit="105")
    desk.bar(1, "100", "101", "99", "100", volume=1000)
    assert desk.bar(2, "104", "106", "104", "104", volume=600) == ["3 e-tp sell 60 @ 105.00"]
    assert {o.client_order_id: o.quantity_raw for o in desk.venue.open_orders()} == {"e-sl": 40, "e-tp": 100}
    lines = desk.bar(3, "100", "100", "90", "95", volume=1000)
    assert lines == ["4 e-sl sell 40 @ 95.00", "4 e-sl cancelled", "4 e-tp cancelled"]
    assert desk.venue.positions[0] == 0


def test_held_stop_can_be_moved_and_cancelled() -> None:
    desk = Desk()
    desk.send(1, "e buy 10 limit 99", stop_loss="95", take_profit="105")
    assert desk.replace(1, "e-sl", "e-sl-r1", 10, stop="97") == ["1 e-sl replaced by e-sl-r1"]
    assert desk.cancel(1, "e-tp") == ["1 e-tp cancelled"]
    assert desk.bar(1, *WIDE)[1:] == ["2 e-sl-r1 accepted", "2 e-sl-r1 sell 10 @ 97.00"]


def test_entry_of_a_group_cancels_the_other_entry() -> None:
    desk = Desk()
    desk.send(1, "up buy 10 stop 102", oco_group="g")
    desk.send(1, "down sell 10 stop 98", oco_group="g")
    assert desk.bar(1, "100", "103", "99", "103") == ["2 up buy 10 @ 102.00", "2 down cancelled"]


def test_venue_without_attached_orders_or_pairs_refuses_them() -> None:
    simple = replace(GENERIC, attached_stops=False, oco=False)
    desk = Desk(capabilities=simple)
    assert desk.send(1, "a buy 10 market", stop_loss="95") == ["1 a refused unsupported"]
    assert desk.send(1, "b buy 10 market", oco_group="g") == ["1 b refused unsupported"]
    desk = Desk(capabilities=replace(GENERIC, oco=False))
    assert desk.send(1, "a buy 10 market", stop_loss="95", take_profit="105") == ["1 a refused unsupported"]
    assert desk.send(1, "b buy 10 market", stop_loss="95") == ["1 b accepted"]
