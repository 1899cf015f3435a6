"""The venue's book of our orders: by instrument, by id, and the price levels that let most bars pass at once."""

from __future__ import annotations

from typing import Final, final

from algotrader.simulation.matching import NEVER_DOWN, NEVER_UP, watch_levels
from algotrader.simulation.working import WorkingOrder


@final
class OrderBook:
    """All open orders.

    Attributes:
        orders: per instrument number, in order of priority, held ones included.
        by_id: the current leg's id of every open order.
        up: per instrument number, the lowest high of a bar at which something can happen.
        down: per instrument number, the highest low of a bar at which something can happen.
        busy: per instrument number, whether orders are open or commands under way.
        busy_count: how many of ``busy`` are True.
    """

    def __init__(self, count: int) -> None:
        self.orders: Final[list[list[WorkingOrder]]] = [[] for _ in range(count)]
        self.by_id: Final[dict[str, WorkingOrder]] = {}
        self.ended: Final[dict[str, str]] = {}
        self.arriving: Final[list[int]] = [0] * count
        self.up: Final[list[int]] = [NEVER_UP] * count
        self.down: Final[list[int]] = [NEVER_DOWN] * count
        self.busy: Final[list[bool]] = [False] * count
        self.busy_count: int = 0

    def knows(self, client_order_id: str) -> bool:
        """Whether an id was ever used."""
        return client_order_id in self.by_id or client_order_id in self.ended

    def add(self, order: WorkingOrder) -> None:
        """Take a new order in, behind the older ones."""
        self.orders[order.index].append(order)
        self.by_id[order.client_order_id] = order
        self.refresh(order.index)

    def remove(self, order: WorkingOrder, fate: str) -> None:
        """Take an order out; ``fate`` says in a word why it cannot be cancelled any more."""
        self.orders[order.index].remove(order)
        del self.by_id[order.client_order_id]
        self.ended[order.client_order_id] = fate
        self.refresh(order.index)

    def rename(self, order: WorkingOrder, client_order_id: str) -> None:
        """Give an order the id of its new leg."""
        del self.by_id[order.client_order_id]
        self.ended[order.client_order_id] = "replaced"
        order.client_order_id = client_order_id
        self.by_id[client_order_id] = order

    def expect(self, index: int, change: int) -> None:
        """Count a command that is under way (+1) or has arrived (-1)."""
        self.arriving[index] += change
        self.refresh(index)

    def refresh(self, index: int) -> None:
        """Find the levels and the busy mark of an instrument anew, after any change of its orders."""
        orders = self.orders[index]
        self.up[index], self.down[index] = watch_levels(orders)
        busy = bool(orders) or self.arriving[index] > 0
        if busy is not self.busy[index]:
            self.busy[index] = busy
            self.busy_count += 1 if busy else -1

    def group(self, name: str, but: WorkingOrder) -> list[WorkingOrder]:
        """The other open orders of a one-cancels-other group."""
        return [order for orders in self.orders for order in orders if order.oco_group == name and order is not but]

    def reserved(self, index: int, sign: int, group: str, but: WorkingOrder | None) -> int:
        """Quantity that the working orders of one side would still trade, in an instrument; each one-cancels-other group once.

        Orders of ``group`` and the order ``but`` are left out: a new or changed order takes their place.
        """
        total = 0
        largest: dict[str, int] = {}
        for order in self.orders[index]:
            if order.held or order.sign != sign or order is but or (group and order.oco_group == group):
                continue
            if order.oco_group:
                largest[order.oco_group] = max(largest.get(order.oco_group, 0), order.remaining_raw)
            else:
                total += order.remaining_raw
        for quantity in largest.values():
            total += quantity
        return total
