"""A day of an account's journal compared with a backtest of it: the journal is replayed, the backtest starts from its state."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from algotrader.errors import UserError

_SAME_CODE: Final = "a comparison needs the code and the strategies that the session had; `algo-trader replay` shows the difference"

if TYPE_CHECKING:
    from algotrader.assembly import Assembly
    from algotrader.history.catalogue import Catalogue
    from algotrader.live.replaying import Replay
    from algotrader.live.setup import SessionSetup
    from algotrader.research.divergence.comparison import Divergence
    from algotrader.research.divergence.rerun import Row
    from algotrader.research.divergence.session import SessionDay
    from algotrader.research.options import BacktestOptions
    from algotrader.storage.sql_store import SqlStore


def compare_day(
    store: SqlStore, day: date | None, catalogue: Catalogue | None, options: BacktestOptions, progress: Any = None
) -> tuple[Divergence, SessionDay]:
    """Compare a day.

    Args:
        store: the account's database.
        day: of the instruments' calendar; None for the last one with bars.
        catalogue: where the backtest's bars come from; None for those that the session had.
        options: what the backtest assumes of its venue; capital, rules and limits are those of the session.
        progress: called with the fraction done and a word.

    Raises:
        UserError: there is no such day, or it cannot be replayed or backtested.
    """
    from algotrader.storage.snapshots import CannotRestore

    found, setup = read_day(store, day, progress)
    assembly = setup.assemble()
    try:
        return found.compare(assembly, rows_for(found, assembly, catalogue), options.settings(assembly.models)), found
    except CannotRestore as error:
        raise UserError(f"the session's state does not fit the strategies any more: {error}", _SAME_CODE) from None


def read_day(store: SqlStore, day: date | None, progress: Any = None) -> tuple[SessionDay, SessionSetup]:
    """The session's side of a day, and what its engine was made of.

    Raises:
        UserError: there is no such day, or it cannot be replayed.
    """
    from algotrader.live.replaying import Replay
    from algotrader.research.divergence.session import SessionDay

    start, end, first, setup = _bounds(store, day)
    found = SessionDay(start, end)
    _replay(Replay(store, first), found, progress)
    if found.beginning is None or not found.has_bars:
        raise UserError("the session had no bars on that day", "`algo-trader journal` shows what it had; give another --day")
    return found, setup


def rows_for(found: SessionDay, assembly: Assembly, catalogue: Catalogue | None) -> list[Row]:
    """The bars of the backtest: those of a catalogue, or those that the session had."""
    from algotrader.research.divergence.rerun import catalogue_rows

    if catalogue is None:
        return found.rows(assembly)
    assert found.beginning is not None
    return catalogue_rows(catalogue, assembly.base, assembly.instruments, found.beginning, found.end, assembly.wants_extended)


def _bounds(store: SqlStore, day: date | None) -> tuple[int, int, int, SessionSetup]:
    """When a day begins and ends, the number of its first event, and what the session was made of then."""
    from algotrader.history.calendars import day_start
    from algotrader.live.setup import stretches
    from algotrader.storage.records import StoreFailed

    setups = stretches(store)
    if not setups:
        raise StoreFailed(f"{store.database.name}: no session has written down what it was made of")
    calendar = setups[-1].setup.instruments[0].calendar
    if day is None:
        newest = max((entry.time for entry in store.journal(0) if entry.kind == "MarketData"), default=0)
        if not newest:
            raise UserError("the journal has no bars", "`algo-trader start` begins a session")
        day = _day_of(calendar, newest)
    start, end = day_start(calendar, day), day_start(calendar, day, plus_days=1)
    first = _first_event(store, start)
    setup = [stretch for stretch in setups if stretch.after < first][-1:] or setups[:1]
    return start, end, first, setup[0].setup


def _day_of(calendar: str, moment: int) -> date:
    """The day of a calendar in which a moment lies."""
    from algotrader.core.market import utc
    from algotrader.history.calendars import day_start

    day = utc(moment).date() + timedelta(days=1)
    while day_start(calendar, day) > moment:
        day -= timedelta(days=1)
    return day


def _first_event(store: SqlStore, start: int) -> int:
    """Number of the first event of a day; the last one where there is none."""
    number = 1
    for entry in store.journal(0):
        number = entry.sequence
        if entry.time >= start:
            break
    return number


def _replay(replay: Replay, found: SessionDay, progress: Any) -> None:
    from algotrader.storage.snapshots import CannotRestore
    from algotrader.strategies.parameters import ParameterError
    from algotrader.strategies.registry import UnknownStrategy

    try:
        for step in replay.steps():
            if step.difference is not None:
                raise UserError(f"the journal does not replay: {step.difference}", _SAME_CODE)
            assert replay.assembly is not None
            if step.entry.time > found.end:
                break
            found.take(step.event, step.entry.time, step.reports, replay.assembly.engine)
            if progress is not None and step.entry.sequence % 500 == 0:
                progress(step.entry.sequence / replay.last, f"event {step.entry.sequence:,}")
    except CannotRestore as error:
        raise UserError(f"a snapshot does not fit: {error}", _SAME_CODE) from None
    except (UnknownStrategy, ParameterError) as error:
        raise UserError(str(error), _SAME_CODE) from None
