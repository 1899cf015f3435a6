"""``algo-trader divergence`` over the database of a paper day."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from divergence_kit import DAY, ORDERS, Planted, PlantedDay

from algotrader.cli import divergence_day
from algotrader.cli.divergence_day import read_day
from algotrader.cli.main import root
from algotrader.live.setup import SETUPS_FACT, SessionSetup
from algotrader.research.divergence.session import SessionDay
from algotrader.storage.sql_store import open_store


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> PlantedDay:
    """A day without faults."""
    return PlantedDay(Planted(), tmp_path_factory.mktemp("quiet")).trade()


@pytest.fixture(scope="module")
def eventful(tmp_path_factory: pytest.TempPathFactory) -> PlantedDay:
    """A day with a late bar, a halt, a death, and a broken order stream."""
    planted = Planted(late={("AAPL", 26): 4.2}, halts=((60, 69),), deaths=((210, 150.0),), losses=((ORDERS, 300, 200.0),))
    return PlantedDay(planted, tmp_path_factory.mktemp("eventful")).trade()


def compared(day: PlantedDay, *more: str) -> Result:
    return CliRunner().invoke(root, ["divergence", "--db", str(day.folder / "paper.db"), *more])


def as_json(day: PlantedDay, *more: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(compared(day, "--json", *more).stdout)
    return found


def test_a_day_without_faults_says_so(quiet: PlantedDay) -> None:
    done = compared(quiet)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == "no difference in what was executed"
    assert "orders     70 executed, 70 of them the same on both sides" in done.stdout


def test_causes_are_told_in_eighty_columns(eventful: PlantedDay) -> None:
    done = compared(eventful, "--catalogue", str(eventful.folder / "bars"), "--orders")
    assert done.exit_code == 0, done.output
    text = " ".join(done.stdout.split())
    assert "the bar of AAPL that closed at 14:56:00" in text
    assert "came 4.2 s late" in text
    assert "halted by a person (looks odd) from" in text
    assert "the session was down from" in text
    assert "* follows from an earlier difference" in text
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


def test_json_has_every_pair_and_the_parts_of_the_whole(eventful: PlantedDay) -> None:
    found = as_json(eventful)
    assert found["bars_from"] == "session"
    assert found["unattributed"] == 0
    assert found["differences"] == sum(cause["count"] for cause in found["causes"].values()) > 0
    assert found["orders"] == len(found["pairs"])
    told = [each for pair in found["pairs"] for each in pair["attribution"]]
    assert len(told) == found["differences"]
    assert sorted(found["causes"]) == sorted(["signal", "timing", "price", "partial", "fee", "missing", "extra", "unattributed"])


def test_other_assumptions_are_found_as_what_they_are(quiet: PlantedDay) -> None:
    found = as_json(quiet, "--commission", "0.005")
    assert {name for name, cause in found["causes"].items() if cause["count"]} == {"fee"}
    assert found["assumptions"]["commission"].startswith("0.005")
    assert {name for name, cause in as_json(quiet, "--ideal")["causes"].items() if cause["count"]} == {"price"}


def test_a_difference_without_a_cause_has_its_exit_code(quiet: PlantedDay, monkeypatch: pytest.MonkeyPatch) -> None:
    """The backtest is made to be of another strategy than the one that traded."""

    def other(*asked: Any) -> tuple[SessionDay, SessionSetup]:
        found, setup = read_day(*asked)
        parameters = (*setup.strategies[0].parameters, ("quantity", 12))
        return found, replace(setup, strategies=(replace(setup.strategies[0], parameters=parameters),))

    monkeypatch.setattr(divergence_day, "read_day", other)
    done = compared(quiet)
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-1] == "70 differences that nothing explains"


def test_what_cannot_be_compared_is_told_in_a_line(quiet: PlantedDay, tmp_path: Path) -> None:
    for more, said in (
        (("--day", "yesterday"), "is not a date"),
        (("--day", (DAY + timedelta(days=1)).isoformat()), "the session had no bars on that day"),
        (("--catalogue", str(tmp_path / "nowhere")), "does not exist"),
        (("--slippage", "much"), "much"),
        (("--volume-limit", "much"), "--volume-limit"),
    ):
        done = compared(quiet, *more)
        assert done.exit_code == 2, done.output
        assert said in done.output
    nothing = CliRunner().invoke(root, ["divergence", "--db", str(tmp_path / "none.db")])
    assert nothing.exit_code == 2


def test_a_journal_that_other_code_wrote_is_not_compared(tmp_path: Path) -> None:
    day = PlantedDay(Planted(ends=60), tmp_path).trade()
    store = open_store(day.url)
    entries = json.loads(store.fact(SETUPS_FACT) or "")
    entries[0]["strategies"][0]["parameters"] = [["fast", 3], ["slow", 10]]
    store.set_fact(SETUPS_FACT, json.dumps(entries))
    store.close()
    done = compared(day)
    assert done.exit_code == 2
    assert "error:" in done.output
