"""``algo-trader db`` and ``backtest --store`` as a user meets them: files in an empty folder, one line for what went wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from conftest import CliResult
from databases import postgresql_server, snapshot, step  # noqa: F401 - a fixture

from algotrader.core.instruments import equity
from algotrader.history.catalogue import Catalogue
from algotrader.history.generator import generate
from algotrader.storage.backtests import stored_runs, stored_trades
from algotrader.storage.database import Database
from algotrader.storage.migrate import migrate
from algotrader.storage.sql_store import open_store

Cli = Callable[..., CliResult]


@pytest.fixture(autouse=True)
def no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No database is set up for the machine. Cleared before ``cli`` reads it."""
    monkeypatch.delenv("ALGO_DB_PATH", raising=False)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database in which a session has been."""
    made = f"sqlite:///{tmp_path}/trading.db"
    store = open_store(made)
    batch = step(1)
    batch.snapshot = snapshot(3)
    store.commit(batch)
    store.commit(step(4))
    store.close()
    return made


def test_a_day_with_the_database(no_setting: None, cli: Cli, url: str, tmp_path: Path) -> None:
    assert cli("db", "check", "--database", url) == (0, f"{tmp_path}/trading.db: sound\n", "")
    done = cli("db", "backup", "monday.backup", "--database", url)
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith("monday.backup: ")
    done = cli("db", "prune", "--database", url)
    assert (done.code, done.stdout) == (0, "forgot 2 events; the last one is 6\n")
    done = cli("db", "restore", "monday.backup", "--database", url)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"error: {tmp_path}/trading.db is there already",
        "hint: add --replace to put the backup in its place",
    ]
    done = cli("db", "restore", "monday.backup", "--replace", "--database", url)
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"what was there is now {tmp_path}/trading.db.before-restore-1",
        f"{tmp_path}/trading.db: restored and checked",
    ]
    store = open_store(url)
    assert len(list(store.journal(0))) == 6
    store.close()


@pytest.mark.covers("A192")
def test_migrating_copies_first(no_setting: None, cli: Cli, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/trading.db"
    database = Database(url)
    migrate(database, "r0001")
    database.close()
    done = cli("db", "check", "--database", url)
    assert done.code == 2
    assert done.stderr.splitlines()[1] == "hint: run `algo-trader db migrate`"
    done = cli("db", "migrate", "--database", url)
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"copied to {tmp_path}/trading.db.before-migration-1",
        f"{tmp_path}/trading.db: from r0001 to r0002",
    ]
    assert cli("db", "migrate", "--no-backup", "--database", url).stdout == f"{tmp_path}/trading.db: r0002 already\n"
    assert cli("db", "migrate", "--to", "r0001", "--no-backup", "--database", url).code == 0
    with closing(sqlite3.connect(f"{tmp_path}/trading.db.before-migration-1")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("r0001",)]


def test_without_a_database_named_it_is_the_one_of_sessions(no_setting: None, cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "data" / "trading.db"
    done = cli("db", "check")
    assert done.code == 2
    assert done.stderr.splitlines()[0] == f"error: there is no database at {path}"
    assert not path.exists()
    done = cli("db", "migrate")
    assert (done.code, done.stdout) == (0, f"{path}: from base to r0002\n")
    assert cli("db", "check").code == 0


def corrupt(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER journal_no_update")
        connection.execute("UPDATE journal SET payload = x'00' WHERE sequence = 2")
        connection.commit()


def test_what_is_wrong_is_told_in_a_line(no_setting: None, cli: Cli, url: str, tmp_path: Path) -> None:
    path = tmp_path / "trading.db"
    corrupt(path)
    done = cli("db", "check", "--database", url)
    assert (done.code, done.stdout) == (2, "journal: entry 2 is damaged\n")
    assert done.stderr.splitlines()[0] == f"error: {path} is not sound"
    assert cli("db", "backup", "a.backup", "--database", url).code == 2
    assert not (tmp_path / "a.backup").exists()
    store = open_store(url)
    done = cli("db", "restore", "none.backup", "--replace", "--database", url)
    assert (done.code, done.stderr.splitlines()) == (2, ["error: none.backup cannot be read: No such file or directory"])
    store.close()
    done = cli("db", "prune", "--before", "9", "--database", url)
    assert done.code == 2
    assert "newest snapshot is of event 3" in done.stderr
    done = cli("db", "check", "--database", "postgresql://me:secret@127.0.0.1:1/x")
    assert done.code == 2
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr
    path.write_text("a diary " * 1000)
    for command in ("check", "migrate", "prune"):
        done = cli("db", command, "--database", url)
        assert done.code == 2
        assert "is not a database" in done.stderr
        assert len(done.stderr.splitlines()) <= 2


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A week of made-up minute bars."""
    catalogue = Catalogue(tmp_path_factory.mktemp("stored") / "bars")
    catalogue.write_bars(equity("AAPL"), "1m", generate(equity("AAPL"), date(2024, 1, 2), date(2024, 1, 8), seed=1))
    return str(catalogue.path)


@pytest.mark.covers("A188", "A189", "A215")
@pytest.mark.parametrize("kind", ["own", "sqlite", "postgresql"])
def test_a_backtest_is_kept_when_asked_for(
    no_setting: None, cli: Cli, bars: str, tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/data/trading.db"
    option: tuple[str, ...] = ("--store",)
    if kind != "own":
        server = request.getfixturevalue("postgresql_server") if kind == "postgresql" else None
        url = f"sqlite:///{tmp_path}/runs.db" if server is None else server.new_schema()
        option = ("--database", url)
    run = ("backtest", "velez", "--symbols", "AAPL", "--data", bars)
    assert cli(*run).code == 0
    assert not (tmp_path / "data").exists()
    done = cli(*run, *option, "--json", "run.json")
    assert (done.code, done.stderr) == (0, "")
    assert "stored       run 1 in " in done.stdout
    assert cli(*run, *option, "--capital", "50000", "--param", "allow_short=true").code == 0
    database = Database(url)
    (second, newer), (first, older) = stored_runs(database)
    assert (first, second) == (1, 2)
    assert (older.initial_capital, newer.initial_capital) == ("25000", "50000")
    assert older.symbols == ("AAPL",)
    assert older.total_trades == len(stored_trades(database, first)) > 0
    assert newer.total_trades == len(stored_trades(database, second))
    assert len(older.equity_curve) == 5
    assert newer.params["parameters"]["allow_short"] is True
    assert older.params["assumptions"]["venue"]
    profit = sum(float(each.pnl) for each in stored_trades(database, first))
    assert older.total_return == pytest.approx(profit / 25_000)
    assert older.equity_curve[-1][1] == pytest.approx(25_000 + profit)
    database.close()


def test_a_backtest_is_kept_where_a_database_is_set_up(
    no_setting: None, bars: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("ALGO_DB_PATH", str(tmp_path / "mine.db"))
    cli: Cli = request.getfixturevalue("cli")
    done = cli("backtest", "velez", "--symbols", "AAPL", "--data", bars)
    assert done.code == 0
    assert f"stored       run 1 in {tmp_path}/mine.db" in done.stdout


def test_a_database_of_no_use_is_told_before_the_backtest(no_setting: None, cli: Cli, bars: str) -> None:
    done = cli("backtest", "velez", "--symbols", "AAPL", "--data", bars, "--database", "mysql://host/x")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == "error: mysql://host/x is no database for us"
