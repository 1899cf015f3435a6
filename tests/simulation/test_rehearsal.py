"""Whole trading days under faults: no rule is broken, and the same seed plays the same day.

A test plays a few days; the days of all tests together are the ones that every change has to pass.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from algotrader.rehearsal.faults import KINDS
from algotrader.rehearsal.options import VENUES, RehearsalOptions
from algotrader.rehearsal.outcome import Outcome
from algotrader.rehearsal.runner import rehearse, rehearse_one

BLOCK = 10
"""Days of one test; blocks are what parallel runs of the tests share out."""

DAYS = 200
SHORT = 20
"""Days that every run of the suite plays; the rest of them are for `make test-long`."""

_DIGESTS = """
import sys
from algotrader.rehearsal.options import RehearsalOptions
from algotrader.rehearsal.runner import rehearse_one

for seed in (5, 6):
    outcome = rehearse_one(RehearsalOptions(), seed)
    print(seed, outcome.venue, outcome.events, outcome.digest)
"""


def _told(outcome: Outcome) -> str:
    return f"seed {outcome.seed} at {outcome.venue}: " + "; ".join(f"{v.rule}: {v.message}" for v in outcome.violations[:3])


@pytest.mark.slow
@pytest.mark.covers("A95", "A98", "A99", "A141", "A142", "A150", "B43", "C27", "C40", "C57")
@pytest.mark.parametrize(
    "first",
    [pytest.param(first, marks=[] if first <= SHORT else pytest.mark.long) for first in range(1, DAYS + 1, BLOCK)],
)
def test_no_rule_is_broken_whatever_goes_wrong(first: int) -> None:
    outcomes = list(rehearse(RehearsalOptions(), first, BLOCK))
    assert [_told(outcome) for outcome in outcomes if not outcome.passed] == []
    assert {outcome.venue for outcome in outcomes} == set(VENUES)
    assert sum(outcome.deaths for outcome in outcomes) > BLOCK
    assert all(outcome.fills > 20 and outcome.round_trips > 5 for outcome in outcomes)


@pytest.mark.slow
@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_alone(kind: str, venue: str) -> None:
    outcome = rehearse_one(RehearsalOptions(faults=(kind,), venue=venue), 301)
    assert outcome.passed, _told(outcome)
    assert set(outcome.faults) <= {kind}


@pytest.mark.parametrize("venue", VENUES)
def test_a_day_without_faults_is_a_day_of_trading(venue: str) -> None:
    outcome = rehearse_one(RehearsalOptions(faults=(), venue=venue), 11)
    assert outcome.passed, _told(outcome)
    assert outcome.deaths == 0
    assert outcome.faults == {}
    assert outcome.round_trips > 30


@pytest.mark.covers("C27")
def test_the_same_seed_writes_the_same_journal_in_every_process() -> None:
    source = str(Path(sys.modules["algotrader"].__file__ or "").parents[1])
    answers = []
    for hash_seed in ("1", "77"):
        environment = dict(os.environ, PYTHONHASHSEED=hash_seed, PYTHONPATH=source)
        done = subprocess.run([sys.executable, "-c", _DIGESTS], env=environment, capture_output=True, text=True, check=True)
        answers.append(done.stdout)
    assert answers[0] == answers[1]
    assert len({line.split()[-1] for line in answers[0].splitlines()}) == 2


def test_other_processes_play_the_same_days() -> None:
    alone = {outcome.seed: outcome.digest for outcome in rehearse(RehearsalOptions(), 21, 2, workers=1)}
    shared = {outcome.seed: outcome.digest for outcome in rehearse(RehearsalOptions(), 21, 2, workers=2)}
    assert alone == shared
