"""The order functions of an algorithm. Quantities are the strategy's own: checked, never resized."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from algotrader.core import boundary
from algotrader.core.orders import Fill, Order, OrderType
from algotrader.core.state import Holding, Track
from algotrader.strategies.algorithm_assets import Asset
from algotrader.strategies.algorithm_base import RUNNING, AlgorithmBase
from algotrader.strategies.algorithm_errors import AlgorithmError, NoPrice, NotAllowedNow
from algotrader.strategies.algorithm_orders import (
    OrderView,
    Style,
    amount_raw,
    choose_style,
    money_of,
    share_of,
    terms_of,
    value_raw,
)


class AlgorithmOrdering(AlgorithmBase):
    """Orders, their cancels and stops. Every order function gives the order's id, or None when nothing was sent.

    Nothing is sent when a target is reached already, when older orders have to be cancelled first (the rest follows by itself),
    when a resting stop has to make room first, or when the order is denied: then ``get_denial`` says why.

    Common arguments: ``asset`` is an asset or a symbol; ``limit_price`` and ``stop_price`` make it a limit, a stop or, both given,
    a stop-limit order; ``style`` says the same as an object and excludes them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._planned_stops: dict[int, object] = {}

    def order(
        self, asset: Asset | str, amount: object, limit_price: object = None, stop_price: object = None, style: Style | None = None
    ) -> str | None:
        """Order an amount, negative to sell. Whole-share assets drop a fraction, unless it is within 0.0001 of the next share.

        Raises:
            NotAllowedNow: in ``initialize`` or ``before_trading_start``.
            UnknownAsset: the run does not trade it.
            StrategyFault: the amount or a price is not a usable number.
            TradingControlViolation: a control with ``on_error='fail'`` forbids it.
        """
        track = self._orderable("order", asset)
        if boundary.number(amount, "the amount") == 0:
            return None
        return self._send(track, amount_raw(amount, track.instrument), choose_style(limit_price, stop_price, style))

    def order_value(
        self, asset: Asset | str, value: object, limit_price: object = None, stop_price: object = None, style: Style | None = None
    ) -> str | None:
        """Order for a value in the asset's currency: value / (last price x multiplier), rounded towards zero.

        Raises like ``order``, and ``NoPrice`` before the asset's first bar.
        """
        track = self._orderable("order_value", asset)
        return self._send(track, self._worth(track, money_of(value)), choose_style(limit_price, stop_price, style))

    def order_percent(
        self, asset: Asset | str, percent: object, limit_price: object = None, stop_price: object = None, style: Style | None = None
    ) -> str | None:
        """Order for a fraction of the portfolio value (0.1 is a tenth). Raises like ``order_value``."""
        track = self._orderable("order_percent", asset)
        return self._send(track, self._worth(track, self._share(percent)), choose_style(limit_price, stop_price, style))

    def order_target(
        self, asset: Asset | str, target: object, limit_price: object = None, stop_price: object = None, style: Style | None = None
    ) -> str | None:
        """Order what is missing to hold ``target``, negative for short.

        Working orders and orders in flight count as filled, so calling it with every bar does not order twice. Own orders in the
        other direction are cancelled first, and nothing is sent while the fate of one is unknown. Raises like ``order``.
        """
        track = self._orderable("order_target", asset)
        return self._aim(track, amount_raw(target, track.instrument), choose_style(limit_price, stop_price, style))

    def order_target_value(
        self, asset: Asset | str, target: object, limit_price: object = None, stop_price: object = None, style: Style | None = None
    ) -> str | None:
        """``order_target`` with the position's value in the asset's currency. Raises like ``order_value``."""
        track = self._orderable("order_target_value", asset)
        return self._aim(track, self._worth(track, money_of(target)), choose_style(limit_price, stop_price, style))

    def order_target_percent(
        self, asset: Asset | str, target: object, limit_price: object = None, stop_price: object = None, style: Style | None = None
    ) -> str | None:
        """``order_target`` with the position's fraction of the portfolio value. Raises like ``order_value``."""
        track = self._orderable("order_target_percent", asset)
        return self._aim(track, self._worth(track, self._share(target)), choose_style(limit_price, stop_price, style))

    def batch_market_order(self, share_counts: Mapping[Any, Any]) -> list[str | None]:
        """One market order for each asset of a mapping (or Series) to signed amounts; their ids in its order."""
        return [self.order(asset, amount) for asset, amount in share_counts.items()]

    def _orderable(self, function: str, asset: Asset | str) -> Track:
        if self._stage != RUNNING or self._slot is None:
            where = self._stage or "a strategy that is not running"
            raise NotAllowedNow(f"{function}() cannot be called in {where}", "order from handle_data or a scheduled function")
        return self._book.track(asset)

    def _share(self, percent: object) -> int:
        return share_of(self._port.state.equity(), percent)

    def _worth(self, track: Track, money: int) -> int:
        if track.last_raw == 0:
            symbol = track.instrument.symbol
            raise NoPrice(f"{symbol} has no price yet, so its quantity for a value is not known", "ask data.can_trade(asset) first")
        return value_raw(money, track.instrument, track.last_raw)

    def _send(self, track: Track, quantity_raw: int, style: Style) -> str | None:
        port = self._port
        terms = terms_of(style, track.instrument, quantity_raw > 0, track.last_raw)
        order = port.order(track, quantity_raw, terms.order_type, terms.limit_raw, terms.stop_raw, terms.trail_raw, None)
        return None if order is None else order.client_order_id

    def _aim(self, track: Track, target_raw: int, style: Style) -> str | None:
        port = self._port
        holding = port.holding_of(track)
        buys = target_raw > holding.quantity_raw + port.working_raw(holding)
        terms = terms_of(style, track.instrument, buys, track.last_raw)
        if terms.order_type is OrderType.TRAILING_STOP:
            raise AlgorithmError("a target cannot be reached by a trailing stop", "use order() with TrailingStopOrder")
        order = port.order_target(track, target_raw, terms.order_type, terms.limit_raw, terms.stop_raw)
        return None if order is None else order.client_order_id

    def cancel_order(self, order: OrderView | str) -> None:
        """Ask for an order's end; nothing happens when it has ended. ``on_order_cancel`` tells when the venue confirms.

        Raises:
            AlgorithmError: the strategy has no such order.
        """
        self._port.cancel(self._own_order(order))

    def get_order(self, order: OrderView | str) -> OrderView:
        """One of the strategy's orders by its id, whatever became of it. Raises like ``cancel_order``."""
        found = self._own_order(order)
        return self._view(found)

    def get_open_orders(self, asset: Asset | str | None = None) -> Any:
        """The strategy's open orders, oldest first: a list for one asset, else a dict of lists by asset.

        Protective stops are not among them: the engine keeps those.
        """
        if asset is not None:
            return self._open_orders(self._port.holding_of(self._book.track(asset)))
        found = {self._book.of_track(holding.track): self._open_orders(holding) for holding in self._port.holdings}
        return {asset: orders for asset, orders in found.items() if orders}

    def _open_orders(self, holding: Holding) -> list[OrderView]:
        closing = holding.exit_order
        orders = list(holding.plain_orders)
        if closing is not None and not closing.is_final:
            orders.append(closing)
        return [self._view(order) for order in orders]

    def _own_order(self, order: OrderView | str) -> Order:
        wanted = order.id if isinstance(order, OrderView) else order
        found = self._port.state.orders.get(wanted)
        if found is None or found.owner != self._port.owner:
            raise AlgorithmError(f"the strategy has no order {wanted!r}", "give an id as order() returns it")
        return found

    def _view(self, order: Order) -> OrderView:
        holding = self._port.state.order_holding[order.client_order_id]
        return OrderView(order, self._book.of_track(holding.track))

    def set_stop(self, asset: Asset | str, price: object) -> None:
        """Give a position a protective stop, or tighten the one it has; a looser one is ignored.

        The engine keeps the stop working for the whole position. Without a position the price is kept for the next one in the
        asset, where it is set before anything else happens. None forgets a price that is kept.

        Raises:
            StrategyFault: the price is not a positive number.
        """
        track = self._book.track(asset)
        raw = boundary.price(price, track.instrument, "the stop price", False)
        quantity = self._port.holding_of(track).quantity_raw
        if quantity == 0:
            self._planned_stops[track.index] = price
        elif raw:
            self._port.set_stop(track, self._stop_raw(track, price, quantity))

    def _stop_raw(self, track: Track, price: object, quantity_raw: int) -> int:
        # Rounded away from the market, so that rounding never makes a stop tighter than the strategy meant.
        return boundary.price(price, track.instrument, "the stop price", quantity_raw < 0)

    def _apply_planned_stop(self, order: Order, fill: Fill) -> None:
        """The first fill of a position sets the stop that was kept for it."""
        holding = self._port.state.order_holding[order.client_order_id]
        quantity = holding.quantity_raw
        if quantity == 0 or holding.track.index not in self._planned_stops:
            return
        price = self._planned_stops.pop(holding.track.index)
        if price is not None:
            self._port.set_stop(holding.track, self._stop_raw(holding.track, price, quantity))
