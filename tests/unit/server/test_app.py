"""The server's answers: what it shows is what the engine knows; what is asked for reaches the inbox or is refused with a hint."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import httpx
import pytest
from engine_rig import START, Rig, raw
from session_kit import ToldControl

from algotrader.core.events import ExternalPosition, OperatorCommand
from algotrader.core.orders import Side
from algotrader.core.state import EXTERNAL
from algotrader.live.clock import NS_PER_SECOND
from algotrader.live.control import DISCONNECTED, INITIALIZING, RUNNING, SHUTTING_DOWN, STOPPED
from algotrader.server.app import create_app

TOKEN = "a-token"
WHY = {"reason": "a drill", "operator": "Ada"}
MINUTE = 60 * NS_PER_SECOND


def call(control: ToldControl, method: str, path: str, *, host: str = "127.0.0.1", base: str = "", **more: Any) -> httpx.Response:
    """One request to a session's app, as a program on the same machine would make it."""

    async def go() -> httpx.Response:
        app = create_app(control, token=TOKEN, host=host, instance="i-1")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base or "http://127.0.0.1:8000") as client:
            return await client.request(method, path, **more)

    return asyncio.run(go())


def post(control: ToldControl, path: str, **body: Any) -> httpx.Response:
    return call(control, "POST", path, json=body, headers={"Authorization": f"Bearer {TOKEN}"})


def get(control: ToldControl, path: str, **query: Any) -> Any:
    answer = call(control, "GET", path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def holding() -> ToldControl:
    """A session that holds 100 AAPL at 100 under a stop at 98, with one round trip behind it."""
    rig = Rig()
    script = rig.strategy()
    rig.hold(script)
    rig.ack("a2")
    script.leave = True
    rig.bar("101")
    script.leave = False
    exit_id = next(o.client_order_id for o in rig.state.live_orders.values() if o.role.value == "exit_market")
    rig.ack(exit_id)
    rig.fill(exit_id, 100, "101", commission="0.35")
    rig.cancelled("a2")
    entry = rig.enter(script)[0].split()[0]
    rig.ack(entry)
    stop = rig.fill(entry, 100, "100")[0].split()[0]
    rig.ack(stop)
    control = ToldControl(rig)
    control.clock.time = rig.now
    control.vitals.last_bar = rig.now
    return control


@pytest.mark.covers("B119", "B120", "B121")
def test_health_of_a_working_session(holding: ToldControl) -> None:
    holding.vitals.last_snapshot = START
    found = get(holding, "/health")
    assert (found["status"], found["problems"], found["is_running"], found["broker_connected"]) == ("healthy", [], True, True)
    assert found["last_checkpoint_at"] == "2025-11-26T14:30:00Z"
    assert found["last_market_data_at"] == "2025-11-26T14:33:00Z"
    assert (found["portfolio_value"], found["cash"], found["position_count"]) == ("1000099.65", "990099.65", 1)
    assert (found["shadow_enabled"], found["metrics_enabled"]) == (False, True)


@pytest.mark.covers("B119")
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"state": INITIALIZING}, "the session is initializing"),
        ({"state": SHUTTING_DOWN}, "the session is shutting down"),
        ({"order_stream": DISCONNECTED}, "the stream of orders is disconnected"),
        ({"bar_stream": "reconnecting"}, "the stream of bars is reconnecting"),
    ],
)
def test_health_says_what_is_wrong(change: dict[str, str], problem: str) -> None:
    control = ToldControl()
    for name, value in change.items():
        setattr(control if name == "state" else control.vitals, name, value)
    answer = call(control, "GET", "/health")
    assert answer.status_code == 503
    assert answer.json()["status"] == "unhealthy"
    assert answer.json()["problems"] == [problem]


@pytest.mark.parametrize(("minutes", "status"), [(3, 200), (4, 503), (390, 200)])
def test_silence_is_unhealthy_only_while_the_market_is_open(minutes: int, status: int) -> None:
    control = ToldControl()
    control.rig.phase("session_open")
    control.clock.time = START + minutes * MINUTE
    assert call(control, "GET", "/health").status_code == status


