"""What is traded, and what its venue allows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Final, final

from algotrader.core.copies import made_from_fields
from algotrader.core.scaled import MAX_SCALED, MONEY_SCALE, NotExact, from_scaled, power_of_ten, to_scaled


class AssetClass(Enum):
    """The kinds of instrument the engine knows."""

    EQUITY = "equity"
    CRYPTO = "crypto"
    FUTURE = "future"
    OPTION = "option"
    FOREX = "forex"


class BadSymbol(ValueError):
    """A symbol that is not written the way its asset class writes them."""


_PATTERNS: Final = {
    AssetClass.EQUITY: re.compile(r"[A-Z]{1,5}(\.[A-Z])?"),
    AssetClass.CRYPTO: re.compile(r"[A-Z0-9]{1,12}/[A-Z0-9]{2,8}"),
    AssetClass.FUTURE: re.compile(r"[A-Z0-9]{1,4}[FGHJKMNQUVXZ][0-9]{1,2}"),
    AssetClass.OPTION: re.compile(r"[A-Z]{1,6} {0,5}[0-9]{6}[CP][0-9]{8}"),
    AssetClass.FOREX: re.compile(r"[A-Z]{3}\.[A-Z]{3}"),
}
_EXAMPLES: Final = {
    AssetClass.EQUITY: "AAPL or BRK.B",
    AssetClass.CRYPTO: "BTC/USDT",
    AssetClass.FUTURE: "ESZ5",
    AssetClass.OPTION: "AAPL260116C00150000",
    AssetClass.FOREX: "EUR.USD",
}
_QUOTE_CURRENCIES: Final = ("USDT", "USDC", "BUSD", "FDUSD", "TUSD", "USD", "EUR", "GBP", "JPY", "BTC", "ETH")


def check_symbol(symbol: str, asset_class: AssetClass) -> str:
    """Give the symbol back when it is written as its asset class asks.

    Raises:
        BadSymbol: it is not; the message shows a right one.
    """
    if _PATTERNS[asset_class].fullmatch(symbol) is None:
        raise BadSymbol(f"{symbol!r} is not a symbol of asset class {asset_class.value}; write it like {_EXAMPLES[asset_class]}")
    return symbol


def guess_asset_class(symbol: str) -> AssetClass:
    """Tell the asset class from the way a symbol is written.

    Raises:
        BadSymbol: it fits none.
    """
    for asset_class in (AssetClass.EQUITY, AssetClass.CRYPTO, AssetClass.OPTION, AssetClass.FOREX, AssetClass.FUTURE):
        if _PATTERNS[asset_class].fullmatch(symbol) is not None:
            return asset_class
    raise BadSymbol(f"{symbol!r} is not a symbol; write equities like {_EXAMPLES[AssetClass.EQUITY]}, crypto like BTC/USDT")


def normal_symbol(symbol: str) -> str:
    """Write a symbol in the engine's own way: ``btcusdt`` becomes ``BTC/USDT``, ``aapl`` becomes ``AAPL``."""
    text = symbol.strip().upper()
    if "/" not in text and _PATTERNS[AssetClass.EQUITY].fullmatch(text) is None:
        joined = text.replace("-", "").replace("_", "")
        # A base of three letters or more first: XBTUSD is XBT in USD, not XB in TUSD.
        for shortest in (3, 2):
            for quote in _QUOTE_CURRENCIES:
                base = joined[: -len(quote)]
                if joined.endswith(quote) and len(base) >= shortest and base.isalnum():
                    return f"{base}/{quote}"
    return text


