"""A round trip as a row."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from algotrader.core.market import NS_PER_SECOND
from algotrader.core.positions import RoundTrip
from algotrader.core.scaled import from_money
from algotrader.live.order_rows import plain
from algotrader.storage.records import TradeRow

PERCENT_PLACES: Final = Decimal("0.0001")


def trade_row(trip: RoundTrip, sequence: int) -> TradeRow:
    """The row of a round trip that ended, or was revised, with the event ``sequence``.

    ``pnl`` is after commission, ``pnl_pct`` per cent of what the entry cost. Rows are never changed: when the venue takes back or
    changes executions, the round trip as it reads afterwards gets a row of its own. The ids of the two differ only in the number
    behind ``@``, which is the event's; the highest number counts. (The number also keeps ids apart when an engine starts without
    its history and counts its round trips anew.)
    """
    return TradeRow(
        trade_id=f"{trip.trip_id}:{trip.correlation_id}@{sequence}",
        correlation_id=trip.correlation_id,
        symbol=trip.instrument.symbol,
        side=trip.side,
        qty=plain(trip.quantity),
        entry_price=plain(trip.entry_price),
        exit_price=plain(trip.exit_price),
        entry_at=trip.entry_time,
        exit_at=trip.exit_time,
        pnl=plain(trip.pnl),
        pnl_pct=_percent(trip.profit, trip.entry_value),
        strategy=trip.owner,
        duration_seconds=trip.duration_ns // NS_PER_SECOND,
        commission=plain(from_money(trip.commission)),
    )


def _percent(profit: int, cost: int) -> str:
    if cost == 0:
        return "0"
    return plain((Decimal(profit) * 100 / Decimal(cost)).quantize(PERCENT_PLACES, rounding=ROUND_HALF_EVEN))
