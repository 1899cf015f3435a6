"""What a person should see without looking for it: stale data, broken streams, a tripped breaker, positions without a stop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from algotrader.core.reports import CRITICAL, ERROR, WARNING
from algotrader.live.control import CONNECTED, RUNNING, Control
from algotrader.server.documents import Document, iso
from algotrader.server.status import silence

DATA_STALE: Final = "market_data_stale"
BARS_DOWN: Final = "bar_stream_down"
ORDERS_DOWN: Final = "order_stream_down"
BREAKER: Final = "circuit_breaker"
EMERGENCY: Final = "emergency_stop"
HALTED: Final = "trading_halted"
NO_STOP: Final = "position_without_stop"
UNKNOWN_ORDER: Final = "order_unknown"
UNWELL: Final = "component_unhealthy"


class Finding(NamedTuple):
    """Something that is the matter now; code and subject tell it apart."""

    code: str
    level: str
    subject: str
    message: str


def findings(control: Control) -> Iterator[Finding]:
    """What is the matter with a session now. Before and after it runs only what concerns its positions counts."""
    if control.state == RUNNING:
        yield from _of_streams(control)
    yield from _of_trading(control)
    yield from _of_positions(control)


def _of_streams(control: Control) -> Iterator[Finding]:
    vitals, age = control.vitals, silence(control)
    if vitals.bar_stream != CONNECTED:
        yield Finding(BARS_DOWN, ERROR, "", f"the stream of bars is {vitals.bar_stream}")
    elif age is not None:
        yield Finding(DATA_STALE, WARNING, "", "no new bar has come for too long while the market is open")
    if vitals.order_stream != CONNECTED:
        yield Finding(ORDERS_DOWN, ERROR, "", f"the stream of orders is {vitals.order_stream}")


def _of_trading(control: Control) -> Iterator[Finding]:
    state = control.engine.state
    if state.emergency:
        yield Finding(EMERGENCY, CRITICAL, "", "the emergency stop was pulled; nothing is traded until a person resumes")
    elif state.trading_state != "active":
        yield Finding(HALTED, WARNING, "", f"trading is {state.trading_state}: no new entries until a person resumes")
    if state.breaker.tripped:
        yield Finding(BREAKER, WARNING, "", f"the daily breaker halts new entries: {state.breaker.reason}")


def _of_positions(control: Control) -> Iterator[Finding]:
    engine = control.engine
    for holding in engine.state.holdings.values():
        fault = engine.protection.breach(holding) if holding.quantity_raw else ""
        if fault:
            yield Finding(NO_STOP, CRITICAL, holding.instrument.symbol, fault)
    for track in engine.state.tracks:
        if track.unknown_orders:
            symbol = track.instrument.symbol
            yield Finding(UNKNOWN_ORDER, WARNING, symbol, f"the fate of an order in {symbol} is not known; it is being asked for")


class AlertBook:
    """Remembers since when what is the matter."""

    def __init__(self) -> None:
        self._since: Final[dict[tuple[str, str], int]] = {}

    def documents(self, found: list[Finding], now: int) -> list[Document]:
        """What is the matter now, with the time at which it was first seen; what has passed is forgotten."""
        present = {(one.code, one.subject) for one in found}
        for key in [key for key in self._since if key not in present]:
            del self._since[key]
        return [one._asdict() | {"since": iso(self._since.setdefault((one.code, one.subject), now))} for one in found]
