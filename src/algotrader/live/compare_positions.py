"""The venue's positions and cash against ours, once orders and executions have been compared.

A difference that something under way may explain waits; one that no execution explains belongs to ``external`` and is never spread
over strategies. A ratio like that of a split, over night, halts the instrument instead.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from algotrader.core.events import (
    CashMovement,
    CloseExternal,
    Event,
    ExternalPosition,
    OrderFill,
    PositionGone,
    TradingStatus,
)
from algotrader.core.orders import Side
from algotrader.core.scaled import from_money
from algotrader.core.state import EXTERNAL, EngineState, Holding, Track
from algotrader.live.compare_orders import OrderComparison
from algotrader.live.findings import (
    Agreement,
    Discrepancy,
    Kind,
    ReconciliationReport,
    Severity,
    Strategy,
)
from algotrader.venues.protocols import AccountPicture, VenueFill, VenuePosition

SPLIT_SUSPECTED: Final = "the quantity at the venue looks like a split"
"""Reason for which a comparison halts an instrument."""

_OVERNIGHT_NS: Final = 6 * 3600 * 1_000_000_000
_RATIOS: Final = tuple((n, 1) for n in (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50)) + ((3, 2), (5, 2), (4, 3), (5, 4))


class PositionComparison:
    """One comparison of positions and cash.

    Args:
        state: of the engine, only read.
        picture: what the venue says.
        report: where findings go.
        now: time of the events, nanoseconds UTC.
        orders: the comparison of orders, after its run.
        agreement: how differences are settled.
        waited: by symbol, the differences that the comparison before this one left for now.
    """

    def __init__(
        self,
        state: EngineState,
        picture: AccountPicture,
        report: ReconciliationReport,
        now: int,
        orders: OrderComparison,
        agreement: Agreement,
        waited: dict[str, int],
    ) -> None:
        self._state: Final = state
        self._picture: Final = picture
        self._report: Final = report
        self._now: Final = now
        self._orders: Final = orders
        self._agreement: Final = agreement
        self._waited: Final = waited
        self._venue: Final = {position.symbol: position for position in picture.positions}
        self._events: Final[list[Event]] = []
        self._facts: Final[list[Event]] = []
        self._moved_cash = 0

    def run(self) -> tuple[list[Event], list[Event]]:
        """Compare positions, then cash; gives strangers' executions that explain a difference, and corrections."""
        for track in self._state.tracks:
            self._symbol(track, self._venue.get(track.instrument.symbol, VenuePosition(track.instrument.symbol, 0, 0)))
        for position in self._picture.positions:
            if position.symbol not in self._state.by_symbol:
                self._report.notes.append(f"the venue holds {position.symbol}, which nobody follows")
        self._cash()
        return self._facts, self._events

    def _symbol(self, track: Track, venue: VenuePosition) -> None:
        symbol = track.instrument.symbol
        ours = self._state.ledger.net_quantity(symbol) + self._orders.booked.get(symbol, 0)
        external = self._external(track)
        difference = venue.quantity_raw - ours
        if self._must_wait(track, difference):
            if difference:
                self._report.waiting[symbol] = difference
            return
        strategies = ours - external
        gone = strategies != 0 and venue.quantity_raw * strategies <= 0 and not (difference == 0 and self._is_given_back(track))
        if self._strangers(symbol, difference):
            if not gone:
                reference = max(abs(ours), abs(venue.quantity_raw))
                kind = Kind.QUANTITY_MISMATCH if ours else Kind.MISSING_LOCAL
                self._found(symbol, kind, difference, reference, "executions of somebody else belong to external")
            external += difference
            difference = 0
        if difference and self._looks_split(track, ours, venue.quantity_raw):
            self._suspect_split(track, ours, venue)
        elif gone:
            self._gone(track, strategies, venue)
        elif difference:
            self._to_external(track, external, difference, strategies, venue)
        else:
            self._agrees(track, external)

    def _external(self, track: Track) -> int:
        holding = self._state.holdings.get((EXTERNAL, track.index))
        return 0 if holding is None else holding.quantity_raw

    def _is_given_back(self, track: Track) -> bool:
        """Whether an order works that gives back what closing orders took from somebody else: until then both books are off."""
        holdings = [holding for holding in self._state.holdings.values() if holding.track is track and holding.turned]
        return any(holding.exit_order is not None and not holding.exit_order.is_final for holding in holdings)

    # What has to wait

    def _must_wait(self, track: Track, difference: int) -> bool:
        symbol = track.instrument.symbol
        if symbol in self._orders.open_symbols or self._last_booked(symbol) >= self._picture.time:
            return True
        if difference == 0 or self._waited.get(symbol) == difference:
            return False
        # Executions between the questions for orders, executions and positions: the next comparison knows of them.
        return symbol in self._orders.booked or self._may_explain(track, difference)

    def _may_explain(self, track: Track, difference: int) -> bool:
        """Whether orders of ours that work there could have filled so much since they were asked about."""
        remaining = 0
        for order in self._state.live_orders.values():
            if order.symbol == track.instrument.symbol and order.sign * difference > 0 and not order.attached:
                remaining += order.remaining_raw
        return remaining >= abs(difference)

    def _last_booked(self, symbol: str) -> int:
        last = 0
        for (_, held), position in self._state.ledger.positions.items():
            if held == symbol and position.bookings:
                last = max(last, position.bookings[-1].time)
        return last

    # What is made of a difference

    def _strangers(self, symbol: str, difference: int) -> bool:
        """The newest executions of strangers that make up a difference exactly are booked as such: their cash is known."""
        if difference == 0:
            return False
        left, taken = difference, list[VenueFill]()
        for fill in reversed(self._orders.strangers):
            if fill.symbol != symbol:
                continue
            left -= fill.quantity_raw if fill.side is Side.BUY else -fill.quantity_raw
            taken.insert(0, fill)
            if left == 0:
                break
        if left:
            return False
        for fill in taken:
            self._book_stranger(fill)
        return True

    def _book_stranger(self, fill: VenueFill) -> None:
        instrument = self._state.by_symbol[fill.symbol].instrument
        sign = 1 if fill.side is Side.BUY else -1
        if instrument.currency == self._picture.account.currency:
            self._moved_cash -= sign * instrument.notional(fill.price_raw, fill.quantity_raw) + fill.commission
        self._facts.append(
            OrderFill(
                self._now,
                fill.client_order_id,
                fill.fill_id,
                fill.symbol,
                fill.side,
                fill.price_raw,
                fill.quantity_raw,
                fill.commission,
                fill.venue_order_id,
            )
        )

    def _gone(self, track: Track, strategies: int, venue: VenuePosition) -> None:
        symbol = track.instrument.symbol
        kind = Kind.SIDE_MISMATCH if venue.quantity_raw else Kind.MISSING_BROKER
        if self._agreement.strategy is Strategy.SYNC_TO_LOCAL:
            self._found(symbol, kind, strategies, strategies, "bought back at market")
            self._correct(track, venue.quantity_raw - strategies, venue)
            return
        self._found(symbol, kind, strategies, strategies, "booked out of our strategies")
        self._events.append(PositionGone(self._now, symbol))
        self._events.append(ExternalPosition(self._now, symbol, venue.quantity_raw, venue.average_raw))

    def _to_external(self, track: Track, external: int, difference: int, strategies: int, venue: VenuePosition) -> None:
        symbol = track.instrument.symbol
        kind = Kind.MISSING_LOCAL if strategies == 0 and external == 0 else Kind.QUANTITY_MISMATCH
        reference = max(abs(venue.quantity_raw), abs(strategies + external))
        if self._agreement.strategy is Strategy.SYNC_TO_LOCAL and external == 0:
            self._found(symbol, kind, difference, reference, "traded away at market")
            self._correct(track, difference, venue)
            return
        self._found(symbol, kind, difference, reference, "it belongs to external")
        self._events.append(ExternalPosition(self._now, symbol, external + difference, venue.average_raw))

    def _correct(self, track: Track, quantity_raw: int, venue: VenuePosition) -> None:
        symbol = track.instrument.symbol
        self._events.append(ExternalPosition(self._now, symbol, quantity_raw, venue.average_raw))
        self._events.append(CloseExternal(self._now, symbol, "the venue is brought back to what our strategies hold"))

    def _agrees(self, track: Track, external: int) -> None:
        symbol = track.instrument.symbol
        if track.external and external == 0:
            self._report.actions.append(f"{symbol}: nothing there belongs to somebody else any more; entries pass again")
            self._events.append(ExternalPosition(self._now, symbol, 0, 0))
        if track.halted and track.halt_reason == SPLIT_SUSPECTED:
            self._report.actions.append(f"{symbol}: the quantities agree again; the halt is lifted")
            self._events.append(TradingStatus(self._now, symbol, False, "the quantities agree again"))

    def _found(self, symbol: str, kind: Kind, difference: int, reference: int, action: str) -> None:
        instrument = self._state.by_symbol[symbol].instrument
        ours = self._state.ledger.net_quantity(symbol) + self._orders.booked.get(symbol, 0)
        venue = self._venue.get(symbol)
        theirs = 0 if venue is None else venue.quantity_raw
        grade = self._report.severity(difference, reference) if kind is Kind.QUANTITY_MISMATCH else Severity.CRITICAL
        found = Discrepancy(kind, grade, symbol, symbol, str(instrument.quantity(ours)), str(instrument.quantity(theirs)), action)
        self._report.positions.append(found)

    # Splits

    def _looks_split(self, track: Track, ours: int, venue: int) -> bool:
        """Whether a position from an earlier day has become a simple multiple or fraction of itself."""
        holding: Holding | None = self._state.holdings.get((EXTERNAL, track.index))
        if ours * venue <= 0 or (holding is not None and holding.adopted):
            # Whoever adopts what is held there says that it is no split.
            return False
        session = track.session
        last = self._last_booked(track.instrument.symbol)
        today = self._picture.time - _OVERNIGHT_NS if session is None else session.open_time
        if last >= today:
            return False
        mine, theirs, unit = abs(ours), abs(venue), max(track.instrument.quantity_increment, 1)
        for many, few in _RATIOS:
            if _near(theirs * few, mine * many, few * unit) or _near(theirs * many, mine * few, many * unit):
                return True
        return False

    def _suspect_split(self, track: Track, ours: int, venue: VenuePosition) -> None:
        symbol = track.instrument.symbol
        self._report.waiting[symbol] = venue.quantity_raw - ours
        if track.halted and track.halt_reason == SPLIT_SUSPECTED:
            self._report.notes.append(f"{symbol}: still halted, {SPLIT_SUSPECTED}")
            return
        self._found(symbol, Kind.QUANTITY_MISMATCH, 1, 1, "halted: it looks like a split")
        self._events.append(TradingStatus(self._now, symbol, True, SPLIT_SUSPECTED))

    # Cash

    def _cash(self) -> None:
        """Compare cash when nothing is under way that moves it."""
        account, ledger = self._picture.account, self._state.ledger
        if self._orders.open_symbols or self._orders.booked or self._report.waiting or not ledger.cash:
            return
        if any(self._last_booked(track.instrument.symbol) >= self._picture.time for track in self._state.tracks):
            return
        local = sum(amount for (_, currency), amount in ledger.cash.items() if currency == account.currency)
        local += self._moved_cash
        drift = account.cash - local
        base = abs(account.cash) or abs(account.equity)
        if abs(drift) <= base * self._agreement.cash_tolerance:
            return
        if self._state.live_orders and self._waited.get(account.currency) != drift:
            # What works may have been executed between the questions for cash and for orders.
            self._report.waiting[account.currency] = drift
            return
        adjusts = self._agreement.strategy is Strategy.SYNC_TO_BROKER
        self._report.cash.append(
            Discrepancy(
                Kind.CASH_MISMATCH,
                self._report.severity(drift, base),
                account.currency,
                "",
                str(from_money(local)),
                str(from_money(account.cash)),
                "ours is adjusted" if adjusts else "",
            )
        )
        if adjusts:
            self._events.append(CashMovement(self._now, "adjustment", account.currency, drift))

    def drift(self) -> Decimal:
        """The largest position difference found, as a share of the venue's equity."""
        largest = Decimal(0)
        equity = self._picture.account.equity
        for symbol in [found.symbol for found in self._report.positions]:
            track = self._state.by_symbol[symbol]
            venue = self._venue.get(symbol)
            difference = (0 if venue is None else venue.quantity_raw) - self._state.ledger.net_quantity(symbol)
            value = abs(track.instrument.notional(track.last_raw, difference))
            if equity > 0:
                largest = max(largest, Decimal(value) / equity)
        return largest


def _near(one: int, other: int, slack: int) -> bool:
    return abs(one - other) < slack
