"""What a split does to orders that rest at the venue."""

from __future__ import annotations

from algotrader.core.instruments import Instrument
from algotrader.core.orders import OrderType
from algotrader.simulation.working import WorkingOrder


def split_order(order: WorkingOrder, numerator: int, denominator: int) -> None:
    """Restate an order's quantities and prices for a split of ``numerator`` new for ``denominator`` old."""
    instrument = order.instrument
    order.filled_raw = order.filled_raw * numerator // denominator
    order.quantity_raw = (
        order.quantity_raw * numerator // denominator // instrument.quantity_increment * instrument.quantity_increment
    )
    down = order.sign > 0
    if order.limit_raw:
        order.limit_raw = _split_price(instrument, order.limit_raw, numerator, denominator, down)
    order.trail_raw = -(-order.trail_raw * denominator // numerator)
    if order.order_type is OrderType.TRAILING_STOP:
        best = order.best_raw * denominator // numerator
        order.best_raw = 0
        if best:
            order.see(best)
    elif order.stop_raw:
        order.stop_raw = _split_price(instrument, order.stop_raw, numerator, denominator, not down)


def _split_price(instrument: Instrument, price_raw: int, numerator: int, denominator: int, down: bool) -> int:
    """Divide a price and round it down or up to the increment; not below one increment."""
    if down:
        rounded = instrument.round_price_down(price_raw * denominator // numerator)
    else:
        rounded = instrument.round_price_up(-(-price_raw * denominator // numerator))
    return max(rounded, instrument.tick(1))
