"""What an algorithm says about an order, and what it gets to see of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from typing import ClassVar, Final

from algotrader.core import boundary
from algotrader.core.instruments import Instrument
from algotrader.core.market import utc
from algotrader.core.orders import Fill, Order, OrderState, OrderType
from algotrader.core.scaled import from_money, nearest_scaled
from algotrader.strategies.algorithm_assets import Asset
from algotrader.strategies.algorithm_errors import AlgorithmError

WHOLE_TOLERANCE: Final = Decimal("0.0001")
"""An amount of whole shares this close to the next one means it: 99.99995 shares are 100, 99.9 are 99."""

_PLACES: Final = 8
_UNIT: Final = 10**_PLACES
_PER_TOLERANCE: Final = 10_000


class OrderStatus(IntEnum):
    """An order's status in the five words that Zipline has for it; ``state`` of an order says it exactly."""

    OPEN = 0
    FILLED = 1
    CANCELLED = 2
    REJECTED = 3
    HELD = 4


_STATUS: Final = {
    OrderState.FILLED: OrderStatus.FILLED,
    OrderState.CANCELED: OrderStatus.CANCELLED,
    OrderState.EXPIRED: OrderStatus.CANCELLED,
    OrderState.REJECTED: OrderStatus.REJECTED,
    OrderState.SUBMIT_FAILED: OrderStatus.REJECTED,
    OrderState.UNKNOWN: OrderStatus.HELD,
}


@dataclass(frozen=True, slots=True)
class MarketOrder:
    """At the next price."""


@dataclass(frozen=True, slots=True)
class LimitOrder:
    """At ``limit_price`` or better."""

    limit_price: object


@dataclass(frozen=True, slots=True)
class StopOrder:
    """At market once ``stop_price`` is reached."""

    stop_price: object


@dataclass(frozen=True, slots=True)
class StopLimitOrder:
    """At ``limit_price`` or better once ``stop_price`` is reached."""

    limit_price: object
    stop_price: object


@dataclass(frozen=True, slots=True)
class TrailingStopOrder:
    """At market once the price has turned back by ``trail_amount``, or by ``trail_percent`` (5 is 5%) of the last price."""

    trail_amount: object = None
    trail_percent: object = None


Style = MarketOrder | LimitOrder | StopOrder | StopLimitOrder | TrailingStopOrder
MARKET: Final = MarketOrder()


def choose_style(limit_price: object, stop_price: object, style: Style | None) -> Style:
    """The style that was given, or the one that the prices mean.

    Raises:
        AlgorithmError: both were given, or the style is none of ours.
    """
    if style is not None:
        if limit_price is not None or stop_price is not None:
            raise AlgorithmError("style and prices were both given", "put the prices into the style, as in LimitOrder(10.5)")
        if not isinstance(style, Style):
            raise AlgorithmError(f"{style!r} is not an order style", "use MarketOrder(), LimitOrder(...), StopOrder(...), …")
        return style
    if limit_price is not None and stop_price is not None:
        return StopLimitOrder(limit_price, stop_price)
    if limit_price is not None:
        return LimitOrder(limit_price)
    return MARKET if stop_price is None else StopOrder(stop_price)


@dataclass(frozen=True, slots=True)
class Terms:
    """A style as the engine takes it: type and scaled prices, 0 for none."""

    order_type: OrderType
    limit_raw: int = 0
    stop_raw: int = 0
    trail_raw: int = 0


PLAIN_MARKET: Final = Terms(OrderType.MARKET)


def terms_of(style: Style, instrument: Instrument, buys: bool, last_raw: int) -> Terms:
    """Put a style's prices on the increment, on the side that is safe for the strategy: it never pays more than it said.

    Raises:
        StrategyFault: a price is not a positive number.
    """
    if isinstance(style, MarketOrder):
        return PLAIN_MARKET
    limit, stop = getattr(style, "limit_price", None), getattr(style, "stop_price", None)
    limit_raw = boundary.price(limit, instrument, "limit_price", not buys)
    stop_raw = boundary.price(stop, instrument, "stop_price", buys)
    if isinstance(style, LimitOrder):
        return Terms(OrderType.LIMIT, _given(limit_raw, "limit_price"))
    if isinstance(style, StopOrder):
        return Terms(OrderType.STOP, 0, _given(stop_raw, "stop_price"))
    if isinstance(style, StopLimitOrder):
        return Terms(OrderType.STOP_LIMIT, _given(limit_raw, "limit_price"), _given(stop_raw, "stop_price"))
    return Terms(OrderType.TRAILING_STOP, 0, 0, _trail(style, instrument, last_raw))


def _given(raw: int, what: str) -> int:
    if raw == 0:
        raise AlgorithmError(f"the order style has no {what}")
    return raw


def _trail(style: TrailingStopOrder, instrument: Instrument, last_raw: int) -> int:
    if (style.trail_amount is None) == (style.trail_percent is None):
        raise AlgorithmError("a trailing stop needs trail_amount or trail_percent", "give exactly one of them")
    if style.trail_amount is not None:
        return boundary.price(style.trail_amount, instrument, "trail_amount", True)
    percent = boundary.number(style.trail_percent, "trail_percent")
    if not 0 < percent < 100:
        raise AlgorithmError(f"trail_percent must lie between 0 and 100, not {percent}", "5 is five percent")
    return boundary.price(instrument.price(last_raw) * percent / 100, instrument, "trail_percent", True)


