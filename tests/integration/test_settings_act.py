"""Settings changed in a real paper session through its server: what they do at once, and what the next session makes of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from algotrader.cli.running import Foreground
from algotrader.cli.start_settings import read_settings
from algotrader.errors import UserError
from algotrader.live.launch import launch
from algotrader.live.venues import OPENERS
from algotrader.server.files import read_address, read_token, session_files
from algotrader.storage import queries
from algotrader.storage.database import Database

WHY = {"reason": "a drill", "operator": "Ada"}
OPTIONS: dict[str, Any] = {
    "config": None,
    "strategy": ("sma_cross",),
    "symbols": None,
    "params": (),
    "interval": "1m",
    "venue": "paper",
    "venue_address": None,
    "rules": "generic",
    "replay": False,
    "data": None,
    "start_day": "2024-03-07",
    "capital": None,
    "speed": 300.0,
    "seed": 1,
    "once_day": False,
    "flatten": False,
    "extended_hours": False,
    "host": None,
    "port": 0,
    "live": False,
    "account": "",
    "consent": None,
}


class Running:
    """A session in this process, steered over its socket."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'a.db'}"
        self._files = session_files(self.url, folder)

    async def play(self, story: Callable[[httpx.AsyncClient], Awaitable[None]], ends: bool = True, **options: Any) -> None:
        """Start a session, let the story happen, end it unless the story has."""
        settings = read_settings(OPTIONS | {"database": self.url} | options)
        running = asyncio.ensure_future(Foreground(settings, launch).run())
        try:
            async with asyncio.timeout(60):
                while (address := read_address(self._files.address)) is None:
                    assert not running.done(), running.result()
                    await asyncio.sleep(0.02)
                bearer = {"Authorization": f"Bearer {read_token(self._files.token)}"}
                async with httpx.AsyncClient(base_url=address.url, headers=bearer, timeout=30) as client:
                    await self.until(client, lambda status: status["health"]["is_running"])
                    await story(client)
                    if ends:
                        await client.post("/api/shutdown", json=WHY)
                assert await running == 0
        finally:
            running.cancel()

    async def until(self, client: httpx.AsyncClient, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Ask the session until it is so; between two sessions a connection may be cut."""
        while True:
            with suppress(httpx.TransportError):
                found: dict[str, Any] = (await client.get("/api/status")).json()
                if reached(found):
                    return found
            await asyncio.sleep(0.02)

    def overrides(self) -> dict[str, str]:
        """What the database keeps."""
        database = Database(self.url)
        found = {one.key: one.value for one in queries.overrides(database)}
        database.close()
        return found


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Running:
    for name in [name for name in os.environ if name.startswith("ALGO_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALGO_APP__WATCHLIST", "AAPL,MSFT")
    return Running(tmp_path)


async def put(client: httpx.AsyncClient, changes: dict[str, Any]) -> httpx.Response:
    return await client.put("/api/settings", json=WHY | {"changes": changes})


@pytest.mark.covers("A195")
def test_another_watchlist_is_followed_at_once_and_a_limit_by_the_next_start(session: Running) -> None:
    async def first(client: httpx.AsyncClient) -> None:
        before = await session.until(client, lambda status: status["watchlist"] == ["AAPL", "MSFT"])
        answer = await put(client, {"app.watchlist": ["AAPL", "TSLA"], "risk.max_open_positions": 3, "app.log_level": "debug"})
        assert {one["key"]: one["effect"] for one in answer.json()["applied"]} == {
            "app.watchlist": "at_once",
            "risk.max_open_positions": "next_signal",
            "app.log_level": "at_once",
        }
        after = await session.until(
            client, lambda status: status["health"]["is_running"] and status["watchlist"] == ["AAPL", "TSLA"]
        )
        assert after["health"]["started_at"] > before["health"]["started_at"]
        assert after["account"]["equity"] == before["account"]["equity"]
        await session.until(client, lambda status: status["health"]["last_bar_age_seconds"] is not None)

    async def second(client: httpx.AsyncClient) -> None:
        items = {item["key"]: item for item in (await client.get("/api/settings")).json()["items"]}
        assert items["app.watchlist"]["value"] == ["AAPL", "TSLA"]
        assert items["risk.max_open_positions"]["source"] == "override in the database"
        status = (await client.get("/api/status")).json()
        assert status["watchlist"] == ["AAPL", "TSLA"]
        kinds = [(row["kind"], row["message"]) for row in (await client.get("/api/activity?kind=settings_changed")).json()["items"]]
        assert ("settings_changed", "risk.max_open_positions: 5 -> 3 (Ada: a drill)") in kinds

    asyncio.run(session.play(first))
    assert session.overrides() == {"app.watchlist": "AAPL,TSLA", "risk.max_open_positions": "3", "app.log_level": "DEBUG"}
    asyncio.run(session.play(second))


@pytest.mark.covers("A195")
def test_what_is_held_is_kept_and_followed_under_another_watchlist(session: Running) -> None:
    def held(status: dict[str, Any]) -> dict[str, str]:
        return {one["symbol"]: one["qty"] for one in status["positions"]}

    async def story(client: httpx.AsyncClient) -> None:
        before = await session.until(client, lambda status: set(held(status)) == {"AAPL", "MSFT"})
        await put(client, {"app.watchlist": ["AAPL", "TSLA"]})
        after = await session.until(
            client, lambda s: s["health"]["is_running"] and s["health"]["started_at"] > before["health"]["started_at"]
        )
        assert after["watchlist"] == ["AAPL", "TSLA", "MSFT"]
        assert held(after)["MSFT"] == held(before)["MSFT"]

    asyncio.run(session.play(story, strategy=("buy_and_hold",)))


def test_whoever_ends_a_session_that_makes_room_for_the_next_one_ends_that_too(session: Running) -> None:
    async def story(client: httpx.AsyncClient) -> None:
        await session.until(client, lambda status: True)
        await put(client, {"app.watchlist": ["AAPL", "TSLA"]})
        answer: httpx.Response | None = None
        while answer is None:
            with suppress(httpx.TransportError):
                answer = await client.post("/api/shutdown", json=WHY)
        assert answer.status_code == 202

    # Who asks while one session makes room for the other may be heard by either; nothing trades on afterwards.
    asyncio.run(session.play(story, ends=False))
    assert session.overrides() == {"app.watchlist": "AAPL,TSLA"}


def test_a_session_whose_symbols_were_named_does_not_follow_the_watchlist(session: Running) -> None:
    named = OPTIONS | {"database": session.url}
    assert read_settings(named).renew is not None
    assert read_settings(named | {"symbols": "AAPL"}).renew is None


def test_a_watchlist_that_cannot_be_had_is_taken_back(session: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    opener = OPENERS["paper"]

    async def picky(settings: Any, store: Any) -> Any:
        if "TSLA" in settings.symbols:
            raise UserError("there is no TSLA here")
        return await opener(settings, store)

    monkeypatch.setitem(OPENERS, "paper", picky)

    async def story(client: httpx.AsyncClient) -> None:
        before = await session.until(client, lambda status: True)
        await put(client, {"app.watchlist": ["TSLA"]})
        after = await session.until(
            client, lambda s: s["health"]["is_running"] and s["health"]["started_at"] > before["health"]["started_at"]
        )
        assert after["watchlist"] == ["AAPL", "MSFT"]

    asyncio.run(session.play(story))
    assert session.overrides() == {}


@pytest.mark.covers("A195")
def test_a_strategy_that_is_switched_off_stays_off_over_a_restart(session: Running) -> None:
    def off(status: dict[str, Any]) -> bool:
        return [one["enabled"] for one in status["strategies"]] == [False, False]

    async def first(client: httpx.AsyncClient) -> None:
        assert (await client.post("/api/strategies/sma_cross/disable", json=WHY)).status_code == 202
        await session.until(client, off)

    async def second(client: httpx.AsyncClient) -> None:
        assert off((await client.get("/api/status")).json())
        # Other limits make another build of the engine; what was switched off stays so.
        await put(client, {"app.watchlist": ["MSFT", "AAPL"]})
        await session.until(client, lambda s: s["health"]["is_running"] and s["watchlist"] == ["MSFT", "AAPL"] and off(s))

    asyncio.run(session.play(first))
    asyncio.run(session.play(second))
