"""What a strategy is doing and what it waits for, read from the engine's slots and put into a sentence."""

from __future__ import annotations

from math import isfinite
from typing import Final

from algotrader.core.algorithm_style import AlgorithmSlot
from algotrader.core.indicator_base import Indicator
from algotrader.core.orders import Order
from algotrader.core.signal_style import SignalSlot
from algotrader.core.state import EngineState, Holding, Slot, Track
from algotrader.server.documents import Document, exact

WARMING_UP: Final = "warming_up"
WATCHING: Final = "watching"
SIGNAL_ACTIVE: Final = "signal_active"
IN_POSITION: Final = "in_position"
PAUSED: Final = "paused"


def strategy_states(state: EngineState) -> list[Document]:
    """Every strategy instance, in the order of registration."""
    return [found for slot in state.slots if (found := strategy_state(slot, state)) is not None]


def strategy_state(slot: Slot, state: EngineState) -> Document | None:
    """One strategy instance; None for a slot of neither style."""
    if isinstance(slot, SignalSlot):
        return _signal_slot(slot, state)
    if isinstance(slot, AlgorithmSlot):
        return _algorithm_slot(slot, state)
    return None


def _signal_slot(slot: SignalSlot, state: EngineState) -> Document:
    ranked = (SIGNAL_ACTIVE, "its place among the signals of this moment") if slot.signal is not None else None
    status, waits = _of_holding(slot.holding) or ranked or _of_idle(slot, state)
    return {
        "name": slot.owner,
        "symbol": slot.track.instrument.symbol,
        "symbols": [slot.track.instrument.symbol],
        "enabled": slot.enabled,
        "status": status,
        "waiting_for": waits,
        "indicators": {name: _value(found) for name, found in vars(slot.indicator_set).items()},
        "bar_count": slot.bars,
        "required_bars": slot.settings.required_history,
        "interval_minutes": slot.settings.interval_minutes,
        "errors": slot.errors,
    }


def _algorithm_slot(slot: AlgorithmSlot, state: EngineState) -> Document:
    held = [found for holding in slot.holdings if (found := _of_holding(holding)) is not None]
    symbols = [track.instrument.symbol for track in slot.tracks]
    status, waits = max(held, key=lambda found: found[0] == IN_POSITION) if held else _of_idle_algorithm(slot, state)
    indicators = {
        f"{feed.track.instrument.symbol} {type(found).__name__}{found.period}": _value(found)
        for feed in slot.feeds
        for found in feed.indicators
    }
    return {
        "name": slot.owner,
        "symbol": symbols[0] if symbols else "",
        "symbols": symbols,
        "enabled": slot.enabled,
        "status": status,
        "waiting_for": waits,
        "indicators": indicators,
        "bar_count": max((len(feed.history.time) for feed in slot.feeds), default=0),
        "required_bars": 0,
        "interval_minutes": slot.interval_minutes,
        "errors": slot.errors,
    }


def _value(indicator: Indicator) -> float | None:
    value = indicator.value
    return value if isfinite(value) else None


def _of_holding(holding: Holding) -> tuple[str, str] | None:
    """What a strategy waits for that holds something or is about to; None for one that is flat and idle."""
    if holding.quantity_raw:
        return IN_POSITION, _of_position(holding)
    if holding.has_live_entry and holding.entry_order is not None:
        return SIGNAL_ACTIVE, f"its entry to fill: {_words(holding.entry_order)}"
    if holding.plain_orders:
        return SIGNAL_ACTIVE, f"its order to fill: {_words(holding.plain_orders[0])}"
    return None


def _of_position(holding: Holding) -> str:
    if holding.exit_quantity_raw:
        return f"its exit to fill ({holding.exit_reason})"
    price = holding.instrument.price
    ends = [f"its stop at {exact(price(holding.stop_raw))}"] if holding.stop_raw else []
    ends += [f"its take profit at {exact(price(holding.take_raw))}"] if holding.take_raw else []
    return ", ".join([*ends, "or its own sign to leave" if ends else "its own sign to leave"])


def _words(order: Order) -> str:
    price = order.instrument.price
    stop = f" from {exact(price(order.stop_raw))}" if order.stop_raw else ""
    limit = f" limit {exact(price(order.limit_raw))}" if order.limit_raw else ""
    left = exact(order.instrument.quantity(order.remaining_raw))
    return f"{order.side.value} {left} {order.symbol}{stop}{limit}"


def _of_idle(slot: SignalSlot, state: EngineState) -> tuple[str, str]:
    needed = slot.settings.required_history
    if not slot.enabled:
        return PAUSED, "a person to enable it again"
    if slot.bars < needed:
        return WARMING_UP, f"bars: {slot.bars} of {needed} are there"
    if state.warming:
        return WARMING_UP, "past bars to be caught up on"
    cold = [name for name, found in vars(slot.indicator_set).items() if not found.warm]
    if cold:
        return WARMING_UP, f"enough bars for {', '.join(cold)}"
    shut = _of_shut_entries(state, slot.risk_sized)
    if shut:
        return PAUSED, shut
    signal = f"a signal on the next {_length(slot.settings.interval_minutes)} bar"
    return WATCHING, _of_market(slot.track, state.now) or _of_patience(slot) or signal


def _of_idle_algorithm(slot: AlgorithmSlot, state: EngineState) -> tuple[str, str]:
    if not slot.enabled:
        return PAUSED, "a person to enable it again"
    if not slot.started or state.warming:
        return WARMING_UP, "past bars to be caught up on"
    shut = _of_shut_entries(state, slot.risk_sized)
    if shut:
        return PAUSED, shut
    closed = [_of_market(track, state.now) for track in slot.tracks]
    return WATCHING, closed[0] if closed and all(closed) else f"the next {_length(slot.interval_minutes)} bar"


def _of_shut_entries(state: EngineState, risk_sized: bool) -> str:
    """What keeps every entry from passing; empty where nothing does."""
    if state.emergency:
        return "resume: the emergency stop was pulled"
    if state.trading_state != "active":
        return f"resume: trading is {state.trading_state}"
    if not state.gate_open:
        return "the session to let entries pass"
    if state.breaker.tripped and (risk_sized or state.policy.breaker_for_all):
        return f"the next trading day: {state.breaker.reason}"
    return "" if state.connected else "the connection to the venue"


def _of_market(track: Track, now: int) -> str:
    """Why nothing can happen in an instrument now; empty where something can."""
    symbol, session = track.instrument.symbol, track.session
    if session is None or not session.open_time <= now < session.close_time:
        return "the market to open"
    if track.halted:
        return f"trading in {symbol} to go on: {track.halt_reason or 'it is halted'}"
    if track.unknown_orders:
        return f"the fate of an order in {symbol} to become known"
    return f"what is not ours in {symbol} to be settled" if track.external else ""


def _of_patience(slot: SignalSlot) -> str:
    """What the strategy itself has to wait for before it is asked again; empty for nothing."""
    if slot.closing:
        return "the next trading day: it closes before the end of this one"
    if slot.bars < slot.cooldown_until - 1:
        return f"{slot.cooldown_until - 1 - slot.bars} more bars after its last round trip"
    if slot.scanner is not None and not slot.admitted:
        return f"its scanner to admit {slot.track.instrument.symbol}"
    return ""


def _length(minutes: int) -> str:
    return f"{minutes}-minute" if minutes else "daily"
