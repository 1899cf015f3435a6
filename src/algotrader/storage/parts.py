"""What an engine consists of, as a snapshot sees it: parts that setting it up makes anew, and objects that come with events.

A part has a name and keeps its place in the engine that is restored; of its attributes all are saved but those named in ``FIXED``.
Other objects are made again: constructed with what their constructor takes, then given the rest of their attributes. A new
attribute is therefore saved without anybody thinking of it; what cannot be saved so is refused, and the tests name it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from operator import attrgetter
from typing import Any, Final

from algotrader.core.account import AccountEvents
from algotrader.core.algorithm_style import AlgorithmSlot, Feed
from algotrader.core.bars import BarAggregator, WindowBar
from algotrader.core.breakers import DailyBreaker
from algotrader.core.desk import OrderDesk
from algotrader.core.engine import Engine
from algotrader.core.events import AccountSnapshot, ForeignOrder
from algotrader.core.executions import Executions
from algotrader.core.instruments import AssetClass
from algotrader.core.ledger import Booking, Ledger, Position, RoundTrip
from algotrader.core.market import Bar, Quote, Session, TradeTick
from algotrader.core.operator import Operator
from algotrader.core.order_events import OrderEvents
from algotrader.core.orders import Fill, Leg, Order, OrderRequest, OrderRole, OrderState, OrderType, Side, TimeInForce
from algotrader.core.protection import Protection
from algotrader.core.risk import Denial, RiskPolicy
from algotrader.core.row_walk import RowWalk
from algotrader.core.signal_style import SignalSlot
from algotrader.core.signals import Signal, SignalKind
from algotrader.core.slices import Slices
from algotrader.core.state import BarHistory, DayStats, EngineState, Holding, Track
from algotrader.core.streams import Stream, Streams
from algotrader.storage.shapes import arguments_of

FIXED: Final[dict[type[Any], tuple[str, ...]]] = {
    Engine: (
        *("state", "base_seconds", "desk", "protection", "order_events", "account", "operator", "streams", "slices", "_rows"),
    ),
    AccountEvents: ("state", "protection", "executions"),
    Operator: ("state", "desk", "protection", "executions"),
    Slices: ("state", "streams", "algorithms"),
    RowWalk: ("state", "streams", "slices"),
    EngineState: (
        *("capabilities", "id_prefix", "ledger", "breaker", "tracks", "slots", "strict"),
        *("commands", "reports"),  # The caller has taken them.
    ),
    Ledger: (),
    DailyBreaker: (),
    OrderDesk: ("state",),
    Protection: ("state", "desk", "stop_gives_way"),
    OrderEvents: ("state", "desk", "protection", "executions"),
    Executions: ("state", "desk", "protection"),
    Streams: ("state", "base_seconds", "of"),
    Stream: ("track", "minutes", "aggregator", "signal_slots", "algorithm_slots", "regular_only"),
    BarAggregator: (
        *("instrument", "minutes", "base_seconds", "_length", "_base", "_through", "_late_after"),
        "ready",  # The answer of the last call, which nobody reads later.
    ),
    Track: ("index", "first_symbol", "day", "history"),
    DayStats: ("history",),
    BarHistory: (),
    SignalSlot: (
        *("number", "owner", "hooks", "settings", "track", "state", "desk", "protection", "indicators", "indicator_set", "holding"),
        *("scanner", "_long", "_short", "_prices_entry", "_plans_stop", "_plans_take", "_rates", "_sizes", "_moves_stop", "_exits"),
        *("_ask_long", "_ask_short", "_ask_stop", "_ask_exit", "_hears_of_end"),
        *("plan", "incremental"),  # Figures computed beforehand; only a backtest has them.
        *("_asked_quantity", "_quantity_raw"),  # The last answer and what became of it, to spare the work.
    ),
    AlgorithmSlot: (
        *("number", "owner", "hooks", "tracks", "state", "desk", "protection", "protection_kind", "holdings", "_by_index"),
        *("feeds", "_feed_by_index"),
    ),
    Feed: ("track", "history", "owns_history", "indicators"),
    Holding: ("slot", "owner", "track"),
}
"""The attributes of parts that setting up an engine gives, by class."""

MADE: Final[dict[type[Any], tuple[str, ...]]] = {
    AccountSnapshot: (),
    ForeignOrder: (),
    RiskPolicy: (),
    Order: ("client_order_id", "instrument", "side", "order_type"),
    OrderRequest: (),
    Leg: (),
    Fill: (),
    Booking: (),
    Position: (),
    RoundTrip: (),
    Holding: (),
    Signal: (),
    Denial: (),
    Session: (),
    Bar: (),
    Quote: (),
    TradeTick: (),
    WindowBar: (),
}
"""Objects that are made again, with those of their attributes that follow from others."""

ENUMS: Final[tuple[type[Enum], ...]] = (AssetClass, OrderRole, OrderState, OrderType, Side, SignalKind, TimeInForce)

MONEY: Final = frozenset(
    (
        *("commission", "cost", "realized", "paid_in_lieu", "filled_value", "entry_value", "exit_value", "start_equity"),
        *("_entry_value", "_exit_value", "_trip_commission"),
    )
)
"""Attributes that 64 bits do not hold. One that is missing here costs time, no more."""

TAGS: Final = {kind.__name__: kind for kind in ENUMS}
"""Members of these are written by value, under the name of their class."""


def attribute_names(value: Any) -> list[str]:
    """The attributes of an object of one of the engine's classes, compiled or not."""
    found: dict[str, None] = {}
    for kind in type(value).__mro__:
        found.update(dict.fromkeys(kind.__dict__.get("__mypyc_attrs__", ())))
        found.update(dict.fromkeys(kind.__dict__.get("__slots__", ())))
    found.update(dict.fromkeys(getattr(value, "__dict__", {})))
    return sorted(found)