@final
@dataclass(frozen=True, slots=True)
class Instrument:
    """One tradable thing, with the increments in which its venue counts.

    ``price_increment`` and ``quantity_increment`` are scaled integers at ``price_scale`` and ``quantity_scale`` decimal places;
    ``calendar`` is an exchange calendar's name, or ``24/7`` for markets that never close.
    """

    symbol: str
    asset_class: AssetClass = AssetClass.EQUITY
    currency: str = "USD"
    venue: str = "SIM"
    price_scale: int = 4
    quantity_scale: int = 0
    price_increment: int = 100
    quantity_increment: int = 1
    multiplier: int = 1
    min_quantity: int = 1
    min_notional: int = 0
    calendar: str = "XNYS"
    money_factor: int = field(init=False, default=1)

    def __post_init__(self) -> None:
        check_symbol(self.symbol, self.asset_class)
        if self.price_scale < 0 or self.quantity_scale < 0 or self.price_scale + self.quantity_scale > MONEY_SCALE:
            raise ValueError(f"{self.symbol}: price scale + quantity scale must lie between 0 and {MONEY_SCALE}")
        if self.price_increment < 1 or self.quantity_increment < 1 or self.multiplier < 1:
            raise ValueError(f"{self.symbol}: increments and multiplier must be at least 1")
        factor = self.multiplier * 10 ** (MONEY_SCALE - self.price_scale - self.quantity_scale)
        object.__setattr__(self, "money_factor", factor)

    def price(self, raw: int) -> Decimal:
        """Give a scaled price as a decimal."""
        return from_scaled(raw, self.price_scale)

    def quantity(self, raw: int) -> Decimal:
        """Give a scaled quantity as a decimal."""
        return from_scaled(raw, self.quantity_scale)

    def price_raw(self, value: Decimal) -> int:
        """Turn a decimal price into a scaled integer; raises ``NotExact`` when it has too many decimals or is too large."""
        return _checked(to_scaled(value, self.price_scale), value, self.symbol)

    def quantity_raw(self, value: Decimal) -> int:
        """Turn a decimal quantity into a scaled integer; raises ``NotExact`` when it has too many decimals or is too large."""
        return _checked(to_scaled(value, self.quantity_scale), value, self.symbol)

    def notional(self, price_raw: int, quantity_raw: int) -> int:
        """The money value of a quantity at a price (signed as the quantity is); exact."""
        return price_raw * quantity_raw * self.money_factor

    def tick(self, price_raw: int) -> int:
        """The price increment at a price: US equities below one dollar are quoted in hundredths of a cent."""
        if self.asset_class is AssetClass.EQUITY and self.price_scale >= 4 and price_raw < power_of_ten(self.price_scale):
            return min(self.price_increment, power_of_ten(self.price_scale - 4))
        return self.price_increment

    def round_price_down(self, price_raw: int) -> int:
        """Round down to the price increment."""
        tick = self.tick(price_raw)
        return price_raw // tick * tick

    def round_price_up(self, price_raw: int) -> int:
        """Round up to the price increment."""
        tick = self.tick(price_raw)
        return -(-price_raw // tick) * tick

    def round_quantity_down(self, quantity_raw: int) -> int:
        """Round a positive quantity down to what the venue can trade; 0 when below its minimum."""
        rounded = quantity_raw // self.quantity_increment * self.quantity_increment
        return rounded if rounded >= self.min_quantity else 0


def _checked(raw: int, value: Decimal, symbol: str) -> int:
    if abs(raw) >= MAX_SCALED:
        raise NotExact(f"{symbol}: {value} is too large for the instrument's scale")
    return raw


def equity(symbol: str, *, calendar: str = "XNYS", venue: str = "SIM", fractional: bool = False) -> Instrument:
    """A US equity: cents, whole shares (or millionths of a share when ``fractional``)."""
    scale = 6 if fractional else 0
    return Instrument(symbol, AssetClass.EQUITY, calendar=calendar, venue=venue, quantity_scale=scale)


def crypto(symbol: str, *, venue: str = "SIM", price_scale: int = 8, quantity_scale: int = 8) -> Instrument:
    """A spot pair, traded around the clock in units of 10^-quantity_scale."""
    return Instrument(
        symbol,
        AssetClass.CRYPTO,
        currency=symbol.split("/")[-1],
        venue=venue,
        price_scale=price_scale,
        quantity_scale=quantity_scale,
        price_increment=1,
        calendar="24/7",
    )


@final
@dataclass(frozen=True, slots=True)
class VenueCapabilities:
    """What a venue allows, as data: the engine plans by it and the simulated venue enforces it.

    Attributes:
        reserves_holdings: a resting sell reserves the shares, so a second sell for them is refused.
        refuses_opposing: a buy is refused while our own sell rests in the same instrument, and the other way round.
        attached_stops: an entry may carry its protective stop (one-triggers-other, bracket).
        oco: one-cancels-other pairs are supported.
        atomic_replace: an order can be changed in one request.
        reduce_only: the venue itself keeps a reduce-only order from opening a position.
        short_selling: positions may go below zero.
        order_types: values of ``OrderType`` that are accepted.
        times_in_force: values of ``TimeInForce`` that are accepted.
        fractional_day_only: shares with a fraction are accepted only as simple DAY orders, whose quantity cannot be changed; crypto
            only as simple ones.
        extended_hours: limit orders may ask to work outside the regular session.
        stops_outside_session: a resting stop can trigger outside the regular session.
    """

    name: str = "generic"
    reserves_holdings: bool = False
    refuses_opposing: bool = False
    attached_stops: bool = True
    oco: bool = True
    atomic_replace: bool = True
    reduce_only: bool = True
    short_selling: bool = True
    order_types: tuple[str, ...] = ("market", "limit", "stop", "stop_limit", "trailing_stop")
    times_in_force: tuple[str, ...] = ("day", "gtc", "ioc", "fok", "opg", "cls")
    fractional_day_only: bool = False
    extended_hours: bool = True
    stops_outside_session: bool = False

    def simple_only(self, instrument: Instrument, quantity_raw: int) -> bool:
        """Whether so much of an instrument is traded without attached orders and one-cancels-other pairs only."""
        if not self.fractional_day_only:
            return False
        return instrument.asset_class is AssetClass.CRYPTO or self.day_only(instrument, quantity_raw)

    def day_only(self, instrument: Instrument, quantity_raw: int) -> bool:
        """Whether so much of an instrument is traded for the day only."""
        fraction = quantity_raw % power_of_ten(instrument.quantity_scale) != 0
        return self.fractional_day_only and fraction and instrument.asset_class is not AssetClass.CRYPTO

    def can_replace(self, instrument: Instrument, old_raw: int, new_raw: int) -> bool:
        """Whether a working order over ``old_raw`` can be changed to ``new_raw`` (its prices with it) in one request."""
        if not self.atomic_replace:
            return False
        return old_raw == new_raw or not (self.day_only(instrument, old_raw) or self.day_only(instrument, new_raw))


GENERIC: Final = VenueCapabilities()
"""A permissive venue: the simulated venue's default."""

ALPACA_LIKE: Final = VenueCapabilities(
    name="alpaca-like",
    reserves_holdings=True,
    refuses_opposing=True,
    reduce_only=False,
    fractional_day_only=True,
)
"""A venue that reserves holdings and refuses opposing orders, as Alpaca does."""


made_from_fields(Instrument, VenueCapabilities)
