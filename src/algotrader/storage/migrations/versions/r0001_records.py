"""Orders and their history, round trips and notes on them, backtests, changed settings."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

from algotrader.storage import triggers
from algotrader.storage.migrations.steps import (
    ID,
    dialect,
    drop,
    floats,
    guard,
    identity,
    index,
    numbers,
    one_of,
    primary,
    refers,
    run,
    texts,
    unique,
)

revision: Final = "r0001"
down_revision: Final = None


def upgrade() -> None:
    """Make the tables."""
    run(triggers.functions(dialect()))
    _orders()
    _trades()
    _backtests()
    op.create_table("settings_override", *texts("key value updated_at previous_value?"), primary("settings_override", "key"))
    guard("order_event", "trade")


def downgrade() -> None:
    """Leave nothing."""
    drop("settings_override", "backtest_trade", "backtest_run", "trade_note", "trade", "order_event", "order_state")
    run(triggers.without_functions(dialect()))


def _orders() -> None:
    op.create_table(
        "order_state",
        identity(),
        *texts("local_id broker_id correlation_id symbol side order_type order_role strategy qty_requested qty_filled"),
        *texts("avg_fill_price? state"),
        *numbers("version"),
        *texts("parent_id?"),
        *numbers("submit_attempts"),
        *texts("last_error planned_stop_price? created_at updated_at"),
        primary("order_state", "id"),
        unique("order_state", "local_id"),
        one_of("order_state", "side", "buy", "sell"),
    )
    for columns in (("broker_id",), ("correlation_id",), ("state",), ("symbol", "created_at"), ("parent_id",)):
        index("order_state", *columns)
    op.create_table(
        "order_event",
        identity(),
        *texts("order_local_id event_type old_state? new_state? qty_filled? fill_price? broker_id detail recorded_at"),
        primary("order_event", "id"),
    )
    index("order_event", "order_local_id")
    index("order_event", "recorded_at")


def _trades() -> None:
    op.create_table(
        "trade",
        identity(),
        *texts("trade_id correlation_id symbol side qty entry_price exit_price entry_at exit_at pnl pnl_pct strategy"),
        *numbers("duration_seconds"),
        *texts("commission"),
        primary("trade", "id"),
        unique("trade", "trade_id"),
        one_of("trade", "side", "long", "short"),
    )
    for columns in (("symbol", "exit_at"), ("correlation_id",), ("strategy", "exit_at")):
        index("trade", *columns)
    op.create_table(
        "trade_note",
        identity(),
        *texts("trade_id note created_at updated_at"),
        primary("trade_note", "id"),
        refers("trade_note", "trade_id", "trade.trade_id"),
    )
    index("trade_note", "trade_id")


def _backtests() -> None:
    op.create_table(
        "backtest_run",
        identity(),
        *texts("strategy symbols start_date end_date initial_capital params"),
        *floats("total_return win_rate profit_factor sharpe_ratio max_drawdown"),
        *numbers("total_trades"),
        *texts("equity_curve created_at"),
        primary("backtest_run", "id"),
    )
    index("backtest_run", "created_at")
    op.create_table(
        "backtest_trade",
        identity(),
        sa.Column("run_id", ID, nullable=False),
        *texts("symbol side qty entry_price exit_price entry_at exit_at pnl"),
        *numbers("duration_seconds"),
        primary("backtest_trade", "id"),
        refers("backtest_trade", "run_id", "backtest_run.id"),
        one_of("backtest_trade", "side", "long", "short"),
    )
    index("backtest_trade", "run_id")
