"""Positions: what one strategy holds of one instrument, what it cost, and the round trips it has been through. All money is exact.

A position stores signed quantity and cost and derives its average. Realised profit is proceeds minus the cost that left with the
quantity; whatever the rounding of that share, cost that stays and cost that leaves add up to the cost there was, so nothing is
ever lost.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, final

from mypy_extensions import mypyc_attr

from algotrader.core.instruments import Instrument
from algotrader.core.records import Record
from algotrader.core.scaled import MONEY_SCALE, div_half_even, from_money, from_scaled, power_of_ten, tidy

AVERAGE_PLACES: Final = 10
"""Decimal places to which derived average prices are rounded (half to even)."""


@mypyc_attr(acyclic=True)
@final
class RoundTrip(Record):
    """One position from flat to flat, all partial entries and exits together. Values and commission are money, unsigned.

    ``side`` is long or short; ``quantity_raw`` is the total entered. ``profit`` is after commission. ``sequence`` orders the round
    trips of a ledger by the booking that ended them.
    """

    def __init__(
        self,
        trip_id: str,
        correlation_id: str,
        owner: str,
        instrument: Instrument,
        side: str,
        quantity_raw: int,
        entry_value: int,
        exit_value: int,
        commission: int,
        entry_time: int,
        exit_time: int,
        stop_raw: int = 0,
        reason: str = "",
        sequence: int = 0,
    ) -> None:
        self.trip_id: Final = trip_id
        self.correlation_id: Final = correlation_id
        self.owner: Final = owner
        self.instrument: Final = instrument
        self.side: Final = side
        self.quantity_raw: Final = quantity_raw
        self.entry_value: Final = entry_value
        self.exit_value: Final = exit_value
        self.commission: Final = commission
        self.entry_time: Final = entry_time
        self.exit_time: Final = exit_time
        self.stop_raw: Final = stop_raw
        self.reason: Final = reason
        self.sequence: Final = sequence

    @property
    def gross(self) -> int:
        """Profit before commission, money."""
        return self.exit_value - self.entry_value if self.side == "long" else self.entry_value - self.exit_value

    @property
    def profit(self) -> int:
        """Profit after commission, money."""
        return self.gross - self.commission

    @property
    def pnl(self) -> Decimal:
        """Profit after commission."""
        return from_money(self.profit)

    @property
    def pnl_fraction(self) -> float:
        """Profit after commission as a fraction of what the entry cost."""
        return self.profit / self.entry_value if self.entry_value else 0.0

    @property
    def quantity(self) -> Decimal:
        """Quantity entered."""
        return self.instrument.quantity(self.quantity_raw)

    @property
    def entry_price(self) -> Decimal:
        """Average entry price."""
        return average_price(self.entry_value, self.quantity_raw, self.instrument)

    @property
    def exit_price(self) -> Decimal:
        """Average exit price."""
        return average_price(self.exit_value, self.quantity_raw, self.instrument)

    @property
    def duration_ns(self) -> int:
        """Time from first entry to last exit."""
        return self.exit_time - self.entry_time


def average_price(value: int, quantity_raw: int, instrument: Instrument) -> Decimal:
    """Value (money, unsigned) by quantity as a price, half-even to ``AVERAGE_PLACES``; 0 for no quantity."""
    if quantity_raw == 0:
        return Decimal(0)
    # Money by quantity, both scaled: the divisor is quantity x multiplier at the money scale's distance from the wanted places.
    shift = MONEY_SCALE - AVERAGE_PLACES - instrument.quantity_scale
    up, down = power_of_ten(max(-shift, 0)), power_of_ten(max(shift, 0))
    raw = div_half_even(value * up, abs(quantity_raw) * instrument.multiplier * down)
    return tidy(from_scaled(raw, AVERAGE_PLACES))


@mypyc_attr(acyclic=True)
@final
class Booking:
    """One entry of a position's history: an execution, a split when ``numerator`` is set, or a placement when ``denominator`` is 0.

    The history is kept so that a bust can be taken out and the rest booked again.
    """

    def __init__(
        self,
        fill_id: str,
        order_id: str,
        correlation_id: str,
        sign: int,
        price_raw: int,
        quantity_raw: int,
        commission: int,
        time: int,
        stop_raw: int,
        reason: str,
        numerator: int = 0,
        denominator: int = 1,
    ) -> None:
        self.fill_id: Final = fill_id
        self.order_id: Final = order_id
        self.correlation_id: Final = correlation_id
        self.sign: Final = sign
        self.price_raw: int = price_raw
        self.quantity_raw: int = quantity_raw
        self.commission: int = commission
        self.time: Final = time
        self.stop_raw: Final = stop_raw
        self.reason: Final = reason
        self.numerator: Final = numerator
        self.denominator: Final = denominator
        self.sequence: int = 0


def split_booking(numerator: int, denominator: int, new_price_raw: int, time: int) -> Booking:
    """A split as an entry of a position's history; ``new_price_raw`` is the price after it."""
    return Booking("", "", "", 1, new_price_raw, 0, 0, time, 0, "split", numerator, denominator)


def placement(sign: int, price_raw: int, quantity_raw: int, time: int) -> Booking:
    """What somebody else says is held from here on, whatever came before, as an entry of a position's history."""
    return Booking("", "", "", sign, price_raw, quantity_raw, 0, time, 0, "placed", 0, 0)


