"""A real session at Alpaca's server while a seeded plan goes wrong: every kind of fault alone, then pairs; on real sockets."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("alpaca")

from algotrader.errors import UserError
from algotrader.rehearsal.alpaca.judge import Books
from algotrader.rehearsal.alpaca.plans import FAULT_KINDS, kinds_of, plan_of
from algotrader.rehearsal.alpaca.play import AlpacaOptions, AlpacaOutcome
from algotrader.rehearsal.alpaca.runner import rehearse_at_alpaca, restless_choice
from algotrader.rehearsal.invariants import BOOKS, FILLS
from algotrader.rehearsal.runner import every_seed

SYMBOLS = ("AAPL", "TSLA", "AMD")
PAIRS = 6
WORKERS = 3


def rehearsed(seed: int, faults: tuple[str, ...] = FAULT_KINDS, minutes: float = 5.0) -> AlpacaOutcome:
    return rehearse_at_alpaca(AlpacaOptions((restless_choice(SYMBOLS),), faults, minutes), seed)


def test_a_short_session_lives_through_breaks_of_both_streams_and_lost_answers() -> None:
    faults = ("orders:drop", "data:drop", "rest:lost_answer")
    found = rehearse_at_alpaca(AlpacaOptions((restless_choice(SYMBOLS),), faults, 5.0, every=True), 1)
    assert found.violations == []
    assert found.orders > 3
    assert set(found.reconnects) == {"orders:drop", "data:drop"}
    assert max(seconds for every in found.reconnects.values() for seconds in every) < 60


@pytest.fixture(scope="module")
def alone() -> dict[int, AlpacaOutcome]:
    """One run for each kind of fault. They mostly wait, so several at a time."""
    options = AlpacaOptions((restless_choice(SYMBOLS),), minutes=4.0)
    return {found.seed: found for found in every_seed(rehearse_at_alpaca, options, 0, len(FAULT_KINDS), WORKERS)}


@pytest.fixture(scope="module")
def pairs() -> dict[int, AlpacaOutcome]:
    """Some runs with two kinds of faults each."""
    options = AlpacaOptions((restless_choice(SYMBOLS),), minutes=8.0)
    return {found.seed: found for found in every_seed(rehearse_at_alpaca, options, len(FAULT_KINDS), PAIRS, WORKERS)}


@pytest.mark.long
@pytest.mark.parametrize("seed", range(len(FAULT_KINDS)), ids=FAULT_KINDS)
def test_a_session_lives_through_every_kind_of_fault(alone: dict[int, AlpacaOutcome], seed: int) -> None:
    assert alone[seed].kinds == (FAULT_KINDS[seed],)
    assert alone[seed].violations == []


@pytest.mark.long
@pytest.mark.parametrize("number", range(PAIRS))
def test_a_session_lives_through_pairs_of_faults(pairs: dict[int, AlpacaOutcome], number: int) -> None:
    found = pairs[len(FAULT_KINDS) + number]
    assert len(found.kinds) == 2
    assert found.violations == []


def test_the_seed_decides_what_goes_wrong_and_when() -> None:
    for seed in range(80):
        kinds = kinds_of(seed)
        assert plan_of(seed, kinds) == plan_of(seed, kinds)
        assert len(kinds) == (1 if seed < len(FAULT_KINDS) else 2)
        assert {f"{planned.fault.where}:{planned.fault.kind}" for planned in plan_of(seed, kinds)} >= set(kinds)
    assert plan_of(50, ("rest:drop",)) != plan_of(51, ("rest:drop",))
    assert kinds_of(3, ()) == ()


def test_a_venue_that_forgets_to_tell_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge is no use if it cannot find anything: an execution of the log is left out."""
    read = Books.read

    def forgetful(log: Path) -> Books:
        books = read(log)
        books.fills["made up"] = next(iter(books.fills.values()))
        books.cash += 1
        return books

    monkeypatch.setattr(Books, "read", staticmethod(forgetful))
    found = rehearsed(1, (), 5.0)
    assert {violation.rule for violation in found.violations} == {FILLS, BOOKS}


def test_faults_are_chosen_by_place_and_kind() -> None:
    from algotrader.cli.rehearse_alpaca import read_alpaca_faults

    assert read_alpaca_faults("all") == FAULT_KINDS
    assert read_alpaca_faults("none") == ()
    assert read_alpaca_faults("data:drop, rest:mute") == ("rest:mute", "data:drop")
    assert read_alpaca_faults("orders.connect") == tuple(kind for kind in FAULT_KINDS if kind.startswith("orders.connect:"))
    with pytest.raises(UserError, match="there is no fault 'rest:slow'"):
        read_alpaca_faults("rest:slow")
