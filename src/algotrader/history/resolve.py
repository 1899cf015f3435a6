"""Which instrument a symbol means: the stored one, or one made from its asset class and the numbers of the file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from algotrader.core.instruments import (
    AssetClass,
    BadSymbol,
    Instrument,
    check_symbol,
    crypto,
    equity,
    guess_asset_class,
    normal_symbol,
)
from algotrader.core.scaled import MONEY_SCALE
from algotrader.errors import UserError, did_you_mean
from algotrader.history.calendars import normal_calendar
from algotrader.history.numbers import decimals_used, fitting_scale

_CALENDARS: Final = {AssetClass.FOREX: "24/5", AssetClass.FUTURE: "CMES", AssetClass.OPTION: "XNYS"}
_OPTION_MULTIPLIER: Final = 100
CRYPTO_SCALE: Final = 8
"""Usual decimal places of prices and quantities of crypto pairs."""

_CRYPTO_PRICE_SCALE: Final = 10


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a user said about an instrument; None where nothing was said."""

    asset_class: str | None = None
    calendar: str | None = None
    price_scale: int | None = None
    quantity_scale: int | None = None


def read_symbol(symbol: str, asset_class: str | None) -> tuple[str, AssetClass]:
    """Normalise a symbol and tell its asset class.

    Raises:
        UserError: it is not a symbol, or not one of that asset class.
    """
    name = normal_symbol(symbol)
    try:
        if asset_class is None:
            return name, guess_asset_class(name)
        kind = AssetClass(asset_class.lower())
        return check_symbol(name, kind), kind
    except BadSymbol as error:
        raise UserError(str(error), "give another --symbol, or --asset-class") from None
    except ValueError:
        known = [item.value for item in AssetClass]
        hint = f"{did_you_mean(asset_class or '', known)} known: {', '.join(known)}".strip()
        raise UserError(f"{asset_class!r} is not an asset class", hint) from None


def stored_instrument(stored: Instrument, wishes: Wishes) -> Instrument:
    """Give the stored instrument back when nothing that was said contradicts it.

    Raises:
        UserError: something does.
    """
    calendar = None if wishes.calendar is None else normal_calendar(wishes.calendar)
    pairs = (
        ("asset class", wishes.asset_class and wishes.asset_class.lower(), stored.asset_class.value),
        ("calendar", calendar, stored.calendar),
        ("price scale", wishes.price_scale, stored.price_scale),
        ("quantity scale", wishes.quantity_scale, stored.quantity_scale),
    )
    for what, wanted, have in pairs:
        if wanted is not None and wanted != have:
            message = f"{stored.symbol} is in the catalogue with {what} {have}, not {wanted}"
            raise UserError(message, "leave the option out, or import into another catalogue folder")
    return stored


def new_instrument(
    symbol: str, kind: AssetClass, wishes: Wishes, prices: list[pl.Series], volume: pl.Series
) -> tuple[Instrument, list[str]]:
    """Make an instrument with the defaults of its asset class.

    Args:
        symbol: normalised.
        kind: its asset class.
        wishes: what the user said; wins over the defaults.
        prices: the file's columns of prices, from which the scale of a crypto pair is chosen.
        volume: the file's column of volumes.

    Returns:
        The instrument and what the user should know about it.

    Raises:
        UserError: the scales said are impossible, or the calendar is unknown.
    """
    notes: list[str] = []
    made = default_instrument(symbol, kind, notes)
    if kind is AssetClass.CRYPTO:
        made = _fit_crypto(made, wishes, prices, volume, notes)
    calendar = made.calendar if wishes.calendar is None else normal_calendar(wishes.calendar)
    price_scale = made.price_scale if wishes.price_scale is None else wishes.price_scale
    quantity_scale = made.quantity_scale if wishes.quantity_scale is None else wishes.quantity_scale
    # Increments stay the same amount of money whatever the scale: a cent for equities.
    increment = (
        made.price_increment if kind is AssetClass.CRYPTO else _rescale(made.price_increment, price_scale - made.price_scale)
    )
    try:
        return replace(
            made, calendar=calendar, price_scale=price_scale, quantity_scale=quantity_scale, price_increment=increment
        ), notes
    except ValueError as error:
        raise UserError(str(error), f"give a --price-scale and --quantity-scale that add up to at most {MONEY_SCALE}") from None


def default_instrument(symbol: str, kind: AssetClass, notes: list[str] | None = None) -> Instrument:
    """An instrument with the defaults of its asset class; ``notes`` takes what the user should know about them."""
    if kind is AssetClass.EQUITY:
        return equity(symbol)
    if kind is AssetClass.CRYPTO:
        return crypto(symbol)
    if kind is AssetClass.FOREX:
        currency = symbol.split(".")[-1]
        return Instrument(symbol, kind, currency=currency, price_scale=6, price_increment=10, calendar=_CALENDARS[kind])
    if kind is AssetClass.OPTION:
        return Instrument(symbol, kind, multiplier=_OPTION_MULTIPLIER, calendar=_CALENDARS[kind])
    if notes is not None:
        notes.append(f"{symbol}: the contract's multiplier is taken as 1")
    return Instrument(symbol, kind, calendar=_CALENDARS[kind])


def _rescale(increment: int, places: int) -> int:
    factor: int = 10 ** abs(places)
    return increment * factor if places >= 0 else max(1, increment // factor)


def _fit_crypto(made: Instrument, wishes: Wishes, prices: list[pl.Series], volume: pl.Series, notes: list[str]) -> Instrument:
    """Choose scales at which the file's numbers are exact, within what fits below 2^53."""
    used = made.price_scale if wishes.price_scale is not None else decimals_used(prices, CRYPTO_SCALE, _CRYPTO_PRICE_SCALE)
    price_scale = fitting_scale(prices, used)
    quantity_scale = fitting_scale([volume], CRYPTO_SCALE)
    if wishes.price_scale is None and price_scale != CRYPTO_SCALE:
        notes.append(f"prices are kept with {price_scale} decimals, the usual {CRYPTO_SCALE} do not suit them")
    if wishes.quantity_scale is None and quantity_scale != CRYPTO_SCALE:
        notes.append(f"quantities are kept with {quantity_scale} decimals: the volumes are too large for {CRYPTO_SCALE}")
    return replace(made, price_scale=price_scale, quantity_scale=quantity_scale)
