"""What Alpaca refuses because of what the account holds, owes and has working."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from algotrader.core.commands import REFUSED_BUYING_POWER, REFUSED_NOT_FOUND, REFUSED_THROUGH_MARKET, REFUSED_TOO_LATE
from algotrader.core.instruments import AssetClass, Instrument
from algotrader.core.orders import OrderType, Side
from algotrader.core.scaled import power_of_ten
from algotrader.rehearsal.alpaca.account import AccountRules
from algotrader.rehearsal.alpaca.answers import ApiError, forbidden, invalid, not_found, unprocessable
from algotrader.rehearsal.alpaca.orders import AlpacaOrder
from algotrader.rehearsal.alpaca.texts import decimal_text, joined, money_text
from algotrader.venues.protocols import Refused

_SHORT_MARGIN: Final = 103
"""A short sale is counted at three hundredths above the market."""


def held_for_orders(working: Iterable[AlpacaOrder], side: Side, but: AlpacaOrder | None = None) -> int:
    """Quantity that the working orders of one side would still trade; of orders that exclude each other, the largest."""
    total = 0
    largest: dict[str, int] = {}
    for order in working:
        if order.side is not side or not order.working or order is but or (but is not None and but.group == order.group != ""):
            continue
        if order.group:
            largest[order.group] = max(largest.get(order.group, 0), order.remaining_raw)
        else:
            total += order.remaining_raw
    return total + sum(largest.values())


def check_account(rules: AccountRules, order: AlpacaOrder) -> None:
    """Check whether the account may trade at all.

    Raises:
        ApiError: it may not.
    """
    if rules.account_blocked or rules.status != "ACTIVE":
        raise forbidden("account is not allowed to trade")
    if rules.trading_blocked:
        raise forbidden("account is restricted from trading")
    if rules.trade_suspended_by_user:
        raise forbidden("new orders are rejected by user request")
    if not rules.fractional_trading and order.quantity_raw % power_of_ten(order.instrument.quantity_scale):
        raise forbidden("fractional trading is not enabled for this account")


def check_opposing(order: AlpacaOrder, working: Iterable[AlpacaOrder]) -> None:
    """Check whether an order could trade against one of our own.

    Raises:
        ApiError: it could.
    """
    for other in working:
        if not other.working or other.side is order.side or other.instrument is not order.instrument:
            continue
        if reason := _meets(order, other):
            raise forbidden("potential wash trade detected. use complex orders", existing_order_id=other.id, reject_reason=reason)


def _meets(order: AlpacaOrder, other: AlpacaOrder) -> str:
    if other.order_type is not OrderType.LIMIT:
        return "opposite side market/stop order exists"
    if order.order_type is not OrderType.LIMIT or (order.limit_raw - other.limit_raw) * order.sign >= 0:
        return "opposite side limit order exists"
    return ""


def check_holding(order: AlpacaOrder, position_raw: int, working: list[AlpacaOrder], rules: AccountRules) -> None:
    """Check whether what is to be sold is there, or may be sold short.

    Args:
        order: a new order, or a replacement with its new quantity.
        position_raw: what is held.
        working: open orders of the instrument without those that the order takes the place of.
        rules: of the account.

    Raises:
        ApiError: it is not, or may not.
    """
    instrument = order.instrument
    if position_raw * order.sign < 0:
        held = held_for_orders(working, order.side)
        available = max(abs(position_raw) - held, 0)
        if order.remaining_raw > available:
            raise _insufficient(order, abs(position_raw), held, available, working)
    elif order.side is Side.SELL:
        if instrument.asset_class is AssetClass.CRYPTO:
            raise _insufficient(order, 0, 0, 0, working)
        if order.quantity_raw % power_of_ten(instrument.quantity_scale):
            raise unprocessable("fractional orders cannot be sold short")
        if not rules.may_short:
            raise forbidden("account is not allowed to short")
        if instrument.symbol in rules.unshortable:
            raise unprocessable(f'asset "{instrument.symbol}" cannot be sold short')


def _insufficient(order: AlpacaOrder, existing: int, held: int, available: int, working: list[AlpacaOrder]) -> ApiError:
    instrument = order.instrument
    asked, free = _quantity(instrument, order.remaining_raw), _quantity(instrument, available)
    if instrument.asset_class is AssetClass.CRYPTO:
        coin = instrument.symbol.split("/")[0]
        message = f"insufficient balance for {coin} (requested: {asked}, available: {free})"
    else:
        message = f"insufficient qty available for order (requested: {asked}, available: {free})"
    extra: dict[str, Any] = {
        "available": free,
        "existing_qty": _quantity(instrument, existing),
        "held_for_orders": _quantity(instrument, held),
        "symbol": joined(instrument),
    }
    related = [other.id for other in working if other.working and other.side is order.side]
    if related:
        extra["related_orders"] = related
    return forbidden(message, **extra)


def cost_of(order: AlpacaOrder, position_raw: int, last_raw: int) -> int:
    """Buying power (scaled money) that what is left of an order takes; nothing for what reduces a position."""
    cover = max(-position_raw * order.sign, 0)
    opening = max(order.remaining_raw - cover, 0)
    price = order.limit_raw or order.stop_raw or last_raw
    if order.side is Side.SELL:
        price = max(order.limit_raw, last_raw * _SHORT_MARGIN // 100)
    return order.instrument.notional(price, opening)


def check_buying_power(cost: int, available: int) -> None:
    """Check whether the account can pay for an order.

    Raises:
        ApiError: it cannot.
    """
    if cost > available:
        raise forbidden("insufficient buying power", buying_power=money_text(available), cost_basis=money_text(cost))


def _quantity(instrument: Instrument, raw: int) -> str:
    return decimal_text(instrument.quantity(raw))


def refusal_of(refusal: Refused, order: AlpacaOrder) -> ApiError:
    """What the exchange itself refuses, in Alpaca's words."""
    if refusal.code == REFUSED_BUYING_POWER:
        return forbidden("insufficient buying power")
    if refusal.code == REFUSED_NOT_FOUND:
        return not_found("order not found")
    if refusal.code == REFUSED_TOO_LATE:
        return unprocessable("order is not open")
    if refusal.code == REFUSED_THROUGH_MARKET:
        return unprocessable(f"stop price must be {'greater' if order.sign > 0 else 'less'} than the market price")
    return invalid(str(refusal))
