"""What the page looks into: the life of an order, charts, notes, limits and files, over a session that has traded."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from engine_rig import Rig
from live_rig import Life, level, live
from web_kit import BEARER, TOKEN, WHY, Web

from algotrader.live.control import RUNNING
from algotrader.server.app import create_app
from algotrader.server.exports import cell
from algotrader.server.history import History


async def trade(life: Life) -> None:
    """Buy on the third bar, have the stop moved once, leave on the eighth bar, be denied a second entry, buy once more."""
    session = await life.running()
    await life.at(2.5)
    life.want(stop="98")
    await life.at(5.5)
    life.script.new_stop = Decimal("99")
    await life.at(7.5)
    life.script.leave = True
    await life.at(10.5)
    life.script.leave, life.script.new_stop = False, None
    await life.until(lambda: not session.engine.state.live_orders)
    life.want(stop="120")
    await life.at(12.5)
    life.want(stop="97")
    await life.at(15.5)
    await life.end()


class Traded(Web):
    """The application over the session that has traded, as if it still ran."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.history = History.open(life.url)
        life.session.state = RUNNING
        self.app = create_app(life.session, self.history, token=TOKEN, instance="i-1")
        self.home = "http://127.0.0.1:8000"

    def close(self) -> None:
        assert self.history is not None
        self.history.close()


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    bars = level(20)
    return live(trade, tmp_path_factory.mktemp("life"), bars)


@pytest.fixture(scope="module")
def web(life: Life) -> Iterator[Traded]:
    made = Traded(life)
    yield made
    made.close()


def order_of(web: Web, role: str) -> dict[str, Any]:
    found: dict[str, Any] = [one for one in web.get("/api/orders")["items"] if one["order_role"] == role][-1]
    return found


def test_the_life_of_an_order_leads_from_the_signal_to_its_end(web: Traded) -> None:
    entry = order_of(web, "entry")
    found = web.get(f"/api/orders/{entry['local_id']}")
    assert found["order"] == entry
    types = [one["type"] for one in found["events"]]
    assert (types[0], set(types)) == ("created", {"created", "submitted", "accepted", "fill"}), types
    fill = next(one for one in found["events"] if one["type"] == "fill")
    assert (fill["old_state"], fill["new_state"], fill["qty_filled"]) == ("accepted", "filled", "100")
    assert Decimal(fill["fill_price"]) == 100
    kinds = [one["kind"] for one in found["related"]]
    assert kinds[0] == "signal_detected"
    assert {"order_submitted", "order_filled", "stop_placed", "stop_moved"} <= set(kinds)
    assert [one["id"] for one in found["related"]] == sorted(one["id"] for one in found["related"])


def test_the_stop_tells_of_its_move(web: Traded) -> None:
    types = [one["type"] for one in web.get(f"/api/orders/{order_of(web, 'stop_loss')['local_id']}")["events"]]
    assert "replace_requested" in types
    assert "replaced" in types


def test_a_round_trip_leads_to_its_orders_and_to_no_others(web: Web) -> None:
    everything, (trip, *_) = web.get("/api/orders")["items"], web.get("/api/round-trips")["items"]
    of_it = web.get("/api/orders", correlation_id=trip["correlation_id"])["items"]
    assert [order["order_role"] for order in of_it][-1] == "entry"
    assert of_it == [order for order in everything if order["correlation_id"] == trip["correlation_id"]]
    assert 1 < len(of_it) < len(everything)
    assert web.get("/api/orders", correlation_id="nobody")["items"] == []


@pytest.mark.parametrize("path", ["/api/orders/nobody", "/api/orders/..%2f..%2fetc%2fpasswd", "/api/orders/%00"])
def test_an_order_that_is_not_there(web: Traded, path: str) -> None:
    assert web.ask("GET", path, headers=BEARER).status_code == 404


