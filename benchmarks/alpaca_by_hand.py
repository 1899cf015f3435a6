"""What somebody would write who wants nothing but an order after every bar: no engine, no checks, nothing that survives an error.

``websockets`` and msgpack for the stream, requests in a thread for the order; with a database, one row in SQLite before it.
"""

import asyncio
import sqlite3
import sys
from functools import partial

import msgpack
import requests
from websockets.asyncio.client import connect


async def main(rest: str, stream: str, key: str, database: str) -> None:
    """Follow the bars and buy after each."""
    store = sqlite3.connect(database) if database else None
    if store is not None:
        store.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE orders (id TEXT PRIMARY KEY, bar REAL);"
        )
    session = requests.Session()
    session.trust_env = False
    session.headers.update({"APCA-API-KEY-ID": key, "APCA-API-SECRET-KEY": "secret"})
    session.get(f"{rest}/v2/account")
    loop, count = asyncio.get_running_loop(), 0
    async with connect(stream, proxy=None) as socket:
        await socket.recv()
        await socket.send(msgpack.packb({"action": "auth", "key": key, "secret": "secret"}))
        await socket.recv()
        await socket.send(msgpack.packb({"action": "subscribe", "bars": ["BTC/USD"]}))
        await socket.recv()
        print("ready", flush=True)
        async for frame in socket:
            for bar in msgpack.unpackb(frame, timestamp=1):
                count += 1
                order = {"client_order_id": f"{key}-{count}", "symbol": bar["S"], "side": "buy", "type": "market", "qty": "1"}
                order["time_in_force"] = "gtc"
                if store is not None:
                    store.execute("INSERT INTO orders VALUES (?, ?)", (order["client_order_id"], bar["c"]))
                    store.commit()
                await loop.run_in_executor(None, partial(session.post, f"{rest}/v2/orders", json=order))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
