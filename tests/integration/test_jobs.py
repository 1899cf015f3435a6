"""Backtests and sweeps over HTTP, in processes of their own: started, watched, cancelled, killed, kept, compared, removed."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from job_rig import SMALL, is_alive, serving, small_market

from algotrader.research.backtest import BacktestOptions, backtest
from algotrader.research.metrics import compute_metrics
from algotrader.research.stored import run_of, trades_of
from algotrader.server.jobs.market import MADE_UP, Market
from algotrader.server.models.backtests import BacktestJob, BacktestPage, Comparison, SweepJob, SweepPage
from algotrader.storage.backtests import store_run, stored_run, stored_trades
from algotrader.storage.schema import open_database


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    return small_market(tmp_path_factory.mktemp("bars"))


def figure(job: dict[str, Any], name: str) -> str:
    found = {one["name"]: one["value"] for one in job["result"]["figures"]}
    return str(found[name])


@pytest.mark.covers("A188", "A189")
def test_a_backtest_from_request_to_tear_sheet_and_after_a_restart(tmp_path: Path, market: Market) -> None:
    async def first() -> dict[str, Any]:
        async with serving(tmp_path, market) as place:
            asked = await place.post("/api/backtests", {**SMALL, "capital": "50000"})
            assert (asked["state"], asked["market"]["kind"]) == ("running", "catalogue")
            assert asked["market"]["name"] == f"the catalogue {market.folder.name}"
            await place.ended(asked["id"])
            assert {one["state"] for one in place.told} == {"queued", "running", "done"}
            assert all(set(one) == {"id", "kind", "title", "state", "progress", "message"} for one in place.told)
            job = await place.get(f"/api/backtests/{asked['id']}")
            BacktestJob.model_validate(job)
            answer = await place.client.get(f"/api/backtests/{asked['id']}/tearsheet")
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert answer.headers["content-security-policy"].startswith("sandbox allow-scripts")
            assert "<title>" in answer.text
            kept = await place.client.get(f"/api/backtests/{asked['id']}/tearsheet?download=true")
            assert re.fullmatch(r'attachment; filename="sma_cross-b[0-9a-f]{10}\.html"', kept.headers["content-disposition"])
            return dict(job)

    async def again(job: dict[str, Any]) -> None:
        async with serving(tmp_path, market) as place:
            assert await place.get(f"/api/backtests/{job['id']}") == job
            assert (await place.client.delete(f"/api/backtests/{job['id']}")).json()["removed"] is True
            assert (await place.get("/api/backtests"))["items"] == []
            assert (await place.client.get(f"/api/backtests/{job['id']}")).status_code == 404

    job = asyncio.run(first())
    direct = backtest(
        "sma_cross",
        ["AAPL"],
        data=market.folder,
        interval="5m",
        parameters={"fast": 5, "slow": 20},
        options=BacktestOptions(capital=BacktestOptions().capital * 2, strict=False),
    )
    assert direct.round_trips
    assert job["result"]["fingerprint"] == direct.fingerprint
    assert figure(job, "final_equity") == format(direct.final_equity, "f")
    assert [trip["pnl"] for trip in job["result"]["round_trips"]] == [format(trip.pnl, "f") for trip in direct.round_trips]
    assert job["result"]["assumptions"].get("data") is None
    database = open_database(f"sqlite:///{tmp_path / 'algo.db'}")
    run = stored_run(database, job["run"])
    assert run is not None
    assert (run.strategy, run.symbols, run.initial_capital) == ("sma_cross", ("AAPL",), "50000")
    assert len(stored_trades(database, job["run"])) == len(direct.round_trips)
    asyncio.run(again(job))
    assert stored_run(database, job["run"]) is None
    database.close()
    assert list((tmp_path / "algo.db.jobs").iterdir()) == []


def test_a_backtest_is_cancelled_in_the_middle(tmp_path: Path, market: Market) -> None:
    async def go() -> None:
        async with serving(tmp_path, market, waiting=1) as place:
            first = await place.post("/api/backtests", SMALL)
            second = await place.post("/api/backtests", SMALL)
            assert second["state"] == "queued"
            full = await place.client.post("/api/backtests", json=SMALL)
            assert (full.status_code, full.json()["error"]["code"]) == (429, "queue_full")
            pid = await place.stop_at_work(first["id"])
            told = (await place.client.delete(f"/api/backtests/{first['id']}")).json()
            assert told == {"id": first["id"], "state": "cancelled", "removed": False}
            # The second has its turn once the first one's process is gone.
            await place.heard(lambda one: one["id"] == second["id"] and one["state"] == "running")
            assert not is_alive(pid)
            assert (await place.client.get("/health")).status_code == 200
            await place.stop_at_work(second["id"])
            page = await place.get("/api/backtests")
            BacktestPage.model_validate(page)
            assert [(one["id"], one["state"]) for one in page["items"]] == [
                (second["id"], "running"),
                (first["id"], "cancelled"),
            ]
            assert [one["id"] for one in (await place.get("/api/backtests?state=cancelled"))["items"]] == [first["id"]]
            early = await place.client.get(f"/api/backtests/compare?ids={first['id']},{second['id']}")
            assert (early.status_code, early.json()["error"]["code"]) == (409, "no_result")

    asyncio.run(go())


def test_the_death_of_a_worker_is_told_and_the_next_job_runs(tmp_path: Path, market: Market) -> None:
    async def go() -> None:
        async with serving(tmp_path, market) as place:
            asked = await place.post("/api/backtests", SMALL)
            os.kill(await place.stop_at_work(asked["id"]), signal.SIGKILL)
            told = await place.ended(asked["id"])
            assert told["state"] == "failed"
            assert "the worker process was killed (SIGKILL)" in told["error"]["message"]
            assert not (tmp_path / "algo.db.jobs" / asked["id"] / "result.json").exists()
            # What can be seen only by the one who reads the bars is told as clearly.
            asked = await place.post("/api/backtests", {**SMALL, "start": "2025-01-01", "end": "2025-02-01"})
            error = (await place.ended(asked["id"]))["error"]
            assert error["message"] == "there are no bars in this period"
            assert "2024-01-02 to 2024-01-04" in error["hint"]

    asyncio.run(go())


def test_the_end_of_the_session_ends_its_jobs(tmp_path: Path, market: Market) -> None:
    async def go() -> tuple[int, str, str]:
        async with serving(tmp_path, market) as place:
            first, second = [await place.post("/api/backtests", SMALL) for _ in range(2)]
            return await place.stop_at_work(first["id"]), first["id"], second["id"]

    async def again(ids: tuple[str, ...]) -> None:
        async with serving(tmp_path, market) as place:
            for job_id in ids:
                job = await place.get(f"/api/backtests/{job_id}")
                assert (job["state"], job["error"]["message"]) == ("cancelled", "the session ended before it was done")

    pid, *ids = asyncio.run(go())
    assert not is_alive(pid)
    asyncio.run(again(tuple(ids)))


def test_a_job_that_takes_too_long_is_ended(tmp_path: Path, market: Market) -> None:
    async def go() -> None:
        async with serving(tmp_path, market, seconds=0.05) as place:
            asked = await place.post("/api/sweeps", {**SWEEP})
            told = await place.ended(asked["id"])
            assert (told["state"], told["error"]["message"]) == ("failed", "it took longer than 0.05 seconds")

    asyncio.run(go())


SWEEP = {"strategy": "sma_cross", "symbols": ["AAPL"], "interval": "5m", "grid": {"fast": "4:8:4", "slow": [6, 20, 30]}}


def test_a_sweep_gives_its_table_and_heat_map(tmp_path: Path, market: Market) -> None:
    async def go() -> None:
        async with serving(tmp_path, market) as place:
            asked = await place.post("/api/sweeps", {**SWEEP, "metric": "total_return"})
            assert asked["request"]["grid"] == {"fast": [4, 8], "slow": [6, 20, 30]}
            await place.ended(asked["id"])
            job = await place.get(f"/api/sweeps/{asked['id']}")
            SweepJob.model_validate(job)
            SweepPage.model_validate(await place.get("/api/sweeps"))
            result = job["result"]
            # Fast 8 above slow 6 is not allowed by the strategy.
            assert result["summary"] == "5 trials (grid), 1 impossible combination skipped"
            (layer,) = result["heatmap"]["layers"]
            assert (result["heatmap"]["x"]["values"], result["heatmap"]["y"]["values"]) == (["4", "8"], ["6", "20", "30"])
            assert [[cell is None for cell in line] for line in layer["cells"]] == [[False, True], [False, False], [False, False]]
            for row in result["rows"]:
                x, y = row["parameters"]["fast"], row["parameters"]["slow"]
                place_of = (["6", "20", "30"].index(y), ["4", "8"].index(x))
                assert layer["cells"][place_of[0]][place_of[1]] == row["values"][0]
                assert layer["trials"][place_of[0]][place_of[1]] == row["trial"]
            assert result["best"] == result["rows"][0]["trial"]
            assert (await place.client.get(f"/api/backtests/{asked['id']}")).status_code == 404
            assert (await place.client.get(f"/api/backtests/{asked['id']}/tearsheet")).status_code == 404

    asyncio.run(go())


def test_a_walk_forward_gives_its_steps_and_a_layer_for_each_window(tmp_path: Path, market: Market) -> None:
    async def go() -> None:
        async with serving(tmp_path, market) as place:
            walk = {"kind": "rolling", "train": "1sessions", "test": "1sessions"}
            asked = await place.post("/api/sweeps", {**SWEEP, "grid": {"fast": "3:5:1", "slow": "8"}, "walk_forward": walk})
            job = await place.ended(asked["id"])
            assert job["state"] == "done", job["error"]
            SweepJob.model_validate(job)
            result = job["result"]
            assert [(step["window"], step["train_start"], step["test_start"]) for step in result["steps"]] == [
                (1, "2024-01-02", "2024-01-03"),
                (2, "2024-01-03", "2024-01-04"),
            ]
            assert result["heatmap"]["y"] is None
            for layer, step in zip(result["heatmap"]["layers"], result["steps"], strict=True):
                (trials,), (cells,) = layer["trials"], layer["cells"]
                assert cells[trials.index(step["trial"])] == step["trained"]
            assert {row["sample"] for row in result["rows"]} == {"train", "test"}

    asyncio.run(go())


def test_runs_of_the_command_line_are_listed_compared_and_removed(tmp_path: Path, market: Market) -> None:
    async def go() -> None:
        async with serving(tmp_path, market) as place:
            database = open_database(f"sqlite:///{tmp_path / 'algo.db'}")
            for fast in (5, 10):
                run = backtest("sma_cross", ["MSFT"], data=market.folder, interval="5m", parameters={"fast": fast, "slow": 20})
                store_run(database, run_of(run, compute_metrics(run), 1_700_000_000_000_000_000 + fast), trades_of(run))
            # What is stored while a backtest runs may be its own; it is told once that is known.
            asked = await place.post("/api/backtests", SMALL)
            await place.stop_at_work(asked["id"])
            store_run(database, run_of(run, compute_metrics(run), time.time_ns()), trades_of(run))
            assert [one["id"] for one in (await place.get("/api/backtests"))["items"]] == [asked["id"], "run-2", "run-1"]
            for _ in range(2):
                await place.client.delete(f"/api/backtests/{asked['id']}")
            assert [one["id"] for one in (await place.get("/api/backtests"))["items"]] == ["run-3", "run-2", "run-1"]
            await place.client.delete("/api/backtests/run-3")
            database.close()
            page = await place.get("/api/backtests?limit=1")
            assert ([one["id"] for one in page["items"]], page["more"]) == (["run-2"], True)
            assert [one["id"] for one in (await place.get("/api/backtests?limit=1&offset=1"))["items"]] == ["run-1"]
            assert (await place.get("/api/backtests?state=failed"))["items"] == []
            BacktestJob.model_validate(await place.get("/api/backtests/run-1"))
            found = await place.get("/api/backtests/compare?ids=run-2,run-1")
            Comparison.model_validate(found)
            assert {one["name"]: one["values"] for one in found["differences"]} == {"parameters.fast": ["10", "5"]}
            assert all(99 < float(curve["points"][0][1]) < 101 for curve in found["curves"])
            assert (await place.client.delete("/api/backtests/run-2")).json()["removed"] is True
            assert (await place.client.delete("/api/backtests/run-2")).status_code == 404
            assert (await place.client.get("/api/backtests/run-1/tearsheet")).status_code == 404

    asyncio.run(go())


def test_old_jobs_make_room(tmp_path: Path, market: Market) -> None:
    async def go() -> list[str]:
        async with serving(tmp_path, market, kept=1, waiting=3) as place:
            running = await place.post("/api/backtests", SMALL)
            await place.stop_at_work(running["id"])
            ids = [(await place.post("/api/backtests", SMALL))["id"] for _ in range(3)]
            for job_id in ids:
                await place.client.delete(f"/api/backtests/{job_id}")
            listed = [one["id"] for one in (await place.get("/api/backtests"))["items"]]
            assert listed == [ids[-1], running["id"]]
            return ids

    ids = asyncio.run(go())
    assert [folder.name for folder in (tmp_path / "algo.db.jobs").iterdir() if folder.name in ids[:2]] == []


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("an unknown strategy", {"strategy": "sma_cros"}, "there is no strategy 'sma_cros'"),
    ("a path for a strategy", {"strategy": "/etc/x.py:Evil"}, "strategy"),
    ("a file for a strategy", {"strategy": "evil.py"}, "strategy"),
    ("no symbols", {"symbols": []}, "symbols"),
    ("too many symbols", {"symbols": [f"S{k}" for k in range(51)]}, "symbols"),
    ("an unknown symbol", {"symbols": ["MSFU"]}, "MSFU is not in the catalogue"),
    ("a path for a symbol", {"symbols": ["../../etc"]}, "symbols"),
    ("an interval that is none", {"interval": "7m"}, "interval"),
    ("bars that do not suit", {"strategy": "velez", "interval": "1d", "parameters": {}}, "cannot run on daily bars"),
    ("a day that is none", {"start": "2024-02-30"}, "start"),
    ("a day beyond time", {"end": "9999-12-31"}, "end"),
    ("an empty period", {"start": "2024-01-03", "end": "2024-01-02"}, "the period is empty"),
    ("no capital", {"capital": "0"}, "the capital must be above 0"),
    ("capital that is no number", {"capital": "1e9"}, "capital"),
    ("a parameter out of bounds", {"parameters": {"fast": 0}}, "parameter 'fast' = 0 is not valid"),
    ("an unknown parameter", {"parameters": {"fsat": 3}}, "did you mean 'fast'"),
    ("parameters that do not go together", {"parameters": {"fast": 30, "slow": 20}}, "sma_cross"),
    ("a parameter that is a list", {"parameters": {"fast": [3]}}, "parameters"),
    ("a huge number", {"parameters": {"fast": 10**30}}, "fast"),
    ("an endless number", {"parameters": {"fast": "1_0.5E+999999999"}}, "cannot be meant"),
    ("a slippage that is none", {"slippage": "lots"}, "slippage"),
    ("an endless slippage", {"slippage": "bps:1e999999999"}, "slippage"),
    ("an endless share", {"volume_limit": "1e-999999999"}, "volume_limit"),
    ("a scanner without a number", {"scanner": "gap_up:nan"}, "scanner"),
    ("a volume limit above one", {"volume_limit": "2"}, "the volume limit"),
    ("a scanner that is none", {"scanner": "nose"}, "unknown scanner"),
    ("a benchmark that is not there", {"benchmark": "SPY"}, "SPY is not in the catalogue"),
    ("a latency below zero", {"latency_ms": -1}, "latency_ms"),
    ("a field that is none", {"data": "/etc"}, "data"),
]
BAD_SWEEPS: list[tuple[str, dict[str, Any], str]] = [
    ("nothing to sweep", {"grid": {}}, "grid"),
    ("a range without values", {"grid": {"fast": "9:4:1"}}, "fast=9:4:1 has no values"),
    ("a value out of bounds", {"grid": {"fast": "0:8:4"}}, "parameter 'fast' = 0 is not valid"),
    ("an endless value", {"grid": {"fast": "5,1e999999999"}}, "cannot be meant"),
    ("an endless value in a list", {"grid": {"fast": [5, "1e999999999"]}}, "cannot be meant"),
    ("an unknown parameter", {"grid": {"quick": "1,2"}}, "has no parameter 'quick'"),
    ("too many values", {"grid": {"fast": "1:5000:1"}}, "fast has 5,000 values"),
    ("too many combinations", {"grid": {"fast": "1:100:1", "slow": "101:200:1"}}, "10,000 combinations"),
    ("trials of a grid", {"trials": 5}, "a grid tries every combination"),
    ("too many trials", {"search": "random", "trials": 10_000}, "trials"),
    ("a figure that is none", {"metric": "sharp"}, "'sharp' is not a metric"),
    ("a walk without lengths", {"walk_forward": {"kind": "rolling"}}, "walk_forward"),
    ("a walk of mixed units", {"walk_forward": {"kind": "rolling", "train": "2d", "test": "1sessions"}}, "different units"),
]


def test_impossible_requests_are_refused_before_a_process_is_started(tmp_path: Path, market: Market) -> None:
    async def go() -> None:
        async with serving(tmp_path, market) as place:
            cases = [("/api/backtests", SMALL, *case) for case in BAD] + [("/api/sweeps", SWEEP, *case) for case in BAD_SWEEPS]
            for path, good, name, change, told in cases:
                answer = await place.client.post(path, json={**good, **change})
                error = answer.json().get("error")
                assert (answer.status_code, error and error["code"]) == (422, "invalid_request"), (name, answer.text)
                assert told in error["message"], (name, error)
                assert error["hint"], (name, error)
            for query in ("a", "a,b,c,d,e,f,g", "a,a", "../x,b"):
                assert (await place.client.get("/api/backtests/compare", params={"ids": query})).status_code == 422
            for job_id in ("b0123456789", "run-7", "run-", "nothing"):
                assert (await place.client.get(f"/api/backtests/{job_id}")).status_code == 404
                assert (await place.client.delete(f"/api/backtests/{job_id}")).status_code == 404
            assert (await place.client.get("/api/backtests/..%2F..%2Fetc")).status_code in (404, 422)
            del place.client.headers["authorization"]
            assert (await place.client.post("/api/backtests", json=SMALL)).status_code == 401
            assert (await place.client.delete("/api/backtests/run-7")).status_code == 401
            assert place.told == []

    asyncio.run(go())
    assert not (tmp_path / "algo.db.jobs").exists()


def test_the_made_up_market_is_known_before_it_is_made(tmp_path: Path) -> None:
    async def go() -> None:
        async with serving(tmp_path, Market(MADE_UP, tmp_path / "demo-data")) as place:
            asked = await place.post("/api/backtests", {"strategy": "velez", "symbols": ["tsla"]})
            assert asked["market"] == {"kind": "made_up", "name": "the made-up market"}
            assert asked["request"]["symbols"] == ["TSLA"]

    asyncio.run(go())
