"""Orders: their fields, their states, and what venue events do to them.

Commands can be illegal and raise; events never are. What a venue reports is booked by its quantities; a report that the
transition table does not expect is marked so, never dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final, final

from mypy_extensions import mypyc_attr

from algotrader.core.copies import made_from_fields
from algotrader.core.instruments import Instrument
from algotrader.core.order_states import FINAL_STATES as FINAL_STATES
from algotrader.core.order_states import TRANSITIONS as TRANSITIONS
from algotrader.core.order_states import IllegalTransition as IllegalTransition
from algotrader.core.order_states import OrderState as OrderState
from algotrader.core.order_states import check_transition as check_transition
from algotrader.core.order_states import state_from_quantities as state_from_quantities
from algotrader.core.records import Record
from algotrader.core.scaled import div_half_even, from_scaled


class Side(Enum):
    """Buy or sell; positions and round trips say long or short instead."""

    BUY = "buy"
    SELL = "sell"


class OrderType(Enum):
    """How an order is priced and triggered."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


class TimeInForce(Enum):
    """How long an order works: the session, until cancelled, at once or not at all, in the opening or closing auction."""

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    OPG = "opg"
    CLS = "cls"


class OrderRole(Enum):
    """Why the order exists."""

    ENTRY = "entry"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    EXIT = "exit_market"
    PLAIN = "plain"


def opposite(side: Side) -> Side:
    """The other side."""
    return Side.SELL if side is Side.BUY else Side.BUY


@mypyc_attr(acyclic=True)
@final
class OrderRequest(Record):
    """What is asked of a venue. Prices and quantity are scaled integers; 0 means none.

    ``stop_loss_raw`` and ``take_profit_raw`` make it an entry with attached orders (one-triggers-other, or a bracket with both):
    they come to life when the entry is filled, under the ids ``<id>-sl`` and ``<id>-tp``. ``oco_group`` names orders of which a
    fill of one cancels the others. ``trail_raw`` is the distance of a trailing stop in price units.
    """

    def __init__(
        self,
        client_order_id: str,
        instrument: Instrument,
        side: Side,
        order_type: OrderType,
        quantity_raw: int,
        time_in_force: TimeInForce = TimeInForce.DAY,
        limit_raw: int = 0,
        stop_raw: int = 0,
        trail_raw: int = 0,
        reduce_only: bool = False,
        extended_hours: bool = False,
        stop_loss_raw: int = 0,
        take_profit_raw: int = 0,
        oco_group: str = "",
    ) -> None:
        self.client_order_id: Final = client_order_id
        self.instrument: Final = instrument
        self.side: Final = side
        self.order_type: Final = order_type
        self.quantity_raw: Final = quantity_raw
        self.time_in_force: Final = time_in_force
        self.limit_raw: Final = limit_raw
        self.stop_raw: Final = stop_raw
        self.trail_raw: Final = trail_raw
        self.reduce_only: Final = reduce_only
        self.extended_hours: Final = extended_hours
        self.stop_loss_raw: Final = stop_loss_raw
        self.take_profit_raw: Final = take_profit_raw
        self.oco_group: Final = oco_group
        fault = request_fault(self)
        if fault:
            raise ValueError(f"order {client_order_id} for {instrument.symbol}: {fault}")

    @property
    def symbol(self) -> str:
        """The instrument's symbol."""
        return self.instrument.symbol

    @property
    def quantity(self) -> Decimal:
        """Quantity asked for."""
        return self.instrument.quantity(self.quantity_raw)

    @property
    def limit_price(self) -> Decimal | None:
        """Limit price, if any."""
        return self.instrument.price(self.limit_raw) if self.limit_raw else None

    @property
    def stop_price(self) -> Decimal | None:
        """Stop price, if any."""
        return self.instrument.price(self.stop_raw) if self.stop_raw else None


def request_fault(request: OrderRequest) -> str:
    """Name what an order request lacks for its type, or give an empty text."""
    kind = request.order_type
    if request.quantity_raw <= 0:
        return "quantity must be positive"
    if kind in (OrderType.LIMIT, OrderType.STOP_LIMIT) and request.limit_raw <= 0:
        return f"a {kind.value} order needs a limit price"
    if kind in (OrderType.STOP, OrderType.STOP_LIMIT) and request.stop_raw <= 0:
        return f"a {kind.value} order needs a stop price"
    if kind is OrderType.TRAILING_STOP and request.trail_raw <= 0:
        return "a trailing_stop order needs a trail distance"
    return ""


@final
@dataclass(frozen=True, slots=True)
class BracketOrderRequest:
    """An entry with its protective stop and, if wanted, its take profit, sent as one request (prices as scaled integers)."""

    entry: OrderRequest
    stop_loss_raw: int
    take_profit_raw: int = 0

    def as_request(self) -> OrderRequest:
        """The same as one order request with attached orders."""
        e = self.entry
        return OrderRequest(
            e.client_order_id,
            e.instrument,
            e.side,
            e.order_type,
            e.quantity_raw,
            e.time_in_force,
            e.limit_raw,
            e.stop_raw,
            e.trail_raw,
            e.reduce_only,
            e.extended_hours,
            self.stop_loss_raw,
            self.take_profit_raw,
            e.oco_group,
        )


