"""The WebSocket: one coroutine that sends what the hub has for a page, one that notices when the page is gone."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from algotrader.server.hub import Hub
from algotrader.server.listening import WRITE_FRAMES
from algotrader.server.outbox import Client

MOST_CLIENTS: Final = 100
"""Pages that may look on at the same time."""

TOO_SLOW: Final = 1013
GOING_AWAY: Final = 1001
TOO_MANY: Final = 1013
CLOSE_SECONDS: Final = 5.0
"""How long a page that is dropped may take to hear why."""


class Stream:
    """Serves pages.

    Args:
        hub: knows what happens.
        instance: a public name of this run; a page that has seen another one gets a snapshot.
    """

    def __init__(self, hub: Hub, instance: str) -> None:
        self._hub: Final = hub
        self._instance: Final = instance

    async def serve(self, socket: WebSocket) -> None:
        """Serve one page until it goes, falls behind too far or the session ends.

        With ``batch=1`` in the address every frame is a list of messages: all that came together; without, each has its own.
        """
        await socket.accept()
        if self._hub.clients >= MOST_CLIENTS:
            await socket.close(TOO_MANY, "too many pages are open")
            return
        together = socket.query_params.get("batch") == "1"
        client = self._hub.join(self._since(socket), together=together, write=socket.scope.get("state", {}).get(WRITE_FRAMES))
        gone = asyncio.create_task(_gone(socket), name="page gone")
        tasks = (
            gone,
            asyncio.create_task(_send(socket, client), name="page"),
            asyncio.create_task(client.lagged(), name="page lag"),
        )
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(client)
            there = not gone.done()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if there:
            await _close(socket, client)

    def _since(self, socket: WebSocket) -> int | None:
        """The last message that a page has seen of this run; None for none, or for what is no number."""
        given = socket.query_params.get("since", "")
        if socket.query_params.get("instance") != self._instance or not (given.isascii() and given.isdigit()):
            return None
        return int(given) if len(given) <= 18 else None


async def _send(socket: WebSocket, client: Client) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        while (text := await client.next()) is not None:
            await socket.send_text(text)
            # Other pages and the session have their turn.
            await asyncio.sleep(0)


async def _gone(socket: WebSocket) -> None:
    """Wait until a page is gone; what it says is not heard."""
    with suppress(WebSocketDisconnect, RuntimeError):
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass


async def _close(socket: WebSocket, client: Client) -> None:
    code, why = (TOO_SLOW, "too slow") if client.dropped else (GOING_AWAY, "the session has ended")
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await socket.close(code, why)


def stream_routes(hub: Hub, instance: str) -> APIRouter:
    """The WebSocket."""
    router = APIRouter()
    router.add_api_websocket_route("/ws", Stream(hub, instance).serve, name="stream")
    return router
