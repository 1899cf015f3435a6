"""The server that speaks as Alpaca does is killed, and another one goes on from its log."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from alpaca_rig import KEY, SECRET, Stage, make_server

from algotrader.core.orders import OrderType
from algotrader.rehearsal.alpaca.past import open_log, read_past
from algotrader.rehearsal.alpaca.server import AlpacaServer
from algotrader.rehearsal.virtual_time import run_virtually

HEADERS = {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET}
DEATHS = 6


def picture(server: AlpacaServer) -> dict[str, Any]:
    """All that the venue tells of an account, but for what it is worth at the moment."""
    venue = server.venue
    venue.book.refresh()
    return {
        "orders": {order.id: order.record(nested=True) for order in venue.book.orders.values()},
        "groups": {order.id: (order.group, [each.id for each in order.family()]) for order in venue.book.working()},
        "fills": venue.book.activities.page({"direction": "asc"}, set()),
        "held": {made.symbol: (venue.holding(made).quantity_raw, venue.holding(made).value) for made in venue.held()},
        "cash": venue.money().cash,
        "power": venue.money().buying_power,
        "account": venue.book.account_id,
    }


def test_another_process_goes_on_where_the_first_left_off(tmp_path: Path) -> None:
    async def run() -> None:
        path = tmp_path / "venue.jsonl"
        stage = Stage()
        with open_log(path) as log:
            first = make_server(stage, log=log)
            for price in ("100", "100.1", "100.2"):
                await stage.bar("AAPL", price)
            stage.venue.submit(_order(qty="30", client_order_id="entry", order_class="bracket", **_exits()))
            await stage.bar("AAPL", "100.37")
            stage.venue.submit(_order(symbol="TSLA", qty="7", client_order_id="plain", type="stop", stop_price="260"))
            resting = stage.venue.submit(_order(symbol="TSLA", type="limit", limit_price="150", time_in_force="gtc"))
            stage.venue.replace(stage.venue.book.order(resting["id"]), {"limit_price": "151", "client_order_id": "again"})
            stage.venue.submit(
                _order(
                    symbol="TSLA",
                    qty="3",
                    type="limit",
                    limit_price="149.5",
                    client_order_id="held",
                    order_class="oto",
                    stop_loss={"stop_price": "140"},
                )
            )
            for leg in stage.venue.book.order_by_client_id("entry").legs:
                change = {"limit_price": "114"} if leg.limit_raw else {"stop_price": "96", "client_order_id": "entry-sl-r1"}
                stage.venue.replace(leg, change)
            [held] = stage.venue.book.order_by_client_id("held").legs
            stage.venue.replace(held, {"stop_price": "141"})
            first.deposit(5 * 10**17)
            log.write('{"kind": "update", "time": 17')
            log.flush()
            past = read_past(path)
            assert past is not None
            other = Stage(start=stage.clock.now(), cash=past.cash)
            second = make_server(other, log=log, past=past)
            assert picture(second) == picture(first)
            assert other.updates == []
            for each in (stage, other):
                await each.bar("AAPL", "100", "116", "100", "115")
                await each.bar("TSLA", "151", "151", "149", "149.2")
            mine, theirs = picture(second), picture(first)
            assert (mine["held"], mine["cash"], len(mine["fills"])) == (theirs["held"], theirs["cash"], len(theirs["fills"]))
            assert _told(mine) == _told(theirs)

    run_virtually(run())


def test_a_leg_that_took_the_place_of_another_is_still_one_afterwards(tmp_path: Path) -> None:
    """A session moves the stop of a bracket; after the server's death the stop and the target still exclude each other."""

    async def run() -> None:
        path = tmp_path / "venue.jsonl"
        stage = Stage()
        with open_log(path) as log:
            first = make_server(stage, log=log)
            for price in ("100", "100.1"):
                await stage.bar("AAPL", price)
            entry = stage.venue.submit(_order(qty="30", client_order_id="entry", order_class="bracket", **_exits()))
            await stage.bar("AAPL", "100.37")
            for price in ("96", "97"):
                stop = next(leg for leg in stage.venue.book.order(entry["id"]).legs if leg.order_type is OrderType.STOP)
                stage.venue.replace(stop, {"stop_price": price, "client_order_id": f"moved-{price}"})
            past = read_past(path)
            assert past is not None
            other = Stage(start=stage.clock.now(), cash=past.cash)
            second = make_server(other, log=log, past=past)
            assert picture(second) == picture(first)
            for each in (stage, other):
                await each.bar("AAPL", "100", "116", "100", "115")
            mine, theirs = picture(second), picture(first)
            assert _told(mine) == _told(theirs)
            assert mine["held"] == theirs["held"] == {}

    run_virtually(run())


