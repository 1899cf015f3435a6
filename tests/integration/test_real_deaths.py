"""``algo-trader start`` is killed with SIGKILL while it trades, and started again, many times; the venue's log is the judge.

The venue is a process of its own and keeps its own log. Moments of death are drawn: as a session starts, as it trades, and within
milliseconds of a word of the venue, when an order or an execution is on its way.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from death_judge import VenueLog, compare_fills, compare_money, compare_orders, longest_bare, replayed
from deaths import CAPITAL, STOPPED_SYMBOLS, Stage, theatre

from algotrader.core.scaled import money
from algotrader.live.clock import NS_PER_SECOND
from algotrader.storage.checks import check
from algotrader.storage.sql_store import open_store
from algotrader.venues.remote.broker import RemoteBroker

DEATHS = int(os.environ.get("ALGOTRADER_DEATHS", "50"))
ALIVE_SECONDS = 2.0
"""Of life: a session that runs places a stop sooner, however busy the machine is."""


async def _venue_account(stage: Stage) -> tuple[int, int]:
    """Cash, and how many positions there are."""
    broker = RemoteBroker(stage.hello, stage.hello)
    await broker.connect()
    cash, positions = (await broker.account()).cash, await broker.positions()
    assert not await broker.open_orders()
    await broker.disconnect()
    return cash, len(positions)


def judge(stage: Stage) -> dict[str, float]:
    """Compare all there is; gives what was measured."""
    cash, positions = asyncio.run(_venue_account(stage))
    assert positions == 0
    log = VenueLog.read(stage.log)
    store = open_store(f"sqlite:///{stage.database}", create=False)
    assert check(store.database) == []
    engine = replayed(store)
    events = store.last_sequence()
    store.close()
    with closing(sqlite3.connect(stage.database)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        compare_fills(log, engine, database)
        compare_orders(log, engine, database)
        compare_money(engine, database, log, cash, money(CAPITAL))
    absent = [(death.killed, death.running) for death in stage.deaths]
    longest, alive = longest_bare(log, STOPPED_SYMBOLS, absent)
    return {
        "deaths": len(stage.deaths),
        "events": events,
        "orders": len(engine.state.orders),
        "fills": len(log.fills),
        "requests twice": sum(count - 1 for count in log.asked.values()),
        "longest without stop, venue seconds": longest / NS_PER_SECOND,
        "longest without stop while running, venue seconds": alive / NS_PER_SECOND,
        "longest without stop while running, seconds": alive / NS_PER_SECOND / stage.hello.speed,
    }


def run(folder: Path, deaths: int, seed: int, rules: str, speed: float) -> dict[str, float]:
    """Kill and judge."""
    with theatre(folder, seed=seed, speed=speed, rules=rules) as stage:
        for _ in range(deaths):
            stage.live_and_die()
        stage.end_in_order()
        found = judge(stage)
    assert found["longest without stop while running, seconds"] < ALIVE_SECONDS
    return found


@pytest.mark.covers("A150")
@pytest.mark.parametrize("rules", ["generic", "alpaca-like"])
def test_a_session_that_is_killed_a_few_times_loses_and_doubles_nothing(tmp_path: Path, rules: str) -> None:
    assert run(tmp_path, 3, 7, rules, 60.0)["deaths"] == 3


@pytest.mark.long
def test_a_session_that_is_killed_fifty_times_loses_and_doubles_nothing(tmp_path: Path) -> None:
    found = run(tmp_path, DEATHS, 1, "generic", 60.0)
    print(found)  # noqa: T201 - with -s: what was measured
    assert found["fills"] >= DEATHS
