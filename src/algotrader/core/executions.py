"""What executions do: to their order, to the ledger, to the holding, to the breaker. Every execution is booked, once.

An execution inferred by reconciliation is provisional; the real one takes its place. Busts and corrections reverse and rebook,
and the daily breaker is counted anew from the round trips that are left.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import mypyc_attr

from algotrader.core import reports
from algotrader.core.desk import OrderDesk
from algotrader.core.events import FillBusted, FillCorrected, OrderEvent, OrderFill
from algotrader.core.instruments import AssetClass, Instrument
from algotrader.core.ledger import Booking, RoundTrip
from algotrader.core.orders import Fill, Order, OrderRole, OrderState, Side
from algotrader.core.protection import Protection
from algotrader.core.scaled import power_of_ten
from algotrader.core.state import EXTERNAL, PROTECT_NONE, EngineState, Holding

MIN_KEPT_SHARES: Final = 5
"""A cancelled entry that filled fewer shares than this is closed again; more are kept with their stop."""

_CLOSING: Final = (OrderRole.STOP_LOSS, OrderRole.TAKE_PROFIT, OrderRole.EXIT)


@mypyc_attr(acyclic=True)
@final
class FillWords(reports.Words):
    """An execution in words."""

    def __init__(self, instrument: Instrument, side: Side, price_raw: int, quantity_raw: int) -> None:
        self.instrument: Final = instrument
        self.side: Final = side
        self.price_raw: Final = price_raw
        self.quantity_raw: Final = quantity_raw

    def text(self) -> str:
        """Such as ``buy 10 at 165.37``."""
        instrument = self.instrument
        return f"{self.side.value} {instrument.quantity(self.quantity_raw)} at {instrument.price(self.price_raw)}"


@mypyc_attr(acyclic=True)
@final
class TripWords(reports.Words):
    """The end of a position in words."""

    def __init__(self, trip: RoundTrip) -> None:
        self.trip: Final = trip

    def text(self) -> str:
        """Why it ended, and the profit."""
        return f"{self.trip.reason}: {self.trip.pnl}"


@final
class Executions:
    """Books executions, and what is taken back or changed of them."""

    def __init__(self, state: EngineState, desk: OrderDesk, protection: Protection) -> None:
        self.state: Final = state
        self.desk: Final = desk
        self.protection: Final = protection

    def fill(self, event: OrderFill, order: Order, holding: Holding) -> None:
        """Book an execution of one of our orders that is not known yet."""
        state = self.state
        ended = order.state.value if order.is_final else ""
        unsettled = order.is_unknown and (order.cancel_in_flight or order.pending_leg is not None)
        before = holding.quantity_raw
        if before == 0:
            holding.correlation_id = order.correlation_id
        trips = self._book(event, order, holding)
        if unsettled and not order.is_final:
            # It says that the order was there, not what became of the request that nobody answered.
            order.state = OrderState.UNKNOWN
        if not event.provisional:
            holding.track.last_raw = event.price_raw
        if ended:
            state.report(reports.LATE_FILL, reports.WARNING, holding, f"fill {event.fill_id} after {ended}", order)
        words = FillWords(holding.instrument, order.side, event.price_raw, event.quantity_raw)
        state.report_words(reports.ORDER_FILLED, holding, words, order)
        self._take_plan(order, holding, before)
        if holding.slot is not None:
            holding.slot.on_fill(holding, order, order.fills[event.fill_id])
        for trip in trips:
            self.round_trip(holding, trip)
        if ended and order.role is OrderRole.ENTRY:
            self.drop_small_rest(order, holding)

    def _book(self, event: OrderFill, order: Order, holding: Holding) -> list[RoundTrip]:
        fill = Fill(
            event.fill_id,
            order.client_order_id,
            order.side,
            event.price_raw,
            event.quantity_raw,
            event.commission,
            event.time,
            event.provisional,
        )
        reason = holding.exit_reason if order.role is OrderRole.EXIT else order.role.value
        booking = _booking(event, order.side, order.correlation_id, order.planned_stop_raw, reason)
        inferred = [] if event.provisional else [known for known in order.fills.values() if known.provisional]
        if inferred:
            self._replace_inferred(inferred, fill, booking, order, holding)
            return []
        order.add_fill(fill)
        return self.state.ledger.book(holding.owner, holding.instrument, order.side, booking)

    def _replace_inferred(self, inferred: list[Fill], fill: Fill, booking: Booking, order: Order, holding: Holding) -> None:
        """The real execution has come: as much of what was inferred in its place is taken out, oldest first."""
        ledger = self.state.ledger
        trips = holding.position.trips
        rest = fill.quantity_raw
        for known in inferred:
            taken = min(known.quantity_raw, rest)
            if taken == 0:
                break
            left = known.quantity_raw - taken
            commission = known.commission * left // known.quantity_raw
            if known is inferred[0]:
                ledger.put_in_place(known.fill_id, booking)
            else:
                ledger.correct(known.fill_id, known.price_raw, left, commission)
            if left:
                order.change_fill(known.restated(known.price_raw, left, commission))
            else:
                order.remove_fill(known.fill_id)
            rest -= taken
        order.add_fill(fill)
        self._revised(holding, trips)

    def _take_plan(self, order: Order, holding: Holding, before: int) -> None:
        """An entry brings its planned stop along; a closing order that turned the position over opened what nobody wanted."""
        now = holding.quantity_raw
        if order.role is OrderRole.ENTRY and now * order.sign > 0:
            self._take_entry(order, holding)
        elif order.role in _CLOSING and now * order.sign > 0:
            self._close_turned(holding, "a closing order filled more than was held")
        elif order.role is OrderRole.PLAIN and before * now < 0:
            # The position changed sides: what protected the old one would be on the wrong side of the new one.
            holding.stop_raw = 0
            holding.take_raw = 0
        elif order.role is OrderRole.EXIT and before:
            holding.exit_quantity_raw = max(holding.exit_quantity_raw - abs(before - now), 0)
            holding.exit_attempts = 0

    def _take_entry(self, order: Order, holding: Holding) -> None:
        # Whatever closing orders took from somebody else before, this is ours again.
        holding.turned = False
        if holding.stop_raw == 0:
            holding.stop_raw = order.planned_stop_raw
        if holding.take_raw == 0:
            holding.take_raw = order.planned_take_raw
            holding.oco_serial += 1
        if holding.entry_order is None or holding.entry_order.is_final:
            holding.entry_order = order
        if holding.leaving:
            self.protection.request_exit(holding, holding.exit_reason, 0)

    def _close_turned(self, holding: Holding, reason: str) -> None:
        """Nobody wanted a position on this side: it is closed, and the stop of the other side does not fit it."""
        holding.turned = True
        holding.stop_raw = 0
        holding.take_raw = 0
        holding.exit_quantity_raw = 0
        track = holding.track
        before = track.shortfall
        # The exit is judged by what the venue lacks now; that it has changed is told to the others when this holding is settled.
        self.state.note_shortfall(track)
        self.protection.request_exit(holding, reason, 0)
        track.shortfall = before

    def drop_small_rest(self, entry: Order, holding: Holding) -> None:
        """Close what an entry that has ended filled, when that is too little to keep."""
        unit = power_of_ten(holding.instrument.quantity_scale)
        few = holding.instrument.asset_class is AssetClass.EQUITY and entry.filled_raw < MIN_KEPT_SHARES * unit
        if entry.filled_raw and entry.remaining_raw and few and holding.quantity_raw:
            self.protection.request_exit(holding, "entry filled too little to keep", 0)

    def round_trip(self, holding: Holding, trip: RoundTrip) -> None:
        """A position was closed: count its profit, halt entries when that was the loss too many, tell the strategy."""
        state = self.state
        state.report_words(reports.TRADE_CLOSED, holding, TripWords(trip), None)
        if holding.is_ours and state.breaker.record(trip.profit):
            self.tripped(holding)
        if holding.slot is not None:
            holding.slot.on_round_trip(holding, trip)

    def tripped(self, holding: Holding | None) -> None:
        """The breaker has tripped: entries that wait are cancelled."""
        state = self.state
        state.report(reports.BREAKER_TRIPPED, reports.WARNING, holding, state.breaker.reason)
        for order in list(state.live_orders.values()):
            slot = state.order_holding[order.client_order_id].slot
            # Whom the breaker does not halt (explicit quantities, unless the policy says so), it does not cancel either.
            halted = state.policy.breaker_for_all or slot is None or slot.risk_sized
            if order.role is OrderRole.ENTRY and halted:
                self.desk.cancel(order)

    def amend(self, event: OrderEvent, order: Order, holding: Holding) -> None:
        """Reverse an execution of ours, and book it anew when it was corrected."""
        fill_id, price_raw, quantity_raw, commission = _amendment(event)
        word = "corrected" if quantity_raw else "busted"
        old = order.fills.get(fill_id)
        if old is None:
            self.state.report(reports.UNEXPECTED, reports.WARNING, holding, f"{word} fill {fill_id} is not known", order)
            return
        trips, before = holding.position.trips, holding.quantity_raw
        if quantity_raw:
            order.change_fill(old.restated(price_raw, quantity_raw, commission))
        else:
            order.remove_fill(fill_id)
        self.state.ledger.correct(fill_id, price_raw, quantity_raw, commission)
        self.state.report(reports.FILL_BUSTED, reports.WARNING, holding, f"fill {fill_id} {word}", order)
        self._revised(holding, trips)
        entry, now = holding.entry_order, holding.quantity_raw
        unwanted = before * now < 0 or (entry is not None and entry.sign * now < 0)
        if unwanted and order.role is not OrderRole.PLAIN:
            self._close_turned(holding, f"a {word} fill turned the position over")
        elif holding.stop_raw == 0:
            holding.stop_raw = _stop_of_old(holding)

    def _revised(self, holding: Holding, before: list[RoundTrip]) -> None:
        """The history of a position has changed: the breaker is counted anew from the day's round trips."""
        state = self.state
        if holding.position.trips == before:
            return
        state.report(reports.TRADE_REVISED, reports.WARNING, holding, "round trips have changed with the executions they came from")
        was_tripped = state.breaker.tripped
        profits = state.breaker_before + [
            t.profit for t in state.ledger.trips if t.sequence > state.breaker_since and t.owner != EXTERNAL
        ]
        state.breaker.rebuild(state.breaker.start_equity, profits)
        if state.breaker.tripped and not was_tripped:
            self.tripped(holding)
        elif was_tripped and not state.breaker.tripped:
            state.report(reports.BREAKER_RESET, reports.WARNING, holding, "the losses that tripped it have been taken back")

    def external(self, event: OrderEvent) -> None:
        """Something about an order that is not ours: its executions are booked to the owner ``external``."""
        state = self.state
        if isinstance(event, (FillBusted, FillCorrected)):
            fill_id, price_raw, quantity_raw, commission = _amendment(event)
            if state.ledger.booked.get(fill_id, ("", ""))[0] == EXTERNAL:
                state.ledger.correct(fill_id, price_raw, quantity_raw, commission)
        elif isinstance(event, OrderFill):
            self._external_fill(event)
            return
        state.note(reports.UNKNOWN_ORDER, f"{type(event).__name__} for {event.client_order_id}", level=reports.WARNING)

    def _external_fill(self, event: OrderFill) -> None:
        state = self.state
        track = state.by_symbol.get(event.symbol)
        if track is None or state.ledger.knows(event.fill_id):
            state.note(reports.UNKNOWN_ORDER, f"fill {event.fill_id} of {event.symbol} ignored", level=reports.WARNING)
            return
        holding = state.holding(None, EXTERNAL, track, PROTECT_NONE)
        track.external = not holding.adopted
        state.ledger.book(EXTERNAL, track.instrument, event.side, _booking(event, event.side, "", 0, "external"))
        state.note_shortfall(track)
        blocked = f", entries in {event.symbol} blocked" if track.external else ""
        message = f"fill {event.fill_id} for an order we do not know: booked to external{blocked}"
        state.report(reports.UNKNOWN_ORDER, reports.CRITICAL, holding, message)