def _told(found: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted((order["client_order_id"], order["status"]) for order in found["orders"].values())


def _order(**fields: Any) -> dict[str, Any]:
    return {"symbol": "AAPL", "qty": "10", "side": "buy", "type": "market", "time_in_force": "day", **fields}


def _exits() -> dict[str, Any]:
    return {"take_profit": {"limit_price": "115"}, "stop_loss": {"stop_price": "95"}}


@contextmanager
def process(log: Path) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    command = [sys.executable, "-m", "algotrader.rehearsal.alpaca", "--symbols", "AAPL", "--speed", "120", "--rate-limit", "0"]
    command += ["--log", str(log), "--resume", "--key", KEY, "--secret-env", "RIG_SECRET", "--capital", "1000000", "--ideal"]
    made = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "RIG_SECRET": SECRET})
    try:
        assert made.stdout is not None
        address = made.stdout.readline().split()[-1]
        with httpx.Client(base_url=f"http://{address}", headers=HEADERS, timeout=5) as http:
            yield made, http
    finally:
        made.kill()
        made.wait(10)


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_when_it_is_killed_in_mid_trade(tmp_path: Path) -> None:
    log = tmp_path / "venue.jsonl"
    dice = random.Random(5)
    sent: list[str] = []
    answered: dict[str, str] = {}
    for life in range(DEATHS):
        with process(log) as (made, http):
            assert {order["client_order_id"] for order in _all(http)} >= set(answered)
            for number in range(dice.randrange(3, 12)):
                name = f"o{life}-{number}"
                sent.append(name)
                answer = http.post("/v2/orders", json=_order(qty=str(dice.randrange(1, 9)), client_order_id=name))
                assert answer.status_code == 200
                answered[name] = answer.json()["id"]
            made.send_signal(signal.SIGKILL)
    with process(log) as (_, http):
        found = {order["client_order_id"]: order for order in _all(http)}
        assert {name: found[name]["id"] for name in answered} == answered
        assert set(found) <= set(sent)
        assert http.post("/v2/orders", json=_order(client_order_id=sent[0])).json()["message"] == "client_order_id must be unique"
        while any(order["status"] != "filled" for order in _all(http)):
            pass
        fills = http.get("/v2/account/activities/FILL", params={"direction": "asc"}).json()
        held = Decimal(http.get("/v2/positions/AAPL").json()["qty"])
        assert held == sum(Decimal(fill["qty"]) for fill in fills) == sum(Decimal(order["qty"]) for order in _all(http))
        assert len({fill["id"] for fill in fills}) == len(fills)
        paid = sum(Decimal(fill["qty"]) * Decimal(fill["price"]) for fill in fills)
        assert Decimal(http.get("/v2/account").json()["cash"]) == 1_000_000 - paid
    with log.open("a") as cut:
        cut.write('{"kind": "upd')
    with open_log(log) as mended:
        mended.write("{}\n")
    assert log.read_text().endswith('{"kind": "upd\n{}\n')


def _all(http: httpx.Client) -> list[Any]:
    found: list[Any] = http.get("/v2/orders", params={"status": "all", "limit": 500}).json()
    return found
