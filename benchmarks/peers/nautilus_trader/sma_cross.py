"""W1 and W2 by nautilus_trader: its own averages, ``on_bar`` for the decisions, its simulated venue with bar execution.

Its venue knows no next open: what is ordered on a bar fills at once, at the bar's close.
"""

# mypy: disable-error-code="import-not-found,misc,call-arg"
from __future__ import annotations

from typing import Any

from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.backtest.models import FixedFeeModel
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.indicators import SimpleMovingAverage
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TraderId, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from benchmarks.protocol import Columns, read_task, report, timed

TASK = read_task()
VENUE = Venue("SIM")
MINUTE = 60 * 10**9


class SmaCrossConfig(StrategyConfig, frozen=True):
    """Which instrument."""

    instrument_id: InstrumentId
    bar_type: BarType


class SmaCross(Strategy):
    """Long only, a fixed number of shares."""

    def __init__(self, config: SmaCrossConfig) -> None:
        super().__init__(config)
        self.fast = SimpleMovingAverage(TASK.fast)
        self.slow = SimpleMovingAverage(TASK.slow)
        self.bars = 0
        self.before = 0.0
        self.held = False

    def on_start(self) -> None:
        """Let the averages follow the bars."""
        self.register_indicator_for_bars(self.config.bar_type, self.fast)
        self.register_indicator_for_bars(self.config.bar_type, self.slow)
        self.subscribe_bars(self.config.bar_type)

    def on_bar(self, bar: Any) -> None:
        """Buy on the cross above, sell on the cross below."""
        self.bars += 1
        if self.bars < TASK.slow:
            return
        before, now = self.before, self.fast.value - self.slow.value
        self.before = now
        if self.bars == TASK.slow:
            return
        if not self.held and before <= 0 < now:
            self._send(OrderSide.BUY)
        elif self.held and now < 0 <= before:
            self._send(OrderSide.SELL)

    def _send(self, side: Any) -> None:
        self.held = not self.held
        quantity = Quantity.from_int(TASK.quantity)
        self.submit_order(self.order_factory.market(self.config.instrument_id, side, quantity))


def instrument(symbol: str) -> Any:
    """A share quoted to the fourth decimal."""
    return Equity(
        instrument_id=InstrumentId(Symbol(symbol), VENUE),
        raw_symbol=Symbol(symbol),
        currency=USD,
        price_precision=4,
        price_increment=Price.from_str("0.0001"),
        lot_size=Quantity.from_int(1),
        ts_event=0,
        ts_init=0,
    )


def bars(bar_type: Any, columns: Columns) -> list[Any]:
    """The bars as the library wants them, labelled by their end."""
    parts = (columns.time, columns.open, columns.high, columns.low, columns.close, columns.volume)
    rows = zip(*(part.tolist() for part in parts), strict=True)
    return [
        Bar(bar_type, Price(o, 4), Price(h, 4), Price(low, 4), Price(c, 4), Quantity(v, 0), time + MINUTE, time + MINUTE)
        for time, o, h, low, c, v in rows
    ]


def add(engine: Any, columns: Columns) -> None:
    """An instrument, its bars, and a strategy that trades it."""
    share = instrument(columns.symbol)
    bar_type = BarType.from_str(f"{share.id}-1-MINUTE-LAST-EXTERNAL")
    engine.add_instrument(share)
    engine.add_data(bars(bar_type, columns), sort=False)
    engine.add_strategy(SmaCross(SmaCrossConfig(instrument_id=share.id, bar_type=bar_type, order_id_tag=columns.symbol)))


def main() -> None:
    """Run the task once."""
    config = BacktestEngineConfig(
        trader_id=TraderId("BENCH-001"),
        logging=LoggingConfig(bypass_logging=True),
        risk_engine=RiskEngineConfig(bypass=True),
        run_analysis=False,
    )
    engine = BacktestEngine(config=config)
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        base_currency=USD,
        starting_balances=[Money(TASK.capital, USD)],
        # Its money has two decimals, so half a cent a share is given as what an order of this size costs.
        fee_model=FixedFeeModel(Money(TASK.commission * TASK.quantity, USD)),
    )
    last = {}
    for symbol in TASK.symbols:
        columns = TASK.columns(symbol)
        last[f"{symbol}.SIM"] = columns.close[-1]
        add(engine, columns)
    engine.sort_data()
    _, seconds = timed(engine.run)
    cash = engine.portfolio.account(VENUE).balance_total(USD).as_double()
    held = sum(float(position.quantity) * last[str(position.instrument_id)] for position in engine.cache.positions_open())
    fills = sum(order.is_closed and order.filled_qty > 0 for order in engine.cache.orders())
    report(seconds, TASK.bars, fills, cash + held)
    engine.dispose()


if __name__ == "__main__":
    main()
