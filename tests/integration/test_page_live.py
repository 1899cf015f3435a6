"""What a page sees of a real paper session over real sockets: every message against the promised fields, from start to end."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from page_rig import Listener, Message, page_address, running
from pydantic import TypeAdapter
from session_watch import Watched
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from algotrader.server.files import session_files
from algotrader.server.models.stream import Dashboard, StreamMessage
from algotrader.server.runner import LocalServer

SPEED = 4_000

NUMBER = re.compile(r"-?\d+(\.\d+)?")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")

# The fields that the checklist promises, by message: n exact number, t time, s text, i whole number, b yes or no, ? may be absent.
POSITION = {"symbol": "s", "qty": "n", "avg_entry_price": "n", "current_price": "n", "unrealized_pnl": "n", "side": "long|short"}
PNL = {
    "today_pnl": "n",
    "today_pnl_pct": "n",
    "unrealized_pnl": "n",
    "realized_pnl": "n",
    "total_equity": "n",
    "buying_power": "n",
}
ACTIVITY = {"id": "s", "timestamp": "t", "kind": "s", "symbol": "s?", "message": "s", "correlation_id": "s?"}
STRATEGY = {
    "name": "s",
    "symbol": "s",
    "enabled": "b",
    "status": "warming_up|watching|signal_active|in_position|paused",
    "waiting_for": "s",
    "bar_count": "i",
}
STREAM = "connected|reconnecting|disconnected"
CONNECTION = {"status": f"{STREAM}|shutting_down", "bar_stream": STREAM, "trade_stream": STREAM, "last_bar_at": "t?"}
ACCOUNT = {"equity": "n", "cash": "n", "buying_power": "n", "margin_used": "n", "is_paper": "b"}


def check(data: dict[str, Any], fields: dict[str, str], where: str) -> None:
    """Every promised field is there and is what it should be."""
    for name, form in fields.items():
        assert name in data, f"{where}: {name} is missing"
        value, optional, kind = data[name], form.endswith("?"), form.rstrip("?")
        if optional and value in (None, ""):
            continue
        if kind in ("n", "t", "s"):
            pattern = {"n": NUMBER, "t": TIME, "s": re.compile(r"(?s).+")}[kind]
            assert isinstance(value, str), f"{where}: {name} is {value!r}"
            assert pattern.fullmatch(value), f"{where}: {name} is {value!r}"
        elif kind in ("i", "b"):
            assert type(value) is {"i": int, "b": bool}[kind], f"{where}: {name} is {value!r}"
        else:
            assert value in kind.split("|"), f"{where}: {name} is {value!r}"


def check_snapshot(data: dict[str, Any], where: str) -> None:
    check(data["account"], ACCOUNT, where)
    check(data["pnl"], PNL, where)
    check(data["connection"], CONNECTION, where)
    for rows, fields in (("positions", POSITION), ("strategies", STRATEGY), ("recent_activity", ACTIVITY)):
        for row in data[rows]:
            check(row, fields, f"{where} {rows}")


def check_message(message: Message) -> None:
    where, data = message["type"], message["data"]
    check(message, {"timestamp": "t", "type": "s", "sequence": "i", "version": "i"}, where)
    assert message["version"] == 1
    if where == "snapshot":
        check_snapshot(data, where)
    elif where == "position_update":
        for row in data["positions"]:
            check(row, POSITION, where)
    elif where in FORMS:
        check(data, FORMS[where], where)
        if where == "strategy_state":
            assert {"fast", "slow"} <= set(data["indicators"])


FORMS = {
    "pnl_update": PNL,
    "activity": ACTIVITY,
    "strategy_state": STRATEGY,
    "connection_status": CONNECTION,
    "error": {"code": "s", "message": "s", "correlation_id": "s?"},
    "heartbeat": {"server_time": "t"},
}


@pytest.mark.slow
@pytest.mark.covers("A193", "A197", "A198", "A199", "A200", "A201", "A202", "A203", "A204", "A114")
def test_a_day_over_the_wire(tmp_path: Path) -> None:
    page, dashboards, after = Listener(), [], []

    async def go() -> None:
        async with running(tmp_path, SPEED) as session, session.http() as client:
            listening = asyncio.create_task(page.listen(session.url))
            while not session.session.done():
                answer = await client.get("/api/dashboard")
                assert answer.status_code == 200
                dashboards.append(answer.json())
                await asyncio.wait((session.session,), timeout=0.05)
            after.append((await client.get("/health/components")).json())
            after.append((await client.get("/metrics")).text)
        await listening

    asyncio.run(go())
    form = TypeAdapter[Any](StreamMessage)
    for message in page.heard:
        check_message(message)
        form.validate_python(message)
    assert page.heard[0]["type"] == "snapshot"
    numbers = [message["sequence"] for message in page.heard]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    for dashboard in dashboards:
        check_snapshot(dashboard, "dashboard")
        Dashboard.model_validate(dashboard, extra="forbid")
    assert any(dashboard["positions"] for dashboard in dashboards)
    told = {found["kind"] for found in page.of("activity")}
    assert {"signal", "order_submitted", "order_filled", "stop_moved"} <= told
    assert "signal_detected" not in told
    trips = page.of("round_trip")
    assert trips
    assert float(page.of("pnl_update")[-1]["realized_pnl"]) == pytest.approx(sum(float(trip["pnl"]) for trip in trips))
    # Every state is told; the session as it stands is only ever shown as it is just then.
    states = [found["message"] for found in page.of("activity") if found["kind"] == "engine_state"]
    assert states[-2:] == ["shutting_down", "stopped"]
    assert page.of("session")[-1]["state"] == "stopped"
    assert page.of("connection_status")[-1]["status"] == "shutting_down"
    assert page.code == 1001
    assert {found["name"] for found in after[0]["components"]} >= {"feed", "gateway", "risk", "strategies", "store"}
    assert f'algotrader_round_trips_total{{result="win"}} {sum(float(trip["pnl"]) > 0 for trip in trips)}.0' in after[1]


REFUSED = [
    ("another origin", {"Origin": "http://evil.example"}, 403),
    ("another port", {"Origin": "http://127.0.0.1:1"}, 403),
    ("no origin at all", {"Origin": "null"}, 403),
    ("another name for us", {"Host": "evil.example"}, 403),
    ("a broken name", {"Host": "[::1"}, 403),
    ("a page elsewhere", {"Sec-Fetch-Site": "cross-site"}, 403),
]


async def served(watched: Watched, folder: Path, host: str = "127.0.0.1") -> LocalServer:
    server = LocalServer(host, 0, session_files(f"sqlite:///{folder / 'algo.db'}", folder))
    server._watching = watched.watching
    await server.start(watched.control)
    return server


@pytest.mark.parametrize(("headers", "status"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_stranger_gets_no_stream(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    async def go() -> None:
        watched = Watched()
        server = await served(watched, tmp_path)
        try:
            host, port = "127.0.0.1", int(server.url.rpartition(":")[2])
            lines = {"Host": f"{host}:{port}", **headers}
            request = "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            request += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            reader, writer = await asyncio.open_connection(host, port)
            writer.write((request + "".join(f"{name}: {text}\r\n" for name, text in lines.items()) + "\r\n").encode())
            answer = (await reader.read()).decode()
            assert answer.startswith(f"HTTP/1.1 {status} "), answer
            assert json.loads(answer.partition("\r\n\r\n")[2])["error"]["code"] in ("other_origin", "wrong_host")
            writer.close()
            assert watched.hub.clients == 0
            good = server.url
            async with connect(page_address(server.url), origin=good) as page:  # type: ignore[arg-type] # any text is an origin
                assert json.loads(await page.recv())["type"] == "snapshot"
        finally:
            await server.stop()

    asyncio.run(go())


def test_beyond_loopback_the_stream_needs_the_token(tmp_path: Path) -> None:
    async def go() -> None:
        server = await served(Watched(), tmp_path, "0.0.0.0")
        url = page_address(server.url.replace("0.0.0.0", "127.0.0.1"))
        try:
            with pytest.raises(InvalidStatus) as refused:
                await connect(url)
            assert refused.value.response.status_code == 401
            token = (tmp_path / "algo.db.token").read_text(encoding="utf-8").strip()
            async with connect(url, additional_headers={"Authorization": f"Bearer {token}"}) as page:
                assert json.loads(await page.recv())["type"] == "snapshot"
        finally:
            await server.stop()

    asyncio.run(go())


def test_a_page_comes_back_and_goes_on(tmp_path: Path) -> None:
    async def go() -> None:
        watched = Watched(holding=True)
        server = await served(watched, tmp_path)
        async with connect(page_address(server.url)) as page:
            first = json.loads(await page.recv())
        watched.rig.bar("101")
        watched.happened()
        query = f"?since={first['sequence']}&instance="
        async with connect(page_address(server.url, query + server._instance)) as page:
            found = [json.loads(await page.recv()) for _ in range(3)]
            assert [m["type"] for m in found] == ["position_update", "pnl_update", "strategy_state"]
        for other in (query + "another-run", "?since=-1", "?since=x&instance=" + server._instance):
            async with connect(page_address(server.url, other)) as page:
                assert json.loads(await page.recv())["type"] == "snapshot"
        await server.stop()

    asyncio.run(go())


def test_a_page_that_does_not_read_is_dropped_and_the_others_go_on(tmp_path: Path) -> None:
    async def go() -> None:
        watched = Watched()
        server = await served(watched, tmp_path)
        quick, slow = Listener(), socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])))
        listening = asyncio.create_task(quick.listen(server.url))
        slow.sendall(
            b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        while watched.hub.clients < 2:
            await asyncio.sleep(0)
        sent = 0
        while watched.hub.clients == 2:
            sent += 1
            watched.hub.tell("job", {"id": "b1", "text": "x" * 50_000})
            wanted = sent
            while len(quick.of("job")) < wanted:
                await asyncio.sleep(0)
        assert watched.hub.clients == 1
        watched.hub.tell("job", {"id": "last"})
        await server.stop()
        await listening
        assert (len(quick.of("job")), quick.of("job")[-1]) == (sent + 1, {"id": "last"})
        slow.close()

    asyncio.run(go())
