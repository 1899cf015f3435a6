"""Sweeps from end to end: every run is a plain backtest, on one core and on many, interrupted or not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from algotrader.core.instruments import equity
from algotrader.errors import UserError
from algotrader.history.catalogue import Catalogue
from algotrader.history.generator import generate
from algotrader.research.backtest import BacktestOptions, backtest
from algotrader.research.metrics import compute_metrics
from algotrader.research.sweeps.journal import Journal
from algotrader.research.sweeps.overfitting import Moments, deflated_sharpe
from algotrader.research.sweeps.result import ranked, value_of
from algotrader.research.sweeps.sweep import SweepResult, WalkForward, sweep
from algotrader.simulation.slippage import NoSlippage
from algotrader.strategies.sma_cross import SmaCross

GRID = {"fast": "5:25:10", "slow": [10, 30, 60], "quantity": 10}
POSSIBLE = 7  # of nine: 15 and 25 are not below 10
MINE = '''
from algotrader.strategies.base import SignalStrategy
from algotrader.strategies.parameters import Parameters


class Choice(Parameters):
    kind: str = "good"


class Mine(SignalStrategy):
    """Never trades; a kind of it raises on every bar, another one in its set-up."""

    parameters_type = Choice
    required_history = 1

    def indicators(self):
        if self.parameters.kind == "broken":
            raise RuntimeError("no such thing")
        return {}

    def should_long(self, bar, indicators):
        if self.parameters.kind == "bad":
            raise RuntimeError("not on this bar")
        return False
'''


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """Nine days of made-up minute bars of two symbols."""
    catalogue = Catalogue(tmp_path_factory.mktemp("stored") / "bars")
    for symbol in ("AAPL", "TSLA"):
        instrument = equity(symbol)
        catalogue.write_bars(instrument, "1m", generate(instrument, date(2024, 1, 2), date(2024, 1, 12), seed=1))
    return catalogue


@pytest.fixture
def run(bars: Catalogue) -> Callable[..., SweepResult]:
    """Give a function that sweeps the moving averages over AAPL in this process, unless told otherwise."""

    def call(strategy: Any = "sma_cross", symbols: tuple[str, ...] = ("AAPL",), **given: Any) -> SweepResult:
        return sweep(strategy, symbols, **{"data": bars, "grid": GRID, "workers": 1, **given})

    return call


Run = Callable[..., SweepResult]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stop_after(runs: int) -> Callable[[int, int], None]:
    """A user who presses Ctrl+C when so many runs are done."""

    def press(done: int, planned: int) -> None:
        if done == runs:
            raise KeyboardInterrupt

    return press


@pytest.mark.parametrize("symbols", [("AAPL",), ("AAPL", "TSLA"), ("TSLA", "AAPL")])
def test_every_run_is_a_plain_backtest(run: Run, bars: Catalogue, symbols: tuple[str, ...]) -> None:
    options = BacktestOptions(strict=False, commission="0.005", benchmark="TSLA")
    found = run(symbols=symbols, options=options, start="2024-01-04", end="2024-01-10")
    assert len(found.records) == POSSIBLE
    for record in found.records:
        plain = backtest(
            "sma_cross",
            symbols,
            data=bars,
            start="2024-01-04",
            end="2024-01-10",
            parameters=found.parameters(record),
            options=options,
        )
        assert record["metrics"] == compute_metrics(plain).as_dict()
        assert (record["fingerprint"], record["start"], record["end"]) == (plain.fingerprint, plain.start, plain.end)


def test_impossible_combinations_are_skipped_and_counted(run: Run) -> None:
    found = run()
    assert (len(found.records), found.skipped, found.failed) == (POSSIBLE, 2, [])
    tried = [(found.parameters(record)["fast"], found.parameters(record)["slow"]) for record in found.records]
    assert tried == [(5, 10), (5, 30), (5, 60), (15, 30), (15, 60), (25, 30), (25, 60)]
    assert [record["trial"] for record in found.records] == list(range(1, POSSIBLE + 1))


def test_one_core_equals_two(run: Run, tmp_path: Path) -> None:
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    run(out=one)
    run(out=two, workers=2)
    assert digest(one) == digest(two)


@pytest.mark.parametrize("half", [1, 3, POSSIBLE])
def test_interrupted_and_resumed_gives_the_same_file(run: Run, tmp_path: Path, half: int) -> None:
    whole, parts = tmp_path / "whole.parquet", tmp_path / "parts.parquet"
    run(out=whole)
    with pytest.raises(KeyboardInterrupt):
        run(out=parts, progress=stop_after(half))
    assert not parts.exists()
    journal = tmp_path / "parts.parquet.journal"
    assert len(journal.read_text().splitlines()) == 1 + half
    done: list[tuple[int, int]] = []
    run(out=parts, resume=True, progress=lambda *counts: done.append(counts))
    assert done == [(count, POSSIBLE) for count in range(half, POSSIBLE + 1)]
    assert digest(parts) == digest(whole)
    assert not journal.exists()


@pytest.mark.parametrize("search", ["random", "optuna"])
@pytest.mark.parametrize("walk", [None, WalkForward.read("rolling", "5d", "3d")])
def test_other_searches_resume_too(run: Run, tmp_path: Path, search: str, walk: WalkForward | None) -> None:
    if search == "optuna":
        pytest.importorskip("optuna")
    given = {"search": search, "trials": 5, "seed": 7, "grid": {"fast": "2:12:1", "slow": "5:40:5"}, "walk_forward": walk}
    whole, parts = tmp_path / "whole.parquet", tmp_path / "parts.parquet"
    run(out=whole, **given)
    with pytest.raises(KeyboardInterrupt):
        run(out=parts, progress=stop_after(3), **given)
    run(out=parts, resume=True, workers=2, **given)
    assert digest(parts) == digest(whole)


def test_a_line_cut_off_in_the_middle_is_run_again(run: Run, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole.parquet", tmp_path / "parts.parquet"
    run(out=whole)
    with pytest.raises(KeyboardInterrupt):
        run(out=parts, progress=stop_after(4))
    journal = tmp_path / "parts.parquet.journal"
    journal.write_bytes(journal.read_bytes()[:-40])
    with pytest.raises(KeyboardInterrupt):
        run(out=parts, resume=True, progress=stop_after(5))
    run(out=parts, resume=True)
    assert digest(parts) == digest(whole)


def test_an_interrupted_sweep_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "sweep.parquet"
    with pytest.raises(KeyboardInterrupt):
        run(out=out, progress=stop_after(2))
    with pytest.raises(UserError, match="interrupted sweep") as caught:
        run(out=out)
    assert "--resume" in caught.value.hint


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"grid": {**GRID, "fast": "5:25:20"}}, "grid"),
        ({"start": "2024-01-03"}, "data, period"),
        ({"options": BacktestOptions(strict=False, ideal=True)}, "options"),
        ({"symbols": ("TSLA",)}, "symbols, data"),
        ({"metric": "cagr"}, "metric"),
        ({"walk_forward": WalkForward.read("rolling", "5d", "3d")}, "walk-forward"),
    ],
)
def test_another_sweep_is_not_resumed(run: Run, tmp_path: Path, changed: dict[str, Any], named: str) -> None:
    out = tmp_path / "sweep.parquet"
    with pytest.raises(KeyboardInterrupt):
        run(out=out, progress=stop_after(2))
    with pytest.raises(UserError, match=f"another sweep: different {named}$"):
        run(out=out, resume=True, **changed)


def test_changed_bars_and_changed_code_are_noticed(run: Run, tmp_path: Path) -> None:
    mine, out = tmp_path / "mine.py", tmp_path / "sweep.parquet"
    stored = Catalogue(tmp_path / "own")
    stored.write_bars(equity("AAPL"), "1m", generate(equity("AAPL"), date(2024, 1, 2), date(2024, 1, 3), seed=1))
    mine.write_text(MINE)
    given = {"strategy": f"{mine}:Mine", "grid": {"kind": ["good", "fine"]}, "data": stored, "out": out}
    with pytest.raises(KeyboardInterrupt):
        run(progress=stop_after(1), **given)
    stored.write_bars(equity("AAPL"), "1m", generate(equity("AAPL"), date(2024, 1, 2), date(2024, 1, 3), seed=2))
    with pytest.raises(UserError, match=r"different data$"):
        run(resume=True, **given)
    mine.write_text(MINE + "\n")
    with pytest.raises(UserError, match=r"different code, data$"):
        run(resume=True, **given)


def test_resume_without_a_journal_begins_at_the_beginning(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "new" / "sweep.parquet"
    assert len(run(out=out, resume=True).records) == POSSIBLE
    assert [path.name for path in out.parent.iterdir()] == ["sweep.parquet"]


def test_a_damaged_journal_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.parquet.journal").write_text('{"x":1}\n{"trial":\n', encoding="utf-8")
    with pytest.raises(UserError, match="is damaged"):
        Journal(tmp_path / "a.parquet", {"x": 1}, resume=True)


def test_the_table_holds_what_was_run(run: Run, tmp_path: Path) -> None:
    found = run(out=tmp_path / "sweep.parquet")
    frame = pl.read_parquet(tmp_path / "sweep.parquet")
    assert frame.equals(found.frame())
    assert frame["param_fast"].to_list() == [found.parameters(record)["fast"] for record in found.records]
    assert frame["sharpe"].to_list() == [record["metrics"]["sharpe"] for record in found.records]
    assert frame["final_equity"].to_list() == [Decimal(record["metrics"]["final_equity"]) for record in found.records]
    assert frame["start"].dtype == pl.Datetime("ns", "UTC")
    assert frame["deflated_sharpe"].is_between(0.0, 1.0).all()


@pytest.mark.parametrize(("metric", "sign"), [("sharpe", -1), ("Total-Return", -1), ("max_drawdown", 1), ("worst day", -1)])
def test_the_best_is_the_best_by_the_figure_wanted(run: Run, metric: str, sign: int) -> None:
    found = run(metric=metric)
    values = [value_of(record, found.metric) for record in ranked(found.records, found.metric)]
    known = [value for value in values if value is not None]
    assert known == sorted(known, key=lambda value: sign * value)
    assert found.best is not None
    assert value_of(found.best, found.metric) == known[0]


def test_equals_rank_by_trial_and_the_undefined_come_last(run: Run) -> None:
    records = run().records
    copies = [
        {**record, "metrics": {**record["metrics"], "calmar": value}}
        for record, value in zip(records, (1, None, 2, 2), strict=False)
    ]
    assert [record["trial"] for record in ranked(copies, "calmar")] == [3, 4, 1, 2]


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({"metric": "sharp"}, "'sharp' is not a metric", "did you mean sharpe?"),
        ({"search": "gird"}, "'gird' is not a search", "did you mean grid?"),
        ({"executor": "rya"}, "'rya' is not an executor", "did you mean ray?"),
        ({"workers": 0}, "0 workers are impossible", "at least one"),
        ({"grid": {"fsat": 5}}, "no parameter 'fsat'; did you mean 'fast'", "lists them"),
        ({"grid": {"fast": "0:10:5"}}, "'fast' = 0 is not valid", "lists them"),
        ({"grid": {"fast": 50, "slow": [10, 20]}}, "none of the combinations is possible.*must be below", "other values"),
        ({"strategy": "sma_crss"}, "did you mean 'sma_cross'", "lists"),
        ({"symbols": ("MSFT",)}, "MSFT is not in the catalogue", ""),
        ({"symbols": ()}, "no symbols", "--symbols"),
        ({"start": "2030-01-01", "end": "2030-02-01"}, "no bars in this period", "span"),
        ({"scanner": "gap:2"}, "unknown scanner", ""),
        ({"walk_forward": WalkForward.read("rolling", "90d", "4d")}, "training alone needs 90", "shorten"),
    ],
)
def test_mistakes_are_told_before_anything_runs(run: Run, given: dict[str, Any], message: str, hint: str, tmp_path: Path) -> None:
    def never(done: int, planned: int) -> None:
        raise AssertionError("something ran")

    with pytest.raises(UserError, match=message) as caught:
        run(**{"out": tmp_path / "x.parquet", "progress": never, **given})
    assert hint in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_travel_is_told(run: Run) -> None:
    class Local(SmaCross):
        """A class that another process cannot import."""

    with pytest.raises(UserError, match="cannot be sent") as caught:
        run(strategy=Local, workers=2)
    assert "workers=1" in caught.value.hint
    with pytest.raises(UserError, match="slippage model cannot be sent"):
        run(options=BacktestOptions(slippage=NoSlippage()), workers=2)
    assert len(run(strategy=Local).records) == POSSIBLE


def test_a_strategy_that_fails_on_bars_is_counted(run: Run, tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(MINE)
    found = run(strategy=f"{mine}:Mine", grid={"kind": "good,bad"})
    errors = [record["strategy_errors"] for record in found.records]
    assert errors[0] == 0
    assert errors[1] > 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_strategy_that_breaks_in_its_set_up_ends_the_sweep(run: Run, tmp_path: Path, workers: int) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(MINE)
    with pytest.raises(RuntimeError, match="no such thing"):
        run(strategy=f"{mine}:Mine", grid={"kind": "good,broken"}, workers=workers, out=tmp_path / "x.parquet")


def test_runs_that_cannot_be_made_are_rows_too(run: Run) -> None:
    """Velez on candles of 7 minutes cannot be fed from what is stored here; candles of 2 minutes can."""
    found = run(strategy="velez", grid={"candle_interval_minutes": [2, 5]}, interval=None)
    assert [record["status"] for record in found.records] == ["ok", "ok"]
    record = {**found.records[1], "status": "failed", "error": "no bars"}
    mixed = replace(found, records=[found.records[0], record])
    frame = mixed.frame()
    assert frame["status"].to_list() == ["ok", "failed"]
    assert frame["sharpe"].null_count() == frame["deflated_sharpe"].null_count() == 1
    assert mixed.verdict().trials == 1
    assert mixed.best == found.records[0]


def test_walk_forward_chooses_on_training_only(run: Run, bars: Catalogue) -> None:
    walk = WalkForward.read("anchored", "6d", "3d")
    found = run(walk_forward=walk, options=BacktestOptions(strict=False))
    steps = found.steps()
    assert [step.window.number for step in steps] == [1, 2]
    assert found.best is None
    for step in steps:
        assert step.best is not None
        assert step.test is not None
        trained = [r for r in found.records if (r["window"], r["sample"]) == (step.window.number, "train")]
        assert step.best == ranked(trained, "sharpe")[0]
        assert step.test["point"] == step.best["point"]
        assert step.best["end"] <= step.window.train_end == step.test["start"] < step.test["end"] <= step.window.test_end
        assert len(trained) == POSSIBLE
    forward = found.forward()
    assert forward is not None
    assert forward.days == sum(len(step.test["returns"]) for step in steps if step.test is not None)


def test_trials_are_judged_among_those_of_their_window(run: Run) -> None:
    found = run(walk_forward=WalkForward.read("rolling", "6d", "3d"))
    frame = found.frame()
    assert frame.filter(pl.col("sample") == "test")["deflated_sharpe"].null_count() == len(found.windows)
    for row, record in zip(frame.iter_rows(named=True), found.records, strict=True):
        if row["sample"] == "train":
            rivals = [r["moments"]["sharpe"] for r in found.trials if r["window"] == row["window"]]
            assert row["deflated_sharpe"] == deflated_sharpe(Moments(**record["moments"]), rivals).probability


def test_tests_put_together_compound(run: Run) -> None:
    found = run(walk_forward=WalkForward.read("rolling", "6d", "3d"))
    forward, growth = found.forward(), 1.0
    for step in found.steps():
        assert step.test is not None
        growth *= 1.0 + step.test["metrics"]["total_return"]
    assert forward is not None
    assert forward.total_return == pytest.approx(growth - 1.0, abs=1e-9)


def test_the_journal_is_plain_json(run: Run, tmp_path: Path) -> None:
    """No clock, no host, no process: what a run writes depends on nothing but the run."""
    out = tmp_path / "sweep.parquet"
    with pytest.raises(KeyboardInterrupt):
        run(out=out, progress=stop_after(1))
    header, record = (json.loads(line) for line in (tmp_path / "sweep.parquet.journal").read_text().splitlines())
    assert header["search"] == ["grid", None, 0]
    assert set(record) == {
        *("window", "sample", "trial", "point", "status", "error", "start", "end", "metrics"),
        *("moments", "annual_sessions", "fingerprint", "strategy_errors", "returns"),
    }
