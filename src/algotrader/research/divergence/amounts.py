"""What executions were worth, and how a difference between two orders divides into price, quantity and fees. All of it exact.

An execution is worth what its quantity would bring at the day's last price, less what it cost. The sum over a side is its profit
in the day, but for what it held before, which is the same on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from algotrader.core.instruments import Instrument
from algotrader.research.divergence.traces import OrderTrace


@dataclass(frozen=True, slots=True)
class Filled:
    """The executions of one order in the day: quantity, quantity times price, and commission (money); all signless."""

    quantity: int = 0
    value: int = 0
    commission: int = 0

    @classmethod
    def of(cls, trace: OrderTrace | None) -> Filled:
        """What an order has had."""
        fills = [] if trace is None else trace.fills
        return cls(
            sum(fill.quantity_raw for fill in fills),
            sum(fill.quantity_raw * fill.price_raw for fill in fills),
            sum(fill.commission for fill in fills),
        )

    def worth(self, instrument: Instrument, sign: int, mark: int) -> int:
        """What it brought by the day's last price, money."""
        return sign * (self.quantity * mark - self.value) * instrument.money_factor - self.commission


@dataclass(frozen=True, slots=True)
class Parts:
    """A difference in worth (money), divided; the three add up to all of it."""

    price: int = 0
    quantity: int = 0
    fee: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.price + self.quantity + self.fee


def divide(live: Filled, tested: Filled, instrument: Instrument, sign: int, mark: int) -> Parts:
    """Divide the difference between two orders, both of which were executed at least in part.

    Price is what the session's quantity cost more or less than at the backtest's average; fee what its commission differs from the
    backtest's at the same rate; quantity is the rest.
    """
    total = live.worth(instrument, sign, mark) - tested.worth(instrument, sign, mark)
    price = sign * (tested.value * live.quantity // tested.quantity - live.value) * instrument.money_factor
    if live.value * tested.quantity == tested.value * live.quantity:
        price = 0
    fee = 0 if same_rate(live, tested) else tested.commission * live.quantity // tested.quantity - live.commission
    rest = total - price - fee
    if live.quantity != tested.quantity:
        return Parts(price, rest, fee)
    # No quantity differs: what is left is a commission that follows the price.
    return Parts(price + rest, 0, fee) if price else Parts(0, 0, fee + rest)


def same_rate(live: Filled, tested: Filled) -> bool:
    """Whether two commissions follow one rule: so much an order, a unit, or a part of the value (to a hundredth of a cent)."""
    if live.commission == tested.commission:
        return True
    if not live.commission or not tested.commission:
        return False
    if live.commission * tested.quantity == tested.commission * live.quantity:
        return True
    mine, theirs = live.commission * tested.value, tested.commission * live.value
    return abs(mine - theirs) * 10_000 <= max(mine, theirs)


def profit(traces: Iterable[OrderTrace], marks: dict[str, int]) -> int:
    """What all executions of a side brought by the day's last prices, money."""
    return sum(
        Filled.of(trace).worth(trace.order.instrument, trace.order.sign, marks.get(trace.order.symbol, 0)) for trace in traces
    )
