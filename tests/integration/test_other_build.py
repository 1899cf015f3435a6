"""A session that goes on with the books of one whose code, parameters, strategies or symbols were others."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from restart_rig import SYMBOLS, VENUES, Account
from sqlalchemy import update

from algotrader.cli.main import root
from algotrader.core import reports
from algotrader.core.engine import Engine
from algotrader.core.events import OperatorCommand
from algotrader.core.risk import RiskPolicy
from algotrader.live.books import held_symbols
from algotrader.live.recovery import OTHER_BUILD, REPLAYED
from algotrader.live.session import Session
from algotrader.rehearsal.restless import Restless
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.storage import checksums
from algotrader.storage.records import StoreFailed
from algotrader.storage.row_forms import SNAPSHOT
from algotrader.storage.sql_store import open_store
from algotrader.storage.tables import journal, snapshot


class Patient(Restless):
    """Another strategy."""

    name = "patient"


def books(engine: Engine) -> dict[str, Any]:
    """What must not be lost, in plain values."""
    state = engine.state
    orders = {
        name: (
            order.client_order_id,
            order.state,
            order.quantity_raw,
            order.filled_raw,
            order.filled_value,
            order.stop_raw,
            order.limit_raw,
            order.owner,
            order.role,
            order.correlation_id,
            order.planned_stop_raw,
            order.cancel_requested,
            [leg.leg_id for leg in order.legs if not leg.abandoned],
            order.replacements,
        )
        for name, order in state.orders.items()
    }
    held = {
        (holding.owner, holding.instrument.symbol): (
            holding.quantity_raw,
            holding.position.average_raw(),
            holding.stop_raw if holding.quantity_raw else 0,
            holding.stop_order.client_order_id if holding.stop_order is not None else "",
            holding.entry_order.client_order_id if holding.entry_order is not None else "",
            holding.correlation_id,
        )
        for holding in state.holdings.values()
    }
    return {
        "cash": state.ledger.cash,
        "orders": orders,
        "live": sorted(state.live_orders),
        "held": held,
        "trips": [(trip.trip_id, trip.profit, trip.correlation_id) for trip in state.ledger.trips],
        "booked": sorted(state.ledger.booked),
        "counters": (state.order_count, state.correlation_count),
        "breaker": (state.breaker.realized, state.breaker.losses_in_row, state.breaker.start_equity),
    }


def agrees(account: Account, session: Session) -> None:
    """Ours and the venue's books are the same, and what is held has its stop there, once."""
    state = session.engine.state
    for symbol in SYMBOLS:
        ours = state.ledger.net_quantity(symbol)
        venue = sum(position.quantity_raw for position in account.exchange.positions() if position.symbol == symbol)
        assert ours == venue, symbol
        assert account.working_stops(symbol) == venue, symbol
    assert len(account.exchange.fills(0)) == len({fill.fill_id for fill in account.exchange.fills(0)})
    ids = [outgoing.command.client_order_id for outgoing in account.sent if type(outgoing.command).__name__ == "SubmitOrder"]
    assert len(ids) == len(set(ids))


End = Callable[[Account, Session], Coroutine[Any, Any, None]]


@pytest.mark.covers("B43")
@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("end", [Account.end, Account.die], ids=["ended", "died"])
@pytest.mark.parametrize("moment", [17.3, 63.7])
def test_other_parameters_lose_nothing(tmp_path: Path, venue: str, end: End, moment: float) -> None:
    async def play() -> None:
        account = Account(tmp_path, VENUES[venue])
        first = account.session("one")
        account.start(first)
        await account.until(moment)
        await end(account, first)
        before = books(first.engine)
        assert before["orders"]
        assert any(held[0] for held in before["held"].values())
        second = account.session("two", stop_pct="0.6", enter_every=4)
        assert second.recovered.how == OTHER_BUILD
        after = books(second.engine)
        for what, value in before.items():
            assert after[what] == value, what
        account.told.clear()
        account.reports.clear()
        account.start(second)
        await account.until(moment + 4)
        assert second.state == "running"
        assert not [line for line in account.told if line[1] in ("error", "critical")], account.told
        assert second.vitals.last_reconciliation
        assert not [report for report in account.reports if "difference" in str(report)]
        assert all(getattr(slot, "bars", 0) > 5 for slot in second.engine.state.slots)
        trips = len(second.engine.state.ledger.trips)
        await account.until(moment + 30)
        assert len(second.engine.state.ledger.trips) > trips
        await account.end(second)
        agrees(account, second)
        third = account.session("two", stop_pct="0.6", enter_every=4)
        assert third.recovered.how == REPLAYED
        assert third.recovered.difference is None
        assert books(third.engine) == books(second.engine)

    run_virtually(play())


@pytest.mark.covers("B43")
@pytest.mark.parametrize("end", [Account.end, Account.die], ids=["ended", "died"])
def test_what_a_strategy_left_behind_keeps_its_stop_until_it_is_closed(tmp_path: Path, end: End) -> None:
    async def play() -> None:
        account = Account(tmp_path)
        first = account.session("one", leave_every=1000)
        account.start(first)
        await account.until(40.3)
        await end(account, first)
        held = {h.instrument.symbol: h for h in first.engine.state.holdings.values() if h.quantity_raw}
        assert len(held) > 1
        store = open_store(account.url)
        assert set(held) <= set(held_symbols(store)) <= set(SYMBOLS)
        store.close()
        second = account.session("two", kind=Patient)
        left = {h.instrument.symbol: h for h in second.engine.state.holdings.values() if h.owner == "restless"}
        for symbol, holding in held.items():
            now = left[symbol]
            assert now.slot is None
            assert now.managed
            assert (now.quantity_raw, now.stop_raw) == (holding.quantity_raw, holding.stop_raw)
        notes = [note for note in second.recovered.notes if "restless" in note]
        assert len(notes) >= len(held)
        account.start(second)
        await account.until(43)
        for note in notes:
            assert ("recovered", "warning", note) in account.told
        assert not any(
            order.owner == "restless" and order.role.value == "entry" for order in second.engine.state.live_orders.values()
        )
        for symbol in held:
            if left[symbol].quantity_raw:
                assert account.working_stops(symbol) >= left[symbol].quantity_raw
        second.put(OperatorCommand(account.clock.now(), "flatten", "test", "enough"))
        await account.until(45)
        assert all(holding.quantity_raw == 0 for holding in left.values())
        await account.end(second)
        entries = [o for o in second.engine.state.orders.values() if o.owner == "restless" and o.role.value == "entry"]
        assert {o.client_order_id for o in entries} <= set(first.engine.state.orders)
        agrees(account, second)

    run_virtually(play())


