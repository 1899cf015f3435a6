"""The rows that people read: every order as it stands, everything that happened to it, round trips, cash, activity."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from engine_rig import START
from rows_rig import RowsRig

from algotrader.core.events import CashMovement, Dividend, OrderCancel, OrderFill, OrderTriggered, Split
from algotrader.core.instruments import ALPACA_LIKE
from algotrader.core.orders import Side
from algotrader.core.reports import CRITICAL, INFO, WARNING, Report
from algotrader.core.scaled import money
from algotrader.live.activity import QUIET_NS, Activity


def held(quantity: int = 100) -> RowsRig:
    """A rig that holds AAPL bought at 100 (order a1), with its stop at 98 (order a2) accepted."""
    rig = RowsRig()
    rig.hold(rig.strategy(), quantity=quantity)
    rig.ack("a2")
    return rig


def tell_nothing(rig: RowsRig) -> None:
    """No answer at all."""


def fill_partly(rig: RowsRig) -> None:
    rig.ack("a1")
    rig.fill("a1", 40, "100")


def fill_late(rig: RowsRig) -> None:
    rig.ack("a1")
    rig.cancelled("a1", "gone")
    rig.fill("a1", 100, "100")


def fill_twice(rig: RowsRig) -> None:
    rig.ack("a1")
    rig.fill("a1", 40, "100", fill_id="x")
    rig.fill("a1", 40, "100", fill_id="x")


def infer_fill(rig: RowsRig) -> None:
    rig.ack("a1")
    rig.fill("a1", 100, "100", provisional=True)


def bust(rig: RowsRig) -> None:
    rig.ack("a1")
    rig.fill("a1", 100, "100", fill_id="x")
    rig.bust("a1", "x")


def lose_track(rig: RowsRig) -> None:
    rig.unknown("a1")
    rig.ack("a1")


STORIES: list[tuple[str, Callable[[RowsRig], object], list[str]]] = [
    ("nothing said", tell_nothing, []),
    ("handed over", lambda rig: rig.submitted("a1"), ["submitted pending_submit>submitted"]),
    ("accepted", lambda rig: rig.ack("a1"), ["accepted pending_submit>accepted"]),
    ("rejected", lambda rig: rig.reject("a1"), ["rejected pending_submit>rejected"]),
    ("never sent", lambda rig: rig.failed("a1"), ["failed pending_submit>submit_failed"]),
    ("unknown, then found", lose_track, ["unknown pending_submit>unknown", "accepted unknown>accepted"]),
    ("filled before accepted", lambda rig: rig.fill("a1", 100, "100"), ["fill pending_submit>filled"]),
    ("partly filled", fill_partly, ["accepted pending_submit>accepted", "partial_fill accepted>partially_filled"]),
    (
        "filled after its end",
        fill_late,
        ["accepted pending_submit>accepted", "canceled accepted>canceled", "late_fill canceled>filled"],
    ),
    (
        "told twice",
        fill_twice,
        [
            "accepted pending_submit>accepted",
            "partial_fill accepted>partially_filled",
            "duplicate_fill partially_filled>partially_filled",
        ],
    ),
    ("inferred", infer_fill, ["accepted pending_submit>accepted", "reconciled accepted>filled"]),
    ("busted", bust, ["accepted pending_submit>accepted", "fill accepted>filled", "fill_busted filled>canceled"]),
    ("expired", lambda rig: rig.expired("a1"), ["expired pending_submit>pending_submit"]),
]


@pytest.mark.covers("A182", "A185", "B32")
@pytest.mark.parametrize(("act", "story"), [case[1:] for case in STORIES], ids=[case[0] for case in STORIES])
def test_what_happens_to_an_order_is_written_with_old_and_new_state(act: Callable[[RowsRig], object], story: list[str]) -> None:
    rig = RowsRig()
    rig.enter(rig.strategy())
    act(rig)
    if story == ["expired pending_submit>pending_submit"]:
        # Whatever the table makes of it, the row says what the order is now.
        story = [f"expired pending_submit>{rig.state.orders['a1'].state.value}"]
    assert rig.story("a1") == ["created ->pending_submit", *story]
    assert rig.row("a1").state == rig.state.orders["a1"].state.value
    recorded = [row.sequence for row in rig.batch.order_events]
    assert recorded == sorted(recorded)


@pytest.mark.covers("A182", "A118")
def test_an_order_row_has_every_column() -> None:
    rig = RowsRig()
    rig.enter(rig.strategy("morning"), quantity=100, stop="98")
    rig.ack("a1")
    rig.fill("a1", 40, "100.01")
    rig.fill("a1", 20, "100.02")
    row = rig.row("a1")
    order = rig.state.orders["a1"]
    assert (row.local_id, row.broker_id, row.correlation_id) == ("a1", "v-a1", order.correlation_id)
    assert row.correlation_id
    assert (row.symbol, row.side, row.order_type, row.order_role, row.strategy) == ("AAPL", "buy", "market", "entry", "morning")
    assert (row.qty_requested, row.qty_filled, row.avg_fill_price) == ("100", "60", "100.013333")
    assert (row.state, row.parent_id, row.submit_attempts, row.last_error) == ("partially_filled", None, 1, "")
    assert row.planned_stop_price == "98.0000"
    assert START <= row.created_at <= row.updated_at


@pytest.mark.covers("A184")
def test_versions_only_ever_rise_and_parents_and_errors_are_kept() -> None:
    rig = RowsRig(capabilities=ALPACA_LIKE)
    rig.enter(rig.strategy())
    rig.reject("a1", reason="no such account")
    assert rig.row("a1").last_error == "no such account"
    assert rig.row("a1-sl").parent_id == "a1"
    assert rig.names("a1-sl") == ["created", "failed"]
    for name in ("a1", "a1-sl"):
        versions = [row.version for row in rig.batch.orders if row.local_id == name]
        assert versions == sorted(set(versions))


def test_requests_that_leave_and_their_answers_are_written() -> None:
    rig = RowsRig()
    script = rig.strategy()
    rig.hold(script)
    rig.ack("a2")
    script.new_stop = Decimal(99)
    assert rig.bar("101") == ["replace a2 by a2-r1: 100 stop 99.00"]
    rig.no_replace("a2-r1")
    rig.bar("101.5")
    rig.replaced("a2", "a2-r2")
    assert rig.names("a2") == [
        "created",
        "accepted",
        "replace_requested",
        "replace_rejected",
        "replace_requested",
        "replaced",
    ]
    details = [row.detail for row in rig.events("a2")]
    assert details[2] == "a2-r1: 100 stop 99.0000"
    assert details[5] == "a2-r2: 100 stop 99.0000"
    assert rig.row("a2").broker_id == "v-a2-r2"


def test_a_cancel_that_is_asked_for_and_refused_is_written() -> None:
    rig = RowsRig()
    rig.enter(rig.strategy(), price=Decimal(90), stop="88")
    rig.ack("a1")
    rig.operator("halt")
    rig.no_cancel("a1")
    rig.cancelled("a1")
    assert rig.names("a1") == ["created", "accepted", "cancel_requested", "cancel_rejected", "cancel_requested", "canceled"]


@pytest.mark.covers("A186", "A118")
def test_a_round_trip_is_written_once_with_every_column() -> None:
    rig = held()
    rig.later(90)
    rig.fill("a2", 100, "97.5", commission="1")
    rig.bar("97")
    assert len(rig.batch.trades) == 1
    trade = rig.batch.trades[0]
    assert (trade.symbol, trade.side, trade.qty, trade.strategy) == ("AAPL", "long", "100", "s")
    assert (Decimal(trade.entry_price), Decimal(trade.exit_price)) == (Decimal(100), Decimal("97.5"))
    assert (trade.pnl, trade.pnl_pct, trade.commission) == ("-251.00", "-2.5100", "1.00")
    assert (trade.exit_at - trade.entry_at) // 10**9 == trade.duration_seconds == 90
    assert trade.correlation_id == rig.row("a1").correlation_id == rig.row("a2").correlation_id


def test_a_restart_writes_nothing_twice() -> None:
    rig = held()
    rig.fill("a2", 100, "97")
    orders, events, trades = len(rig.batch.orders), len(rig.batch.order_events), len(rig.batch.trades)
    rig.restart()
    rig.bar("97")
    rig.connected(False)
    rig.connected(True)
    assert (len(rig.batch.orders), len(rig.batch.order_events), len(rig.batch.trades)) == (orders, events, trades)


def test_a_revised_round_trip_gets_a_row_of_its_own() -> None:
    rig = held()
    rig.fill("a2", 100, "97", fill_id="out")
    rig.restart()
    rig.correct("a2", "out", 100, "97.2")
    first, second = rig.batch.trades
    assert (first.pnl, second.pnl) == ("-300.00", "-280.00")
    assert first.trade_id.split("@")[0] == second.trade_id.split("@")[0]
    assert int(first.trade_id.split("@")[1]) < int(second.trade_id.split("@")[1])


@pytest.mark.parametrize("restarts", [False, True])
def test_a_round_trip_that_a_bust_reopened_is_written_again_when_it_ends(restarts: bool) -> None:
    rig = held()
    rig.fill("a2", 100, "97", fill_id="out")
    rig.bust("a2", "out")
    if restarts:
        rig.restart()
    stop = rig.holding().stop_order
    assert stop is not None
    rig.fill(stop.client_order_id, 100, "96")
    assert [trade.pnl for trade in rig.batch.trades] == ["-300.00", "-400.00"]
    assert len({trade.trade_id for trade in rig.batch.trades}) == 2


def test_what_a_person_traded_is_audited_but_no_trade_of_ours() -> None:
    rig = RowsRig()
    rig.strategy()
    rig.bar("100")
    for name, side in (("m1", Side.BUY), ("m2", Side.SELL)):
        rig.send(OrderFill(rig.now, name, "f-" + name, "AAPL", side, 1_000_000, 5))
    rig.send(OrderCancel(rig.now, "m3"))
    assert rig.batch.trades == []
    assert [(row.order_local_id, row.event_type) for row in rig.batch.order_events] == [
        ("m1", "external_fill"),
        ("m2", "external_fill"),
        ("m3", "canceled"),
    ]


def test_cash_that_moves_without_a_trade_is_written() -> None:
    rig = held()
    rig.send(CashMovement(rig.now, "withdrawal", "USD", -money(Decimal("250.5"))))
    rig.send(Dividend(rig.now, "AAPL", money(Decimal("0.25"))))
    rig.fill("a2", 100, "97")
    rig.send(Dividend(rig.now, "AAPL", money(Decimal("0.25"))))
    assert [(row.kind, row.currency, row.amount, row.symbol) for row in rig.batch.cash] == [
        ("withdrawal", "USD", "-250.50", ""),
        ("dividend", "USD", "25.00", "AAPL"),
    ]


def test_a_split_restates_the_rows_of_working_orders_and_pays_for_fractions() -> None:
    rig = held(101)
    rig.send(Split(rig.now, "AAPL", 1, 2))
    assert rig.batch.cash[-1].kind == "cash_in_lieu"
    assert rig.names("a2")[-1] in ("split", "replace_requested")
    assert rig.row("a2").qty_requested == "50"


def test_bar_after_bar_without_consequences_writes_nothing() -> None:
    rig = RowsRig()
    rig.strategy()
    rig.bar("100")
    batch = rig.batch
    for _ in range(50):
        rig.bar("100")
    assert (batch.orders, batch.order_events, batch.trades, batch.cash, batch.reports) == ([], [], [], [], [])


def test_activity_tells_signals_orders_and_stops() -> None:
    rig = held()
    kinds = [row.kind for row in rig.batch.reports]
    assert kinds == ["signal_detected", "order_submitted", "order_accepted", "order_filled", "order_submitted", *kinds[5:]]
    filled = rig.batch.reports[3]
    assert (filled.message, filled.strategy, filled.symbol, filled.order_id) == ("buy 100 at 100.0000", "s", "AAPL", "a1")
    assert filled.correlation_id == rig.row("a1").correlation_id


def test_what_comes_with_every_bar_is_told_now_and_then() -> None:
    activity = Activity()
    told = []
    for minute in range(60):
        report = Report("signal_denied", START + minute * 60 * 10**9, INFO, "s", "AAPL", f"buying_power: {minute}")
        told.append(activity.row(report))
    rows = [row for row in told if row is not None]
    assert len(rows) == 60 * 60 * 10**9 // QUIET_NS
    assert rows[0].message == "buying_power: 0"
    assert rows[1].message == "buying_power: 15 (14 more of this kind since the last one told)"
    assert activity.row(Report("signal_denied", START, INFO, "s", "MSFT", "another instrument")) is not None


def test_records_are_left_out_and_critical_ones_never() -> None:
    activity = Activity()
    assert activity.row(Report("record", START, INFO, "s", "", "x=1")) is None
    for kind in ("strategy_error", "stop_gone", "bar_dropped"):
        for _ in range(3):
            assert activity.row(Report(kind, START, CRITICAL, "s", "AAPL", "bad")) is not None
    long = activity.row(Report("system_error", START, WARNING, "", "", "x" * 100_000))
    assert long is not None
    assert len(long.message) < 3_000


def test_a_stop_that_triggers_is_an_event_of_its_own() -> None:
    rig = held()
    rig.send(OrderTriggered(rig.now, "a2"))
    assert rig.story("a2")[-1] == "triggered accepted>accepted"
