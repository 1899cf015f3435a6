"""What the order functions send."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from algorithm_run import AlgorithmRun, Script

from algotrader.core.boundary import StrategyFault
from algotrader.core.events import OrderFateUnknown
from algotrader.core.instruments import ALPACA_LIKE, AssetClass, Instrument, VenueCapabilities, crypto, equity
from algotrader.strategies.algorithm_errors import AlgorithmError, NoPrice, NotAllowedNow
from algotrader.strategies.algorithm_orders import (
    LimitOrder,
    MarketOrder,
    OrderStatus,
    StopLimitOrder,
    StopOrder,
    TrailingStopOrder,
    amount_raw,
    share_of,
    value_raw,
)

ESZ5 = Instrument("ESZ5", AssetClass.FUTURE, price_scale=2, price_increment=25, multiplier=50)


def running(*symbols: str, price: Any = 100, step: Any = None, **options: Any) -> AlgorithmRun:
    """An algorithm that has seen one bar of each symbol."""
    run = AlgorithmRun(Script(step=step), symbols or ("AAPL",), **options)
    run.open()
    run.bars({track.instrument.symbol: price for track in run.engine.state.tracks})
    return run


def call(run: AlgorithmRun, function: str, *arguments: Any, **named: Any) -> Any:
    """Call an order function of the algorithm between bars, and take what it sent."""
    result = getattr(run.algorithm, function)(*arguments, **named)
    run._take()
    return result


@pytest.mark.covers("B172", "B20")
@pytest.mark.parametrize(
    ("function", "argument", "quantity"),
    [
        ("order", 10, 10),
        ("order", -10, -10),
        ("order", 10.0, 10),
        ("order", np.int64(7), 7),
        ("order", np.float64(7.0), 7),
        ("order", Decimal(3), 3),
        ("order_value", 1000, 10),
        ("order_value", 1099.98, 10),
        ("order_value", -1000, -10),
        ("order_percent", 0.5, 125),
        ("order_percent", -0.1, -25),
        ("order_target", 42, 42),
        ("order_target_value", 5050, 50),
        ("order_target_percent", 0.25, 62),
        ("order_target_percent", -0.25, -62),
    ],
)
def test_order_functions_send_the_quantity_they_mean(function: str, argument: Any, quantity: int) -> None:
    run = running()
    order_id = call(run, function, "AAPL", argument)
    assert run.signed == [("AAPL", Decimal(quantity))]
    assert order_id == run.orders[0].client_order_id


@pytest.mark.parametrize(
    ("amount", "shares"),
    [
        (10, 10),
        (10.9, 10),
        (9.9999, 10),
        (9.9998, 9),
        (-9.9999, -10),
        (-9.9998, -9),
        (0.3 / 0.1, 3),
        (Decimal("99.99995"), 100),
    ],
)
def test_amounts_of_whole_shares_are_cut_unless_they_nearly_are_one_more(amount: Any, shares: int) -> None:
    assert amount_raw(amount, equity("AAPL")) == shares


@pytest.mark.parametrize(("amount", "raw"), [(0.123456789, 12345679), ("0.00000001", 1), (-1.5, -150_000_000)])
def test_fractions_stay_where_the_venue_trades_them(amount: Any, raw: int) -> None:
    value = Decimal(amount) if isinstance(amount, str) else amount
    assert amount_raw(value, crypto("BTC/USD")) == raw


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), "ten", True, None, [1]])
def test_an_amount_that_is_no_number_is_refused(amount: Any) -> None:
    run = running()
    with pytest.raises(StrategyFault, match="the amount"):
        call(run, "order", "AAPL", amount)
    assert run.orders == []


@pytest.mark.parametrize(
    ("value", "price", "quantity"),
    [
        ("1000", "100.00", 10),
        ("999.99", "100.00", 10),
        ("999.98", "100.00", 9),
        ("-1000", "100.00", -10),
        ("299.99999999", "100", 3),
    ],
)
def test_value_orders_divide_exactly(value: str, price: str, quantity: int) -> None:
    instrument = equity("AAPL")
    assert value_raw(int(Decimal(value) * 10**18), instrument, instrument.price_raw(Decimal(price))) == quantity


def test_value_orders_count_the_multiplier() -> None:
    # One contract at 5,000 is worth 250,000.
    assert value_raw(600_000 * 10**18, ESZ5, 500_000) == 2


@pytest.mark.parametrize(("percent", "taken"), [(0.1, 100), (-0.1, -100), (1, 1000), (0, 0)])
def test_percentages_are_of_the_equity(percent: float, taken: int) -> None:
    assert share_of(1000, percent) == taken


def test_nothing_can_be_ordered_by_percentage_of_a_lost_account() -> None:
    assert share_of(-1000, 0.5) == 0


@pytest.mark.parametrize("function", ["order_value", "order_percent", "order_target_value", "order_target_percent"])
def test_an_order_by_value_without_a_price_is_refused(function: str) -> None:
    run = AlgorithmRun(Script())
    with pytest.raises(NoPrice, match="AAPL has no price yet"):
        getattr(run.algorithm, function)("AAPL", 0.5)


def test_an_order_without_a_price_is_denied() -> None:
    run = AlgorithmRun(Script())
    assert call(run, "order", "AAPL", 1) is None
    assert "AAPL has no price yet" in run.algorithm.get_denial()


def test_an_order_of_nothing_is_no_order() -> None:
    run = running()
    assert call(run, "order", "AAPL", 0) is None
    assert run.told("order_denied") == []


def test_an_order_that_rounds_to_nothing_is_denied_and_says_so() -> None:
    run = running()
    assert call(run, "order_value", "AAPL", 50) is None
    assert "the quantity is 0 after rounding" in run.algorithm.get_denial()
    assert len(run.told("order_denied")) == 1


def test_an_order_beyond_the_buying_power_is_denied_with_the_numbers() -> None:
    run = running()
    assert call(run, "order", "AAPL", 251) is None
    assert run.algorithm.get_denial() == "251 at 100.0000 need 25100.00; buying power is 25000.00"
    assert call(run, "order", "AAPL", 250) == "a1"
    assert run.algorithm.get_denial() == ""


@pytest.mark.covers("B172")
@pytest.mark.parametrize(
    ("amount", "named", "expected"),
    [
        (1, {}, ("market", None, None)),
        (1, {"limit_price": 99.999}, ("limit", "99.99", None)),
        (-1, {"limit_price": 100.001}, ("limit", "100.01", None)),
        (1, {"stop_price": 101.001}, ("stop", None, "101.01")),
        (-1, {"stop_price": 98.999}, ("stop", None, "98.99")),
        (1, {"limit_price": 102, "stop_price": 101}, ("stop_limit", "102", "101")),
        (1, {"style": MarketOrder()}, ("market", None, None)),
        (1, {"style": LimitOrder(99)}, ("limit", "99", None)),
        (1, {"style": StopOrder(101)}, ("stop", None, "101")),
        (1, {"style": StopLimitOrder(limit_price=102, stop_price=101)}, ("stop_limit", "102", "101")),
        (1, {"limit_price": np.float64(99.5)}, ("limit", "99.5", None)),
    ],
)
def test_prices_and_styles_decide_the_kind_of_order(amount: int, named: dict[str, Any], expected: tuple[Any, ...]) -> None:
    run = running()
    call(run, "order", "AAPL", amount, **named)
    request = run.orders[0]
    prices = [None if price is None else Decimal(price) for price in expected[1:]]
    assert [request.order_type.value, request.limit_price, request.stop_price] == [expected[0], *prices]


@pytest.mark.parametrize(
    ("style", "distance"), [(TrailingStopOrder(trail_amount=1.5), 15000), (TrailingStopOrder(trail_percent=2), 20000)]
)
def test_a_trailing_stop_carries_its_distance(style: TrailingStopOrder, distance: int) -> None:
    run = running()
    call(run, "order", "AAPL", -10, style=style)
    assert (run.orders[0].order_type.value, run.orders[0].trail_raw) == ("trailing_stop", distance)


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"style": LimitOrder(99), "limit_price": 99}, "style and prices were both given"),
        ({"style": "market"}, "'market' is not an order style"),
        ({"style": LimitOrder(None)}, "has no limit_price"),
        ({"style": StopOrder(None)}, "has no stop_price"),
        ({"style": TrailingStopOrder()}, "trail_amount or trail_percent"),
        ({"style": TrailingStopOrder(trail_percent=100)}, "between 0 and 100"),
        ({"limit_price": -1}, "limit_price must be positive"),
        ({"stop_price": float("nan")}, "not a usable number"),
    ],
)
def test_impossible_styles_are_refused(named: dict[str, Any], message: str) -> None:
    run = running()
    with pytest.raises((AlgorithmError, StrategyFault), match=message):
        call(run, "order", "AAPL", 1, **named)


@pytest.mark.covers("B172")
@pytest.mark.parametrize(
    "function", ["order", "order_value", "order_percent", "order_target", "order_target_value", "order_target_percent"]
)
def test_nothing_is_ordered_before_trading(function: str) -> None:
    message = rf"{function}\(\) cannot be called in initialize"
    with pytest.raises(NotAllowedNow, match=message):
        AlgorithmRun(Script(setup=lambda self, context: getattr(self, function)("AAPL", 1)))

    class Early(Script):
        def before_trading_start(self, context: Any, data: Any) -> None:
            getattr(self, function)("AAPL", 1)

    run = AlgorithmRun(Early())
    run.phase("pre_open")
    assert f"{function}() cannot be called in before_trading_start" in run.told("strategy_error")[0]
    run.open()
    run.bars(100)
    assert call(run, function, "AAPL", 1) or function != "order"  # the stage is over


def test_a_batch_sends_one_order_for_each_asset() -> None:
    run = running("AAPL", "MSFT")
    ids = call(run, "batch_market_order", {"AAPL": 5, "MSFT": -3})
    assert run.signed == [("AAPL", Decimal(5)), ("MSFT", Decimal(-3))]
    assert ids == ["a1", "a2"]


@pytest.mark.covers("B172")
def test_a_target_called_with_every_bar_orders_once() -> None:
    run = running(step=lambda self, context, data: self.order_target("AAPL", 100))
    run.bars(100, count=3)
    run.fill("a1", 100, 40)
    run.bars(100, count=3)
    assert run.signed == [("AAPL", Decimal(100))]


@pytest.mark.parametrize(
    ("held", "target", "missing"),
    [(0, 100, 100), (40, 100, 60), (100, 40, -60), (100, 0, -100), (100, -50, -150), (100, 100, None)],
)
def test_a_target_orders_what_is_missing(held: int, target: int, missing: int | None) -> None:
    run = running()
    if held:
        call(run, "order", "AAPL", held)
        run.fill("a1", 100)
    sent = len(run.orders)
    call(run, "order_target", "AAPL", target)
    assert [quantity for _, quantity in run.signed[sent:]] == ([] if missing is None else [Decimal(missing)])


@pytest.mark.parametrize(("target", "limit"), [(150, "99.99"), (50, "100.00"), (-20, "100.00")])
def test_the_limit_of_a_target_is_rounded_on_the_safe_side(target: int, limit: str) -> None:
    run = running()
    call(run, "order", "AAPL", 100)
    run.fill("a1", 100)
    call(run, "order_target", "AAPL", target, limit_price=99.999)
    assert run.orders[1].limit_price == Decimal(limit)


def test_a_target_cancels_what_works_against_it_and_goes_on_with_its_limit() -> None:
    run = running()
    call(run, "order", "AAPL", 100, limit_price=95)
    run.accept("a1")
    assert call(run, "order_target", "AAPL", 20, limit_price=99) is None
    assert run.cancels == ["a1"]
    assert len(run.orders) == 1
    run.cancel("a1")
    request = run.orders[1]
    assert (request.quantity, request.limit_price) == (Decimal(20), Decimal(99))


def test_a_target_sends_nothing_while_the_fate_of_an_order_is_unknown() -> None:
    run = running()
    call(run, "order", "AAPL", 100)
    run.handle(OrderFateUnknown(run.now, "a1", "timeout"))
    assert run.algorithm.get_order("a1").status is OrderStatus.HELD
    assert call(run, "order_target", "AAPL", 0) is None
    assert "unknown fate" in run.algorithm.get_denial()
    assert len(run.orders) == 1


def test_targets_can_ignore_working_orders_as_zipline_does() -> None:
    class Old(Script):
        zipline_targets = True

    run = AlgorithmRun(Old(step=lambda self, context, data: self.order_target("AAPL", 50)))
    run.open()
    run.bars(100, count=3)
    assert run.signed == [("AAPL", Decimal(50))] * 3


def test_a_target_cannot_be_a_trailing_stop() -> None:
    run = running()
    with pytest.raises(AlgorithmError, match="trailing stop"):
        call(run, "order_target", "AAPL", 10, style=TrailingStopOrder(1))


@pytest.mark.covers("B172")
def test_orders_can_be_looked_up_and_cancelled() -> None:
    run = running("AAPL", "MSFT")
    call(run, "order", "AAPL", 10, limit_price=99)
    call(run, "order", "AAPL", -5, limit_price=120)
    call(run, "order", "MSFT", 1)
    algorithm = run.algorithm
    assert {asset: [o.id for o in orders] for asset, orders in algorithm.get_open_orders().items()} == {
        "AAPL": ["a1", "a2"],
        "MSFT": ["a3"],
    }
    assert [o.amount for o in algorithm.get_open_orders("AAPL")] == [10, -5]
    order = algorithm.get_order("a1")
    assert (order.asset, order.limit, order.stop, order.commission, order.open) == ("AAPL", 99.0, None, 0.0, True)
    assert order.created == algorithm.get_datetime()
    run.accept("a1")
    call(run, "cancel_order", "a1")
    call(run, "cancel_order", order)
    assert run.cancels == ["a1"]
    run.cancel("a1")
    assert (order.status, order.state, order.open) == (OrderStatus.CANCELLED, "canceled", False)
    run.fill("a3", 100)
    assert algorithm.get_order("a3").status is OrderStatus.FILLED
    assert list(algorithm.get_open_orders()) == ["AAPL"]


@pytest.mark.parametrize("function", ["get_order", "cancel_order"])
def test_an_order_of_somebody_else_is_not_ours(function: str) -> None:
    run = running()
    other = Script()
    run.engine.add_algorithm("other", other, ["AAPL"], 1, "none")
    other.order("AAPL", 1)
    for wanted in ("a1", "a99"):
        with pytest.raises(AlgorithmError, match=f"the strategy has no order '{wanted}'"):
            getattr(run.algorithm, function)(wanted)


class Planned(Script):
    protection = "planned"


def _stops(run: AlgorithmRun) -> list[tuple[str, Decimal, Decimal | None]]:
    return [(r.side.value, r.quantity, r.stop_price) for r in run.orders if r.order_type.value == "stop"]


def test_a_stop_set_before_the_fill_is_there_with_it() -> None:
    run = AlgorithmRun(Planned())
    run.open()
    run.bars(100)
    call(run, "order", "AAPL", 100)
    call(run, "set_stop", "AAPL", 95.123)
    assert _stops(run) == []
    run.fill("a1", 100, 40)
    assert _stops(run) == [("sell", Decimal(40), Decimal("95.12"))]
    assert run.algorithm.context.portfolio.positions["AAPL"].stop_price == 95.12


def test_a_short_position_has_its_stop_above() -> None:
    run = AlgorithmRun(Planned())
    run.open()
    run.bars(100)
    call(run, "set_stop", "AAPL", 105.123)
    call(run, "order", "AAPL", -100)
    run.fill("a1", 100)
    assert _stops(run) == [("buy", Decimal(100), Decimal("105.13"))]


def test_a_stop_only_tightens() -> None:
    run = AlgorithmRun(Planned())
    run.open()
    run.bars(100)
    call(run, "order", "AAPL", 100)
    call(run, "set_stop", "AAPL", 95)
    run.fill("a1", 100)
    position = run.algorithm.context.portfolio.positions["AAPL"]
    call(run, "set_stop", "AAPL", 94)
    assert position.stop_price == 95
    call(run, "set_stop", "AAPL", 97)
    assert position.stop_price == 97


@pytest.mark.parametrize(("protection", "stop"), [("planned", 98.0), ("emergency", 98.0), ("none", None)])
def test_without_a_stop_of_its_own_the_declared_protection_holds(protection: str, stop: float | None) -> None:
    kind = type("Declared", (Script,), {"protection": protection})
    run = AlgorithmRun(kind())
    run.open()
    run.bars(100)
    call(run, "order", "AAPL", 100)
    run.fill("a1", 100)
    assert run.algorithm.context.portfolio.positions["AAPL"].stop_price == stop


def test_a_turned_position_gets_a_stop_on_its_own_side() -> None:
    run = AlgorithmRun(Planned())
    run.open()
    run.bars(100)
    call(run, "order", "AAPL", 100)
    call(run, "set_stop", "AAPL", 95)
    run.fill("a1", 100)
    assert _stops(run) == [("sell", Decimal(100), Decimal(95))]
    run.accept("a2")
    turn = call(run, "order_target", "AAPL", -50)
    run.fill(turn, 100)
    assert "a2" in run.cancels
    run.cancel("a2")
    assert _stops(run)[1:] == [("buy", Decimal(50), Decimal(102))]
    assert run.told("exit_requested") == []


@pytest.mark.parametrize("capabilities", [ALPACA_LIKE])
def test_where_a_stop_holds_the_shares_it_makes_room_for_the_exit(capabilities: VenueCapabilities) -> None:
    run = AlgorithmRun(Planned(), capabilities=capabilities)
    run.open()
    run.bars(100)
    call(run, "order", "AAPL", 100)
    run.fill("a1", 100)
    run.accept("a2")
    assert call(run, "order_target", "AAPL", 0) is None
    assert run.algorithm.get_denial() == ""
    assert run.cancels == ["a2"]
    run.cancel("a2")
    assert run.signed[-1] == ("AAPL", Decimal(-100))
    assert [order.role for order in run.algorithm.get_open_orders("AAPL")] == ["exit_market"]


@pytest.mark.parametrize(("symbol", "amount", "kind"), [("AAPL", -3, int), ("BTC/USD", 2, float), ("BTC/USD", -0.12345678, float)])
def test_amounts_are_whole_numbers_where_the_asset_is(symbol: str, amount: float, kind: type) -> None:
    run = running(symbol)
    order = run.algorithm.get_order(call(run, "order", symbol, amount))
    run.fill(order.id, 100)
    position = run.algorithm.context.portfolio.positions[symbol]
    for found in (order.amount, order.filled, position.amount, run.algorithm.told[0][2].amount):
        assert (found, type(found)) == (amount, kind)
    assert order.open_amount == 0


def test_ids_count_up() -> None:
    run = running()
    assert [call(run, "order", "AAPL", 1) for _ in range(2)] == ["a1", "a2"]
