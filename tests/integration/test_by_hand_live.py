"""A person reduces and re-stops a position of a real paper session through its server, while the market moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from page_rig import Running, running

from algotrader.server.files import read_token

SPEED = 100
WHY = {"reason": "a drill", "operator": "Ada"}
Position = dict[str, Any]


async def until(client: httpx.AsyncClient, reached: Callable[[Position], bool]) -> Position:
    """The first position that is so."""
    while True:
        for found in (await client.get("/api/positions")).json()["items"]:
            if reached(found):
                assert isinstance(found, dict)
                return found
        await asyncio.sleep(0.02)


def protected(position: Position) -> bool:
    """At rest: the stop works for all of it."""
    stop = position["stop_order"]
    return position["protection_level"] == "working" and stop["qty"] == position["qty"] and int(position["qty"]) > 3


def stop_between(position: Position) -> str:
    """A quarter of the way from the stop that works to the market."""
    stop, last = Decimal(position["stop_price"]), Decimal(position["current_price"])
    return str(stop + (last - stop) / 4)


async def reduce_and_restop(session: Running) -> None:
    bearer = {"Authorization": f"Bearer {read_token(session.files.token)}"}
    async with asyncio.timeout(60), httpx.AsyncClient(base_url=session.url, headers=bearer, timeout=30) as client:
        held = await until(client, protected)
        symbol, owner, before = held["symbol"], held["owner"], int(held["qty"])
        part = before // 3
        answer = await client.post("/api/reduce", json=WHY | {"symbol": symbol, "owner": owner, "qty": str(part)})
        assert answer.status_code == 202, answer.text
        kept = await until(client, lambda p: p["symbol"] == symbol and protected(p) and int(p["qty"]) == before - part)
        looser = str(Decimal(kept["stop_price"]) - 1)
        answer = await client.post("/api/restop", json=WHY | {"symbol": symbol, "owner": owner, "stop_price": looser})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "looser_stop")
        asked = stop_between(kept)
        answer = await client.post("/api/restop", json=WHY | {"symbol": symbol, "owner": owner, "stop_price": asked})
        assert answer.status_code == 202, answer.text
        tight = answer.json()["message"].split()[-1]
        moved = await until(client, lambda p: p["symbol"] == symbol and p["stop_order"]["stop_price"] == tight)
        assert Decimal(moved["stop_price"]) == Decimal(tight)


def test_a_position_is_reduced_and_keeps_a_stop_that_only_tightens(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path, SPEED) as session:
            await reduce_and_restop(session)

    asyncio.run(story())
