"""Requests over real connections: what every way of failing is told as, and that nothing is sent twice."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from decimal import Decimal
from typing import Any

import pytest
from alpaca_servers import CALM, QUICK, HttpServer, settings_for

pytest.importorskip("alpaca")
import requests

from algotrader.venues.alpaca.requests_session import make_session
from algotrader.venues.alpaca.rest import Rest
from algotrader.venues.alpaca.settings import Patience
from algotrader.venues.alpaca.threads import Threads
from algotrader.venues.protocols import NotAllowed, NotSent, Refused, Throttled, Unanswered

GOOD: Any = (200, {}, {"answer": 1})


def rest(port: int, patience: Patience = CALM) -> Rest:
    return Rest(settings_for(port, patience))


def test_a_request_carries_the_keys_and_its_body_and_numbers_are_read_exactly() -> None:
    async def main() -> None:
        async with HttpServer((200, {}, b'{"price": 0.1000000000000000055}'), (204, {}, None)) as server:
            client = rest(server.port)
            found = await client.post("/orders", {"qty": "1"})
            assert found == {"price": Decimal("0.1000000000000000055")}
            assert await client.delete("/orders/v1") is None
            client.close()
            assert server.seen == [("POST", "/v2/orders", {"qty": "1"}), ("DELETE", "/v2/orders/v1", None)]
            assert server.headers[0]["apca-api-key-id"] == "KEY"
            assert server.headers[0]["apca-api-secret-key"] == "SECRET"

    asyncio.run(main())


def test_questions_one_after_the_other_ask_for_what_is_their_own() -> None:
    """Most of a question is prepared once for all that are like it; its query is written as the library would write it."""
    queries = [
        None,
        {"status": "open"},
        {"symbols": "BTC/USD,BRK.B", "after": "2026-01-05T21:50:00+00:00"},
        {"q": "~a b&c=é%2F\n"},
        None,
    ]

    async def main() -> None:
        async with HttpServer(*[GOOD] * len(queries)) as server:
            client = rest(server.port)
            for query in queries:
                assert await client.get("/orders", query) == {"answer": 1}
            client.close()
            plain = requests.Session()
            wanted = [plain.prepare_request(requests.Request("GET", "http://a/v2/orders", params=query)) for query in queries]
            assert [path for _, path, _ in server.seen] == [one.path_url for one in wanted]
            assert server.headers == [server.headers[0]] * len(queries)
            assert server.headers[0]["apca-api-key-id"] == "KEY"

    asyncio.run(main())


def test_an_answer_leaves_nothing_for_the_collector() -> None:
    """What holds itself is found by the garbage collector alone, which then stops an order for as long as it takes."""

    async def main() -> None:
        async with HttpServer(GOOD) as server:
            url = f"http://127.0.0.1:{server.port}/"
            session = make_session(CALM, url, 1)

            def ask() -> weakref.ref[requests.Response]:
                response = session.request("GET", url, headers={}, params=None, allow_redirects=False)
                assert response.json() == {"answer": 1}
                return weakref.ref(response)

            gc.disable()
            try:
                assert (await asyncio.to_thread(ask))() is None
            finally:
                gc.enable()
            session.close()

    asyncio.run(main())


def test_addresses_that_are_asked_once_are_not_kept_for_ever() -> None:
    session = make_session(CALM, "http://127.0.0.1:1", 1)
    given: dict[str, Any] = {"headers": {"A": "b"}, "params": None, "allow_redirects": False}
    for number in range(200):
        prepared, _ = session._prepared("GET", f"http://127.0.0.1:1/v2/orders/{number}", given)
        assert prepared.url == f"http://127.0.0.1:1/v2/orders/{number}"
    assert len(session._templates) < 100


def test_orders_one_after_the_other_carry_what_is_their_own_and_what_is_everybody_s() -> None:
    """Most of a request is prepared once for all orders; a cookie that the service sets goes along all the same."""

    async def main() -> None:
        async with HttpServer(GOOD, GOOD, (200, {"Set-Cookie": "route=7; Path=/"}, {}), GOOD) as server:
            client = rest(server.port)
            bodies = [{"qty": "1"}, {"qty": "22", "symbol": "BTC/USD"}, {"qty": "3"}, {"qty": "4"}]
            for body in bodies:
                await client.post("/orders", body)
            client.close()
            assert [body for _, _, body in server.seen] == bodies
            apart = ("content-length", "cookie")
            plain = [{name: value for name, value in one.items() if name not in apart} for one in server.headers]
            assert plain == [plain[0]] * 4
            assert plain[0]["content-type"] == "application/json"
            assert [one.get("cookie") for one in server.headers] == [None, None, None, "route=7"]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((429, {"Retry-After": "3"}, {"code": 42910000, "message": "too many requests."}), Throttled),
        ((500, {}, {"code": 50010000, "message": "internal server error"}), Unanswered),
        ((503, {}, b"<html>unavailable</html>"), Unanswered),
        ((504, {}, {"code": 50410000, "message": "timed out"}), Unanswered),
        ((401, {}, {"code": 40110000, "message": "request is not authorized"}), NotAllowed),
        ((403, {}, {"code": 40310000, "message": "insufficient buying power"}), Refused),
        ((422, {}, {"code": 42210000, "message": "order is not cancelable"}), Refused),
        ((200, {}, b"no JSON"), Unanswered),
        ((200, {}, b'{"price": NaN}'), Unanswered),
        ((200, {}, b'{"price": 1.0e99999999999999999999}'), Unanswered),
        ((200, {}, b"[" * 100_000), Unanswered),
        ((302, {"Location": "http://elsewhere.example/"}, None), Unanswered),
        (ConnectionError, Unanswered),
        (None, Unanswered),
    ],
)
def test_every_failure_has_its_name_and_is_sent_once(answer: Any, error: type[Exception]) -> None:
    async def main() -> None:
        async with HttpServer(answer, GOOD, GOOD) as server:
            client = rest(server.port, QUICK)
            with pytest.raises(error) as caught:
                await client.post("/orders", {"qty": "1"})
            assert len(server.seen) == 1
            assert "SECRET" not in str(caught.value)
            if isinstance(caught.value, Throttled):
                assert caught.value.retry_after == 3
            client.close()

    asyncio.run(main())


def test_what_never_left_is_told_so() -> None:
    async def main() -> None:
        async with HttpServer() as server:
            pass
        client = rest(server.port)
        with pytest.raises(NotSent):
            await client.post("/orders", {"qty": "1"})
        client.close()

    asyncio.run(main())


def test_a_connection_that_was_given_up_between_requests_is_not_held_against_the_next() -> None:
    """The other side closes a connection that was not used; whether a request over it left at all would be in doubt."""

    async def main() -> None:
        async with HttpServer((200, {"Connection": "close"}, {}), ConnectionError, GOOD) as server:
            client = rest(server.port)
            await client.get("/account")
            with pytest.raises(Unanswered):
                await client.get("/account")
            assert await client.get("/account") == {"answer": 1}
            client.close()

    asyncio.run(main())


def test_an_answer_without_end_is_given_up() -> None:
    async def main() -> None:
        async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            while not writer.is_closing():
                writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)

        server = await asyncio.start_server(drip, "127.0.0.1", 0)
        client = rest(server.sockets[0].getsockname()[1], Patience(read=0.1))
        with pytest.raises(Unanswered):
            await client.get("/positions")
        client.close()
        server.close()

    asyncio.run(main())


@pytest.mark.covers("A48")
def test_an_end_waits_for_no_request_that_hangs() -> None:
    async def main() -> float:
        async with HttpServer(None) as server:
            client = rest(server.port)
            asking = asyncio.create_task(client.get("/account"))
            while not server.seen:
                await asyncio.sleep(0.001)
            began = time.monotonic()
            asking.cancel()
            await asyncio.wait([asking])
            client.close()
            client.close()
            return time.monotonic() - began

    assert asyncio.run(main()) < 1.0


def test_work_that_nobody_waits_for_any_more_is_never_begun() -> None:
    async def main() -> None:
        threads = Threads(1, "test")
        gate = threading.Event()
        done: list[str] = []
        first = asyncio.create_task(threads.run(gate.wait))
        second = asyncio.create_task(threads.run(lambda: done.append("second")))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        gate.set()
        assert await first
        await threads.run(lambda: done.append("third"))
        assert done == ["third"]
        threads.close()
        with pytest.raises(RuntimeError):
            await threads.run(gate.wait)

    asyncio.run(main())


def test_a_hanging_thread_does_not_keep_new_work_from_its_own() -> None:
    async def main() -> None:
        threads = Threads(2, "test")
        gate = threading.Event()
        hanging = asyncio.create_task(threads.run(gate.wait))
        await asyncio.sleep(0)
        hanging.cancel()
        await asyncio.wait([hanging])
        assert await threads.run(lambda: 7) == 7
        gate.set()
        threads.close()

    asyncio.run(main())