@final
class Position:
    """What one strategy holds of one instrument. ``quantity_raw`` and ``cost`` (money) are signed: negative when short."""

    def __init__(self, owner: str, instrument: Instrument) -> None:
        self.owner: Final = owner
        self.instrument: Instrument = instrument
        self.quantity_raw: int = 0
        self.cost: int = 0
        self.realized: int = 0
        self.commission: int = 0
        self.opened_time: int = 0
        self.paid_in_lieu: int = 0
        self.bookings: list[Booking] = []
        self.trips: list[RoundTrip] = []
        self._entered: int = 0
        self._entry_value: int = 0
        self._exit_value: int = 0
        self._trip_commission: int = 0
        self._trip_sign: int = 0
        self._correlation_id: str = ""
        self._stop_raw: int = 0

    @property
    def side(self) -> str:
        """Long, short or flat."""
        return "long" if self.quantity_raw > 0 else "short" if self.quantity_raw < 0 else "flat"

    @property
    def quantity(self) -> Decimal:
        """Signed quantity."""
        return self.instrument.quantity(self.quantity_raw)

    @property
    def average_entry_price(self) -> Decimal:
        """Cost by quantity; 0 when flat."""
        return average_price(abs(self.cost), self.quantity_raw, self.instrument)

    def average_raw(self) -> int:
        """Average entry price as a scaled integer, half-even; 0 when flat."""
        if self.quantity_raw == 0:
            return 0
        return div_half_even(abs(self.cost), abs(self.quantity_raw) * self.instrument.money_factor)

    def market_value(self, price_raw: int) -> int:
        """Value at a price, money, negative when short."""
        return self.instrument.notional(price_raw, self.quantity_raw)

    def unrealized(self, price_raw: int) -> int:
        """Profit not realised yet at a price, money, before commission."""
        return self.market_value(price_raw) - self.cost

    def book(self, booking: Booking) -> list[RoundTrip]:
        """Book an execution or a split; gives the round trips that it ended (none or one)."""
        self.bookings.append(booking)
        before = len(self.trips)
        self._apply(booking)
        return self.trips[before:]

    def rebook(self) -> None:
        """Book all executions again from the first, after one was busted or corrected."""
        self.quantity_raw = 0
        self.cost = 0
        self.realized = 0
        self.commission = 0
        self.opened_time = 0
        self.paid_in_lieu = 0
        self.trips = []
        self._trip_sign = 0
        for booking in self.bookings:
            self._apply(booking)

    def _apply(self, booking: Booking) -> None:
        if booking.numerator:
            self._split(booking)
            return
        if booking.denominator == 0:
            self._place(booking)
            return
        held = self.quantity_raw
        if held == 0 or (held > 0) == (booking.sign > 0):
            self._enter(booking, booking.quantity_raw, booking.commission)
            return
        closing = min(booking.quantity_raw, abs(held))
        # An execution that turns the position over pays its commission in proportion on both sides.
        charge = booking.commission * closing // booking.quantity_raw
        self._exit(booking, closing, charge)
        if booking.quantity_raw > closing:
            self._enter(booking, booking.quantity_raw - closing, booking.commission - charge)

    def _enter(self, booking: Booking, quantity_raw: int, commission: int) -> None:
        if self.quantity_raw == 0:
            self.opened_time = booking.time
            self._entered = 0
            self._entry_value = 0
            self._exit_value = 0
            self._trip_commission = 0
            self._trip_sign = booking.sign
            self._correlation_id = booking.correlation_id
            self._stop_raw = booking.stop_raw
        value = self.instrument.notional(booking.price_raw, quantity_raw)
        self.quantity_raw += booking.sign * quantity_raw
        self.cost += booking.sign * value
        self.commission += commission
        self._entered += quantity_raw
        self._entry_value += value
        self._trip_commission += commission

    def _place(self, booking: Booking) -> None:
        self.quantity_raw = 0
        self.cost = 0
        self.opened_time = 0
        if booking.quantity_raw:
            self._enter(booking, booking.quantity_raw, 0)

    def _exit(self, booking: Booking, quantity_raw: int, commission: int) -> None:
        value = self.instrument.notional(booking.price_raw, quantity_raw)
        leaving = self.cost if quantity_raw == abs(self.quantity_raw) else self.cost * quantity_raw // abs(self.quantity_raw)
        self.realized += -booking.sign * value - leaving
        self.quantity_raw += booking.sign * quantity_raw
        self.cost -= leaving
        self.commission += commission
        self._exit_value += value
        self._trip_commission += commission
        if self.quantity_raw == 0:
            self._end_trip(booking)

    def _end_trip(self, booking: Booking) -> None:
        self.trips.append(
            RoundTrip(
                f"{self.owner}:{self.instrument.symbol}:{len(self.trips) + 1}",
                self._correlation_id,
                self.owner,
                self.instrument,
                "long" if self._trip_sign > 0 else "short",
                self._entered,
                self._entry_value,
                self._exit_value,
                self._trip_commission,
                self.opened_time,
                booking.time,
                self._stop_raw,
                booking.reason,
                booking.sequence,
            )
        )
        self.opened_time = 0

    def _split(self, booking: Booking) -> None:
        """Scale quantity and the planned stop; a fraction that cannot be held leaves at the new price, as an execution would."""
        numerator, denominator = booking.numerator, booking.denominator
        held = abs(self.quantity_raw)
        sign = 1 if self.quantity_raw >= 0 else -1
        whole = held * numerator // denominator
        rest = held * numerator % denominator
        if whole or not held:
            self._entered = self._entered * numerator // denominator
        self._stop_raw = div_half_even(self._stop_raw * denominator, numerator)
        if rest:
            paid = sign * (rest * booking.price_raw * self.instrument.money_factor // denominator)
            leaving = self.cost * rest // (held * numerator)
            self.realized += paid - leaving
            self.cost -= leaving
            self._exit_value += abs(paid)
            self.paid_in_lieu += paid
        self.quantity_raw = sign * whole
        if held and whole == 0:
            self._end_trip(booking)
