"""What a person may do to one position: sell a part of it, move its stop. Each wish is judged before anything happens.

The same judgement serves whoever takes the wish down, so that it is refused where it was made, and the engine, for the position may
have changed since.
"""

from __future__ import annotations

from typing import Final

from algotrader.core.instruments import Instrument
from algotrader.core.protection import Protection
from algotrader.core.risk import Denial
from algotrader.core.scaled import MAX_SCALED
from algotrader.core.state import EngineState, Holding

NO_POSITION: Final = "no_position"
EXTERNAL_POSITION: Final = "external_position"
SEVERAL_OWNERS: Final = "several_owners"
BAD_QUANTITY: Final = "bad_quantity"
TOO_MUCH: Final = "more_than_held"
BEING_CLOSED: Final = "being_closed"
BAD_PRICE: Final = "bad_stop_price"
NO_PRICE: Final = "no_price"
THROUGH_MARKET: Final = "through_market"
LOOSER_STOP: Final = "looser_stop"


def held_by(state: EngineState, symbol: str, owner: str) -> list[Holding]:
    """What is held of an instrument, by anybody or by one owner."""
    found: list[Holding] = []
    for holding in state.holdings.values():
        if holding.instrument.symbol == symbol and holding.quantity_raw and owner in ("", holding.owner):
            found.append(holding)
    return found


def chosen(state: EngineState, symbol: str, owner: str, managed: bool) -> list[Holding]:
    """What is looked after of an instrument; ``managed``: only what may be sold too. One, unless it was left open whose."""
    found: list[Holding] = []
    for holding in held_by(state, symbol, owner):
        if holding.managed or (holding.adopted and not managed):
            found.append(holding)
    return found


def choice_fault(state: EngineState, symbol: str, owner: str, managed: bool) -> Denial | None:
    """Why a wish is not about exactly one position that we look after; None when it is."""
    found = chosen(state, symbol, owner, managed)
    if len(found) == 1:
        return None
    if found:
        names = ", ".join([holding.owner for holding in found])
        return Denial(SEVERAL_OWNERS, f"several hold {symbol}: {names}; say whose position is meant")
    if held_by(state, symbol, owner):
        return Denial(EXTERNAL_POSITION, f"the position in {symbol} was not opened here and is left alone")
    whose = f" of {owner}" if owner else ""
    return Denial(NO_POSITION, f"there is no position{whose} in {symbol}")


def reduction_fault(protection: Protection, holding: Holding, quantity_raw: int) -> Denial | None:
    """Why so much of a position is not sold; None when it may be."""
    instrument, owed = holding.instrument, protection.owed(holding)
    symbol = instrument.symbol
    if quantity_raw <= 0:
        return Denial(BAD_QUANTITY, "the quantity must be positive")
    if quantity_raw > owed:
        return Denial(TOO_MUCH, f"{instrument.quantity(quantity_raw)} are more than the {instrument.quantity(owed)} {symbol} held")
    if quantity_raw % instrument.quantity_increment:
        return step_fault(instrument)
    if quantity_raw < instrument.min_quantity:
        return Denial(BAD_QUANTITY, f"no less than {instrument.quantity(instrument.min_quantity)} {symbol} can be traded")
    left = owed - quantity_raw
    if 0 < left < instrument.min_quantity:
        # The venue would take neither a stop nor an exit for it.
        return Denial(BAD_QUANTITY, f"the {instrument.quantity(left)} {symbol} left could not be traded any more; close all of it")
    return _exit_fault(holding)


def step_fault(instrument: Instrument) -> Denial:
    """A quantity is no whole number of the venue's steps."""
    return Denial(BAD_QUANTITY, f"{instrument.symbol} is traded in steps of {instrument.quantity(instrument.quantity_increment)}")


def _exit_fault(holding: Holding) -> Denial | None:
    exit_order, closing = holding.exit_order, min(holding.exit_quantity_raw, abs(holding.quantity_raw))
    if exit_order is not None and not exit_order.is_final:
        closing = max(closing, exit_order.remaining_raw)
    if closing == 0:
        return None
    instrument = holding.instrument
    return Denial(
        BEING_CLOSED, f"{instrument.quantity(closing)} {instrument.symbol} are being closed already; wait for that to end"
    )


def stop_on_tick(holding: Holding, stop_raw: int) -> int:
    """A stop in the venue's price steps, rounded away from the market: it never works sooner than it was meant to."""
    instrument = holding.instrument
    return instrument.round_price_down(stop_raw) if holding.quantity_raw > 0 else instrument.round_price_up(stop_raw)


def stop_fault(holding: Holding, stop_raw: int) -> Denial | None:
    """Why a stop is not moved to a price on the tick; None when it may be. People, like strategies, may only tighten it."""
    instrument, last, long = holding.instrument, holding.track.last_raw, holding.quantity_raw > 0
    if stop_raw <= 0 or stop_raw >= MAX_SCALED:
        return Denial(BAD_PRICE, "the stop price must be at least one step above zero, and one that can be counted")
    if last == 0:
        return Denial(NO_PRICE, f"{instrument.symbol} has no price yet")
    asked = instrument.price(stop_raw)
    if stop_raw >= last if long else stop_raw <= last:
        side = "below" if long else "above"
        return Denial(
            THROUGH_MARKET, f"{asked} is through the market: the stop must be {side} the last price of {instrument.price(last)}"
        )
    current = holding.stop_raw
    if current and (stop_raw <= current if long else stop_raw >= current):
        word = "above" if long else "below"
        message = f"{asked} does not tighten the stop: it only moves towards the market, {word} {instrument.price(current)}"
        return Denial(LOOSER_STOP, message)
    return _exit_fault(holding)
