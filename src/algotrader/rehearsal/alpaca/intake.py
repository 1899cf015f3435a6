"""Bodies of requests for orders, read and checked as far as that takes nothing but the asset and its last price."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_FLOOR, Decimal
from enum import Enum
from typing import Any, Final, TypeVar

from algotrader.core.instruments import AssetClass, Instrument
from algotrader.core.orders import OrderType, Side, TimeInForce, opposite
from algotrader.core.scaled import NotExact, power_of_ten, round_scaled
from algotrader.rehearsal.alpaca.answers import ApiError, invalid, unprocessable
from algotrader.rehearsal.alpaca.orders import BRACKET, HELD, OCO, OTO, SIMPLE, AlpacaOrder
from algotrader.rehearsal.alpaca.texts import decimal_text, read_number

E = TypeVar("E", bound=Enum)
Json = dict[str, Any]

MAX_CLIENT_ID: Final = 128
_CRYPTO_TYPES: Final = (OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_LIMIT)
_CRYPTO_TIMES: Final = (TimeInForce.GTC, TimeInForce.IOC)
_AUCTIONS: Final = (TimeInForce.OPG, TimeInForce.CLS)


class Intake:
    """Reads orders.

    Args:
        find: gives the instrument of a symbol; None when it is not traded here.
        last: gives an instrument's last price (scaled); 0 before any.
        new_id: gives a new id.
    """

    def __init__(
        self, find: Callable[[str], Instrument | None], last: Callable[[Instrument], int], new_id: Callable[[], str]
    ) -> None:
        self._find: Final = find
        self._last: Final = last
        self._new_id: Final = new_id

    def order(self, body: Any, now: int) -> AlpacaOrder:
        """A new order with its legs.

        Raises:
            ApiError: it is not to be taken.
        """
        if not isinstance(body, dict):
            raise ApiError(400, 40010000, "request body format is invalid")
        instrument = self._instrument(body)
        side = _choice(body, "side", Side)
        kind = _choice(body, "type", OrderType)
        tif = _choice(body, "time_in_force", TimeInForce)
        order_class = body.get("order_class") or SIMPLE
        if order_class not in (SIMPLE, BRACKET, OCO, OTO):
            raise invalid("invalid order_class")
        order = AlpacaOrder(self._new_id(), "", instrument, side, kind, 0, tif, now, order_class)
        order.client_order_id = self._client_id(body)
        order.extended_hours = body.get("extended_hours") is True
        self._quantity(order, body)
        self._prices(order, body)
        check_terms(order)
        self._legs(order, body)
        return order

    def _instrument(self, body: Json) -> Instrument:
        symbol = body.get("symbol")
        if not isinstance(symbol, str) or not symbol:
            raise invalid("symbol is required")
        instrument = self._find(symbol)
        if instrument is None:
            raise unprocessable(f'asset "{symbol[:40]}" not found')
        return instrument

    def _client_id(self, body: Json) -> str:
        name = body.get("client_order_id") or self._new_id()
        if not isinstance(name, str) or len(name) > MAX_CLIENT_ID:
            raise invalid(f"client_order_id must be no more than {MAX_CLIENT_ID} characters")
        return name

    def _quantity(self, order: AlpacaOrder, body: Json) -> None:
        quantity, notional = _number(body, "qty"), _number(body, "notional")
        if (quantity is None) == (notional is None):
            raise invalid("only one of qty or notional is accepted" if quantity is not None else "qty or notional is required")
        if notional is not None:
            quantity = self._for_money(order, notional)
        order.quantity_raw = quantity_of(order.instrument, quantity)

    def _for_money(self, order: AlpacaOrder, notional: Decimal) -> Decimal:
        """How much an amount of money buys at the last price."""
        if notional <= 0:
            raise invalid("notional must be > 0")
        instrument, last = order.instrument, self._last(order.instrument)
        if not last:
            raise unprocessable("cannot determine the price of the asset")
        order.notional = decimal_text(notional)
        raw = round_scaled(notional / instrument.price(last), instrument.quantity_scale, ROUND_FLOOR)
        rounded = instrument.round_quantity_down(raw)
        if not rounded:
            raise unprocessable("notional amount is too small for this asset")
        return instrument.quantity(rounded)

    def _prices(self, order: AlpacaOrder, body: Json) -> None:
        kind = order.order_type
        for field, wanted in (
            ("limit_price", kind in (OrderType.LIMIT, OrderType.STOP_LIMIT)),
            ("stop_price", kind in (OrderType.STOP, OrderType.STOP_LIMIT)),
        ):
            given = body.get(field) not in (None, "")
            if order.order_class == OCO and field == "limit_price" and not given:
                continue
            if wanted and not given:
                raise invalid(f"{kind.value} orders require {field.replace('_', ' ')}")
            if given and not wanted:
                raise invalid(f"{kind.value} orders must not have {field}")
        order.limit_raw = price_of(order.instrument, body, "limit_price")
        order.stop_raw = price_of(order.instrument, body, "stop_price")
        if kind is OrderType.TRAILING_STOP:
            self._trail(order, body)

    def _trail(self, order: AlpacaOrder, body: Json) -> None:
        price, percent = _number(body, "trail_price"), _number(body, "trail_percent")
        if (price is None) == (percent is None):
            raise invalid("trailing stop orders must specify one of trail_price or trail_percent")
        set_trail(order, percent if percent is not None else price, self._last(order.instrument), is_percent=percent is not None)

    def _legs(self, order: AlpacaOrder, body: Json) -> None:
        take, stop = _part(body, "take_profit"), _part(body, "stop_loss")
        order_class, kind = order.order_class, order.order_type
        if order_class == SIMPLE:
            if take or stop:
                raise invalid("simple orders must not have take_profit or stop_loss")
            return
        if order.instrument.asset_class is AssetClass.CRYPTO:
            raise unprocessable("crypto orders not allowed for advanced order_class: " + order_class)
        if order_class == BRACKET and kind not in (OrderType.MARKET, OrderType.LIMIT):
            raise invalid("bracket orders must be market or limit orders")
        if order.time_in_force not in (TimeInForce.DAY, TimeInForce.GTC):
            raise invalid("complex orders must be DAY or GTC orders")
        if order_class in (BRACKET, OCO):
            if not take:
                raise invalid(f"{order_class} orders require take_profit.limit_price")
            if not stop:
                raise invalid(f"{order_class} orders require stop_loss.stop_price")
        elif bool(take) == bool(stop):
            raise invalid("oto orders require one of take_profit or stop_loss")
        if order_class == OCO:
            self._pair(order, take, stop)
        else:
            self._exits(order, take, stop)

    def _pair(self, order: AlpacaOrder, take: Json, stop: Json) -> None:
        """The order itself takes the profit, the one leg stops the loss."""
        if order.order_type is not OrderType.LIMIT:
            raise invalid("oco orders must be limit orders")
        order.limit_raw = price_of(order.instrument, take, "limit_price", "take_profit.limit_price") or order.limit_raw
        order.legs.append(self._stop_leg(order, stop, order.side))
        self._check_sides(order, order.legs[0].stop_raw, order.limit_raw, order.limit_raw, -order.sign)

    def _exits(self, order: AlpacaOrder, take: Json, stop: Json) -> None:
        side = opposite(order.side)
        base = order.limit_raw or order.stop_raw or self._last(order.instrument)
        if take:
            limit = price_of(order.instrument, take, "limit_price", "take_profit.limit_price")
            if not limit:
                raise invalid(f"{order.order_class} orders require take_profit.limit_price")
            order.legs.append(self._leg(order, side, OrderType.LIMIT, limit, 0))
        if stop:
            order.legs.append(self._stop_leg(order, stop, side))
        take_raw = order.legs[0].limit_raw if take else 0
        self._check_sides(order, order.legs[-1].stop_raw if stop else 0, take_raw, base, order.sign)

    def _stop_leg(self, order: AlpacaOrder, stop: Json, side: Side) -> AlpacaOrder:
        at = price_of(order.instrument, stop, "stop_price", "stop_loss.stop_price")
        limit = price_of(order.instrument, stop, "limit_price", "stop_loss.limit_price")
        if not at:
            raise invalid(f"{order.order_class} orders require stop_loss.stop_price")
        return self._leg(order, side, OrderType.STOP_LIMIT if limit else OrderType.STOP, limit, at)

    def _leg(self, order: AlpacaOrder, side: Side, kind: OrderType, limit_raw: int, stop_raw: int) -> AlpacaOrder:
        leg = AlpacaOrder(
            self._new_id(),
            self._new_id(),
            order.instrument,
            side,
            kind,
            order.quantity_raw,
            order.time_in_force,
            order.created,
            order.order_class,
        )
        leg.limit_raw, leg.stop_raw, leg.status, leg.parent = limit_raw, stop_raw, HELD, order
        return leg

    def _check_sides(self, order: AlpacaOrder, stop_raw: int, take_raw: int, base: int, sign: int) -> None:
        """The profit has to lie beyond the base price and the stop short of it, by a cent at least."""
        if not base:
            return
        cent, text = order.instrument.tick(base), decimal_text(order.instrument.price(base))
        if order.order_class != OCO and take_raw and (take_raw - base) * sign < cent:
            word = ">= base_price + 0.01" if sign > 0 else "<= base_price - 0.01"
            raise unprocessable(f"take_profit.limit_price must be {word}", base_price=text)
        if stop_raw and (base - stop_raw) * sign < cent:
            word = "<= base_price - 0.01" if sign > 0 else ">= base_price + 0.01"
            raise unprocessable(f"stop_loss.stop_price must be {word}", base_price=text)


def check_terms(order: AlpacaOrder) -> None:
    """Check what goes together: fractions, extended hours, auctions, pairs.

    Raises:
        ApiError: it does not.
    """
    kind, tif, instrument = order.order_type, order.time_in_force, order.instrument
    if instrument.asset_class is AssetClass.CRYPTO:
        if kind not in _CRYPTO_TYPES:
            raise unprocessable("invalid order type for crypto order")
        if tif not in _CRYPTO_TIMES:
            raise unprocessable("invalid crypto time_in_force")
        return
    if order.quantity_raw % power_of_ten(instrument.quantity_scale):
        if tif is not TimeInForce.DAY:
            raise unprocessable("fractional orders must be DAY orders")
        if order.order_class != SIMPLE:
            raise unprocessable("fractional orders must be simple orders")
        if kind is OrderType.TRAILING_STOP:
            raise unprocessable("fractional orders must be market, limit, stop, or stop_limit orders")
    if order.extended_hours and (kind is not OrderType.LIMIT or tif not in (TimeInForce.DAY, TimeInForce.GTC)):
        raise unprocessable("extended hours order must be DAY or GTC limit orders")
    if order.extended_hours and tif is not TimeInForce.DAY:
        raise unprocessable("extended hours order must be DAY limit orders")
    if tif in _AUCTIONS and kind not in (OrderType.MARKET, OrderType.LIMIT):
        raise unprocessable(f"{tif.value} orders must be market or limit orders")
    if kind not in (OrderType.MARKET, OrderType.LIMIT) and tif not in (TimeInForce.DAY, TimeInForce.GTC):
        raise unprocessable(f"invalid time_in_force for {kind.value} order")


def quantity_of(instrument: Instrument, quantity: Decimal | None) -> int:
    """A quantity, scaled.

    Raises:
        ApiError: it is none that can be traded.
    """
    if quantity is None or quantity <= 0:
        raise invalid("qty must be > 0")
    try:
        raw = instrument.quantity_raw(quantity)
    except NotExact:
        if instrument.quantity_scale == 0 and quantity % 1:
            raise forbidden_fraction(instrument) from None
        raise unprocessable(f"qty increment is smaller than {instrument.quantity(instrument.quantity_increment)}") from None
    if raw % instrument.quantity_increment or raw < instrument.min_quantity:
        least = decimal_text(instrument.quantity(max(instrument.min_quantity, instrument.quantity_increment)))
        raise unprocessable(f"minimal qty of order {least}")
    return raw


def forbidden_fraction(instrument: Instrument) -> ApiError:
    """The asset is traded in whole units only."""
    return ApiError(403, 40310000, f"asset {instrument.symbol} is not fractionable")


def price_of(instrument: Instrument, body: Json, field: str, shown: str = "") -> int:
    """A price of a body, scaled; 0 when it has none.

    Raises:
        ApiError: it is none that can be asked for.
    """
    value = _number(body, field)
    if value is None:
        return 0
    name = shown or field
    if value <= 0:
        raise invalid(f"{name} must be > 0")
    wrong = unprocessable(f"invalid {name} {decimal_text(value)}. sub-penny increment does not fulfill minimum pricing criteria")
    try:
        raw = instrument.price_raw(value)
    except NotExact:
        raise wrong from None
    if raw % instrument.tick(raw):
        raise wrong
    return raw


def set_trail(order: AlpacaOrder, value: Decimal | None, last_raw: int, *, is_percent: bool) -> None:
    """Set the distance of a trailing stop; a percentage becomes a distance at the last price.

    Raises:
        ApiError: it is none.
    """
    if value is None or value <= 0:
        raise invalid("trail value must be > 0")
    if not is_percent:
        order.trail_percent = None
        order.trail_raw = price_of(order.instrument, {"trail_price": str(value)}, "trail_price")
        return
    if not last_raw:
        raise unprocessable("cannot determine the price of the asset")
    order.trail_percent = decimal_text(value)
    distance = int(last_raw * value / 100)
    order.trail_raw = max(order.instrument.round_price_down(distance), order.instrument.tick(last_raw))


def _choice(body: Json, field: str, kind: type[E]) -> E:
    value = body.get(field)
    if value in (None, ""):
        raise invalid(f"{field} is required")
    try:
        return kind(value)
    except ValueError:
        raise invalid(f"invalid {field.replace('type', 'order type')}") from None


def _number(body: Json, field: str) -> Decimal | None:
    try:
        return read_number(body.get(field))
    except ValueError:
        raise invalid(f"{field} is not a number") from None


def _part(body: Json, field: str) -> Json:
    value = body.get(field)
    if value is not None and not isinstance(value, dict):
        raise invalid(f"invalid {field}")
    return value or {}
