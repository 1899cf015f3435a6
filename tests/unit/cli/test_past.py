"""What the command line shows from the database when no session runs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from engine_rig import START, Rig

from algotrader.cli.main import root
from algotrader.core.engine import Engine
from algotrader.core.market import NS_PER_MINUTE
from algotrader.server.history import History
from algotrader.storage.records import Batch, JournalEntry, OrderRow, ReportRow, SnapshotRow, TradeRow
from algotrader.storage.snapshots import freeze
from algotrader.storage.sql_store import open_store

KINDS = ("OperatorCommand", "MarketData", "OrderFill")


def order(number: int, symbol: str, state: str) -> OrderRow:
    made = START + number * NS_PER_MINUTE
    ids, what = (f"a{number}", f"v{number}", f"c{number}"), ("market", "entry", "s")
    return OrderRow(*ids, symbol, "buy", *what, "100", "100", "100.1250", state, 1, None, 1, "", "98.00", made, made)


def trade(number: int, symbol: str) -> TradeRow:
    closed = START + number * NS_PER_MINUTE
    return TradeRow(
        f"t{number}",
        f"c{number}",
        symbol,
        "long",
        "100",
        "100.00",
        "101.00",
        START,
        closed,
        "99.65",
        "0.9965",
        "s",
        60 * number,
        "0.35",
    )


def entry(number: int) -> JournalEntry:
    kind = KINDS[number % len(KINDS)]
    said = {"time": START, "symbol": "MSFT" if number % 2 else "AAPL", "client_order_id": f"a{number}"}
    return JournalEntry(number, START + number, kind, msgspec.msgpack.encode(said))


def _engine() -> Engine:
    rig = Rig(cash=1000)
    rig.engine.take_reports()
    return rig.engine


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A database with five orders, three round trips, thirty events, three activities and a snapshot."""
    url = f"sqlite:///{tmp_path / 'algo.db'}"
    store = open_store(url, durable=False)
    states = ("filled", "canceled", "accepted", "filled", "rejected")
    batch = Batch(
        journal=[entry(number) for number in range(1, 31)],
        orders=[order(number, "MSFT" if number == 1 else "AAPL", state) for number, state in enumerate(states)],
        trades=[trade(number, "AAPL") for number in (1, 2, 3)],
        reports=[ReportRow(START + n, "order_filled", "info", "s", "AAPL", f"told {n}", f"a{n}", "") for n in range(3)],
        snapshot=SnapshotRow(30, START, "build-1", "shutdown", freeze(_engine())),
    )
    store.commit(batch)
    store.close()
    return str(tmp_path / "algo.db")


Call = Callable[..., Result]


@pytest.fixture
def call(database: str) -> Call:
    """Give a function that runs a command on that database."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(root, [*arguments, "--database", database], env={"COLUMNS": "80"})

    return run


def test_orders(call: Call) -> None:
    found = json.loads(call("orders", "--json").output)
    assert [row["local_id"] for row in found] == ["a4", "a3", "a2", "a1", "a0"]
    assert (found[0]["avg_fill_price"], found[0]["created_at"]) == ("100.1250", "2025-11-26T14:34:00Z")
    assert [row["local_id"] for row in json.loads(call("orders", "--state", "open", "--json").output)] == ["a2"]
    assert len(json.loads(call("orders", "--state", "final", "--json").output)) == 4
    assert [row["local_id"] for row in json.loads(call("orders", "--symbol", "msft", "--json").output)] == ["a1"]
    assert [row["local_id"] for row in json.loads(call("orders", "--limit", "2", "--offset", "1", "--json").output)] == ["a3", "a2"]
    assert max(len(line) for line in call("orders").output.splitlines()) <= 80


def test_round_trips(call: Call) -> None:
    rows = list(csv.DictReader(io.StringIO(call("round-trips", "--csv").output)))
    assert [(row["trade_id"], row["pnl"]) for row in rows] == [("t3", "99.65"), ("t2", "99.65"), ("t1", "99.65")]
    late = call("round-trips", "--since", "2025-11-26T14:32:00Z", "--json")
    assert [row["trade_id"] for row in json.loads(late.output)] == ["t3", "t2"]
    assert "11-26 14:33:00" in call("round-trips").output
    assert call("round-trips", "--since", "2030-01-01").output == "no round trips\n"


def numbers(result: Result) -> list[int]:
    return [int(line.split()[0]) for line in result.output.splitlines()]


def test_the_journal_is_filtered_and_its_end_comes_by_default(call: Call) -> None:
    assert numbers(call("journal", "--limit", "3")) == [27, 29, 30]
    assert numbers(call("journal", "--limit", "3", "--all")) == [28, 29, 30]
    assert numbers(call("journal", "--kind", "OrderFill", "--limit", "2")) == [26, 29]
    assert numbers(call("journal", "--kind", "OrderFill", "--symbol", "aapl", "--limit", "2")) == [20, 26]
    assert numbers(call("journal", "--after", "10", "--limit", "3")) == [11, 12, 14]
    shown = call("journal", "--limit", "1").output
    assert "OperatorCommand" in shown
    assert "symbol=AAPL" in shown
    (line,) = call("journal", "--limit", "1", "--json").output.splitlines()
    assert json.loads(line)["content"]["client_order_id"] == "a30"


def test_a_long_journal_is_read_from_its_end(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("algotrader.cli.journal._WINDOW", 2)
    assert numbers(call("journal", "--kind", "OrderFill", "--limit", "4")) == [20, 23, 26, 29]
    assert len(numbers(call("journal", "--limit", "1000"))) == 20


def test_a_pruned_journal_begins_later(call: Call, database: str) -> None:
    store = open_store(f"sqlite:///{database}", durable=False)
    store.prune(20)
    store.close()
    assert min(numbers(call("journal", "--all", "--limit", "1000"))) >= 20
    assert numbers(call("journal", "--all", "--after", "3"))[-1] == 30


def test_snapshot_export(call: Call, tmp_path: Path) -> None:
    found = json.loads(call("snapshot", "export").output)
    assert (found["sequence"], found["build"], found["reason"]) == (30, "build-1", "shutdown")
    assert "1000.00" in json.dumps(found["state"])
    target = tmp_path / "deep" / "state.json"
    assert "snapshot of event 30" in call("snapshot", "export", "--out", str(target)).output
    assert json.loads(target.read_text()) == found


def test_a_damaged_snapshot_is_told(call: Call, database: str) -> None:
    store = open_store(f"sqlite:///{database}", durable=False)
    store.commit(Batch(snapshot=SnapshotRow(30, START + 1, "build-1", "regular", b"nonsense")))
    store.close()
    found = call("snapshot", "export")
    assert (found.exit_code, "the snapshot of event 30 cannot be read" in found.output) == (2, True)


def test_positions_need_a_session(call: Call) -> None:
    result = call("positions")
    assert result.exit_code == 2
    assert "no session is running on" in result.output


def test_activity_is_read_on_from_an_id(database: str) -> None:
    history = History.open(f"sqlite:///{database}")
    first = history.activity(limit=2)
    assert ([one["message"] for one in first["items"]], first["more"]) == (["told 2", "told 1"], True)
    rest = history.activity(before=first["items"][-1]["id"], limit=2)
    assert ([one["message"] for one in rest["items"]], rest["more"]) == (["told 0"], False)
    assert history.activity(kind="signal_detected")["items"] == []
    history.close()