def test_a_chart_has_candles_markers_and_the_working_stop(web: Traded) -> None:
    found = web.get("/api/bars/aapl")
    assert (found["symbol"], found["interval"], found["more"]) == ("AAPL", "1m", False)
    assert found["intervals"][:2] == ["1m", "2m"]
    assert found["bars"][0] == {
        "time": "2024-03-05T14:30:00Z",
        "open": "100.0000",
        "high": "100.0000",
        "low": "100.0000",
        "close": "100.0000",
        "volume": "1000000",
        "complete": True,
    }
    assert len(found["bars"]) == 15
    markers = [(one["kind"], one["side"], one["price"]) for one in found["markers"]]
    assert ("signal", "buy", None) in markers
    assert ("entry", "buy", "100.0000") in markers
    assert ("exit", "sell", "100.0000") in markers
    assert ("stop_moved", None, "99.0000") in markers
    assert any(kind == "denied" for kind, _, _ in markers)
    assert [one["time"] for one in found["markers"]] == sorted(one["time"] for one in found["markers"])
    (stop,) = found["working"]
    assert (stop["role"], stop["side"], stop["qty"], stop["stop_price"]) == ("stop_loss", "sell", "100", "97.0000")


def test_a_chart_is_paged_backwards(web: Traded) -> None:
    newest = web.get("/api/bars/AAPL", interval="2m", limit=3)
    assert newest["more"] is True
    assert [one["complete"] for one in newest["bars"]] == [True, True, False]
    older = web.get("/api/bars/AAPL", interval="2m", limit=100, before=newest["bars"][0]["time"])
    times = [one["time"] for one in older["bars"] + newest["bars"]]
    assert times == [f"2024-03-05T14:{minute}:00Z" for minute in range(30, 46, 2)]
    assert (len(older["bars"]), older["more"]) == (5, False)
    assert all(one["complete"] for one in older["bars"])


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("/api/bars/AAPP", {}, 404, "unknown_symbol"),
        ("/api/bars/..%2f..%2fetc%2fpasswd", {}, 404, "unknown_symbol"),
        ("/api/bars/AAPL", {"interval": "7m"}, 422, "invalid_request"),
        ("/api/bars/AAPL", {"interval": "1s"}, 422, "invalid_request"),
        ("/api/bars/AAPL", {"limit": "0"}, 422, "invalid_request"),
        ("/api/bars/AAPL", {"before": "yesterday"}, 422, "invalid_request"),
        ("/api/bars/AAPL", {"before": "2024-03-05T14:30:00"}, 422, "invalid_request"),
    ],
)
def test_charts_that_are_not_there(web: Traded, path: str, query: dict[str, str], status: int, code: str) -> None:
    assert web.error(web.ask("GET", path, params=query, headers=BEARER)) == (status, code)


@pytest.mark.covers("A187")
def test_a_note_is_written_edited_and_deleted_and_outlives_the_server(web: Traded, life: Life) -> None:
    (trip,) = web.get("/api/round-trips")["items"]
    path = f"/api/round-trips/{trip['trade_id']}/notes"
    made = web.send("POST", path, {"note": "  Entered late.\nNext time sooner.  "})
    assert made.status_code == 201, made.text
    note = made.json()
    assert (note["trade_id"], note["note"]) == (trip["trade_id"], "Entered late.\nNext time sooner.")
    again = Traded(life)
    assert again.get(path)["items"] == [note]
    edited = again.send("PUT", f"/api/notes/{note['id']}", {"note": "=1+1"}).json()
    assert (edited["note"], edited["created_at"]) == ("=1+1", note["created_at"])
    assert again.ask("DELETE", f"/api/notes/{note['id']}", headers=BEARER).status_code == 204
    assert again.get(path)["items"] == []
    for method, body in (("PUT", {"note": "x"}), ("DELETE", None)):
        assert again.error(again.send(method, f"/api/notes/{note['id']}", body)) == (404, "unknown_note")
    again.close()


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/api/round-trips/nobody/notes", {"note": "x"}, (404, "unknown_trade")),
        ("/api/round-trips/nobody/notes", {"note": " "}, (422, "invalid_request")),
        ("/api/round-trips/nobody/notes", {"note": "a\x00b"}, (422, "invalid_request")),
        ("/api/round-trips/nobody/notes", {"note": "x" * 4001}, (422, "invalid_request")),
        ("/api/round-trips/nobody/notes", {}, (422, "invalid_request")),
    ],
)
def test_notes_that_cannot_be_written(web: Traded, path: str, body: Any, expected: tuple[int, str]) -> None:
    assert web.error(web.send("POST", path, body)) == expected


