"""The streams of market data: lists of records in msgpack, or in JSON for clients that do not ask for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Final

import msgpack

from algotrader.core.instruments import AssetClass, Instrument
from algotrader.rehearsal.alpaca.faults import DATA, FaultPlan
from algotrader.rehearsal.alpaca.keys import Keys
from algotrader.rehearsal.alpaca.market_records import CHANNELS, Json, as_json, channel_of
from algotrader.rehearsal.alpaca.outlet import Outlet
from algotrader.rehearsal.alpaca.sockets import Socket, SocketClosed

PATHS: Final = ("/v2/iex", "/v2/sip", "/v2/test", "/v1beta3/crypto/us")
MAX_BACKLOG: Final = 8 * 1024 * 1024
MESSAGES: Final = {
    400: "invalid syntax",
    401: "not authenticated",
    402: "auth failed",
    403: "already authenticated",
    404: "auth timeout",
    405: "symbol limit exceeded",
    406: "connection limit exceeded",
    407: "slow client",
    409: "insufficient subscription",
    410: "invalid subscribe action for this feed",
    500: "internal error",
}


class Listener:
    """One connection with what it has subscribed to."""

    def __init__(self, socket: Socket, plan: FaultPlan) -> None:
        self.socket: Final = socket
        self.is_msgpack: Final = "msgpack" in socket.headers.get("content-type", "")
        self.outlet: Final = Outlet(socket, plan, DATA)
        self.wanted: Final[dict[str, dict[str, None]]] = {channel: {} for channel in CHANNELS}
        self.authenticated = False

    def wants(self, record: Json) -> bool:
        """Whether a record is subscribed to; corrections come with the trades that they correct."""
        symbols = self.wanted.get(channel_of(record), {})
        return record["S"] in symbols or "*" in symbols

    def say(self, *records: Json, name: str = "") -> None:
        """Send records; with a name they are market data, which may go astray."""
        if self.is_msgpack:
            message: str | bytes = msgpack.packb(list(records))
        else:
            message = json.dumps([as_json(record) for record in records], separators=(",", ":"))
        if name:
            self.outlet.send(message, name)
        else:
            self.socket.send(message)

    def refuse(self, code: int) -> None:
        """Send an error."""
        self.say({"T": "error", "code": code, "msg": MESSAGES[code]})

    def symbols(self) -> int:
        """How many subscriptions there are."""
        return sum(len(names) for channel, names in self.wanted.items() if channel not in ("corrections", "cancelErrors"))


class DataStream:
    """Serves every connection of the data streams.

    Args:
        keys: who may listen.
        plan: what goes wrong.
        auth_seconds: how long a client may take to authenticate, in seconds of life.
        symbol_limit: subscriptions that a connection of the ``iex`` feed may have; 0 for any number.
        allow_sip: whether the account has the ``sip`` feed.
    """

    def __init__(self, keys: Keys, plan: FaultPlan, auth_seconds: float, symbol_limit: int, *, allow_sip: bool) -> None:
        self._keys: Final = keys
        self._plan: Final = plan
        self._auth_seconds: Final = auth_seconds
        self._symbol_limit: Final = symbol_limit
        self._allow_sip: Final = allow_sip
        self.connected: Final[dict[str, Listener]] = {}

    def publish(self, instruments: dict[str, Instrument], records: Iterable[Json]) -> None:
        """Send records to whoever wants them, those of a moment in one message; pairs go to the stream of crypto."""
        every = list(records)
        for path, listener in list(self.connected.items()):
            is_crypto = "crypto" in path
            chosen = [
                record
                for record in every
                if (instruments[record["S"]].asset_class is AssetClass.CRYPTO) is is_crypto and listener.wants(record)
            ]
            if chosen:
                listener.say(*chosen, name=",".join(dict.fromkeys(str(record["T"]) for record in chosen)))
            if listener.socket.backlog > MAX_BACKLOG:
                listener.refuse(407)
                listener.socket.close(1008, MESSAGES[407])

    async def serve(self, socket: Socket) -> None:
        """Serve a connection until it ends."""
        listener = Listener(socket, self._plan)
        listener.say({"T": "success", "msg": "connected"})
        try:
            if await self._authenticated(listener):
                while True:
                    self._answer(listener, await socket.receive())
        except SocketClosed:
            pass
        finally:
            if self.connected.get(socket.path) is listener:
                del self.connected[socket.path]

    async def _authenticated(self, listener: Listener) -> bool:
        """Wait for the keys; tells whether the client may stay."""
        try:
            async with asyncio.timeout(self._auth_seconds):
                while True:
                    message = self._read(listener, await listener.socket.receive())
                    if message is not None and message.get("action") == "auth":
                        break
                    listener.refuse(400 if message is None else 401)
        except TimeoutError:
            listener.refuse(404)
            return False
        if code := self._refusal(listener, message):
            listener.refuse(code)
            return False
        self.connected[listener.socket.path] = listener
        listener.say({"T": "success", "msg": "authenticated"})
        return True

    def _refusal(self, listener: Listener, message: Json) -> int:
        """The code with which a client is sent away; 0 when it may stay."""
        path = listener.socket.path
        if not self._keys.fit(str(message.get("key", "")), str(message.get("secret", ""))):
            return 402
        if path.endswith("/sip") and not self._allow_sip:
            return 409
        other = self.connected.get(path)
        return 406 if other is not None and other.socket.open else 0

    def _read(self, listener: Listener, text: str | bytes) -> Json | None:
        try:
            found = msgpack.unpackb(text) if listener.is_msgpack and isinstance(text, bytes) else json.loads(text)
        except (ValueError, msgpack.UnpackException):
            return None
        return found if isinstance(found, dict) else None

    def _answer(self, listener: Listener, text: str | bytes) -> None:
        message = self._read(listener, text)
        action = message.get("action") if message else None
        if message is None or not isinstance(action, str):
            listener.refuse(400)
        elif action == "auth":
            listener.refuse(403)
        elif action in ("subscribe", "unsubscribe"):
            self._subscribe(listener, message, wants=action == "subscribe")
        else:
            listener.refuse(400)

    def _subscribe(self, listener: Listener, message: Json, *, wants: bool) -> None:
        asked = {channel: names for channel in CHANNELS if isinstance(names := message.get(channel), list)}
        if set(message) - {"action", *CHANNELS}:
            listener.refuse(410)
            return
        if wants and self._symbol_limit and "iex" in listener.socket.path:
            new = sum(name not in listener.wanted[channel] for channel, names in asked.items() for name in names)
            if listener.symbols() + new > self._symbol_limit:
                listener.refuse(405)
                return
        for channel, names in asked.items():
            for each in (channel, *(("corrections", "cancelErrors") if channel == "trades" else ())):
                for name in names:
                    if wants:
                        listener.wanted[each][str(name)] = None
                    else:
                        listener.wanted[each].pop(str(name), None)
        is_crypto = "crypto" in listener.socket.path
        shown = [channel for channel in CHANNELS if is_crypto or channel != "orderbooks"]
        listener.say({"T": "subscription", **{channel: list(listener.wanted[channel]) for channel in shown}})