@mypyc_attr(acyclic=True)
@final
class Fill(Record):
    """One execution of ours. ``commission`` is money; a provisional fill was inferred and waits for the real one."""

    def __init__(
        self,
        fill_id: str,
        client_order_id: str,
        side: Side,
        price_raw: int,
        quantity_raw: int,
        commission: int,
        time: int,
        provisional: bool = False,
    ) -> None:
        self.fill_id: Final = fill_id
        self.client_order_id: Final = client_order_id
        self.side: Final = side
        self.price_raw: Final = price_raw
        self.quantity_raw: Final = quantity_raw
        self.commission: Final = commission
        self.time: Final = time
        self.provisional: Final = provisional

    def restated(self, price_raw: int, quantity_raw: int, commission: int) -> Fill:
        """The same execution with other numbers, after a correction or a split."""
        return Fill(self.fill_id, self.client_order_id, self.side, price_raw, quantity_raw, commission, self.time, self.provisional)


@mypyc_attr(acyclic=True)
@final
class Leg:
    """One venue order in the chain of replacements that makes up an order.

    ``abandoned`` marks a replacement whose answer was never heard while the leg before it was confirmed to work.
    """

    def __init__(self, leg_id: str, quantity_raw: int, limit_raw: int, stop_raw: int) -> None:
        self.leg_id: Final = leg_id
        self.venue_order_id: str = ""
        self.quantity_raw: int = quantity_raw
        self.limit_raw: int = limit_raw
        self.stop_raw: int = stop_raw
        self.gone: bool = False
        self.abandoned: bool = False


