"""The figures for Prometheus: in its format, and what they count is what happened."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from session_watch import Watched

from algotrader.core.reports import WARNING
from algotrader.live.clock import NS_PER_SECOND
from algotrader.live.observers import DATABASE_WRITE, EVENT_HANDLED, EVENT_TO_COMMAND
from algotrader.server.app import create_app
from algotrader.server.meter import BOUNDS_MS, Durations
from algotrader.server.metrics import Rates

Sample = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(watched: Watched) -> Sample:
    """Every sample of a page, by name and labels."""
    text = watched.watching.metrics.text().decode()
    return {
        (sample.name.removeprefix("algotrader_"), tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found: Sample, name: str, **labels: str) -> float:
    return found[name, tuple(sorted(labels.items()))]


@pytest.fixture
def traded() -> Watched:
    """A session with a round trip behind it and a rejected order."""
    watched = Watched(holding=True)
    rig, script = watched.rig, watched.script
    script.leave = True
    rig.bar("101")
    script.leave = False
    leaving = next(o.client_order_id for o in rig.state.live_orders.values() if o.role.value == "exit_market")
    rig.ack(leaving)
    rig.fill(leaving, 100, "101")
    rig.cancelled("a2")
    rig.reject(rig.enter(script)[0].split()[0])
    watched.happened()
    return watched


@pytest.mark.covers("C36")
def test_trading_is_counted_and_profit_is_told(traded: Watched) -> None:
    found = scrape(traded)
    assert value(found, "portfolio_value_usd") == value(found, "cash") == 1_000_100.0
    assert (value(found, "pnl_realized_today"), value(found, "positions")) == (100.0, 0.0)
    assert value(found, "round_trips_total", result="win") == 1
    assert value(found, "round_trips_total", result="loss") == 0
    assert value(found, "order_events_total", event="filled") == 2
    assert value(found, "order_events_total", event="submitted") == 4
    assert value(found, "signals_total") == 2


@pytest.mark.covers("B102")
def test_throughput_over_the_last_minute() -> None:
    watched, now = Watched(), [1_000.0]
    rates = Rates(watched.control, watched.watching.meter, lambda: now[0])
    assert rates.per_second() == (0.0, 0.0, 0.0)
    for _ in range(12):
        now[0] += 10
        watched.control.vitals.events += 50
        watched.control.vitals.bars += 20
        watched.watching.meter.reports["order_submitted"] += 1
        rates.note()
    assert rates.per_second() == (5.0, 2.0, 0.1)
    found = scrape(watched)
    assert value(found, "events_total") == 600
    assert value(found, "orders_per_minute") >= 0


@pytest.mark.covers("B103")
def test_rejections_broken_connections_and_differences_are_counted(traded: Watched) -> None:
    traded.tell("bar_stream_down", WARNING, "", "it broke")
    traded.tell("order_stream_lost", WARNING, "", "it broke")
    traded.tell("order_stream_lost", WARNING, "", "it broke")
    traded.control.vitals.differences = 3
    found = scrape(traded)
    assert value(found, "rejections_total", kind="order_rejected") == 1
    assert value(found, "connection_failures_total", stream="bars") == 1
    assert value(found, "connection_failures_total", stream="orders") == 2
    assert value(found, "reconciliation_mismatches_total") == 3
    assert value(found, "errors_total", level="warning", kind="bar_stream_down") == 1


@pytest.mark.covers("B101", "C37")
def test_how_long_each_stage_takes(traded: Watched) -> None:
    observers = traded.control.observers
    assert observers is not None
    for what, took in ((EVENT_TO_COMMAND, 3_000_000), (EVENT_TO_COMMAND, 30_000_000), (DATABASE_WRITE, 700_000)):
        observers.measured(what, took)
    observers.handled(900_000, 3)
    found = scrape(traded)
    buckets = {le: value(found, "event_to_command_seconds_bucket", le=le) for le in ("0.0025", "0.005", "0.05", "+Inf")}
    assert buckets == {"0.0025": 0, "0.005": 1, "0.05": 2, "+Inf": 2}
    assert value(found, "event_to_command_seconds_sum") == pytest.approx(0.033)
    assert value(found, f"{EVENT_HANDLED}_seconds_bucket", le="0.0005") == 1
    assert value(found, "fill_to_position_seconds_count") == 2
    assert value(found, "order_submission_latency_seconds_count") == 3
    assert value(found, "order_to_fill_seconds_count") == 2


def test_a_histogram_counts_everything_once() -> None:
    durations = Durations()
    for bound in BOUNDS_MS:
        durations.add(round(bound * 1_000_000))
        durations.add(round(bound * 1_000_000) + 1)
    assert durations.counts == [1, *[2] * (len(BOUNDS_MS) - 1), 1]
    assert durations.count == 2 * len(BOUNDS_MS)


@pytest.mark.covers("B104")
def test_reconciliation_and_connections(traded: Watched) -> None:
    vitals = traded.control.vitals
    vitals.last_reconciliation = vitals.started + 5 * NS_PER_SECOND
    traded.control.clock.time = vitals.last_bar + 90 * NS_PER_SECOND
    found = scrape(traded)
    assert value(found, "reconciliation_last_success_timestamp_seconds") == vitals.started / 1e9 + 5
    assert value(found, "reconciliation_mismatch_pct") == 0
    assert value(found, "last_bar_age_seconds") == 90
    assert value(found, "connected", stream="bars") == value(found, "connected", stream="orders") == 1
    assert value(found, "websocket_clients") == 0


def ask(watched: Watched, path: str, **query: Any) -> httpx.Response:
    async def go() -> httpx.Response:
        app = create_app(watched.control, token="t", watching=watched.watching)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.get(path, params=query)

    return asyncio.run(go())


def test_the_page_of_figures_is_served_as_text(traded: Watched) -> None:
    answer = ask(traded, "/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "# TYPE algotrader_portfolio_value_usd gauge" in answer.text


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ({}, ["order_rejected", "disk_full"]),
        ({"level": "critical"}, ["disk_full"]),
        ({"text": "ROOM"}, ["disk_full"]),
        ({"text": "aapl"}, ["order_rejected"]),
        ({"text": "nothing like it"}, []),
        ({"limit": 1}, ["order_rejected"]),
    ],
)
def test_the_error_log_is_searched(traded: Watched, query: dict[str, Any], kinds: list[str]) -> None:
    watched = Watched()
    watched.tell("disk_full", "critical", "", "no room is left")
    watched.tell("of_no_interest", "info", "", "all is well")
    watched.rig.reject(watched.rig.enter(watched.script)[0].split()[0])
    watched.happened()
    found = ask(watched, "/api/errors", **query).json()
    assert [one["kind"] for one in found["items"]] == kinds
    assert found["more"] is (query.get("limit") == 1)


def test_an_unknown_level_is_refused() -> None:
    assert ask(Watched(), "/api/errors", level="loud").status_code == 422
