"""Crypto has no stops at the market: there a stop becomes one with a limit so far away that it is hardly ever left behind."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from algotrader.core.instruments import AssetClass, Instrument
from algotrader.core.orders import Side
from algotrader.venues.alpaca.bodies import price_text

REACH: Final = Decimal("0.05")
"""How far past its stop price a stop may be filled, as a part of that price."""


def with_limit(body: dict[str, Any], instrument: Instrument, side: Side) -> dict[str, Any]:
    """A request's body as crypto takes it: with a limit beside its stop price; other bodies stay as they are."""
    if instrument.asset_class is not AssetClass.CRYPTO or "stop_price" not in body or "limit_price" in body:
        return body
    stop = instrument.price_raw(Decimal(body["stop_price"]))
    away = int(stop * REACH)
    limit = instrument.round_price_up(stop + away) if side is Side.BUY else instrument.round_price_down(stop - away)
    changed = {**body, "limit_price": price_text(instrument, max(limit, instrument.price_increment))}
    return changed | ({"type": "stop_limit"} if "type" in body else {})