def test_a_strategy_that_a_person_has_switched_off_stays_off(tmp_path: Path) -> None:
    async def play() -> None:
        account = Account(tmp_path)
        first = account.session("one")
        account.start(first)
        await account.until(10)
        first.put(OperatorCommand(account.clock.now(), "disable", "test", "why not", owner="restless"))
        await account.until(11)
        await account.die(first)
        second = account.session("two")
        assert [slot.enabled for slot in second.engine.state.slots] == [False] * 3
        account.start(second)
        await account.until(12)
        await account.end(second)
        third = account.session("three")
        assert [slot.enabled for slot in third.engine.state.slots] == [False] * 3

    run_virtually(play())


@pytest.mark.covers("A95", "A154", "A227")
def test_the_breaker_counts_the_day_as_if_nothing_had_happened(tmp_path: Path) -> None:
    async def play() -> None:
        account = Account(tmp_path)
        first = account.session("one")
        account.start(first)
        await account.until(75)
        await account.end(first)
        before = first.engine.state.breaker
        assert before.losses_in_row or before.realized
        strict = RiskPolicy(consecutive_loss_pause=1_000, max_daily_loss=Decimal("0.0001"), breaker_for_all=True)
        second = account.session("two", policy=strict)
        account.start(second)
        await account.until(77)
        now = second.engine.state.breaker
        same = [r for r in account.reports if r.kind == reports.BREAKER_RESTORED]
        assert len(same) == 1
        later = [t.profit for t in second.engine.state.ledger.trips[len(first.engine.state.ledger.trips) :]]
        assert now.realized == before.realized + sum(later)
        assert now.start_equity == before.start_equity
        assert now.tripped == (before.realized < -before.start_equity // 10_000)
        await account.end(second)

    run_virtually(play())


@pytest.mark.covers("B43")
def test_without_a_snapshot_that_can_be_read_the_journal_tells_everything(tmp_path: Path) -> None:
    async def play() -> None:
        account = Account(tmp_path)
        first = account.session("one")
        account.start(first)
        await account.until(40.3)
        await account.end(first)
        before = books(first.engine)
        _spoil_snapshots(account.url)
        second = account.session("two")
        after = books(second.engine)
        for what, value in before.items():
            assert after[what] == value, what
        assert "the whole journal" in second.recovered.notes[0]
        account.start(second)
        await account.until(50)
        await account.end(second)
        agrees(account, second)

    run_virtually(play())


def test_a_snapshot_that_cannot_be_read_without_a_journal_is_told_in_a_line(tmp_path: Path) -> None:
    async def play() -> None:
        account = Account(tmp_path)
        first = account.session("one")
        account.start(first)
        await account.until(10)
        await account.end(first)
        store = open_store(account.url)
        assert store.prune(store.last_sequence())
        store.close()
        _spoil_snapshots(account.url)
        with pytest.raises(StoreFailed, match="cannot be read, and the journal before it is gone"):
            account.session("two")

    run_virtually(play())


def test_a_damaged_entry_is_told_in_a_line_and_nothing_changes(tmp_path: Path) -> None:
    async def play() -> None:
        account = Account(tmp_path)
        first = account.session("one")
        account.start(first)
        await account.until(20)
        await account.die(first)
        store = open_store(account.url)
        with store.database.writing() as connection:
            connection.exec_driver_sql("DROP TRIGGER journal_no_update")
            connection.execute(update(journal).where(journal.c.sequence == 30).values(payload=b"?"))
        for build in ("one", "two"):
            with pytest.raises(StoreFailed, match="entry 30 is damaged"):
                account.session(build)
        assert store.last_sequence() == first._wired.inbox.sequence
        store.close()

    run_virtually(play())
    file = tmp_path / "account.db"
    store = open_store(f"sqlite:///{file}")
    before = store.last_sequence()
    found = CliRunner().invoke(root, ["start", "--database", str(file), "--port", "0", "--speed", "60"])
    assert found.exit_code == 2
    (line,) = [line for line in found.stderr.splitlines() if line.startswith("error: ")]
    assert line.endswith("journal entry 30 is damaged; restore a backup")
    assert "Traceback" not in found.output
    assert store.last_sequence() == before
    store.close()


def _spoil_snapshots(url: str) -> None:
    """As an older program would have written them: with a right sum, but not as this one reads them."""
    store = open_store(url)
    with store.database.writing() as connection:
        connection.execute(update(snapshot).values(payload=b"other"))
        for row in connection.execute(SNAPSHOT.select().add_columns(snapshot.c.id)).fetchall():
            spoiled = checksums.of_snapshot(SNAPSHOT.row(row))
            connection.execute(update(snapshot).where(snapshot.c.id == row[-1]).values(checksum=spoiled))
    store.close()
