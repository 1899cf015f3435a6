"""Trade updates, from the bytes on the wire to what the engine does about them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from alpaca_records import ENTRY, NEXT, STOP, execution, leg, order, update
from engine_rig import AAPL, Rig

from algotrader.core.instruments import ALPACA_LIKE
from algotrader.core.orders import OrderRole
from algotrader.core.reports import CRITICAL, UNEXPECTED, UNKNOWN_ORDER, WARNING
from algotrader.venues.alpaca.trade_updates import Update, events_of, parse
from algotrader.venues.alpaca.wire import OrderNames


class Scene:
    """An engine that hears the venue's frames; its entry ``a1`` over 100 went out with its stop at 98."""

    def __init__(self) -> None:
        self.rig = Rig(ALPACA_LIKE)
        self.names = OrderNames()
        self.script = self.rig.strategy()
        self.sent = self.rig.enter(self.script)

    def hear(self, message: dict[str, Any]) -> list[str]:
        """A frame comes; gives the commands that follow."""
        found = parse(json.dumps(message).encode())
        assert isinstance(found, Update)
        for event in events_of(found, {"AAPL": AAPL}, self.rig.now, self.names):
            self.rig.send(event)
        return self.rig.commands()

    def entry(self, **changes: Any) -> dict[str, Any]:
        """The entry's record."""
        legs = [self.stop()]
        return order(**{"client_order_id": "a1", "qty": "100", "order_class": "oto", "legs": legs, **changes})

    def stop(self, **changes: Any) -> dict[str, Any]:
        """The record of the stop that came with it."""
        return leg("stop", **{"qty": "100", "stop_price": "98", "order_class": "oto", **changes})

    def fill(self, quantity: str, name: str, filled: str, event: str = "partial_fill") -> list[str]:
        """An execution of the entry."""
        record = self.entry(status="partially_filled", filled_qty=filled, filled_avg_price="77")
        return self.hear(execution(event, qty=quantity, price="100.05", execution_id=name, order=record))


@pytest.mark.covers("A52")
def test_an_entry_filled_in_parts_is_protected_by_the_stop_that_came_with_it() -> None:
    scene = Scene()
    scene.hear(update("pending_new", order=scene.entry(status="pending_new")))
    scene.hear(update("new", order=scene.entry()))
    scene.fill("40", "x1", "40")
    scene.fill("40", "x1", "40")
    scene.fill("60", "x2", "100", "fill")
    scene.hear(update("new", order=scene.stop(status="new")))
    held = scene.rig.holding()
    assert held.quantity_raw == 100
    assert held.stop_order is not None
    assert (held.stop_order.client_order_id, held.stop_order.venue_order_id, held.stop_order.attached) == ("a1-sl", STOP, False)
    assert (held.stop_order.role, held.stop_order.correlation_id) == (OrderRole.STOP_LOSS, held.correlation_id)
    assert scene.rig.order("a1").startswith("filled")
    assert scene.rig.told(UNEXPECTED) == []


def test_the_stop_that_came_with_the_entry_closes_the_position() -> None:
    scene = Scene()
    scene.hear(update("new", order=scene.entry()))
    scene.fill("100", "x1", "100", "fill")
    stopped = scene.stop(status="filled", filled_qty="100")
    scene.hear(execution("fill", qty="100", price="97.98", execution_id="x2", order=stopped))
    assert scene.rig.holding().quantity_raw == 0
    assert scene.rig.state.ledger.trips[-1].profit < 0


@pytest.mark.covers("A140")
def test_a_small_rest_of_a_cancelled_entry_is_sold_again() -> None:
    scene = Scene()
    scene.hear(update("new", order=scene.entry()))
    scene.fill("4", "x1", "4")
    scene.hear(update("canceled", order=scene.entry(status="canceled", filled_qty="4")))
    commands = scene.hear(update("canceled", order=scene.stop(status="canceled")))
    assert any("sell 4" in line and "market" in line for line in commands), (commands, scene.rig.reports)


@pytest.mark.covers("A138")
@pytest.mark.parametrize("kind", ["canceled", "expired", "rejected"])
def test_an_entry_that_ended_unfilled_frees_its_symbol(kind: str) -> None:
    scene = Scene()
    scene.hear(update("new", order=scene.entry()))
    scene.hear(update(kind, order=scene.entry(status=kind)))
    assert scene.rig.state.live_orders == {}
    assert scene.rig.enter(scene.script)[0].startswith("a"), "it enters again"


def test_a_stop_moved_by_a_replacement_is_one_order_for_the_engine() -> None:
    scene = Scene()
    scene.hear(update("new", order=scene.entry()))
    scene.fill("100", "x1", "100", "fill")
    scene.hear(update("new", order=scene.stop(status="new")))
    scene.script.entry, scene.script.new_stop = "", Decimal(99)
    (line,) = scene.rig.bar("101")
    assert "a1-sl-r1" in line
    scene.names.expect(STOP, "a1-sl-r1")
    scene.hear(update("replaced", order=scene.stop(status="replaced", replaced_by=NEXT)))
    stop = scene.rig.holding().stop_order
    assert stop is not None
    assert (stop.client_order_id, stop.working_leg.leg_id, stop.venue_order_id, stop.pending_leg) == (
        "a1-sl",
        "a1-sl-r1",
        NEXT,
        None,
    )


@pytest.mark.covers("A134")
def test_an_update_of_a_strangers_order_is_a_warning_and_left_to_the_owner_external() -> None:
    scene = Scene()
    scene.hear(update("new", order=scene.entry()))
    scene.hear(execution("fill", qty="7", execution_id="x9", order=order(id=NEXT, client_order_id="by-hand", qty="7")))
    assert scene.rig.state.ledger.net_quantity("AAPL") == 7
    assert scene.rig.holding().quantity_raw == 0
    scene.hear(update("canceled", order=order(id=NEXT, client_order_id="by-hand", status="canceled")))
    told = [report.level for report in scene.rig.reports if report.kind == UNKNOWN_ORDER]
    assert told == [CRITICAL, WARNING]
    assert ENTRY in {o.venue_order_id for o in scene.rig.state.live_orders.values()}
