"""The functions of the algorithm style without ``self``, for strategies written as plain functions.

Each is the method of ``TradingAlgorithm`` of the same name, called on the strategy whose hook is running. A script for Zipline runs
when its ``from zipline.api import ...`` becomes ``from algotrader.api import ...``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from algotrader.strategies.algorithm import TradingAlgorithm
from algotrader.strategies.algorithm_assets import Asset
from algotrader.strategies.algorithm_errors import AlgorithmError, TradingControlViolation
from algotrader.strategies.algorithm_orders import (
    LimitOrder,
    MarketOrder,
    OrderStatus,
    StopLimitOrder,
    StopOrder,
    TrailingStopOrder,
)
from algotrader.strategies.algorithm_settings import EODCancel, NeverCancel
from algotrader.strategies.running import running
from algotrader.strategies.schedule import date_rules, time_rules

P = ParamSpec("P")
R = TypeVar("R")


def _front(method: Callable[Concatenate[TradingAlgorithm, P], R]) -> Callable[P, R]:
    """A function that calls a method on the running strategy; a subclass's own version of it counts."""
    name = method.__name__

    @wraps(method)
    def call(*arguments: P.args, **named: P.kwargs) -> R:
        found: Callable[P, R] = getattr(running(name), name)
        return found(*arguments, **named)

    return call


order = _front(TradingAlgorithm.order)
order_value = _front(TradingAlgorithm.order_value)
order_percent = _front(TradingAlgorithm.order_percent)
order_target = _front(TradingAlgorithm.order_target)
order_target_value = _front(TradingAlgorithm.order_target_value)
order_target_percent = _front(TradingAlgorithm.order_target_percent)
batch_market_order = _front(TradingAlgorithm.batch_market_order)
cancel_order = _front(TradingAlgorithm.cancel_order)
get_order = _front(TradingAlgorithm.get_order)
get_open_orders = _front(TradingAlgorithm.get_open_orders)
get_denial = _front(TradingAlgorithm.get_denial)
set_stop = _front(TradingAlgorithm.set_stop)

symbol = _front(TradingAlgorithm.symbol)
symbols = _front(TradingAlgorithm.symbols)
future_symbol = _front(TradingAlgorithm.symbol)
sid = _front(TradingAlgorithm.sid)
continuous_future = _front(TradingAlgorithm.continuous_future)
set_symbol_lookup_date = _front(TradingAlgorithm.set_symbol_lookup_date)
fetch_csv = _front(TradingAlgorithm.fetch_csv)
attach_pipeline = _front(TradingAlgorithm.attach_pipeline)
pipeline_output = _front(TradingAlgorithm.pipeline_output)

record = _front(TradingAlgorithm.record)
indicator = _front(TradingAlgorithm.indicator)
get_datetime = _front(TradingAlgorithm.get_datetime)
get_environment = _front(TradingAlgorithm.get_environment)
schedule_function = _front(TradingAlgorithm.schedule_function)

set_benchmark = _front(TradingAlgorithm.set_benchmark)
set_commission = _front(TradingAlgorithm.set_commission)
set_slippage = _front(TradingAlgorithm.set_slippage)
set_cancel_policy = _front(TradingAlgorithm.set_cancel_policy)
set_max_position_size = _front(TradingAlgorithm.set_max_position_size)
set_max_order_size = _front(TradingAlgorithm.set_max_order_size)
set_max_order_count = _front(TradingAlgorithm.set_max_order_count)
set_do_not_order_list = _front(TradingAlgorithm.set_do_not_order_list)
set_asset_restrictions = _front(TradingAlgorithm.set_asset_restrictions)
set_long_only = _front(TradingAlgorithm.set_long_only)
set_max_leverage = _front(TradingAlgorithm.set_max_leverage)
set_min_leverage = _front(TradingAlgorithm.set_min_leverage)

__all__ = [
    "AlgorithmError",
    "Asset",
    "EODCancel",
    "LimitOrder",
    "MarketOrder",
    "NeverCancel",
    "OrderStatus",
    "StopLimitOrder",
    "StopOrder",
    "TradingAlgorithm",
    "TradingControlViolation",
    "TrailingStopOrder",
    "attach_pipeline",
    "batch_market_order",
    "cancel_order",
    "continuous_future",
    "date_rules",
    "fetch_csv",
    "future_symbol",
    "get_datetime",
    "get_denial",
    "get_environment",
    "get_open_orders",
    "get_order",
    "indicator",
    "order",
    "order_percent",
    "order_target",
    "order_target_percent",
    "order_target_value",
    "order_value",
    "pipeline_output",
    "record",
    "schedule_function",
    "set_asset_restrictions",
    "set_benchmark",
    "set_cancel_policy",
    "set_commission",
    "set_do_not_order_list",
    "set_long_only",
    "set_max_leverage",
    "set_max_order_count",
    "set_max_order_size",
    "set_max_position_size",
    "set_min_leverage",
    "set_slippage",
    "set_stop",
    "set_symbol_lookup_date",
    "sid",
    "symbol",
    "symbols",
    "time_rules",
]
