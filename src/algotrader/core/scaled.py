"""Exact numbers: scaled integers inside, ``Decimal`` to the reader.

A price of 165.37 in an instrument with price scale 4 is the integer 1653700. Money (cash, notionals, profit and loss) is an
integer at ``MONEY_SCALE``, which holds the product of any price and quantity without rounding.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Final

MONEY_SCALE: Final = 18
"""Decimal places of a money integer; price scale + quantity scale of an instrument may not exceed it."""

MAX_SCALED: Final = 2**53
"""Prices and quantities stay below this, so that a float holds each of them exactly."""

_CONTEXT: Final = Context(prec=80, rounding=ROUND_HALF_EVEN)
_MONEY_UNIT: Final = 10**MONEY_SCALE


_POWERS: Final[list[int]] = [10**exponent for exponent in range(2 * MONEY_SCALE + 1)]


def power_of_ten(exponent: int) -> int:
    """10 to a power from 0 to twice the money scale, looked up: computing it costs compiled code a hundred times as much."""
    return _POWERS[exponent]


class NotExact(ValueError):
    """A number cannot be held at the asked scale without rounding, or is not a finite number."""


def to_scaled(value: Decimal, scale: int) -> int:
    """Turn an exact decimal into a scaled integer.

    Args:
        value: a finite decimal.
        scale: decimal places kept.

    Raises:
        NotExact: the value has more decimals than ``scale``, or is not finite.
    """
    try:
        shifted = _CONTEXT.scaleb(value, scale)
    except InvalidOperation:
        raise NotExact(f"{value} is not a number that can be held") from None
    if not shifted.is_finite():
        raise NotExact(f"{value} is not a finite number")
    raw = int(shifted)
    if shifted != raw:
        raise NotExact(f"{value} has more than {scale} decimal places")
    return raw


def round_scaled(value: Decimal, scale: int, rounding: str) -> int:
    """Turn a decimal into a scaled integer, rounding with the named mode of the ``decimal`` module.

    Raises:
        NotExact: the value is not finite.
    """
    if not value.is_finite():
        raise NotExact(f"{value} is not a finite number")
    return int(_CONTEXT.scaleb(value, scale).to_integral_value(rounding=rounding))


def floor_scaled(value: Decimal, scale: int) -> int:
    """Round towards minus infinity at ``scale`` decimal places."""
    return round_scaled(value, scale, ROUND_FLOOR)


def ceil_scaled(value: Decimal, scale: int) -> int:
    """Round towards plus infinity at ``scale`` decimal places."""
    return round_scaled(value, scale, ROUND_CEILING)


def nearest_scaled(value: Decimal, scale: int) -> int:
    """Round half to even at ``scale`` decimal places."""
    return round_scaled(value, scale, ROUND_HALF_EVEN)


def from_scaled(raw: int, scale: int) -> Decimal:
    """Give a scaled integer back as the exact decimal that it stands for."""
    return _CONTEXT.scaleb(Decimal(raw), -scale)


def money(value: Decimal) -> int:
    """Turn a decimal amount of currency into a money integer (exact up to ``MONEY_SCALE`` places)."""
    return to_scaled(value, MONEY_SCALE)


def from_money(raw: int) -> Decimal:
    """Give a money integer back as a decimal without needless trailing zeros."""
    return tidy(from_scaled(raw, MONEY_SCALE))


def tidy(value: Decimal) -> Decimal:
    """Drop trailing zeros, but keep at least two decimal places."""
    short = _CONTEXT.normalize(value)
    exponent = short.as_tuple().exponent
    return _CONTEXT.quantize(short, Decimal("0.01")) if isinstance(exponent, int) and exponent > -2 else short


def money_from_float(value: float) -> int:
    """Round a float amount half-even to a millionth of the currency unit and give it as money."""
    unit: int = 10 ** (MONEY_SCALE - 6)
    return nearest_scaled(Decimal(value), 6) * unit


def div_floor(numerator: int, denominator: int) -> int:
    """Divide integers, rounding towards minus infinity."""
    return numerator // denominator


def div_half_even(numerator: int, denominator: int) -> int:
    """Divide integers, rounding half to even; the denominator is positive."""
    quotient, rest = divmod(numerator, denominator)
    twice = rest * 2
    if twice > denominator or (twice == denominator and quotient % 2 == 1):
        quotient += 1
    return quotient


def round_down_to(raw: int, increment: int) -> int:
    """Round a scaled integer down to a multiple of ``increment``."""
    return raw // increment * increment


def round_up_to(raw: int, increment: int) -> int:
    """Round a scaled integer up to a multiple of ``increment``."""
    return -(-raw // increment) * increment


def money_to_float(raw: int) -> float:
    """Give money as the nearest float, for statistics only."""
    return raw / _MONEY_UNIT
