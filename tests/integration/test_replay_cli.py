"""``algo-trader replay`` over the journal of a paper session."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from backtest_kit import OPEN_POLICY, made_up
from click.testing import CliRunner, Result
from paper_day import PaperDay, paper_day
from sqlalchemy import delete

from algotrader.cli.main import root
from algotrader.history.calendars import day_start
from algotrader.live.launch_settings import StrategyChoice
from algotrader.live.paper.market import CatalogueMarket
from algotrader.live.setup import SETUPS_FACT, stretches
from algotrader.research.options import BacktestOptions
from algotrader.storage.sql_store import open_store
from algotrader.storage.tables import snapshot

DAY = date(2024, 3, 4)
HOUR = 3_600_000_000_000
SYMBOLS = ("AAPL", "TSLA")


def an_hour(folder: Path) -> PaperDay:
    catalogue = made_up(folder / "bars", SYMBOLS, DAY, DAY, seed=4)
    start = day_start("XNYS", DAY)
    choice = StrategyChoice("sma_cross", SYMBOLS, (("fast", 3), ("slow", 10)), "1m")
    options = replace(BacktestOptions(capital=Decimal(100_000)), policy=OPEN_POLICY)
    day = paper_day(choice, CatalogueMarket(catalogue, SYMBOLS, start), start, options, folder)
    return replace(day, end=day.start + HOUR)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of an hour, and another one with other parameters that went on from there."""
    folder = tmp_path_factory.mktemp("recorded")
    day = an_hour(folder)
    day.trade()
    changed = replace(day.choice, parameters=(*day.choice.parameters, ("quantity", 12)))
    replace(day, choice=changed, start=day.end + HOUR // 60, end=day.end + HOUR).trade()
    return folder / "paper.db"


@pytest.fixture
def database(recorded: Path, tmp_path: Path) -> Path:
    """A copy of one's own."""
    return Path(shutil.copy(recorded, tmp_path / "copy.db"))


def replayed(database: Path, *more: str) -> Result:
    return CliRunner().invoke(root, ["replay", "--database", str(database), *more])


def change_first(database: Path, name: str, value: Any) -> None:
    """Let the first session have been of another make."""
    store = open_store(f"sqlite:///{database}")
    entries = json.loads(store.fact(SETUPS_FACT) or "")
    entries[0]["strategies"][0][name] = value
    store.set_fact(SETUPS_FACT, json.dumps(entries))
    store.close()


def test_sessions_give_the_same_commands_again(database: Path) -> None:
    store = open_store(f"sqlite:///{database}")
    end, commands = store.last_sequence(), len(list(store.commands(0)))
    assert [len(stretch.setup.strategies[0].parameters) for stretch in stretches(store)] == [2, 3]
    store.close()
    assert commands > 10
    done = replayed(database)
    assert (done.exit_code, done.stdout) == (0, f"{end:,} events, the same {commands:,} commands\n")


def test_a_journal_is_replayed_without_its_old_snapshots(database: Path) -> None:
    store = open_store(f"sqlite:///{database}")
    with store.database.writing() as connection:
        connection.execute(delete(snapshot))
    second = stretches(store)[1].after
    store.close()
    assert replayed(database).exit_code == 0
    done = replayed(database, "--from", str(second + 101), "--until", str(second + 200), "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["events"], found["same"]) == (0, 100, True)


def test_a_part_of_a_journal_is_compared_from_a_snapshot_on(database: Path) -> None:
    store = open_store(f"sqlite:///{database}")
    second = stretches(store)[1].after
    store.close()
    done = replayed(database, "--from", str(second + 101), "--until", str(second + 200), "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["events"], found["same"]) == (0, 100, True)


def test_the_first_difference_is_told(database: Path) -> None:
    change_first(database, "parameters", [["fast", 3], ["slow", 10], ["quantity", 11]])
    done = replayed(database)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert "then a difference" in lines[0]
    assert "SliceClosed" in lines[1]
    assert "quantity_raw=10 " in lines[2]
    assert "quantity_raw=11 " in lines[3]
    found = json.loads(replayed(database, "--json").stdout)
    assert found["same"] is False
    assert found["difference"]["sequence"] == found["events"]


def test_the_state_at_an_event_is_shown(database: Path) -> None:
    store = open_store(f"sqlite:///{database}")
    fill = next(entry.sequence for entry in store.journal(0) if entry.kind == "OrderFill")
    store.close()
    before = json.loads(replayed(database, "--until", str(fill - 1), "--json").stdout)["state"]
    after = json.loads(replayed(database, "--until", str(fill), "--json").stdout)["state"]
    assert (before["positions"], len(before["orders"])) == ([], 1)
    assert [position["qty"] for position in after["positions"]] == ["10"]
    assert after["breaker"] == {"tripped": False, "reason": ""}
    assert set(after["strategies"][0]["indicators"]) == {"fast", "slow"}
    text = replayed(database, "--until", str(fill)).stdout
    assert "strategy   sma_cross on AAPL: fast 1" in text
    assert max(len(line) for line in text.splitlines()) <= 80


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--from", "999999"), "the journal ends at event"),
        (("--until", "999999"), "the journal ends at event"),
        (("--from", "20", "--until", "10"), "--until 10 lies before --from 20"),
    ],
    ids=["from", "until", "both"],
)
def test_events_that_are_not_there(database: Path, options: tuple[str, ...], said: str) -> None:
    done = replayed(database, *options)
    assert done.exit_code == 2
    assert said in done.output


def test_what_cannot_be_replayed(database: Path, tmp_path: Path) -> None:
    change_first(database, "name", "gone")
    done = replayed(database)
    assert done.exit_code == 2
    assert "no strategy named 'gone'" in done.output
    open_store(f"sqlite:///{tmp_path / 'new.db'}").close()
    done = replayed(tmp_path / "new.db")
    assert done.exit_code == 2
    assert "the journal is empty" in done.output
