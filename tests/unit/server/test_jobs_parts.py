"""The parts of backtests and sweeps that need no process: names, folders, what a worker is told of ours, comparisons."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st
from session_kit import ToldControl

from algotrader.config.loading import load_settings
from algotrader.research.sweeps.result import SweepResult
from algotrader.research.sweeps.space import Axis, Space
from algotrader.server.app import create_app
from algotrader.server.jobs.backtest_work import MOST_TRIPS
from algotrader.server.jobs.checks import MOST_COMBINATIONS
from algotrader.server.jobs.compare import compare
from algotrader.server.jobs.folder import SCRATCH, JobFolder, new_id
from algotrader.server.jobs.market import CATALOGUE, MADE_UP, Market, market_of
from algotrader.server.jobs.process import environment
from algotrader.server.jobs.records import DONE, QUEUED, Job, read_job
from algotrader.server.jobs.routes import job_routes
from algotrader.server.jobs.runs import run_number
from algotrader.server.jobs.service import JobSettings
from algotrader.server.jobs.sweep_work import heat_map
from algotrader.server.jobs.worker import NICE
from algotrader.server.models.backtests import MOST_SYMBOLS, SweepRequest


def job(job_id: str, created: int = 1) -> Job:
    return Job(job_id, "backtest", "a title", {"strategy": "velez"}, None, created)


@given(st.text())
def test_only_names_that_were_drawn_lead_to_a_folder(name: str) -> None:
    folder = JobFolder(Path("jobs"))
    if name.isascii() and len(name) == 11 and name[0].islower() and set(name[1:]) <= set("0123456789abcdef"):
        assert folder.of(name).parent == Path("jobs")
    else:
        with pytest.raises(ValueError, match="names no job"):
            folder.of(name)


@given(st.text(alphabet="run-0123456789٣²", max_size=20))
def test_numbers_of_runs(text: str) -> None:
    found = run_number(text)
    assert found is None or (text.startswith("run-") and found == int(text[4:]) < 10**15)


def test_jobs_are_read_as_they_were_written_and_rubbish_is_left_alone(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path / "jobs")
    assert folder.load() == []
    first, second = job(new_id("backtest"), 2), job(new_id("backtest"), 1)
    first.end(DONE, 7, "done")
    for one in (first, second):
        folder.save(one)
    (tmp_path / "jobs" / "readme").mkdir()
    for name, text in {
        "b0000000001": "{",
        "b0000000002": json.dumps({**first.kept(), "state": "odd"}),
        "b0000000003": "[]",
    }.items():
        (tmp_path / "jobs" / name).mkdir()
        (tmp_path / "jobs" / name / "job.json").write_text(text)
    (tmp_path / "jobs" / "b0000000004").mkdir()
    (tmp_path / "jobs" / "b0000000004" / "job.json").write_text(json.dumps(first.kept()))
    assert folder.load() == [second, first]
    assert (tmp_path / "jobs" / first.id).stat().st_mode & 0o077 == 0
    folder.remove(first.id)
    assert folder.load() == [second]
    assert (folder.result(second.id), folder.tearsheet(second.id)) == (None, None)


def test_a_job_of_a_later_version_keeps_what_is_known() -> None:
    assert read_job({**job("b0000000001").kept(), "colour": "red"}).state == QUEUED


@pytest.mark.parametrize(("metric", "cells", "trials"), [("sharpe", ["3", "4"], [3, 2]), ("max_drawdown", ["1", "2"], [1, 4])])
def test_trials_that_share_a_cell_show_the_best(metric: str, cells: list[str], trials: list[int]) -> None:
    space = Space([Axis("fast", (1, 2)), Axis("slow", (9,)), Axis("kind", ("a",)), Axis("size", (5, 6))])
    values = [1, 3, 4, 2]
    records: list[dict[str, Any]] = [
        {"window": 0, "sample": "all", "trial": trial, "point": point, "status": "ok", "metrics": {metric: value}}
        for point, (trial, value) in enumerate(zip([1, 3, 2, 4], values, strict=True))
    ]
    failed = {"window": 0, "sample": "all", "trial": 5, "point": 0, "status": "failed", "metrics": {}}
    whole = heat_map(SweepResult("s", ("A",), metric, space, "grid", 0, 0, [*records, failed]))
    assert whole is not None
    assert (whole["x"]["name"], whole["y"]["name"]) == ("fast", "size")
    narrow = Space([Axis("fast", (1, 2)), Axis("slow", (9,))])
    for record in records:
        record["point"] //= 2
    found = heat_map(SweepResult("s", ("A",), metric, narrow, "grid", 0, 0, [*records, failed]))
    assert found is not None
    assert found["y"] is None
    assert found["layers"] == [{"window": 0, "cells": [cells], "trials": [trials]}]
    assert heat_map(SweepResult("s", ("A",), metric, Space([Axis("fast", (1,))]), "grid", 0, 0, [])) is None


def test_without_jobs_the_calls_are_described_and_refused() -> None:
    async def ask() -> httpx.Response:
        app = create_app(ToldControl(), token="t")
        assert {"/api/backtests", "/api/backtests/{job_id}/tearsheet", "/api/sweeps/{job_id}"} <= set(app.openapi()["paths"])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.get("/api/backtests")

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_jobs")


def test_a_worker_is_told_no_secret() -> None:
    ours = {
        "PATH": "/bin",
        "PYTHONPATH": "src",
        "ALGOTRADER_CACHE": "/cache",
        "ALGO_BROKER__SECRET_KEY": "secret",
        "ALGO_WEB__TOKEN": "secret",
        "APCA_API_SECRET_KEY": "secret",
        "PGPASSWORD": "secret",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    told = environment(ours, Path("/scratch"))
    assert "secret" not in told.values()
    assert (told["PATH"], told["PYTHONPATH"], told["ALGOTRADER_CACHE"], told["TMPDIR"]) == ("/bin", "src", "/cache", "/scratch")
    assert told["POLARS_MAX_THREADS"] == "1"


def test_the_market_is_what_the_session_trades_or_its_settings_name(tmp_path: Path) -> None:
    environ = {"ALGOTRADER_CACHE": str(tmp_path)}
    plain = load_settings(environ).config
    named = load_settings({**environ, "ALGO_DATA": str(tmp_path / "bars")}).config
    made_up = market_of(None, plain, environ)
    assert (made_up.kind, made_up.folder) == (MADE_UP, tmp_path / "demo-data")
    assert market_of(None, None, environ) == made_up
    assert (market_of(None, named, environ).kind, market_of(None, named, environ).folder.name) == (CATALOGUE, "bars")
    traded = market_of(tmp_path / "traded", named, environ)
    assert traded.document() == {"kind": "catalogue", "name": "the catalogue traded"}
    assert str(tmp_path) not in json.dumps(traded.document())


@pytest.mark.parametrize(
    ("name", "values", "best"),
    [
        ("sharpe", ["1.0", "2.0"], 1),
        ("max_drawdown", ["0.1", "0.2"], 0),
        ("sharpe", ["2.0", "2.0", "1.0"], None),
        ("sharpe", [None, "2.0"], None),
        ("sharpe", [None, "2.0", "-1"], 1),
        ("fills", ["1", "2"], None),
    ],
)
def test_the_best_of_several_runs(name: str, values: list[str | None], best: int | None) -> None:
    def run(place: int, value: str | None) -> dict[str, object]:
        figure = {"name": name, "label": name, "kind": "number", "value": value, "text": value or "n/a"}
        result = {"figures": [figure], "capital": "50", "equity": [["2024-01-02T00:00:00Z", "60.00"]]}
        return {"id": f"run-{place}", "request": {"strategy": "velez", "symbols": ["A"]}, "result": result}

    found = compare([run(place, value) for place, value in enumerate(values)])
    assert found["figures"][0]["best"] == best
    assert found["curves"][0]["points"] == [("2024-01-02T00:00:00Z", "120.0000")]
    assert found["differences"] == []
    assert all("result" not in one for one in found["items"])


def test_the_page_about_jobs_tells_the_limits() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "jobs.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([A-Z][^|]*) \| (.*) \|$", page, re.MULTILINE))
    usual = JobSettings(Path("jobs"), Market(MADE_UP, Path("bars")))
    trials = SweepRequest.model_fields["trials"].metadata
    told = {name: [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", text)] for name, text in rows.items()}
    assert told == {
        "Running at a time": [usual.running],
        "Waiting": [usual.waiting],
        "Time of one": [int(usual.seconds / 3600)],
        "Symbols": [MOST_SYMBOLS],
        "Combinations of a grid": [MOST_COMBINATIONS, next(bound.le for bound in trials if hasattr(bound, "le"))],
        "Round trips in an answer": [MOST_TRIPS],
        "Remembered": [usual.kept],
    } | {name: told[name] for name in ("What", "Call") if name in told}
    for path in job_routes(None).routes:
        assert isinstance(path, APIRoute)
        assert path.path.replace("{job_id}", "{id}") in page, path.path


def test_a_worker_ends_when_its_session_is_gone(tmp_path: Path) -> None:
    (tmp_path / SCRATCH).mkdir()
    command = [sys.executable, "-P", "-m", "algotrader.server.jobs.worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps({"kind": "backtest", "folder": str(tmp_path)}).encode() + b"\n")
        worker.stdin.flush()
        assert json.loads(worker.stdout.readline()) == {"progress": 0.0, "message": "loading"}
        assert os.getpriority(os.PRIO_PROCESS, worker.pid) >= NICE
        # As if the session had been killed: whatever it had open is closed.
        worker.stdin.close()
        assert worker.wait(30) == 0
        # An order without a market would have ended in an error.
        assert worker.stdout.read() == b""
