"""Slippage: how much worse than the touched price a market or stop order fills. Exact integers, rounded on the worse side."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, final

from mypy_extensions import mypyc_attr

from algotrader.core.boundary import number
from algotrader.core.copies import made_from_attributes
from algotrader.core.instruments import Instrument
from algotrader.core.scaled import power_of_ten

_MILLION: Final = 1_000_000
_BASIS: Final = 10_000


def non_negative_ratio(value: Decimal, what: str) -> tuple[int, int]:
    """Give a parameter as an exact fraction.

    Raises:
        ValueError: it is negative or not a finite number.
    """
    exact = number(value, what)
    if exact < 0:
        raise ValueError(f"{what} must not be negative, not {exact}")
    return exact.as_integer_ratio()


def ceil_div(numerator: int, denominator: int) -> int:
    """Divide non-negative integers and round up."""
    return -(-numerator // denominator)


@mypyc_attr(allow_interpreted_subclasses=True)
class SlippageModel:
    """Base of all slippage models; a model of your own overrides ``adjust``.

    It is asked for market orders and triggered stops, never for limit orders, and the venue keeps the answer inside the bar.
    """

    def adjust(self, side_sign: int, price_raw: int, quantity_raw: int, volume_raw: int, instrument: Instrument) -> int:
        """Give the price at which an order fills that touched ``price_raw``.

        Args:
            side_sign: +1 for a buy, -1 for a sell.
            price_raw: the price touched, at the instrument's price scale.
            quantity_raw: quantity of this fill, at the quantity scale.
            volume_raw: volume of the bar, at the quantity scale; 0 when it is not known (quotes, fills at the close).
            instrument: what is traded.

        Returns:
            A scaled integer, not better than ``price_raw``. A model of yours may also give a ``Decimal`` or a float, which is
            read as a plain price such as 100.25.
        """
        return price_raw

    def volume_limit_ppm(self) -> int:
        """The share of a bar's volume, in parts per million, that this model is made for; 0 when it does not mind."""
        return 0

    def describe(self) -> str:
        """Say it in a few words, for the tear sheet."""
        return type(self).__name__


@final
class NoSlippage(SlippageModel):
    """Orders fill at the price they touch."""

    def describe(self) -> str:
        """Say it in a few words."""
        return "none"


@final
class FixedSlippage(SlippageModel):
    """A fixed amount a share: a buy pays ``per_share`` more, a sell gets that much less."""

    def __init__(self, per_share: Decimal) -> None:
        self.per_share: Final = per_share
        numerator, denominator = non_negative_ratio(per_share, "slippage per share")
        self._numerator: Final[int] = numerator
        self._denominator: Final[int] = denominator

    def adjust(self, side_sign: int, price_raw: int, quantity_raw: int, volume_raw: int, instrument: Instrument) -> int:
        """Price plus or minus the amount."""
        unit = power_of_ten(instrument.price_scale)
        return price_raw + side_sign * ceil_div(self._numerator * unit, self._denominator)

    def describe(self) -> str:
        """Say it in a few words."""
        return f"{self.per_share} a share"


@final
class BasisPointsSlippage(SlippageModel):
    """A part of the price: price × (1 ± basis points / 10,000)."""

    def __init__(self, basis_points: Decimal) -> None:
        self.basis_points: Final = basis_points
        numerator, denominator = non_negative_ratio(basis_points, "basis points of slippage")
        self._numerator: Final[int] = numerator
        self._denominator: Final[int] = denominator * _BASIS

    def adjust(self, side_sign: int, price_raw: int, quantity_raw: int, volume_raw: int, instrument: Instrument) -> int:
        """Price plus or minus its part."""
        return price_raw + side_sign * ceil_div(price_raw * self._numerator, self._denominator)

    def describe(self) -> str:
        """Say it in a few words."""
        return f"{self.basis_points} basis points"


@final
class VolumeShareSlippage(SlippageModel):
    """Impact that grows with the square of our share of the bar's volume: price × (1 ± impact × share²).

    ``limit`` is the largest share that may be taken (0.025 is 2.5 %); the venue leaves the rest of an order open. Where the volume
    is not known there is no impact.
    """

    def __init__(self, limit: Decimal = Decimal("0.025"), impact: Decimal = Decimal("0.1")) -> None:
        self.limit: Final = limit
        self.impact: Final = impact
        limit_numerator, limit_denominator = non_negative_ratio(limit, "volume limit")
        if not limit_denominator <= limit_numerator * _MILLION <= limit_denominator * _MILLION:
            raise ValueError(f"the volume limit must lie between a millionth and 1, not {limit}")
        self._limit_numerator: Final[int] = limit_numerator
        self._limit_denominator: Final[int] = limit_denominator
        numerator, denominator = non_negative_ratio(impact, "price impact")
        self._numerator: Final[int] = numerator
        self._denominator: Final[int] = denominator

    def adjust(self, side_sign: int, price_raw: int, quantity_raw: int, volume_raw: int, instrument: Instrument) -> int:
        """Price plus or minus the impact.

        Raises:
            ValueError: the fill is larger than the limit allows.
        """
        if volume_raw == 0:
            return price_raw
        if quantity_raw * self._limit_denominator > volume_raw * self._limit_numerator:
            raise ValueError(
                f"a fill of {quantity_raw} is more than {self.limit} of a volume of {volume_raw} ({instrument.symbol})"
            )
        above = price_raw * self._numerator * quantity_raw * quantity_raw
        return price_raw + side_sign * ceil_div(above, self._denominator * volume_raw * volume_raw)

    def volume_limit_ppm(self) -> int:
        """The limit, rounded down to a millionth."""
        return self._limit_numerator * _MILLION // self._limit_denominator

    def describe(self) -> str:
        """Say it in a few words."""
        return f"volume share: limit {self.limit}, impact {self.impact}"


made_from_attributes(FixedSlippage, "per_share")
made_from_attributes(BasisPointsSlippage, "basis_points")
made_from_attributes(VolumeShareSlippage, "limit", "impact")
