"""A market's bars as Alpaca's historical records: bars of any length, and quotes and prints made up from bars."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

import msgspec

from algotrader.core.instruments import AssetClass, Instrument
from algotrader.core.market import NS_PER_DAY, NS_PER_SECOND, Bar, nanoseconds, utc
from algotrader.core.scaled import div_half_even, from_scaled
from algotrader.history.corporate_actions import Dividend, Split
from algotrader.live.paper.market import Market
from algotrader.rehearsal.alpaca.texts import NEW_YORK, asset_id, time_text

DAY: Final = 86_400
_CHUNK_BARS: Final = 4_096
_HALF_SECOND: Final = NS_PER_SECOND // 2
_LOT: Final = 100
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")

Record = tuple[int, dict[str, Any]]
"""The time of a record, by which pages go on, and the record as it is written."""


def encode(body: object) -> bytes:
    """JSON with decimals as exact numbers."""
    return _ENCODER.encode(body)


def _number(raw: int, scale: int) -> Decimal | int:
    value = from_scaled(raw, scale)
    whole = int(value)
    return whole if value == whole else value.normalize()


def day_start(instrument: Instrument, time: int) -> int:
    """Midnight before a moment, where the instrument's days begin: New York for stocks, UTC for pairs."""
    if instrument.asset_class is AssetClass.CRYPTO:
        return time // NS_PER_DAY * NS_PER_DAY
    local = utc(time).astimezone(NEW_YORK)
    return nanoseconds(datetime(local.year, local.month, local.day, tzinfo=NEW_YORK))


def _next_day(instrument: Instrument, start: int) -> int:
    return day_start(instrument, start + 26 * 3_600 * NS_PER_SECOND)


