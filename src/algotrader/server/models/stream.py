"""What the WebSocket says, and the dashboard, which is its snapshot as one answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from algotrader.server.models.account import ACCOUNT, PNL, Account, Pnl
from algotrader.server.models.activity import HAPPENING, Happening
from algotrader.server.models.base import Exact, Model, Time, example
from algotrader.server.models.connection import ALERT, CONNECTION, SESSION, Alert, Connection, SessionInfo
from algotrader.server.models.orders import Order
from algotrader.server.models.positions import POSITION, Position
from algotrader.server.models.strategies import STATE, StrategyState
from algotrader.server.models.trips import RoundTrip

VERSION = 1

_SNAPSHOT: dict[str, Any] = {
    "account": {**ACCOUNT, "is_paper": True, "start_of_day_equity": "100000.00"},
    "positions": [POSITION],
    "pnl": PNL,
    "strategies": [STATE],
    "recent_activity": [HAPPENING],
    "connection": CONNECTION,
    "session": SESSION,
    "alerts": [ALERT],
}


class Snapshot(Model):
    """Everything that the first screen shows: the data of ``snapshot``."""

    model_config = example(**_SNAPSHOT)

    account: Account = Field(description="the account's money")
    positions: list[Position] = Field(description="positions that are not flat")
    pnl: Pnl = Field(description="profit of the trading day")
    strategies: list[StrategyState] = Field(description="what the strategies are doing")
    recent_activity: list[Happening] = Field(description="what happened, newest first")
    connection: Connection = Field(description="how the streams stand")
    session: SessionInfo = Field(description="the session itself")
    alerts: list[Alert] = Field(description="what a person should see")


class Dashboard(Snapshot):
    """The snapshot with the number of the message after which it was taken: ``/ws?since=`` goes on from there."""

    model_config = example(**_SNAPSHOT, sequence=1204)

    sequence: int = Field(description="of the last message of the stream that this includes")


class BarValues(Model):
    """A closed bar."""

    time: Time = Field(description="when it opened")
    open: Exact = Field(description="first price")
    high: Exact = Field(description="highest price")
    low: Exact = Field(description="lowest price")
    close: Exact = Field(description="last price")
    volume: Exact = Field(description="what was traded")


class BarClosed(Model):
    """The data of ``bar``."""

    symbol: str = Field(description="of the instrument")
    interval: str = Field(description="length of the bar, such as 2m or 1d")
    bar: BarValues = Field(description="the bar")


class PositionUpdate(Model):
    """The data of ``position_update``: all positions anew; one that is missing has been closed."""

    positions: list[Position] = Field(description="positions that are not flat")


class AlertUpdate(Model):
    """The data of ``alerts``: all alerts anew."""

    alerts: list[Alert] = Field(description="what a person should see")


class StreamError(Model):
    """The data of ``error``."""

    code: str = Field(description="a word for programs")
    message: str = Field(description="what went wrong, for people")
    correlation_id: str | None = Field(description="ties signal, orders and round trip; null for none")


class Heartbeat(Model):
    """The data of ``heartbeat``, every 15 seconds."""

    server_time: Time = Field(description="the session's clock")


class JobNews(Model):
    """The data of ``job``: a backtest or a sweep that goes on. Its result is asked for by its id."""

    id: str = Field(description="of the job")
    kind: str = Field(description="backtest or sweep")
    title: str = Field(description="for people")
    state: Literal["queued", "running", "done", "failed", "cancelled"] = Field(description="how it stands")
    progress: float = Field(description="0 to 1")
    message: str = Field(description="what it is doing, or why it failed")


class Message(Model):
    """What every message has."""

    version: Literal[1] = Field(description="of this form")
    timestamp: Time = Field(description="the session's clock when it was sent")
    sequence: int = Field(description="rises by one with every message of a run")


class SnapshotMessage(Message):
    """The first message, unless the stream goes on where it was left."""

    type: Literal["snapshot"]
    data: Snapshot


class PositionMessage(Message):
    """Positions have changed, or prices have."""

    type: Literal["position_update"]
    data: PositionUpdate


class PnlMessage(Message):
    """Profit or money has changed."""

    type: Literal["pnl_update"]
    data: Pnl


class ActivityMessage(Message):
    """Something happened."""

    type: Literal["activity"]
    data: Happening


class StrategyMessage(Message):
    """A strategy does something else, or has seen a bar."""

    type: Literal["strategy_state"]
    data: StrategyState


class ConnectionMessage(Message):
    """A stream broke or is back, or the session ends."""

    type: Literal["connection_status"]
    data: Connection


class ErrorMessage(Message):
    """Something went wrong."""

    type: Literal["error"]
    data: StreamError


class HeartbeatMessage(Message):
    """The stream lives."""

    type: Literal["heartbeat"]
    data: Heartbeat


class BarMessage(Message):
    """A bar has closed."""

    type: Literal["bar"]
    data: BarClosed


class OrderMessage(Message):
    """An order has changed."""

    type: Literal["order"]
    data: Order


class RoundTripMessage(Message):
    """A position was closed, or a round trip was corrected."""

    type: Literal["round_trip"]
    data: RoundTrip


class SessionMessage(Message):
    """The session's state or that of its trading has changed."""

    type: Literal["session"]
    data: SessionInfo


class AlertMessage(Message):
    """An alert came or went."""

    type: Literal["alerts"]
    data: AlertUpdate


class JobMessage(Message):
    """A backtest or a sweep goes on."""

    type: Literal["job"]
    data: JobNews


StreamMessage = Annotated[
    SnapshotMessage
    | PositionMessage
    | PnlMessage
    | ActivityMessage
    | StrategyMessage
    | ConnectionMessage
    | ErrorMessage
    | HeartbeatMessage
    | BarMessage
    | OrderMessage
    | RoundTripMessage
    | SessionMessage
    | AlertMessage
    | JobMessage,
    Field(discriminator="type"),
]
"""Any message of the stream."""