@mypyc_attr(acyclic=True)
@final
class Order:
    """One order of ours through its whole life, whatever the venue replaced underneath.

    ``legs`` is the chain of venue orders; the last accepted one works at the venue, ``pending_leg`` is a replacement in flight.
    ``wish_*`` is what the order should become (quantity 0: no wish) and ``cancel_requested`` that it should end; each leaves as a
    request when no other is in flight. ``acknowledged`` says that the venue has confirmed the order once, ``recalled`` that it was
    found at work after its end and a cancel was sent. ``changed_time`` is when something was last heard of it or asked about it.
    """

    def __init__(self, request: OrderRequest, owner: str, role: OrderRole, correlation_id: str, created_time: int) -> None:
        self.request: Final = request
        self.client_order_id: Final = request.client_order_id
        self.instrument: Final = request.instrument
        self.side: Final = request.side
        self.order_type: Final = request.order_type
        self.owner: Final = owner
        self.role: Final = role
        self.correlation_id: Final = correlation_id
        self.created_time: Final = created_time
        self.parent_id: str = ""
        self.planned_stop_raw: int = 0
        self.planned_take_raw: int = 0
        self.state: OrderState = OrderState.PENDING_SUBMIT
        self.quantity_raw: int = request.quantity_raw
        self.limit_raw: int = request.limit_raw
        self.stop_raw: int = request.stop_raw
        self.filled_raw: int = 0
        self.filled_value: int = 0
        self.commission: int = 0
        self.fills: dict[str, Fill] = {}
        self.first_fill_time: int = 0
        self.acknowledged: bool = False
        self.cancel_requested: bool = False
        self.cancel_leg: str = ""
        self.cancel_attempts: int = 0
        self.refused_changes: int = 0
        self.attached: bool = False
        self.recalled: bool = False
        self.reason: str = ""
        self.version: int = 0
        self.changed_time: int = created_time
        self.submit_attempts: int = 0
        self.legs: list[Leg] = [Leg(request.client_order_id, request.quantity_raw, request.limit_raw, request.stop_raw)]
        self.pending_leg: Leg | None = None
        self.wish_quantity: int = 0
        self.wish_limit: int = 0
        self.wish_stop: int = 0
        self.replacements: int = 0

    @property
    def symbol(self) -> str:
        """The instrument's symbol."""
        return self.instrument.symbol

    @property
    def is_final(self) -> bool:
        """No more is to be expected from the venue, late fills aside."""
        state = self.state
        return (
            state is OrderState.FILLED
            or state is OrderState.CANCELED
            or state is OrderState.EXPIRED
            or state is OrderState.REJECTED
            or state is OrderState.SUBMIT_FAILED
        )

    @property
    def is_unknown(self) -> bool:
        """Nobody has confirmed what became of it."""
        return self.state is OrderState.UNKNOWN

    @property
    def cancel_in_flight(self) -> bool:
        """A cancel is on its way, of the leg ``cancel_leg``."""
        return bool(self.cancel_leg)

    @property
    def request_in_flight(self) -> bool:
        """A request about it is on its way to the venue and not answered yet."""
        unanswered = self.state is OrderState.PENDING_SUBMIT or self.state is OrderState.SUBMITTED
        return unanswered or self.cancel_leg != "" or self.pending_leg is not None

    @property
    def target(self) -> tuple[int, int, int]:
        """Quantity, limit price and stop price that it has or should come to have (scaled)."""
        if self.wish_quantity:
            return self.wish_quantity, self.wish_limit, self.wish_stop
        leg = self.working_leg
        return leg.quantity_raw, leg.limit_raw, leg.stop_raw

    @property
    def remaining_raw(self) -> int:
        """Quantity not filled yet."""
        return max(self.quantity_raw - self.filled_raw, 0)

    @property
    def working_leg(self) -> Leg:
        """The newest venue order known to work, or the first one while none is confirmed."""
        for leg in reversed(self.legs):
            if not leg.gone:
                return leg
        return self.legs[-1]

    def leg(self, leg_id: str) -> Leg:
        """The venue order that an id names; the newest one when the id is none of theirs."""
        if self.pending_leg is not None and self.pending_leg.leg_id == leg_id:
            return self.pending_leg
        for leg in self.legs:
            if leg.leg_id == leg_id:
                return leg
        return self.legs[-1]

    def remainder(self) -> OrderRequest:
        """What is left of the order as a request of its own, as it works now and under the id of the leg that works."""
        asked, leg = self.request, self.working_leg
        return OrderRequest(
            leg.leg_id,
            asked.instrument,
            asked.side,
            asked.order_type,
            leg.quantity_raw - self.filled_raw,
            asked.time_in_force,
            leg.limit_raw,
            leg.stop_raw,
            asked.trail_raw,
            asked.reduce_only,
            asked.extended_hours,
            # The venue has taken on the attached orders with the first fill.
            asked.stop_loss_raw if not self.filled_raw else 0,
            asked.take_profit_raw if not self.filled_raw else 0,
            asked.oco_group,
        )

    @property
    def venue_order_id(self) -> str:
        """The venue's own id of the working leg; empty until it is known."""
        return self.working_leg.venue_order_id

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self.side is Side.BUY else -1

    @property
    def quantity(self) -> Decimal:
        """Quantity asked for."""
        return self.instrument.quantity(self.quantity_raw)

    @property
    def filled(self) -> Decimal:
        """Quantity filled."""
        return self.instrument.quantity(self.filled_raw)

    @property
    def average_price(self) -> Decimal | None:
        """Average price of the fills, rounded half-even two places beyond the instrument's scale; None before any."""
        if self.filled_raw == 0:
            return None
        return from_scaled(div_half_even(self.filled_value * 100, self.filled_raw), self.instrument.price_scale + 2)

    def add_fill(self, fill: Fill) -> None:
        """Book an execution and derive the state from the quantities. The caller has checked that the fill is new."""
        self.fills[fill.fill_id] = fill
        self.acknowledged = True
        if self.first_fill_time == 0:
            self.first_fill_time = fill.time
        self._count(fill, 1)

    def remove_fill(self, fill_id: str) -> Fill:
        """Take an execution back that the venue has busted; the state follows from what is left."""
        fill = self.fills.pop(fill_id)
        self._count(fill, -1)
        return fill

    def change_fill(self, fill: Fill) -> None:
        """Book a known execution anew; it keeps its place among the others."""
        self._count(self.fills[fill.fill_id], -1)
        self.fills[fill.fill_id] = fill
        self._count(fill, 1)

    def _count(self, fill: Fill, sign: int) -> None:
        self.filled_raw += sign * fill.quantity_raw
        self.filled_value += sign * fill.quantity_raw * fill.price_raw
        self.commission += sign * fill.commission
        self.version += 1
        self.state = state_from_quantities(self.state, self.filled_raw, self.quantity_raw)

    def restate_fills(self, fills: dict[str, Fill]) -> None:
        """Take over the executions as they read after a split; the state stays as it is."""
        self.fills = fills
        self.filled_raw = 0
        self.filled_value = 0
        for fill in fills.values():
            self.filled_raw += fill.quantity_raw
            self.filled_value += fill.quantity_raw * fill.price_raw
        self.version += 1

    def set_state(self, new: OrderState) -> bool:
        """Take over a state that an event reports; tells whether the table expected it. A final state stays."""
        expected = new in TRANSITIONS[self.state]
        if new is OrderState.ACCEPTED or new is OrderState.PARTIALLY_FILLED:
            self.acknowledged = True
        if not self.is_final:
            self.state = new
        self.version += 1
        return expected

    def __repr__(self) -> str:
        price = f" stop {self.instrument.price(self.stop_raw)}" if self.stop_raw else ""
        limit = f" limit {self.instrument.price(self.limit_raw)}" if self.limit_raw else ""
        return (
            f"Order({self.client_order_id} {self.role.value} {self.side.value} {self.quantity} {self.symbol} "
            f"{self.order_type.value}{price}{limit} {self.state.value} filled {self.filled})"
        )


made_from_fields(BracketOrderRequest)
