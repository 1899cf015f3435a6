"""What a run traded, as the engine knows it: counts, sums and the fingerprint need no records, and most are never looked at."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from decimal import Context, Decimal
from functools import cached_property, lru_cache
from typing import Final

from algotrader.core.events import OrderFill
from algotrader.core.instruments import Instrument
from algotrader.core.orders import Order, OrderRole, Side
from algotrader.core.positions import RoundTrip
from algotrader.core.reports import TRADE_CLOSED, Report
from algotrader.core.scaled import MONEY_SCALE, from_money, from_scaled, money
from algotrader.research.records import FillRecord, Records, RoundTripRecord, StopRecord

_CONTEXT: Final = Context(prec=60)
_SHOWN: Final = 10**16
"""The places of money that may be left out where they are zero: all but two."""


Execution = tuple[OrderFill, Order | None]


class Fills(Records[FillRecord]):
    """The executions of a run, each with its order where it was ours."""

    def __init__(self, executions: Iterable[Execution], instruments: dict[str, Instrument]) -> None:
        # Of an order only so much is kept, as a result often outlives its run.
        self._rows: Final = [
            (event, "", None) if order is None else (event, order.owner, order.role) for event, order in executions
        ]
        super().__init__(len(self._rows))
        self._instruments: Final = instruments

    def _make(self) -> list[FillRecord]:
        return [self._record(event, owner, role) for event, owner, role in self._rows]

    def _record(self, event: OrderFill, owner: str, role: OrderRole | None) -> FillRecord:
        instrument = self._instruments[event.symbol]
        return FillRecord(
            event.time,
            event.symbol,
            event.side.value,
            instrument.quantity(event.quantity_raw),
            instrument.price(event.price_raw),
            from_money(event.commission),
            event.client_order_id,
            owner,
            "" if role is None else role.value,
        )

    def commissions(self) -> list[int]:
        """What each of them cost, money."""
        return [event.commission for event, _, _ in self._rows]

    def traded(self) -> int:
        """Quantity times price of all of them together, money."""
        unit = {symbol: 10 ** (MONEY_SCALE - each.quantity_scale - each.price_scale) for symbol, each in self._instruments.items()}
        return sum([event.quantity_raw * event.price_raw * unit[event.symbol] for event, _, _ in self._rows])

    def fingerprint(self) -> str:
        """See ``fingerprint_of``."""
        scales = {symbol: (each.quantity_scale, each.price_scale) for symbol, each in self._instruments.items()}
        # Quantities and commissions are often the same again, and looking up the name of a side takes long.
        text = lru_cache(maxsize=None)(short_text)
        buy, bought, sold = Side.BUY, Side.BUY.value, Side.SELL.value
        lines = []
        for event, _, _ in self._rows:
            symbol = event.symbol
            quantity, price = scales[symbol]
            amount = text(event.quantity_raw, quantity)
            called = bought if event.side is buy else sold
            numbers = f"{amount}|{short_text(event.price_raw, price)}|{text(event.commission, MONEY_SCALE)}"
            lines.append(f"{event.time}|{symbol}|{called}|{numbers}\n")
        return _digest(lines)


class Trips(Records[RoundTripRecord]):
    """The round trips of a run, in the order of their ends."""

    def __init__(self, trips: Sequence[RoundTrip]) -> None:
        super().__init__(len(trips))
        self._trips: Final = trips

    def _make(self) -> list[RoundTripRecord]:
        return [_trip(row) for row in self._rows]

    @cached_property
    def _rows(self) -> list[RoundTrip]:
        return sorted(self._trips, key=lambda trip: (trip.exit_time, trip.entry_time, trip.trip_id))

    def profits(self) -> list[int]:
        """Of each of them, after commission; money."""
        return [trip.profit for trip in self._rows]

    def durations(self) -> list[int]:
        """How long each of them took, nanoseconds."""
        return [trip.exit_time - trip.entry_time for trip in self._rows]


class Stops(Records[StopRecord]):
    """The stop of every position from each time on, as the engine reported it; none after the position was closed."""

    def __init__(self, reports: Sequence[Report], instruments: dict[str, Instrument]) -> None:
        super().__init__(len(reports))
        self._reports: Final = reports
        self._instruments: Final = instruments

    def _make(self) -> list[StopRecord]:
        return [StopRecord(report.time, report.symbol, report.owner, self._price(report)) for report in self._reports]

    def _price(self, report: Report) -> Decimal | None:
        return None if report.kind == TRADE_CLOSED else self._instruments[report.symbol].price(report.number)


def _trip(trip: RoundTrip) -> RoundTripRecord:
    instrument = trip.instrument
    return RoundTripRecord(
        trip.trip_id,
        trip.owner,
        instrument.symbol,
        trip.side,
        trip.quantity,
        trip.entry_price,
        trip.exit_price,
        trip.entry_time,
        trip.exit_time,
        trip.pnl,
        trip.pnl_fraction,
        from_money(trip.commission),
        instrument.price(trip.stop_raw) if trip.stop_raw else None,
        trip.reason,
    )


def profits_of(trips: Sequence[RoundTripRecord]) -> list[int]:
    """Profit of each round trip after commission, money."""
    return trips.profits() if isinstance(trips, Trips) else [money(trip.pnl) for trip in trips]


def durations_of(trips: Sequence[RoundTripRecord]) -> list[int]:
    """Length of each round trip, nanoseconds."""
    return trips.durations() if isinstance(trips, Trips) else [trip.exit_time - trip.entry_time for trip in trips]


def commissions_of(fills: Sequence[FillRecord]) -> list[int]:
    """What each execution cost, money."""
    return fills.commissions() if isinstance(fills, Fills) else [money(fill.commission) for fill in fills]


def traded_by(fills: Sequence[FillRecord]) -> int:
    """Quantity times price of all executions together, money."""
    if isinstance(fills, Fills):
        return fills.traded()
    return sum(money(_CONTEXT.multiply(fill.quantity, fill.price)) for fill in fills)


def fingerprint_of(fills: Sequence[FillRecord]) -> str:
    """A digest of every fill: time, symbol, side, quantity, price and commission, in order."""
    if isinstance(fills, Fills):
        return fills.fingerprint()
    rows = [
        (fill.time, fill.symbol, fill.side, fill.quantity.normalize(), fill.price.normalize(), fill.commission.normalize())
        for fill in fills
    ]
    return _digest("|".join(str(part) for part in row) + "\n" for row in rows)


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def short_text(raw: int, scale: int) -> str:
    """A scaled integer as ``Decimal`` writes it without trailing zeros."""
    written = str(raw)
    digits = written.rstrip("0")
    places = scale - len(written) + len(digits)
    if raw > 0 and 0 < places < len(digits):
        return f"{digits[:-places]}.{digits[-places:]}"
    return str(from_scaled(raw, scale).normalize())


def total_of(amounts: Sequence[int]) -> Decimal:
    """The sum of amounts of money, with as many places as the longest of them, and two at least."""
    if not amounts:
        return Decimal(0)
    # The places that all amounts can do without are the zeros at the end of their greatest common divisor.
    common = math.gcd(_SHOWN, *amounts)
    spare = len(str(common)) - len(str(common).rstrip("0"))
    return from_scaled(sum(amounts) // 10**spare, MONEY_SCALE - spare)
