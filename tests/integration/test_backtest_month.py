"""A month of one symbol checked by hand, and what the engine tells and keeps on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
import pytest

from algotrader.core.breakers import DailyBreaker
from algotrader.core.engine import Engine
from algotrader.core.events import Event, MarketData, OrderAccepted, OrderFill, OrderReject, SliceClosed, SystemError
from algotrader.core.instruments import equity
from algotrader.core.market import NS_PER_MINUTE, BadData, Bar
from algotrader.core.orders import OrderType, Side
from algotrader.core.risk import RiskPolicy
from algotrader.core.scaled import money
from algotrader.history.catalogue import Catalogue
from algotrader.history.generator import generate
from algotrader.research.backtest import BacktestOptions, backtest
from algotrader.research.metrics import compute_metrics
from algotrader.strategies.algorithm import TradingAlgorithm
from algotrader.strategies.base import SignalStrategy

CAPITAL = Decimal(100_000)


class Noon(SignalStrategy):
    """Buys ten on every 120th bar and sells them fifty bars later."""

    name: ClassVar[str] = "noon"
    sizing: ClassVar[str] = "explicit"
    protection: ClassVar[str] = "none"
    close_at_session_end: ClassVar[bool] = False
    time_stop_bars: ClassVar[int] = 50

    def __init__(self, symbol: str, parameters: Any = None) -> None:
        super().__init__(symbol, parameters)
        self.bars = 0

    @property
    def required_history(self) -> int:
        return 1

    def should_long(self, bar: Bar, indicators: Any) -> object:
        self.bars += 1
        return self.bars % 120 == 0

    def quantity(self, bar: Bar, indicators: Any) -> object:
        return 10


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    catalogue = Catalogue(tmp_path_factory.mktemp("month"))
    apple = equity("AAPL")
    catalogue.write_bars(apple, "1m", generate(apple, date(2024, 3, 1), date(2024, 3, 28), seed=3))
    return catalogue


@pytest.mark.covers("A217", "A219", "A20", "A218")
def test_a_month_of_one_stock_equals_a_calculation_by_hand(month: Catalogue) -> None:
    result = backtest(Noon, ["AAPL"], data=month, options=BacktestOptions(capital=CAPITAL, volume_limit=None))
    bars = month.scan("AAPL", "1m", result.start, result.end).sort("close_time").collect()
    opens, highs, lows, closes = (bars[name].to_numpy() for name in ("open", "high", "low", "close"))
    cash, held, trips, curve = int(CAPITAL) * 10_000, 0, [], []
    asked = since = bought = 0
    order = 0
    for i in range(len(opens)):
        if order > 0:
            # A cent of slippage, inside the bar's range.
            bought = min(int(opens[i]) + 100, int(highs[i]))
            cash, held, since = cash - 10 * bought, 10, 0
        elif order < 0:
            sold = max(int(opens[i]) - 100, int(lows[i]))
            cash, held = cash + 10 * sold, 0
            trips.append(10 * (sold - bought))
        order = 0
        if held:
            since += 1
            order = -1 if since >= 50 else 0
        else:
            asked += 1
            order = 1 if asked % 120 == 0 else 0
        curve.append(cash + held * int(closes[i]))
    assert len(trips) > 40
    assert [trip.pnl for trip in result.round_trips] == [Decimal(profit) / 10_000 for profit in trips]
    assert np.allclose(result.equity, np.array(curve) / 10_000, rtol=0, atol=1e-6)
    assert result.final_equity == Decimal(curve[-1]) / 10_000
    figures = compute_metrics(result)
    assert figures.round_trips == len(trips)
    assert figures.win_rate == pytest.approx(sum(profit > 0 for profit in trips) / len(trips))
    peak = np.maximum.accumulate(np.array([int(CAPITAL) * 10_000, *curve]))
    assert figures.max_drawdown == pytest.approx(float(((peak[1:] - np.array(curve)) / peak[1:]).max()))
    assert figures.total_return == pytest.approx(curve[-1] / (int(CAPITAL) * 10_000) - 1)


class Watcher(TradingAlgorithm):
    """Orders once and writes down what it hears."""

    name: ClassVar[str] = "watcher"
    heard: ClassVar[list[str]] = []

    def initialize(self, context: Any) -> None:
        context.asset = self.symbol("AAPL")
        context.done = False
        Watcher.heard = []

    def handle_data(self, context: Any, data: Any) -> None:
        Watcher.heard.append("data")
        if not context.done:
            context.done = True
            self.order(context.asset, 10)

    def on_order_fill(self, context: Any, order: Any, transaction: Any) -> None:
        Watcher.heard.append(f"fill, holding {context.portfolio.positions[context.asset].amount:g}")

    def on_order_reject(self, context: Any, order: Any, reason: str) -> None:
        Watcher.heard.append(f"rejected: {reason}")


def bar(minute: int, close: int) -> MarketData:
    apple = equity("AAPL")
    start = minute * NS_PER_MINUTE
    return MarketData(start + NS_PER_MINUTE, bar=Bar(apple, start, start + NS_PER_MINUTE, close, close + 5, close - 5, close, 1000))


def started() -> Engine:
    from algotrader.core.events import CashMovement

    engine = Engine([equity("AAPL")])
    engine.handle(CashMovement(1, "deposit", "USD", money(CAPITAL)))
    watcher = Watcher.create(("AAPL",), {})
    engine.add_algorithm("watcher", watcher, ["AAPL"], 1, "none")
    engine.handle(bar(100, 1_000_000))
    engine.handle(SliceClosed(101 * NS_PER_MINUTE))
    return engine


@pytest.mark.covers("B13", "B15")
def test_data_reach_the_strategy_and_a_fill_the_ledger_before_the_strategy() -> None:
    engine = started()
    (command,) = engine.take_commands()
    order_id = command.client_order_id
    engine.handle(OrderAccepted(101 * NS_PER_MINUTE, order_id, "v1"))
    fill = OrderFill(101 * NS_PER_MINUTE, order_id, fill_id="x", symbol="AAPL", side=Side.BUY, price_raw=1_000_000, quantity_raw=10)
    engine.handle(fill)
    assert Watcher.heard == ["data", "fill, holding 10"]
    assert engine.state.ledger.net_quantity("AAPL") == 10


@pytest.mark.covers("B13")
def test_a_rejection_reaches_its_callback() -> None:
    engine = started()
    (command,) = engine.take_commands()
    engine.handle(OrderReject(101 * NS_PER_MINUTE, command.client_order_id, "no such thing", "unsupported"))
    assert Watcher.heard[-1].startswith("rejected: ")
    assert "no such thing" in Watcher.heard[-1]


@pytest.mark.covers("B12", "B13")
def test_errors_reach_their_handler_and_unknown_events_are_reported() -> None:
    engine = started()
    engine.take_reports()
    engine.handle(SystemError(102 * NS_PER_MINUTE, "feed", "broken", "critical"))
    unknown = Event()
    unknown.time = 103 * NS_PER_MINUTE
    engine.handle(unknown)
    told = [(report.kind, report.level) for report in engine.take_reports()]
    assert ("system_error", "critical") in told
    assert engine.state.trading_state == "halted"
    assert told[-1] == ("system_error", "warning")


@pytest.mark.covers("C13", "C14")
def test_the_last_price_is_kept_before_strategies_hear_and_bad_data_get_no_further() -> None:
    engine = started()
    assert engine.state.tracks[0].last_raw == 1_000_000
    engine.handle(bar(101, 1_010_000))
    assert engine.state.tracks[0].last_raw == 1_010_000
    heard = len(Watcher.heard)
    engine.handle(bar(101, 500))
    assert engine.state.tracks[0].last_raw == 1_010_000
    assert len(Watcher.heard) == heard
    with pytest.raises(BadData):
        MarketData(1)


@pytest.mark.covers("A154")
@pytest.mark.parametrize("profits", [[-1, -1, -1], [5, -300, -20], [-5, 0, 7, -2], [], [-4, 3, -3, -3, -3, 9]])
def test_the_days_breaker_rebuilt_from_its_round_trips_is_the_running_one(profits: list[int]) -> None:
    running, rebuilt = DailyBreaker(3, 30_000), DailyBreaker(3, 30_000)
    running.reset(10_000)
    for profit in profits:
        running.record(profit)
    rebuilt.rebuild(10_000, profits)
    assert (rebuilt.reason, rebuilt.realized, rebuilt.losses_in_row) == (running.reason, running.realized, running.losses_in_row)


def test_market_is_the_default_order_of_an_algorithm() -> None:
    (command,) = started().take_commands()
    assert command.request.order_type is OrderType.MARKET  # type: ignore[attr-defined]


@pytest.mark.covers("A153")
def test_a_tripped_breaker_leaves_explicit_quantities_alone(month: Catalogue) -> None:
    usual = RiskPolicy(consecutive_loss_pause=1)
    outcomes = []
    for policy in (replace(usual, consecutive_loss_pause=1000), usual, replace(usual, breaker_for_all=True)):
        result = backtest(Noon, ["AAPL"], data=month, options=BacktestOptions(capital=CAPITAL, volume_limit=None, policy=policy))
        outcomes.append((len(result.fills), result.counts.get("circuit_breaker_tripped", 0)))
    assert outcomes[0][0] == outcomes[1][0]
    assert outcomes[1][1] > 0
    assert outcomes[2][0] < outcomes[1][0]