@pytest.mark.covers("A214")
def test_status_shows_account_strategies_and_positions(holding: ToldControl) -> None:
    found = get(holding, "/api/status")
    assert found["health"]["mode"] == "paper"
    assert found["trading_state"] == "active"
    assert found["account"]["cash"] == "990099.65"
    assert found["pnl"]["unrealized_pnl"] == "0.00"
    assert found["strategies"] == [{"name": "s", "symbols": ["AAPL"], "enabled": True, "errors": 0}]
    assert found["watchlist"] == ["AAPL", "MSFT"]
    assert [p["symbol"] for p in found["positions"]] == ["AAPL"]


def test_a_position_comes_with_its_stop_and_its_owner(holding: ToldControl) -> None:
    (found,) = get(holding, "/api/positions")["items"]
    assert (found["owner"], found["side"], found["qty"], found["avg_entry_price"]) == ("s", "long", "100", "100.00")
    assert (found["protection"], found["protection_level"], found["stop_price"]) == ("planned", "working", "98.0000")
    assert found["stop_order"]["state"] == "accepted"
    assert found["stop_order"]["qty"] == "100"


def test_protection_levels_tell_what_is_missing() -> None:
    rig = Rig()
    rig.hold(rig.strategy())
    control = ToldControl(rig)

    def level() -> str:
        found: str = get(control, "/api/positions")["items"][0]["protection_level"]
        return found

    assert level() == "in_flight"
    rig.ack("a2")
    assert level() == "working"
    rig.state.tracks[0].halted = True
    assert level() == "dormant"
    rig.state.tracks[0].halted = False
    rig.unknown("a2")
    assert level() == "unknown"


def test_orders_are_filtered_and_paged_newest_first(holding: ToldControl) -> None:
    everything = get(holding, "/api/orders")
    ids = [o["local_id"] for o in everything["items"]]
    assert ids == sorted(ids, key=lambda i: -int(i[1:]))
    assert (len(ids), everything["more"]) == (5, False)
    page = get(holding, "/api/orders", limit=2, offset=1)
    assert [o["local_id"] for o in page["items"]] == ids[1:3]
    assert page["more"] is True
    (stop,) = get(holding, "/api/orders", state="open")["items"]
    assert (stop["order_role"], stop["stop_price"], stop["qty_requested"]) == ("stop_loss", "98.0000", "100")
    assert len(get(holding, "/api/orders", state="filled")["items"]) == 3
    assert get(holding, "/api/orders", symbol="msft")["items"] == []


def test_an_order_that_was_replaced_is_listed_once() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.hold(script)
    rig.ack("a2")
    for number, stop in enumerate(("98.5", "99", "99.5"), 1):
        script.new_stop = Decimal(stop)
        rig.bar("101")
        rig.replaced("a2" if number == 1 else f"a2-r{number - 1}", f"a2-r{number}")
    (order,) = get(ToldControl(rig), "/api/orders", state="open")["items"]
    assert order["stop_price"] == "99.5000"


def test_round_trips_are_exact(holding: ToldControl) -> None:
    (trip,) = get(holding, "/api/round-trips")["items"]
    assert (trip["side"], trip["qty"], trip["pnl"], trip["commission"]) == ("long", "100", "99.65", "0.35")
    of_it = get(holding, "/api/orders", correlation_id=trip["correlation_id"])["items"]
    assert [order["order_role"] for order in of_it] == ["exit_market", "stop_loss", "entry"]
    assert Decimal(trip["exit_price"]) == 101
    assert get(holding, "/api/round-trips", since="2030-01-01T00:00:00Z")["items"] == []


