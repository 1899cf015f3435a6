"""Bars of a venue's past into the catalogue: month after month (year after year from hours up), each complete or not at all.

What is complete is noted beside the bars. A fetch that was interrupted, or is asked for more, gets only what is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from algotrader.core.instruments import AssetClass, Instrument
from algotrader.core.market import NS_PER_MINUTE, NS_PER_SECOND, utc
from algotrader.errors import UserError
from algotrader.history.calendars import day_start, sessions_between, time_zone
from algotrader.history.catalogue import Catalogue
from algotrader.history.corporate_actions import Split
from algotrader.history.fetched import Fetched, Origin, Span
from algotrader.history.intervals import DAILY, interval_ns
from algotrader.history.resolve import Wishes, default_instrument, stored_instrument
from algotrader.research.fetched_rows import instrument_for, to_action, to_bars
from algotrader.venues.alpaca.action_records import RawAction
from algotrader.venues.alpaca.history import AlpacaHistory, DataQuery, Retries
from algotrader.venues.alpaca.history_records import Raw, RawBar, timeframe
from algotrader.venues.alpaca.settings import Feed
from algotrader.venues.protocols import Refused, Unanswered

Report = Callable[[float, str], None]

SETTLED: Final = 16 * NS_PER_MINUTE
"""Bars that closed later than so long ago are left for the next fetch: late prints change them, and free plans may not see them."""

LATE_DAYS: Final = 6 * 60 * NS_PER_MINUTE
"""How long after midnight UTC the venue's days of pairs may end: they may be those of Chicago."""

SYMBOLS_AT_ONCE: Final = 50
"""Symbols a request; a page has room for many symbols' days."""

SOURCE: Final = "alpaca"

PATIENCE: Final = Retries()
"""Three more tries, two seconds apart, and waits for as long as the venue asks when there were too many requests."""


@dataclass(frozen=True, slots=True)
class FetchJob:
    """What is wanted.

    Attributes:
        symbols: names and asset classes, as ``history.resolve.read_symbol`` gives them.
        interval: one of ``history.intervals.INTERVALS`` that the venue has.
        start: first day, at the exchange.
        end: last day, included.
        feed: of the venue.
        adjustment: of prices: raw, split, dividend or all.
        wishes: decimal places of a new instrument, where the user said them.
        actions: fetch the splits and dividends of the same days too; raw prices need them, adjusted ones must not have them.
    """

    symbols: tuple[tuple[str, AssetClass], ...]
    interval: str
    start: date
    end: date
    feed: Feed = "iex"
    adjustment: str = "raw"
    wishes: Wishes = field(default_factory=Wishes)
    actions: bool = True

    @property
    def seconds(self) -> int:
        """Length of the bars."""
        return interval_ns(self.interval) // NS_PER_SECOND


@dataclass(slots=True)
class FetchReport:
    """What came of one symbol.

    ``added``, ``replaced`` and ``unchanged`` count bars by what became of them, ``left_out`` those that cannot be true by reason,
    ``rounded`` those with more decimals than the instrument keeps. ``first`` and ``last`` are the start of the first and the end of
    the last bar fetched. ``splits`` and ``dividends`` count what came of those. ``wanted`` is false when nothing was missing;
    ``refusal`` is the venue's word where it refused the symbol.
    """

    symbol: str
    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    rounded: int = 0
    splits: int = 0
    dividends: int = 0
    first: int = 0
    last: int = 0
    wanted: bool = False
    refusal: str = ""
    left_out: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    @property
    def fetched(self) -> int:
        """Bars that came and are in the catalogue now."""
        return self.added + self.replaced + self.unchanged


@dataclass(slots=True)
class _Series:
    """One symbol on its way: what is missing, and empty stretches before its first bar, which nobody vouches for yet."""

    name: str
    kind: AssetClass
    stored: Instrument | None
    spans: list[Span]
    report: FetchReport
    empty: dict[Span, bool] = field(default_factory=dict)


