"""Which order of a session is which of a backtest."""

from __future__ import annotations

from algotrader.core.instruments import equity
from algotrader.core.market import NS_PER_MINUTE
from algotrader.core.orders import Order, OrderRequest, OrderRole, OrderType, Side, TimeInForce
from algotrader.research.divergence.pairs import Pair, pair_orders
from algotrader.research.divergence.traces import OrderTrace

AAPL = equity("AAPL")


def trace(name: str, role: OrderRole, bar: int, trade: str = "", created: int | None = None, owner: str = "one") -> OrderTrace:
    """An order that the bar of this minute led to, and the trade that it belongs to."""
    side = Side.BUY if role in (OrderRole.ENTRY, OrderRole.PLAIN) else Side.SELL
    request = OrderRequest(name, AAPL, side, OrderType.MARKET, 10, TimeInForce.DAY)
    moment = bar * NS_PER_MINUTE
    return OrderTrace(Order(request, owner, role, trade, moment if created is None else created), moment, created or moment)


def names(pairs: list[Pair]) -> list[tuple[str, str]]:
    """The ids of each pair, a dash for none."""
    return [tuple("-" if one is None else one.order.client_order_id for one in (pair.live, pair.tested)) for pair in pairs]  # type: ignore[misc]


def test_orders_are_paired_by_the_bar_and_not_by_their_numbers() -> None:
    live = [trace("1", OrderRole.ENTRY, 20, "c1"), trace("2", OrderRole.ENTRY, 40, "c2")]
    tested = [trace("1", OrderRole.ENTRY, 40, "c1"), trace("2", OrderRole.ENTRY, 60, "c2")]
    assert names(pair_orders(live, tested)) == [("1", "-"), ("2", "1"), ("-", "2")]


def test_strategies_keep_to_themselves() -> None:
    live, tested = trace("1", OrderRole.ENTRY, 20), trace("1", OrderRole.ENTRY, 20, owner="two")
    assert sorted(names(pair_orders([live], [tested]))) == [("-", "1"), ("1", "-")]


def test_the_same_wish_a_few_bars_later_is_the_same() -> None:
    assert names(pair_orders([trace("1", OrderRole.ENTRY, 23)], [trace("1", OrderRole.ENTRY, 20)])) == [("1", "1")]
    assert len(pair_orders([trace("1", OrderRole.ENTRY, 26)], [trace("1", OrderRole.ENTRY, 20)])) == 2


def test_what_closes_goes_with_what_opened() -> None:
    """The backtest has an entry more; its exits are not taken for those of the session's entry."""
    live = [trace("1", OrderRole.ENTRY, 40, "c1"), trace("2", OrderRole.STOP_LOSS, 41, "c1"), trace("3", OrderRole.EXIT, 55, "c1")]
    tested = [
        trace("1", OrderRole.ENTRY, 20, "c1"),
        trace("2", OrderRole.STOP_LOSS, 21, "c1"),
        trace("3", OrderRole.ENTRY, 40, "c2"),
        trace("4", OrderRole.STOP_LOSS, 41, "c2"),
        trace("5", OrderRole.EXIT, 50, "c2"),
    ]
    pairs = pair_orders(live, tested)
    assert names(pairs) == [("-", "1"), ("-", "2"), ("1", "3"), ("2", "4"), ("3", "5")]
    assert [None if pair.opener is None else names([pair.opener])[0] for pair in pairs] == [
        None,
        ("-", "1"),
        None,
        ("1", "3"),
        ("1", "3"),
    ]


def test_what_opens_comes_first_where_both_have_one_time() -> None:
    live = [trace("8", OrderRole.STOP_LOSS, 20, "c1"), trace("9", OrderRole.ENTRY, 20, "c1")]
    assert names(pair_orders(live, [])) == [("9", "-"), ("8", "-")]


def test_an_order_that_both_began_the_day_with_is_one() -> None:
    live, tested = trace("7", OrderRole.STOP_LOSS, 0, created=5), trace("7", OrderRole.STOP_LOSS, 0, created=5)
    assert names(pair_orders([live], [tested])) == [("7", "7")]
