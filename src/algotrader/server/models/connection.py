"""How the session and its connections stand."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from algotrader.server.models.account import Balances, DayProfit
from algotrader.server.models.activity import Severity
from algotrader.server.models.base import Exact, Model, Time, example
from algotrader.server.models.positions import Position
from algotrader.server.models.strategies import StrategyBrief

Connected = Literal["connected", "reconnecting", "disconnected"]
SessionState = Literal["initializing", "reconciling", "warming_up", "running", "shutting_down", "stopped"]
TradingState = Literal["active", "reducing", "halted"]
HealthLevel = Literal["healthy", "degraded", "critical", "failed"]

CONNECTION = {
    "status": "connected",
    "bar_stream": "connected",
    "trade_stream": "connected",
    "last_bar_at": "2025-11-26T15:02:00Z",
}
SESSION = {
    "state": "running",
    "mode": "paper",
    "venue": "paper",
    "trading_state": "active",
    "entries_open": True,
    "emergency_stop": False,
    "started_at": "2025-11-26T14:20:00Z",
    "market_open": True,
    "next_open": "2025-11-28T14:30:00Z",
    "next_close": "2025-11-26T21:00:00Z",
    "version": "0.6.0",
    "instance": "5f0c1c3ad6f6f3b1",
    "server_time": "2025-11-26T15:02:20Z",
}
ALERT = {
    "code": "market_data_stale",
    "level": "warning",
    "subject": "",
    "message": "no bar for 240 s while the market is open",
    "since": "2025-11-26T15:05:00Z",
}
COMPONENT = {
    "name": "feed",
    "title": "Market data",
    "status": "healthy",
    "message": "the last bar came 12 s ago",
    "consecutive_errors": 0,
    "errors": 0,
    "checked_at": "2025-11-26T15:02:20Z",
    "since": "2025-11-26T14:20:00Z",
    "figures": {"last_bar_age_seconds": 12.0},
}


class Connection(Model):
    """How the streams stand: the data of ``connection_status``."""

    model_config = example(**CONNECTION)

    status: Literal["connected", "reconnecting", "disconnected", "shutting_down"] = Field(description="of both streams together")
    bar_stream: Connected = Field(description="the stream of bars")
    trade_stream: Connected = Field(description="the stream of what happens to orders")
    last_bar_at: Time | None = Field(description="when the last bar came; null before the first")


class SessionInfo(Model):
    """The session itself: the data of ``session``."""

    model_config = example(**SESSION)

    state: SessionState = Field(description="where it is between start and end")
    mode: str = Field(description="paper, shadow or live")
    venue: str = Field(description="where orders go")
    trading_state: TradingState = Field(description="whether new entries are allowed")
    entries_open: bool = Field(description="whether the session's own gate lets entries pass; it is shut while starting and ending")
    emergency_stop: bool = Field(description="whether the emergency stop was pulled; ends with resume only")
    started_at: Time | None = Field(description="when it started")
    market_open: bool = Field(description="whether one of its markets trades now")
    next_open: Time | None = Field(description="when the next trading day begins; null for markets that never close")
    next_close: Time | None = Field(description="when the running trading day ends; null while none runs")
    version: str = Field(description="of the program")
    instance: str = Field(description="a public name of this run; another one after a restart")
    server_time: Time = Field(description="the session's clock; on a rehearsal it may run faster than life")


class Alert(Model):
    """Something that a person should see without looking for it."""

    model_config = example(**ALERT)

    code: str = Field(description="a word for programs; together with subject it tells the alert apart")
    level: Severity = Field(description="how serious it is")
    subject: str = Field(description="a symbol or a part of the session; may be empty")
    message: str = Field(description="what is the matter, for people")
    since: Time = Field(description="since when")


class Streams(Model):
    """How the two streams stand."""

    bars: Connected = Field(description="the stream of bars")
    orders: Connected = Field(description="the stream of what happens to orders")


class Health(Model):
    """Whether the session works. Without the token, beyond this machine, only the first four are told."""

    status: Literal["healthy", "unhealthy"] = Field(description="in a word")
    problems: list[str] = Field(description="what is wrong, as sentences")
    state: SessionState = Field(description="where the session is between start and end")
    is_running: bool = Field(description="whether it trades")
    mode: str | None = Field(None, description="paper, shadow or live")
    time: Time | None = Field(None, description="the session's clock")
    started_at: Time | None = Field(None, description="when it started")
    uptime_seconds: float | None = Field(None, description="since when, in seconds of the session")
    broker_connected: bool | None = Field(None, description="whether the stream of orders stands")
    streams: Streams | None = Field(None, description="both streams")
    last_market_data_at: Time | None = Field(None, description="when the last bar came")
    last_bar_age_seconds: float | None = Field(None, description="how long ago that was")
    last_commit_age_seconds: float | None = Field(None, description="how long ago something was made durable")
    last_reconciliation_at: Time | None = Field(None, description="last comparison with the venue")
    last_reconciliation_age_seconds: float | None = Field(None, description="how long ago that was")
    last_checkpoint_at: Time | None = Field(None, description="last snapshot of the whole state")
    portfolio_value: Exact | None = Field(None, description="cash and positions at their last prices")
    cash: Exact | None = Field(None, description="all cash")
    position_count: int | None = Field(None, description="positions that are not flat")
    shadow_enabled: bool | None = Field(None, description="whether decisions are only compared, not traded")
    metrics_enabled: bool | None = Field(None, description="whether /metrics answers")


class Breaker(Model):
    """The daily breaker."""

    tripped: bool = Field(description="whether it halts new entries")
    reason: str = Field(description="why; empty while it does not")


class Counts(Model):
    """How much was done."""

    events: int = Field(description="events that the engine has handled since the start")
    commands: int = Field(description="commands that were handed over")


class Status(Model):
    """The session at a glance."""

    health: Health = Field(description="whether it works")
    trading_state: TradingState = Field(description="whether new entries are allowed")
    emergency_stop: bool = Field(description="whether the emergency stop was pulled")
    entries_open: bool = Field(description="whether the session's own gate lets entries pass")
    breaker: Breaker = Field(description="the daily breaker")
    account: Balances = Field(description="the account's money")
    pnl: DayProfit = Field(description="profit of the trading day")
    positions: list[Position] = Field(description="positions that are not flat")
    open_orders: int = Field(description="orders that live")
    foreign_orders: int = Field(description="orders at the venue that are not ours")
    round_trips: int = Field(description="round trips that the engine remembers")
    strategies: list[StrategyBrief] = Field(description="strategy instances")
    watchlist: list[str] = Field(description="symbols that are followed")
    counts: Counts = Field(description="how much was done")


class Component(Model):
    """A part of the session, as the monitor found it."""

    model_config = example(**COMPONENT)

    name: str = Field(description="a word for programs")
    title: str = Field(description="for people")
    status: HealthLevel = Field(description="degraded after one failed check, critical after three, failed after five")
    message: str = Field(description="what was found, for people")
    consecutive_errors: int = Field(description="failed checks in a row")
    errors: int = Field(description="failed checks since the start")
    checked_at: Time | None = Field(description="last check; null before the first")
    since: Time | None = Field(description="since when it has this status")
    figures: dict[str, float | None] = Field(description="what was measured, by name with its unit")


class Components(Model):
    """All parts of the session."""

    model_config = example(status="healthy", components=[COMPONENT], alerts=[])

    status: HealthLevel = Field(description="that of the worst component")
    components: list[Component] = Field(description="feed, gateway, risk, strategies, state store, loop, memory and disk")
    alerts: list[Alert] = Field(description="one for each component that is not healthy")
