"""The bars of the comparison: the same everywhere, possible, and without ties that floats could decide otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from algotrader.core.market import NS_PER_MINUTE
from algotrader.history.catalogue import Catalogue
from benchmarks.data import prepare, session_minutes
from benchmarks.engines import peers
from benchmarks.workloads import DATA, SWEEP, WORKLOADS, Workload, chosen_walk, symbols, ties, walk


def test_the_same_seed_gives_the_same_bars_and_another_seed_others() -> None:
    first, again, other = walk(7, 500), walk(7, 500), walk(8, 500)
    assert np.array_equal(first.close, again.close)
    assert not np.array_equal(first.close, other.close)
    assert first.close[:3].tolist() == [1000445, 1000570, 1000754]


def test_every_bar_is_possible() -> None:
    bars = walk(7, 5000)
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.volume > 0).all()


def test_the_next_open_is_not_the_close() -> None:
    bars = walk(7, 5000)
    assert (bars.open[1:] != bars.close[:-1]).mean() > 0.9


@pytest.mark.parametrize(
    ("close", "fast", "slow", "count"),
    [
        ([10, 10, 10, 10], 1, 2, 3),
        ([10, 12, 14, 16], 1, 2, 0),
        ([10, 20, 15, 15], 1, 2, 1),
        ([2, 1, 2, 1, 5], 2, 4, 1),
    ],
)
def test_ties_are_counted_exactly(close: list[int], fast: int, slow: int, count: int) -> None:
    assert ties(np.array(close), fast, slow) == count


def test_ties_are_those_that_a_plain_loop_finds() -> None:
    close = (np.cumsum(np.random.default_rng(1).integers(-1, 2, 400)) + 100).tolist()
    plain = sum(sum(close[i - 4 : i + 1]) * 10 == sum(close[i - 9 : i + 1]) * 5 for i in range(9, len(close)))
    assert plain > 0
    assert ties(np.array(close), 5, 10) == plain


@pytest.mark.parametrize("name", ["w1", "w2"])
def test_the_chosen_bars_never_tie_and_stay_above_ten(name: str) -> None:
    _, rows = DATA[name]
    bars = chosen_walk(7, min(rows, 50_000))
    assert ties(bars.close, 20, 200) == 0
    assert int(bars.low.min()) >= 100_000


def test_symbols_are_different() -> None:
    names = symbols(50)
    assert len(set(names)) == 50
    assert names[:2] + names[26:28] == ["AA", "AB", "BA", "BB"]


def test_a_sweep_has_a_hundred_possible_pairs() -> None:
    assert len(set(SWEEP)) == 100
    assert all(fast < slow for fast, slow in SWEEP)
    assert WORKLOADS["W3"].bars == 10_000_000


def test_no_workload_asks_for_more_bars_than_its_set_has() -> None:
    for load in WORKLOADS.values():
        instruments, rows = DATA[load.data]
        assert load.instruments == instruments
        assert load.rows <= rows or rows == 0


@pytest.mark.parametrize(("rows", "kept"), [(10, 10), (1_000_000, 500_000)])
def test_the_first_bars_of_a_workload(rows: int, kept: int) -> None:
    assert WORKLOADS["W1"].first(rows).rows == kept


def test_minutes_lie_in_sessions() -> None:
    minutes = session_minutes(800)
    steps = np.diff(minutes)
    assert (steps[:389] == NS_PER_MINUTE).all()
    assert steps[389] > NS_PER_MINUTE
    assert len(minutes) == 800


def test_arrays_and_catalogue_hold_the_same_bars(tmp_path: Path) -> None:
    folder = prepare(tmp_path, "small", 2, 400)
    frame = Catalogue(folder / "catalogue").scan("AB", "1m", 0, 2**62).collect()
    assert frame["close"].to_list() == np.load(folder / "arrays" / "AB.close.npy").tolist()
    assert frame["open_time"].to_list() == np.load(folder / "arrays" / "time.npy").tolist()


def test_bars_are_made_once_and_anew_when_more_are_wanted(tmp_path: Path) -> None:
    folder = prepare(tmp_path, "small", 1, 400)
    marker = folder / "marker"
    marker.touch()
    prepare(tmp_path, "small", 1, 400)
    assert marker.exists()
    prepare(tmp_path, "small", 1, 600)
    assert not marker.exists()
    assert len(np.load(folder / "arrays" / "time.npy")) == 600


def test_workload_counts_the_bars_of_all_instruments_and_pairs() -> None:
    assert Workload("X", "", "w1", 3, 100, ((1, 2), (1, 3))).bars == 600


def test_bars_that_no_peer_runs_on_are_kept_as_a_catalogue_only(tmp_path: Path) -> None:
    folder = prepare(tmp_path, "w6", 2, 400)
    assert [path.name for path in (folder / "arrays").iterdir()] == ["time.npy"]
    assert Catalogue(folder / "catalogue").count("AB", "1m") == 400
    assert not any("W6" in peer.scripts for peer in peers())
    assert WORKLOADS["W6"].bars == 10_000_000
