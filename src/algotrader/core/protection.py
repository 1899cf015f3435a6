"""The stop that every position owes, and the exit beside it.

``ensure`` compares what should be working for a holding with what is, and sends at most one request for each order. It may be
called after any event, any number of times. ``breach`` judges afterwards whether the guarantee holds.
"""

from __future__ import annotations

from typing import Final, final

from algotrader.core import reports
from algotrader.core.desk import Draft, OrderDesk
from algotrader.core.market import NS_PER_SECOND
from algotrader.core.orders import Order, OrderRole, OrderType, Side
from algotrader.core.risk import PPM, ppm
from algotrader.core.state import PROTECT_NONE, EngineState, Holding

PARTIAL_ENTRY_WAIT_NS: Final = 2 * NS_PER_SECOND
"""How long an entry may stay partly filled at a venue that takes no stop beside it."""

RETRY_NS: Final = 60 * NS_PER_SECOND
"""Wait before protection is tried again after the venue refused everything."""

MAX_ATTEMPTS: Final = 3

TIMER_PARTIAL: Final = "entry_partial"
TIMER_RETRY: Final = "protect_again"
TIMER_ADOPTED: Final = "adopted_again"


class StopGuaranteeBreach(ValueError):
    """A position is without its stop, no stop is on its way, and it is not being closed. Raised in strict mode only."""


