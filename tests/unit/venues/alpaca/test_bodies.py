"""What is sent to the venue: every type, class and time in force, with exact numbers."""

from __future__ import annotations

from typing import Any

import pytest
from alpaca_records import AAPL, BITCOIN, replace, submit

from algotrader.core.commands import REFUSED_UNSUPPORTED, ReplaceOrder
from algotrader.core.instruments import equity
from algotrader.core.orders import OrderType, Side, TimeInForce
from algotrader.venues.alpaca.bodies import price_text
from algotrader.venues.alpaca.wire import replace_body, submit_body
from algotrader.venues.protocols import Refused

BASE = {"client_order_id": "run-1", "symbol": "AAPL", "side": "buy", "time_in_force": "day", "qty": "15"}


@pytest.mark.parametrize(
    ("kind", "prices", "expected"),
    [
        (OrderType.MARKET, "", {"type": "market"}),
        (OrderType.LIMIT, "limit 150", {"type": "limit", "limit_price": "150.00"}),
        (OrderType.STOP, "stop 150.1", {"type": "stop", "stop_price": "150.10"}),
        (
            OrderType.STOP_LIMIT,
            "limit 151 stop 150.5",
            {"type": "stop_limit", "limit_price": "151.00", "stop_price": "150.50"},
        ),
        (OrderType.TRAILING_STOP, "trail 1.25", {"type": "trailing_stop", "trail_price": "1.25"}),
    ],
)
def test_every_type_of_order_is_written_as_the_venue_wants_it(kind: OrderType, prices: str, expected: dict[str, str]) -> None:
    assert submit_body(submit(kind=kind, prices=prices)) == {**BASE, **expected}


@pytest.mark.parametrize("time_in_force", list(TimeInForce))
def test_every_time_in_force_is_passed_on(time_in_force: TimeInForce) -> None:
    assert submit_body(submit(time_in_force=time_in_force))["time_in_force"] == time_in_force.value


def test_an_entry_with_both_attached_orders_is_a_bracket() -> None:
    body = submit_body(submit(prices="stop_loss 145.5 take_profit 160"))
    assert body == {
        **BASE,
        "type": "market",
        "order_class": "bracket",
        "stop_loss": {"stop_price": "145.50"},
        "take_profit": {"limit_price": "160.00"},
    }


@pytest.mark.parametrize(
    ("prices", "leg"),
    [
        ("stop_loss 145.5", {"stop_loss": {"stop_price": "145.50"}}),
        ("take_profit 160", {"take_profit": {"limit_price": "160.00"}}),
    ],
)
def test_an_entry_with_one_attached_order_triggers_the_other(prices: str, leg: dict[str, Any]) -> None:
    assert submit_body(submit(prices=prices)) == {**BASE, "type": "market", "order_class": "oto", **leg}


def test_a_take_profit_that_carries_its_stop_in_a_group_is_one_cancels_other() -> None:
    pair = submit(
        kind=OrderType.LIMIT, side=Side.SELL, time_in_force=TimeInForce.GTC, oco_group="g", prices="limit 160 stop_loss 145.5"
    )
    assert submit_body(pair) == {
        "client_order_id": "run-1",
        "symbol": "AAPL",
        "side": "sell",
        "type": "limit",
        "time_in_force": "gtc",
        "qty": "15",
        "order_class": "oco",
        "take_profit": {"limit_price": "160.00"},
        "stop_loss": {"stop_price": "145.50"},
    }


def test_extended_hours_are_asked_for_only_where_they_are_wanted() -> None:
    assert submit_body(submit(kind=OrderType.LIMIT, prices="limit 150", extended_hours=True))["extended_hours"] is True
    assert "extended_hours" not in submit_body(submit())


def test_fractions_are_exact_and_have_no_needless_zeros() -> None:
    shares = equity("AAPL", fractional=True)
    assert [submit_body(submit(text, instrument=shares))["qty"] for text in ("0.1", "1.234567", "10", "100.500000")] == [
        "0.1",
        "1.234567",
        "10",
        "100.5",
    ]
    coins = submit(
        "0.000000043", OrderType.LIMIT, instrument=BITCOIN, time_in_force=TimeInForce.GTC, prices="limit 86543.123456789"
    )
    assert (submit_body(coins)["symbol"], submit_body(coins)["qty"], submit_body(coins)["limit_price"]) == (
        "BTC/USD",
        "0.000000043",
        "86543.123456789",
    )


@pytest.mark.parametrize(("quantity", "body"), [(10_000_000, {"qty": "10"}), (1_500_000, {})])
def test_a_change_of_an_order_with_a_fraction_leaves_its_quantity_alone(quantity: int, body: dict[str, str]) -> None:
    shares = equity("AAPL", fractional=True)
    found = replace_body(ReplaceOrder("r-1", "AAPL", "r-1-r1", quantity, stop_raw=1_000_000), shares)
    assert found == {"client_order_id": "r-1-r1", "stop_price": "100.00", **body}


@pytest.mark.parametrize(
    ("raw", "text"),
    [(10_000, "1.00"), (9_999, "0.9999"), (1, "0.0001"), (1_501_200, "150.12"), (5_000, "0.5000"), (12_345_600, "1234.56")],
)
def test_prices_have_two_decimals_from_one_dollar_on_and_four_below(raw: int, text: str) -> None:
    assert price_text(AAPL, raw) == text


def test_a_price_with_more_decimals_than_the_venue_takes_is_not_sent() -> None:
    with pytest.raises(Refused) as refused:
        submit_body(submit(kind=OrderType.LIMIT, prices="limit 150.1234"))
    assert refused.value.code == REFUSED_UNSUPPORTED


def test_an_id_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(Refused):
        submit_body(submit(name="x" * 129))
    assert submit_body(submit(name="x" * 128))["client_order_id"] == "x" * 128


def test_a_change_names_its_new_id_and_the_total() -> None:
    assert replace_body(replace(20, stop="149.5"), AAPL) == {"client_order_id": "run-1-r1", "qty": "20", "stop_price": "149.50"}
    assert replace_body(replace(20, limit="0.5"), AAPL) == {"client_order_id": "run-1-r1", "qty": "20", "limit_price": "0.5000"}
    assert replace_body(replace(15), AAPL) == {"client_order_id": "run-1-r1", "qty": "15"}


def test_the_venues_own_library_takes_the_bodies() -> None:
    requests = pytest.importorskip("alpaca.trading.requests")
    body = submit_body(submit(prices="stop_loss 145.5 take_profit 160"))
    assert requests.MarketOrderRequest(**body).take_profit.limit_price == 160.0
    body = submit_body(submit(kind=OrderType.STOP_LIMIT, prices="limit 151 stop 150.5"))
    assert requests.StopLimitOrderRequest(**body).stop_price == 150.5
