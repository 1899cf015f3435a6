"""The run: what a script tells, turns and medians, the comparison, the tables, and the exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import run, tables
from benchmarks.agreement import Convention
from benchmarks.engines import CALL, HERE, OURS, Engine
from benchmarks.measure import Bench, Measurement
from benchmarks.protocol import MARK, own_peak, parse
from benchmarks.workloads import DATA, WORKLOADS, Workload

LOAD = Workload("W1", "a small one", "tiny", 1, 1500)


@pytest.fixture(autouse=True)
def few_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATA, "tiny", (1, 1500))


def outcome(seconds: float, fills: int = 10, equity: float = 100.0, bars: int = 1500) -> dict[str, float]:
    return {"seconds": seconds, "bars": bars, "fills": fills, "final_equity": equity, "peak_rss_mb": 50.0 + seconds}


def measured(engine: Engine, *outcomes: dict[str, float], rows: int = 1500) -> Measurement:
    return Measurement(engine, rows, list(outcomes))


def fake(key: str, code: str, tmp_path: Path, kind: str = "callback") -> Engine:
    script = tmp_path / f"{key}.py"
    script.write_text(code)
    return Engine(key, key, kind, {"W1": script}, python=sys.executable, callback="yes")


def engine(key: str, kind: str = "callback") -> Engine:
    return Engine(key, key, kind, {}, callback="yes")


def test_the_outcome_is_found_among_other_lines() -> None:
    assert parse(f"hello\n{MARK}{json.dumps(outcome(1.0))}\nbye\n")["fills"] == 10


def test_no_outcome_is_an_error() -> None:
    with pytest.raises(ValueError, match="no outcome"):
        parse("hello\n")


def test_the_median_counts() -> None:
    one = measured(engine("x"), outcome(3.0), outcome(1.0), outcome(1.5))
    assert one.seconds == 1.5
    assert one.bars_per_second == 1000.0
    assert one.memory_mb == 53.0
    assert not one.wavers


def test_rounds_that_differ_are_noticed() -> None:
    assert measured(engine("x"), outcome(1.0), outcome(1.0, fills=11)).wavers


def test_engines_take_turns_and_see_the_bars(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = (
        "import json, sys\n"
        "task = json.loads(sys.argv[1])\n"
        f"open({str(log)!r}, 'a').write({{name!r}} + str(task['rows']) + ' ')\n"
        f"print({MARK!r} + json.dumps({outcome(1.0)!r}))\n"
    )
    engines = [fake(name, code.replace("{name!r}", repr(name)), tmp_path) for name in ("a", "b")]
    found = Bench(tmp_path, False, lambda line: None).measure(LOAD, engines, 2)
    assert log.read_text().split() == ["a1500", "b1500", "a1500", "b1500"]
    assert [len(one.outcomes) for one in found] == [2, 2]


def test_an_engine_that_fails_is_left_out_of_later_rounds_with_its_last_line(tmp_path: Path) -> None:
    said: list[str] = []
    broken = fake("broken", "raise SystemExit('it broke')", tmp_path)
    found = Bench(tmp_path, False, said.append).measure(LOAD, [broken], 3)
    assert found[0].fault == "it broke"
    assert len(said) == 1


def test_a_workload_without_a_script_is_passed_over(tmp_path: Path) -> None:
    assert Bench(tmp_path, False, print).measure(WORKLOADS["W4"], [engine("x")], 1) == []


def verdicts(*found: Measurement, conventions: dict[tuple[str, str], Convention] | None = None) -> list[tuple[str, bool]]:
    bench = Bench(Path(), False, print)
    return [(row.verdict, row.agrees) for row in run.compare(bench, LOAD, list(found), conventions or {})]


def test_ours_is_what_others_are_held_against() -> None:
    ours = measured(engine(OURS, "ours"), outcome(1.0))
    same = measured(engine("same"), outcome(2.0))
    off = measured(engine("off"), outcome(2.0, equity=101.0))
    allowed = Convention(equity_per_fill=0.1, why="rounded")
    found = verdicts(ours, same, off, conventions={("other", ""): allowed})
    assert found[:2] == [("same", True), ("same", True)]
    assert found[2][0].startswith("final equity")
    assert not found[2][1]
    assert verdicts(ours, off, conventions={("off", ""): allowed})[1] == ("within its convention", True)


def test_a_failure_of_anyone_is_a_fault() -> None:
    ours = measured(engine(OURS, "ours"), outcome(1.0))
    assert verdicts(ours, Measurement(engine("x"), 1500, fault="boom"))[1] == ("failed: boom", False)
    assert verdicts(Measurement(engine(OURS, "ours"), 1500, fault="boom"), measured(engine("x"), outcome(1.0)))[1][1] is False
    assert verdicts(ours, measured(engine("x"), outcome(1.0), outcome(1.0, fills=9)))[1] == ("its rounds differ", False)


def test_the_call_floor_trades_nothing_and_is_not_compared() -> None:
    ours = measured(engine(OURS, "ours"), outcome(1.0))
    assert verdicts(ours, measured(engine(CALL, "floor"), outcome(0.1, fills=0, equity=5.0)))[1] == ("", True)


def test_a_table_shows_the_fastest_first_and_how_much_faster_ours_is() -> None:
    rows = [
        tables.Row(measured(engine(OURS, "ours"), outcome(1.0)), "same", True),
        tables.Row(measured(engine("slow"), outcome(4.0, fills=-1)), "same", True),
        tables.Row(measured(engine("quick"), outcome(0.5)), "same", True),
        tables.Row(Measurement(engine("gone"), 1500, fault="x"), "failed: x", False),
    ]
    lines = tables.markdown(LOAD, rows).splitlines()[4:]
    assert [line.split(" | ")[0] for line in lines] == ["| quick", "| ours", "| slow", "| gone"]
    assert "0.50 ×" in lines[0]
    assert "1.00 ×" in lines[1]
    assert "4.00 ×" in lines[2]
    assert "not told" in lines[2]
    assert len({line.count("|") for line in lines}) == 1


def test_a_record_keeps_every_round() -> None:
    record = tables.record(LOAD, tables.Row(measured(engine("x"), outcome(1.0), outcome(3.0)), "same", True))
    assert [one["seconds"] for one in record["rounds"]] == [1.0, 3.0]
    assert record["seconds"] == 2.0


def test_results_take_the_place_of_older_ones(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{run.BEGIN}\nold\n{run.END}\nafter\n")
    run.put(page, "new")
    run.put(page, "newer")
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "newer" in text
    assert "old" not in text
    assert "new\n" not in text


def test_a_page_without_markers_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("text\n")
    with pytest.raises(ValueError, match="no markers"):
        run.put(page, "new")
    assert page.read_text() == "text\n"


def test_memory_of_the_starting_process_is_not_counted() -> None:
    ballast = b"x" * 200_000_000
    code = "from benchmarks.protocol import own_peak; print(own_peak())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HERE.parent)
    assert own_peak() > len(ballast) / 2**20 > float(done.stdout)


@pytest.mark.parametrize("given", [["--workloads", "W9"], ["--peers", "nobody"]])
def test_what_does_not_exist_ends_with_2(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(given) == 2
    assert given[1] in capsys.readouterr().err


@pytest.mark.slow
def test_our_engine_trades_as_the_bare_loop_does(tmp_path: Path) -> None:
    folders = [Path(path) for path in sys.path if path.endswith("src")]
    cross = {"W1": HERE / "ours" / "sma_cross.py"}
    loop = {"W1": HERE / "floors" / "loop.py"}
    window = {"W1": HERE / "ours" / "algorithm_window.py"}
    algorithm = {"W1": HERE / "ours" / "algorithm.py"}
    engines = [
        Engine(key, key, kind, scripts, python=sys.executable, path=folders, variant=variant)
        for key, kind, scripts, variant in (
            (OURS, "ours", cross, "every bar"),
            ("candidates", "ours", cross, ""),
            ("window", "ours", window, ""),
            ("algorithm", "ours", algorithm, ""),
            ("loop", "floor", loop, ""),
        )
    ]
    bench = Bench(tmp_path, False, print)
    rows = run.compare(bench, LOAD, bench.measure(LOAD, engines, 1), {})
    assert [row.verdict for row in rows] == ["same"] * len(engines)
    assert rows[0].measured.fills > 5
