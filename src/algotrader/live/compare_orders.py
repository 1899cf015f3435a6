"""The venue's orders and executions against ours: which events bring our books to what the venue has certainly said.

Executions go first, the real ones by their ids, inferred ones only where a quantity is all that is known. Then states. What was
changed while the venue was being asked, or is under way, is left for the next time; absence proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from algotrader.core.events import (
    CancelRejected,
    Event,
    ForeignOrder,
    OrderAccepted,
    OrderCancel,
    OrderExpired,
    OrderFateUnknown,
    OrderFill,
    OrderReject,
    OrderReplaced,
    OrderStillWorks,
    ReplaceRejected,
)
from algotrader.core.orders import FINAL_STATES, Order, OrderState
from algotrader.core.scaled import div_half_even
from algotrader.core.state import EngineState
from algotrader.live.findings import Discrepancy, Kind, ReconciliationReport, Severity
from algotrader.venues.protocols import AccountPicture, OrderStatus, VenueFill

_UNANSWERED: Final = (OrderState.PENDING_SUBMIT, OrderState.SUBMITTED, OrderState.UNKNOWN)
_WORKING: Final = (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED)


class OrderComparison:
    """One comparison of orders; ``run`` fills the report and leaves what the positions have to know.

    Args:
        state: of the engine, only read.
        picture: what the venue says.
        report: where findings go.
        now: time of the events, nanoseconds UTC.
        grace_ns: how long a request may be under way before the venue's word counts more.

    Attributes:
        booked: by symbol, the signed quantity of the executions found.
        open_symbols: symbols in which something is under way, so that nothing else there can be judged.
        strangers: executions of orders that are not ours and that we have not booked.
    """

    def __init__(self, state: EngineState, picture: AccountPicture, report: ReconciliationReport, now: int, grace_ns: int) -> None:
        self._state: Final = state
        self._picture: Final = picture
        self._report: Final = report
        self._now: Final = now
        self._grace: Final = grace_ns
        self._statuses: Final = _newest(picture)
        self._by_venue_id: Final = {s.venue_order_id: s.client_order_id for s in self._statuses.values() if s.venue_order_id}
        self._found: Final[dict[str, int]] = {}
        self._events: Final[list[Event]] = []
        self.booked: Final[dict[str, int]] = {}
        self.open_symbols: Final[dict[str, str]] = {}
        self.strangers: Final[list[VenueFill]] = []

    def run(self) -> list[Event]:
        """Compare everything about orders; gives the events of what is certain."""
        self._real_fills()
        for order in self._concerned():
            self._order(order)
        self._foreign()
        return self._events

    # Executions

    def _real_fills(self) -> None:
        for fill in self._picture.fills:
            if self._state.ledger.knows(fill.fill_id):
                continue
            leg_id = fill.client_order_id or self._by_venue_id.get(fill.venue_order_id, "")
            order = self._state.orders.get(leg_id)
            if order is None:
                self.strangers.append(fill)
                continue
            self._book(order, leg_id, fill)

    def _book(self, order: Order, leg_id: str, fill: VenueFill) -> None:
        """An execution of ours that we have not heard of; it takes the place of what was inferred before it."""
        inferred = self._inferred_left(order)
        self._count(order, fill.quantity_raw)
        replaced = min(inferred, fill.quantity_raw)
        self._move(order, fill.quantity_raw - replaced)
        self._events.append(
            OrderFill(
                self._now,
                leg_id,
                fill.fill_id,
                order.symbol,
                order.side,
                fill.price_raw,
                fill.quantity_raw,
                fill.commission,
                fill.venue_order_id,
            )
        )
        if replaced < fill.quantity_raw:
            amount = order.instrument.quantity(fill.quantity_raw)
            self._differs(order, fill.quantity_raw - replaced, f"execution {fill.fill_id} of {amount}", "it is booked")
        else:
            self._report.actions.append(f"{order.client_order_id}: execution {fill.fill_id} replaces an inferred one")

    def _inferred_left(self, order: Order) -> int:
        inferred = sum(fill.quantity_raw for fill in order.fills.values() if fill.provisional)
        return max(inferred - self._found.get(order.client_order_id, 0), 0)

    def _count(self, order: Order, quantity_raw: int) -> None:
        self._found[order.client_order_id] = self._found.get(order.client_order_id, 0) + quantity_raw

    def _move(self, order: Order, quantity_raw: int) -> None:
        self.booked[order.symbol] = self.booked.get(order.symbol, 0) + order.sign * quantity_raw

    def _filled(self, order: Order) -> int:
        """What is filled of an order with what was found here."""
        inferred = sum(fill.quantity_raw for fill in order.fills.values() if fill.provisional)
        return order.filled_raw - inferred + max(inferred, self._found.get(order.client_order_id, 0))

    def _infer(self, order: Order, status: OrderStatus, venue_filled: int) -> bool:
        """Book what the venue says was filled beyond all executions that we know; False where it has no price."""
        ours = self._filled(order)
        missing = venue_filled - ours
        price = self._inferred_price(order, status, ours, missing)
        amount = order.instrument.quantity(missing)
        if price <= 0:
            self._differs(order, missing, f"{amount} more filled at no price", "not booked: it needs a person", Severity.CRITICAL)
            return False
        name = f"inferred-{order.client_order_id}-{venue_filled}"
        if self._state.ledger.knows(name):
            return False
        self._events.append(
            OrderFill(self._now, status.client_order_id, name, order.symbol, order.side, price, missing, provisional=True)
        )
        self._count(order, missing)
        self._move(order, missing)
        self._differs(order, missing, f"{amount} more filled", "booked until the execution comes")
        return True

    def _inferred_price(self, order: Order, status: OrderStatus, ours: int, missing: int) -> int:
        """What the missing executions cost so that the venue's average comes out; its average where that cannot be."""
        if status.average_raw <= 0:
            return 0
        if ours == order.filled_raw:
            price = div_half_even(status.average_raw * (ours + missing) - order.filled_value, missing)
            if price > 0:
                return price
        return status.average_raw

    # States

    def _concerned(self) -> Iterable[Order]:
        """Orders that we take for alive, and ended ones that the venue still has something to say about."""
        known: dict[str, Order] = dict(self._state.live_orders)
        for leg_id in self._statuses:
            order = self._state.orders.get(leg_id)
            if order is not None:
                known.setdefault(order.client_order_id, order)
        return list(known.values())

    def _order(self, order: Order) -> None:
        if order.changed_time >= self._picture.time:
            self._later(order, "changed meanwhile")
            return
        if not order.is_final and order.request_in_flight and self._picture.time - order.changed_time < self._grace:
            self._later(order, "a request is under way")
            return
        if order.attached and self._filled(self._state.orders[order.parent_id]) == 0:
            # It comes to life with its entry.
            return
        legs = [leg.leg_id for leg in order.legs] + ([order.pending_leg.leg_id] if order.pending_leg is not None else [])
        statuses = [self._statuses[leg_id] for leg_id in legs if leg_id in self._statuses]
        statuses = self._follow(order, statuses)
        if not statuses:
            self._absent(order)
            return
        venue_filled = max(status.filled_raw for status in statuses)
        if venue_filled > self._filled(order) and not self._infer(order, statuses[-1], venue_filled):
            self._later(order, "filled at no price")
            return
        if order.is_final:
            self._ended(order, statuses)
        elif self._filled(order) < order.quantity_raw:
            self._state_of(order, statuses[-1])

    def _later(self, order: Order, why: str) -> None:
        if not order.is_final or order.changed_time >= self._picture.time:
            self.open_symbols[order.symbol] = f"{order.client_order_id}: {why}"

    def _follow(self, order: Order, statuses: list[OrderStatus]) -> list[OrderStatus]:
        """The legs in the order in which they took each other's place; a replacement that we missed is told."""
        if not statuses:
            return []
        chain = list(statuses)
        while chain[-1].replaced_by and chain[-1].replaced_by in self._statuses:
            following = self._statuses[chain[-1].replaced_by]
            if following in chain:
                chain.remove(following)
            chain.append(following)
        last, working = chain[-1], order.working_leg.leg_id
        known = [leg.leg_id for leg in order.legs if not leg.abandoned]
        if len(chain) > 1 and last.client_order_id not in known and not order.is_final:
            self._differs(order, 0, f"replaced by {last.client_order_id}", "the replacement is taken over", Severity.MODERATE)
            self._events.append(OrderReplaced(self._now, working, last.client_order_id, last.venue_order_id))
        return chain

    def _ended(self, order: Order, statuses: list[OrderStatus]) -> None:
        """An order that we take for ended must not work at the venue; one that executions complete just now does not."""
        if order.recalled:
            return
        for status in statuses:
            if status.state not in FINAL_STATES and not status.replaced_by and status.state is not OrderState.UNKNOWN:
                self._differs(order, order.quantity_raw, f"{status.state.value}", "it is called back", Severity.CRITICAL)
                self._events.append(OrderStillWorks(self._now, status.client_order_id, status.venue_order_id))

    def _state_of(self, order: Order, status: OrderStatus) -> None:
        leg_id, venue = status.client_order_id, status.state
        if venue is OrderState.UNKNOWN or status.replaced_by:
            self._later(order, "the venue does not say")
        elif venue in FINAL_STATES:
            self._ends(order, status)
        else:
            self._works(order, leg_id, status)

    def _ends(self, order: Order, status: OrderStatus) -> None:
        leg_id, reason = status.client_order_id, status.reason or f"{status.state.value} at the venue"
        pending = order.pending_leg
        event: Event
        if status.state is OrderState.EXPIRED:
            event = OrderExpired(self._now, leg_id)
        elif status.state in (OrderState.REJECTED, OrderState.SUBMIT_FAILED):
            refused_change = pending is not None and pending.leg_id == leg_id
            event = ReplaceRejected(self._now, leg_id, reason) if refused_change else OrderReject(self._now, leg_id, reason)
        else:
            event = OrderCancel(self._now, leg_id, reason)
        self._differs(order, order.remaining_raw, status.state.value, f"ours becomes {status.state.value}", Severity.MODERATE)
        self._events.append(event)
        if pending is not None and pending.leg_id != leg_id:
            # Nobody has heard of the replacement; it decides, or it is missed by the next comparison.
            self._later(order, "its replacement is not listed")

    def _works(self, order: Order, leg_id: str, status: OrderStatus) -> None:
        lost_change = order.pending_leg is not None and order.pending_leg.leg_id != leg_id
        if order.cancel_in_flight and not order.is_unknown and not lost_change:
            self._differs(order, 0, status.state.value, "the cancel is asked for again")
            self._events.append(CancelRejected(self._now, leg_id, "the order still works at the venue"))
            return
        if lost_change and not order.is_unknown:
            self._events.append(OrderFateUnknown(self._now, leg_id, "the answer to a change was lost"))
        if order.attached and status.state not in _WORKING:
            return
        if lost_change or order.state in _UNANSWERED or order.attached:
            self._differs(order, 0, status.state.value, "ours works", Severity.MODERATE)
            self._events.append(OrderAccepted(self._now, leg_id, status.venue_order_id))

    def _absent(self, order: Order) -> None:
        """The venue does not list what we take for alive. That proves nothing; somebody has to ask for it by its id."""
        if order.is_final or self._filled(order) >= order.quantity_raw:
            return
        leg = order.working_leg if order.pending_leg is None else order.pending_leg
        self._report.missing.append(leg.leg_id)
        self._later(order, "not listed at the venue")
        if not order.is_unknown:
            text = f"{order.state.value} {order.filled}/{order.quantity}"
            self._report.orders.append(
                Discrepancy(
                    Kind.ORPHAN_LOCAL,
                    Severity.CRITICAL,
                    order.client_order_id,
                    order.symbol,
                    text,
                    "not listed",
                    "asked for by its id",
                )
            )
            self._events.append(OrderFateUnknown(self._now, leg.leg_id, "the venue does not list it"))

    def _differs(self, order: Order, difference: int, broker: str, action: str, severity: Severity | None = None) -> None:
        local = f"{order.state.value} {order.filled}/{order.quantity}"
        grade = self._report.severity(difference, order.quantity_raw) if severity is None else severity
        self._report.orders.append(
            Discrepancy(Kind.STATUS_MISMATCH, grade, order.client_order_id, order.symbol, local, broker, action)
        )

    # Orders that are not ours

    def _foreign(self) -> None:
        seen: dict[str, bool] = {}
        for status in self._picture.open_orders:
            if status.client_order_id in self._state.orders or self._statuses[_key(status)].state in FINAL_STATES:
                continue
            name = status.venue_order_id or status.client_order_id
            seen[name] = True
            left = status.quantity_raw - status.filled_raw
            event = ForeignOrder(self._now, name, status.symbol, status.side, left, status.limit_raw or status.stop_raw)
            known = self._state.foreign.get(name)
            if known is None or (known.quantity_raw, known.price_raw) != (event.quantity_raw, event.price_raw):
                self._events.append(event)
            if known is None:
                self._orphan(status)
        for name, gone in list(self._state.foreign.items()):
            if name not in seen:
                self._events.append(ForeignOrder(self._now, name, gone.symbol, gone.side))

    def _orphan(self, status: OrderStatus) -> None:
        prefix = self._state.id_prefix
        ours = status.client_order_id.startswith(prefix) and status.client_order_id[len(prefix) :].split("-")[0].isdigit()
        action = "its id looks like ours, a person has to see to it" if ours else "left alone"
        severity = Severity.CRITICAL if ours else Severity.MODERATE
        track = self._state.by_symbol.get(status.symbol)
        amount = str(status.quantity_raw) if track is None else str(track.instrument.quantity(status.quantity_raw))
        broker = f"{status.side.value} {amount} {status.symbol} {status.state.value}"
        name = status.client_order_id or status.venue_order_id
        self._report.orders.append(Discrepancy(Kind.ORPHAN_BROKER, severity, name, status.symbol, "unknown", broker, action))


def _newest(picture: AccountPicture) -> dict[str, OrderStatus]:
    """The venue's last word on each leg: the newer one; of equal age, the one that is final."""
    found: dict[str, OrderStatus] = {}
    for status in (*picture.open_orders, *picture.recent_orders):
        known = found.get(_key(status))
        if known is None or _age(status) > _age(known):
            found[_key(status)] = status
    return found


def _key(status: OrderStatus) -> str:
    return status.client_order_id or f"venue {status.venue_order_id}"


def _age(status: OrderStatus) -> tuple[int, bool, int]:
    return status.updated_time, status.state in FINAL_STATES, status.filled_raw
