"""Market data as the streams have it, made from the market's bars."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgpack

from algotrader.core.instruments import AssetClass, Instrument
from algotrader.core.market import Bar
from algotrader.rehearsal.alpaca.texts import NEW_YORK, time_text

Json = dict[str, Any]

CHANNELS: Final = (
    "trades",
    "quotes",
    "orderbooks",
    "bars",
    "updatedBars",
    "dailyBars",
    "statuses",
    "lulds",
    "corrections",
    "cancelErrors",
)
_TYPES: Final = {
    "t": "trades",
    "q": "quotes",
    "o": "orderbooks",
    "b": "bars",
    "u": "updatedBars",
    "d": "dailyBars",
    "s": "statuses",
    "l": "lulds",
    "c": "corrections",
    "x": "cancelErrors",
}


def channel_of(record: Json) -> str:
    """The channel that a record belongs to."""
    return _TYPES.get(str(record["T"]), "")


def timestamp(time: int) -> msgpack.Timestamp:
    """A time as msgpack has it."""
    return msgpack.Timestamp.from_unix_nano(time)


def as_json(record: Json) -> Json:
    """A record with its times as text."""
    return {
        key: time_text(value.to_unix_nano()) if isinstance(value, msgpack.Timestamp) else value for key, value in record.items()
    }


def bar_record(bar: Bar, kind: str = "b") -> Json:
    """A bar; ``kind`` tells a first one (b), a later version of it (u) and one of the day (d) apart."""
    made = bar.instrument
    total = bar.high_raw + bar.low_raw + bar.close_raw
    return {
        "T": kind,
        "S": made.symbol,
        "o": _price(made, bar.open_raw),
        "h": _price(made, bar.high_raw),
        "l": _price(made, bar.low_raw),
        "c": _price(made, bar.close_raw),
        "v": _size(made, bar.volume_raw),
        "t": timestamp(bar.open_time),
        "n": max(int(made.quantity(bar.volume_raw)) // 100, 1),
        "vw": _price(made, total // 3),
    }


def quote_record(bar: Bar) -> Json:
    """A quote at the end of a bar: a tick of spread about its close."""
    made, tick = bar.instrument, bar.instrument.tick(bar.close_raw)
    record: Json = {
        "T": "q",
        "S": made.symbol,
        "bp": _price(made, max(bar.close_raw - tick, tick)),
        "bs": 1,
        "ap": _price(made, bar.close_raw + tick),
        "as": 1,
        "t": timestamp(bar.close_time),
    }
    if made.asset_class is not AssetClass.CRYPTO:
        record |= {"bx": "V", "ax": "V", "c": ["R"], "z": "C"}
    return record


def trade_record(bar: Bar, number: int) -> Json:
    """The last print of a bar."""
    made = bar.instrument
    record: Json = {
        "T": "t",
        "S": made.symbol,
        "i": number,
        "p": _price(made, bar.close_raw),
        "s": _size(made, made.quantity_increment),
        "t": timestamp(bar.close_time - 1),
    }
    return record | ({"tks": "B"} if made.asset_class is AssetClass.CRYPTO else {"x": "V", "c": ["@"], "z": "C"})


def status_record(instrument: Instrument, time: int, *, halted: bool) -> Json:
    """A halt, or its end."""
    return {
        "T": "s",
        "S": instrument.symbol,
        "sc": "H" if halted else "T",
        "sm": "Trading Halt" if halted else "Trading Resumption",
        "rc": "T12" if halted else "",
        "rm": "Trading Halted; For information requested by NASDAQ" if halted else "",
        "t": timestamp(time),
        "z": "C",
    }


class DayBars:
    """The bars of the day so far, one of each instrument."""

    def __init__(self) -> None:
        self._bars: Final[dict[str, tuple[int, Bar]]] = {}

    def add(self, bar: Bar) -> Json:
        """Count a bar in; gives the day's."""
        midnight = _midnight(bar.open_time)
        day, so_far = self._bars.get(bar.symbol, (0, bar))
        if day == midnight:
            bar = Bar(
                bar.instrument,
                so_far.open_time,
                bar.close_time,
                so_far.open_raw,
                max(so_far.high_raw, bar.high_raw),
                min(so_far.low_raw, bar.low_raw),
                bar.close_raw,
                so_far.volume_raw + bar.volume_raw,
            )
        self._bars[bar.symbol] = (midnight, bar)
        return {**bar_record(bar, "d"), "t": timestamp(midnight)}


def _midnight(time: int) -> int:
    moment = datetime.fromtimestamp(time // 1_000_000_000, NEW_YORK)
    return int(moment.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()) * 1_000_000_000


def _price(instrument: Instrument, raw: int) -> float:
    return float(instrument.price(raw))


def _size(instrument: Instrument, raw: int) -> float | int:
    value = instrument.quantity(raw)
    return int(value) if value == value.to_integral_value() else float(value)
