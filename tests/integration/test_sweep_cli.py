"""``algo-trader sweep`` as a user meets it, and the same sweep on a Ray of this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from conftest import CliResult

from algotrader.core.instruments import equity
from algotrader.history.catalogue import Catalogue
from algotrader.history.generator import generate
from algotrader.research.sweeps.sweep import sweep

Cli = Callable[..., CliResult]

GRID = ("--param", "fast=5:15:5", "--param", "slow=10:30:10")


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a catalogue with a week of made-up minute bars."""
    catalogue = Catalogue(tmp_path_factory.mktemp("stored") / "bars")
    catalogue.write_bars(equity("AAPL"), "1m", generate(equity("AAPL"), date(2024, 1, 2), date(2024, 1, 8), seed=1))
    return str(catalogue.path)


@pytest.fixture
def run(cli: Cli, bars: str) -> Cli:
    """Give a function that sweeps the moving averages over the week in a process of its own."""

    def call(*arguments: str) -> CliResult:
        return cli("sweep", "sma_cross", "--symbols", "AAPL", "--data", bars, "--workers", "1", *arguments)

    return call


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_sweep_shows_the_best_and_warns(run: Cli, tmp_path: Path) -> None:
    done = run(*GRID, "--top", "3", "--report", "sweep.html")
    assert (done.code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[:2] == ["sma_cross on AAPL", "7 trials (grid), 2 impossible combinations skipped"]
    heading = next(number for number, line in enumerate(lines) if line.startswith("Trial"))
    assert lines[heading].split()[:3] == ["Trial", "Parameters", "Sharpe"]
    shown = [float(line.split()[3]) for line in lines[heading + 2 : heading + 5]]
    assert shown == sorted(shown, reverse=True)
    assert lines[heading + 5] == ""
    assert any(line.startswith("beware       Best of 7 trials, Sharpe ") for line in lines)
    assert lines[-2:] == ["table        out/sweep.parquet", "report       sweep.html"]
    assert max(len(line) for line in lines) <= 80
    assert pl.read_parquet(tmp_path / "out" / "sweep.parquet").height == 7
    assert "Best of 7 trials" in (tmp_path / "sweep.html").read_text(encoding="utf-8")


def test_the_list_can_be_sorted_by_another_figure(run: Cli) -> None:
    lines = run(*GRID, "--sort", "round_trips").stdout.splitlines()
    heading = next(number for number, line in enumerate(lines) if line.startswith("Trial"))
    assert lines[heading].split()[2:4] == ["Round", "trips"]
    counts = [int(line.split()[3]) for line in lines[heading + 2 : heading + 9]]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) > 1


def test_interrupted_and_resumed_writes_the_same_bytes(run: Cli, bars: str, tmp_path: Path) -> None:
    """The interrupt comes from a run in this process; the command line goes on with what it left."""

    def press(done: int, planned: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    assert run(*GRID, "--out", "whole.parquet").code == 0
    stopped = tmp_path / "stopped.parquet"
    with pytest.raises(KeyboardInterrupt):
        sweep(
            "sma_cross",
            ["AAPL"],
            data=bars,
            grid={"fast": "5:15:5", "slow": "10:30:10"},
            workers=1,
            out=stopped,
            progress=press,
        )
    refused = run(*GRID, "--out", "stopped.parquet")
    assert refused.code == 2
    assert "hint: add --resume" in refused.stderr
    resumed = run(*GRID, "--out", "stopped.parquet", "--resume")
    assert resumed.code == 0, resumed.stderr
    assert digest(stopped) == digest(tmp_path / "whole.parquet")


def test_a_walk_forward_lists_its_windows(run: Cli, tmp_path: Path) -> None:
    done = run(*GRID, "--walk-forward", "rolling", "--train", "2sessions", "--test", "1session")
    assert done.code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1] == "21 trials (grid), in 3 windows, 2 impossible combinations skipped"
    assert [line.split()[0] for line in lines if line.startswith("2024-")] == ["2024-01-04", "2024-01-05", "2024-01-08"]
    frame = pl.read_parquet(tmp_path / "out" / "sweep.parquet")
    assert frame["sample"].value_counts(sort=True).rows() == [("train", 21), ("test", 3)]


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        ((*GRID, "--metric", "sharp"), "'sharp' is not a metric", "did you mean sharpe?"),
        ((*GRID, "--sort", "tota_return"), "'tota_return' is not a metric", "did you mean total_return?"),
        ((*GRID, "--param", "fast=7"), "--param fast is given twice", "fast=10,20,50"),
        (("--param", "fast=9:1:2"), "has no values", "FROM:TO:STEP"),
        ((*GRID, "--train", "5d"), "belong together", "--walk-forward rolling"),
        ((*GRID, "--workers", "0"), "0 workers are impossible", "at least one"),
        ((*GRID, "--search", "random", "--trials", "0"), "0 trials are impossible", "from 1"),
        ((*GRID, "--latency", "-1"), "--latency: the latency must not be negative", "--help"),
    ],
)
def test_mistakes_get_a_line_and_a_hint(run: Cli, tmp_path: Path, arguments: tuple[str, ...], error: str, hint: str) -> None:
    done = run(*arguments)
    assert (done.code, done.stdout) == (2, "")
    told, suggested = done.stderr.splitlines()
    assert error in told
    assert suggested.startswith("hint: ")
    assert hint in suggested
    assert not list(tmp_path.rglob("*.parquet*"))


def test_a_strategy_that_fails_on_bars_gives_exit_code_3(cli: Cli, bars: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from algotrader.strategies.base import SignalStrategy\n"
        "from algotrader.strategies.parameters import Parameters\n"
        "class Choice(Parameters):\n"
        "    kind: str = 'good'\n"
        "class Mine(SignalStrategy):\n"
        "    parameters_type = Choice\n"
        "    required_history = 1\n"
        "    def should_long(self, bar, indicators):\n"
        "        return 1 / 0 if self.parameters.kind == 'bad' else False\n"
    )
    done = cli("sweep", "mine.py:Mine", "--symbols", "AAPL", "--data", bars, "--param", "kind=good,bad", "--workers", "2")
    assert done.code == 3
    assert "the strategy failed on some bars" in done.stderr
    assert (tmp_path / "out" / "sweep.parquet").exists()


@pytest.mark.slow
def test_ray_equals_local(bars: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    grid = {"fast": "5:15:5", "slow": "10:30:10"}
    for executor in ("local", "ray"):
        sweep("sma_cross", ["AAPL"], data=bars, grid=grid, workers=2, executor=executor, out=tmp_path / f"{executor}.parquet")
    assert digest(tmp_path / "ray.parquet") == digest(tmp_path / "local.parquet")
    assert not ray.is_initialized()


def test_ray_that_is_missing_is_told(run: Cli, tmp_path: Path) -> None:
    # Where it is installed, this one is found before it.
    (tmp_path / "ray.py").write_text("raise ImportError('there is none')\n", encoding="utf-8")
    done = run(*GRID, "--executor", "ray")
    assert done.code == 2
    assert done.stderr.splitlines() == [
        "error: Ray is not installed",
        "hint: pip install 'algo-trader[ray]', or use --executor local",
    ]
