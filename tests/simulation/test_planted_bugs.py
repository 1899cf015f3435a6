"""The rehearsal finds every bug that is planted on purpose, and says which rule it breaks."""

from __future__ import annotations

import pytest

from algotrader.rehearsal import invariants
from algotrader.rehearsal.options import RehearsalOptions
from algotrader.rehearsal.planted import PLANTED
from algotrader.rehearsal.runner import rehearse_one

WITHIN = 200
"""Days from seed 1 on within which every bug has to be found."""

TYPICAL = {
    "skip-the-enquiry": (invariants.ANSWERED, invariants.DOUBT),
    "count-fills-twice": (invariants.FILLS, invariants.BOOKS),
    "drop-late-fills": (invariants.FILLS, invariants.PROTECTED),
    "cancel-before-replace": (invariants.PROTECTED,),
    "absence-is-rejection": (invariants.EVIDENCE,),
    "forget-stops-after-restart": (invariants.RESTART,),
    "send-entries-again": (invariants.SENT_TWICE,),
    "ignore-unanswered-after-restart": (invariants.ANSWERED, invariants.DOUBT),
    "send-before-commit": (invariants.SENT_TWICE, invariants.FILLS),
    "never-watch": (invariants.PROTECTED, invariants.DOUBT),
    "lose-ends": (invariants.DOUBT,),
}
"""Rules of which each bug breaks one."""


def test_every_bug_has_its_rule() -> None:
    assert set(TYPICAL) == set(PLANTED)
    assert len(PLANTED) >= 8


@pytest.mark.slow
@pytest.mark.covers("C57")
@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_found(name: str) -> None:
    options = RehearsalOptions(planted=name)
    for seed in range(1, WITHIN + 1):
        outcome = rehearse_one(options, seed)
        broken = {violation.rule for violation in outcome.violations}
        if broken & set(TYPICAL[name]):
            return
    raise AssertionError(f"{name} was not found within {WITHIN} days")
