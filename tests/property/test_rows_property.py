"""Whatever happens: nobody writing rows raises, and the rows say what the engine knows."""

from __future__ import annotations

from decimal import Decimal

import pytest
from engine_chaos import Chaos
from hypothesis import given, settings
from hypothesis import strategies as st
from rows_rig import RowsRig

from algotrader.core.instruments import ALPACA_LIKE, GENERIC, VenueCapabilities
from algotrader.core.scaled import from_money
from algotrader.core.state import EXTERNAL
from algotrader.live.order_rows import plain

STEPS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 10**12)), min_size=40, max_size=120)


@pytest.mark.covers("A118", "A182", "A184", "A185", "A186")
@pytest.mark.parametrize("capabilities", [GENERIC, ALPACA_LIKE], ids=["generic", "alpaca_like"])
@settings(max_examples=100)
@given(steps=STEPS, restart=st.integers(0, 120))
def test_rows_say_what_the_engine_knows(capabilities: VenueCapabilities, steps: list[tuple[int, int]], restart: int) -> None:
    chaos = Chaos(capabilities, rig=RowsRig)
    rig = chaos.rig
    assert isinstance(rig, RowsRig)
    for number, (kind, draw) in enumerate(steps):
        chaos.step(kind, draw)
        if number == restart:
            rig.restart()
    check_orders(rig)
    check_history(rig)
    check_trades(rig)
    check_cash(rig, chaos.books.moved)


def check_orders(rig: RowsRig) -> None:
    """Every order has a row that reads as the order does, and versions only rise."""
    versions: dict[str, int] = {}
    newest = {}
    for row in rig.batch.orders:
        assert row.version > versions.get(row.local_id, 0)
        versions[row.local_id] = row.version
        newest[row.local_id] = row
    orders = {order.client_order_id: order for order in rig.state.orders.values()}
    assert list(newest) == list(orders)
    for name, order in orders.items():
        row = newest[name]
        assert (row.state, row.broker_id, row.last_error) == (order.state.value, order.venue_order_id, order.reason)
        assert (Decimal(row.qty_requested), Decimal(row.qty_filled)) == (order.quantity, order.filled)
        assert row.avg_fill_price == (None if order.average_price is None else plain(order.average_price))


def check_history(rig: RowsRig) -> None:
    """Each order's history leads from its creation to its state without a gap."""
    reached: dict[str, str] = {}
    for row in rig.batch.order_events:
        if row.order_local_id not in rig.state.orders:
            assert row.new_state is None
            continue
        if row.event_type == "created":
            assert row.order_local_id not in reached
        else:
            assert row.old_state == reached[row.order_local_id], row
        assert row.new_state is not None
        reached[row.order_local_id] = row.new_state
    assert reached == {order.client_order_id: order.state.value for order in rig.state.orders.values()}


def check_trades(rig: RowsRig) -> None:
    """Every round trip of ours is there as it reads now, and no id twice."""
    rows = rig.batch.trades
    assert len({row.trade_id for row in rows}) == len(rows)
    newest = {row.trade_id.rpartition("@")[0]: row for row in rows}
    for trip in rig.state.ledger.trips:
        if trip.owner != EXTERNAL:
            row = newest[f"{trip.trip_id}:{trip.correlation_id}"]
            assert (Decimal(row.pnl), Decimal(row.qty), row.side) == (trip.pnl, trip.quantity, trip.side)


def check_cash(rig: RowsRig, moved: int) -> None:
    """Cash rows add up to what moved without a trade (the deposit at the start came before the first row)."""
    kept = [row for row in rig.batch.cash if row.kind != "cash_in_lieu"]
    assert sum((Decimal(row.amount) for row in kept), Decimal(1_000_000)) == from_money(moved)
