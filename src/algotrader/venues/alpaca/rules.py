"""What Alpaca allows, as data; its pages of stocks and crypto differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from algotrader.core.instruments import ALPACA_LIKE, AssetClass, Instrument, VenueCapabilities

STOCKS: Final = replace(ALPACA_LIKE, name="alpaca")
"""Stocks: holdings are reserved, opposing orders refused, fractions only as simple orders of a day."""

CRYPTO: Final = replace(
    ALPACA_LIKE,
    name="alpaca-crypto",
    attached_stops=False,
    oco=False,
    short_selling=False,
    order_types=("market", "limit", "stop_limit"),
    times_in_force=("gtc", "ioc"),
    extended_hours=False,
    stops_outside_session=True,
)
"""Crypto: spot without shorts, no attached orders, stops only with a limit."""


def capabilities_for(instruments: Iterable[Instrument]) -> VenueCapabilities:
    """The rules for these instruments.

    Raises:
        ValueError: they have no rules in common.
    """
    classes = {instrument.asset_class is AssetClass.CRYPTO for instrument in instruments}
    if len(classes) > 1:
        raise ValueError("Alpaca has different rules for stocks and for crypto")
    return CRYPTO if classes == {True} else STOCKS