class Records:
    """What a market has traded by now.

    Args:
        market: its bars; longer ones are made from them where it has none of the length.
    """

    def __init__(self, market: Market) -> None:
        self.market: Final = market
        self.instruments: Final = {instrument.symbol: instrument for instrument in market.instruments}

    def last_bar(self, instrument: Instrument, now: int) -> Bar | None:
        """The last closed bar; None when none has closed within some days."""
        length = self.market.seconds * NS_PER_SECOND
        reach = _CHUNK_BARS * length // 8
        end = now if not self.market.end else min(now, self.market.end)
        while end > self.market.start:
            found = self.market.past(instrument, end - reach, end, self.market.seconds)
            if found:
                return found[-1]
            end -= reach - length
        return None

    def bars(self, instrument: Instrument, seconds: int, start: int, end: int, now: int) -> Iterator[Record]:
        """Bars that begin within ``start..end`` (both included) and have closed by now, oldest first; a day's bar grows."""
        daily = seconds == DAY
        source = self._days(instrument, start, end, now) if daily else self._windows(instrument, seconds, start, end, now)
        for time, bar in source:
            yield time, bar_record(bar, time)

    def quotes(self, instrument: Instrument, start: int, end: int, now: int) -> Iterator[Record]:
        """Two quotes a bar: one tick around its open and its close."""
        for bar in self._plain(instrument, start, end, now):
            for time, price in ((bar.open_time + _HALF_SECOND, bar.open_raw), (bar.close_time - _HALF_SECOND, bar.close_raw)):
                if start <= time <= end:
                    yield time, quote_record(instrument, price, time)

    def trades(self, instrument: Instrument, start: int, end: int, now: int) -> Iterator[Record]:
        """Four prints a bar: its open, low, high and close share its volume."""
        for bar in self._plain(instrument, start, end, now):
            step = (bar.close_time - bar.open_time) // 4
            share, rest = divmod(bar.volume_raw, 4)
            prices = (bar.open_raw, bar.low_raw, bar.high_raw, bar.close_raw)
            for place, price in enumerate(prices):
                time = bar.open_time + place * step + 1
                if start <= time <= end:
                    yield time, trade_record(instrument, price, share + (rest if place == 3 else 0), time)

    def _plain(self, instrument: Instrument, start: int, end: int, now: int) -> Iterator[Bar]:
        """The market's own bars that have a moment in ``start..end``, a chunk at a time."""
        length = self.market.seconds * NS_PER_SECOND
        yield from self._past(instrument, self.market.seconds, start - length + 1, end, now)

    def _past(self, instrument: Instrument, seconds: int, start: int, end: int, now: int) -> Iterator[Bar]:
        """Bars that begin within ``start..end`` and have closed by now; what is not looked at is not made."""
        length = seconds * NS_PER_SECOND
        place = max(start, self.market.start - DAY * NS_PER_SECOND)
        last = min(end, now, self.market.end or now)
        while place <= last:
            until = min(place + _CHUNK_BARS * length, last + 1)
            # Whoever asks twice must not get a bar twice: it belongs to the chunk in which it begins.
            for bar in self.market.past(instrument, place, min(until - 1 + length, now), seconds):
                if bar.open_time < until:
                    yield bar
            place = until

    def _windows(self, instrument: Instrument, seconds: int, start: int, end: int, now: int) -> Iterator[tuple[int, Bar]]:
        """Bars of a length below a day: the market's, or made from its own within windows of the clock."""
        if seconds < self.market.seconds:
            return
        if seconds == self.market.seconds:
            yield from ((bar.open_time, bar) for bar in self._past(instrument, seconds, start, end, now))
            return
        length = seconds * NS_PER_SECOND
        first = -(-start // length) * length
        last = end // length * length + length - 1
        bars = self._past(instrument, self.market.seconds, first, last, now)
        for time, group in groupby(bars, lambda bar: bar.open_time // length * length):
            if time + length <= now:
                yield time, _joined(list(group))

    def _days(self, instrument: Instrument, start: int, end: int, now: int) -> Iterator[tuple[int, Bar]]:
        """Bars of days, labelled with the midnight at which they begin."""
        first = day_start(instrument, start)
        first = first if first == start else _next_day(instrument, first)
        last = _next_day(instrument, day_start(instrument, end)) - 1
        bars = self._past(instrument, self.market.seconds, first, last, now)
        for time, group in groupby(bars, lambda bar: day_start(instrument, bar.open_time)):
            yield time, _joined(list(group))


def _joined(bars: list[Bar]) -> Bar:
    return Bar(
        bars[0].instrument,
        bars[0].open_time,
        bars[-1].close_time,
        bars[0].open_raw,
        max(bar.high_raw for bar in bars),
        min(bar.low_raw for bar in bars),
        bars[-1].close_raw,
        sum(bar.volume_raw for bar in bars),
    )


def bar_record(bar: Bar, time: int) -> dict[str, Any]:
    """A bar as it is written; the count of prints and the mean price are made up."""
    scale, sizes = bar.instrument.price_scale, bar.instrument.quantity_scale
    prices = {name: _number(raw, scale) for name, raw in zip("ohlc", _prices(bar), strict=True)}
    mean = div_half_even(100 * (bar.high_raw + bar.low_raw + bar.close_raw), 3)
    count = bar.volume_raw // (_LOT * 10**sizes) + 1 if bar.volume_raw else 0
    return {"t": time_text(time), **prices, "v": _number(bar.volume_raw, sizes), "n": count, "vw": _number(mean, scale + 2)}


def _prices(bar: Bar) -> tuple[int, int, int, int]:
    return bar.open_raw, bar.high_raw, bar.low_raw, bar.close_raw


def quote_record(instrument: Instrument, price: int, time: int) -> dict[str, Any]:
    """A quote one tick around a price."""
    scale = instrument.price_scale
    tick = min(instrument.tick(price), price - 1) if price > 1 else 0
    found = {"t": time_text(time), "bp": _number(price - tick, scale), "bs": 1, "ap": _number(price + tick, scale), "as": 1}
    return found if instrument.asset_class is AssetClass.CRYPTO else found | {"bx": "V", "ax": "V", "c": ["R"], "z": "C"}


def trade_record(instrument: Instrument, price: int, size: int, time: int) -> dict[str, Any]:
    """A print; its number is its time."""
    numbers = {"p": _number(price, instrument.price_scale), "s": _number(size, instrument.quantity_scale)}
    found = {"t": time_text(time), **numbers, "i": time // 1_000}
    return found | ({"tks": "B"} if instrument.asset_class is AssetClass.CRYPTO else {"x": "V", "c": ["@"], "z": "C"})


def action_record(symbol: str, action: Split | Dividend) -> tuple[str, dict[str, Any]]:
    """A corporate action: its type, and as it is written. It is processed on its ex-date."""
    day = action.ex_date.isoformat()
    cusip = "000000000"
    found: dict[str, Any] = {"id": str(asset_id(f"{symbol} {action}")), "symbol": symbol, "ex_date": day, "process_date": day}
    if isinstance(action, Dividend):
        return "cash_dividend", found | {"cusip": cusip, "rate": action.cash, "special": False, "foreign": False}
    rates = {"new_rate": action.numerator, "old_rate": action.denominator}
    if action.ratio > 1:
        return "forward_split", found | rates | {"cusip": cusip}
    return "reverse_split", found | rates | {"old_cusip": cusip, "new_cusip": cusip}