@pytest.mark.parametrize(
    ("path", "body", "event"),
    [
        ("/api/halt", {}, ("halt", "", "")),
        ("/api/resume", {"confirm": "Resume  trading"}, ("resume", "", "")),
        ("/api/flatten", {}, ("flatten", "", "")),
        ("/api/flatten", {"symbol": "aapl"}, ("flatten", "AAPL", "")),
        ("/api/close", {"symbol": "aapl"}, ("close", "AAPL", "")),
        ("/api/reduce", {"symbol": "aapl", "qty": "40", "owner": "s"}, ("reduce_position", "AAPL", "")),
        ("/api/restop", {"symbol": "aapl", "stop_price": "99"}, ("restop", "AAPL", "")),
        ("/api/adopt", {"symbol": "MSFT", "mode": "protect"}, ("adopt", "MSFT", "protect")),
        ("/api/release", {"symbol": "MSFT"}, ("release", "MSFT", "")),
        ("/api/emergency-stop", {}, ("emergency", "", "")),
    ],
)
def test_actions_become_events(holding: ToldControl, path: str, body: dict[str, str], event: tuple[str, str, str]) -> None:
    answer = post(holding, path, **WHY, **body)
    assert answer.status_code == 202, answer.text
    assert answer.json()["accepted"] is True
    (put,) = holding.events
    assert isinstance(put, OperatorCommand)
    assert (put.action, put.symbol, put.mode) == event
    assert (put.operator, put.reason, put.time) == ("Ada", "a drill", holding.clock.time)


@pytest.mark.parametrize("path", ["/api/flatten", "/api/close", "/api/emergency-stop"])
def test_what_closes_positions_reaches_the_engine(holding: ToldControl, path: str) -> None:
    assert post(holding, path, **WHY, **({"symbol": "AAPL"} if path == "/api/close" else {})).status_code == 202
    assert any("exit_market sell 100" in told for told in holding.deliver())


def test_a_part_is_sold_and_the_stop_shrinks(holding: ToldControl) -> None:
    answer = post(holding, "/api/reduce", **WHY, symbol="AAPL", qty="40")
    assert answer.json()["message"] == "closing 40 of 100 AAPL"
    (sell,) = [told for told in holding.deliver() if "exit_market" in told]
    assert sell.endswith("exit_market sell 40 market")
    again = post(holding, "/api/reduce", **WHY, symbol="AAPL", qty="40")
    assert again.json()["error"]["code"] == "being_closed", "a second click does not sell twice"
    exit_id = sell.split()[0]
    holding.rig.ack(exit_id)
    assert holding.rig.fill(exit_id, 40, "100")[0].endswith(": 60 stop 98.00")
    assert get(holding, "/api/positions")["items"][0]["qty"] == "60"


def test_a_stop_is_moved_to_the_tick_away_from_the_market(holding: ToldControl) -> None:
    answer = post(holding, "/api/restop", **WHY, symbol="AAPL", stop_price="99.12999")
    assert answer.json()["message"] == "moving the stop of AAPL to 99.1200"
    assert holding.deliver()[-1].endswith(": 100 stop 99.12")
    assert get(holding, "/api/positions")["items"][0]["stop_price"] == "99.1200"


@pytest.mark.covers("C32")
def test_an_emergency_stop_cancels_liquidates_and_lasts_until_a_typed_resume(holding: ToldControl) -> None:
    other = holding.rig.strategy("t", "MSFT")
    other.entry, other.size, other.stop, other.price = "long", 10, Decimal(90), Decimal(95)
    entry = holding.rig.bar("100", "MSFT")[0].split()[0]
    holding.rig.ack(entry)
    post(holding, "/api/emergency-stop", **WHY)
    commands = holding.deliver()
    assert f"cancel {entry}" in commands
    assert any("exit_market sell 100" in told for told in commands)
    found = get(holding, "/api/status")
    assert (found["trading_state"], found["emergency_stop"]) == ("halted", True)
    assert post(holding, "/api/resume", **WHY, confirm="please").status_code == 422
    assert get(holding, "/api/status")["emergency_stop"] is True
    post(holding, "/api/resume", **WHY, confirm="resume trading")
    holding.deliver()
    found = get(holding, "/api/status")
    assert (found["trading_state"], found["emergency_stop"]) == ("active", False)


def test_what_was_adopted_is_shown_and_may_be_closed() -> None:
    control = ToldControl()
    rig = control.rig
    rig.bar("100")
    rig.tell(ExternalPosition(rig.now, "AAPL", 50, raw("100")))
    post(control, "/api/adopt", **WHY, symbol="AAPL", mode="manage")
    control.deliver()
    (shown,) = get(control, "/api/positions")["items"]
    assert (shown["owner"], shown["adopted"], shown["protection_level"]) == (EXTERNAL, "manage", "in_flight")
    assert post(control, "/api/close", **WHY, symbol="AAPL").status_code == 202


