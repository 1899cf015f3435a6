"""What the report of a sweep says, and that nothing in it can run or load; the words of the warning."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from algotrader.research.sweeps.frame import METRICS
from algotrader.research.sweeps.report import MOST_ROWS, render_report, write_report
from algotrader.research.sweeps.result import SweepResult
from algotrader.research.sweeps.space import Axis, Space
from algotrader.research.sweeps.summary import counted, figure_text, kind_of, label, parameters_text, warning, window_days
from algotrader.research.sweeps.trial import Record
from algotrader.research.sweeps.walkforward import Window

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
DAY = 86_400 * 10**9
START = 1_704_171_600 * 10**9  # midnight in New York, 2024-01-02


def record(trial: int, sharpe: float, window: int = 0, sample: str = "all", **changed: Any) -> Record:
    """A run whose annual Sharpe ratio is given; the other figures follow the trial's number."""
    metrics: dict[str, Any] = dict.fromkeys(METRICS, trial)
    metrics |= {"sharpe": sharpe, "total_return": sharpe / 100, "final_equity": "25000.123456", "net_profit": "0.123456"}
    daily = {"count": 250, "sharpe": sharpe / 252**0.5, "skewness": 0.0, "kurtosis": 3.0}
    told = {"window": window, "sample": sample, "trial": trial, "point": trial - 1, "status": "ok", "error": ""}
    rest = {"start": START, "end": START + DAY, "annual_sessions": 252, "fingerprint": "f", "strategy_errors": 0, "returns": []}
    return {**told, **rest, "metrics": metrics, "moments": daily, **changed}


def result(records: list[Record], **changed: Any) -> SweepResult:
    space = Space([Axis("fast", (5, 10, 15)), Axis("slow", ("20", "40"))])
    given = {
        "strategy": "cross",
        "symbols": ("AAPL",),
        "metric": "sharpe",
        "space": space,
        "search": "grid",
        "seed": 0,
        "skipped": 2,
    }
    return SweepResult(**{**given, "records": records, **changed})


def walked() -> SweepResult:
    windows = [Window(1, START, START + 10 * DAY, START + 15 * DAY), Window(2, START, START + 15 * DAY, START + 20 * DAY)]
    trials = [record(1, 1.0, 1, "train"), record(2, 3.0, 1, "train"), record(1, 2.0, 2, "train"), record(2, 1.0, 2, "train")]
    tests = [record(2, 0.5, 1, "test", returns=[0.01, -0.02]), record(1, 0.1, 2, "test", returns=[0.03])]
    return result([*trials, *tests], windows=windows, zone="America/New_York")


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_the_page_holds_every_trial() -> None:
    data = data_of(render_report(result([record(1, 0.5), record(2, 1.5), record(3, -1.0)])))
    assert [axis["values"] for axis in data["axes"]] == [["5", "10", "15"], ["20", "40"]]
    assert [(row[1], row[2], row[3]) for row in data["rows"]] == [(2, 1, 1.5), (1, 0, 0.5), (3, 2, -1.0)]
    assert data["metrics"][0] == {"label": "Sharpe", "kind": "number", "lower": False}
    assert len({metric["label"] for metric in data["metrics"]}) == len(data["metrics"]) == len(data["rows"][0]) - 3
    assert (data["windows"], data["left"]) == (["All"], 0)


def test_runs_that_failed_are_shown_without_figures() -> None:
    failed = {**record(2, 0.0), "status": "failed", "error": "no bars"}
    data = data_of(render_report(result([record(1, 0.5), failed])))
    assert data["rows"][1][:3] == [0, 2, 1]
    assert set(data["rows"][1][3:]) == {None}


def test_only_the_best_of_very_many_are_shown() -> None:
    many = [{**record(1, float(number)), "trial": number} for number in range(MOST_ROWS + 5)]
    data = data_of(render_report(result(many)))
    assert (len(data["rows"]), data["left"]) == (MOST_ROWS, 5)
    assert min(row[3] for row in data["rows"]) == 5.0


