"""The catalogue: a folder that holds bars as Parquet, the definitions of instruments, and corporate actions.

Layout::

    instruments.json                          each instrument's full definition, and the layout's version
    bars/BTC-USDT/1m/2024-06.parquet          bars of a month (seconds and minutes) or of a year (hours and days)
    actions/AAPL.json                         splits and dividends
    made_up.json                              symbols whose bars come from the generator
    fetched.json                              which bars have been fetched from a provider, so that they are not fetched twice

Bars keep prices and volume as integers at the instrument's scales and times as nanoseconds UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Final

import polars as pl

from algotrader.core.instruments import Instrument, normal_symbol
from algotrader.core.market import BarColumns
from algotrader.errors import UserError, did_you_mean
from algotrader.history.arrays import Ints
from algotrader.history.checks import BAR_COLUMNS, check_bars
from algotrader.history.corporate_actions import Dividend, Split, action_from_json, action_to_json, in_order
from algotrader.history.definitions import read_document, read_instruments, write_document, write_instruments
from algotrader.history.feed import CHUNK_ROWS, Source, stream
from algotrader.history.files import locked
from algotrader.history.intervals import INTERVALS, interval_ns
from algotrader.history.partitions import Written, merge_partition, partition_files, partition_names, read_frame, read_values

_FOREVER: Final = (-(2**63), 2**63 - 1)
_SCHEMA: Final = dict.fromkeys(BAR_COLUMNS, pl.Int64())


class Catalogue:
    """Bars, instruments and corporate actions in one folder. Nothing is read before it is asked for.

    Args:
        path: the folder; it is made on the first write.
    """

    def __init__(self, path: str | Path) -> None:
        self.path: Final = Path(path)
        self._read: tuple[object, dict[str, Instrument]] = (None, {})

    def instruments(self) -> dict[str, Instrument]:
        """Every instrument by symbol, in order of the alphabet; empty for a new catalogue.

        Raises:
            UserError: the file of instruments is damaged.
        """
        return dict(self._instruments())

    def _instruments(self) -> dict[str, Instrument]:
        """The instruments, read anew when the file has been replaced."""
        path = self.path / "instruments.json"
        stamp: object = None
        with suppress(FileNotFoundError):
            found = path.stat()
            stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        if stamp is None or stamp != self._read[0]:
            self._read = (stamp, read_instruments(path))
        return self._read[1]

    def instrument(self, symbol: str) -> Instrument:
        """The definition of one instrument.

        Raises:
            UserError: it is not in the catalogue; the hint names the nearest, or what there is.
        """
        name = normal_symbol(symbol)
        known = self._instruments()
        if name not in known:
            raise UserError(f"{name} is not in the catalogue {self.path}", _missing_hint(name, list(known)))
        return known[name]

    def intervals(self, symbol: str) -> list[str]:
        """Intervals for which bars of a symbol are stored, shortest first."""
        base = self._bars_folder(normal_symbol(symbol))
        return [name for name in INTERVALS if (base / name).is_dir() and any((base / name).glob("[!.]*.parquet"))]

    def write_bars(self, instrument: Instrument, interval: str, frame: pl.DataFrame) -> Written:
        """Add bars; a bar with an ``open_time`` that is stored already takes the stored one's place.

        Args:
            instrument: its definition is stored with the first bars and must stay the same afterwards.
            interval: one of ``INTERVALS``.
            frame: the columns ``BAR_COLUMNS`` as integers.

        Raises:
            UserError: the interval is unknown, or the instrument is stored with a different definition.
            BadData: a bar is impossible.
            OSError: the disk refuses.
        """
        interval_ns(interval)
        bars = check_bars(instrument.symbol, frame).with_columns(partition_names(interval).alias("partition"))
        with locked(self.path):
            self._register(instrument)
            folder = self._bars_folder(instrument.symbol) / interval
            parts = bars.partition_by("partition", as_dict=True, include_key=False)
            done = [merge_partition(folder / f"{name}.parquet", part) for (name,), part in parts.items()]
        return Written(sum(w.added for w in done), sum(w.replaced for w in done), sum(w.unchanged for w in done))

    def has_partition(self, symbol: str, interval: str, name: str) -> bool:
        """Whether there is a file of bars for a month or year, named as in ``history.partitions``."""
        return (self._bars_folder(normal_symbol(symbol)) / interval / f"{name}.parquet").is_file()

    def span(self, symbol: str, interval: str) -> tuple[int, int]:
        """Start of the first bar and end of the last, nanoseconds UTC.

        Raises:
            UserError: no such bars.
        """
        return self.spans([symbol], interval)[0]

    def spans(self, symbols: Sequence[str], interval: str) -> list[tuple[int, int]]:
        """The ``span`` of each of several symbols.

        Raises:
            UserError: a symbol has no such bars.
        """
        files = [self._files(symbol, interval) for symbol in symbols]
        first, last = pl.col("open_time").min(), pl.col("close_time").max()
        ends = [(own[0], first) for own in files] + [(own[-1], last) for own in files]
        found = read_values(ends)
        return list(zip(found[: len(files)], found[len(files) :], strict=True))

    def count(self, symbol: str, interval: str) -> int:
        """How many bars are stored.

        Raises:
            UserError: no such bars.
        """
        files = self._files(symbol, interval)
        return int(read_frame(pl.scan_parquet(files, glob=False).select(pl.len()), files[0].parent).item())

    def scan(self, symbol: str, interval: str, start_ns: int, end_ns: int) -> pl.LazyFrame:
        """Bars that open at or after ``start_ns`` and close at or before ``end_ns``, in order of time, as a query not yet run.

        Raises:
            UserError: no such symbol or interval.
        """
        self._files(symbol, interval)
        files = partition_files(self._bars_folder(normal_symbol(symbol)) / interval, start_ns, end_ns)
        if not files:
            return pl.LazyFrame(schema=_SCHEMA)
        within = (pl.col("open_time") >= start_ns) & (pl.col("close_time") <= end_ns)
        return pl.scan_parquet(files, glob=False).filter(within)

    def closes(self, symbol: str, interval: str, start_ns: int, end_ns: int) -> tuple[Ints, Ints]:
        """Close times and closes (scaled) of the bars that ``scan`` gives, in order of their close times.

        Raises:
            UserError: no such symbol or interval.
        """
        bars = self.scan(symbol, interval, start_ns, end_ns).select("close_time", "close").sort("close_time").collect()
        return bars["close_time"].to_numpy(), bars["close"].to_numpy()

    def columns(
        self,
        symbols: Sequence[str],
        interval: str,
        start_ns: int,
        end_ns: int,
        *,
        regular_only: bool,
        chunk_rows: int = CHUNK_ROWS,
    ) -> Iterator[BarColumns]:
        """Stream bars of several symbols for a backtest: only a part of a month or year is in memory at a time.

        Args:
            symbols: the number of an instrument in the columns is its place in here.
            interval: one of ``INTERVALS``.
            start_ns: bars open at or after it (nanoseconds UTC).
            end_ns: bars close at or before it (nanoseconds UTC).
            regular_only: leave out bars that start outside the regular session of the instrument's calendar.
            chunk_rows: rows a chunk at most, but bars of equal close time are never split over two chunks.

        Returns:
            Chunks whose rows are sorted by close time, then instrument number.

        Raises:
            UserError: a symbol or its interval is not in the catalogue, or a symbol is given twice.
        """
        names = [normal_symbol(symbol) for symbol in symbols]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UserError(f"{', '.join(twice)} is given twice", "give each symbol once")
        for name in names:
            self._files(name, interval)
        sources = [Source(number, self.instrument(name), self._bars_folder(name) / interval) for number, name in enumerate(names)]
        return stream(sources, interval, start_ns, end_ns, regular_only, chunk_rows)

    def write_actions(self, symbol: str, actions: Iterable[Split | Dividend]) -> int:
        """Add corporate actions; they take the place of stored ones of the same kind and day. Gives how many are stored now.

        Several dividends of one day (a regular and a special one) are all kept when they come together.
        """
        name = normal_symbol(symbol)
        new = list(actions)
        with locked(self.path):
            touched = {(type(action), action.ex_date) for action in new}
            kept = [action for action in self.actions(name) if (type(action), action.ex_date) not in touched]
            merged = in_order([*kept, *new])
            entries = [action_to_json(action) for action in merged]
            write_document(self._actions_file(name), {"symbol": name, "actions": entries})
        return len(merged)

    def actions(self, symbol: str) -> list[Split | Dividend]:
        """Splits and dividends of a symbol by ex-date (a split before a dividend of the same day); empty when none is stored.

        Raises:
            UserError: the file is damaged.
        """
        path = self._actions_file(normal_symbol(symbol))
        try:
            return in_order(action_from_json(entry) for entry in read_document(path).get("actions", []))
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise UserError(f"{path} is damaged: {error!r}", "delete it and import the corporate actions again") from None

    def action_symbols(self) -> list[str]:
        """Symbols with stored corporate actions."""
        return [read_document(path)["symbol"] for path in sorted((self.path / "actions").glob("[!.]*.json"))]

    def made_up(self) -> dict[str, str]:
        """Symbols with bars from the generator, and how these were made."""
        return dict(read_document(self.path / "made_up.json").get("symbols", {}))

    def mark_made_up(self, symbol: str, how: str) -> None:
        """Note that a symbol has bars from the generator, so that nobody takes them for a market's."""
        with locked(self.path):
            write_document(self.path / "made_up.json", {"symbols": {**self.made_up(), normal_symbol(symbol): how}})

    def _register(self, instrument: Instrument) -> None:
        known = self.instruments()
        stored = known.get(instrument.symbol)
        if stored is not None and stored != instrument:
            names = [field.name for field in fields(instrument)]
            changed = [name for name in names if getattr(stored, name) != getattr(instrument, name)]
            detail = ", ".join(f"{name} {getattr(stored, name)}, not {getattr(instrument, name)}" for name in changed[:3])
            raise UserError(f"{instrument.symbol} is stored with {detail}", "leave the option out, or use another catalogue folder")
        if stored is None:
            write_instruments(self.path / "instruments.json", {**known, instrument.symbol: instrument})

    def _files(self, symbol: str, interval: str) -> list[Path]:
        interval_ns(interval)
        name = self.instrument(symbol).symbol
        files = partition_files(self._bars_folder(name) / interval, *_FOREVER)
        if not files:
            have = ", ".join(self.intervals(name)) or "none"
            raise UserError(f"the catalogue {self.path} has no {interval} bars of {name}", f"intervals stored: {have}")
        return files

    def _bars_folder(self, symbol: str) -> Path:
        return self.path / "bars" / symbol.replace("/", "-")

    def _actions_file(self, symbol: str) -> Path:
        return self.path / "actions" / f"{symbol.replace('/', '-')}.json"


def _missing_hint(symbol: str, known: list[str]) -> str:
    if not known:
        return "the catalogue is empty; fill it with `algo-trader data import` or `algo-trader data generate`"
    shown = ", ".join(known[:8]) + (" …" if len(known) > 8 else "")
    return f"{did_you_mean(symbol, known)} the catalogue has {shown}".strip()
