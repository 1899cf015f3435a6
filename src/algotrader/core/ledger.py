"""The books of one engine: all positions by strategy and instrument, cash by venue and currency, all round trips.

Every execution moves cash by exactly price × quantity plus commission. Busts, corrections and executions that replace inferred
ones change the history of their position, which is then worked through again.
"""

from __future__ import annotations

from typing import final

from algotrader.core.instruments import Instrument
from algotrader.core.orders import Side
from algotrader.core.positions import AVERAGE_PLACES as AVERAGE_PLACES
from algotrader.core.positions import Booking as Booking
from algotrader.core.positions import Position as Position
from algotrader.core.positions import RoundTrip as RoundTrip
from algotrader.core.positions import average_price as average_price
from algotrader.core.positions import placement as placement
from algotrader.core.positions import split_booking as split_booking


@final
class Ledger:
    """All positions and all cash of one engine."""

    def __init__(self) -> None:
        self.positions: dict[tuple[str, str], Position] = {}
        self.cash: dict[tuple[str, str], int] = {}
        self.trips: list[RoundTrip] = []
        self.booked: dict[str, tuple[str, str]] = {}
        self.busted: dict[str, bool] = {}
        self.sequence: int = 0

    def knows(self, fill_id: str) -> bool:
        """Whether an execution was booked already, even if it was taken out again since."""
        return fill_id in self.booked or fill_id in self.busted

    def position(self, owner: str, instrument: Instrument) -> Position:
        """The position of a strategy in an instrument, made flat when there was none."""
        key = (owner, instrument.symbol)
        found = self.positions.get(key)
        if found is None:
            found = Position(owner, instrument)
            self.positions[key] = found
        return found

    def move_cash(self, venue: str, currency: str, amount: int) -> None:
        """Add money to a venue's cash (or take it away)."""
        key = (venue, currency)
        self.cash[key] = self.cash.get(key, 0) + amount

    def book(self, owner: str, instrument: Instrument, side: Side, booking: Booking) -> list[RoundTrip]:
        """Book an execution: cash moves by price × quantity and commission, the position by quantity. Gives ended round trips."""
        value = instrument.notional(booking.price_raw, booking.quantity_raw)
        sign = 1 if side is Side.BUY else -1
        self.move_cash(instrument.venue, instrument.currency, -sign * value - booking.commission)
        self.booked[booking.fill_id] = (owner, instrument.symbol)
        self.sequence += 1
        booking.sequence = self.sequence
        ended = self.position(owner, instrument).book(booking)
        self.trips.extend(ended)
        return ended

    def place(self, owner: str, instrument: Instrument, quantity_raw: int, average_raw: int, time: int) -> Position:
        """Set what an owner holds (signed quantity, average entry price), whatever was booked before; no cash moves."""
        position = self.position(owner, instrument)
        booking = placement(1 if quantity_raw >= 0 else -1, average_raw, abs(quantity_raw), time)
        self.sequence += 1
        booking.sequence = self.sequence
        position.book(booking)
        return position

    def split(self, instrument: Instrument, numerator: int, denominator: int, new_price_raw: int, time: int) -> int:
        """Apply a split to every position in the instrument; gives the cash paid in lieu of fractions (money)."""
        paid = 0
        for position in list(self.positions.values()):
            # Flat ones too: an execution from before the split may still be busted after it.
            if position.instrument.symbol == instrument.symbol and position.bookings:
                before = position.paid_in_lieu
                self.sequence += 1
                booking = split_booking(numerator, denominator, new_price_raw, time)
                booking.sequence = self.sequence
                self.trips.extend(position.book(booking))
                paid += position.paid_in_lieu - before
        self.move_cash(instrument.venue, instrument.currency, paid)
        return paid

    def rename(self, old: Instrument, new: Instrument) -> None:
        """Carry positions over to an instrument's new symbol."""
        for key, position in list(self.positions.items()):
            if key[1] == old.symbol:
                del self.positions[key]
                position.instrument = new
                self.positions[(key[0], new.symbol)] = position
        self.booked = {f: ((k[0], new.symbol) if k[1] == old.symbol else k) for f, k in self.booked.items()}

    def net_quantity(self, symbol: str) -> int:
        """What the venue should show: the sum over all strategies (scaled, signed)."""
        return sum([p.quantity_raw for p in self.positions.values() if p.instrument.symbol == symbol])

    def bust(self, fill_id: str) -> Position | None:
        """Take an execution out and book the rest of its position again; gives the position, or None for an unknown one."""
        return self.correct(fill_id, 0, 0, 0)

    def correct(self, fill_id: str, price_raw: int, quantity_raw: int, commission: int) -> Position | None:
        """Change an execution (or take it out with quantity 0) and book its position again."""
        found = self._find(fill_id)
        if found is None:
            return None
        position, booking = found
        self._pay(position.instrument, booking, -1)
        if quantity_raw:
            booking.price_raw = price_raw
            booking.quantity_raw = quantity_raw
            booking.commission = commission
            self._pay(position.instrument, booking, 1)
        else:
            position.bookings.remove(booking)
            del self.booked[fill_id]
            self.busted[fill_id] = True
        self._rebook(position)
        return position

    def put_in_place(self, provisional_id: str, booking: Booking) -> Position | None:
        """Book a real execution where an inferred one stands, which shrinks by as much or goes. None when there is none such."""
        found = self._find(provisional_id)
        if found is None:
            return None
        position, inferred = found
        instrument = position.instrument
        self._pay(instrument, inferred, -1)
        place = position.bookings.index(inferred)
        position.bookings.insert(place, booking)
        booking.sequence = inferred.sequence
        self.booked[booking.fill_id] = (position.owner, instrument.symbol)
        rest = inferred.quantity_raw - booking.quantity_raw
        if rest > 0:
            inferred.commission = inferred.commission * rest // inferred.quantity_raw
            inferred.quantity_raw = rest
            self._pay(instrument, inferred, 1)
        else:
            position.bookings.remove(inferred)
            del self.booked[provisional_id]
            self.busted[provisional_id] = True
        self._pay(instrument, booking, 1)
        self._rebook(position)
        return position

    def _find(self, fill_id: str) -> tuple[Position, Booking] | None:
        key = self.booked.get(fill_id)
        if key is None:
            return None
        position = self.positions[key]
        for booking in position.bookings:
            if booking.fill_id == fill_id:
                return position, booking
        return None

    def _pay(self, instrument: Instrument, booking: Booking, times: int) -> None:
        """Let an execution's cash move, or move back (``times`` -1)."""
        value = booking.sign * instrument.notional(booking.price_raw, booking.quantity_raw)
        self.move_cash(instrument.venue, instrument.currency, -times * (value + booking.commission))

    def _rebook(self, position: Position) -> None:
        """Work a position's history through again after it has changed; round trips keep the order of their ends."""
        replaced = [trip.trip_id for trip in position.trips]
        lieu = position.paid_in_lieu
        position.rebook()
        self.move_cash(position.instrument.venue, position.instrument.currency, position.paid_in_lieu - lieu)
        kept = [trip for trip in self.trips if trip.trip_id not in replaced]
        self.trips = sorted(kept + position.trips, key=_by_sequence)


def _by_sequence(trip: RoundTrip) -> int:
    return trip.sequence
