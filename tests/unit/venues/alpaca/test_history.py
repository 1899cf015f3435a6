"""Asking Alpaca for history: pages, patience, the allowance, errors by their kind, and nothing secret in what is said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from alpaca_data import AAPL, BTC, KEY, MSFT, NOW, SECRET, DataServer, market, plain_server

from algotrader.core.market import NS_PER_SECOND, Bar, TradeTick, utc
from algotrader.rehearsal.alpaca.http import NotAnswered, Request, Response
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.venues.alpaca.action_records import RawAction
from algotrader.venues.alpaca.data_rest import Allowance
from algotrader.venues.alpaca.history import AlpacaHistory, DataQuery, Retries
from algotrader.venues.alpaca.history_records import RawBar, RawQuote, make_quote, make_trade, parse_time
from algotrader.venues.protocols import NotAllowed, NotSent, Refused, Throttled, Unanswered, VenueError

START, END = parse_time("2024-01-31T14:30:00Z"), parse_time("2024-01-31T21:00:00Z")
ALL = DataQuery("bars", ("AAPL",), START, END)


def expected(start: int = START, end: int = END) -> list[Bar]:
    """What the market has."""
    return market().past(AAPL, start, end, 60)


def history(server: DataServer, **given: Any) -> AlpacaHistory:
    """A client within the process; waits cost no time."""
    return AlpacaHistory(server.settings, server.client(), **given)


async def collected(client: AlpacaHistory, query: DataQuery, retries: Retries | None = None) -> list[Any]:
    """Every record of a query."""
    found = []
    async for page in client.pages(query, retries or Retries(lost=0, throttled=0)):
        for records in page.records.values():
            found += records
    return found


@pytest.mark.covers("A35")
@pytest.mark.parametrize("size", [1, 7, 389, 390, 391, 10_000])
def test_bars_are_the_market_s_oldest_first_whatever_the_size_of_a_page(size: int) -> None:
    server = plain_server()
    found = run_virtually(history(server, page_size=size, allowance=Allowance(now=_loop_time)).bars(AAPL, START, END, 60))
    assert found == expected()
    assert len(found) == 390
    # A full page names a next one, even where that is empty.
    assert len(server.pages) == 390 // size + 1


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.covers("A35")
def test_a_bar_that_is_not_closed_yet_is_never_given() -> None:
    now = START + 90 * NS_PER_SECOND
    server = plain_server(now=now)
    found = run_virtually(history(server).bars(AAPL, START, START + 3600 * NS_PER_SECOND, 60))
    assert found == expected(end=now)
    assert [bar.close_time for bar in found] == [START + 60 * NS_PER_SECOND]
    whole = plain_server()
    until = START + 150 * NS_PER_SECOND
    assert [bar.close_time <= until for bar in run_virtually(history(whole).bars(AAPL, START, until, 60))] == [True, True]


def test_the_start_is_always_said_with_feed_and_adjustment() -> None:
    server = plain_server()
    run_virtually(history(server).bars(AAPL, START, END, 300, adjustment="split"))
    assert server.asked[0] == (
        "/v2/stocks/bars",
        {
            "symbols": "AAPL",
            "start": "2024-01-31T14:30:00Z",
            "end": "2024-01-31T20:55:00Z",
            "limit": "10000",
            "sort": "asc",
            "timeframe": "5Min",
            "feed": "iex",
            "adjustment": "split",
        },
    )
    run_virtually(history(server).bars(BTC, START, END, 60))
    assert server.asked[1][0] == "/v1beta3/crypto/us/bars"
    assert not {"feed", "adjustment"} & set(server.asked[1][1])


@pytest.mark.parametrize(("seconds", "count"), [(60, 390), (120, 195), (300, 78), (600, 39), (900, 26), (1800, 13), (3600, 6)])
def test_bars_of_every_length(seconds: int, count: int) -> None:
    found = run_virtually(history(plain_server()).bars(AAPL, START, END, seconds))
    assert len(found) == count
    assert sum(bar.volume_raw for bar in found) <= sum(bar.volume_raw for bar in expected())
    assert {bar.close_time - bar.open_time for bar in found} == {seconds * NS_PER_SECOND}


def test_days_begin_at_midnight_in_new_york() -> None:
    start, end = parse_time("2024-01-30T00:00:00Z"), parse_time("2024-02-01T05:00:00Z")
    found = run_virtually(history(plain_server()).bars(AAPL, start, end, 86_400))
    assert [f"{utc(bar.open_time):%m-%d %H:%M}" for bar in found] == ["01-30 05:00", "01-31 05:00"]
    assert found[1].volume_raw == sum(bar.volume_raw for bar in expected())


def test_there_are_no_bars_of_a_second() -> None:
    with pytest.raises(Refused, match="no bars of 1 s"):
        run_virtually(history(plain_server()).bars(AAPL, START, END, 1))


@pytest.mark.covers("A36")
@pytest.mark.parametrize("instrument", [AAPL, BTC])
def test_the_latest_quote_has_both_sides_the_last_price_the_volume_and_its_time(instrument: Any) -> None:
    now = START + 600 * NS_PER_SECOND
    server = plain_server(now=now)
    quote = run_virtually(history(server).latest_quote(instrument))
    last = market().past(instrument, START, now, 60)[-1]
    assert quote is not None
    assert quote.bid_raw < quote.last_raw == last.close_raw < quote.ask_raw
    midnight = parse_time("2024-01-31T05:00:00Z") if instrument is AAPL else parse_time("2024-01-31T00:00:00Z")
    assert quote.volume_raw == sum(bar.volume_raw for bar in market().past(instrument, midnight, now, 60))
    assert last.open_time <= quote.time < last.close_time


def test_there_is_no_quote_of_what_nobody_knows() -> None:
    server = plain_server(market([AAPL]))
    assert run_virtually(history(server).latest_quote(MSFT)) is None


def test_a_crossed_quote_is_none() -> None:
    server = plain_server()
    shot = b'{"AAPL":{"latestQuote":{"t":"2024-01-31T15:00:00Z","bp":5,"bs":1,"ap":4,"as":1},"latestTrade":null}}'
    server.before = lambda _request: Response(200, shot)
    assert run_virtually(history(server).latest_quote(AAPL)) is None


@pytest.mark.parametrize("kind", ["quotes", "trades"])
@pytest.mark.parametrize("instrument", [AAPL, BTC])
@pytest.mark.parametrize("size", [3, 10_000])
def test_quotes_and_prints_come_page_by_page(kind: Any, instrument: Any, size: int) -> None:
    end = START + 300 * NS_PER_SECOND
    query = DataQuery(kind, (instrument.symbol,), START, end, instrument is BTC)
    raw = run_virtually(collected(history(plain_server(), page_size=size), query))
    made = [
        make_quote(instrument, r) if isinstance(r, RawQuote) else make_trade(instrument, r)
        for r in raw
        if not isinstance(r, RawBar)
    ]
    assert len(made) == (10 if kind == "quotes" else 20)
    assert [tick.time for tick in made] == sorted({tick.time for tick in made})
    if kind == "trades":
        volume = sum(bar.volume_raw for bar in market().past(instrument, START, end, 60))
        assert sum(tick.size_raw for tick in made if isinstance(tick, TradeTick)) == volume


def test_corporate_actions_by_their_ex_date() -> None:
    server = plain_server()
    found = run_virtually(history(server).actions(["AAPL", "MSFT"], date(2024, 1, 31), date(2024, 2, 1)))
    assert found == [
        RawAction("AAPL", date(2024, 1, 31), "0.2475", ""),
        RawAction("AAPL", date(2024, 2, 1), "1", "10"),
    ]
    (_, asked), *_ = server.asked
    assert (asked["types"], asked["start"], asked["end"]) == (
        "forward_split,reverse_split,cash_dividend",
        "2024-01-31",
        "2024-05-01",
    )


def test_pages_of_corporate_actions_follow_each_other() -> None:
    server = plain_server()
    row = '{"symbol":"AAPL","ex_date":"2024-01-%s","rate":0.1}'
    pages = {"": ("30", '"2"'), "2": ("31", "null")}

    def answer(request: Request) -> Response:
        day, token = pages[request.query.get("page_token", "")]
        rows = f'{row % day},{{"symbol":"AAPL"}},7,{row.replace("AAPL", "MSFT") % day}'
        return Response(200, f'{{"corporate_actions":{{"cash_dividends":[{rows}]}},"next_page_token":{token}}}'.encode())

    server.before_actions = answer
    client = history(server)
    found = run_virtually(client.actions(["AAPL"], date(2024, 1, 1), date(2024, 2, 1)))
    assert [action.ex_date.day for action in found] == [30, 31]
    assert client.left_out == {"has no 'ex_date'": 2, "is no object": 2}
    pages["2"] = ("31", '"2"')
    with pytest.raises(Unanswered, match="the same page token twice"):
        run_virtually(client.actions(["AAPL"], date(2024, 1, 1), date(2024, 2, 1)))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"corporate_actions":7}', b'{"corporate_actions":{"forward_splits":{"a":1}}}']
)
def test_corporate_actions_that_are_none(body: bytes) -> None:
    server = plain_server()
    server.before_actions = lambda _request: Response(200, body)
    with pytest.raises(Unanswered, match="cannot be read"):
        run_virtually(history(server).actions(["AAPL"], date(2024, 1, 1), date(2024, 2, 1)))


def test_several_symbols_come_one_after_the_other() -> None:
    async def run() -> list[str]:
        names = []
        async for page in history(plain_server(), page_size=200).pages(DataQuery("bars", ("MSFT", "AAPL"), START, END)):
            names += list(page.records)
        return names

    assert run_virtually(run()) == ["AAPL", "AAPL", "MSFT", "MSFT", "MSFT"]


def test_bars_that_cannot_be_true_are_left_out_and_counted() -> None:
    rows = [
        '{"t":"2024-01-31T14:30:00Z","o":2,"h":3,"l":1,"c":2,"v":5}',
        '{"t":"2024-01-31T14:31:00Z","o":2,"h":1,"l":3,"c":2,"v":5}',
        '{"t":"2024-01-31T14:32:00Z","o":2,"h":3,"l":1,"v":5}',
        '{"t":"2024-01-31T14:30:00Z","o":2,"h":3,"l":1,"c":2,"v":5}',
        '{"t":"2024-01-31T14:33:00Z","o":2,"h":3,"l":1,"c":2,"v":6}',
    ]
    server = plain_server()
    server.before = lambda _request: Response(200, f'{{"bars":{{"AAPL":[{",".join(rows)}]}}}}'.encode())
    client = history(server)
    found = run_virtually(client.bars(AAPL, START, END, 60))
    assert [bar.volume_raw for bar in found] == [5, 6]
    assert client.left_out == {"high is below low": 1, "has no 'c'": 1, "the time goes back": 1}


def _status(status: int, body: Any = None, **headers: str) -> Callable[[Request], Response]:
    return lambda _request: Response(status, body, headers)


def _silence(_request: Request) -> Response:
    raise NotAnswered


@pytest.mark.covers("B231")
@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (_status(401, {"message": "unauthorized."}), NotAllowed, "Alpaca answered 401: unauthorized."),
        (_status(403, {"message": "forbidden."}), NotAllowed, "Alpaca answered 403: forbidden."),
        (_status(400, {"message": "invalid symbol: A A"}), Refused, "Alpaca answered 400: invalid symbol: A A"),
        (_status(422, {"code": 42210000, "message": "end is too late"}), Refused, "Alpaca answered 422: end is too late"),
        (_status(404, "<html>not here</html>"), Refused, "Alpaca answered 404"),
        (_status(301), Refused, "Alpaca answered 301"),
        (_status(429, {"message": "too many requests."}), Throttled, "Alpaca answered 429: too many requests."),
        (_status(500, {"message": "oh\x1b[31m no"}), Unanswered, r"Alpaca answered 500: oh\[31m no"),
        (_status(503), Unanswered, "Alpaca answered 503"),
        (_status(200, b"<html>"), Unanswered, "cannot be read: the answer is no JSON"),
        (_status(200, b'{"quotes":{}}'), Unanswered, "cannot be read: the answer has no bars"),
        (_silence, Unanswered, "did not answer in full: the connection broke"),
    ],
)
def test_errors_by_their_kind(answer: Callable[[Request], Response], kind: type[VenueError], words: str) -> None:
    server = plain_server()
    server.before = answer
    with pytest.raises(kind, match=words) as caught:
        run_virtually(history(server).bars(AAPL, START, END, 60))
    assert len(server.asked) == 1
    assert SECRET not in repr(caught.value)


def test_an_answer_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("algotrader.venues.alpaca.data_rest._LARGEST_PAGE", 1_000)
    with pytest.raises(Unanswered, match="larger than"):
        run_virtually(history(plain_server()).bars(AAPL, START, END, 60))


def test_nobody_at_the_address_means_that_nothing_was_sent() -> None:
    async def run() -> None:
        async with AlpacaHistory(plain_server().settings) as client:
            await client.bars(AAPL, START, END, 60)

    with pytest.raises(NotSent, match=r"http://127.0.0.1:1 cannot be reached"):
        asyncio.run(run())


def test_a_token_that_leads_nowhere_ends_the_pages() -> None:
    server = plain_server()
    server.before = _status(200, b'{"bars":{},"next_page_token":"again"}')
    with pytest.raises(Unanswered, match="the same page token twice"):
        run_virtually(history(server).bars(AAPL, START, END, 60))
    assert len(server.asked) == 2


@pytest.mark.covers("A171")
@pytest.mark.parametrize(
    ("answers", "waited", "good"),
    [
        ([_silence, _silence, _silence], [2, 2, 2], True),
        ([_silence] * 4, [2, 2, 2], False),
        ([_status(500), _status(200, b"?")], [2, 2], True),
        ([_status(429)], [15], True),
        ([_status(429, **{"retry-after": "7"})], [7], True),
        ([_status(429, **{"retry-after": "99999"})], [120], True),
        ([_status(429, **{"retry-after": "soon"})], [15], True),
        ([_status(429, **{"retry-after": "1"})] * 20, [1] * 20, True),
        ([_status(429, **{"retry-after": "1"})] * 21, [1] * 20, False),
        ([_status(400)], [], False),
        ([_status(403)], [], False),
    ],
)
def test_patience(answers: list[Callable[[Request], Response]], waited: list[float], good: bool) -> None:
    server = plain_server()
    waiting = list(answers)
    server.before = lambda request: waiting.pop(0)(request) if waiting else None
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    client = history(server, sleep=sleep)
    if good:
        assert len(run_virtually(collected(client, ALL, Retries()))) == 390
    else:
        with pytest.raises(VenueError):
            run_virtually(collected(client, ALL, Retries()))
    assert slept == waited


@pytest.mark.covers("B224")
def test_no_minute_sees_more_requests_than_are_allowed() -> None:
    async def run() -> tuple[list[float], int]:
        loop = asyncio.get_running_loop()
        server = plain_server(per_minute=30, wall=loop.time)
        times: list[float] = []
        server.before = lambda _request: times.append(loop.time())
        found = await collected(history(server, allowance=Allowance(loop.time), page_size=3), ALL)
        return times, len(found)

    times, count = run_virtually(run())
    assert count == 390
    assert len(times) == 131
    assert max(sum(start <= time < start + 60 for time in times) for start in times) <= 30
    assert times[-1] < 60 * 6


def test_before_the_service_tells_there_are_200_a_minute() -> None:
    async def run() -> float:
        loop = asyncio.get_running_loop()
        allowance = Allowance(loop.time)
        for _ in range(201):
            await allowance.turn()
        return loop.time()

    assert run_virtually(run()) == 60


@pytest.mark.covers("B230")
def test_when_no_more_is_allowed_the_error_says_from_when_on_it_is_again() -> None:
    async def run() -> float | None:
        loop = asyncio.get_running_loop()
        server = plain_server(per_minute=1, wall=loop.time)
        async with AlpacaHistory(server.settings, server.client(), allowance=Allowance(loop.time)) as other:
            await other.page(ALL)
        await asyncio.sleep(20)
        with pytest.raises(Throttled, match="too many requests") as caught:
            await history(server).page(ALL)
        return caught.value.retry_after

    assert run_virtually(run()) == 40


@pytest.mark.parametrize("nonsense", ["", "-1", "1e9", "soon", "9" * 40, "٣"])
def test_nonsense_about_the_allowance_is_passed_over(nonsense: str) -> None:
    async def run() -> float:
        loop = asyncio.get_running_loop()
        allowance = Allowance(loop.time)
        allowance.hear({f"x-ratelimit-{name}": nonsense for name in ("limit", "remaining", "reset")})
        await allowance.turn()
        return loop.time()

    assert run_virtually(run()) == 0


def test_a_hold_is_never_longer_than_two_minutes() -> None:
    async def run() -> float:
        loop = asyncio.get_running_loop()
        allowance = Allowance(loop.time)
        allowance.hear({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999999"})
        await allowance.turn()
        return loop.time()

    assert run_virtually(run()) == 120


def test_it_can_be_cancelled_at_any_time() -> None:
    async def run() -> None:
        server = plain_server()
        asked = asyncio.Event()
        server.before = lambda _request: asked.set()
        server.answer = _never(server)  # type: ignore[method-assign]
        task = asyncio.create_task(history(server).bars(AAPL, START, END, 60))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtually(run())


def _never(server: DataServer) -> Any:
    async def answer(request: Request) -> Response:
        server.before(request)
        await asyncio.Event().wait()
        raise AssertionError

    return answer


def test_keys_are_sent_in_headers_only_and_can_be_left_out() -> None:
    server = plain_server()
    seen: list[dict[str, str]] = []
    server.before = lambda request: seen.append(request.headers)
    run_virtually(history(server).bars(BTC, START, END, 60))
    run_virtually(history(server, keys=False).bars(BTC, START, END, 60))
    assert seen[0]["apca-api-key-id"] == KEY
    assert seen[0]["apca-api-secret-key"] == SECRET
    assert "apca-api-key-id" not in seen[1]
    with pytest.raises(NotAllowed):
        run_virtually(history(server, keys=False).bars(AAPL, START, END, 60))


@pytest.mark.covers("B224")
def test_recent_data_of_all_exchanges_need_a_subscription() -> None:
    settings = replace(plain_server().settings, feed="sip")
    last = parse_time("2024-02-02T21:00:00Z")

    def ask(sip: bool, now: int) -> list[Bar]:
        server = plain_server(now=now, sip=sip)
        return run_virtually(AlpacaHistory(settings, server.client()).bars(AAPL, START, last, 60))

    with pytest.raises(NotAllowed, match="subscription does not permit"):
        ask(sip=False, now=last)
    assert ask(sip=True, now=last) == ask(sip=False, now=NOW)


def test_an_own_client_is_closed_and_a_borrowed_one_is_not() -> None:
    async def run() -> tuple[bool, bool]:
        server = plain_server()
        borrowed = server.client()
        async with AlpacaHistory(server.settings, borrowed):
            pass
        own = AlpacaHistory(server.settings)
        await own.close()
        await own.close()
        return borrowed.is_closed, own._rest._client.is_closed

    assert run_virtually(run()) == (False, True)
