"""Small backtests do no more work than is on record: questions, bars, orders and calls are counted, no time is taken."""

from __future__ import annotations

import json

import pytest
from golden.count_work import CASES, FORM, RECORD, count, stored

from algotrader.history.catalogue import Catalogue

KNOWN = json.loads(RECORD.read_text(encoding="utf-8"))
PLAIN = ("slices", "fills", "bars handed over", "should_long", "should_exit", "handle_data")


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return stored(tmp_path_factory.mktemp("work"))


@pytest.mark.parametrize("name", list(CASES))
def test_the_work_is_that_on_record(name: str, catalogue: Catalogue) -> None:
    known, found = KNOWN[FORM][name], count(CASES[name], catalogue)
    changed = [
        f"{what}: {known.get(what, 0):,} on record, {found.get(what, 0):,} now"
        for what in sorted(known.keys() | found.keys())
        if known.get(what, 0) != found.get(what, 0)
    ]
    assert not changed, f"{name}, {FORM}: {'; '.join(changed)}. If that is meant, say `make work-counts`."


@pytest.mark.parametrize("name", list(CASES))
def test_both_forms_do_the_same(name: str) -> None:
    compiled, interpreted = KNOWN["compiled"][name], KNOWN["interpreted"][name]
    assert [compiled.get(what) for what in PLAIN] == [interpreted.get(what) for what in PLAIN]


@pytest.mark.parametrize("form", ["compiled", "interpreted"])
def test_candidates_save_the_questions_that_they_promise_to(form: str) -> None:
    cases = KNOWN[form]
    for name in ("sma_cross", "sma_cross, four instruments"):
        skipping, every = cases[f"{name}, candidates"], cases[f"{name}, every bar"]
        assert skipping["fills"] == every["fills"]
        # The rule of a cross can be told on whole columns: only bars that trade are looked at.
        assert skipping["bars handed over"] == skipping["fills"]
        assert every["bars handed over"] > 50 * every["fills"]
    assert cases["velez, candidates"]["should_long"] == cases["velez, candidates"]["entry_price"]
