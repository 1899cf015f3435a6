"""The interpreter while a session trades."""

from __future__ import annotations

import gc
import sys
from contextlib import suppress

import pytest

from algotrader.core.reports import INFO
from algotrader.live.control import ENGINE_STATE, RUNNING, SHUTTING_DOWN, WARMING_UP
from algotrader.live.interpreter import SWITCH_SECONDS, YOUNG_OBJECTS, SetAside, trading_pace


def test_threads_take_turns_sooner_and_garbage_waits_for_the_time_of_a_session_only() -> None:
    before, thresholds = sys.getswitchinterval(), gc.get_threshold()
    with suppress(KeyError), trading_pace():
        assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS)
        assert before > SWITCH_SECONDS
        assert gc.get_threshold() == (YOUNG_OBJECTS, *thresholds[1:])
        raise KeyError
    assert (sys.getswitchinterval(), gc.get_threshold()) == (before, thresholds)


@pytest.mark.parametrize(
    ("kind", "message", "set_aside"),
    [
        pytest.param(ENGINE_STATE, RUNNING, True, id="it trades"),
        pytest.param(ENGINE_STATE, WARMING_UP, False, id="it warms up"),
        pytest.param(ENGINE_STATE, SHUTTING_DOWN, False, id="it ends"),
        pytest.param("note", RUNNING, False, id="something else"),
    ],
)
def test_what_is_there_when_a_session_trades_is_looked_at_no_more(kind: str, message: str, set_aside: bool) -> None:
    assert gc.get_freeze_count() == 0
    observer = SetAside()
    with trading_pace():
        observer.on_told(0, kind, INFO, "", message)
        assert (gc.get_freeze_count() > 0) is set_aside
    assert gc.get_freeze_count() == 0


def test_only_the_first_start_counts() -> None:
    observer = SetAside()
    with trading_pace():
        observer.on_told(0, ENGINE_STATE, INFO, "", RUNNING)
        gc.unfreeze()
        observer.on_told(0, ENGINE_STATE, INFO, "", RUNNING)
        assert gc.get_freeze_count() == 0
