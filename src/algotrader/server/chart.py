"""What a chart shows over HTTP: candles, indicators, what was signalled, executed and moved, what works."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query

from algotrader.core import reports
from algotrader.core.instruments import Instrument
from algotrader.core.market import NS_PER_MINUTE, Bar
from algotrader.core.orders import Order, OrderRole
from algotrader.core.signal_style import SignalSlot
from algotrader.core.state import EngineState, Track
from algotrader.errors import did_you_mean
from algotrader.history.hours import Hours
from algotrader.history.intervals import DAILY, INTERVALS
from algotrader.live.control import Control
from algotrader.server.aside import aside
from algotrader.server.bar_book import BarBook
from algotrader.server.candles import Candles, indicator_values, join
from algotrader.server.documents import exact, iso
from algotrader.server.history import History
from algotrader.server.models.bars import Chart, ChartBar, ChartLine, Marker, WorkingOrder
from algotrader.server.models.base import REFUSALS, ErrorAnswer
from algotrader.server.questions import read_since
from algotrader.server.refusal import Refusal
from algotrader.storage.lookups import Execution
from algotrader.storage.queries import Activity

Symbol = Annotated[str, Path(max_length=60, description="of an instrument that the session follows")]
Interval = Annotated[str, Query(max_length=10, description="such as 2m; that of the first strategy there by default")]
Limit = Annotated[int, Query(ge=1, le=5000, description="How many candles at most.")]
Before = Annotated[str, Query(max_length=60, description="Only candles that opened before this time.")]

LENGTHS: Final = {
    name: 0 if name == DAILY else length // NS_PER_MINUTE for name, length in INTERVALS.items() if length >= NS_PER_MINUTE
}
"""Lengths that can be asked for, in minutes; 0 for whole sessions."""

TOLD: Final[dict[str, Literal["signal", "denied", "stop_placed", "stop_moved"]]] = {
    reports.SIGNAL: "signal",
    reports.SIGNAL_DENIED: "denied",
    reports.ORDER_DENIED: "denied",
    reports.STOP_PLACED: "stop_placed",
    reports.STOP_MOVED: "stop_moved",
}
_STOP_AT: Final = re.compile(r"stop (?:\S+ -> |at )(?P<price>[0-9.]+)")
_DIGITS: Final = 8


class Charts:
    """Makes charts.

    Args:
        control: the session.
        history: the database, for bars and markers; None for what the engine remembers.
    """

    def __init__(self, control: Control, history: History | None) -> None:
        self._control: Final = control
        self._history: Final = history
        self._book: Final = BarBook(control.engine.state, history)
        self._hours: Final[dict[str, Hours]] = {}

    async def chart(self, symbol: Symbol, interval: Interval = "", limit: Limit = 500, before: Before = "") -> Chart:
        """Candles of an instrument, oldest first, with indicators, markers and the orders that work."""
        track = self._track(symbol)
        name = track.instrument.symbol
        lengths = intervals_of(self._control, track)
        interval, until = interval or lengths[0], read_since(before)
        if interval not in lengths:
            raise Refusal(422, "invalid_request", f"there are no candles of {interval!r} of {name}", f"one of {', '.join(lengths)}")
        hours = self._hours.setdefault(track.instrument.calendar, Hours(track.instrument.calendar))
        slots = slots_at(self._control, track, LENGTHS[interval])
        base = enough(await self._book.bars(name), slots, LENGTHS[interval], limit, until)
        regular = all(slot.regular_hours for slot in slots)
        candles = await aside(join, track.instrument, base, LENGTHS[interval], hours, regular)
        end = len(candles.bars) if not until else sum(1 for bar in candles.bars if bar.open_time < until)
        first = max(end - limit, 0)
        shown = candles.bars[first:end]
        window = (shown[0].open_time, shown[-1].close_time if until else self._control.clock.now()) if shown else (0, 0)
        lines, faults = await aside(drawn, slots, candles, window)
        return Chart(
            symbol=name,
            interval=interval,
            bars=await aside(chart_bars, shown, candles.complete - first),
            indicators=lines,
            faults=faults,
            markers=await self._markers(name, *window) if shown else [],
            working=working(self._control.engine.state, name),
            intervals=lengths,
            more=first > 0,
        )

    def _track(self, text: str) -> Track:
        known = self._control.engine.state.by_symbol
        symbol = text.upper()
        if symbol not in known:
            hint = did_you_mean(symbol, known) or f"it follows {', '.join(known)}"
            raise Refusal(404, "unknown_symbol", f"{text} is not followed by this session", hint)
        return known[symbol]

    async def _markers(self, symbol: str, since: int, until: int) -> list[Marker]:
        if self._history is None:
            return []
        told = await aside(self._history.activity_between, tuple(TOLD), symbol, since, until)
        fills = await aside(self._history.executions, symbol, since)
        dated = [(one.report.time, told_marker(one)) for one in told] + [
            (one.time, fill_marker(one)) for one in fills if one.time <= until
        ]
        return [marker for _, marker in sorted(dated, key=lambda pair: pair[0])]


def enough(base: list[Bar], slots: list[SignalSlot], minutes: int, limit: int, until: int) -> list[Bar]:
    """As many of the bars as a chart needs, with a run-up for its indicators; all of them for candles of whole sessions."""
    if not base or minutes == 0:
        return base
    end = len(base) if not until else bisect_left(base, until, key=lambda bar: bar.open_time)
    each = max(minutes * NS_PER_MINUTE // (base[-1].close_time - base[-1].open_time), 1)
    run_up = max((indicator.needed for slot in slots for indicator in slot.indicators), default=0)
    # Recursive indicators forget what lies several periods back.
    return base[max(end - (limit + 4 * run_up + 1) * each, 0) : end]


def intervals_of(control: Control, track: Track) -> list[str]:
    """The lengths of candles of an instrument, those that strategies see first; nothing shorter than the base bars."""
    base = control.engine.base_seconds // 60
    names = {minutes: name for name, minutes in LENGTHS.items()}
    seen = [names[stream.minutes] for stream in control.engine.streams.of[track.index] if stream.minutes in names]
    others = [name for name, minutes in LENGTHS.items() if minutes == 0 or (base and minutes % base == 0 and minutes >= base)]
    return list(dict.fromkeys([*seen, *others]))


def slots_at(control: Control, track: Track, minutes: int) -> list[SignalSlot]:
    """The strategies on an instrument that see candles of so many minutes."""
    return [slot for stream in control.engine.streams.of[track.index] if stream.minutes == minutes for slot in stream.signal_slots]


def drawn(slots: list[SignalSlot], candles: Candles, window: tuple[int, int]) -> tuple[list[ChartLine], list[str]]:
    """The indicators of strategies, and what is wrong with those of a strategy whose code raises: it is a stranger's."""
    found, faults = [], []
    for slot in slots:
        try:
            values = indicator_values(slot, candles)
        except Exception as error:
            faults.append(f"The indicators of {slot.owner} cannot be drawn: {type(error).__name__}: {error}")
            continue
        for name, points in values.items():
            kept = [(iso(time) or "", round(value, _DIGITS)) for time, value in points if window[0] <= time <= window[1]]
            found.append(ChartLine(name=name, strategy=slot.owner, points=kept))
    return found, faults


