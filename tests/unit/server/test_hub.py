"""The stream: a snapshot first, then what changes, gathered in beats; nothing at all while nobody looks on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from engine_rig import AAPL, raw
from session_watch import Watched, messages, waiting

from algotrader.core.market import NS_PER_MINUTE, Bar
from algotrader.core.reports import CRITICAL, INFO, WARNING, Report
from algotrader.live.control import RECONNECTING, SHUTTING_DOWN
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.server import hub as hub_module
from algotrader.server.happenings import KEPT
from algotrader.server.hub import PAGES_A_TURN
from algotrader.server.outbox import Client
from algotrader.server.watching import Watching

MOMENT = 0.001
"""A beat is done in pieces: turns of the event loop, which take no time here."""


def types(found: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in found]


async def just_bought() -> tuple[Watched, Client]:
    """A session that has bought while a page looked on, which has its snapshot and no more."""
    watched = Watched()
    client = watched.hub.join()
    await messages(client, 1)
    watched.rig.hold(watched.script)
    watched.happened()
    return watched, client


@pytest.mark.covers("A197", "A198")
def test_a_page_gets_a_snapshot_and_then_what_changes() -> None:
    async def go() -> None:
        watched = Watched(holding=True)
        client = watched.hub.join()
        (first,) = await messages(client, 1)
        assert (first["type"], first["version"], first["timestamp"]) == ("snapshot", 1, "2025-11-26T14:31:00Z")
        held = first["data"]["positions"]
        assert [(p["symbol"], p["qty"], p["protection_level"]) for p in held] == [("AAPL", "100", "working")]
        assert first["data"]["recent_activity"][0]["event"] == "order_accepted"
        watched.rig.bar("101")
        watched.happened()
        assert waiting(client) == []
        await asyncio.sleep(hub_module.BEAT_SECONDS + MOMENT)
        found = waiting(client)
        assert types(found) == ["position_update", "pnl_update", "strategy_state"]
        assert found[0]["data"]["positions"][0]["unrealized_pnl"] == "100.00"
        assert [message["sequence"] for message in found] == [1, 2, 3]
        await asyncio.sleep(5)
        assert len(waiting(client)) == 3

    run_virtually(go())


def test_an_execution_is_told_at_once_and_others_share_a_message() -> None:
    async def go() -> None:
        watched = Watched()
        client = watched.hub.join()
        await messages(client, 1)
        loop = asyncio.get_running_loop()
        await asyncio.sleep(hub_module.HASTE_SECONDS)
        began = loop.time()
        entry = watched.rig.enter(watched.script)[0].split()[0]
        watched.rig.ack(entry)
        watched.rig.fill(entry, 40, "100")
        watched.happened()
        found = await messages(client, 1)
        assert loop.time() - began < 0.001
        watched.rig.fill(entry, 60, "100")
        watched.happened()
        await asyncio.sleep(hub_module.HASTE_SECONDS + MOMENT)
        found += waiting(client)
        assert loop.time() - began < hub_module.BEAT_SECONDS
        assert types(found).count("position_update") == 2
        filled = [m["data"]["qty_filled"] for m in found if m["type"] == "order" and m["data"]["local_id"] == entry]
        assert filled == ["40", "100"]

    run_virtually(go())


def test_executions_one_after_the_other_wait_for_the_beat() -> None:
    async def go() -> None:
        watched = Watched()
        client = watched.hub.join()
        await messages(client, 1)
        entry = watched.rig.enter(watched.script)[0].split()[0]
        watched.rig.ack(entry)
        told = []
        for _ in range(60):
            watched.rig.fill(entry, 1, "100")
            watched.happened()
            await asyncio.sleep(hub_module.HASTE_SECONDS)
            told.append(len(waiting(client)))
        seconds = 60 * hub_module.HASTE_SECONDS
        early = hub_module.MOST_HASTE + seconds * hub_module.HASTE_A_SECOND
        assert seconds / hub_module.BEAT_SECONDS <= len(set(told)) <= seconds / hub_module.BEAT_SECONDS + early
        await asyncio.sleep(hub_module.BEAT_SECONDS + MOMENT)
        filled = [m["data"]["qty_filled"] for m in waiting(client) if m["type"] == "order" and m["data"]["local_id"] == entry]
        assert filled[-1] == "60"

    run_virtually(go())


def test_the_session_has_its_turn_between_the_pieces_of_a_beat() -> None:
    async def go() -> None:
        watched, client = await just_bought()
        await asyncio.sleep(hub_module.HASTE_SECONDS)
        seen = []
        for _ in range(20):
            seen.append(watched.hub.sequence)
            await asyncio.sleep(0)
        assert len({0, *seen}) > 3
        assert len(waiting(client)) == seen[-1]

    run_virtually(go())


@pytest.mark.parametrize(
    ("works", "waits"),
    [
        pytest.param(0.01, 0.01, id="until it rests"),
        pytest.param(60.0, hub_module.PATIENCE_SECONDS, id="not for ever"),
    ],
)
def test_pages_wait_while_the_session_is_at_work(works: float, waits: float) -> None:
    async def go() -> None:
        watched, client = await just_bought()
        loop, vitals = asyncio.get_running_loop(), watched.control.vitals
        vitals.at_work = True
        loop.call_later(hub_module.HASTE_SECONDS + works, setattr, vitals, "at_work", False)
        await asyncio.sleep(hub_module.HASTE_SECONDS + waits - MOMENT)
        assert watched.hub.sequence == 0
        await asyncio.sleep(hub_module.AGAIN_SECONDS + 2 * MOMENT)
        assert "position_update" in types(waiting(client))

    run_virtually(go())


def test_a_halt_is_told_to_every_page_at_once_whoever_has_done_it() -> None:
    async def go() -> None:
        watched = Watched()
        clients = [watched.hub.join(), watched.hub.join()]
        for client in clients:
            await messages(client, 1)
        began = asyncio.get_running_loop().time()
        watched.rig.operator("halt")
        watched.happened()
        await asyncio.sleep(hub_module.HASTE_SECONDS + MOMENT)
        assert asyncio.get_running_loop().time() - began < hub_module.BEAT_SECONDS
        for client in clients:
            (told,) = [message["data"] for message in waiting(client) if message["type"] == "session"]
            assert told["trading_state"] == "halted"

    run_virtually(go())


@pytest.mark.covers("A201", "A204")
def test_what_happened_has_the_words_of_the_page() -> None:
    async def go() -> None:
        watched = Watched()
        client = watched.hub.join()
        await messages(client, 1)
        watched.rig.hold(watched.script)
        watched.rig.ack("a2")
        watched.happened()
        watched.tell("bar_stream_down", WARNING, "", "it broke")
        watched.tell("disk_full", CRITICAL, "", "no room is left")
        watched.tell("bar_stream_up", INFO, "", "of no interest")
        await asyncio.sleep(1)
        found = waiting(client)
        feed = [(m["data"]["kind"], m["data"]["event"]) for m in found if m["type"] == "activity"]
        assert ("signal", "signal_detected") in feed
        assert ("order_filled", "order_filled") in feed
        assert feed[-2:] == [("bar_stream_down", "bar_stream_down"), ("error", "disk_full")]
        (fault,) = [m["data"] for m in found if m["type"] == "error"]
        assert fault == {"code": "disk_full", "message": "no room is left", "correlation_id": None}
        ids = [m["data"]["id"] for m in found if m["type"] == "activity"]
        assert len(set(ids)) == len(ids)

    run_virtually(go())


def test_a_page_that_comes_back_gets_what_it_has_missed() -> None:
    async def go() -> None:
        watched = Watched(holding=True)
        first = watched.hub.join()
        await messages(first, 1)
        watched.hub.leave(first)
        watched.rig.bar("101")
        watched.happened()
        await asyncio.sleep(1)
        missed = waiting(watched.hub.join(0))
        assert types(missed) == ["position_update", "pnl_update", "strategy_state"]
        assert waiting(watched.hub.join(2)) == missed[2:]
        assert waiting(watched.hub.join(3)) == []
        assert types(waiting(watched.hub.join(99))) == ["snapshot"]

    run_virtually(go())


def test_a_page_of_the_session_before_gets_a_snapshot() -> None:
    async def go() -> None:
        watched = Watched()
        (first,) = await messages(watched.hub.join(), 1)
        again = Watching(watched.control, "i-1", sequence=watched.hub.sequence + 1)
        (found,) = waiting(again.hub.join(first["sequence"]))
        assert (found["type"], found["sequence"]) == ("snapshot", first["sequence"] + 1)

    run_virtually(go())


def test_nothing_is_done_while_nobody_looks_on() -> None:
    async def go() -> None:
        watched = Watched(holding=True)
        assert len(asyncio.all_tasks()) == 1
        page = watched.hub.join()
        await messages(page, 1)
        watched.hub.leave(page)
        await asyncio.sleep(hub_module.LINGER_SECONDS + 1)
        loop: Any = asyncio.get_running_loop()
        assert [timer for _, _, timer in loop._timers if not timer.cancelled()] == []
        watched.rig.bar("101")
        watched.happened()
        await asyncio.sleep(1)
        found = waiting(watched.hub.join(0))
        assert types(found) == ["snapshot"]
        assert found[0]["data"]["positions"][0]["unrealized_pnl"] == "100.00"

    run_virtually(go())


@pytest.mark.covers("A205")
def test_a_heartbeat_every_fifteen_seconds() -> None:
    async def go() -> None:
        watched = Watched()
        client = watched.hub.join()
        await messages(client, 1)
        await asyncio.sleep(46)
        found = waiting(client)
        assert types(found) == ["heartbeat"] * 3
        assert found[0]["data"] == {"server_time": "2025-11-26T14:30:00Z"}

    run_virtually(go())


@pytest.mark.covers("A203")
def test_streams_that_break_are_told_with_an_alert() -> None:
    async def go() -> None:
        watched = Watched()
        client = watched.hub.join()
        await messages(client, 1)
        watched.control.vitals.bar_stream = RECONNECTING
        watched.tell("bar_stream_down", WARNING, "", "it broke")
        await asyncio.sleep(hub_module.HASTE_SECONDS + MOMENT)
        found = {m["type"]: m["data"] for m in waiting(client)}
        assert (found["connection_status"]["status"], found["connection_status"]["bar_stream"]) == ("reconnecting", "reconnecting")
        assert found["connection_status"]["trade_stream"] == "connected"
        assert [alert["code"] for alert in found["alerts"]["alerts"]] == ["bar_stream_down"]

    run_virtually(go())


@pytest.mark.covers("A114")
def test_the_end_is_told_before_pages_are_let_go() -> None:
    async def go() -> None:
        watched = Watched()
        client = watched.hub.join()
        await messages(client, 1)
        watched.control.state = SHUTTING_DOWN
        watched.tell("engine_state", INFO, "", SHUTTING_DOWN)
        await asyncio.sleep(hub_module.HASTE_SECONDS + MOMENT)
        found = waiting(client)
        assert [m["data"]["status"] for m in found if m["type"] == "connection_status"] == ["shutting_down"]
        await watched.watching.stop()
        await messages(client, len(found))
        assert await client.next() is None
        assert watched.control.observers is not None
        assert watched.control.observers.names == ()

    run_virtually(go())


def test_more_than_can_be_told_is_told_as_a_number() -> None:
    async def go() -> None:
        watched = Watched()
        client = watched.hub.join()
        await messages(client, 1)
        for number in range(KEPT + 50):
            watched.hub.on_report(Report("strategy_note", watched.rig.now, INFO, "s", "AAPL", f"note {number}"))
        await asyncio.sleep(3)
        feed = [m["data"] for m in waiting(client) if m["type"] == "activity"]
        assert feed[0]["event"] == "left_out"
        assert feed[0]["message"].startswith("50 more ")
        assert [one["message"] for one in feed[1:]] == [f"note {number}" for number in range(50, KEPT + 50)]

    run_virtually(go())


def test_one_page_is_woken_a_turn_of_the_loop() -> None:
    async def go() -> None:
        watched = Watched()
        clients = [watched.hub.join() for _ in range(5)]
        woken: list[int] = []
        for client in clients:
            await messages(client, 1)
        for client in clients:
            client.wake = lambda: woken.append(turn)  # type: ignore[method-assign]
        turn = 0
        watched.hub.tell("job", {"id": "b1"})
        for turn in range(1, 8):  # noqa: B007 # read in the callback
            await asyncio.sleep(0)
        assert len(woken) == 5
        assert len(set(woken)) == 5
        assert types(waiting(clients[0])) == ["job"]

    run_virtually(go())


def test_pages_that_keep_up_share_a_turn_of_the_loop() -> None:
    async def go() -> None:
        watched, wrote = Watched(), list[int]()

        def write(content: bytes) -> bool:
            wrote.append(turn)
            return True

        clients = [watched.hub.join(write=write) for _ in range(2 * PAGES_A_TURN)]
        turn = 0
        waits = []
        for client in clients:
            await messages(client, 1)
            waits.append(asyncio.create_task(client.next()))
        await asyncio.sleep(0)
        watched.hub.tell("job", {"id": "b1"})
        for turn in range(1, 4):  # noqa: B007 # read in the callback
            await asyncio.sleep(0)
        assert wrote == [1] * PAGES_A_TURN + [2] * PAGES_A_TURN
        for wait in waits:
            wait.cancel()

    run_virtually(go())


def test_a_picture_that_fails_is_told_and_the_session_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        watched = Watched()
        client = watched.hub.join()
        await messages(client, 1)
        monkeypatch.setattr(watched.watching.picture, "connection", lambda: 1 / 0)
        await asyncio.sleep(5)
        monkeypatch.undo()
        found = watched.watching.errors.find()["items"]
        assert [(one["kind"], one["message"]) for one in found] == [("page_stream_failed", "ZeroDivisionError: division by zero")]
        await asyncio.sleep(2)
        watched.rig.bar("101")
        watched.happened()
        await asyncio.sleep(1)
        assert "pnl_update" in types(waiting(client)) or "strategy_state" in types(waiting(client))

    run_virtually(go())


def test_strategies_and_bars_are_told_once_a_second_but_a_new_status_at_once() -> None:
    async def go() -> None:
        watched = Watched()
        watched.rig.phase("session_open")
        client = watched.hub.join()
        await messages(client, 1)
        vitals = watched.control.vitals
        for _ in range(20):
            watched.rig.bar("100")
            vitals.newest["AAPL"] = bar_of(watched)
            watched.happened()
            await asyncio.sleep(0.1)
        found = waiting(client)
        assert types(found).count("strategy_state") in (2, 3)
        assert types(found).count("bar") in (2, 3)
        watched.rig.hold(watched.script)
        watched.happened()
        await asyncio.sleep(0.1)
        told = [m["data"]["status"] for m in waiting(client) if m["type"] == "strategy_state"]
        assert told[-1] == "in_position"

    run_virtually(go())


def bar_of(watched: Watched) -> Bar:
    opens = watched.rig.now - NS_PER_MINUTE
    return Bar(AAPL, opens, watched.rig.now, raw("100"), raw("101"), raw("99"), raw("100"), 1000)
