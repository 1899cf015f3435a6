"""What can be made to go wrong between a client and the server, and how the streams refuse clients; on real sockets."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("msgpack")

import msgpack
from alpaca_rig import KEY, SECRET, Served, served
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from algotrader.rehearsal.alpaca.faults import KINDS, Fault, FaultPlan

HEADERS = {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET}
ORDER = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "limit", "limit_price": "90", "time_in_force": "day"}


@pytest.fixture
def venue() -> Iterator[Served]:
    with served(control=True, auth_seconds=0.5, symbol_limit=3) as found:
        found.bar("AAPL", "100")
        yield found


@pytest.fixture
def http(venue: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=venue.server.url, headers=HEADERS, timeout=0.7) as found:
        yield found


def plan(venue: Served, kind: str, where: str = "rest", **fields: Any) -> None:
    venue.call(lambda: venue.server.plan.add(Fault(kind, where, **fields)))


def say(stream: ClientConnection, message: Any) -> Any:
    stream.send(json.dumps(message))
    return hear(stream)


def hear(stream: ClientConnection, seconds: float = 5) -> Any:
    return json.loads(stream.recv(seconds))


def all_of(stream: ClientConnection, told: list[Any] | None = None) -> None:
    """Hear what comes until the stream breaks."""
    found = [] if told is None else told
    while True:
        found.append(stream.recv(5))


@contextmanager
def order_stream(venue: Served, secret: str = SECRET) -> Iterator[ClientConnection]:
    with connect(venue.server.stream_url, close_timeout=0.2) as stream:
        answer = say(stream, {"action": "authenticate", "data": {"key_id": KEY, "secret_key": secret}})
        assert answer["data"]["status"] == ("authorized" if secret == SECRET else "unauthorized")
        if secret == SECRET:
            assert say(stream, {"action": "listen", "data": {"streams": ["trade_updates"]}})["stream"] == "listening"
        yield stream


# Requests


@pytest.mark.parametrize(
    ("kind", "status", "is_done"),
    [("throttle", 429, False), ("error", 500, False), ("lost_answer", 504, True), ("drop", 0, False), ("drop_answer", 0, True)],
)
def test_requests_that_come_to_nothing_and_those_that_only_seem_to(
    venue: Served, http: httpx.Client, kind: str, status: int, is_done: bool
) -> None:
    plan(venue, kind, name="POST /v2/orders", seconds=3)
    assert http.get("/v2/account").status_code == 200
    if status:
        answer = http.post("/v2/orders", json=ORDER)
        assert answer.status_code == status
        assert answer.headers.get("Retry-After") == ("3" if kind == "throttle" else None)
    else:
        with pytest.raises(httpx.RemoteProtocolError):
            http.post("/v2/orders", json=ORDER)
    assert len(http.get("/v2/orders").json()) == is_done


@pytest.mark.parametrize("kind", ["mute", "half_open"])
def test_requests_without_an_answer(venue: Served, http: httpx.Client, kind: str) -> None:
    plan(venue, kind)
    with pytest.raises(httpx.ReadTimeout):
        http.get("/v2/account")
    assert http.get("/v2/account").status_code == 200


def test_an_answer_that_is_late_and_one_that_is_broken(venue: Served, http: httpx.Client) -> None:
    plan(venue, "delay", seconds=0.2)
    assert http.get("/v2/account").elapsed.total_seconds() > 0.2
    plan(venue, "garbage")
    with pytest.raises(ValueError, match="Unterminated"):
        http.get("/v2/account").json()


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "/v2/orders", b"{not json", 400),
        ("POST", "/v2/orders", b"[]", 400),
        ("GET", "/v2/nothing", b"", 404),
        ("GET", "/v2/orders/none", b"", 404),
        ("GET", "/v2/orders?limit=x", b"", 422),
        ("GET", "/v2/orders?after=yesterday", b"", 422),
        ("GET", "/v2/positions/AAPL", b"", 404),
        ("GET", "/v2/assets/NOPE", b"", 404),
    ],
)
def test_what_cannot_be_answered(http: httpx.Client, method: str, path: str, content: bytes, status: int) -> None:
    assert http.request(method, path, content=content).status_code == status


def test_bytes_that_are_no_request_do_no_harm(venue: Served, http: httpx.Client) -> None:
    for nonsense in (
        b"\x00\xff" * 50 + b"\r\n\r\n",
        b"GET / HTTP/9\r\n\r\n",
        b"GET /stream HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", venue.server.port), timeout=5) as raw:
            raw.sendall(nonsense)
            while raw.recv(4096):
                pass
    assert http.get("/v2/account").status_code == 200


# Streams


def updates_of_an_order(stream: ClientConnection, http: httpx.Client) -> list[str]:
    http.post("/v2/orders", json=ORDER)
    return [hear(stream)["data"]["event"] for _ in range(2)]


def test_trade_updates_come_in_binary_frames(venue: Served, http: httpx.Client) -> None:
    with order_stream(venue) as stream:
        http.post("/v2/orders", json=ORDER)
        assert isinstance(stream.recv(5), bytes)
        stream.recv(5)
        venue.call(lambda: venue.server.send_update({"event": "trade_bust", "order": {}}))
        assert hear(stream) == {"stream": "trade_updates", "data": {"event": "trade_bust", "order": {}}}


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("duplicate", ["pending_new", "pending_new", "new"]),
        ("lose", ["new"]),
        ("reorder", ["new", "pending_new"]),
        ("delay", ["new", "pending_new"]),
    ],
)
def test_trade_updates_that_go_astray(venue: Served, http: httpx.Client, kind: str, told: list[str]) -> None:
    with order_stream(venue) as stream:
        plan(venue, kind, "orders", name="pending_new", seconds=0.3)
        http.post("/v2/orders", json=ORDER)
        assert [hear(stream)["data"]["event"] for _ in told] == told
        with pytest.raises(TimeoutError):
            stream.recv(0.1)


@pytest.mark.parametrize("kind", ["drop", "garbage", "slow_close"])
def test_streams_that_break(venue: Served, http: httpx.Client, kind: str) -> None:
    with order_stream(venue) as stream:
        plan(venue, kind, "orders", seconds=0.1)
        http.post("/v2/orders", json=ORDER)
        with pytest.raises(ConnectionClosed):
            all_of(stream)
    with order_stream(venue) as stream:
        assert updates_of_an_order(stream, http) == ["pending_new", "new"]


@pytest.mark.parametrize(("kind", "answers_pings"), [("mute", True), ("half_open", False)])
def test_streams_that_fall_silent_and_stay_open(venue: Served, http: httpx.Client, kind: str, answers_pings: bool) -> None:
    with order_stream(venue) as stream:
        http.post("/_strike", json={"kind": kind, "where": "orders"})
        http.post("/v2/orders", json=ORDER)
        with pytest.raises(TimeoutError):
            stream.recv(0.2)
        assert stream.ping().wait(0.3) is answers_pings


def test_silence_that_ends(venue: Served, http: httpx.Client) -> None:
    with order_stream(venue) as stream:
        plan(venue, "mute", "orders", name="pending_new", seconds=0.1)
        http.post("/v2/orders", json=ORDER)
        with pytest.raises(TimeoutError):
            stream.recv(0.3)
        assert updates_of_an_order(stream, http) == ["pending_new", "new"]


@pytest.mark.parametrize(("kind", "status"), [("throttle", 429), ("error", 500)])
def test_new_streams_that_are_refused(venue: Served, kind: str, status: int) -> None:
    plan(venue, kind, "orders.connect")
    with pytest.raises(InvalidStatus) as caught:
        connect(venue.server.stream_url)
    assert caught.value.response.status_code == status
    with order_stream(venue):
        pass


def test_one_connection_a_stream(venue: Served) -> None:
    with order_stream(venue), connect(venue.server.stream_url) as second:
        answer = say(second, {"action": "authenticate", "data": {"key_id": KEY, "secret_key": SECRET}})
        assert (answer["code"], answer["msg"]) == (406, "connection limit exceeded")
    with order_stream(venue):
        pass


def test_trade_updates_are_for_those_with_keys(venue: Served) -> None:
    with order_stream(venue, "wrong") as stream, pytest.raises(ConnectionClosed):
        stream.recv(5)
    with connect(venue.server.stream_url) as stream:
        answer = say(stream, {"action": "listen", "data": {"streams": ["trade_updates"]}})
        assert answer == {"stream": "authorization", "data": {"action": "listen", "status": "unauthorized"}}
        assert hear(stream)["code"] == 404


AUTH = {"action": "auth", "key": KEY, "secret": SECRET}
DIALOGUES: list[tuple[str, list[Any], int]] = [
    ("a wrong secret", [{**AUTH, "secret": "wrong"}], 402),
    ("nothing in time", [], 404),
    ("no keys yet", [{"action": "subscribe", "bars": ["AAPL"]}], 401),
    ("keys twice", [AUTH, AUTH], 403),
    ("nonsense", [AUTH, "nonsense"], 400),
    ("no such action", [AUTH, {"action": "dance"}], 400),
    ("no such channel", [AUTH, {"action": "subscribe", "rumours": ["AAPL"]}], 410),
    ("too many symbols", [AUTH, {"action": "subscribe", "bars": ["A", "B"], "quotes": ["A", "B"]}], 405),
]


@pytest.mark.parametrize(("said", "code"), [(row[1], row[2]) for row in DIALOGUES], ids=[row[0] for row in DIALOGUES])
@pytest.mark.parametrize("packs", [False, True], ids=["json", "msgpack"])
def test_what_the_data_streams_refuse(venue: Served, said: list[Any], code: int, packs: bool) -> None:
    headers = {"Content-Type": "application/msgpack"} if packs else {}
    with connect(venue.server.data_stream_url + "/v2/iex", additional_headers=headers) as stream:

        def told() -> Any:
            frame = stream.recv(5)
            assert isinstance(frame, bytes) is packs
            return (msgpack.unpackb(frame) if packs else json.loads(frame))[0]

        assert told() == {"T": "success", "msg": "connected"}
        answer: Any = None
        for message in said:
            stream.send(msgpack.packb(message) if packs else json.dumps(message))
            answer = told()
        if not said:
            answer = told()
        assert (answer["T"], answer["code"]) == ("error", code)


def test_a_feed_that_the_account_does_not_have() -> None:
    with served(allow_sip=False) as venue, connect(venue.server.data_stream_url + "/v2/sip") as stream:
        stream.recv(5)
        assert say(stream, AUTH)[0]["code"] == 409


def test_a_second_connection_to_a_feed_and_one_to_another(venue: Served) -> None:
    url = venue.server.data_stream_url
    with connect(url + "/v2/iex") as first, connect(url + "/v2/iex") as second, connect(url + "/v1beta3/crypto/us") as third:
        answers = [(stream.recv(5), say(stream, AUTH)[0])[1] for stream in (first, second, third)]
    assert [answer.get("code", answer["msg"]) for answer in answers] == ["authenticated", 406, "authenticated"]


def test_the_streams_of_market_data_break_too(venue: Served) -> None:
    with connect(venue.server.data_stream_url + "/v2/iex") as stream:
        stream.recv(5)
        say(stream, AUTH)
        [confirmed] = say(stream, {"action": "subscribe", "bars": ["AAPL"], "trades": ["AAPL"]})
        assert confirmed["bars"] == confirmed["corrections"] == ["AAPL"]
        plan(venue, "duplicate", "data", name="b")
        venue.bar("AAPL", "101")
        frames = [hear(stream) for _ in range(2)]
        assert frames[0] == frames[1]
        assert [record["T"] for record in frames[0]] == ["t", "b"]
        venue.call(lambda: venue.server.send_data({"T": "x", "S": "AAPL", "i": 1, "p": 101.0}))
        assert hear(stream)[0]["T"] == "x"
        plan(venue, "drop", "data")
        venue.bar("AAPL", "101")
        with pytest.raises(ConnectionClosed):
            stream.recv(5)


def test_a_client_that_does_not_read_is_sent_away(venue: Served) -> None:
    with connect(venue.server.data_stream_url + "/v2/iex", max_queue=1) as stream:
        stream.recv(5)
        say(stream, AUTH)
        say(stream, {"action": "subscribe", "statuses": ["AAPL"]})
        flood = [{"T": "s", "S": "AAPL", "sm": "x" * 100_000}] * 300
        for record in flood:
            venue.call(partial(venue.server.send_data, record))
        told: list[Any] = []
        with pytest.raises(ConnectionClosed):
            all_of(stream, told)
        assert json.loads(told[-1])[0]["code"] == 407


# The plan itself


def test_faults_can_be_planned_over_the_wire(venue: Served, http: httpx.Client) -> None:
    assert http.post("/_faults", json={"kind": "error", "count": 2}).status_code == 204
    assert http.post("/_faults", json={"kind": "explode"}).status_code == 422
    assert http.post("/_faults", json={"kind": "error", "where": "orders"}).status_code == 422
    assert [http.get("/v2/clock").status_code for _ in range(3)] == [500, 500, 200]
    assert http.get("/_faults").json() == {"waiting": [], "struck": [["error", "GET /v2/clock"]] * 2}
    http.post("/_halt", json={"symbol": "AAPL"})
    http.post("/_deposit", json={"amount": "500.25"})
    assert http.get("/v2/account").json()["cash"] == "100500.25"


def test_there_is_no_control_unless_asked_for() -> None:
    with served() as venue, httpx.Client(base_url=venue.server.url) as http:
        assert http.post("/_faults", json={"kind": "error"}).status_code == 404
        assert http.get("/_hello").json() == {"time": venue.stage.clock.now(), "speed": 1.0}


def test_chance_comes_from_the_seed() -> None:
    def strikes(seed: int) -> list[bool]:
        found = FaultPlan(seed)
        found.add(Fault("error", probability=0.5, count=1000))
        return [found.take("rest", "GET /") is not None for _ in range(50)]

    assert strikes(1) == strikes(1) != strikes(2)
    assert 10 < sum(strikes(1)) < 40


def test_every_kind_of_fault_is_known_by_its_place() -> None:
    assert set(KINDS) == {"rest", "orders", "data", "orders.connect", "data.connect"}
    with pytest.raises(ValueError, match="there is no fault"):
        Fault("slow_close", "rest")


# The process


def test_the_server_as_a_process_of_its_own(tmp_path: Path) -> None:
    log = tmp_path / "venue.jsonl"
    command = [sys.executable, "-m", "algotrader.rehearsal.alpaca", "--symbols", "AAPL", "--speed", "600", "--log", str(log)]
    process = subprocess.Popen(
        [*command, "--key", KEY, "--secret-env", "RIG_SECRET"], stdout=subprocess.PIPE, text=True, env=_environment()
    )
    try:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        assert words[:2] == ["listening", "on"]
        with httpx.Client(base_url=f"http://{words[2]}", headers=HEADERS, timeout=5) as http:
            order = {**ORDER, "type": "market", "limit_price": None, "client_order_id": "mine"}
            assert http.post("/v2/orders", json=order).status_code == 200
            while http.get("/v2/orders:by_client_order_id", params={"client_order_id": "mine"}).json()["status"] != "filled":
                pass
    finally:
        process.terminate()
        assert process.wait(10) == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["event"] for line in lines if line["kind"] == "update"][-1] == "fill"
    assert [line["kind"] for line in lines[:2]] == ["start", "request"]
    assert SECRET not in log.read_text()


def _environment() -> dict[str, str]:
    return {**os.environ, "RIG_SECRET": SECRET}