def chart_bars(bars: Sequence[Bar], complete: int) -> list[ChartBar]:
    """Bars as exact text, of which so many are complete."""
    return [chart_bar(bar, place < complete) for place, bar in enumerate(bars)]


def chart_bar(bar: Bar, complete: bool) -> ChartBar:
    """A bar as exact text."""
    return ChartBar(
        time=iso(bar.open_time),
        open=exact(bar.open),
        high=exact(bar.high),
        low=exact(bar.low),
        close=exact(bar.close),
        volume=exact(bar.volume),
        complete=complete,
    )


def told_marker(one: Activity) -> Marker:
    """A signal, what became of it, or where a stop is from now on."""
    row = one.report
    moved = _STOP_AT.search(row.message) if row.kind in (reports.STOP_PLACED, reports.STOP_MOVED) else None
    side: Literal["buy", "sell"] | None = None
    if row.kind == reports.SIGNAL:
        side = "sell" if row.message.startswith(("sell", "short")) else "buy"
    return Marker(
        time=iso(row.time),
        kind=TOLD[row.kind],
        side=side,
        price=moved["price"] if moved is not None else None,
        text=row.message,
        order_id=row.order_id,
        correlation_id=row.correlation_id,
    )


def fill_marker(one: Execution) -> Marker:
    """An execution: what opens a position or adds to it, or what closes it."""
    is_entry = one.role == OrderRole.ENTRY.value
    return Marker(
        time=iso(one.time),
        kind="entry" if is_entry else "exit",
        side="buy" if one.side == "buy" else "sell",
        price=one.price,
        text=f"{one.role.replace('_', ' ')} {one.side} {one.quantity} at {one.price}",
        order_id=one.order_id,
        correlation_id=one.correlation_id,
    )


def working(state: EngineState, symbol: str) -> list[WorkingOrder]:
    """The orders that work on an instrument, as they stand."""
    return [_working(order, order.instrument) for order in state.live_orders.values() if order.symbol == symbol]


def _working(order: Order, instrument: Instrument) -> WorkingOrder:
    leg = order.working_leg
    return WorkingOrder(
        order_id=order.client_order_id,
        role=order.role.value,
        side="buy" if order.sign > 0 else "sell",
        qty=exact(instrument.quantity(max(leg.quantity_raw - order.filled_raw, 0))),
        stop_price=_price(instrument, leg.stop_raw),
        limit_price=_price(instrument, leg.limit_raw),
    )


def _price(instrument: Instrument, price_raw: int) -> str | None:
    found: Decimal = instrument.price(price_raw)
    return exact(found) if price_raw else None


def chart_routes(control: Control, history: History | None) -> APIRouter:
    """The call about one instrument's chart."""
    charts = Charts(control, history)
    missing = {**REFUSALS, 404: {"model": ErrorAnswer, "description": "the session does not follow such an instrument"}}
    router = APIRouter(prefix="/api", tags=["bars"], responses=missing)
    # Pairs of crypto have a slash in their names.
    router.add_api_route("/bars/{symbol:path}", charts.chart, methods=["GET"], response_model=Chart)
    return router
