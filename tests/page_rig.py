"""A real paper session at speed behind a real server on loopback, and a page that listens to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from algotrader.config.loading import load_settings
from algotrader.history.generator import DEMO_SYMBOLS
from algotrader.live.control import Control
from algotrader.live.launch import launch
from algotrader.live.launch_settings import LaunchSettings, StrategyChoice
from algotrader.server.files import SessionFiles, session_files
from algotrader.server.history import History
from algotrader.server.runner import LocalServer

Message = dict[str, Any]

DAY = "2024-03-07"
"""A day of the made-up market on which the strategy trades."""


def page_address(url: str, query: str = "") -> str:
    """Where the stream of a server is."""
    return f"ws{url.removeprefix('http')}/ws{query}"


@dataclass
class Listener:
    """A page: everything it was told, and how the connection ended."""

    heard: list[Message] = field(default_factory=list)
    code: int | None = None

    async def listen(self, url: str, query: str = "") -> None:
        async with connect(page_address(url, query)) as socket:
            await self.follow(socket)

    async def follow(self, socket: ClientConnection) -> None:
        async for text in socket:
            self.heard.append(json.loads(text))
        self.code = socket.close_code

    def of(self, kind: str) -> list[Any]:
        """The data of all messages of a type."""
        return [message["data"] for message in self.heard if message["type"] == kind]


@dataclass
class Running:
    """A session that runs behind its server."""

    control: Control
    server: LocalServer
    session: asyncio.Task[int]
    files: SessionFiles

    @property
    def url(self) -> str:
        return self.server.url

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url)


@asynccontextmanager
async def running(folder: Path, speed: float, symbols: tuple[str, ...] = DEMO_SYMBOLS) -> AsyncIterator[Running]:
    """Run a session of one day from before its start on; it is ended at the latest when the block is left."""
    url = f"sqlite:///{folder / 'trading.db'}"
    config = load_settings({"HOME": str(folder)}, overrides={"app.log_file": str(folder / "session.log")}).config
    settings = LaunchSettings(
        strategies=(StrategyChoice("velez", symbols),),
        database=url,
        start_day=DAY,
        capital=Decimal(100_000),
        speed=speed,
        once_day=True,
        log_to_terminal=False,
        config=config,
    )
    files = session_files(url, folder)
    server = LocalServer("127.0.0.1", 0, files)
    there: asyncio.Future[Control] = asyncio.get_running_loop().create_future()

    def ready(control: Control) -> None:
        server.watch(control)
        there.set_result(control)

    session = asyncio.create_task(launch(settings, ready))
    control = await there
    history = await asyncio.to_thread(History.open, url)
    await server.start(control, history)
    try:
        yield Running(control, server, session, files)
    finally:
        control.request_shutdown("the test is over")
        await session
        await server.stop()
        history.close()
