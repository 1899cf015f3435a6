"""The tables. Money, prices and quantities are exact decimal text; times are ISO 8601 text where people read them.

``journal``, ``outbox`` and ``snapshot`` are for the program: their times are nanoseconds, their payloads encoded records with a
checksum. What may be changed in which table is in ``triggers.py``; a change of anything here needs a revision in ``migrations``.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from algotrader.storage.times import UtcTime

METADATA: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)

# SQLite counts rows by itself only in a column that is called INTEGER.
_ID: Final = BigInteger().with_variant(Integer(), "sqlite")


def _id() -> Column[int]:
    return Column("id", _ID, primary_key=True, autoincrement=True)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _maybe(name: str) -> Column[str | None]:
    return Column(name, Text)


def _time(name: str) -> Column[int]:
    return Column(name, UtcTime, nullable=False)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


order_state: Final = Table(
    "order_state",
    METADATA,
    _id(),
    _text("local_id"),
    _text("broker_id"),
    _text("correlation_id"),
    _text("symbol"),
    _text("side"),
    _text("order_type"),
    _text("order_role"),
    _text("strategy"),
    _text("qty_requested"),
    _text("qty_filled"),
    _maybe("avg_fill_price"),
    _text("state"),
    _number("version"),
    _maybe("parent_id"),
    _number("submit_attempts"),
    _text("last_error"),
    _maybe("planned_stop_price"),
    _time("created_at"),
    _time("updated_at"),
    CheckConstraint("side IN ('buy', 'sell')", name="side"),
    # The unique constraint is the index on local_id.
    UniqueConstraint("local_id"),
    Index("ix_order_state_broker_id", "broker_id"),
    Index("ix_order_state_correlation_id", "correlation_id"),
    Index("ix_order_state_state", "state"),
    Index("ix_order_state_symbol_created_at", "symbol", "created_at"),
    Index("ix_order_state_parent_id", "parent_id"),
)

order_event: Final = Table(
    "order_event",
    METADATA,
    _id(),
    _text("order_local_id"),
    _text("event_type"),
    _maybe("old_state"),
    _maybe("new_state"),
    _maybe("qty_filled"),
    _maybe("fill_price"),
    _text("broker_id"),
    _text("detail"),
    _time("recorded_at"),
    Column("sequence", BigInteger, nullable=False, server_default=text("0")),
    Index("ix_order_event_order_local_id", "order_local_id"),
    Index("ix_order_event_recorded_at", "recorded_at"),
)

trade: Final = Table(
    "trade",
    METADATA,
    _id(),
    _text("trade_id"),
    _text("correlation_id"),
    _text("symbol"),
    _text("side"),
    _text("qty"),
    _text("entry_price"),
    _text("exit_price"),
    _time("entry_at"),
    _time("exit_at"),
    _text("pnl"),
    _text("pnl_pct"),
    _text("strategy"),
    _number("duration_seconds"),
    _text("commission"),
    CheckConstraint("side IN ('long', 'short')", name="side"),
    UniqueConstraint("trade_id"),
    Index("ix_trade_symbol_exit_at", "symbol", "exit_at"),
    Index("ix_trade_correlation_id", "correlation_id"),
    Index("ix_trade_strategy_exit_at", "strategy", "exit_at"),
)

trade_note: Final = Table(
    "trade_note",
    METADATA,
    _id(),
    Column("trade_id", Text, ForeignKey("trade.trade_id"), nullable=False),
    _text("note"),
    _time("created_at"),
    _time("updated_at"),
    Index("ix_trade_note_trade_id", "trade_id"),
)

backtest_run: Final = Table(
    "backtest_run",
    METADATA,
    _id(),
    _text("strategy"),
    _text("symbols"),
    _time("start_date"),
    _time("end_date"),
    _text("initial_capital"),
    _text("params"),
    Column("total_return", Float, nullable=False),
    Column("win_rate", Float, nullable=False),
    Column("profit_factor", Float, nullable=False),
    Column("sharpe_ratio", Float, nullable=False),
    Column("max_drawdown", Float, nullable=False),
    _number("total_trades"),
    _text("equity_curve"),
    _time("created_at"),
    Index("ix_backtest_run_created_at", "created_at"),
)

backtest_trade: Final = Table(
    "backtest_trade",
    METADATA,
    _id(),
    Column("run_id", _ID, ForeignKey("backtest_run.id"), nullable=False),
    _text("symbol"),
    _text("side"),
    _text("qty"),
    _text("entry_price"),
    _text("exit_price"),
    _time("entry_at"),
    _time("exit_at"),
    _text("pnl"),
    _number("duration_seconds"),
    CheckConstraint("side IN ('long', 'short')", name="side"),
    Index("ix_backtest_trade_run_id", "run_id"),
)

settings_override: Final = Table(
    "settings_override",
    METADATA,
    Column("key", Text, primary_key=True),
    _text("value"),
    _time("updated_at"),
    _maybe("previous_value"),
)

journal: Final = Table(
    "journal",
    METADATA,
    Column("sequence", _ID, primary_key=True, autoincrement=False),
    _number("time"),
    _text("kind"),
    Column("payload", LargeBinary, nullable=False),
    _number("checksum"),
)

outbox: Final = Table(
    "outbox",
    METADATA,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    _text("kind"),
    _text("client_order_id"),
    Column("payload", LargeBinary, nullable=False),
    _number("time"),
    _number("sent_time"),
    _number("answered_time"),
    _number("checksum"),
    Index("ix_outbox_client_order_id", "client_order_id"),
    Index(
        "ix_outbox_unanswered",
        "sequence",
        "place",
        sqlite_where=text("answered_time = 0"),
        postgresql_where=text("answered_time = 0"),
    ),
)

snapshot: Final = Table(
    "snapshot",
    METADATA,
    _id(),
    _number("sequence"),
    _number("time"),
    _text("build"),
    _text("reason"),
    Column("payload", LargeBinary, nullable=False),
    _number("checksum"),
    Index("ix_snapshot_sequence", "sequence"),
)

cash_movement: Final = Table(
    "cash_movement",
    METADATA,
    _id(),
    _time("time"),
    _text("kind"),
    _text("currency"),
    _text("amount"),
    _text("symbol"),
    Index("ix_cash_movement_time", "time"),
)

activity: Final = Table(
    "activity",
    METADATA,
    _id(),
    _time("time"),
    _text("kind"),
    _text("level"),
    _text("strategy"),
    _text("symbol"),
    _text("message"),
    _text("order_id"),
    _text("correlation_id"),
    Index("ix_activity_time", "time"),
    Index("ix_activity_correlation_id", "correlation_id"),
)

meta: Final = Table(
    "meta",
    METADATA,
    Column("key", Text, primary_key=True),
    _text("value"),
)
"""Facts about the database itself: the prefix of its order ids, the build that wrote last, how far the journal is pruned."""

PRUNED: Final = "journal_pruned"
"""The key in ``meta`` of the last journal entry that was pruned away."""
