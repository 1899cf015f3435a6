"""Symbols as Alpaca writes them and as we do, and the instruments behind them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from algotrader.core.instruments import AssetClass, BadSymbol, Instrument, crypto, equity
from algotrader.venues.alpaca.values import AlpacaRecordFault, Record, text, text_or_empty

VENUE: Final = "ALPACA"
US_EQUITY: Final = "us_equity"
CRYPTO: Final = "crypto"
US_OPTION: Final = "us_option"

_CRYPTO_PLACES: Final = 9
_QUOTES: Final = ("USDT", "USDC", "USDG", "USD", "BTC", "ETH")
_OPTION: Final = re.compile(r"[A-Z]{1,6}[0-9]{6}[CP][0-9]{8}")
_LONGEST_EQUITY: Final = 5
_OPTION_MULTIPLIER: Final = 100


@lru_cache(maxsize=4096)
def our_symbol(symbol: str, asset_class: str = "") -> str:
    """A symbol as we write it: positions in crypto come as ``BTCUSD``, orders as ``BTC/USD``; both become ``BTC/USD``."""
    if "/" in symbol or asset_class not in ("", CRYPTO):
        return symbol
    if not asset_class and (len(symbol) <= _LONGEST_EQUITY or "." in symbol or _OPTION.fullmatch(symbol)):
        return symbol
    for quote in _QUOTES:
        if symbol.endswith(quote) and len(symbol) > len(quote) + 1:
            return f"{symbol[: -len(quote)]}/{quote}"
    return symbol


def alpaca_symbol(symbol: str) -> str:
    """A symbol as the venue writes it in orders and subscriptions: as we do."""
    return symbol


def symbol_of(record: Record) -> str:
    """Our symbol of a record that has ``symbol`` and perhaps ``asset_class``."""
    return our_symbol(text(record, "symbol"), text_or_empty(record, "asset_class"))


def instrument_of(symbol: str, asset_class: str, traded: Mapping[str, Instrument]) -> Instrument:
    """The instrument that a record is about: the session's own, or a sensible one for what it does not trade.

    Raises:
        AlpacaRecordFault: no instrument can have such a symbol.
    """
    ours = our_symbol(symbol, asset_class)
    found = traded.get(ours)
    return found if found is not None else _stranger(ours, asset_class)


def scales_of(symbol: str, asset_class: str, traded: Mapping[str, Instrument]) -> tuple[int, int]:
    """Decimal places of prices and quantities. Knows an answer for every symbol, also for those that no instrument can have."""
    try:
        found = instrument_of(symbol, asset_class, traded)
    except AlpacaRecordFault:
        found = _ANY_EQUITY
    return found.price_scale, found.quantity_scale


@lru_cache(maxsize=4096)
def _stranger(symbol: str, asset_class: str) -> Instrument:
    try:
        if asset_class == CRYPTO or "/" in symbol:
            return crypto(symbol, venue=VENUE, price_scale=_CRYPTO_PLACES, quantity_scale=_CRYPTO_PLACES)
        if asset_class == US_OPTION or _OPTION.fullmatch(symbol):
            return Instrument(symbol, AssetClass.OPTION, venue=VENUE, multiplier=_OPTION_MULTIPLIER)
        return equity(symbol, venue=VENUE)
    except BadSymbol as error:
        raise AlpacaRecordFault(str(error)) from None


_ANY_EQUITY: Final = equity("ANY", venue=VENUE)
