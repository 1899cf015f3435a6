"""A backtest's result as polars frames, for notebooks. Times are aware UTC."""

from __future__ import annotations

import polars as pl

from algotrader.research.result import BacktestResult

_TIME = pl.Datetime("ns", "UTC")


def equity_frame(result: BacktestResult) -> pl.DataFrame:
    """The equity curve: time, equity, drawdown (a fraction, zero or negative) and the benchmark if there is one."""
    frame = pl.DataFrame({"time": result.equity_time, "equity": result.equity}).with_columns(pl.col("time").cast(_TIME))
    frame = frame.with_columns((pl.col("equity") / pl.col("equity").cum_max() - 1.0).alias("drawdown"))
    if result.benchmark is not None:
        frame = frame.with_columns(pl.Series("benchmark", result.benchmark))
    return frame


def fills_frame(result: BacktestResult) -> pl.DataFrame:
    """Every execution; quantity, price and commission are floats here, exact in ``result.fills``."""
    rows = {
        "time": [fill.time for fill in result.fills],
        "symbol": [fill.symbol for fill in result.fills],
        "side": [fill.side for fill in result.fills],
        "quantity": [float(fill.quantity) for fill in result.fills],
        "price": [float(fill.price) for fill in result.fills],
        "commission": [float(fill.commission) for fill in result.fills],
        "client_order_id": [fill.client_order_id for fill in result.fills],
        "strategy": [fill.strategy for fill in result.fills],
        "role": [fill.role for fill in result.fills],
    }
    kinds: dict[str, pl.DataType] = dict.fromkeys(("quantity", "price", "commission"), pl.Float64())
    kinds["time"] = pl.Int64()
    schema = {name: kinds.get(name, pl.String()) for name in rows}
    return pl.DataFrame(rows, schema=schema).with_columns(pl.col("time").cast(_TIME))


def round_trips_frame(result: BacktestResult) -> pl.DataFrame:
    """Every round trip, from entry to exit."""
    trips = result.round_trips
    numbers = ("quantity", "entry_price", "exit_price", "pnl", "pnl_pct", "commission")
    rows: dict[str, list[object]] = {
        "entry_time": [trip.entry_time for trip in trips],
        "exit_time": [trip.exit_time for trip in trips],
        "symbol": [trip.symbol for trip in trips],
        "strategy": [trip.strategy for trip in trips],
        "side": [trip.side for trip in trips],
        **{name: [float(getattr(trip, name)) for trip in trips] for name in numbers},
        "exit_reason": [trip.exit_reason for trip in trips],
    }
    kinds: dict[str, pl.DataType] = dict.fromkeys(numbers, pl.Float64())
    kinds |= dict.fromkeys(("entry_time", "exit_time"), pl.Int64())
    schema = {name: kinds.get(name, pl.String()) for name in rows}
    return pl.DataFrame(rows, schema=schema).with_columns(pl.col("entry_time", "exit_time").cast(_TIME))