class Fetch:
    """One run.

    Args:
        history: of the venue.
        catalogue: where the bars go.
        job: what is wanted.
        now: our clock, nanoseconds UTC.
        report: is told the fraction done, and a few words.
        retries: how patient to be with the venue.

    Raises:
        UserError: what is wanted cannot be, or would mix what does not belong together.
    """

    def __init__(
        self,
        history: AlpacaHistory,
        catalogue: Catalogue,
        job: FetchJob,
        now: int,
        report: Report | None = None,
        retries: Retries | None = None,
    ) -> None:
        self._history: Final = history
        self._catalogue: Final = catalogue
        self._job: Final = job
        self._now: Final = now
        self._tell: Final[Report] = report or (lambda _fraction, _text: None)
        self._retries: Final = retries or PATIENCE
        self._origin: Final = Origin(SOURCE, job.feed, job.adjustment)
        self._notes: Final = Fetched(catalogue)
        self._words = ""
        _check(job)
        self._series: Final = {name: self._plan(name, kind) for name, kind in job.symbols}
        self._total: Final = sum(end - start for series in self._series.values() for start, end in series.spans)
        self._done = 0

    def _plan(self, name: str, kind: AssetClass) -> _Series:
        job, stored = self._job, self._catalogue.instruments().get(name)
        if stored is not None:
            stored_instrument(stored, job.wishes)
        self._notes.forget_lost(name)
        self._check_mixing(name, self._origin_of(kind))
        start, end = self._stretch(stored or default_instrument(name, kind))
        spans = self._notes.missing(name, job.interval, start, end)
        return _Series(name, kind, stored, spans, FetchReport(name, wanted=bool(spans)))

    def _check_mixing(self, name: str, origin: Origin) -> None:
        """Keep apart what would be wrong together.

        Raises:
            UserError: the catalogue has other bars of the symbol, or corporate actions that adjusted prices have taken in.
        """
        catalogue, elsewhere = self._catalogue, "fetch them alike, or use another --data folder"
        if name in catalogue.made_up():
            message = f"{name} has made-up bars in {catalogue.path}; real ones would mix with them"
            raise UserError(message, "use another --data folder")
        for interval, before in self._notes.origins(name).items():
            # One adjustment for all intervals: the catalogue's splits are for all of them.
            if before.adjustment != origin.adjustment or (interval == self._job.interval and before != origin):
                message = f"{interval} bars of {name} are in the catalogue from {before}; {origin} would mix with them"
                raise UserError(message, elsewhere)
        if origin.adjustment != "raw" and catalogue.actions(name):
            message = f"{name} has splits or dividends in {catalogue.path}; adjusted prices would count them twice"
            raise UserError(message, elsewhere)

    def _origin_of(self, kind: AssetClass) -> Origin:
        """Pairs have one feed and nothing to adjust."""
        return Origin(SOURCE, "us", "raw") if kind is AssetClass.CRYPTO else self._origin

    def _stretch(self, instrument: Instrument) -> Span:
        """The moments at which wanted bars may open; bars that may still change are not wanted.

        Raises:
            UserError: there is none.
        """
        job, calendar = self._job, instrument.calendar
        start, end = day_start(calendar, job.start), day_start(calendar, job.end, plus_days=1)
        if not len(sessions_between(calendar, start, end)):
            raise UserError(f"{calendar} has no session from {job.start} to {job.end}", "choose days on which the market is open")
        reached = _reached(instrument, job.interval, self._now - SETTLED)
        if min(end, reached) <= start:
            raise UserError(f"nothing from {job.start} on has settled yet", "ask for earlier days, or again in half an hour")
        return start, min(end, reached)

    async def run(self) -> list[FetchReport]:
        """Fetch what is missing, and tell what came of each symbol.

        Raises:
            VenueError: the venue does not want, or cannot be reached; what is complete by then is in the catalogue.
            OSError: the disk refuses.
        """
        await self._fetch_actions()
        for span, crypto, names in list(self._batches()):
            await self._fetch(names, span, crypto)
        self._tell(1.0, "")
        return [series.report for series in self._series.values()]

    async def _fetch_actions(self) -> None:
        """Store splits and dividends. They come first: a fetch that is interrupted later must not leave prices without them."""
        job = self._job
        if not job.actions or job.adjustment != "raw":
            return
        waiting = iter(series.name for series in self._series.values() if series.spans and series.kind is AssetClass.EQUITY)
        while names := list(islice(waiting, SYMBOLS_AT_ONCE)):
            try:
                found = await self._history.actions(names, job.start, job.end, self._retries, self._wait)
            except Refused as error:
                self._series[names[0]].report.notes.append(f"splits and dividends are missing: {error}")
                continue
            for name in names:
                self._store_actions(self._series[name].report, [raw for raw in found if raw.symbol == name])

    def _store_actions(self, report: FetchReport, found: list[RawAction]) -> None:
        actions = []
        for raw in found:
            try:
                actions.append(to_action(raw))
            except (ValueError, ArithmeticError):
                report.left_out["a corporate action that cannot be true"] += 1
        if actions:
            self._catalogue.write_actions(report.symbol, actions)
        report.splits = sum(isinstance(action, Split) for action in actions)
        report.dividends = len(actions) - report.splits

    def _batches(self) -> Iterator[tuple[Span, bool, list[str]]]:
        """Stretches of time, each with the symbols that miss it; oldest first, so that a symbol's first bars come first."""
        wanted: dict[tuple[Span, bool], list[str]] = {}
        for series in self._series.values():
            for span in series.spans:
                wanted.setdefault((span, series.kind is AssetClass.CRYPTO), []).append(series.name)
        for (span, crypto), names in sorted(wanted.items()):
            waiting = iter(sorted(names))
            while chunk := list(islice(waiting, SYMBOLS_AT_ONCE)):
                yield span, crypto, chunk

    async def _fetch(self, names: Sequence[str], span: Span, crypto: bool) -> None:
        """Fetch one stretch for some symbols. Where the venue refuses the request, find the symbol that it does not want."""
        open_names = [name for name in names if not self._series[name].report.refusal]
        if not open_names:
            return
        try:
            await self._read(open_names, span, crypto)
        except Refused as error:
            left = [name for name in open_names if span in self._series[name].spans]
            if len(left) == 1:
                self._series[left[0]].report.refusal = str(error)
                return
            for half in (left[: len(left) // 2], left[len(left) // 2 :]):
                await self._fetch(half, span, crypto)

    async def _read(self, names: Sequence[str], span: Span, crypto: bool) -> None:
        """Read all pages. They come symbol by symbol, so a symbol is complete when another one begins."""
        job = self._job
        query = DataQuery("bars", tuple(names), *span, crypto, job.seconds, job.adjustment)
        current, rows = "", list[RawBar]()
        finished: set[str] = set()
        async for page in self._history.pages(query, self._retries, self._wait):
            for name, faults in page.faults.items():
                self._series[name or names[0]].report.left_out.update(faults)
            for name, records in page.records.items():
                if name != current:
                    self._finish(current, span, rows, finished)
                    current, rows = name, []
                if name in finished:
                    raise Unanswered("Alpaca's pages are not in the order of symbols")
                rows += _bars(records)
            self._progress(current, span, rows)
        self._finish(current, span, rows, finished)
        for name in names:
            self._finish(name, span, [], finished)

    def _finish(self, name: str, span: Span, rows: list[RawBar], finished: set[str]) -> None:
        """Store what came of a symbol for a stretch, once it is complete."""
        if not name or name in finished:
            return
        finished.add(name)
        series, job = self._series[name], self._job
        stored = self._store(series, span, rows) if rows else False
        series.empty[span] = stored
        if series.stored is not None and (stored or job.interval in self._catalogue.intervals(name)):
            # Until a first bar has come nobody knows whether there is such a symbol at all: nothing is noted before.
            self._notes.note(name, job.interval, self._origin_of(series.kind), series.empty)
            series.empty = {}
        series.spans.remove(span)
        self._done += span[1] - span[0]

    def _store(self, series: _Series, span: Span, rows: list[RawBar]) -> bool:
        """Write bars to the catalogue; tells whether any could be used."""
        report, job = series.report, self._job
        instrument = series.stored
        if instrument is None:
            instrument, notes = instrument_for(series.name, series.kind, rows, job.wishes, job.adjustment)
            report.notes += notes
        made = to_bars(instrument, rows, job.interval, span)
        report.left_out.update(made.left_out)
        report.rounded += made.rounded
        if not made.bars.height:
            return False
        written = self._catalogue.write_bars(instrument, job.interval, made.bars)
        series.stored = instrument
        report.added += written.added
        report.replaced += written.replaced
        report.unchanged += written.unchanged
        first, last = int(made.bars["open_time"][0]), int(made.bars["close_time"][-1])
        report.first = min(report.first or first, first)
        report.last = max(report.last, last)
        return True

    def _progress(self, name: str, span: Span, rows: list[RawBar]) -> None:
        within = max(min(rows[-1].time, span[1]) - span[0], 0) if rows else 0
        self._words = f"{name} {utc(span[0]):%Y-%m}" if name else self._words
        self._tell((self._done + within) / max(self._total, 1), self._words)

    def _wait(self, words: str) -> None:
        self._tell(self._done / max(self._total, 1), words)


def _bars(records: Sequence[Raw]) -> list[RawBar]:
    return [record for record in records if isinstance(record, RawBar)]


def _check(job: FetchJob) -> None:
    if not timeframe(job.seconds):
        raise UserError(f"Alpaca has no bars of {job.interval}", "choose 1m, 2m, 5m, 10m, 15m, 30m, 1h or 1d")
    if job.end < job.start:
        raise UserError(f"the last day {job.end} is before the first day {job.start}", "swap --from and --to")
    names = [name for name, _ in job.symbols]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"{', '.join(twice)} is given twice", "give each symbol once")
    other = [name for name, kind in job.symbols if kind not in (AssetClass.EQUITY, AssetClass.CRYPTO)]
    if other:
        raise UserError(f"{other[0]} is neither a stock nor a pair", "Alpaca's stocks are written like AAPL, pairs like BTC/USD")


def _reached(instrument: Instrument, interval: str, settled: int) -> int:
    """The moment before which bars have to open so that they have closed by another one."""
    if interval != DAILY:
        return settled // interval_ns(interval) * interval_ns(interval)
    if instrument.asset_class is AssetClass.CRYPTO:
        settled -= LATE_DAYS
    zone = ZoneInfo(time_zone(instrument.calendar))
    return day_start(instrument.calendar, utc(settled).astimezone(zone).date())
