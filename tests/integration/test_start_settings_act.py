"""Settings that a session acts upon from its start: what it adopts, how it settles differences, when it wakes strategies."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from restart_rig import OPEN, Account

from algotrader.cli.main import root
from algotrader.config.sections import BrokerSection, ReconciliationSection
from algotrader.core.market import utc
from algotrader.core.orders import OrderRequest, OrderType, Side, TimeInForce
from algotrader.live.findings import Agreement, ReconciliationReport, Severity, Strategy
from algotrader.live.session import Session
from algotrader.live.settings import agreement, call_settings
from algotrader.live.triggers import Interval, Once
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.storage.session_lock import SessionLock
from algotrader.storage.sql_store import open_store

MINUTE = 60 * 1_000_000_000


def session(account: Account, **parts: Any) -> Session:
    """A session with other parts."""
    made = account.session("one")
    return Session(replace(made.parts, **parts))


def test_what_the_settings_adopt_gets_its_stop(tmp_path: Path) -> None:
    async def play() -> None:
        account = Account(tmp_path)
        await account.until(1)
        bought = OrderRequest("someone", account.instruments[0], Side.BUY, OrderType.MARKET, 7, TimeInForce.DAY)
        account.exchange.person_order(bought)
        await account.until(3)
        held = {position.symbol: position.quantity_raw for position in account.exchange.positions()}
        first = session(account, adopt={"AAPL": "protect", "NONE": "manage"}, advice=lambda capital: f"you have {capital}")
        account.start(first)
        await account.until(5)
        holding = first.engine.state.holdings["external", 0]
        assert (holding.adopted, holding.quantity_raw) == ("protect", held["AAPL"])
        assert account.working_stops("AAPL") >= held["AAPL"]
        assert ("adopt", "warning", "NONE is to be adopted, and nothing follows it") in account.told
        assert any(kind == "database" and message.startswith("you have ") for kind, _, message in account.told)
        await account.end(first)

    run_virtually(play())


def test_a_session_that_is_to_end_flat_does_so_whoever_ends_it(tmp_path: Path) -> None:
    async def play() -> None:
        account = Account(tmp_path)
        first = session(account, flatten=True)
        account.start(first)
        await account.until(40)
        assert account.exchange.positions()
        await account.end(first)
        assert not account.exchange.positions()
        assert not first.engine.state.live_orders

    run_virtually(play())


def test_schedules_wake_strategies_and_are_journaled(tmp_path: Path) -> None:
    async def play() -> None:
        account = Account(tmp_path)
        once = Once(utc(OPEN + 7 * MINUTE))
        first = session(account, schedules=[("often", Interval(minutes=2, start=OPEN)), ("once", once)])
        account.start(first)
        await account.until(11)
        await account.end(first)
        store = open_store(account.url)
        named = [entry for entry in store.journal(0) if b"often" in entry.payload or b"once" in entry.payload]
        store.close()
        assert sum(b"once" in entry.payload for entry in named) == 1
        assert sum(b"often" in entry.payload for entry in named) >= 5
        again = account.session("one")
        assert again.recovered.difference is None

    run_virtually(play())


def test_differences_are_settled_and_graded_as_the_settings_say() -> None:
    section = ReconciliationSection(
        strategy="sync_to_local", sync_to_local_consent=True, warn_pct=Decimal("0.1"), critical_pct=Decimal("0.2")
    )
    agreed = agreement(section)
    assert agreed == Agreement(Strategy.SYNC_TO_LOCAL, consent=True, moderate_from=Decimal("0.1"), critical_above=Decimal("0.2"))
    report = ReconciliationReport(0, agreed.strategy, moderate_from=agreed.moderate_from, critical_above=agreed.critical_above)
    grades = [report.severity(difference, 100) for difference in (0, 9, 10, 20, 21)]
    assert grades == [Severity.MINOR, Severity.MINOR, Severity.MODERATE, Severity.MODERATE, Severity.CRITICAL]
    report.drift = Decimal("0.15")
    assert report.alert == "warning"
    with pytest.raises(ValueError, match="critical"):
        Agreement(moderate_from=Decimal("0.3"), critical_above=Decimal("0.2"))


def test_no_request_takes_longer_than_the_broker_allows() -> None:
    uses = call_settings(BrokerSection(timeout=12)).uses
    assert (uses.entry.timeout, uses.protect.timeout, uses.cancel.timeout) == (12, 12, 10)


def test_a_second_session_ends_in_a_line_before_it_does_anything(tmp_path: Path) -> None:
    file = tmp_path / "account.db"
    store = open_store(f"sqlite:///{file}")
    lock = SessionLock(store.database)
    found = CliRunner().invoke(root, ["start", "--database", str(file), "--port", "0", "--speed", "60", "--symbols", "AAPL"])
    assert found.exit_code == 2
    assert f"error: another session is running on {file}" in found.stderr
    assert "Traceback" not in found.output
    assert store.last_sequence() == 0
    assert store.fact("id_prefix") is None
    lock.release()
    store.close()


@pytest.mark.covers("C28")
def test_a_start_recommends_a_server_for_more_money(tmp_path: Path) -> None:
    file = tmp_path / "account.db"
    store = open_store(f"sqlite:///{file}")
    lock = SessionLock(store.database)
    for capital, told in (("2000", False), ("2001", True)):
        found = CliRunner().invoke(root, ["start", "--database", str(file), "--port", "0", "--capital", capital])
        assert ("PostgreSQL server is recommended" in found.output) is told
    lock.release()
    store.close()