def test_tests_of_a_walk_forward_are_in_the_table_of_windows_only() -> None:
    page = render_report(walked())
    data = data_of(page)
    assert len(data["rows"]) == 4
    assert data["windows"] == ["Window 1", "Window 2"]
    assert "<td>2024-01-02 to 2024-01-11</td><td>2024-01-12 to 2024-01-16</td><td>fast=5 slow=40</td>" in page


def test_everything_from_outside_is_escaped() -> None:
    evil = Space([Axis(EVIL, (EVIL, EVIL + "2")), Axis("slow", (1, 2))])
    page = render_report(
        result([record(1, 0.5), {**record(2, 0.1), "status": "failed", "error": EVIL}], space=evil, strategy=EVIL, symbols=(EVIL,))
    )
    assert "<img" not in page
    assert page.count("<script") == 2
    assert data_of(page)["axes"][0]["name"] == EVIL


def test_the_policy_allows_the_one_script_and_style_by_hash() -> None:
    page = render_report(result([record(1, 0.5)]))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    for tag in ("script", "style"):
        found = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert found is not None
        assert f"'sha256-{base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()}'" in policy[1]
    assert policy[1].startswith("default-src 'none';")
    assert re.findall(r"(?:src|href)=\"?(?!#)[a-z/]+[:/]", page) == []


def test_the_same_sweep_gives_the_same_page(tmp_path: Path) -> None:
    files = [write_report(walked(), tmp_path / str(number) / "report.html").read_bytes() for number in range(2)]
    assert files[0] == files[1]


def test_the_warning_names_trials_luck_and_what_is_left() -> None:
    """Two trials of 1 and 3 a year: their spread is √2, of which luck takes 0.5772 · 0.9005; so 0.73 a year."""
    found = warning(result([record(1, 1.0), record(2, 3.0)]))
    assert found[0].startswith("Best of 2 trials, Sharpe 3.00; the best of so many would show 0.74 by luck alone.")
    assert "Deflated Sharpe ratio 98." in found[0]
    assert "data that it has not" in found[1]


def test_a_weak_best_is_called_no_evidence() -> None:
    found = warning(result([record(1, 0.1), record(2, 0.3)]))
    assert "no evidence of skill" in found[1]


@pytest.mark.parametrize("status", ["failed", "ok"])
def test_a_sweep_without_a_best_says_so(status: str) -> None:
    broken = {**record(1, 0.0), "status": status}
    broken["metrics"] = {**broken["metrics"], "sharpe": None}
    assert warning(result([broken])) == ["No trial has a value for sharpe."]


def test_a_walk_forward_is_judged_by_its_tests() -> None:
    """1.01 · 0.98 · 1.03 is 1.0195, and the deepest fall 2 %; the chosen trials had Sharpe ratios of 3 and 2."""
    found = warning(walked())
    assert found[0].startswith("Tests of 2 windows put together, 3 days: return +1.95 %")
    assert "maximum drawdown 2.00 %" in found[0]
    assert "a mean Sharpe of 2.50" in found[1]
    assert warning(result([], windows=walked().windows)) == ["No test of the walk-forward came to its end."]


def test_counted() -> None:
    assert counted(result([record(1, 1.0)])) == "1 trial (grid), 2 impossible combinations skipped"
    assert counted(walked()) == "4 trials (grid), in 2 windows, 2 impossible combinations skipped"


def test_windows_name_the_days_of_the_exchange() -> None:
    assert window_days(walked(), walked().windows[0]) == ("2024-01-02", "2024-01-11", "2024-01-12", "2024-01-16")


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        ("total_return", "1.50 %"),
        ("sharpe", "1.50"),
        ("final_equity", "25,000.12"),
        ("round_trips", "1"),
        ("average_duration_seconds", "1 s"),
    ],
)
def test_figures_are_written_by_their_kind(metric: str, text: str) -> None:
    assert figure_text(record(1, 1.5), metric) == text


def test_every_figure_has_a_kind_and_a_label() -> None:
    assert {kind_of(name) for name in METRICS} == {"percent", "money", "whole", "seconds", "number"}
    assert len({label(name) for name in METRICS}) == len(METRICS)
    assert parameters_text(result([]), record(3, 0.0)) == "fast=10 slow=20"