@pytest.mark.covers("A116", "A196")
def test_shutdown_is_asked_for(holding: ToldControl) -> None:
    assert post(holding, "/api/shutdown", **WHY).status_code == 202
    assert post(holding, "/api/shutdown", **WHY, flatten=True).status_code == 202
    assert holding.shutdowns == [("Ada: a drill", False), ("Ada: a drill", True)]


BEARER = {"Authorization": f"Bearer {TOKEN}"}
REFUSED = [
    ("no token", "/api/halt", WHY, {}, 401, "token_missing"),
    ("wrong token", "/api/halt", WHY, {"Authorization": "Bearer nonsense"}, 401, "wrong_token"),
    ("not a bearer", "/api/halt", WHY, {"Authorization": f"Basic {TOKEN}"}, 401, "wrong_token"),
    ("another origin", "/api/halt", WHY, BEARER | {"Origin": "http://evil.example"}, 403, "other_origin"),
    ("another port", "/api/halt", WHY, BEARER | {"Origin": "http://127.0.0.1:9999"}, 403, "other_origin"),
    ("no origin at all", "/api/halt", WHY, BEARER | {"Origin": "null"}, 403, "other_origin"),
    ("a page elsewhere", "/api/halt", WHY, BEARER | {"Sec-Fetch-Site": "cross-site"}, 403, "other_origin"),
    ("another name for us", "/api/halt", WHY, BEARER | {"Host": "evil.example"}, 403, "wrong_host"),
    ("no reason", "/api/halt", {}, BEARER, 422, "invalid_request"),
    ("an empty reason", "/api/halt", {"reason": "  "}, BEARER, 422, "invalid_request"),
    ("an unknown field", "/api/halt", WHY | {"force": True}, BEARER, 422, "invalid_request"),
    ("no confirmation", "/api/resume", WHY, BEARER, 422, "invalid_request"),
    ("another confirmation", "/api/resume", WHY | {"confirm": "yes"}, BEARER, 422, "not_confirmed"),
    ("an unknown symbol", "/api/close", WHY | {"symbol": "AAPP"}, BEARER, 404, "unknown_symbol"),
    ("nothing to close", "/api/close", WHY | {"symbol": "MSFT"}, BEARER, 409, "no_position"),
    ("nothing to reduce", "/api/reduce", WHY | {"symbol": "MSFT", "qty": "1"}, BEARER, 409, "no_position"),
    ("nobody's position", "/api/reduce", WHY | {"symbol": "AAPL", "qty": "1", "owner": "t"}, BEARER, 409, "no_position"),
    ("more than is held", "/api/reduce", WHY | {"symbol": "AAPL", "qty": "101"}, BEARER, 409, "more_than_held"),
    ("half a share", "/api/reduce", WHY | {"symbol": "AAPL", "qty": "0.5"}, BEARER, 409, "bad_quantity"),
    ("no quantity", "/api/reduce", WHY | {"symbol": "AAPL", "qty": "0"}, BEARER, 422, "invalid_request"),
    ("a negative quantity", "/api/reduce", WHY | {"symbol": "AAPL", "qty": "-5"}, BEARER, 422, "invalid_request"),
    ("not a number", "/api/reduce", WHY | {"symbol": "AAPL", "qty": "NaN"}, BEARER, 422, "invalid_request"),
    ("a huge quantity", "/api/reduce", WHY | {"symbol": "AAPL", "qty": "1e400"}, BEARER, 422, "invalid_request"),
    ("beyond what is counted", "/api/reduce", WHY | {"symbol": "AAPL", "qty": "9999999999999999"}, BEARER, 409, "more_than_held"),
    ("nothing to protect", "/api/restop", WHY | {"symbol": "MSFT", "stop_price": "1"}, BEARER, 409, "no_position"),
    ("a looser stop", "/api/restop", WHY | {"symbol": "AAPL", "stop_price": "97"}, BEARER, 409, "looser_stop"),
    ("the same stop", "/api/restop", WHY | {"symbol": "AAPL", "stop_price": "98.009"}, BEARER, 409, "looser_stop"),
    ("a stop at the market", "/api/restop", WHY | {"symbol": "AAPL", "stop_price": "100"}, BEARER, 409, "through_market"),
    ("no stop", "/api/restop", WHY | {"symbol": "AAPL", "stop_price": "0"}, BEARER, 422, "invalid_request"),
    ("an unknown mode", "/api/adopt", WHY | {"symbol": "MSFT", "mode": "steal"}, BEARER, 422, "invalid_request"),
    ("an unknown path", "/api/panic", WHY, BEARER, 404, "not_found"),
    ("the wrong method", "/api/status", WHY, BEARER, 405, "method_not_allowed"),
]


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refusals(holding: ToldControl, path: str, body: dict[str, Any], headers: dict[str, str], status: int, code: str) -> None:
    answer = call(holding, "POST", path, json=body, headers=headers)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), answer.text
    assert error["message"]
    assert error["hint"]
    assert TOKEN not in answer.text
    assert (holding.events, holding.shutdowns) == ([], [])


