"""Stored books into an engine that is set up differently: nothing is lost, and strategies start anew.

What a strategy held that is not there any more, or not on that instrument, stays in the books under its name: it keeps its stop,
is closed when everything is closed, and enters nothing.
"""

from __future__ import annotations

from typing import Final

from algotrader.core.engine import Engine
from algotrader.core.orders import Order, OrderRole
from algotrader.core.signal_style import SignalSlot
from algotrader.core.state import PROTECT_NONE, Holding, Track
from algotrader.live.units import check_units
from algotrader.storage.records import StoreFailed
from algotrader.storage.stored_books import Books

_HOLDING: Final = (
    *("position", "stop_raw", "take_raw", "planned_stop_raw", "planned_take_raw", "entry_order", "stop_order", "take_order"),
    *(
        "exit_order",
        "exit_quantity_raw",
        "exit_reason",
        "exit_at_open",
        "turned",
        "exit_attempts",
        "stop_attempts",
        "take_attempts",
    ),
    *(
        "leaving",
        "turned",
        "partial_deadline",
        "waits_until",
        "correlation_id",
        "plain_orders",
        "target_set",
        "target_raw",
        "target_type",
    ),
    *("target_limit_raw", "target_stop_raw", "oco_serial", "synthetic_take", "adopted"),
)
_STATE: Final = (
    *("now", "trading_state", "gate_open", "timers", "order_count", "correlation_count", "timer_count", "breaker_since"),
    *("breaker_before", "emergency", "account", "account_spent", "account_stale_told", "foreign"),
)
_TRACK: Final = ("last_raw", "halted", "halt_reason", "external", "shortfall", "unknown_orders", "live_orders", "held")
_LEDGER: Final = ("positions", "cash", "trips", "booked", "busted", "sequence")
_BREAKER: Final = ("start_equity", "realized", "losses_in_row", "reason")


def needed_symbols(books: Books) -> tuple[str, ...]:
    """The instruments that a session has to follow whatever its strategies trade: something is held there or an order is open."""
    found = [holding.instrument.symbol for holding in books.engine.state.holdings.values() if _is_open(books, holding)]
    return tuple(dict.fromkeys(found))


def carry_over(books: Books, engine: Engine) -> list[str]:
    """Give a freshly assembled engine the books; gives what people should know, in lines.

    Raises:
        StoreFailed: something is held of an instrument that the engine does not have, or has with other units.
    """
    old, new = books.engine.state, engine.state
    tracks = _tracks(books, engine)
    _copy(old, new, _STATE)
    _copy(old.ledger, new.ledger, _LEDGER)
    _copy(old.breaker, new.breaker, _BREAKER)
    for index, track in tracks.items():
        _copy(old.tracks[index], track, _TRACK)
    notes = _holdings(books, engine, tracks)
    # Nothing can be asked before the venue is there; what protection lacks leaves when the order stream opens.
    new.connected = False
    for slot in new.slots:
        slot.enabled = slot.owner not in books.disabled
    limits = new.breaker
    if limits.limit(limits.max_losses, limits.max_loss_ppm, limits.break_even_is_loss):
        notes.append(f"the day so far is beyond the new limits: {limits.reason}")
    return notes


def _copy(source: object, target: object, names: tuple[str, ...]) -> None:
    for name in names:
        setattr(target, name, getattr(source, name))


def _is_open(books: Books, holding: Holding) -> bool:
    state = books.engine.state
    return bool(holding.quantity_raw) or any(state.order_holding[name] is holding for name in state.live_orders)


def _tracks(books: Books, engine: Engine) -> dict[int, Track]:
    """The new engine's tracks by the index that they had."""
    found: dict[int, Track] = {}
    for track in books.engine.state.tracks:
        known = engine.state.by_symbol.get(track.instrument.symbol)
        if known is not None:
            check_units(track.instrument, known.instrument)
            found[track.index] = known
    missing = [symbol for symbol in needed_symbols(books) if symbol not in engine.state.by_symbol]
    if missing:
        raise StoreFailed(f"{', '.join(missing)} must be followed, for something is held or ordered there; add it to the symbols")
    return found


def _holdings(books: Books, engine: Engine, tracks: dict[int, Track]) -> list[str]:
    old, new = books.engine.state, engine.state
    places: dict[int, Holding] = {}
    notes: list[str] = []
    for holding in old.holdings.values():
        track = tracks.get(holding.track.index)
        if track is None:
            continue
        place = new.holding(None, holding.owner, track, holding.protection)
        _copy(holding, place, _HOLDING)
        place.position.instrument = track.instrument
        places[id(holding)] = place
        if place.is_ours and place.slot is None and _is_open(books, holding):
            notes.append(_orphan(books, holding))
        elif isinstance(place.slot, SignalSlot) and (place.quantity_raw or place.has_live_entry):
            _resume(place, place.slot)
    for holding in new.holdings.values():
        holding.position = new.ledger.position(holding.owner, holding.instrument)
    kept = {name: places[id(where)] for name, where in old.order_holding.items() if id(where) in places}
    new.order_holding = kept
    new.orders = {name: order for name, order in old.orders.items() if order.client_order_id in kept}
    new.live_orders = {name: order for name, order in old.live_orders.items() if name in kept}
    new.unpriced = [places[id(holding)] for holding in old.unpriced if id(holding) in places]
    return notes


def _resume(holding: Holding, slot: SignalSlot) -> None:
    """What the engine tells a strategy about its trade, and the strategy has forgotten."""
    sign = holding.quantity_raw or (holding.entry_order.sign if holding.entry_order is not None else 0)
    slot.hooks.direction = "long" if sign > 0 else "short"


def _orphan(books: Books, holding: Holding) -> str:
    """Let nothing more come of what a strategy left behind; gives the line for people."""
    for order in books.engine.state.live_orders.values():
        if books.engine.state.order_holding[order.client_order_id] is holding and _adds(order, holding):
            order.cancel_requested = True
    what = f"{holding.position.quantity} {holding.instrument.symbol}"
    return f"{what} of {holding.owner}, which does not run there any more: kept {_stop(holding)} until it is closed; no new entries"


def _stop(holding: Holding) -> str:
    if holding.stop_raw:
        return f"with its stop at {holding.instrument.price(holding.stop_raw)}"
    return "without a stop, as its strategy wanted it" if holding.protection == PROTECT_NONE else "with an emergency stop"


def _adds(order: Order, holding: Holding) -> bool:
    return order.role in (OrderRole.ENTRY, OrderRole.PLAIN) and order.sign * holding.quantity_raw >= 0
