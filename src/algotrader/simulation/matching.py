"""The rules by which an order meets a bar, as small functions on integers. ``sign`` is +1 for a buy and -1 for a sell."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import mypyc_attr

from algotrader.core.orders import OrderType, TimeInForce
from algotrader.simulation.working import WorkingOrder

NOT_REACHED: Final = -1
AT_OPEN_MARKET: Final = 0
"""Fills at the open whatever it is."""
AT_OPEN: Final = 1
"""Its price is passed at the open already, or the open is its only chance."""
STOP_INSIDE: Final = 2
"""Its trigger lies inside the bar. Stops go before limits: of two possible ends of a position the worse is assumed."""
LIMIT_INSIDE: Final = 3
AT_CLOSE_AUCTION: Final = 4
ARRIVED_INSIDE: Final = 5
"""A market order that came in after the bar's open; of the bar's prices only the close is sure to have come later."""

UNLIMITED: Final = -1
_MILLION: Final = 1_000_000


@mypyc_attr(acyclic=True)
@final
class TradingRange:
    """The prices between which orders fill in one matching, and how much of the volume is still ours to take.

    It stands for a bar, or for a single price (then open, low and high bound nothing but the smallest price). ``allowance`` is a
    quantity at the quantity scale, ``UNLIMITED`` without a limit. ``entry_sign`` and ``entry_price`` tell of the position opened
    or added to in this bar: its direction (0 for none) and the worst price from which its protective stop can be hit.
    """

    def __init__(
        self, index: int, open_time: int, close_time: int, open: int, high: int, low: int, close: int, volume: int, is_bar: bool
    ) -> None:
        self.index: Final[int] = index
        self.open_time: Final[int] = open_time
        self.close_time: Final[int] = close_time
        self.open: Final[int] = open
        self.high: Final[int] = high
        self.low: Final[int] = low
        self.close: Final[int] = close
        self.volume: Final[int] = volume
        self.is_bar: Final[bool] = is_bar
        self.allowance: int = UNLIMITED
        self.regular: bool = True
        self.session_open: int = 0
        self.session_close: int = 0
        self.entry_sign: int = 0
        self.entry_price: int = 0

    def note_entry(self, sign: int, price_raw: int) -> None:
        """Remember that a position in the direction of ``sign`` was opened or added to, its range starting at ``price_raw``."""
        if self.entry_sign != sign or (price_raw - self.entry_price) * sign < 0:
            self.entry_price = price_raw
        self.entry_sign = sign


def volume_allowance(volume: int, limit_ppm: int, increment: int) -> int:
    """What may be taken of a volume: its share in millionths, rounded down to the quantity increment; 0 millionths is no limit."""
    if limit_ppm == 0:
        return UNLIMITED
    return volume * limit_ppm // _MILLION // increment * increment


def stop_reached(sign: int, stop: int, high: int, low: int) -> bool:
    """Whether a bar's range reaches a stop: a buy stop from below, a sell stop from above."""
    return high >= stop if sign > 0 else low <= stop


def stop_touch(sign: int, stop: int, open: int) -> int:
    """The price at which a reached stop turns into a market order: the stop, or the open when the bar opened beyond it."""
    return max(open, stop) if sign > 0 else min(open, stop)


def limit_reached(sign: int, limit: int, high: int, low: int) -> bool:
    """Whether a bar's range reaches a limit: a buy limit from above, a sell limit from below."""
    return low <= limit if sign > 0 else high >= limit


def limit_touch(sign: int, limit: int, open: int) -> int:
    """The price at which a reached limit fills: the limit, or the better open."""
    return min(open, limit) if sign > 0 else max(open, limit)


def beyond(sign: int, price: int, stop: int) -> bool:
    """Whether a price is at a stop or past it."""
    return price >= stop if sign > 0 else price <= stop


def within_limit(sign: int, price: int, limit: int) -> bool:
    """Whether a limit allows a price."""
    return price <= limit if sign > 0 else price >= limit


def clamp(price: int, low: int, high: int) -> int:
    """Bring a price into the bar: nothing traded outside it."""
    return min(max(price, low), high)


def eligible(order: WorkingOrder, tape: TradingRange) -> bool:
    """Whether a bar may match an order: it was there when the bar opened, or is to fill at once, and works at this hour."""
    if order.held or order.ended:
        return False
    if order.arrived > tape.open_time and not (is_plain_market(order) and order.arrived < tape.close_time):
        return False
    if not (tape.regular or order.extended_hours):
        return False
    if order.time_in_force is TimeInForce.OPG:
        return order.arrived <= tape.session_open <= tape.open_time
    return True


def is_plain_market(order: WorkingOrder) -> bool:
    """Whether an order takes whatever price there is, at once and outside the auctions."""
    if order.is_limit or order.waits_for_trigger:
        return False
    return order.time_in_force is not TimeInForce.OPG and order.time_in_force is not TimeInForce.CLS


def phase(order: WorkingOrder, tape: TradingRange) -> int:
    """When within the bar an eligible order acts; ``NOT_REACHED`` when the bar does not concern it."""
    if order.time_in_force is TimeInForce.CLS:
        return AT_CLOSE_AUCTION if tape.close_time == tape.session_close else NOT_REACHED
    if order.arrived > tape.open_time:
        return ARRIVED_INSIDE
    if order.waits_for_trigger:
        if beyond(order.sign, tape.open, order.stop_raw):
            return AT_OPEN
        return STOP_INSIDE if stop_reached(order.sign, order.stop_raw, tape.high, tape.low) else NOT_REACHED
    if not order.is_limit:
        return AT_OPEN_MARKET
    if order.is_brief or within_limit(order.sign, tape.open, order.limit_raw):
        return AT_OPEN
    return LIMIT_INSIDE if limit_reached(order.sign, order.limit_raw, tape.high, tape.low) else NOT_REACHED


def rank(order_phase: int, sign: int, position: int) -> int:
    """Where an order stands in the queue of a bar: by phase, and in each phase what reduces the position before what adds to it."""
    return order_phase * 2 + (0 if sign * position < 0 else 1)


def entry_bar_touch(sign: int, stop: int, tape: TradingRange) -> int:
    """The price at which a stop, set for an entry of this very bar, is touched on it; 0 when the bar does not reach it.

    The bar's extreme may have come before the entry; the worse is assumed. It cannot be hit at a price better than the one from
    which the position started.
    """
    if not stop_reached(sign, stop, tape.high, tape.low):
        return 0
    return max(stop, tape.entry_price) if sign > 0 else min(stop, tape.entry_price)


def watch_levels(orders: list[WorkingOrder]) -> tuple[int, int]:
    """The prices between which a bar concerns none of the orders: (nothing happens below, nothing happens above).

    An order that any bar concerns gives an empty range.
    """
    up, down = NEVER_UP, NEVER_DOWN
    for order in orders:
        if order.held:
            continue
        if concerns_every_bar(order):
            return 0, NEVER_UP
        if order.waits_for_trigger:
            rising, level = order.sign > 0, order.stop_raw
        else:
            rising, level = order.sign < 0, order.limit_raw
        if rising:
            up = min(up, level)
        else:
            down = max(down, level)
    return up, down


NEVER_UP: Final = 2**60
NEVER_DOWN: Final = 0


def concerns_every_bar(order: WorkingOrder) -> bool:
    """Whether an order has to be looked at on each bar, wherever prices are: markets, auctions, trails, and untried limits."""
    if order.order_type is OrderType.TRAILING_STOP or order.time_in_force is TimeInForce.CLS or order.is_brief:
        return True
    if order.waits_for_trigger:
        return False
    return not order.is_limit or not order.rested
