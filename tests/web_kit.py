"""A session's web application with a real database behind it, asked as a browser or a program would."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from engine_rig import Rig
from session_kit import ToldControl

from algotrader.config.loading import Settings, load_settings
from algotrader.live.adjusting import Adjusting
from algotrader.server.app import create_app
from algotrader.server.history import History
from algotrader.server.login import Logins
from algotrader.storage.sql_store import open_store

TOKEN = "a-token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
HOME = "http://127.0.0.1:8000"
WHY = {"reason": "a drill", "operator": "Ada"}


def resolve(overrides: Mapping[str, str]) -> Settings:
    """The default settings with overrides of the database."""
    return load_settings({}, overrides=overrides)


class Web:
    """One application over a session of the rig.

    Args:
        folder: for the database; None for a session that keeps nothing.
        host: where it is said to listen.
        rig: the engine.
        timer: of the logins.
    """

    def __init__(self, folder: Path | None = None, *, host: str = "127.0.0.1", rig: Rig | None = None, **logins: Any) -> None:
        self.control = ToldControl(rig)
        self.told: list[tuple[str, str, str, str]] = []
        self.levels: list[str] = []
        self.history: History | None = None
        if folder is not None:
            url = f"sqlite:///{folder / 'web.db'}"
            self.store = open_store(url, durable=False)
            self.history = History.open(url)
            overrides = self.history.overrides()
            self.control.adjusting = Adjusting(
                resolve(overrides), resolve, self.levels.append, lambda *told: self.told.append(told)
            )
        self.logins = Logins(TOKEN, **logins)
        self.app = create_app(self.control, self.history, token=TOKEN, host=host, instance="i-1", logins=self.logins)
        self.home = HOME

    def ask(self, method: str, path: str, *, address: str = "127.0.0.1", **more: Any) -> httpx.Response:
        """One request; without the token unless it is given."""

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=(address, 50_000), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=self.home) as client:
                return await client.request(method, path, **more)

        return asyncio.run(go())

    def get(self, path: str, **query: Any) -> Any:
        """What is read."""
        answer = self.ask("GET", path, params=query, headers=BEARER)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, method: str, path: str, body: Any) -> httpx.Response:
        """A change, with the token."""
        return self.ask(method, path, json=body, headers=BEARER)

    def error(self, answer: httpx.Response) -> tuple[int, str]:
        """A refusal's status and code; it has a message."""
        found = answer.json()["error"]
        assert found["message"]
        assert TOKEN not in answer.text
        return answer.status_code, found["code"]

    def close(self) -> None:
        """Let go of the database."""
        if self.history is not None:
            self.history.close()
            self.store.close()