def test_notes_need_the_token_and_a_database(web: Traded) -> None:
    assert web.error(web.ask("POST", "/api/round-trips/x/notes", json={"note": "x"})) == (401, "token_missing")
    assert web.error(web.ask("DELETE", "/api/notes/1")) == (401, "token_missing")
    bare = Web()
    assert bare.error(bare.send("POST", "/api/round-trips/x/notes", {"note": "x"})) == (503, "no_history")


def rows(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.mark.parametrize(
    ("table", "count", "some"),
    [
        ("orders", 5, {"symbol": "AAPL", "state": "accepted"}),
        ("round-trips", 1, {"side": "long", "pnl": "0.00"}),
        ("positions", 1, {"symbol": "AAPL", "stop_price": "97.0000"}),
        ("strategies", 1, {"name": "s", "symbols": "AAPL", "enabled": "true"}),
        ("breakers", 4, {"name": "daily_loss", "state": "normal"}),
        ("limits", 4, {"name": "open_positions", "value": "1"}),
        ("cash", 1, {"kind": "reconciliation", "amount": "1000000.00"}),
    ],
)
def test_every_table_is_a_file(web: Traded, table: str, count: int, some: dict[str, str]) -> None:
    answer = web.ask("GET", f"/api/export/{table}.csv", headers=BEARER)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{table}.csv"'
    found = rows(answer)
    assert len(found) == count
    assert some.items() <= (found[0] if found else {}).items()


def test_a_file_has_all_of_the_activity_page_by_page(web: Traded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("algotrader.server.exports.PAGE", 3)
    whole = rows(web.ask("GET", "/api/export/activity.csv", headers=BEARER))
    assert [row["id"] for row in whole] == [str(one["id"]) for one in web.get("/api/activity", limit=1000)["items"]]
    assert len(rows(web.ask("GET", "/api/export/activity.csv?limit=4", headers=BEARER))) == 4


@pytest.mark.parametrize("table", ["journal", "settings_override", "..%2f..%2fetc%2fpasswd", "x%0d%0aX-Evil:1"])
def test_files_that_are_not_there(web: Traded, table: str) -> None:
    answer = web.ask("GET", f"/api/export/{table}.csv", headers=BEARER)
    assert answer.status_code in (404, 422)
    assert "x-evil" not in answer.headers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1+1", "'+1+1"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("-12.50", "-12.50"),
        ("+3", "+3"),
        ("plain = text", "plain = text"),
        (None, ""),
        (True, "true"),
        (["=a", "b"], "'=a;b"),
    ],
)
def test_no_cell_is_a_formula(value: Any, text: str) -> None:
    assert cell(value) == text


def breaker(web: Web, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in web.get("/api/risk")["breakers"] if one["name"] == name)
    return found


def test_limits_with_the_distance_to_them(web: Traded) -> None:
    found = web.get("/api/risk")
    assert (found["trading_state"], found["emergency_stop"]) == ("active", False)
    by_name = {one["name"]: one for one in found["limits"]}
    assert (by_name["open_positions"]["value"], by_name["open_positions"]["limit"]) == ("1", "20")
    assert (by_name["largest_position"]["value"], by_name["largest_position"]["used_pct"]) == ("1.00", "1.00")
    assert (by_name["at_risk"]["value"], by_name["exposure"]["limit"]) == ("300.00", "400.00")