@final
class Protection:
    """Keeps every holding's protective orders as they should be, and carries exits through."""

    def __init__(self, state: EngineState, desk: OrderDesk) -> None:
        self.state: Final = state
        self.desk: Final = desk
        capabilities = state.capabilities
        # Beside a resting stop a second sell is refused, or could turn the position over: the stop has to give way first.
        self.stop_gives_way: Final = capabilities.reserves_holdings or not capabilities.reduce_only

    def ensure(self, holding: Holding) -> None:
        """Bring stop, take profit and exit of a holding to what its position asks for."""
        if holding.quantity_raw == 0:
            self._flat(holding)
            return
        if not self.state.connected:
            return
        if self._drop_wrong_side(holding):
            return
        if holding.exit_quantity_raw and holding.leaving:
            holding.exit_quantity_raw = self.owed(holding)
        self._ensure_stop(holding)
        self._ensure_take(holding)
        if holding.exit_quantity_raw:
            self._pursue_exit(holding)

    def _flat(self, holding: Holding) -> None:
        """Nothing is held: what would sell it must go."""
        holding.partial_deadline = 0
        for order in (holding.stop_order, holding.take_order, holding.exit_order):
            if order is not None:
                self.desk.cancel(order)
        if holding.has_live_entry and not holding.exit_quantity_raw:
            return
        holding.stop_raw = 0
        holding.take_raw = 0
        holding.exit_quantity_raw = 0
        holding.exit_at_open = False
        holding.turned = False
        holding.exit_attempts = 0
        holding.stop_attempts = 0
        holding.take_attempts = 0
        holding.synthetic_take = False
        holding.waits_until = 0

    def _drop_wrong_side(self, holding: Holding) -> bool:
        """After a position has turned over, what closed the old side would add to the new one: it goes first."""
        found = False
        for order in self._adding(holding):
            self.desk.cancel(order)
            found = True
        return found

    def _adding(self, holding: Holding) -> list[Order]:
        found: list[Order] = []
        for order in (holding.stop_order, holding.take_order, holding.exit_order):
            if order is not None and not order.is_final and not order.attached and order.sign * holding.quantity_raw > 0:
                found.append(order)
        return found

    def owed(self, holding: Holding) -> int:
        """Quantity that needs protection and may be sold: what is held, less what the venue lacks of it.

        Where the venue holds less than our strategies together, the one registered last goes short of it first. What our own
        closing orders filled beyond our position was taken from somebody else's; all of that is given back.
        """
        held = abs(holding.quantity_raw)
        missing = holding.track.shortfall
        if missing == 0 or not holding.is_ours or holding.turned:
            return held
        for other in reversed(list(self.state.holdings.values())):
            if other.track is holding.track and other.is_ours:
                lacking = min(missing, abs(other.quantity_raw))
                if other is holding:
                    return held - lacking
                missing -= lacking
        return held

    def _exiting(self, holding: Holding) -> int:
        """Quantity for which the stop has to give way to an exit."""
        return min(holding.exit_quantity_raw, abs(holding.quantity_raw)) if self.stop_gives_way else 0

    def stop_price(self, holding: Holding) -> int:
        """The stop that should work: the planned or trailed one, else an emergency stop at a percentage of the average entry."""
        if holding.stop_raw == 0 and holding.protection != PROTECT_NONE:
            holding.stop_raw = self._emergency_stop(holding)
        return holding.stop_raw

    def _emergency_stop(self, holding: Holding) -> int:
        """A stop at a percentage of the average entry; for what was adopted, of the last price where that is worse."""
        reference, long = holding.position.average_raw(), holding.quantity_raw > 0
        if not holding.is_ours:
            last = holding.track.last_raw
            if last == 0:
                return 0
            worse = min(reference, last) if long else max(reference, last)
            reference = worse if reference else last
        distance = reference * ppm(self.state.policy.emergency_stop) // PPM
        if long:
            return max(holding.instrument.round_price_down(reference - distance), holding.instrument.tick(1))
        return holding.instrument.round_price_up(reference + distance)

    def _ensure_stop(self, holding: Holding) -> None:
        if self.stop_price(holding) == 0:
            return
        wanted = self.owed(holding) - self._exiting(holding)
        order = holding.stop_order
        if order is None or order.is_final:
            if wanted > 0:
                self._place_stop(holding, wanted)
        elif order.is_unknown:
            # Nothing may be asked of it before its fate is settled; until then the position must not grow beyond it.
            if holding.has_live_entry and holding.entry_order is not None and wanted > order.remaining_raw:
                self.desk.cancel(holding.entry_order)
        elif order.attached:
            self._await_entry(holding, self.state.orders[order.parent_id])
        elif wanted <= 0:
            self.desk.cancel(order)
        elif not order.cancel_requested:
            self._adjust(holding, order, wanted)

    def _adjust(self, holding: Holding, order: Order, wanted: int) -> None:
        quantity = order.filled_raw + wanted
        had = order.target
        if had[0] == quantity and had[2] == holding.stop_raw:
            return
        if not self.state.capabilities.can_replace(holding.instrument, had[0], quantity):
            self.desk.cancel(order)
            return
        if had[2] != holding.stop_raw:
            price = holding.instrument.price
            message = f"stop {price(had[2])} -> {price(holding.stop_raw)}"
            self.state.report(reports.STOP_MOVED, reports.INFO, holding, message, order, holding.stop_raw)
        self.desk.replace(order, quantity, 0, holding.stop_raw)

    def _place_stop(self, holding: Holding, quantity: int) -> None:
        if holding.entry_order is not None and holding.has_live_entry and self.state.capabilities.refuses_opposing:
            self._await_entry(holding, holding.entry_order)
            return
        if holding.waits_until > self.state.now:
            return
        if self._through_market(holding) or holding.stop_attempts >= MAX_ATTEMPTS:
            self._fall_back(holding)
            return
        holding.stop_attempts += 1
        long = holding.quantity_raw > 0
        draft = Draft(Side.SELL if long else Side.BUY, OrderType.STOP, quantity, OrderRole.STOP_LOSS)
        draft.stop_raw = holding.stop_raw
        draft.reduce_only = True
        draft.oco_group = self._oco_group(holding)
        order = self.desk.submit(holding, draft, holding.correlation_id)
        holding.stop_order = order
        message = f"stop at {holding.instrument.price(holding.stop_raw)} for {order.quantity}"
        self.state.report(reports.STOP_PLACED, reports.INFO, holding, message, order, holding.stop_raw)

    def _through_market(self, holding: Holding) -> bool:
        last = holding.track.last_raw
        if last == 0:
            return False
        return holding.stop_raw >= last if holding.quantity_raw > 0 else holding.stop_raw <= last

    def _fall_back(self, holding: Holding) -> None:
        """No stop can be placed: the position is closed at market instead, all of it even if a part is being sold already."""
        if holding.exit_quantity_raw >= self.owed(holding):
            return
        if not holding.is_ours:
            self._wait_adopted(holding)
            return
        message = f"no stop can work at {holding.instrument.price(holding.stop_raw)}; closing at market"
        self.state.report(reports.STOP_FALLBACK, reports.CRITICAL, holding, message)
        self.request_exit(holding, "stop cannot be placed", 0)

    def _wait_adopted(self, holding: Holding) -> None:
        """Adopting never closes: a stop that fits the market of then is tried a while later."""
        message = f"no stop can work at {holding.instrument.price(holding.stop_raw)} for what was adopted; trying again"
        self.state.report(reports.STOP_FALLBACK, reports.CRITICAL, holding, message)
        holding.stop_raw = 0
        holding.stop_attempts = 0
        holding.waits_until = self.state.now + RETRY_NS
        self.state.set_timer(holding.waits_until, TIMER_ADOPTED, holding.instrument.symbol)

    def _oco_group(self, holding: Holding) -> str:
        capabilities = self.state.capabilities
        if holding.take_raw == 0 or not capabilities.oco or capabilities.simple_only(holding.instrument, self.owed(holding)):
            return ""
        return f"{holding.correlation_id}-{holding.oco_serial}"

    def _await_entry(self, holding: Holding, entry: Order) -> None:
        """The venue takes no stop while the entry works, or still has to bring the attached one to life: wait a moment for it."""
        if holding.partial_deadline:
            return
        holding.partial_deadline = self.state.now + PARTIAL_ENTRY_WAIT_NS
        self.state.set_timer(holding.partial_deadline, TIMER_PARTIAL, entry.client_order_id)

    def _ensure_take(self, holding: Holding) -> None:
        wanted = self.owed(holding) - self._exiting(holding) if holding.take_raw else 0
        order = holding.take_order
        if order is not None and not order.is_final:
            if order.is_unknown or order.attached or order.cancel_requested:
                return
            stop = holding.stop_order
            if self.stop_gives_way and stop is not None and not stop.is_final and stop.request.oco_group != order.request.oco_group:
                # The stop that it was paired with is gone: beside the new one it would reserve the holding a second time.
                self.desk.cancel(order)
                return
            had, total = order.target[0], order.filled_raw + wanted
            if wanted <= 0 or not (had == total or self.state.capabilities.can_replace(holding.instrument, had, total)):
                self.desk.cancel(order)
            elif had != total:
                self.desk.replace(order, total, holding.take_raw, 0)
            return
        if wanted > 0 and not holding.exit_quantity_raw and not holding.synthetic_take:
            self._place_take(holding, wanted)

    def _place_take(self, holding: Holding, quantity: int) -> None:
        stop = holding.stop_order
        group = self._oco_group(holding) if stop is None or stop.is_final else stop.request.oco_group
        # Beside a stop that is not of its pair, a take profit would reserve the holding a second time: the engine watches instead.
        if (self.stop_gives_way and not group) or holding.take_attempts >= MAX_ATTEMPTS:
            holding.synthetic_take = True
            return
        if holding.has_live_entry and self.state.capabilities.refuses_opposing:
            return
        holding.take_attempts += 1
        long = holding.quantity_raw > 0
        draft = Draft(Side.SELL if long else Side.BUY, OrderType.LIMIT, quantity, OrderRole.TAKE_PROFIT)
        draft.limit_raw = holding.take_raw
        draft.reduce_only = True
        draft.oco_group = group
        holding.take_order = self.desk.submit(holding, draft, holding.correlation_id)

    def move_stop(self, holding: Holding, stop_raw: int) -> None:
        """Tighten a stop; one that would loosen it is ignored, one at or through the market closes the position instead."""
        if holding.quantity_raw == 0 or stop_raw <= 0 or holding.exit_quantity_raw:
            return
        long = holding.quantity_raw > 0
        current = holding.stop_raw
        if current and (stop_raw <= current if long else stop_raw >= current):
            return
        last = holding.track.last_raw
        if stop_raw >= last if long else stop_raw <= last:
            self.request_exit(holding, "stop at the market", 0)
            return
        holding.stop_raw = stop_raw
        self.ensure(holding)

    def request_exit(self, holding: Holding, reason: str, quantity_raw: int) -> None:
        """Close a holding at market, all of it or ``quantity_raw``; an entry that still works is cancelled first.

        What the entry fills before its cancel arrives is closed as well.
        """
        if not holding.managed:
            return
        if holding.has_live_entry and holding.entry_order is not None:
            self.desk.cancel(holding.entry_order)
        if quantity_raw == 0:
            holding.leaving = True
            holding.exit_reason = reason
        elif not holding.exit_quantity_raw:
            holding.leaving = False
        held = self.owed(holding)
        if held == 0 or holding.exit_quantity_raw >= held:
            return
        holding.exit_quantity_raw = min(quantity_raw or held, held)
        holding.exit_reason = reason
        self.state.report(reports.EXIT_REQUESTED, reports.INFO, holding, reason)
        self.ensure(holding)

    def _pursue_exit(self, holding: Holding) -> None:
        exit_order = holding.exit_order
        if exit_order is not None and not exit_order.is_final:
            return
        if holding.has_live_entry:
            if holding.entry_order is not None:
                self.desk.cancel(holding.entry_order)
            if self.state.capabilities.refuses_opposing:
                return
        quantity = min(holding.exit_quantity_raw, self.owed(holding))
        if quantity <= 0:
            return
        if self.stop_gives_way:
            free = abs(holding.quantity_raw) - self.desk.exiting_quantity(holding)
            if self._held_child(holding.stop_order) or self._held_child(holding.take_order) or free < quantity:
                return
        long = holding.quantity_raw > 0
        draft = Draft(Side.SELL if long else Side.BUY, OrderType.MARKET, quantity, OrderRole.EXIT)
        # What makes up for a shortage, or gives back what was taken, adds to what the venue holds: it cannot be reduce-only.
        draft.reduce_only = holding.track.shortfall == 0 or (holding.is_ours and not holding.turned)
        holding.exit_order = self.desk.submit(holding, draft, holding.correlation_id)

    def _held_child(self, order: Order | None) -> bool:
        return order is not None and order.attached and not order.is_final

    def after_open(self, holding: Holding) -> None:
        """A session has opened: what could not be sold in the last one is sold now."""
        if holding.exit_at_open and holding.quantity_raw:
            holding.exit_at_open = False
            self.request_exit(holding, "left over from the last session", 0)

    def after_close(self, holding: Holding) -> None:
        """The session of a strategy that wanted to be flat by now is over: what is left keeps its stop and is sold at the open."""
        if holding.quantity_raw:
            holding.exit_at_open = True
            message = f"{holding.position.quantity} still held after the close; its stop stays, it is sold at the next open"
            self.state.report(reports.NOT_FLAT, reports.CRITICAL, holding, message)
        self.ensure(holding)

    def breach(self, holding: Holding, patient: bool = True) -> str:
        """Say how the guarantee is broken for a holding, or give an empty text when it holds.

        After a venue has refused everything protection waits before it tries again; who is not patient does not let that count.
        """
        held = self.owed(holding)
        if held == 0 or not self.state.connected:
            return ""
        if holding.stop_raw == 0 and (holding.protection == PROTECT_NONE or not holding.is_ours):
            return ""
        if holding.exit_quantity_raw >= held or (patient and holding.waits_until > self.state.now):
            return ""
        if holding.partial_deadline and (holding.has_live_entry or self._held_child(holding.stop_order)):
            return ""
        stop, exit_order = holding.stop_order, holding.exit_order
        if self._adding(holding) or (stop is not None and not stop.is_final and (stop.cancel_requested or stop.is_unknown)):
            return ""
        closing = 0 if exit_order is None or exit_order.is_final else exit_order.remaining_raw
        covered = _coverage(stop) + max(closing, holding.exit_quantity_raw)
        if covered >= held:
            return ""
        uncovered = holding.instrument.quantity(held - covered)
        return f"{uncovered} of {abs(holding.position.quantity)} {holding.instrument.symbol} have no stop and none is on its way"


def _coverage(order: Order | None) -> int:
    """Quantity that a stop order protects or is about to: what works at the venue, or the change that is on its way."""
    if order is None or order.is_final or order.attached:
        return 0
    return max(max(order.working_leg.quantity_raw, order.target[0]) - order.filled_raw, 0)
