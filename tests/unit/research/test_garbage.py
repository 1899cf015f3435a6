"""The garbage collector looks seldom during a run, and as before after it."""

from __future__ import annotations

import gc
import weakref

import pytest

from algotrader.research import garbage
from algotrader.research.garbage import rare_collections


class Ring:
    """An object that only the garbage collector can free."""

    def __init__(self) -> None:
        self.self = self


def test_thresholds_come_back_after_nested_runs_and_errors() -> None:
    before = gc.get_threshold()
    with rare_collections():
        with pytest.raises(KeyError), rare_collections():
            raise KeyError
        assert gc.get_threshold() != before
    assert gc.get_threshold() == before


def test_what_is_young_at_the_end_is_not_looked_at_and_not_lost() -> None:
    with rare_collections():
        ring = weakref.ref(Ring())
        assert gc.get_freeze_count() == 0
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert ring() is None


def test_what_is_frozen_stays_frozen() -> None:
    gc.freeze()
    try:
        count = gc.get_freeze_count()
        with rare_collections():
            pass
        assert gc.get_freeze_count() >= count - 1
    finally:
        gc.unfreeze()


def test_many_runs_do_not_pile_up_what_they_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "_MOST_LEFT", 1000)
    gc.collect()
    with rare_collections():
        rings = [weakref.ref(Ring()) for _ in range(2000)]
    assert any(ring() is not None for ring in rings)
    with rare_collections():
        assert all(ring() is None for ring in rings)
