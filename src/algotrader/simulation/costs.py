"""All cost models under one name, models from a line of text, and the one boundary for what a user's model returns."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import Any, Final, SupportsIndex

from algotrader.core.boundary import number
from algotrader.core.instruments import Instrument
from algotrader.core.scaled import MAX_SCALED, MONEY_SCALE, nearest_scaled, round_scaled
from algotrader.simulation.commission import (
    CommissionModel,
    MakerTakerCommission,
    NoCommission,
    PerDollarCommission,
    PerShareCommission,
    PerTradeCommission,
)
from algotrader.simulation.slippage import BasisPointsSlippage, FixedSlippage, NoSlippage, SlippageModel, VolumeShareSlippage

__all__ = [
    "BasisPointsSlippage",
    "CommissionModel",
    "CostFault",
    "FixedSlippage",
    "MakerTakerCommission",
    "NoCommission",
    "NoSlippage",
    "PerDollarCommission",
    "PerShareCommission",
    "PerTradeCommission",
    "SlippageModel",
    "VolumeShareSlippage",
    "charged",
    "commission_from_text",
    "slippage_from_text",
    "slipped_price",
    "volume_limit_of",
]

_SLIPPAGE_HELP: Final = "write none, 0.01, per-share:0.01, bps:5 or volume-share:0.025:0.1"
_COMMISSION_HELP: Final = "write none, 0.005, per-share:0.005:1.0, per-trade:1, per-dollar:0.0015 or maker-taker:0.001:0.002"
_MILLION: Final = 1_000_000
_FAR: Final = 10

_MAGNITUDE: Final = 18
"""Powers of ten, up or down, within which costs lie; as a fraction, far larger or smaller ones take for ever to reckon with."""


class CostFault(ValueError):
    """A cost model answered something that cannot be used; the message names the model and the answer."""


def _scaled_or_exact(value: object, what: str, scale: int, rounding: str) -> int:
    """Whole numbers are scaled already; decimals and floats are plain amounts."""
    if isinstance(value, bool):
        raise CostFault(f"{what} must give a number, not {value!r}")
    if isinstance(value, int):
        return value
    if isinstance(value, SupportsIndex):
        return value.__index__()
    try:
        exact = number(value, what)
    except ValueError as fault:
        raise CostFault(str(fault)) from None
    return nearest_scaled(exact, scale) if rounding == "" else round_scaled(exact, scale, rounding)


def slipped_price(
    model: SlippageModel, side_sign: int, price_raw: int, quantity_raw: int, volume_raw: int, instrument: Instrument
) -> int:
    """Ask a slippage model for the price of a fill and check the answer; arguments as in ``SlippageModel.adjust``.

    Raises:
        CostFault: the answer is no finite number, is better than the price touched, or is ten times away from it.
    """
    what = f"{type(model).__name__}.adjust"
    # Asked as an untyped object: compiled code would refuse a float or a numpy number before it could be converted.
    open_model: Any = model
    answer: object = open_model.adjust(side_sign, price_raw, quantity_raw, volume_raw, instrument)
    raw = _scaled_or_exact(answer, what, instrument.price_scale, ROUND_CEILING if side_sign > 0 else ROUND_FLOOR)
    if (raw - price_raw) * side_sign < 0:
        raise CostFault(f"{what} gave {answer!r}, which is better than {instrument.price(price_raw)}; slippage only worsens")
    if raw >= MAX_SCALED or (raw > price_raw * _FAR and not isinstance(answer, int)):
        hint = "a whole number is scaled, a float or Decimal is a plain price"
        raise CostFault(f"{what} gave {answer!r} for a price of {instrument.price(price_raw)} ({price_raw} scaled); {hint}")
    return raw


def charged(
    model: CommissionModel,
    instrument: Instrument,
    price_raw: int,
    quantity_raw: int,
    filled_before_raw: int,
    charged_before: int,
    is_maker: bool,
) -> int:
    """Ask a commission model for the money it charges and check the answer; arguments as in ``CommissionModel.charge``.

    Raises:
        CostFault: the answer is no finite number.
    """
    open_model: Any = model
    answer: object = open_model.charge(instrument, price_raw, quantity_raw, filled_before_raw, charged_before, is_maker)
    return _scaled_or_exact(answer, f"{type(model).__name__}.charge", MONEY_SCALE, "")


def volume_limit_of(model: SlippageModel) -> int:
    """The volume limit that a model asks for, in parts per million; 0 for none.

    Raises:
        CostFault: the answer is no whole number between 0 and a million.
    """
    open_model: Any = model
    answer: object = open_model.volume_limit_ppm()
    if isinstance(answer, bool) or not isinstance(answer, SupportsIndex) or not 0 <= answer.__index__() <= _MILLION:
        raise CostFault(f"{type(model).__name__}.volume_limit_ppm must give a whole number from 0 to a million, not {answer!r}")
    return answer.__index__()


def _parts(text: str, names: dict[str, int], what: str, help_text: str) -> tuple[str, list[Decimal]]:
    """Split ``name:number:number``; a number alone is per share. ``names`` says how many numbers each name takes at most."""
    words = text.strip().lower().split(":")
    if words[0] not in names:
        words.insert(0, "per-share")
    name = words[0]
    try:
        values = [Decimal(word) for word in words[1:]]
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a {what}; {help_text}") from None
    if any(value.is_finite() and value and abs(value.adjusted()) > _MAGNITUDE for value in values):
        raise ValueError(f"{text!r} has a number that is no cost of anything; {help_text}")
    if len(values) > names[name] or (names[name] > 0 and not values):
        raise ValueError(f"{text!r} has {len(values)} numbers where {name} takes up to {names[name]}; {help_text}")
    return name, values


def slippage_from_text(text: str) -> SlippageModel:
    """Read a slippage model, such as ``0.01``, ``per-share:0.01``, ``bps:5``, ``volume-share:0.025:0.1`` or ``none``.

    Raises:
        ValueError: it cannot be read or a number is negative; the message shows right ones.
    """
    names = {"none": 0, "per-share": 1, "bps": 1, "volume-share": 2}
    name, values = _parts(text, names, "slippage model", _SLIPPAGE_HELP)
    if name == "none":
        return NoSlippage()
    if name == "bps":
        return BasisPointsSlippage(values[0])
    if name == "volume-share":
        return VolumeShareSlippage(values[0], values[1] if len(values) > 1 else Decimal("0.1"))
    return FixedSlippage(values[0])


def commission_from_text(text: str) -> CommissionModel:
    """Read a commission model, such as ``per-share:0.005:1.0`` (rate, minimum), ``per-trade:1``, ``per-dollar:0.0015``,
    ``maker-taker:0.001:0.002``, ``0.005`` (per share) or ``none``.

    Raises:
        ValueError: it cannot be read or a number is negative; the message shows right ones.
    """
    names = {"none": 0, "per-share": 2, "per-trade": 1, "per-dollar": 1, "maker-taker": 2}
    name, values = _parts(text, names, "commission model", _COMMISSION_HELP)
    if name == "none":
        return NoCommission()
    if name == "per-trade":
        return PerTradeCommission(values[0])
    if name == "per-dollar":
        return PerDollarCommission(values[0])
    if name == "maker-taker":
        if len(values) < 2:
            raise ValueError(f"{text!r} needs a maker and a taker rate; {_COMMISSION_HELP}")
        return MakerTakerCommission(values[0], values[1])
    return PerShareCommission(values[0], values[1] if len(values) > 1 else Decimal(0))
