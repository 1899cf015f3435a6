"""A day from end to end: ``algo-trader start`` at Alpaca's server, both as processes, and a backtest of the same day."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

pytest.importorskip("alpaca")

import bracketed
from alpaca_theatre import AlpacaStage, Server, server
from deaths import environment

from algotrader.core.scaled import money
from algotrader.rehearsal.alpaca.judge import Books, Judgement, judge

DAY = "2024-07-03"

ALL_KINDS = f"""
risk: {{max_open_positions: 10, consecutive_loss_pause: 10}}
app: {{watchlist: [AAPL, TSLA, AMD]}}
strategies:
  - {{strategy: sma_cross, symbols: [AAPL], interval: 1m, parameters: {{fast: 5, slow: 20}}}}
  - {{strategy: velez, symbols: [TSLA], interval: 1m, parameters: {{candle_interval_minutes: 1, sma_slow: 100}}}}
  - {{strategy: "{bracketed.__file__}:Bracketed", symbols: [AMD], interval: 1m, parameters: {{enter_every: 9, leave_every: 12}}}}
"""
VELEZ = """
risk: {max_open_positions: 10, consecutive_loss_pause: 10}
app: {watchlist: [AAPL, TSLA, AMD]}
strategies:
  - {strategy: velez, symbols: [TSLA, AMD], interval: 1m, parameters: {candle_interval_minutes: 1, sma_slow: 100}}
  - {strategy: sma_cross, symbols: [AAPL], interval: 1m, parameters: {fast: 5, slow: 20}}
"""
WHOLE = (800.0, 4.5 * 800.0)
"""Speed, and seconds of the market before the open; a start takes some of life."""

LAST_HOURS = (240.0, -135 * 60.0)


@contextmanager
def traded(folder: Path, settings: str, speed: float, lead: float) -> Iterator[tuple[Server, AlpacaStage, Judgement]]:
    """A day, over."""
    (folder / "session.yaml").write_text(settings)
    # Requests take the machine's own time: what comes within most of a bar counts as at its open, as in a backtest.
    options = (
        "--symbols",
        "AAPL,TSLA,AMD",
        "--day",
        DAY,
        "--days",
        "2",
        f"--lead={lead}",
        "--seed",
        "4",
        "--ideal",
        "--grace",
        "50",
    )
    with server(folder, speed, *options) as venue:
        stage = AlpacaStage(folder, venue, Random(1))  # type: ignore[arg-type]
        try:
            stage.run_to_its_end(50, "--once-day")
            found = judge(stage.log, f"sqlite:///{stage.database}")
            yield venue, stage, found
        finally:
            stage.end()


def compared(stage: AlpacaStage) -> dict[str, Any]:
    command = [sys.executable, "-m", "algotrader.cli.main", "divergence", "--database", str(stage.database), "--day", DAY]
    command += ["--json", "--ideal"]
    done = subprocess.run(command, env=environment(), cwd=stage.folder, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def same_on_both_sides(venue: Server, stage: AlpacaStage, found: Judgement) -> None:
    """What the server answers, what its log says and what is in the database are the same to the last digit."""
    assert found.violations == []
    assert found.engine is not None
    state, books = found.engine.state, Books.read(stage.log)
    account = venue.ask("/v2/account")
    assert money(Decimal(account["cash"])) == state.total_cash() == money(books.cash)
    theirs = {position["symbol"]: Decimal(position["qty"]) for position in venue.ask("/v2/positions")}
    ours = {
        track.instrument.symbol: track.instrument.quantity(quantity)
        for track in state.tracks
        if (quantity := state.ledger.net_quantity(track.instrument.symbol))
    }
    assert ours == theirs
    activities = venue.ask("/v2/account/activities/FILL", page_size=100, direction="asc")
    fills = {one["id"].rpartition("::")[2]: (Decimal(one["price"]), Decimal(one["qty"])) for one in activities}
    assert fills == {name: (price, quantity) for name, (_, _, price, quantity) in list(books.fills.items())[:100]}


@pytest.mark.slow
def test_a_day_from_before_the_open_to_shutdown(tmp_path: Path) -> None:
    with traded(tmp_path, ALL_KINDS, *WHOLE) as (venue, stage, found):
        same_on_both_sides(venue, stage, found)
        classes = {record["order_class"] for record in Books.read(stage.log).orders.values()}
        assert {"bracket", "oto", "simple"} & classes >= {"bracket", "simple"}
        shown = compared(stage)
        show(shown)
        assert shown["orders"] > 10
        assert shown["unattributed"] == 0


@pytest.mark.long
def test_a_day_gives_the_signals_of_a_backtest_and_velez_closes_at_its_end(tmp_path: Path) -> None:
    with traded(tmp_path, VELEZ, *LAST_HOURS) as (venue, stage, found):
        same_on_both_sides(venue, stage, found)
        assert found.engine is not None
        assert any(trip.owner == "velez" for trip in found.engine.state.ledger.trips)
        assert {position["symbol"] for position in venue.ask("/v2/positions")} <= {"AAPL"}
        shown = compared(stage)
        show(shown)
        assert shown["unattributed"] == 0
        assert shown["signals"]["live"] == shown["signals"]["backtest"] == shown["signals"]["both"] > 0


def show(found: dict[str, Any]) -> None:
    """With -s: what came of a comparison."""
    print({name: found[name] for name in ("signals", "bars", "orders", "same", "unattributed")})  # noqa: T201
    print([(reason["cause"], reason["reason"], reason["orders"]) for reason in found["reasons"]])  # noqa: T201
