"""Events and commands as bytes and back: versioned, field by field, readable by later versions.

A record carries its fields by name: what a reader does not know it ignores, what is missing takes the constructor's default.
Instruments travel by symbol, and bars, quotes and prints as scaled integers. A new event or command is one line in a table below.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from algotrader.core import commands, events
from algotrader.core.commands import ApprovedOrder, Command
from algotrader.core.events import Event, MarketData
from algotrader.core.market import Bar, Quote, Session, TradeTick
from algotrader.core.orders import OrderRequest, OrderType, Side, TimeInForce
from algotrader.core.risk import approve
from algotrader.storage.shapes import (
    VERSION,
    DamagedRecord,
    Form,
    Instruments,
    Shape,
    enum_form,
    find_instrument,
    many,
    pack_int,
    unpack_int,
)

EVENTS: Final[tuple[type[Event], ...]] = (
    events.SystemError,
    events.OperatorCommand,
    events.ConnectionChanged,
    events.OrderSubmitted,
    events.OrderAccepted,
    events.OrderReject,
    events.SubmitFailed,
    events.OrderFateUnknown,
    events.OrderFill,
    events.OrderCancel,
    events.OrderExpired,
    events.OrderTriggered,
    events.OrderReplaced,
    events.ReplaceRejected,
    events.CancelRejected,
    events.FillBusted,
    events.FillCorrected,
    events.CashMovement,
    events.Split,
    events.Dividend,
    events.SymbolChange,
    events.ScheduledTrigger,
    events.MarketData,
    events.SliceClosed,
    events.TradingStatus,
    events.EntryGate,
    events.RiskChanged,
    events.OrderStillWorks,
    events.AccountSnapshot,
    events.ExternalPosition,
    events.PositionGone,
    events.ForeignOrder,
    events.BreakerRestored,
    events.CloseExternal,
    events.Warmup,
)
"""Every event that a journal may hold. Its kind there is the name of its class."""

COMMANDS: Final[tuple[type[Command], ...]] = (
    commands.SubmitOrder,
    commands.CancelOrder,
    commands.ReplaceOrder,
    commands.RequestBars,
)
"""Every command that an outbox may hold."""

_TEXT: Final = Form(str)
_SHORT: Final = Form(int)
_WHOLE: Final = Form(int | str, pack_int, unpack_int)
_TRUTH: Final = Form(bool)
_TEXTS: Final = ("calendar", "label", "symbol", "client_order_id", "new_client_order_id", "venue_order_id", "fill_id", "oco_group")
_RAWS: Final = ("open", "high", "low", "close", "volume", "bid", "ask", "size", "price", "quantity", "limit", "stop", "trail")
_KNOWN: Final[dict[str, Form]] = {
    "instrument": Form(str, lambda instrument: instrument.symbol, find_instrument),
    "breaks": Form(tuple[tuple[int, int], ...]),
    "changes": Form(tuple[tuple[str, str], ...]),
    "profits": many(_WHOLE),
    "side": enum_form(Side),
    "order_type": enum_form(OrderType),
    "time_in_force": enum_form(TimeInForce),
    "commission": _WHOLE,
    **dict.fromkeys(("time", "open_time", "close_time"), _SHORT),
    **dict.fromkeys(_TEXTS, _TEXT),
    **dict.fromkeys([f"{name}_raw" for name in (*_RAWS, "stop_loss", "take_profit")], _WHOLE),
    **dict.fromkeys(("reduce_only", "extended_hours", "provisional"), _TRUTH),
}
_NARROW: Final = {name: _SHORT if form is _WHOLE else form for name, form in _KNOWN.items()}
"""The numbers of bars, quotes and prints are checked against 2^53."""

_BAR: Final = Shape(Bar, _NARROW, compact=True)
_REQUEST: Final = Shape(OrderRequest, _KNOWN)


def _unpack_order(wire: Any, instruments: Instruments) -> ApprovedOrder:
    # Risk control let it pass before it was stored.
    return approve(_REQUEST.unpack(wire, instruments))


_FIELDS: Final[dict[str, Form]] = _KNOWN | {
    "session": Shape(Session, _KNOWN, compact=True).form,
    "bar": _BAR.form,
    "bars": many(_BAR.form),
    "quote": Shape(Quote, _NARROW, compact=True).form,
    "tick": Shape(TradeTick, _NARROW, compact=True).form,
    "order": Form(_REQUEST.wire, lambda order: _REQUEST.pack(order.request), _unpack_order),
}
"""Forms of the fields whose default does not tell what they are, by name. A record inside a record is a ``Shape`` of its own."""

_SHAPES: Final[dict[type[Any], Shape]] = {kind: Shape(kind, _FIELDS) for kind in (*EVENTS, *COMMANDS)}
_EVENT_SHAPES: Final = {kind.__name__: _SHAPES[kind] for kind in EVENTS}
_COMMAND_SHAPES: Final = {kind.__name__: _SHAPES[kind] for kind in COMMANDS}
_MARKET_DATA: Final = _SHAPES[MarketData]
_write: Final = msgspec.msgpack.Encoder().encode


def encode_event(event: Event) -> tuple[str, bytes]:
    """The kind of an event and its encoded form."""
    if type(event) is MarketData:
        bar = event.bar
        if bar is not None:
            # Nothing comes as often.
            packed = _BAR.wire(
                bar.instrument.symbol,
                bar.open_time,
                bar.close_time,
                bar.open_raw,
                bar.high_raw,
                bar.low_raw,
                bar.close_raw,
                bar.volume_raw,
            )
            return "MarketData", _write(_MARKET_DATA.wire(VERSION, packed, None, None, event.time))
    return _encode(event)


def decode_event(kind: str, payload: bytes, instruments: Instruments) -> Event:
    """The event that ``encode_event`` wrote.

    Args:
        kind: as ``encode_event`` gave it.
        payload: likewise.
        instruments: by symbol; those that the record names have to be there.

    Raises:
        DamagedRecord: the kind is not known, the payload is damaged, or it is of a newer version.
    """
    event: Event = _shape(_EVENT_SHAPES, kind, "event").decode(payload, instruments)
    return event


def encode_command(command: Command) -> tuple[str, bytes]:
    """The kind of a command and its encoded form."""
    return _encode(command)


def decode_command(kind: str, payload: bytes, instruments: Instruments) -> Command:
    """The command that ``encode_command`` wrote; arguments and errors as those of ``decode_event``."""
    command: Command = _shape(_COMMAND_SHAPES, kind, "command").decode(payload, instruments)
    return command


def _encode(record: Event | Command) -> tuple[str, bytes]:
    kind = type(record)
    shape = _SHAPES.get(kind)
    if shape is None:
        raise TypeError(f"{kind.__name__} is in no table of storage.codec and cannot be stored")
    return kind.__name__, _write(shape.pack(record))


def _shape(table: dict[str, Shape], kind: str, what: str) -> Shape:
    shape = table.get(kind)
    if shape is None:
        raise DamagedRecord(f"{kind!r} is no kind of {what} that this program knows")
    return shape
