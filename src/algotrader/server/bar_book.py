"""The bars that a session has seen, read back from its journal: a little at a time, so that the session is not held up.

The journal has every bar that the engine was given, those of the warm-up included. What was read once is kept; each further
question reads only what has come since. Prices are as they were then: a split later on does not restate them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from algotrader.core.events import MarketData
from algotrader.core.instruments import Instrument
from algotrader.core.market import Bar
from algotrader.core.state import BarHistory, EngineState
from algotrader.server.aside import aside
from algotrader.server.history import History
from algotrader.storage.codec import decode_event
from algotrader.storage.records import JournalEntry
from algotrader.storage.shapes import DamagedRecord

REACH: Final = 40_000
"""Events before the journal's end at which reading begins."""

AT_ONCE: Final = 500
"""Entries that are decoded before the session has its turn again."""

KEPT: Final = 20_000
"""Bars of one instrument that are kept."""


class BarBook:
    """Bars by symbol, oldest first, each opening once.

    Args:
        state: of the engine, for its instruments.
        history: the database; None to have only what the engine keeps for its algorithms.
    """

    def __init__(self, state: EngineState, history: History | None) -> None:
        self._state: Final = state
        self._history: Final = history
        self._bars: Final[dict[str, list[Bar]]] = {}
        self._read_to = -1
        self._one_at_a_time: Final = asyncio.Lock()

    async def bars(self, symbol: str) -> list[Bar]:
        """Base bars of an instrument; the list may be kept, and grows no more."""
        if self._history is None:
            return remembered(self._state, symbol)
        async with self._one_at_a_time:
            await self._read_on(self._history)
        return list(self._bars.get(symbol, ()))

    async def _read_on(self, history: History) -> None:
        if self._read_to < 0:
            self._read_to = max(await aside(history.journal_end) - REACH, 0)
        instruments = {track.instrument.symbol: track.instrument for track in self._state.tracks}
        while True:
            entries = await aside(history.market_data, self._read_to, AT_ONCE)
            for bar in await aside(decoded, entries, instruments):
                self._add(bar)
            if entries:
                self._read_to = entries[-1].sequence
            if len(entries) < AT_ONCE:
                return

    def _add(self, bar: Bar) -> None:
        known = self._bars.setdefault(bar.instrument.symbol, [])
        if known and bar.open_time <= known[-1].open_time:
            # The engine drops what is not newer; after a restart it is warmed up with bars that it has seen.
            return
        known.append(bar)
        if len(known) >= 2 * KEPT:
            del known[:-KEPT]


def decoded(entries: Iterable[JournalEntry], instruments: dict[str, Instrument]) -> list[Bar]:
    """The bars among entries of the journal, of the instruments that are followed."""
    found = []
    for entry in entries:
        try:
            event = decode_event(entry.kind, entry.payload, instruments)
        except DamagedRecord:
            # Of an instrument that is not followed any more.
            continue
        if isinstance(event, MarketData) and event.bar is not None:
            found.append(event.bar)
    return found


def remembered(state: EngineState, symbol: str) -> list[Bar]:
    """The bars that the engine itself keeps of an instrument; it does so for algorithms only."""
    track = state.by_symbol[symbol]
    history: BarHistory | None = track.history
    if history is None or len(history.time) == 0:
        return []
    length = track.last_time - track.last_open_time
    columns = [history.column(name) for name in ("time", "open", "high", "low", "close", "volume")]
    return [Bar(track.instrument, time, time + length, o, h, low, c, v) for time, o, h, low, c, v in zip(*columns, strict=True)]
