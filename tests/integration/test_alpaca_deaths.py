"""The session and the server are killed with SIGKILL in mid-trade, again and again; the server's log is the judge."""

from __future__ import annotations

import os
import time
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

pytest.importorskip("alpaca")

import fidget
from alpaca_theatre import AlpacaStage, Server, server

from algotrader.core.scaled import money
from algotrader.rehearsal.alpaca.judge import judge

DEATHS = int(os.environ.get("ALGOTRADER_ALPACA_DEATHS", "4"))
SPEED = 60.0
SETTINGS = f"""
app: {{watchlist: [AAPL, TSLA, AMD]}}
risk: {{max_open_positions: 20, consecutive_loss_pause: 10}}
strategies:
  - {{strategy: "{fidget.__file__}:Fidget", interval: 1m, parameters: {{enter_every: 2, leave_every: 4, trail_every: 2}}}}
"""
SERVER = ("--symbols", "AAPL,TSLA,AMD", "--days", "3", "--capital", "100000", "--lead=-1800")


def judged(stage: AlpacaStage, venue: Server) -> dict[str, Any]:
    """All is flat, and both sides say the same."""
    account, positions = venue.ask("/v2/account"), venue.ask("/v2/positions")
    found = judge(stage.log, f"sqlite:///{stage.database}")
    assert found.violations == []
    assert positions == []
    assert found.engine is not None
    assert found.engine.state.total_cash() == money(Decimal(account["cash"]))
    orders = {order.client_order_id: order for order in found.engine.state.orders.values()}
    return {
        "deaths of the session": len(stage.deaths),
        "deaths of the server": len(venue.deaths),
        "events": found.events,
        "orders": len(orders),
        "fills": sum(len(order.fills) for order in orders.values()),
    }


def prepared(folder: Path, venue: Server, seed: int) -> AlpacaStage:
    (folder / "session.yaml").write_text(SETTINGS)
    return AlpacaStage(folder, venue, Random(seed))  # type: ignore[arg-type]


@pytest.mark.long
def test_a_session_at_alpaca_that_is_killed_in_mid_trade_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with server(tmp_path, SPEED, *SERVER) as venue:
        stage = prepared(tmp_path, venue, 3)
        try:
            for _ in range(DEATHS):
                stage.live_and_die()
            stage.end_in_order()
            found = judged(stage, venue)
        finally:
            stage.end()
    print(found)  # noqa: T201 - with -s: what was measured
    assert found["deaths of the session"] == DEATHS
    assert found["fills"] > 0


@pytest.mark.long
def test_a_session_lives_through_deaths_of_the_server_in_mid_trade(tmp_path: Path) -> None:
    dice = Random(5)
    with server(tmp_path, SPEED, *SERVER) as venue:
        stage = prepared(tmp_path, venue, 5)
        try:
            session = stage.start()
            stage.until_running(session)
            for _ in range(DEATHS):
                stage.until_word(session)
                time.sleep(dice.uniform(0.0, 0.05))
                venue.kill()
                assert session.poll() is None, stage.output.read_text()[-3000:]
                time.sleep(dice.uniform(1.0, 4.0))
            time.sleep(2.0)
            stage.stop()
            found = judged(stage, venue)
        finally:
            stage.end()
    print(found)  # noqa: T201 - with -s: what was measured
    assert found["deaths of the server"] == DEATHS
    assert found["fills"] > 0
