"""What is said about the account as a whole: its money, what is held there that nobody of ours opened, how the day has gone."""

from __future__ import annotations

from typing import Final, final

from algotrader.core import reports
from algotrader.core.events import (
    AccountSnapshot,
    BreakerRestored,
    CashMovement,
    CloseExternal,
    Event,
    ExternalPosition,
    ForeignOrder,
    PositionGone,
)
from algotrader.core.executions import Executions
from algotrader.core.orders import Side
from algotrader.core.positions import Booking
from algotrader.core.protection import Protection
from algotrader.core.scaled import from_money
from algotrader.core.state import CORRECTED, EXTERNAL, PROTECT_NONE, EngineState, Holding, Track

_PAID: Final = ("deposit", "withdrawal", "adjustment")
"""Movements of cash that come from outside, as far as anybody knows; fees, interest and dividends are earned or lost."""


@final
class AccountEvents:
    """Carries events of the account into the engine's state; the engine sees to protection afterwards."""

    def __init__(self, state: EngineState, protection: Protection, executions: Executions) -> None:
        self.state: Final = state
        self.protection: Final = protection
        self.executions: Final = executions

    def handle(self, event: Event) -> bool:
        """Apply one event; False for one that is not about the account."""
        if isinstance(event, CashMovement):
            self._move_cash(event)
        elif isinstance(event, AccountSnapshot):
            self._snapshot(event)
        elif isinstance(event, ForeignOrder):
            self._foreign_order(event)
        elif isinstance(event, BreakerRestored):
            self._restore_breaker(event)
        elif isinstance(event, (ExternalPosition, PositionGone, CloseExternal)):
            self._position(event)
        else:
            return False
        return True

    def _move_cash(self, event: CashMovement) -> None:
        state = self.state
        state.ledger.move_cash(self._venue(), event.currency, event.amount)
        if state.breaker.start_equity and event.kind in _PAID:
            # What was paid in or out today is no profit of today.
            state.breaker.start_equity += event.amount
        state.note(reports.CASH_MOVED, f"{event.kind} {from_money(event.amount)} {event.currency}", event.symbol)

    def _venue(self) -> str:
        return self.state.tracks[0].instrument.venue if self.state.tracks else ""

    def _snapshot(self, event: AccountSnapshot) -> None:
        state = self.state
        state.account = event
        state.account_spent = 0
        state.account_stale_told = False
        if not state.ledger.cash and not state.ledger.booked:
            # A new account: what it starts with is what the venue says.
            state.ledger.move_cash(self._venue(), event.currency, event.cash)
            state.note(reports.CASH_MOVED, f"the account starts with {from_money(event.cash)} {event.currency}")

    def _foreign_order(self, event: ForeignOrder) -> None:
        state = self.state
        if event.quantity_raw <= 0:
            if state.foreign.pop(event.venue_order_id, None) is not None:
                state.note(reports.FOREIGN_ORDER, f"order {event.venue_order_id}, which is not ours, is gone", event.symbol)
            return
        if event.venue_order_id not in state.foreign:
            message = f"{event.side.value} order {event.venue_order_id} works at the venue and is not ours; it is left alone"
            state.note(reports.FOREIGN_ORDER, message, event.symbol, level=reports.WARNING)
        state.foreign[event.venue_order_id] = event

    def _restore_breaker(self, event: BreakerRestored) -> None:
        """Count today's round trips again; the equity at the day's start is what there is now less what they brought (money)."""
        state = self.state
        profits = list(event.profits)
        equity = event.start_equity
        if equity == 0:
            realized = 0
            for profit in profits:
                realized += profit
            equity = (state.equity() if state.account is None else state.account.equity) - realized
        state.breaker_before = profits
        state.breaker_since = state.ledger.sequence
        state.breaker.rebuild(equity, profits)
        message = f"{len(profits)} round trips today, equity at the day's start taken as {from_money(equity)}"
        state.note(reports.BREAKER_RESTORED, message, level=reports.WARNING)
        if state.breaker.tripped:
            self.executions.tripped(None)

    def _position(self, event: ExternalPosition | PositionGone | CloseExternal) -> None:
        track = self.state.by_symbol.get(event.symbol)
        if track is None:
            message = f"{type(event).__name__} of an instrument that nobody follows"
            self.state.note(reports.EXTERNAL_POSITION, message, event.symbol, level=reports.WARNING)
            return
        holding = self.state.holding(None, EXTERNAL, track, PROTECT_NONE)
        if isinstance(event, ExternalPosition):
            self._place_external(event, holding)
        elif isinstance(event, PositionGone):
            self._book_out(holding)
        else:
            self._close_external(event, holding)
        self.state.note_shortfall(track)

    def _place_external(self, event: ExternalPosition, holding: Holding) -> None:
        state, track = self.state, holding.track
        before = holding.quantity_raw
        state.ledger.place(EXTERNAL, track.instrument, event.quantity_raw, event.average_raw, state.now)
        if before * event.quantity_raw <= 0:
            holding.stop_raw = 0
        if holding.adopted == CORRECTED:
            holding.adopted = ""
        track.external = event.quantity_raw != 0 and not holding.adopted
        quantity = track.instrument.quantity(event.quantity_raw)
        blocked = ", entries there are denied until it is adopted" if track.external else ""
        level = reports.WARNING if event.quantity_raw else reports.INFO
        state.report(reports.EXTERNAL_POSITION, level, holding, f"{quantity} belong to nobody of ours{blocked}")

    def _close_external(self, event: CloseExternal, holding: Holding) -> None:
        if holding.quantity_raw == 0 or holding.adopted:
            return
        holding.adopted = CORRECTED
        message = f"closing {holding.position.quantity} that belong to nobody of ours: {event.reason}"
        self.state.report(reports.EXTERNAL_POSITION, reports.CRITICAL, holding, message)
        self.protection.request_exit(holding, event.reason, 0)

    def _book_out(self, external: Holding) -> None:
        """Somebody else has closed what our strategies hold: it leaves their books at the last price, and no cash moves."""
        for holding in list(self.state.holdings.values()):
            if holding.track is external.track and holding.is_ours and holding.quantity_raw:
                self._hand_over(holding, external.track)

    def _hand_over(self, holding: Holding, track: Track) -> None:
        state, held = self.state, holding.quantity_raw
        price = track.last_raw or holding.position.average_raw()
        message = f"{holding.position.quantity} are gone at the venue; booked out at {track.instrument.price(price)}"
        state.report(reports.POSITION_GONE, reports.CRITICAL, holding, message)
        name = f"gone-{state.ledger.sequence + 1}"
        trips = state.ledger.book(
            holding.owner,
            track.instrument,
            Side.SELL if held > 0 else Side.BUY,
            self._booking(name, holding.correlation_id, -held, price),
        )
        other = self._booking(f"{name}-external", "", held, price)
        state.ledger.book(EXTERNAL, track.instrument, Side.BUY if held > 0 else Side.SELL, other)
        for trip in trips:
            self.executions.round_trip(holding, trip)

    def _booking(self, fill_id: str, correlation_id: str, signed_raw: int, price_raw: int) -> Booking:
        sign = 1 if signed_raw > 0 else -1
        return Booking(fill_id, "", correlation_id, sign, price_raw, abs(signed_raw), 0, self.state.now, 0, "gone at the venue")