class Columns:
    """Which attributes of a class a snapshot holds, in which order: those of the constructor first."""

    def __init__(self, value: Any, as_part: bool) -> None:
        kind = type(value)
        self.arguments: Final[tuple[str, ...]] = () if as_part else tuple(arguments_of(kind))
        gone = (*FIXED[kind],) if as_part else (*self.arguments, *MADE[kind])
        self.names: Final = [*self.arguments, *[name for name in attribute_names(value) if name not in gone]]
        self.money: Final = [place for place, name in enumerate(self.names) if name in MONEY]
        # Two more than enough: with a single name the getter would give no tuple.
        self._read: Final = attrgetter(*self.names, "__class__", "__class__")

    def read(self, value: Any) -> Sequence[Any]:
        """The attributes of an object of the class."""
        found: tuple[Any, ...] = self._read(value)
        return found[:-2]


def parts(engine: Engine) -> Iterator[tuple[str, Any]]:
    """All parts of an engine with their names, and what strategies may refer to; the same for every engine set up alike."""
    state = engine.state
    yield from (("engine", engine), ("state", state), ("ledger", state.ledger), ("breaker", state.breaker), ("desk", engine.desk))
    yield from (("protection", engine.protection), ("order_events", engine.order_events), ("streams", engine.streams))
    yield "executions", engine.order_events.executions
    yield from (("account", engine.account), ("operator", engine.operator), ("slices", engine.slices))
    for track in state.tracks:
        yield from _track_parts(f"track/{track.index}", track, engine.streams.of[track.index])
    for slot in state.slots:
        name = f"slot/{slot.number}"
        yield name, slot
        if isinstance(slot, SignalSlot):
            yield from _signal_parts(name, slot)
        elif isinstance(slot, AlgorithmSlot):
            yield from _algorithm_parts(name, slot)
    for holding in state.holdings.values():
        if holding.slot is not None:
            yield f"holding/{holding.owner}/{holding.track.index}", holding


def _track_parts(name: str, track: Track, streams: list[Stream]) -> Iterator[tuple[str, Any]]:
    yield name, track
    if track.day is not None:
        yield f"{name}/day", track.day
        yield f"{name}/day/history", track.day.history
    if track.history is not None:
        yield f"{name}/history", track.history
    for stream in streams:
        yield f"{name}/stream/{stream.minutes}", stream
        if stream.aggregator is not None:
            yield f"{name}/stream/{stream.minutes}/aggregator", stream.aggregator


def _signal_parts(name: str, slot: SignalSlot) -> Iterator[tuple[str, Any]]:
    yield f"{name}/hooks", slot.hooks
    yield f"{name}/parameters", getattr(slot.hooks, "parameters", None)
    yield f"{name}/indicators", slot.indicator_set
    for place, indicator in enumerate(slot.indicators):
        yield f"{name}/indicator/{place}", indicator
    if slot.scanner is not None:
        yield f"{name}/scanner", slot.scanner


def _algorithm_parts(name: str, slot: AlgorithmSlot) -> Iterator[tuple[str, Any]]:
    yield f"{name}/hooks", slot.hooks
    for own, part in slot.hooks.snapshot_parts().items():
        yield f"{name}/{own}", part
    for place, feed in enumerate(slot.feeds):
        yield f"{name}/feed/{place}", feed
        if feed.owns_history:
            yield f"{name}/feed/{place}/history", feed.history
        for number, indicator in enumerate(feed.indicators):
            yield f"{name}/feed/{place}/indicator/{number}", indicator
