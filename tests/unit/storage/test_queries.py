"""What people read of the database."""

from __future__ import annotations

from datetime import date

import pytest
from databases import MOMENT, order, order_event, step, trade
from sqlalchemy.exc import DBAPIError

from algotrader.storage import queries
from algotrader.storage.backtests import BacktestRun, BacktestTrade, store_run, stored_run, stored_runs, stored_trades
from algotrader.storage.records import Batch, CashRow, ReportRow, StoreFailed
from algotrader.storage.sql_store import SqlStore
from algotrader.storage.times import NS, day_bounds, from_iso, to_iso


@pytest.mark.covers("A52")
def test_an_order_is_found_by_the_venues_id(store: SqlStore) -> None:
    entry_order, stop = order("a-1"), order("a-2", order_role="stop_loss", parent_id="a-1", created_at=MOMENT + 5)
    store.commit(Batch(orders=[stop, entry_order, order("a-3", correlation_id="a-c2")]))
    database = store.database
    found = queries.order_by_broker_id(database, "venue-a-2")
    assert found is not None
    assert (found.local_id, found.order_role, found.correlation_id) == ("a-2", "stop_loss", "a-c1")
    assert queries.order_by_broker_id(database, "venue-a-9") is None
    assert queries.order(database, "a-1") == entry_order
    assert queries.correlated_orders(database, "a-c1") == [entry_order, stop]
    assert queries.orders(database, correlation_id="a-c1") == [stop, entry_order]


def test_orders_by_state_symbol_and_strategy(store: SqlStore) -> None:
    made = [
        order(f"a-{n}", state=state, symbol=symbol, strategy=strategy, created_at=MOMENT + n)
        for n, (state, symbol, strategy) in enumerate(
            [
                ("filled", "AAPL", "velez"),
                ("accepted", "AAPL", "other"),
                ("accepted", "TSLA", "velez"),
                ("unknown", "TSLA", "velez"),
            ]
        )
    ]
    store.commit(Batch(orders=made))

    def ids(**narrow: object) -> list[str]:
        return [each.local_id for each in queries.orders(store.database, **narrow)]  # type: ignore[arg-type]

    assert ids() == ["a-3", "a-2", "a-1", "a-0"]
    assert ids(states=["accepted", "unknown"], symbol="TSLA") == ["a-3", "a-2"]
    assert ids(strategy="other") == ["a-1"]
    assert ids(limit=2, offset=1) == ["a-2", "a-1"]
    assert ids(states=["rejected"]) == []


@pytest.mark.covers("A150")
def test_an_orders_state_and_its_history_are_there_when_a_commit_returns(store: SqlStore) -> None:
    batch = step(1)
    store.commit(batch)
    batch = Batch(orders=[order("a-3", 3, state="filled")], order_events=[order_event("a-3", "fill", MOMENT + 1)])
    store.commit(batch)
    found = queries.order(store.database, "a-3")
    assert found is not None
    assert found.state == "filled"
    assert [each.event_type for each in queries.order_events(store.database, "a-3")] == ["submitted", "fill"]