def amount_raw(amount: object, instrument: Instrument) -> int:
    """A signed amount as a scaled quantity, rounded towards zero to what the venue trades; whole shares by ``WHOLE_TOLERANCE``.

    Raises:
        StrategyFault: not a finite number, or too large.
    """
    exact = boundary.number(amount, "the amount")
    if instrument.quantity_scale == 0:
        whole = exact.to_integral_value()
        if abs(whole - exact) <= WHOLE_TOLERANCE:
            exact = whole
    return boundary.quantity(exact, instrument, "the amount")


def value_raw(value_money: int, instrument: Instrument, last_raw: int) -> int:
    """The scaled quantity that a signed amount of money (see ``scaled``) buys at a price: value / (price x multiplier)."""
    unit = last_raw * instrument.money_factor
    quantity, rest = divmod(abs(value_money), unit)
    if instrument.quantity_scale == 0 and (unit - rest) * _PER_TOLERANCE <= unit:
        quantity += 1
    rounded = instrument.round_quantity_down(quantity)
    return rounded if value_money >= 0 else -rounded


def money_of(value: object) -> int:
    """A value in currency as money, taken to a hundred-millionth.

    Raises:
        StrategyFault: it is not a finite number.
    """
    return nearest_scaled(boundary.number(value, "the value"), _PLACES) * 10**10


def share_of(equity: int, percent: object) -> int:
    """A fraction (0.25 is a quarter) of an amount of money, rounded down.

    Raises:
        StrategyFault: the fraction is not a finite number.
    """
    scaled = nearest_scaled(boundary.number(percent, "the percentage"), _PLACES)
    taken = max(equity, 0) * abs(scaled) // _UNIT
    return taken if scaled >= 0 else -taken


def plain(quantity_raw: int, instrument: Instrument) -> int | float:
    """A scaled quantity for arithmetic: an int where the asset trades whole units, else a float."""
    scale = instrument.quantity_scale
    return quantity_raw if scale == 0 else float(quantity_raw / 10**scale)


class OrderView:
    """An order as a strategy sees it; reads the order as it is at the moment of asking. Prices and amounts are floats.

    ``exact`` is the engine's own order with the same in exact numbers.
    """

    __slots__ = ("asset", "exact")
    snapshot_arguments: ClassVar[tuple[str, ...]] = ("exact", "asset")

    def __init__(self, order: Order, asset: Asset) -> None:
        self.exact: Final = order
        self.asset: Final = asset

    @property
    def id(self) -> str:
        """The id that ``order`` gave."""
        return self.exact.client_order_id

    @property
    def status(self) -> OrderStatus:
        """Open, filled, cancelled, rejected, or held while its fate is unknown."""
        return _STATUS.get(self.exact.state, OrderStatus.OPEN)

    @property
    def state(self) -> str:
        """The exact state, such as ``partially_filled``."""
        return self.exact.state.value

    @property
    def open(self) -> bool:
        """Whether more may come of it."""
        return not self.exact.is_final

    @property
    def role(self) -> str:
        """Why it exists: ``plain`` for the strategy's own, ``stop_loss`` for a protective stop, ``exit_market`` for a close."""
        return self.exact.role.value

    @property
    def amount(self) -> int | float:
        """What was ordered, negative for a sell."""
        return plain(self.exact.quantity_raw * self.exact.sign, self.exact.instrument)

    @property
    def filled(self) -> int | float:
        """What was executed, negative for a sell."""
        return plain(self.exact.filled_raw * self.exact.sign, self.exact.instrument)

    @property
    def open_amount(self) -> int | float:
        """What is not executed yet, negative for a sell."""
        return plain((self.exact.quantity_raw - self.exact.filled_raw) * self.exact.sign, self.exact.instrument)

    @property
    def limit(self) -> float | None:
        """Limit price, if any."""
        return float(self.exact.instrument.price(self.exact.limit_raw)) if self.exact.limit_raw else None

    @property
    def stop(self) -> float | None:
        """Stop price, if any."""
        return float(self.exact.instrument.price(self.exact.stop_raw)) if self.exact.stop_raw else None

    @property
    def created(self) -> datetime:
        """When it was placed, UTC."""
        return utc(self.exact.created_time)

    @property
    def commission(self) -> float:
        """Commission so far."""
        return float(from_money(self.exact.commission))

    @property
    def reason(self) -> str:
        """Why it ended, if it ended without being filled."""
        return self.exact.reason

    def __repr__(self) -> str:
        return f"OrderView({self.id} {self.asset} {self.amount} {self.state} filled {self.filled})"


@dataclass(frozen=True, slots=True)
class Transaction:
    """One execution as a strategy sees it: signed amount, price, commission (currency) and time (UTC). ``exact`` is the fill."""

    asset: Asset
    amount: int | float
    price: float
    commission: float
    dt: datetime
    order_id: str
    exact: Fill


def transaction_of(order: Order, fill: Fill, asset: Asset) -> Transaction:
    """Show a fill of an order."""
    instrument = order.instrument
    return Transaction(
        asset,
        plain(fill.quantity_raw * order.sign, instrument),
        float(instrument.price(fill.price_raw)),
        float(from_money(fill.commission)),
        utc(fill.time),
        order.client_order_id,
        fill,
    )
