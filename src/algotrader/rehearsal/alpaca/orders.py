"""Orders as the server keeps them, with every field that Alpaca tells of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from algotrader.core.instruments import Instrument
from algotrader.core.orders import OrderType, Side, TimeInForce
from algotrader.rehearsal.alpaca.texts import (
    asset_class,
    asset_id,
    average_text,
    price_text,
    quantity_text,
    time_text,
)

SIMPLE: Final = "simple"
BRACKET: Final = "bracket"
OCO: Final = "oco"
OTO: Final = "oto"

NEW: Final = "new"
PENDING_NEW: Final = "pending_new"
ACCEPTED: Final = "accepted"
HELD: Final = "held"
PARTIALLY_FILLED: Final = "partially_filled"
FILLED: Final = "filled"
CANCELED: Final = "canceled"
EXPIRED: Final = "expired"
REPLACED: Final = "replaced"
REJECTED: Final = "rejected"
PENDING_CANCEL: Final = "pending_cancel"
PENDING_REPLACE: Final = "pending_replace"

CLOSED: Final = (FILLED, CANCELED, EXPIRED, REPLACED, REJECTED)


@dataclass(slots=True, eq=False)
class AlpacaOrder:
    """One order of the venue; a replacement is an order of its own.

    ``base`` is what of ``filled_raw`` the exchange has filled in an order before its present one. ``legs`` are the orders that are
    attached, ``parent`` the one that it is attached to. ``working`` says that the exchange has it, ``closes`` that it came in
    against a position.
    """

    id: str
    client_order_id: str
    instrument: Instrument
    side: Side
    order_type: OrderType
    quantity_raw: int
    time_in_force: TimeInForce
    created: int
    order_class: str = SIMPLE
    notional: str | None = None
    limit_raw: int = 0
    stop_raw: int = 0
    trail_raw: int = 0
    trail_percent: str | None = None
    extended_hours: bool = False
    status: str = PENDING_NEW
    updated: int = 0
    submitted: int = 0
    filled: int = 0
    expired: int = 0
    canceled: int = 0
    failed: int = 0
    replaced: int = 0
    replaced_by: str = ""
    replaces: str = ""
    filled_raw: int = 0
    filled_value: int = 0
    base: int = 0
    working: bool = False
    closes: bool = False
    parent: AlpacaOrder | None = field(default=None, repr=False)
    legs: list[AlpacaOrder] = field(default_factory=list, repr=False)

    @property
    def open(self) -> bool:
        """Whether it may still be filled."""
        return self.status not in CLOSED

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self.side is Side.BUY else -1

    @property
    def remaining_raw(self) -> int:
        """Quantity still to be filled."""
        return max(self.quantity_raw - self.filled_raw, 0)

    @property
    def group(self) -> str:
        """What orders of which only one can be filled have in common; empty for an order on its own."""
        root = self if self.parent is None else self.parent
        return root.id if root.order_class in (BRACKET, OCO) and (root is not self or root.order_class == OCO) else ""

    def family(self) -> list[AlpacaOrder]:
        """The order that the others are attached to, and these."""
        root = self if self.parent is None else self.parent
        return [root, *root.legs]

    def record(self, *, nested: bool = False) -> dict[str, Any]:
        """The order as the venue tells it; its legs only when ``nested``."""
        made = self.instrument
        kind = self.order_type.value
        legs = [leg.record() for leg in self.legs] if nested and self.legs else None
        return {
            "id": self.id,
            "client_order_id": self.client_order_id,
            "created_at": time_text(self.created),
            "updated_at": time_text(self.updated or self.created),
            "submitted_at": time_text(self.submitted or self.created),
            "filled_at": time_text(self.filled),
            "expired_at": time_text(self.expired),
            "canceled_at": time_text(self.canceled),
            "failed_at": time_text(self.failed),
            "replaced_at": time_text(self.replaced),
            "replaced_by": self.replaced_by or None,
            "replaces": self.replaces or None,
            "asset_id": str(asset_id(made.symbol)),
            "symbol": made.symbol,
            "asset_class": asset_class(made),
            "notional": self.notional,
            "qty": None if self.notional else quantity_text(made, self.quantity_raw),
            "filled_qty": quantity_text(made, self.filled_raw),
            "filled_avg_price": average_text(made, self.filled_value, self.filled_raw),
            "order_class": self.order_class,
            "order_type": kind,
            "type": kind,
            "side": self.side.value,
            "time_in_force": self.time_in_force.value,
            "limit_price": price_text(made, self.limit_raw),
            "stop_price": price_text(made, self.stop_raw),
            "status": self.status,
            "extended_hours": self.extended_hours,
            "legs": legs,
            "trail_percent": self.trail_percent,
            "trail_price": None if self.trail_percent else price_text(made, self.trail_raw),
            "hwm": self._high_water_mark(),
            "subtag": None,
            "source": None,
            "position_intent": f"{self.side.value}_to_{'close' if self.closes or self.parent else 'open'}",
        }

    def raw(self) -> dict[str, list[int]]:
        """What the records of an order and of its legs do not tell exactly: quantity and distance of the trail, by id."""
        return {each.id: [each.quantity_raw, each.trail_raw] for each in (self, *self.legs)}

    def _high_water_mark(self) -> str | None:
        """The best price that a trailing stop has seen."""
        if self.order_type is not OrderType.TRAILING_STOP or not self.stop_raw:
            return None
        return price_text(self.instrument, self.stop_raw - self.sign * self.trail_raw)
