"""A session's server with its backtests and sweeps, for tests: real sockets, real worker processes, a small market."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx
from session_kit import ToldControl

from algotrader.core.instruments import equity
from algotrader.history.catalogue import Catalogue
from algotrader.history.generator import generate
from algotrader.server.files import read_token, session_files
from algotrader.server.jobs.market import CATALOGUE, Market
from algotrader.server.jobs.service import Jobs, JobSettings
from algotrader.server.runner import LocalServer
from algotrader.storage.schema import open_database

SMALL = {"strategy": "sma_cross", "symbols": ["AAPL"], "interval": "5m", "parameters": {"fast": 5, "slow": 20}}
PATIENCE = 60.0


def small_market(folder: Path) -> Market:
    """Three days of two symbols."""
    catalogue = Catalogue(folder)
    for symbol in ("AAPL", "MSFT"):
        instrument = equity(symbol)
        catalogue.write_bars(instrument, "1m", generate(instrument, date(2024, 1, 2), date(2024, 1, 4), 7))
    return Market(CATALOGUE, folder)


class Place:
    """A running server: its client, its jobs and everything that was told of them."""

    def __init__(self, client: httpx.AsyncClient, jobs: Jobs) -> None:
        self.client = client
        self.jobs = jobs
        self.told: list[dict[str, Any]] = []
        self._news = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        jobs.add_listener("test", self._hear)

    def _hear(self, document: dict[str, Any]) -> None:
        self.told.append(document)
        task = asyncio.get_running_loop().create_task(self._wake())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _wake(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def heard(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until something is told."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: any(map(wanted, self.told)))
        return next(filter(wanted, self.told))

    async def ended(self, job_id: str) -> dict[str, Any]:
        """Wait until a job has ended; gives what is known of it then."""
        news = await self.heard(lambda one: one["id"] == job_id and one["state"] in ("done", "failed", "cancelled"))
        found: dict[str, Any] = await self.get(f"/api/{news['kind']}s/{job_id}")
        return found

    async def stop_at_work(self, job_id: str) -> int:
        """Wait until a job's process is at work, and let it stand still there; gives its number."""
        await self.heard(lambda one: one["id"] == job_id and one["message"] == "loading")
        job = self.jobs.queue.job(job_id)
        assert job is not None
        pid = self.jobs.queue.pid(job)
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        return pid

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Start something that must be accepted."""
        answer = await self.client.post(path, json=body)
        assert answer.status_code == 202, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def get(self, path: str) -> Any:
        """Ask for something that must be there."""
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()


@asynccontextmanager
async def serving(folder: Path, market: Market, **settings: Any) -> AsyncIterator[Place]:
    """A server over a database of its own in a folder; started again over the same folder it goes on there."""
    url = f"sqlite:///{folder / 'algo.db'}"
    open_database(url, create=True).close()
    files = session_files(url, folder)
    server = LocalServer("127.0.0.1", 0, files)
    jobs = Jobs(replace(JobSettings(files.jobs, market, url), **settings))
    headers = {"Authorization": f"Bearer {read_token(files.token)}"}
    try:
        await server.start(ToldControl(), jobs=jobs)
        async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=PATIENCE) as client:
            yield Place(client, jobs)
    finally:
        await server.stop()


def is_alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
