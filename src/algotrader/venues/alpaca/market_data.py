"""The market-data streams: one msgpack frame into the messages in it. Pure.

A frame is a list of maps. One that cannot be read takes none of the others with it: it is given as ``Damaged``. Prices and sizes
come as floats; the shortest text of one is what the venue meant, rounded half to even where an instrument has fewer decimals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgpack

from algotrader.core.instruments import Instrument
from algotrader.core.market import NS_PER_DAY, NS_PER_MINUTE, BadData, Bar, Quote, TradeTick, check_bar
from algotrader.venues.alpaca.market_messages import Cancel as Cancel
from algotrader.venues.alpaca.market_messages import Correction as Correction
from algotrader.venues.alpaca.market_messages import DailyBar as DailyBar
from algotrader.venues.alpaca.market_messages import Damaged as Damaged
from algotrader.venues.alpaca.market_messages import Luld as Luld
from algotrader.venues.alpaca.market_messages import Message as Message
from algotrader.venues.alpaca.market_messages import Status as Status
from algotrader.venues.alpaca.market_messages import StreamError as StreamError
from algotrader.venues.alpaca.market_messages import Subscription as Subscription
from algotrader.venues.alpaca.market_messages import Unknown as Unknown
from algotrader.venues.alpaca.market_messages import UpdatedBar as UpdatedBar
from algotrader.venues.alpaca.market_messages import Welcome as Welcome
from algotrader.venues.alpaca.symbols import instrument_of
from algotrader.venues.alpaca.values import AlpacaRecordFault, Record, nearest_raw, shown, text, text_or_empty, time_ns

LONGEST_FRAME: Final = 16 << 20
"""Bytes of a frame that are read."""

MOST_MESSAGES: Final = 100_000

_HALTED: Final[dict[tuple[str, str], bool]] = {
    ("CTA", "2"): True,
    ("CTA", "3"): False,
    ("CTA", "P"): True,
    ("UTP", "H"): True,
    ("UTP", "P"): True,
    ("UTP", "Q"): True,
    ("UTP", "T"): False,
}
"""What status codes say about trading: CTA lists tapes A and B, UTP tape C."""

_FAULTS: Final = (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException)
_Traded = Mapping[str, Instrument]


def parse(frame: bytes, traded: Mapping[str, Instrument] | None = None) -> list[Message]:
    """Read one frame.

    Args:
        frame: as it came.
        traded: the session's instruments by symbol; what is not among them gets a sensible one of its own.

    Raises:
        AlpacaRecordFault: it is no list of messages.
    """
    if len(frame) > LONGEST_FRAME:
        raise AlpacaRecordFault(f"a frame of {len(frame)} bytes is too long")
    unpacker = msgpack.Unpacker(
        timestamp=0, strict_map_key=False, unicode_errors="replace", max_buffer_size=max(len(frame), 1), use_list=True
    )
    unpacker.feed(frame)
    try:
        count = unpacker.read_array_header()
    except _FAULTS as error:
        raise AlpacaRecordFault(f"a frame is not a list: {error}") from None
    if count > MOST_MESSAGES:
        raise AlpacaRecordFault(f"a frame of {count} messages is too long")
    known = traded or {}
    found: list[Message] = []
    for _ in range(count):
        try:
            value = unpacker.unpack()
        except _FAULTS as error:
            found.append(Damaged("", f"it cannot be unpacked: {shown(error)}"))
            if not _skip(unpacker):
                break
        else:
            found.append(_message(value, known))
    return found


def _skip(unpacker: msgpack.Unpacker) -> bool:
    """Go on behind a message that cannot be unpacked; False when nobody knows where it ends."""
    try:
        unpacker.skip()
    except _FAULTS:
        return False
    return True


def _message(value: object, traded: _Traded) -> Message:
    if not isinstance(value, dict):
        return Damaged("", f"{shown(value)} is not a message")
    kind = value.get("T")
    if not isinstance(kind, str):
        return Damaged("", "it has no kind")
    read = _READERS.get(kind)
    if read is None:
        return Unknown(kind, value)
    try:
        return read(value, traded)
    except (AlpacaRecordFault, BadData) as error:
        return Damaged(kind, str(error))


def _time(record: Record) -> int:
    value = record.get("t")
    if isinstance(value, msgpack.Timestamp):
        found = value.seconds * 1_000_000_000 + value.nanoseconds
        if not 0 <= found < 1 << 63:
            raise AlpacaRecordFault(f"t: {shown(value)} lies outside of all time")
        return int(found)
    return time_ns(value, "t")


def _instrument(record: Record, traded: _Traded) -> Instrument:
    symbol = text(record, "S")
    return traded.get(symbol) or instrument_of(symbol, "", traded)


def _prices(record: Record, names: tuple[str, ...], scale: int) -> list[int]:
    return [nearest_raw(record.get(name), scale, name) for name in names]


def _bar(record: Record, traded: _Traded, length: int = NS_PER_MINUTE) -> Bar:
    instrument, opened = _instrument(record, traded), _time(record)
    first, high, low, last = _prices(record, ("o", "h", "l", "c"), instrument.price_scale)
    volume = nearest_raw(record.get("v"), instrument.quantity_scale, "v")
    bar = Bar(instrument, opened, opened + length, first, high, low, last, volume)
    check_bar(bar)
    return bar


def _updated(record: Record, traded: _Traded) -> UpdatedBar:
    return UpdatedBar(_bar(record, traded))


def _daily(record: Record, traded: _Traded) -> DailyBar:
    return DailyBar(_bar(record, traded, NS_PER_DAY))


def _quote(record: Record, traded: _Traded) -> Quote:
    instrument = _instrument(record, traded)
    bid, ask = _prices(record, ("bp", "ap"), instrument.price_scale)
    bid_size, ask_size = _prices(record, ("bs", "as"), instrument.quantity_scale)
    return Quote(instrument, _time(record), bid, ask, bid_size, ask_size)


def _trade(record: Record, traded: _Traded) -> TradeTick:
    instrument = _instrument(record, traded)
    (price,) = _prices(record, ("p",), instrument.price_scale)
    size = nearest_raw(record.get("s"), instrument.quantity_scale, "s")
    aggressor = {"B": "buy", "S": "sell"}.get(text_or_empty(record, "tks"), "unknown")
    return TradeTick(instrument, _time(record), price, size, aggressor, _id(record, "i"))


def _correction(record: Record, traded: _Traded) -> Correction:
    instrument = _instrument(record, traded)
    old_price, new_price = _prices(record, ("op", "cp"), instrument.price_scale)
    old_size, new_size = _prices(record, ("os", "cs"), instrument.quantity_scale)
    old, new = _id(record, "oi"), _id(record, "ci")
    return Correction(instrument, _time(record), text_or_empty(record, "x"), old, old_price, old_size, new, new_price, new_size)


def _cancel(record: Record, traded: _Traded) -> Cancel:
    instrument = _instrument(record, traded)
    (price,) = _prices(record, ("p",), instrument.price_scale)
    (size,) = _prices(record, ("s",), instrument.quantity_scale)
    action = text_or_empty(record, "a")
    return Cancel(instrument, _time(record), text_or_empty(record, "x"), _id(record, "i"), price, size, action)


def _status(record: Record, traded: _Traded) -> Status:
    code, tape = text(record, "sc"), text_or_empty(record, "z")
    return Status(
        symbol=text(record, "S"),
        time=_time(record),
        code=code,
        message=text_or_empty(record, "sm"),
        reason_code=text_or_empty(record, "rc"),
        reason=text_or_empty(record, "rm"),
        tape=tape,
        halted=_HALTED.get(("UTP" if tape in ("C", "O") else "CTA", code)),
    )


def _luld(record: Record, traded: _Traded) -> Luld:
    instrument = _instrument(record, traded)
    up, down = _prices(record, ("u", "d"), instrument.price_scale)
    return Luld(instrument, _time(record), up, down, text_or_empty(record, "i"))


def _success(record: Record, traded: _Traded) -> Welcome:
    return Welcome(text(record, "msg"))


def _error(record: Record, traded: _Traded) -> StreamError:
    code = record.get("code")
    return StreamError(code if isinstance(code, int) and not isinstance(code, bool) else None, text_or_empty(record, "msg"))


def _subscription(record: Record, traded: _Traded) -> Subscription:
    lists = {name: value for name, value in record.items() if isinstance(name, str) and isinstance(value, list)}
    return Subscription({name: tuple(symbol for symbol in value if isinstance(symbol, str)) for name, value in lists.items()})


def _id(record: Record, name: str) -> str:
    """A print's id, a number or a text; empty when there is none."""
    value = record.get(name)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else text_or_empty(record, name)


_READERS: Final[dict[str, Callable[[Record, _Traded], Message]]] = {
    "b": _bar,
    "u": _updated,
    "d": _daily,
    "q": _quote,
    "t": _trade,
    "c": _correction,
    "x": _cancel,
    "s": _status,
    "l": _luld,
    "success": _success,
    "error": _error,
    "subscription": _subscription,
}
