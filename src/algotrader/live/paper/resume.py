"""Takes the paper venue of this process back to where the last one's was.

It died with the process that it lived in. What it had told was committed, and what it had not told nobody knows, so the account
that the engine remembers is the account.
"""

from __future__ import annotations

from collections.abc import Iterable

from algotrader.core.engine import Engine
from algotrader.core.scaled import div_half_even
from algotrader.live.paper.exchange import PaperExchange


def resume(exchange: PaperExchange, engine: Engine, now: int) -> None:
    """Give a venue that nobody has traded at yet the money, the positions and the working orders that an engine knows of.

    Args:
        exchange: freshly made; the cash that it was made with is taken away.
        engine: brought to where the journal ends; one that has seen nothing changes nothing.
        now: nanoseconds UTC.
    """
    state = engine.state
    if not state.ledger.cash and not state.orders:
        return
    exchange.deposit(state.total_cash() - exchange.account().cash)
    for track in state.tracks:
        quantity = state.ledger.net_quantity(track.instrument.symbol)
        if quantity:
            value = sum(h.position.quantity_raw * h.position.average_raw() for h in state.holdings.values() if h.track is track)
            exchange.place_position(track.instrument.symbol, quantity, abs(div_half_even(value, quantity)))
        if track.last_raw:
            exchange.mark(track.instrument.symbol, track.last_raw)
    exchange.reserve_ids(list(state.orders))
    # An execution under an id that the engine knows would be taken for one that was told twice.
    legs = [leg.venue_order_id for order in state.orders.values() for leg in order.legs]
    exchange.count_on(_highest("v", legs), _highest("x", [*state.ledger.booked, *state.ledger.busted]))
    for order in state.live_orders.values():
        leg = order.working_leg
        if order.acknowledged and not order.attached and not leg.gone:
            exchange.restore_order(order.remainder(), order.filled_raw, order.filled_value, leg.venue_order_id, now)


def _highest(letter: str, ids: Iterable[str]) -> int:
    """The highest number among the ids that are a letter and a number, as the venue gives them out."""
    return max((int(each[1:]) for each in ids if each[:1] == letter and each[1:].isdecimal()), default=0)