def test_an_unknown_symbol_is_told_with_the_nearest_one(holding: ToldControl) -> None:
    assert post(holding, "/api/close", **WHY, symbol="AAPP").json()["error"]["hint"] == "did you mean AAPL?"


def test_what_a_person_opened_is_not_closed() -> None:
    control = ToldControl()
    control.rig.tell(ExternalPosition(control.rig.now, "AAPL", 50, raw("100")))
    error = post(control, "/api/close", **WHY, symbol="AAPL").json()["error"]
    assert error["code"] == "external_position"
    assert "adopt AAPL" in error["hint"]
    (shown,) = get(control, "/api/positions")["items"]
    assert (shown["owner"], shown["protection_level"]) == (EXTERNAL, "none")


@pytest.mark.parametrize("state", [SHUTTING_DOWN, STOPPED])
def test_a_session_that_ends_takes_no_commands(state: str) -> None:
    control = ToldControl()
    control.state = state
    assert post(control, "/api/halt", **WHY).status_code == 409
    assert control.events == []


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"state": "sleeping"}, "there is no state 'sleeping' of orders"),
        ({"limit": "0"}, "limit: Input should be greater than or equal to 1"),
        ({"offset": "x"}, "offset: Input should be a valid integer, unable to parse string as an integer"),
    ],
)
def test_impossible_questions(query: dict[str, str], told: str) -> None:
    answer = call(ToldControl(), "GET", "/api/orders", params=query)
    assert (answer.status_code, answer.json()["error"]["message"]) == (422, told)


def test_beyond_loopback_everything_but_the_bare_health_needs_the_token() -> None:
    control, away = ToldControl(), {"host": "0.0.0.0", "base": "http://trader.example:8000"}
    assert call(control, "GET", "/api/status", **away).status_code == 401
    assert call(control, "GET", "/api/status", headers=BEARER, **away).status_code == 200
    bare = call(control, "GET", "/health", **away).json()
    assert bare == {"status": "healthy", "problems": [], "state": RUNNING, "is_running": True}
    assert "cash" in call(control, "GET", "/health", headers=BEARER, **away).json()


def test_no_server_without_a_token() -> None:
    with pytest.raises(ValueError, match="without a token"):
        create_app(ToldControl(), token="")


def test_answers_are_signed_and_not_kept(holding: ToldControl) -> None:
    answer = call(holding, "GET", "/health")
    assert (answer.headers["x-algo-session"], answer.headers["cache-control"]) == ("i-1", "no-store")


def test_every_money_value_is_text(holding: ToldControl) -> None:
    def floats(value: Any, path: str = "") -> list[str]:
        if isinstance(value, dict):
            return [name for key, inner in value.items() for name in floats(inner, f"{path}.{key}")]
        if isinstance(value, list):
            return [name for inner in value for name in floats(inner, path)]
        return [path] if isinstance(value, float) and not path.endswith("_seconds") else []

    paths = ("/health", "/api/status", "/api/positions", "/api/orders", "/api/round-trips")
    assert [name for path in paths for name in floats(get(holding, path))] == []
    assert Side.BUY.value in {order["side"] for order in get(holding, "/api/orders")["items"]}
