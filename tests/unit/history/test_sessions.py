"""Tables of sessions are kept on disk, and whatever is wrong with what was kept costs time only."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algotrader.core.market import NS_PER_MINUTE
from algotrader.history import sessions
from algotrader.history.calendars import normal_calendar, regular_mask, session_table
from algotrader.history.intervals import day_ns
from algotrader.history.sessions import SessionTable

DAY = 86_400
_ASK = """
import sys
from datetime import date
from algotrader.history.calendars import session_of_day, time_zone
print(session_of_day(sys.argv[1], date(2024, 11, 6)), time_zone(sys.argv[1]))
print(sorted({"pandas", "exchange_calendars"} & set(sys.modules)))
"""


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of Tokyo's sessions in an empty cache, once they have been asked for."""
    monkeypatch.setenv("ALGOTRADER_CACHE", str(tmp_path))
    fresh("XTKS")
    return tmp_path / "sessions" / "XTKS.i64"


def fresh(name: str) -> SessionTable:
    """The table as a new process would get it."""
    return sessions.load_table.__wrapped__(name)


def same(first: SessionTable, second: SessionTable) -> bool:
    return all(np.array_equal(getattr(first, item.name), getattr(second, item.name)) for item in fields(SessionTable))


@cache
def known(name: str) -> SessionTable:
    """What the library knows; today, for its tables end a year from now, and what this machine has kept may be of another day."""
    return sessions._build(name)


def built(name: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calendars that the library was asked for while a table was loaded."""
    asked: list[str] = []
    build, right = sessions._build, known(name)

    def noted(wanted: str) -> SessionTable:
        asked.append(wanted)
        return build(wanted)

    with monkeypatch.context() as patch:
        patch.setattr(sessions, "_build", noted)
        assert same(fresh(name), right)
    return asked


def test_what_was_kept_is_what_the_library_knows(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert built("XTKS", monkeypatch) == []
    assert same(fresh("XTKS"), sessions._build("XTKS"))


def replace_text(path: Path, old: bytes, new: bytes) -> None:
    path.write_bytes(path.read_bytes().replace(old, new))


def damage_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = [
    pytest.param(damage_bit, id="a bit has changed"),
    pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-40]), id="cut off"),
    pytest.param(lambda path: path.write_bytes(b""), id="empty"),
    pytest.param(lambda path: path.write_bytes(b"\xff\xfe\n" + bytes(80)), id="not ours"),
    pytest.param(lambda path: path.write_bytes(b"[]\n"), id="not a table"),
    pytest.param(lambda path: replace_text(path, b'"library": "', b'"library": "0.'), id="another version"),
    pytest.param(lambda path: replace_text(path, b'"XTKS"', b'"XNYS"'), id="another calendar"),
    pytest.param(lambda path: os.utime(path, (0, path.stat().st_mtime - 31 * DAY)), id="a month old"),
    pytest.param(lambda path: os.utime(path, (0, path.stat().st_mtime + 31 * DAY)), id="from the future"),
    pytest.param(lambda path: path.unlink() or path.mkdir(), id="a folder"),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_does_not_serve_is_built_anew(kept: Path, damage: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch) -> None:
    damage(kept)
    assert built("XTKS", monkeypatch) == ["XTKS"]
    assert built("XTKS", monkeypatch) == (["XTKS"] if kept.is_dir() else [])


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ALGOTRADER_CACHE", str(tmp_path / "file"))
    assert built("XTKS", monkeypatch) == ["XTKS"]


@pytest.mark.parametrize("calendar", ["XNYS", "XKRX"])
def test_neither_library_is_imported_when_the_table_is_there(calendar: str, tmp_path: Path) -> None:
    paths = os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path if entry)
    environment = {**os.environ, "PYTHONPATH": paths, "ALGOTRADER_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", _ASK, calendar]
    answers = [subprocess.run(command, capture_output=True, text=True, check=True, env=environment) for _ in range(2)]
    first, second = (answer.stdout.splitlines() for answer in answers)
    assert first[0] == second[0] != "None"
    assert (first[1], second[1]) == ("['exchange_calendars', 'pandas']", "[]")


def test_the_next_session_follows_a_holiday_and_a_weekend() -> None:
    table = session_table("XNYS")
    assert table.following(date(2024, 7, 3)) == date(2024, 7, 5)
    assert table.following(date(2024, 7, 5)) == date(2024, 7, 8)
    assert table.following(date(2100, 1, 1)) == date(2100, 1, 2)


@given(
    st.sampled_from(["XNYS", "XTKS", "CME"]),
    st.lists(st.integers(-5 * 1440, 5 * 1440), max_size=30),
    st.booleans(),
)
def test_regular_bars_are_those_that_start_in_a_session_and_outside_its_break(
    calendar: str, minutes: list[int], ascending: bool
) -> None:
    middle = day_ns(date(2024, 7, 4))
    times = [middle + minute * NS_PER_MINUTE for minute in (sorted(minutes) if ascending else minutes)]
    around = session_table(calendar).between(middle - 7 * DAY * 10**9, middle + 7 * DAY * 10**9).sessions(normal_calendar(calendar))
    expected = [any(session.contains(time) for session in around) for time in times]
    assert regular_mask(calendar, np.array(times, dtype=np.int64)).tolist() == expected


@given(st.lists(st.integers(-9 * 1440, 9 * 1440), max_size=30).map(sorted))
def test_sessions_that_have_opened_are_counted(minutes: list[int]) -> None:
    table = session_table("XNYS")
    times = np.array([day_ns(date(2024, 7, 4)) + minute * NS_PER_MINUTE for minute in minutes], dtype=np.int64)
    assert table.opened_by(times).tolist() == np.searchsorted(table.opens, times, side="right").tolist()
