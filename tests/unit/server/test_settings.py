"""Settings over HTTP: shown with source and bounds, changed within the same bounds as everywhere, kept, told, and acted upon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from engine_rig import Rig
from web_kit import BEARER, WHY, Web, resolve

from algotrader.config.schema import all_settings
from algotrader.config.shapes import shapes
from algotrader.core.events import OperatorCommand, RiskChanged
from algotrader.live.control import SHUTTING_DOWN
from algotrader.storage import queries
from algotrader.storage.database import Database

RISK_PCT = "risk.max_risk_per_trade_pct"


def session(folder: Path) -> Web:
    rig = Rig()
    rig.strategy("velez")
    rig.strategy("other", "MSFT")
    return Web(folder, rig=rig)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    made = session(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """For tests that change nothing."""
    made = session(tmp_path_factory.mktemp("unchanged"))
    yield made
    made.close()


def put(web: Web, **changes: Any) -> Any:
    return web.send("PUT", "/api/settings", WHY | {"changes": {name.replace("__", "."): value for name, value in changes.items()}})


def items(web: Web) -> dict[str, dict[str, Any]]:
    return {item["key"]: item for item in web.get("/api/settings")["items"]}


def rows(web: Web) -> dict[str, tuple[str, str | None]]:
    with_url = Database(f"sqlite:///{web.store.database.path}")
    found = {one.key: (one.value, one.previous_value) for one in queries.overrides(with_url)}
    with_url.close()
    return found


def test_every_setting_is_shown_with_what_it_may_be(unchanged: Web) -> None:
    web = unchanged
    found = items(web)
    assert set(found) == {s.name for s in all_settings()} | {"strategies.velez.enabled", "strategies.other.enabled"}
    limit = found[RISK_PCT]
    assert (limit["value"], limit["minimum"], limit["maximum"], limit["unit"]) == ("0.01", "0.001", "0.05", "fraction")
    assert (limit["kind"], limit["source"], limit["effect"], limit["editable"]) == ("number", "default", "next_signal", True)
    # Nobody can have it taken over by this session, so what it trades was named when it was started.
    assert (found["app.watchlist"]["value"], found["app.watchlist"]["source"]) == (["AAPL", "MSFT"], "the command line")
    assert found["app.log_level"]["choices"] == ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
    assert found["velez.candle_interval_minutes"]["choices"] == ["1", "2", "5", "10"]
    assert (found["strategies.velez.enabled"]["value"], found["strategies.velez.enabled"]["effect"]) == (True, "at_once")


@pytest.mark.covers("A194", "A195")
def test_what_may_change_and_when_it_acts(unchanged: Web) -> None:
    web = unchanged
    editable = {key: item["effect"] for key, item in items(web).items() if item["editable"]}
    limits = {key: "next_signal" for key in shapes() if key.startswith("risk.")}
    switches = {f"strategies.{name}.enabled": "at_once" for name in ("velez", "other")}
    assert editable == limits | switches | {"app.log_level": "at_once", "app.watchlist": "restart"}
    assert {item["effect"] for item in items(web).values() if not item["editable"]} == {"restart"}


def test_secrets_never_leave(web: Web) -> None:
    assert web.control.adjusting is not None
    web.control.adjusting.settings = resolve({"broker.api_key": "PKSECRET", "app.database_url": "postgresql://me:hush@db/algo"})
    text = json.dumps(web.get("/api/settings"))
    assert "PKSECRET" not in text
    assert "hush" not in text
    assert items(web)["broker.api_key"] | {"value": "********", "secret": True} == items(web)["broker.api_key"]


@pytest.mark.covers("A194", "A195")
def test_a_limit_holds_from_the_next_signal_on_and_is_kept_and_told(web: Web) -> None:
    answer = put(web, risk__max_risk_per_trade_pct=0.02, risk__max_open_positions=3)
    assert answer.json() == {
        "applied": [
            {"key": RISK_PCT, "old": "0.01", "new": "0.02", "effect": "next_signal"},
            {"key": "risk.max_open_positions", "old": "5", "new": "3", "effect": "next_signal"},
        ]
    }
    (event,) = web.control.events
    assert isinstance(event, RiskChanged)
    assert event.changes == (("max_risk_per_trade", "0.02"), ("max_open_positions", "3"))
    web.control.deliver()
    policy = web.control.engine.state.policy
    assert (policy.max_risk_per_trade, policy.max_open_positions) == (Decimal("0.02"), 3)
    assert (items(web)[RISK_PCT]["value"], items(web)[RISK_PCT]["source"]) == ("0.02", "override in the database")
    assert rows(web)[RISK_PCT] == ("0.02", None)
    assert put(web, risk__max_risk_per_trade_pct="3%").status_code == 200
    assert rows(web)[RISK_PCT] == ("0.03", "0.02")
    told = [(row["kind"], row["message"]) for row in web.get("/api/activity")["items"]]
    assert told[0] == ("settings_changed", f"{RISK_PCT}: 0.02 -> 0.03 (Ada: a drill)")
    assert ("settings_changed", "warning", RISK_PCT, told[0][1]) in web.told


@pytest.mark.covers("A194", "A211")
@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({RISK_PCT: 0.1}, "invalid_setting", f"{RISK_PCT}: '0.1' is out of bounds; allowed is at least 0.001 and at most 0.05"),
        ({RISK_PCT: "0.0001"}, "invalid_setting", "allowed is at least 0.001"),
        ({RISK_PCT: "a lot"}, "invalid_setting", "is not a number"),
        ({RISK_PCT: float("1e400")}, "invalid_setting", "is not"),
        ({RISK_PCT: ""}, "invalid_setting", "is empty"),
        ({"risk.max_open_positions": 2.5}, "invalid_setting", "is not a whole number"),
        ({"risk.max_open_positions": 21}, "invalid_setting", "at most 20"),
        ({"risk.profile": "reckless"}, "invalid_setting", "one of none, conservative, moderate, aggressive"),
        ({"risk.break_even_is_loss": "perhaps"}, "invalid_setting", "is neither true nor false"),
        ({"app.watchlist": []}, "invalid_setting", "is empty"),
        ({"app.watchlist": ["AAPL", "AAPL"]}, "invalid_setting", "AAPL is there twice"),
        ({"app.watchlist": ["../etc"]}, "invalid_setting", "is not a symbol"),
        ({"app.log_level": "LOUD"}, "invalid_setting", "one of DEBUG"),
        ({"strategies.velez.enabled": 3}, "invalid_setting", "is neither true nor false"),
        ({"broker.api_key": "PKSTOLEN"}, "not_editable", "broker.api_key cannot be changed while the session runs"),
        ({"web.host": "0.0.0.0"}, "not_editable", "web.host"),
        ({"velez.sma_fast": 10}, "not_editable", "velez.sma_fast"),
        ({"app.db_path": "/etc/passwd"}, "not_editable", "app.db_path"),
        ({"risk.max_risk": 0.1}, "unknown_setting", "risk.max_risk names no setting"),
        ({"strategies.nobody.enabled": False}, "unknown_setting", "strategies.nobody.enabled names no setting"),
        ({RISK_PCT: 0.02, "web.port": 1}, "not_editable", "web.port"),
    ],
)
def test_what_is_not_possible_is_refused_with_its_bound_and_changes_nothing(
    unchanged: Web, changes: dict[str, Any], code: str, said: str
) -> None:
    web = unchanged
    body = json.dumps(WHY | {"changes": changes})
    answer = web.ask("PUT", "/api/settings", content=body, headers=BEARER | {"Content-Type": "application/json"})
    assert web.error(answer) == (400, code)
    assert said in answer.json()["error"]["message"]
    assert (web.control.events, rows(web), web.told) == ([], {}, [])
    assert "PKSTOLEN" not in answer.text


def test_an_unknown_key_is_told_with_the_nearest_one(web: Web) -> None:
    answer = put(web, risk__max_open_position=3)
    assert answer.json()["error"]["hint"] == "did you mean risk.max_open_positions?"


@pytest.mark.parametrize(
    "body",
    [
        {},
        WHY,
        WHY | {"changes": {}},
        {"changes": {RISK_PCT: 0.02}},
        WHY | {"changes": {RISK_PCT: {"a": 1}}},
        WHY | {"changes": [1]},
    ],
)
def test_requests_of_another_form(unchanged: Web, body: Any) -> None:
    assert unchanged.error(unchanged.send("PUT", "/api/settings", body)) == (422, "invalid_request")


@pytest.mark.covers("A195")
@pytest.mark.parametrize("way", ["setting", "call"])
def test_a_strategy_is_switched_off_and_on_at_once(web: Web, way: str) -> None:
    def switch(on: bool) -> Any:
        if way == "setting":
            return put(web, strategies__velez__enabled=on)
        return web.send("POST", f"/api/strategies/velez/{'enable' if on else 'disable'}", WHY)

    state = web.control.engine.state
    answer = switch(False)
    assert answer.json()["applied"] == [{"key": "strategies.velez.enabled", "old": "true", "new": "false", "effect": "at_once"}]
    (event,) = web.control.events
    assert isinstance(event, OperatorCommand)
    assert (event.action, event.owner, event.operator, event.reason) == ("disable", "velez", "Ada", "a drill")
    web.control.deliver()
    assert [slot.enabled for slot in state.slots] == [False, True]
    assert items(web)["strategies.velez.enabled"]["value"] is False
    assert switch(False).json() == {"applied": []}
    switch(True)
    web.control.deliver()
    assert [slot.enabled for slot in state.slots] == [True, True]
    assert rows(web) == {"strategies.velez.enabled": ("true", "false")}
    # The switch is no setting: the next start must not stumble over it.
    assert resolve(web.history.overrides() if web.history else {}).unknown == ()


def test_switching_needs_a_strategy_that_runs_but_no_database(web: Web) -> None:
    answer = web.send("POST", "/api/strategies/velex/disable", WHY)
    assert web.error(answer) == (404, "unknown_strategy")
    assert answer.json()["error"]["hint"] == "did you mean velez?"
    rig = Rig()
    rig.strategy("velez")
    without = Web(rig=rig)
    assert without.send("POST", "/api/strategies/velez/disable", WHY).status_code == 202
    without.control.deliver()
    assert not rig.state.slots[0].enabled
    assert without.error(without.send("PUT", "/api/settings", WHY | {"changes": {RISK_PCT: 0.02}})) == (503, "no_settings")


@pytest.mark.covers("A195")
def test_the_log_changes_at_once(web: Web) -> None:
    assert put(web, app__log_level="debug").json()["applied"][0]["new"] == "DEBUG"
    assert web.levels == ["DEBUG"]


def test_a_profile_moves_every_limit_that_nobody_set(web: Web) -> None:
    put(web, risk__max_open_positions=7)
    web.control.deliver()
    put(web, risk__profile="conservative")
    web.control.deliver()
    policy = web.control.engine.state.policy
    assert (policy.max_risk_per_trade, policy.consecutive_loss_pause, policy.max_open_positions) == (Decimal("0.005"), 2, 7)


def test_a_change_is_taken_back(web: Web) -> None:
    put(web, risk__max_open_positions=7)
    assert put(web, risk__max_open_positions=None).json()["applied"][0]["new"] == "5"
    web.control.deliver()
    assert web.control.engine.state.policy.max_open_positions == 5
    assert rows(web) == {}


@pytest.mark.covers("A195")
def test_another_watchlist_begins_the_session_anew_where_it_can(web: Web) -> None:
    asked: list[str] = []
    assert put(web, app__watchlist=["aapl", "MSFT"]).json()["applied"][0] == {
        "key": "app.watchlist",
        "old": "AAPL,TSLA,AMD,NVDA,META",
        "new": "AAPL,MSFT",
        "effect": "restart",
    }
    assert web.control.adjusting is not None
    web.control.adjusting.begin_anew = asked.append
    assert put(web, app__watchlist="AAPL").json()["applied"][0]["effect"] == "at_once"
    assert asked == ["another watchlist, Ada: a drill"]
    assert rows(web)["app.watchlist"] == ("AAPL", "AAPL,MSFT")
    assert web.history is not None
    web.history.take_back("app.watchlist")
    assert rows(web)["app.watchlist"][0] == "AAPL,MSFT"


def test_a_session_that_ends_takes_no_changes(web: Web) -> None:
    web.control.state = SHUTTING_DOWN
    assert web.error(put(web, risk__max_open_positions=3)) == (409, "wrong_state")


def test_changes_outlive_the_process(web: Web, tmp_path: Path) -> None:
    put(web, risk__max_open_positions=3)
    again = Web(tmp_path)
    assert items(again)["risk.max_open_positions"]["value"] == 3
    again.close()
