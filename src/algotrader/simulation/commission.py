"""Commission: what a venue charges for a fill, as money (see ``core.scaled``), exact and rounded half to even at the end."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, final

from mypy_extensions import mypyc_attr

from algotrader.core.copies import made_from_attributes
from algotrader.core.instruments import Instrument
from algotrader.core.scaled import MONEY_SCALE, div_half_even, power_of_ten
from algotrader.simulation.slippage import non_negative_ratio

_MONEY_UNIT: Final = 1_000_000_000_000_000_000


def _as_money(ratio: tuple[int, int]) -> int:
    return div_half_even(ratio[0] * _MONEY_UNIT, ratio[1])


@mypyc_attr(allow_interpreted_subclasses=True)
class CommissionModel:
    """Base of all commission models; a model of your own overrides ``charge``."""

    def charge(
        self,
        instrument: Instrument,
        price_raw: int,
        quantity_raw: int,
        filled_before_raw: int,
        charged_before: int,
        is_maker: bool,
    ) -> int:
        """Give the commission of one fill.

        Args:
            instrument: what is traded.
            price_raw: price of the fill, at the price scale.
            quantity_raw: quantity of this fill, at the quantity scale.
            filled_before_raw: what earlier fills of the same order took.
            charged_before: commission of the earlier fills, money.
            is_maker: whether a resting order gave liquidity.

        Returns:
            Money as an integer. A model of yours may also give a ``Decimal`` or a float, which is read as an amount of currency;
            a negative one is a rebate.
        """
        return 0

    def describe(self) -> str:
        """Say it in a few words, for the tear sheet."""
        return type(self).__name__


@final
class NoCommission(CommissionModel):
    """Nothing is charged."""

    def describe(self) -> str:
        """Say it in a few words."""
        return "none"


@final
class PerShareCommission(CommissionModel):
    """An amount a share (or unit), with a minimum an order.

    The first fill pays max(shares × rate, minimum). A later fill of the same order pays what the order's total is above what was
    charged already, so the minimum is paid once.
    """

    def __init__(self, rate: Decimal, minimum: Decimal = Decimal(0)) -> None:
        self.rate: Final = rate
        self.minimum: Final = minimum
        numerator, denominator = non_negative_ratio(rate, "commission per share")
        self._numerator: Final[int] = numerator
        self._denominator: Final[int] = denominator
        self._minimum: Final[int] = _as_money(non_negative_ratio(minimum, "minimum commission"))

    def charge(
        self,
        instrument: Instrument,
        price_raw: int,
        quantity_raw: int,
        filled_before_raw: int,
        charged_before: int,
        is_maker: bool,
    ) -> int:
        """What the order's shares so far cost beyond what was charged, never below zero."""
        unit = power_of_ten(MONEY_SCALE - instrument.quantity_scale)
        total = div_half_even((filled_before_raw + quantity_raw) * self._numerator * unit, self._denominator)
        return max(max(total, self._minimum) - charged_before, 0)

    def describe(self) -> str:
        """Say it in a few words."""
        return f"{self.rate} a share, at least {self.minimum} an order"


@final
class PerTradeCommission(CommissionModel):
    """A fixed amount an order, charged with its first fill."""

    def __init__(self, cost: Decimal) -> None:
        self.cost: Final = cost
        self._cost: Final[int] = _as_money(non_negative_ratio(cost, "commission per trade"))

    def charge(
        self,
        instrument: Instrument,
        price_raw: int,
        quantity_raw: int,
        filled_before_raw: int,
        charged_before: int,
        is_maker: bool,
    ) -> int:
        """The amount on the first fill, nothing afterwards."""
        return self._cost if filled_before_raw == 0 else 0

    def describe(self) -> str:
        """Say it in a few words."""
        return f"{self.cost} an order"


@final
class PerDollarCommission(CommissionModel):
    """A part of the value traded: |quantity| × price × rate."""

    def __init__(self, rate: Decimal) -> None:
        self.rate: Final = rate
        numerator, denominator = non_negative_ratio(rate, "commission per dollar")
        self._numerator: Final[int] = numerator
        self._denominator: Final[int] = denominator

    def charge(
        self,
        instrument: Instrument,
        price_raw: int,
        quantity_raw: int,
        filled_before_raw: int,
        charged_before: int,
        is_maker: bool,
    ) -> int:
        """Value times rate."""
        return div_half_even(instrument.notional(price_raw, quantity_raw) * self._numerator, self._denominator)

    def describe(self) -> str:
        """Say it in a few words."""
        return f"{self.rate} of the value"


@final
class MakerTakerCommission(CommissionModel):
    """A part of the value, with one rate for giving liquidity and one for taking it.

    A limit order that fills as soon as it can be matched, through its limit, takes; one that rested first gives.
    """

    def __init__(self, maker: Decimal, taker: Decimal) -> None:
        self.maker: Final = maker
        self.taker: Final = taker
        self._maker: Final[tuple[int, int]] = non_negative_ratio(maker, "maker commission")
        self._taker: Final[tuple[int, int]] = non_negative_ratio(taker, "taker commission")

    def charge(
        self,
        instrument: Instrument,
        price_raw: int,
        quantity_raw: int,
        filled_before_raw: int,
        charged_before: int,
        is_maker: bool,
    ) -> int:
        """Value times the rate that applies."""
        numerator, denominator = self._maker if is_maker else self._taker
        return div_half_even(instrument.notional(price_raw, quantity_raw) * numerator, denominator)

    def describe(self) -> str:
        """Say it in a few words."""
        return f"maker {self.maker}, taker {self.taker} of the value"


made_from_attributes(PerShareCommission, "rate", "minimum")
made_from_attributes(PerTradeCommission, "cost")
made_from_attributes(PerDollarCommission, "rate")
made_from_attributes(MakerTakerCommission, "maker", "taker")
