"""Splits, dividends and symbol changes of what is held or followed, applied before a session's first bar."""

from __future__ import annotations

from dataclasses import replace

from algotrader.core import reports
from algotrader.core.bars import BarAggregator
from algotrader.core.events import Dividend, Split, SymbolChange
from algotrader.core.instruments import Instrument
from algotrader.core.orders import Fill, Leg, Order
from algotrader.core.scaled import div_half_even, from_money, power_of_ten
from algotrader.core.state import EngineState, Holding, Track


def split_price(price_raw: int, event: Split) -> int:
    """A price after a split, half-even to the instrument's scale."""
    return div_half_even(price_raw * event.denominator, event.numerator)


def split(state: EngineState, event: Split, aggregators: list[BarAggregator | None]) -> None:
    """Restate everything in the new shares: positions, stops, working orders, indicators, last price, bars in the making."""
    track = state.by_symbol[event.symbol]
    track.last_raw = split_price(track.last_raw, event)
    paid = state.ledger.split(track.instrument, event.numerator, event.denominator, track.last_raw, state.now)
    for aggregator in aggregators:
        if aggregator is not None:
            aggregator.rescale(event.denominator, event.numerator)
    if track.history is not None:
        track.history.rescale(event.numerator, event.denominator)
    if track.day is not None:
        track.day.history.rescale(event.numerator, event.denominator)
        track.day.previous_close_raw = split_price(track.day.previous_close_raw, event)
        track.day.volumes = [volume * event.numerator // event.denominator for volume in track.day.volumes]
    for slot in state.slots:
        slot.on_split(event.symbol, event.numerator, event.denominator)
    for holding in state.holdings.values():
        if holding.track is track:
            _split_holding(holding, event)
    for order in state.live_orders.values():
        if state.order_holding[order.client_order_id].track is track:
            split_order(order, event)
    lieu = f", {from_money(paid)} paid in lieu of fractions" if paid else ""
    state.note(reports.CORPORATE_ACTION, f"split {event.numerator}:{event.denominator}{lieu}", event.symbol)


def _split_holding(holding: Holding, event: Split) -> None:
    instrument = holding.instrument
    if holding.stop_raw:
        # A stop stays on the price increment, on the side away from the market.
        holding.stop_raw = _price(instrument, holding.stop_raw, event, holding.quantity_raw < 0)
    if holding.take_raw:
        holding.take_raw = _price(instrument, holding.take_raw, event, holding.quantity_raw >= 0)
    holding.exit_quantity_raw = _quantity(holding.exit_quantity_raw, event)
    if holding.target_set:
        long = holding.target_raw > holding.quantity_raw
        holding.target_raw = _quantity(abs(holding.target_raw), event) * (1 if holding.target_raw >= 0 else -1)
        holding.target_limit_raw = _price(instrument, holding.target_limit_raw, event, not long)
        holding.target_stop_raw = _price(instrument, holding.target_stop_raw, event, long)


def split_order(order: Order, event: Split) -> None:
    """Restate a working order as its venue does: quantity by the ratio, prices by its inverse, sells' stops rounded down."""
    instrument = order.instrument
    order.quantity_raw = _whole(order.quantity_raw, instrument, event)
    order.restate_fills({fill.fill_id: _split_fill(fill, event) for fill in order.fills.values()})
    order.limit_raw = _price(instrument, order.limit_raw, event, order.sign < 0)
    order.stop_raw = _price(instrument, order.stop_raw, event, order.sign > 0)
    order.planned_stop_raw = _price(instrument, order.planned_stop_raw, event, order.sign < 0)
    order.planned_take_raw = _price(instrument, order.planned_take_raw, event, order.sign > 0)
    order.wish_quantity = _whole(order.wish_quantity, instrument, event)
    order.wish_limit = _price(instrument, order.wish_limit, event, order.sign < 0)
    order.wish_stop = _price(instrument, order.wish_stop, event, order.sign > 0)
    for leg in order.legs:
        _split_leg(leg, instrument, event, order.sign)
    if order.pending_leg is not None:
        _split_leg(order.pending_leg, instrument, event, order.sign)


def _split_leg(leg: Leg, instrument: Instrument, event: Split, sign: int) -> None:
    leg.quantity_raw = _whole(leg.quantity_raw, instrument, event)
    leg.limit_raw = _price(instrument, leg.limit_raw, event, sign < 0)
    leg.stop_raw = _price(instrument, leg.stop_raw, event, sign > 0)


def _split_fill(fill: Fill, event: Split) -> Fill:
    quantity, price = _quantity(fill.quantity_raw, event), split_price(fill.price_raw, event)
    return fill.restated(price, quantity, fill.commission)


def _whole(quantity_raw: int, instrument: Instrument, event: Split) -> int:
    return _quantity(quantity_raw, event) // instrument.quantity_increment * instrument.quantity_increment


def _quantity(quantity_raw: int, event: Split) -> int:
    return quantity_raw * event.numerator // event.denominator


def _price(instrument: Instrument, price_raw: int, event: Split, up: bool) -> int:
    if price_raw == 0:
        return 0
    if up:
        return instrument.round_price_up(-(-price_raw * event.denominator // event.numerator))
    return max(instrument.round_price_down(price_raw * event.denominator // event.numerator), instrument.tick(1))


def pay_dividend(state: EngineState, event: Dividend) -> None:
    """Credit the holders, debit the short: cash that is not a trade and no strategy's profit."""
    track = state.by_symbol[event.symbol]
    instrument = track.instrument
    unit = power_of_ten(instrument.quantity_scale)
    net = state.ledger.net_quantity(event.symbol)
    if net == 0:
        return
    amount = event.amount * net // unit
    state.ledger.move_cash(instrument.venue, instrument.currency, amount)
    state.note(reports.CASH_MOVED, f"dividend {from_money(amount)} {instrument.currency}", event.symbol)


def rename(state: EngineState, event: SymbolChange) -> None:
    """Carry an instrument over to its new symbol; its bars come under the new one from now on."""
    if event.new_symbol in state.by_symbol:
        message = f"cannot become {event.new_symbol}: that symbol is followed already"
        state.note(reports.CORPORATE_ACTION, message, event.symbol, level=reports.CRITICAL)
        return
    track: Track = state.by_symbol.pop(event.symbol)
    new = replace(track.instrument, symbol=event.new_symbol)
    state.ledger.rename(track.instrument, new)
    track.instrument = new
    state.by_symbol[event.new_symbol] = track
    state.note(reports.CORPORATE_ACTION, f"now {event.new_symbol}", event.symbol)
