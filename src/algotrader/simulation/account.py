"""What the account holds at the simulated venue: net positions and cash, moved by executions and splits."""

from __future__ import annotations

from typing import Final, final

from algotrader.core.instruments import Instrument
from algotrader.simulation.costs import CommissionModel, charged
from algotrader.simulation.working import WorkingOrder


@final
class Account:
    """Positions (net, scaled, by instrument number) and cash (money, by currency). An execution pays its whole notional."""

    def __init__(self, instruments: list[Instrument], commission: CommissionModel) -> None:
        self.instruments: Final = instruments
        self.commission: Final = commission
        self.positions: Final[list[int]] = [0] * len(instruments)
        self.cash: Final[dict[str, int]] = {}

    def deposit(self, currency: str, amount: int) -> None:
        """Add money, or take it away when negative."""
        self.cash[currency] = self.cash.get(currency, 0) + amount

    def book(self, order: WorkingOrder, price_raw: int, quantity_raw: int, is_maker: bool) -> int:
        """Book an execution of an order and give its commission (money)."""
        instrument = order.instrument
        cost = charged(self.commission, instrument, price_raw, quantity_raw, order.filled_raw, order.charged, is_maker)
        order.filled_raw += quantity_raw
        order.charged += cost
        self.positions[order.index] += order.sign * quantity_raw
        self.deposit(instrument.currency, -order.sign * instrument.notional(price_raw, quantity_raw) - cost)
        return cost

    def split(self, index: int, numerator: int, denominator: int, new_price_raw: int) -> None:
        """Scale a position; a fraction that cannot be held is paid out at the price after the split, rounded towards zero."""
        held = self.positions[index]
        sign = 1 if held >= 0 else -1
        whole, rest = divmod(abs(held) * numerator, denominator)
        self.positions[index] = sign * whole
        instrument = self.instruments[index]
        self.deposit(instrument.currency, sign * (rest * new_price_raw * instrument.money_factor // denominator))