def _amendment(event: OrderEvent) -> tuple[str, int, int, int]:
    """Execution id, and its new price, quantity and commission; quantity 0 takes it out."""
    if isinstance(event, FillCorrected):
        return event.fill_id, event.price_raw, event.quantity_raw, event.commission
    return event.fill_id if isinstance(event, FillBusted) else "", 0, 0, 0


def _stop_of_old(holding: Holding) -> int:
    """The stop of a position that a bust has brought back: the tighter of planned and last; 0 for none."""
    entry, stop, held = holding.entry_order, holding.stop_order, holding.quantity_raw
    if entry is None or held * entry.sign <= 0:
        return 0
    planned = entry.planned_stop_raw
    if stop is None or stop.sign == entry.sign or stop.correlation_id != entry.correlation_id:
        return planned
    if planned == 0:
        return stop.stop_raw
    return max(planned, stop.stop_raw) if held > 0 else min(planned, stop.stop_raw)


def _booking(event: OrderFill, side: Side, correlation_id: str, planned_stop_raw: int, reason: str) -> Booking:
    return Booking(
        event.fill_id,
        event.client_order_id,
        correlation_id,
        1 if side is Side.BUY else -1,
        event.price_raw,
        event.quantity_raw,
        event.commission,
        event.time,
        planned_stop_raw,
        reason,
    )
