"""The one place where what a strategy returns is checked and converted: NaN, wrong types and foreign numbers stop here.

Strategies may return ``Decimal``, ``int``, ``float`` or their numpy kinds. Floats are taken at their shortest decimal reading,
rounded to a hundred-millionth, so that 155.2 means 155.2 and float noise never moves a price by a tick.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

from algotrader.core.instruments import Instrument
from algotrader.core.scaled import MAX_SCALED, from_scaled, nearest_scaled, round_scaled

_PLACES: Final = 8


class StrategyFault(ValueError):
    """A strategy answered something that cannot be used; the message says what was asked and what came."""


def number(value: object, what: str) -> Decimal:
    """Turn any finite number into a Decimal.

    Raises:
        StrategyFault: it is not a number, or not a finite one.
    """
    if isinstance(value, Decimal):
        result = value
    elif isinstance(value, (bool, str)):
        raise StrategyFault(f"{what} must be a number, not {value!r}")
    elif isinstance(value, int):
        return Decimal(value)
    elif isinstance(value, float):
        result = _from_float(float(value))
    elif hasattr(value, "__float__"):
        result = _from_float(_as_float(value))
    else:
        raise StrategyFault(f"{what} must be a number, not {type(value).__name__}")
    if not result.is_finite():
        raise StrategyFault(f"{what} is {result}, not a usable number; is an indicator not warm yet, or a division by zero?")
    return result


def _as_float(value: Any) -> float:
    return float(value)


def _from_float(value: float) -> Decimal:
    exact = Decimal(repr(value))
    if not exact.is_finite():
        return exact
    return from_scaled(nearest_scaled(exact, _PLACES), _PLACES)


def truth(value: object, what: str) -> bool:
    """Turn a yes/no answer into a bool; None means no.

    Raises:
        StrategyFault: it is something else, such as a text or an array.
    """
    if value is True or value is False:
        return value is True
    if value is None:
        return False
    if type(value).__name__ in ("bool_", "bool"):
        return bool(value)
    raise StrategyFault(f"{what} must answer True or False, not {value!r}")


def price(value: object, instrument: Instrument, what: str, up: bool) -> int:
    """Turn a price into a scaled integer on the price increment, rounded up or down as asked; None gives 0.

    Raises:
        StrategyFault: not a positive finite number, or too large.
    """
    if value is None:
        return 0
    exact = number(value, what)
    if exact <= 0:
        raise StrategyFault(f"{what} must be positive, not {exact}")
    raw = round_scaled(exact, instrument.price_scale, ROUND_CEILING if up else ROUND_FLOOR)
    if raw >= MAX_SCALED:
        raise StrategyFault(f"{what} of {exact} is too large for {instrument.symbol}")
    rounded = instrument.round_price_up(raw) if up else instrument.round_price_down(raw)
    if rounded <= 0:
        raise StrategyFault(f"{what} of {exact} is below the smallest price of {instrument.symbol}")
    return rounded


def quantity(value: object, instrument: Instrument, what: str) -> int:
    """Turn a quantity, possibly negative, into a scaled integer, rounded towards zero to what the venue trades.

    Raises:
        StrategyFault: not a finite number, or too large.
    """
    exact = number(value, what)
    raw = round_scaled(abs(exact), instrument.quantity_scale, ROUND_FLOOR)
    if raw >= MAX_SCALED:
        raise StrategyFault(f"{what} of {exact} is too large for {instrument.symbol}")
    rounded = instrument.round_quantity_down(raw)
    return rounded if exact >= 0 else -rounded


def fraction(value: object, what: str) -> float:
    """Turn a confidence into a float between 0 and 1.

    Raises:
        StrategyFault: not a number in that range.
    """
    exact = value if isinstance(value, float) and value == value else float(number(value, what))
    if not 0.0 <= exact <= 1.0:
        raise StrategyFault(f"{what} must lie between 0 and 1, not {exact:g}")
    return exact