@pytest.mark.covers("B132", "B137")
def test_a_halt_by_hand_has_a_reason_and_ends_only_by_hand(tmp_path: Path) -> None:
    rig = Rig()
    script = rig.strategy()
    web = Web(tmp_path, rig=rig)
    assert web.error(web.send("POST", "/api/halt", {"operator": "Ada"})) == (422, "invalid_request")
    assert web.send("POST", "/api/halt", WHY).status_code == 202
    web.control.deliver()
    assert breaker(web, "manual")["state"] == "manually_halted"
    assert breaker(web, "manual")["reason"] == "halted"
    script.entry, script.size, script.stop = "long", 10, Decimal(90)
    assert rig.bar("100") == []
    rig.phase("session_open")
    assert breaker(web, "manual")["state"] == "manually_halted"
    assert web.error(web.send("POST", "/api/resume", WHY | {"confirm": "yes"})) == (422, "not_confirmed")
    web.send("POST", "/api/resume", WHY | {"confirm": "resume trading"})
    web.control.deliver()
    assert breaker(web, "manual")["state"] == "normal"
    script.entry = "long"
    assert len(rig.bar("100")) == 1
    web.close()


def test_the_daily_breaker_shows_its_level_and_its_reason() -> None:
    rig = Rig()
    rig.state.breaker.reset(10_000 * 10**18)
    web = Web(rig=rig)
    rig.state.breaker.record(-150 * 10**18)
    daily = breaker(web, "daily_loss")
    assert (daily["level"], daily["limit"], daily["used_pct"], daily["state"]) == ("1.50", "3.00", "50.00", "normal")
    assert breaker(web, "losses_in_row")["level"] == "1"
    rig.state.breaker.record(-150 * 10**18)
    assert (breaker(web, "daily_loss")["state"], breaker(web, "losses_in_row")["state"]) == ("tripped", "normal")
    assert breaker(web, "daily_loss")["reason"].startswith("the day's loss of 300")


def test_an_emergency_stop_is_told_apart_from_a_halt() -> None:
    web = Web()
    web.send("POST", "/api/emergency-stop", WHY)
    web.control.deliver()
    assert (breaker(web, "emergency_stop")["state"], breaker(web, "manual")["state"]) == ("manually_halted", "normal")


def test_flattening_takes_the_phrase_that_a_page_has_typed(tmp_path: Path) -> None:
    web = Web()
    assert web.error(web.send("POST", "/api/flatten", WHY | {"confirm": "yes"})) == (422, "not_confirmed")
    assert web.send("POST", "/api/flatten", WHY | {"confirm": "Flatten"}).status_code == 202
    assert web.send("POST", "/api/flatten", WHY).status_code == 202


def test_strategies_that_can_be_run_come_with_their_bounds() -> None:
    found = {one["name"]: one for one in Web().get("/api/strategy-types")["items"]}
    assert {"velez", "sma_cross", "buy_and_hold", "momentum", "rebalance"} <= set(found)
    parameters = {one["name"]: one for one in found["velez"]["parameters"]}
    assert parameters["sma_fast"] == {
        "name": "sma_fast",
        "kind": "integer",
        "default": "20",
        "minimum": "5",
        "maximum": "50",
        "choices": [],
        "help": "period of the fast average, candles",
    }
    assert (parameters["candle_interval_minutes"]["kind"], parameters["candle_interval_minutes"]["choices"]) == (
        "choice",
        ["1", "2", "5", "10"],
    )
    assert (parameters["tightness_threshold_pct"]["kind"], parameters["allow_short"]["kind"]) == ("number", "boolean")
    assert all(one["description"] for one in found.values())


@pytest.mark.parametrize(
    "moment",
    [
        "0001-01-01",
        "9999-12-31T23:59:59.999999Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1970-01-01",
        "2024-W10-2",
    ],
)
@pytest.mark.parametrize("path", ["/api/round-trips?since=", "/api/bars/AAPL?before=", "/api/bars/AAPL?interval=1d&before="])
def test_moments_at_the_ends_of_time(web: Traded, path: str, moment: str) -> None:
    answer = web.ask("GET", path + moment.replace("+", "%2B"), headers=BEARER)
    assert answer.status_code in (200, 422), answer.text


@pytest.mark.parametrize("path", ["/api/activity?before=9223372036854775808", "/api/orders?offset=9223372036854775808"])
def test_numbers_that_no_database_takes(web: Traded, path: str) -> None:
    assert web.error(web.ask("GET", path, headers=BEARER)) == (422, "invalid_request")
