"""The stream of trade updates: JSON, sent in binary frames."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from algotrader.rehearsal.alpaca.faults import ORDERS, FaultPlan
from algotrader.rehearsal.alpaca.keys import Keys
from algotrader.rehearsal.alpaca.outlet import Outlet
from algotrader.rehearsal.alpaca.sockets import Socket, SocketClosed

PATH: Final = "/stream"
TRADE_UPDATES: Final = "trade_updates"

Json = dict[str, Any]


class OrderStream:
    """Serves every connection of the stream; one at a time may be authenticated.

    Args:
        keys: who may listen.
        plan: what goes wrong.
        auth_seconds: how long a client may take to authenticate, in seconds of life.
    """

    def __init__(self, keys: Keys, plan: FaultPlan, auth_seconds: float) -> None:
        self._keys: Final = keys
        self._plan: Final = plan
        self._auth_seconds: Final = auth_seconds
        self.listening: Final[dict[Outlet, None]] = {}
        self.connected: Outlet | None = None

    def publish(self, update: Json) -> None:
        """Tell an update to who listens."""
        if self.listening:
            message = _frame({"stream": TRADE_UPDATES, "data": update})
            for outlet in list(self.listening):
                outlet.send(message, str(update["event"]))

    async def serve(self, socket: Socket) -> None:
        """Serve a connection until it ends."""
        outlet = Outlet(socket, self._plan, ORDERS)
        try:
            if await self._authenticated(outlet):
                while True:
                    self._answer(outlet, await socket.receive())
        except (SocketClosed, TimeoutError):
            pass
        finally:
            self.listening.pop(outlet, None)
            if self.connected is outlet:
                self.connected = None

    async def _authenticated(self, outlet: Outlet) -> bool:
        """Wait for the keys; tells whether the client may stay."""
        socket = outlet.socket
        try:
            async with asyncio.timeout(self._auth_seconds):
                while True:
                    message = _read(await socket.receive())
                    action = message.get("action")
                    if action in ("authenticate", "auth"):
                        break
                    socket.send(_authorization("unauthorized", str(action or "listen")))
        except TimeoutError:
            socket.send(_frame({"T": "error", "code": 404, "msg": "auth timeout"}))
            return False
        if not self._keys.fit(*_keys(message)):
            socket.send(_authorization("unauthorized", "authenticate"))
            return False
        if self.connected is not None and self.connected.socket.open:
            socket.send(_frame({"T": "error", "code": 406, "msg": "connection limit exceeded"}))
            return False
        self.connected = outlet
        socket.send(_authorization("authorized", "authenticate"))
        return True

    def _answer(self, outlet: Outlet, text: str | bytes) -> None:
        message = _read(text)
        action, data = message.get("action"), message.get("data")
        if action == "listen":
            asked = data.get("streams") if isinstance(data, dict) else None
            streams = [name for name in asked if name == TRADE_UPDATES] if isinstance(asked, list) else []
            if streams:
                self.listening[outlet] = None
            else:
                self.listening.pop(outlet, None)
            found: Json = {"streams": streams}
            if isinstance(asked, list) and len(streams) < len(asked):
                found["error"] = "required streams not available"
            outlet.socket.send(_frame({"stream": "listening", "data": found}))
        elif action in ("authenticate", "auth"):
            outlet.socket.send(_authorization("authorized", "authenticate"))
        else:
            outlet.socket.send(_frame({"T": "error", "code": 400, "msg": "invalid syntax"}))


def _read(text: str | bytes) -> Json:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _keys(message: Json) -> tuple[str, str]:
    """The keys of either form of the message."""
    data = message.get("data")
    if isinstance(data, dict):
        return str(data.get("key_id", "")), str(data.get("secret_key", ""))
    return str(message.get("key", "")), str(message.get("secret", ""))


def _authorization(status: str, action: str) -> bytes:
    return _frame({"stream": "authorization", "data": {"action": action, "status": status}})


def _frame(message: Json) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()
