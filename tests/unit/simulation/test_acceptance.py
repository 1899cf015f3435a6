"""What the venue refuses, enforced from capabilities as data; cancels and changes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from unit.simulation.support import AAPL, MSFT, Bar, Desk, submit

from algotrader.core.commands import REFUSALS, RequestBars
from algotrader.core.events import OrderReject
from algotrader.core.instruments import ALPACA_LIKE, GENERIC, VenueCapabilities, crypto, equity
from algotrader.simulation.costs import PerTradeCommission
from algotrader.simulation.settings import SimulationSettings

FLAT: Bar = ("100", "101", "99", "100")


def holding(capabilities: VenueCapabilities = ALPACA_LIKE, quantity: int = 10) -> Desk:
    desk = Desk(capabilities=capabilities)
    side = "buy" if quantity > 0 else "sell"
    desk.send(0, f"e {side} {abs(quantity)} market")
    desk.bar(0, *FLAT)
    return desk


@pytest.mark.parametrize(
    ("capabilities", "order", "extra"),
    [
        (replace(GENERIC, order_types=("market",)), "a buy 10 limit 99", {}),
        (replace(GENERIC, times_in_force=("day",)), "a buy 10 market gtc", {}),
        (GENERIC, "a buy 10 stop 101 ioc", {}),
        (GENERIC, "a buy 10 trailing_stop 1 opg", {}),
        (GENERIC, "a buy 10 stop_limit 101 102 cls", {}),
        (GENERIC, "a buy 10 market", {"extended_hours": True}),
        (GENERIC, "a buy 10 stop 101", {"extended_hours": True}),
        (replace(GENERIC, extended_hours=False), "a buy 10 limit 99", {"extended_hours": True}),
        (GENERIC, "a buy 10 limit 99.005", {}),
        (GENERIC, "a buy 10 stop 99.005", {}),
        (GENERIC, "a buy 10 market", {"stop_loss": "95.001"}),
    ],
)
def test_unsupported(capabilities: VenueCapabilities, order: str, extra: dict[str, Any]) -> None:
    assert Desk(capabilities=capabilities).send(1, order, **extra) == ["1 a refused unsupported"]


def test_refusals_carry_a_sentence_and_a_known_code() -> None:
    desk = Desk(capabilities=replace(GENERIC, order_types=("market",)))
    desk.send(1, "a buy 10 market")
    desk.send(1, "a buy 10 market")
    desk.send(1, "b buy 10 limit 99")
    assert desk.log == ["1 a accepted", "1 a refused duplicate_id", "1 b refused unsupported"]
    desk.venue.execute(submit("c buy 10 limit 99", AAPL), 0)
    event = desk.venue.take_events()[0]
    assert isinstance(event, OrderReject)
    assert event.code in REFUSALS
    assert event.reason == "generic does not take limit orders"


def test_stops_outside_the_session_where_the_venue_has_them() -> None:
    desk = Desk(capabilities=replace(GENERIC, stops_outside_session=True))
    assert desk.send(1, "a sell 10 stop 99.50", extended_hours=True) == ["1 a accepted"]
    assert desk.bar(1, *FLAT, regular=False) == ["2 a sell 10 @ 99.50"]


@pytest.mark.parametrize(
    ("order", "extra", "answer"),
    [
        ("a buy 1500000 market day", {}, "accepted"),
        ("a buy 1500000 market gtc", {}, "refused unsupported"),
        ("a buy 1500000 market day", {"stop_loss": "95"}, "refused unsupported"),
        ("a buy 1500000 limit 90 day", {"oco_group": "g"}, "refused unsupported"),
        ("a buy 2000000 market gtc", {"stop_loss": "95"}, "accepted"),
    ],
)
def test_fractions_are_for_simple_day_orders(order: str, extra: dict[str, Any], answer: str) -> None:
    desk = Desk(capabilities=ALPACA_LIKE, instruments=[equity("AAPL", fractional=True)])
    assert desk.send(1, order, **extra) == [f"1 a {answer}"]


@pytest.mark.parametrize(
    ("order", "extra", "answer"),
    [
        ("a buy 50000000 market gtc", {}, "accepted"),
        ("a buy 50000000 market gtc", {"stop_loss": "95"}, "refused unsupported"),
        ("a buy 100000000 market gtc", {"stop_loss": "95"}, "refused unsupported"),
        ("a buy 50000000 limit 90 gtc", {"oco_group": "g"}, "refused unsupported"),
    ],
)
def test_crypto_is_traded_simply(order: str, extra: dict[str, Any], answer: str) -> None:
    desk = Desk(capabilities=ALPACA_LIKE, instruments=[crypto("BTC/USD", price_scale=4)])
    assert desk.send(1, order, **extra) == [f"1 a {answer}"]


@pytest.mark.parametrize(
    ("order", "answer"),
    [
        ("a buy 15 market", "accepted"),
        ("a buy 12 market", "refused unsupported"),  # not whole lots of 5
        ("a buy 5 market", "refused unsupported"),  # below the smallest quantity
        ("a buy 10 limit 40", "refused unsupported"),  # below the smallest value
        ("a buy 10 limit 60", "accepted"),
    ],
)
def test_increments_and_minimums(order: str, answer: str) -> None:
    lots = replace(AAPL, quantity_increment=5, min_quantity=10, min_notional=500 * 10**18)
    assert Desk(instruments=[lots]).send(1, order) == [f"1 a {answer}"]


@pytest.mark.parametrize(
    ("order", "answer"),
    [
        ("a sell 10 stop 99.99", "accepted"),
        ("a sell 10 stop 100", "accepted"),
        ("a sell 10 stop 100.01", "refused through_market"),
        ("a buy 10 stop 100.01", "accepted"),
        ("a buy 10 stop 100", "accepted"),
        ("a buy 10 stop 99.99", "refused through_market"),
        ("a sell 10 trailing_stop 1", "accepted"),
    ],
)
def test_stop_on_the_wrong_side_of_the_last_price(order: str, answer: str) -> None:
    desk = Desk()
    desk.mark("100")
    assert desk.send(1, order) == [f"1 a {answer}"]


def test_last_price_follows_the_bars_and_the_callers_list() -> None:
    desk = Desk()
    desk.bar(0, *FLAT)
    assert desk.venue.last_price(0) == 1_000_000
    prices = [900_000]
    desk.venue.share_prices(prices)
    assert desk.send(1, "a sell 10 stop 95") == ["1 a refused through_market"]
    prices[0] = 960_000
    assert desk.send(1, "b sell 10 stop 95") == ["1 b accepted"]
    with pytest.raises(ValueError, match="2 prices for 1 instruments"):
        desk.venue.share_prices([1, 2])


# Holdings


@pytest.mark.parametrize(
    ("capabilities", "orders", "answer"),
    [
        # A resting stop reserves the shares.
        (ALPACA_LIKE, ["s sell 10 stop 95", "x sell 10 market"], "refused insufficient_quantity"),
        (ALPACA_LIKE, ["s sell 6 stop 95", "x sell 4 market"], "accepted"),
        (ALPACA_LIKE, ["s sell 6 stop 95", "x sell 5 market"], "refused insufficient_quantity"),
        (ALPACA_LIKE, ["x sell 11 market"], "refused insufficient_quantity"),
        (GENERIC, ["s sell 10 stop 95", "x sell 10 market"], "accepted"),
        # Opposing orders.
        (ALPACA_LIKE, ["s sell 10 stop 95", "x buy 10 market"], "refused opposing_order"),
        (ALPACA_LIKE, ["b buy 10 limit 90", "x sell 10 stop 95"], "refused opposing_order"),
        (GENERIC, ["s sell 10 stop 95", "x buy 10 market"], "accepted"),
        # Short sales.
        (replace(GENERIC, short_selling=False), ["x sell 11 market"], "refused short_not_allowed"),
        (replace(GENERIC, short_selling=False), ["x sell 10 market"], "accepted"),
        (GENERIC, ["x sell 11 market"], "accepted"),
    ],
)
def test_what_a_holding_of_ten_allows(capabilities: VenueCapabilities, orders: list[str], answer: str) -> None:
    desk = holding(capabilities)
    for order in orders:
        last = desk.send(1, order)
    assert last == [f"1 x {answer}"]


def test_a_pair_reserves_its_shares_once() -> None:
    desk = holding()
    assert desk.send(1, "s sell 10 stop 95", oco_group="g") == ["1 s accepted"]
    assert desk.send(1, "t sell 10 limit 110", oco_group="g") == ["1 t accepted"]
    assert desk.send(1, "u sell 1 limit 110") == ["1 u refused insufficient_quantity"]


def test_without_a_holding_a_sell_is_a_short_sale() -> None:
    assert Desk(capabilities=ALPACA_LIKE).send(1, "x sell 10 market") == ["1 x accepted"]
    no_shorts = replace(ALPACA_LIKE, short_selling=False)
    assert Desk(capabilities=no_shorts).send(1, "x sell 10 market") == ["1 x refused short_not_allowed"]


def test_a_short_position_reserves_its_cover() -> None:
    desk = holding(quantity=-10)
    assert desk.send(1, "s buy 10 stop 105") == ["1 s accepted"]
    assert desk.send(1, "x buy 1 market") == ["1 x refused insufficient_quantity"]


def test_held_attached_stop_neither_reserves_nor_opposes() -> None:
    desk = holding()
    assert desk.send(1, "a buy 10 limit 90", stop_loss="80") == ["1 a accepted"]
    assert desk.send(1, "b buy 10 limit 90") == ["1 b accepted"]
    assert desk.cancel(1, "a") == ["1 a cancelled", "1 a-sl cancelled"]


def test_no_short_venue_never_sells_more_than_there_is() -> None:
    desk = holding(replace(GENERIC, short_selling=False))
    desk.send(1, "s sell 10 stop 99.50")
    desk.send(1, "t sell 10 limit 100.50")
    assert desk.bar(1, *FLAT) == ["2 s sell 10 @ 99.50", "2 t cancelled"]
    assert desk.venue.positions[0] == 0


@pytest.mark.parametrize(
    ("order", "position", "answer"),
    [
        ("r sell 5 market", 10, "accepted"),
        ("r buy 5 market", 10, "refused reduce_only"),
        ("r sell 5 market", 0, "refused reduce_only"),
        ("r buy 5 market", -10, "accepted"),
    ],
)
def test_reduce_only_needs_something_to_reduce(order: str, position: int, answer: str) -> None:
    desk = holding(GENERIC, position) if position else Desk()
    assert desk.send(1, order, reduce_only=True) == [f"1 r {answer}"]


def test_reduce_only_is_cut_to_the_position_when_it_fills() -> None:
    desk = holding(GENERIC)
    desk.send(1, "r sell 10 stop 99.50", reduce_only=True)
    desk.send(1, "q sell 10 stop 99.40", reduce_only=True)
    desk.send(1, "x sell 6 market")
    assert desk.bar(1, *FLAT) == ["1 x sell 6 @ 100.00", "2 r sell 4 @ 99.50", "2 r cancelled", "2 q cancelled"]
    assert desk.venue.positions[0] == 0


def test_reduce_only_means_nothing_where_the_venue_does_not_know_it() -> None:
    desk = Desk(capabilities=replace(GENERIC, reduce_only=False))
    assert desk.send(1, "r sell 5 market", reduce_only=True) == ["1 r accepted"]
    desk.bar(1, *FLAT)
    assert desk.venue.positions[0] == -5


def test_buying_power_counts_working_buys_and_commission() -> None:
    settings = replace(SimulationSettings.ideal(), check_buying_power=True, commission=PerTradeCommission(Decimal(100)))
    desk = Desk(settings)
    assert desk.send(1, "a buy 9000 limit 100") == ["1 a accepted"]
    assert desk.send(1, "b buy 999 limit 100") == ["1 b refused buying_power"]
    assert desk.send(1, "c buy 998 limit 100") == ["1 c accepted"]
    assert desk.send(1, "d sell 100000 limit 200") == ["1 d accepted"]
    assert Desk().send(1, "a buy 90000 limit 100") == ["1 a accepted"]


# Cancel and replace


def test_cancel_and_its_refusals() -> None:
    desk = Desk()
    desk.send(1, "a buy 10 limit 90")
    assert desk.cancel(2, "a") == ["2 a cancelled"]
    assert desk.cancel(3, "a") == ["3 a cancel refused"]
    assert desk.cancel(3, "never") == ["3 never cancel refused"]
    assert not desk.venue.busy[0]


def test_replace_changes_the_order_under_its_new_id() -> None:
    desk = Desk()
    desk.send(1, "a buy 10 limit 90")
    assert desk.replace(2, "a", "a-r1", 20, limit="99") == ["2 a replaced by a-r1"]
    assert desk.cancel(2, "a") == ["2 a cancel refused"]
    order = desk.venue.open_orders()[0]
    assert (order.client_order_id, order.venue_order_id, order.quantity_raw) == ("a-r1", "v2", 20)
    assert desk.bar(2, *FLAT) == ["3 a-r1 buy 20 @ 99.00"]


def test_replaced_quantity_includes_what_is_filled() -> None:
    desk = Desk(replace(SimulationSettings.ideal(), volume_limit_ppm=100_000))
    desk.send(1, "a buy 50 market")
    desk.bar(1, *FLAT, volume=300)
    assert desk.replace(2, "a", "a-r1", 30) == ["2 a-r1 replace refused too_late"]
    assert desk.replace(2, "a", "a-r2", 40) == ["2 a replaced by a-r2"]
    assert desk.bar(2, *FLAT, volume=300) == ["2 a-r2 buy 10 @ 100.00"]


def test_replace_keeps_priority() -> None:
    desk = Desk(replace(SimulationSettings.ideal(), volume_limit_ppm=100_000))
    desk.send(1, "a buy 10 limit 99")
    desk.send(1, "b buy 10 limit 99")
    desk.replace(1, "a", "a-r1", 15)
    assert desk.bar(1, *FLAT, volume=200) == ["2 a-r1 buy 15 @ 99.00", "2 b buy 5 @ 99.00"]


@pytest.mark.parametrize(
    ("new_id", "quantity", "stop", "code"),
    [
        ("s-r1", 10, "100.01", "through_market"),
        ("s-r1", 10, "95.001", "unsupported"),
        ("s", 10, "96", "duplicate_id"),
        ("s-r1", 11, "96", "insufficient_quantity"),
    ],
)
def test_replace_refusals(new_id: str, quantity: int, stop: str, code: str) -> None:
    desk = holding()
    desk.send(1, "s sell 10 stop 95")
    assert desk.replace(1, "s", new_id, quantity, stop=stop) == [f"1 {new_id} replace refused {code}"]
    assert [order.client_order_id for order in desk.venue.open_orders()] == ["s"]


def test_replace_of_what_is_gone_or_unknown_or_where_orders_cannot_be_changed() -> None:
    desk = holding()
    assert desk.replace(1, "e", "e-r1", 20) == ["1 e-r1 replace refused too_late"]
    assert desk.replace(1, "n", "n-r1", 20) == ["1 n-r1 replace refused not_found"]
    desk = Desk(capabilities=replace(GENERIC, atomic_replace=False))
    desk.send(1, "a buy 10 limit 90")
    assert desk.replace(1, "a", "a-r1", 20) == ["1 a-r1 replace refused unsupported"]


@pytest.mark.parametrize(
    ("quantity", "answer"),
    [(1_500_000, "replaced"), (2_500_000, "refused unsupported"), (2_000_000, "refused unsupported")],
)
def test_the_quantity_of_an_order_with_a_fraction_stays(quantity: int, answer: str) -> None:
    desk = Desk(capabilities=ALPACA_LIKE, instruments=[equity("AAPL", fractional=True)])
    desk.send(1, "a buy 1500000 limit 90 day")
    assert [answer in line for line in desk.replace(1, "a", "a-r1", quantity, limit="89")] == [True]


def test_commands_for_the_data_feed_are_passed_over() -> None:
    desk = Desk()
    desk.venue.execute(RequestBars("", "AAPL", 0, 1), 0)
    assert desk.take() == []


def test_order_for_an_instrument_of_another_venue_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="AAPL is not traded at this venue; it has MSFT"):
        Desk(instruments=[MSFT]).venue.execute(submit("a buy 10 market", AAPL), 0)
