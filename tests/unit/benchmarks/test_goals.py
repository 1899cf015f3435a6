"""The goals: what is compared with what, what counts as reached, and what is left open."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import goals, startup
from benchmarks.engines import OURS, Engine
from benchmarks.goals import GOALS, Found, Goal
from benchmarks.measure import Measurement
from benchmarks.startup import HELP, Start
from benchmarks.tables import Row
from benchmarks.workloads import WORKLOADS, Workload

KINDS = {"basana": "callback", "bt": "callback", "zipline_reloaded": "callback", "backtesting": "callback", "vectorbt": "arrays"}


def row(load: str, key: str, seconds: float, memory: float = 100.0, agrees: bool = True) -> Row:
    engine = Engine(key, key, KINDS.get(key, "ours"), {}, callback="yes", by_date=key == "bt")
    bars = WORKLOADS[load].bars
    told = {"seconds": seconds, "bars": float(bars), "fills": 1.0, "final_equity": 1.0, "peak_rss_mb": memory}
    return Row(Measurement(engine, WORKLOADS[load].rows, [told]), "", agrees)


def found(*rows: tuple[str, Row], starts: tuple[Start, ...] = ()) -> Found:
    loads = dict.fromkeys(load for load, _ in rows)
    results: list[tuple[Workload, list[Row]]] = [(WORKLOADS[load], [one for name, one in rows if name == load]) for load in loads]
    return Found(results, starts)


def cells(run: Found) -> dict[str, list[str]]:
    lines = goals.markdown(run).splitlines()[4:]
    return {line.split(" | ")[0].removeprefix("| "): [cell.strip(" |") for cell in line.split(" | ")[1:]] for line in lines}


def full_run() -> Found:
    def all_of(load: str, **seconds: float) -> list[tuple[str, Row]]:
        return [(load, row(load, key, one)) for key, one in seconds.items()]

    slow_sweep = ("W3", row("W3", "vectorbt", 30.0, 4000.0))
    return found(
        *all_of("W1", ours_memory=1.0, ours_candidates_memory=0.2, ours_plain=20.0, loop=0.5, vectorbt=0.8, basana=12.0, bt=15.0),
        *all_of("W2", ours_memory=2.4, basana=30.0, bt=25.0),
        *all_of("W3", ours_candidates=10.0, ours_one_core=17.0),
        slow_sweep,
        *all_of("W4", ours=4.0),
        *all_of("W5", ours_memory=1.0, zipline_reloaded=60.0, backtesting=4.0),
        ("W6", row("W6", OURS, 9.0, 300.0)),
        starts=(Start(HELP, [], [0.3, 0.2, 0.24]),),
    )


def test_every_goal_is_computed_from_its_rows() -> None:
    assert {name: (measured, met) for name, (_, _, measured, met) in cells(full_run()).items()} == {
        "W1 ÷ fastest callback peer": ("12.00 × (basana)", "yes"),
        "W1 ÷ the rule as a bare loop": ("50 %", "not the aim"),
        "W1 with candidates ÷ vectorbt": ("4.00 ×", "yes, not the aim"),
        "W2, cost of a bar ÷ that of W1": ("1.20 ×", "yes, not the aim"),
        "W2 ÷ fastest callback peer": ("10.42 × (bt, a call a date)", "yes, not the aim"),
        "W3 ÷ vectorbt": ("3.00 ×", "yes, not the aim"),
        "W3, memory ÷ vectorbt's": ("2 %", "yes"),
        "W3, all cores ÷ one core": ("1.70 ×", "not the aim"),
        "W4": ("4.00 s", "yes, not the aim"),
        "W5 ÷ zipline-reloaded": ("60.00 ×", "yes"),
        "W5 ÷ backtesting.py": ("4.00 ×", "no"),
        "W6, ten million bars streamed: peak memory": ("300 MB", "yes, not the aim"),
        "`algo-trader --help`": ("0.24 s", "yes"),
        "W1, not compiled ÷ fastest callback peer": ("0.60 × (basana)", "no"),
    }


def test_limits_say_which_way_they_go() -> None:
    shown = {name: (must, aim) for name, (must, aim, _, _) in cells(found()).items()}
    assert shown["W1 ÷ fastest callback peer"] == ("≥ 10 ×", "")
    assert shown["W2, cost of a bar ÷ that of W1"] == ("≤ 1.3 ×", "≤ 1.1 ×")
    assert shown["W1 ÷ the rule as a bare loop"] == ("", "≥ 60 %")
    assert shown["W3, memory ÷ vectorbt's"] == ("≤ 25 %", "")


def test_what_was_left_out_is_not_measured() -> None:
    assert len(cells(found())) == len(GOALS)
    assert all(measured == "" and met == "not measured" for _, _, measured, met in cells(found()).values())
    alone = cells(found(("W1", row("W1", goals.MEMORY, 1.0))))
    assert alone["W1 ÷ fastest callback peer"][3] == "not measured"


def test_a_peer_that_traded_otherwise_and_a_shortened_workload_do_not_count() -> None:
    wrong = found(("W1", row("W1", goals.MEMORY, 1.0)), ("W1", row("W1", "basana", 12.0, agrees=False)))
    assert cells(wrong)["W1 ÷ fastest callback peer"][3] == "not measured"
    short = WORKLOADS["W4"].first(1000)
    assert cells(Found([(short, [row("W4", OURS, 1.0)])], []))["W4"][3] == "not measured"


@pytest.mark.parametrize(
    ("most", "value", "verdict"),
    [(False, 10, "yes"), (False, 9.9, "yes, not the aim"), (False, 4.9, "no"), (True, 5, "yes"), (True, 10, "yes, not the aim")],
)
def test_a_limit_itself_is_within_the_limit(most: bool, value: float, verdict: str) -> None:
    goal = Goal("x", 5, 10, "×", lambda run: None)
    assert (replace(goal, must=10, aim=5, most=True) if most else goal).verdict(value) == verdict


def test_commands_are_started_in_turns_and_the_first_time_is_not_counted(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = "import sys; open(sys.argv[1], 'a').write(sys.argv[2])"
    starts = [Start(name, [sys.executable, "-c", code, str(log), name]) for name in ("a", "b")]
    found = startup.measure(starts, 2)
    assert log.read_text() == "ababab"
    assert [len(start.rounds) for start in found] == [2, 2]
    assert "| `a` | 0." in startup.markdown(found)


def test_a_command_that_fails_is_named_and_left_out_of_the_goals() -> None:
    broken = Start(HELP, [sys.executable, "-c", "raise SystemExit('it broke')"])
    absent = Start("b", ["/nowhere/at/all"])
    startup.measure([broken, absent], 2)
    assert broken.fault == "it broke"
    assert "No such file" in absent.fault
    assert "| `algo-trader --help` | failed: it broke |" in startup.markdown([broken, absent])
    assert cells(found(starts=(broken,)))["`algo-trader --help`"][3] == "not measured"
    assert startup.record(broken) == {"command": HELP, "rounds": [], "fault": "it broke"}