def test_round_trips_of_a_day(store: SqlStore) -> None:
    since, until = day_bounds(date(2024, 3, 11))
    # The day after the clocks went forward begins at 04:00 UTC.
    assert (to_iso(since)[:16], to_iso(until)[:16]) == ("2024-03-11T04:00", "2024-03-12T04:00")
    exits = {"t-0": since - 1, "t-1": since, "t-2": since + NS // 2, "t-3": until}
    store.commit(Batch(trades=[trade(name, exit_at=at, strategy="velez" if name < "t-2" else "x") for name, at in exits.items()]))

    def ids(**narrow: object) -> list[str]:
        return [each.trade_id for each in queries.round_trips(store.database, **narrow)]  # type: ignore[arg-type]

    assert ids() == ["t-3", "t-2", "t-1", "t-0"]
    assert ids(since=since, until=until) == ["t-2", "t-1"]
    assert ids(since=since, until=until, strategy="x") == ["t-2"]
    assert ids(symbol="TSLA") == []
    assert ids(limit=1, offset=3) == ["t-0"]


@pytest.mark.covers("A187")
def test_notes_on_a_round_trip(store: SqlStore) -> None:
    database = store.database
    store.commit(Batch(trades=[trade("t-1")]))
    note = queries.add_note(database, "t-1", "too early", MOMENT)
    second = queries.add_note(database, "t-1", "but right", MOMENT + 1)
    edited = queries.edit_note(database, note.id, "much too early", MOMENT + 9)
    assert (edited.note, edited.created_at, edited.updated_at) == ("much too early", MOMENT, MOMENT + 9)
    assert queries.notes(database, "t-1") == [edited, second]
    with pytest.raises(StoreFailed, match="no round trip t-2"):
        queries.add_note(database, "t-2", "x", MOMENT)
    with pytest.raises(StoreFailed, match="no note 77"):
        queries.edit_note(database, 77, "x", MOMENT)
    with pytest.raises(DBAPIError), database.engine.connect() as connection:
        connection.exec_driver_sql("INSERT INTO trade_note VALUES (9, 't-9', 'x', 'x', 'x')")


def test_activity_newest_first(store: SqlStore) -> None:
    told = [ReportRow(MOMENT + n, kind, "info", "velez", "AAPL", f"no. {n}", "", "c") for n, kind in enumerate("abab")]
    store.commit(Batch(reports=told))
    found = queries.recent_activity(store.database)
    assert [each.report for each in found] == told[::-1]
    assert [each.report.message for each in queries.recent_activity(store.database, before=found[1].id)] == ["no. 1", "no. 0"]
    assert [each.report.message for each in queries.recent_activity(store.database, kinds=["b"], limit=1)] == ["no. 3"]
    assert queries.recent_activity(store.database, symbol="TSLA") == []


def test_cash_movements(store: SqlStore) -> None:
    moved = [CashRow(MOMENT + n, "dividend", "USD", "0.10", "AAPL") for n in range(3)]
    store.commit(Batch(cash=moved))
    assert queries.cash_movements(store.database) == moved[::-1]
    assert queries.cash_movements(store.database, since=MOMENT + 1, until=MOMENT + 2) == moved[1:2]


@pytest.mark.covers("A190")
def test_changed_settings_remember_what_they_were(store: SqlStore) -> None:
    database = store.database
    assert queries.overrides(database) == []
    first = queries.set_override(database, "risk.max_daily_loss_pct", "0.02", MOMENT)
    assert (first.previous_value, first.updated_at) == (None, MOMENT)
    second = queries.set_override(database, "risk.max_daily_loss_pct", "0.04", MOMENT + 1)
    assert (second.value, second.previous_value, second.updated_at) == ("0.04", "0.02", MOMENT + 1)
    other = queries.set_override(database, "log.level", "debug", MOMENT)
    assert queries.overrides(database) == [other, second]
    assert queries.clear_override(database, "log.level")
    assert not queries.clear_override(database, "log.level")
    assert queries.overrides(database) == [second]


def run(number: int) -> BacktestRun:
    return BacktestRun(
        strategy="velez",
        symbols=("AAPL", "BTC/USDT"),
        start_date=MOMENT,
        end_date=MOMENT + NS,
        initial_capital="25000.000000000000000001",
        params={"slow": 20, "fast": 5},
        total_return=0.1 * number,
        win_rate=0.5,
        profit_factor=9999.99,
        sharpe_ratio=-0.5,
        max_drawdown=0.25,
        total_trades=2,
        equity_curve=((MOMENT, 25000.0), (MOMENT + NS, 25100.25)),
        created_at=MOMENT + number,
    )


@pytest.mark.covers("A188", "A189")
def test_backtests(store: SqlStore) -> None:
    database = store.database
    trades = [BacktestTrade("AAPL", "long", "10", "185.1", "186", MOMENT, MOMENT + n, "9", 90) for n in range(3)]
    first = store_run(database, run(1), trades)
    second = store_run(database, run(2), [])
    assert stored_runs(database) == [(second, run(2)), (first, run(1))]
    assert stored_runs(database, limit=1, offset=1) == [(first, run(1))]
    assert stored_run(database, first) == run(1)
    assert stored_run(database, 99) is None
    assert stored_trades(database, first) == trades
    assert stored_trades(database, second) == []
    with database.reading() as connection:
        row = connection.exec_driver_sql("SELECT symbols, params, equity_curve, start_date FROM backtest_run WHERE id = 1").one()
    assert tuple(row) == (
        '["AAPL", "BTC/USDT"]',
        '{"fast": 5, "slow": 20}',
        f'[["{to_iso(MOMENT)}", 25000.0], ["{to_iso(MOMENT + NS)}", 25100.25]]',
        to_iso(MOMENT),
    )


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (MOMENT, "2024-01-02T14:30:00.123456789Z"),
        (253_402_300_799 * NS, "9999-12-31T23:59:59.000000000Z"),
    ],
)
def test_times_as_text(moment: int, text: str) -> None:
    assert to_iso(moment) == text
    assert from_iso(text) == moment
