"""Hooks, context and the life of an algorithm."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from algorithm_run import AlgorithmRun, Script, utc_day

from algotrader import api
from algotrader.core.events import OrderAccepted, OrderExpired, OrderReject
from algotrader.core.market import NS_PER_MINUTE, utc
from algotrader.strategies.algorithm import TradingAlgorithm
from algotrader.strategies.algorithm_errors import AlgorithmError, NotAllowedNow, NotSupported, UnknownAsset
from algotrader.strategies.algorithm_settings import EODCancel, NeverCancel
from algotrader.strategies.parameters import ParameterError


def buy_once(amount: int = 100) -> Any:
    """A step that buys on the first bar."""

    def step(self: Script, context: Any, data: Any) -> None:
        if self.calls.count("handle_data") == 1:
            context.order_id = self.order("AAPL", amount)

    return step


@pytest.mark.covers("B164", "B165", "B86")
def test_hooks_come_in_the_order_of_a_trading_day() -> None:
    run = AlgorithmRun(Script())
    run.phase("pre_open")
    run.open()
    run.bars(100, count=2)
    assert run.algorithm.calls == ["initialize", "before_trading_start", "handle_data", "handle_data"]


def test_one_call_serves_all_bars_of_a_slice() -> None:
    run = AlgorithmRun(Script(), ("AAPL", "MSFT"))
    run.open()
    run.bars({"AAPL": 100, "MSFT": 50})
    assert run.algorithm.calls.count("handle_data") == 1


def test_another_market_does_not_start_its_day() -> None:
    run = AlgorithmRun(Script(), ("AAPL", "BTC/USD"))
    run.phase("pre_open", utc_day(0))
    assert "before_trading_start" not in run.algorithm.calls


@pytest.mark.covers("B164")
@pytest.mark.parametrize("missing", ["initialize", "handle_data"])
def test_a_missing_hook_is_named(missing: str) -> None:
    hooks = {name: lambda *a: None for name in ("initialize", "handle_data") if name != missing}
    kind: Any = type("Half", (TradingAlgorithm,), hooks)
    with pytest.raises(AlgorithmError, match=rf"Half does not define {missing}\(self, context"):
        kind.create(("AAPL",), {})


def test_an_unknown_protection_is_refused() -> None:
    kind = type("Odd", (Script,), {"protection": "some"})
    with pytest.raises(ParameterError, match="protection must be one of planned, emergency, none, not 'some'"):
        kind()


def test_plain_functions_run_with_the_functions_of_the_api() -> None:
    seen: list[Any] = []

    def initialize(context: Any) -> None:
        context.asset = api.symbol("AAPL")
        api.schedule_function(weekly, api.date_rules.every_day(), api.time_rules.market_open(minutes=2))

    def handle_data(context: Any, data: Any) -> None:
        seen.append(data.current(context.asset, "price"))

    def weekly(context: Any, data: Any) -> None:
        seen.append(api.order(context.asset, 10))

    kind = TradingAlgorithm.from_functions(initialize=initialize, handle_data=handle_data, name="plain", analyze=None)
    assert kind.strategy_name() == "plain"
    run = AlgorithmRun(kind.create(("AAPL",), {}))
    run.open()
    run.bars(100)
    run.bars(101)
    assert seen == [100.0, 101.0, run.orders[0].client_order_id]
    assert run.signed == [("AAPL", Decimal(10))]


def test_an_unknown_hook_gets_a_hint() -> None:
    with pytest.raises(AlgorithmError, match="no hook 'analyse'; did you mean analyze"):
        TradingAlgorithm.from_functions(initialize=print, handle_data=print, analyse=print)


def test_functions_of_the_api_need_a_running_strategy() -> None:
    with pytest.raises(NotAllowedNow, match=r"order\(\) was called outside a running strategy"):
        api.order("AAPL", 1)


def test_after_a_hook_nothing_is_running_even_when_it_failed() -> None:
    def step(self: Script, context: Any, data: Any) -> None:
        raise RuntimeError("mine")

    run = AlgorithmRun(Script(step=step))
    run.open()
    run.bars(100)
    with pytest.raises(NotAllowedNow):
        api.symbol("AAPL")


@pytest.mark.covers("A86")
def test_a_failing_strategy_is_reported_and_the_others_go_on() -> None:
    def step(self: Script, context: Any, data: Any) -> None:
        raise ValueError("a mistake of the user")

    run = AlgorithmRun(Script(step=step))
    other = Script()
    run.engine.add_algorithm("other", other, ["AAPL"], 1, "none")
    run.open()
    run.bars(100, count=2)
    told = run.told("strategy_error")
    assert len(told) == 2
    assert "ValueError: a mistake of the user in handle_data" in told[0]
    assert [type(report.error) for report in run.reports if report.kind == "strategy_error"] == [ValueError, ValueError]
    assert other.calls.count("handle_data") == 2


@pytest.mark.covers("B167")
def test_a_fill_is_told_with_its_order_and_transaction() -> None:
    run = AlgorithmRun(Script(step=buy_once()))
    run.open()
    run.bars(100)
    run.fill(run.orders[0].client_order_id, 100.5, 40, commission="0.4")
    kind, order, transaction = run.algorithm.told[0]
    assert kind == "fill"
    assert (order.amount, order.filled, order.open_amount, order.state) == (100, 40, 60, "partially_filled")
    assert (transaction.asset, transaction.amount, transaction.price, transaction.commission) == ("AAPL", 40, 100.5, 0.4)
    assert transaction.dt == utc(run.now)


@pytest.mark.covers("B168", "B169")
@pytest.mark.parametrize(
    ("event", "told", "reason"),
    [
        (OrderReject(0, "a1", "no funds", "buying_power"), "reject", "buying_power: no funds"),
        (OrderExpired(0, "a1"), "cancel", "time in force ran out"),
    ],
)
def test_an_order_that_ends_unfilled_is_told(event: Any, told: str, reason: str) -> None:
    run = AlgorithmRun(Script(step=buy_once()))
    run.open()
    run.bars(100)
    run.handle(OrderAccepted(run.now, "a1", "v1"))
    run.handle(event)
    assert [(what[0], what[1].id, what[2]) for what in run.algorithm.told] == [(told, "a1", reason)]


@pytest.mark.covers("B168")
def test_a_cancel_is_told_when_the_venue_confirms_it() -> None:
    def step(self: Script, context: Any, data: Any) -> None:
        if self.calls.count("handle_data") == 1:
            self.order("AAPL", 100, limit_price=90)
        elif self.calls.count("handle_data") == 2:
            self.cancel_order(self.get_open_orders("AAPL")[0])

    run = AlgorithmRun(Script(step=step))
    run.open()
    run.bars(100)
    run.accept("a1")
    run.bars(100)
    assert run.cancels == ["a1"]
    assert run.algorithm.told == []
    run.cancel("a1", "as asked")
    assert [(what[0], what[2]) for what in run.algorithm.told] == [("cancel", "as asked")]


@pytest.mark.covers("B170")
def test_a_message_of_the_venue_is_passed_on() -> None:
    run = AlgorithmRun(Script())
    run.slot.on_message("maintenance at noon")
    assert run.algorithm.told == [("message", "maintenance at noon")]


@pytest.mark.covers("B166")
def test_results_reach_analyze() -> None:
    seen: list[object] = []
    kind = TradingAlgorithm.from_functions(
        initialize=lambda c: None, handle_data=lambda c, d: None, analyze=lambda context, results: seen.append(results)
    )
    run = AlgorithmRun(kind.create((), {}))
    run.algorithm.analyze_results("the results")
    assert seen == ["the results"]


@pytest.mark.covers("B171")
def test_context_shows_cash_value_and_positions() -> None:
    run = AlgorithmRun(Script(step=buy_once()), ("AAPL", "MSFT"))
    run.open()
    run.bars({"AAPL": 100, "MSFT": 50})
    run.fill("a1", "100.10", commission="1")
    run.bars({"AAPL": 101, "MSFT": 50})
    portfolio = run.algorithm.context.portfolio
    assert portfolio.cash == 25000 - 10010 - 1
    assert portfolio.portfolio_value == 25000 - 1 + 90
    assert portfolio.exact.portfolio_value == Decimal(25089)
    assert portfolio.exact.cash == Decimal(14989)
    assert portfolio.starting_cash == 25000
    assert portfolio.returns == 89 / 25000
    assert portfolio.pnl == 89
    assert portfolio.positions_value == 10100
    position = portfolio.positions["AAPL"]
    assert (position.amount, position.cost_basis, position.last_sale_price) == (100, 100.1, 101.0)
    assert position.exact.cost_basis == Decimal("100.10")
    assert position.exact.unrealized == Decimal(90)
    assert list(portfolio.positions) == ["AAPL"]
    assert "MSFT" not in portfolio.positions
    assert portfolio.positions["MSFT"].amount == 0
    assert portfolio.positions.get("MSFT") is None
    assert portfolio.current_portfolio_weights == {"AAPL": 10100 / 25089}


@pytest.mark.covers("B171")
def test_context_shows_the_account() -> None:
    run = AlgorithmRun(Script(step=buy_once()))
    run.open()
    run.bars(100)
    account = run.algorithm.context.account
    assert account.buying_power == 15000  # the working order has reserved its cost
    run.fill("a1", 100)
    assert account.leverage == 10000 / 25000
    assert account.net_leverage == 10000 / 25000
    assert account.net_liquidation == 25000
    assert account.settled_cash == 15000
    assert account.buying_power == 15000


def test_context_keeps_what_the_strategy_puts_there() -> None:
    run = AlgorithmRun(Script(setup=lambda self, context: setattr(context, "fast", 20)))
    context: Any = run.algorithm.context
    assert context.fast == 20
    with pytest.raises(AttributeError, match="context has no 'slow'; it has account, fast, portfolio"):
        _ = context.slow
    with pytest.raises(AttributeError, match="engine's"):
        context.portfolio = 1


@pytest.mark.parametrize(("given", "found"), [("AAPL", "AAPL"), ("aapl", "AAPL"), ("btcusdt", "BTC/USDT")])
def test_assets_are_found_however_they_are_written(given: str, found: str) -> None:
    run = AlgorithmRun(Script(), ("AAPL", "BTC/USDT"))
    asset = run.algorithm.symbol(given)
    assert asset == found
    assert asset.symbol == found
    assert {str(asset): 1}[asset] == 1
    assert {asset: 1}.get(found) == 1
    assert asset.instrument.symbol == found


@pytest.mark.parametrize(("name", "hint"), [("APPL", "did you mean AAPL"), ("XYZ", "add it to the run's symbols"), (7, "add it")])
def test_an_unknown_symbol_is_refused_with_the_known_ones(name: Any, hint: str) -> None:
    run = AlgorithmRun(Script(), ("AAPL", "MSFT"))
    with pytest.raises(UnknownAsset, match=rf"not among the symbols of this run \(AAPL, MSFT\); {hint}"):
        run.algorithm.symbol(name)


def test_records_carry_the_time_of_the_bar() -> None:
    def step(self: Script, context: Any, data: Any) -> None:
        self.record(price=data.current("AAPL", "price"), bars=self.calls.count("handle_data"))

    run = AlgorithmRun(Script(step=step))
    run.open()
    run.bars(100)
    run.bars(101)
    first = run.now - NS_PER_MINUTE
    assert run.algorithm.recorded == {"price": [(first, 100.0), (run.now, 101.0)], "bars": [(first, 1.0), (run.now, 2.0)]}


def test_time_and_environment() -> None:
    run = AlgorithmRun(Script())
    run.open()
    run.bars(100)
    assert run.algorithm.get_datetime() == utc(run.now)
    assert run.algorithm.get_environment() == "algo-trader"
    assert run.algorithm.get_environment("*")["data_frequency"] == "minute"
    with pytest.raises(AlgorithmError, match="environment has no 'arena'"):
        run.algorithm.get_environment("arena")


@pytest.mark.parametrize("function", ["sid", "continuous_future", "fetch_csv", "attach_pipeline", "pipeline_output"])
def test_what_is_not_supported_says_what_to_do_instead(function: str) -> None:
    run = AlgorithmRun(Script())
    with pytest.raises(NotSupported, match=rf"{function}\(\) is not supported; \w+"):
        getattr(run.algorithm, function)(1)


@pytest.mark.parametrize(
    ("function", "argument"),
    [
        ("set_commission", 1),
        ("set_slippage", 1),
        ("set_benchmark", "AAPL"),
        ("set_cancel_policy", NeverCancel()),
        ("set_long_only", "log"),
        ("set_max_order_count", 1),
        ("set_max_leverage", 2),
        ("set_asset_restrictions", []),
    ],
)
def test_settings_belong_into_initialize(function: str, argument: Any) -> None:
    run = AlgorithmRun(Script(setup=lambda self, context: getattr(self, function)(argument)))
    with pytest.raises(NotAllowedNow, match=rf"{function}\(\) works only in initialize"):
        getattr(run.algorithm, function)(argument)


def test_costs_and_benchmark_are_kept_for_the_runner() -> None:
    commission, slippage = object(), object()

    def setup(self: Script, context: Any) -> None:
        self.set_commission(commission)
        self.set_slippage(us_equities=slippage)
        self.set_benchmark(self.symbol("AAPL"))
        self.set_symbol_lookup_date("2020-01-01")

    run = AlgorithmRun(Script(setup=setup))
    assert run.algorithm.cost_models == {"commission": commission, "slippage": slippage}
    assert run.algorithm.benchmark == "AAPL"
    assert "no effect" in run.told("strategy_note")[0]


@pytest.mark.parametrize(
    ("policy", "symbol", "expected"),
    [(None, "AAPL", "day"), (None, "BTC/USD", "gtc"), (NeverCancel(), "AAPL", "gtc"), (EODCancel(), "BTC/USD", "day")],
)
def test_the_cancel_policy_decides_how_long_orders_work(policy: Any, symbol: str, expected: str) -> None:
    def setup(self: Script, context: Any) -> None:
        if policy is not None:
            self.set_cancel_policy(policy)

    run = AlgorithmRun(Script(setup, lambda self, context, data: self.order(symbol, 1)), (symbol,))
    run.open()
    run.bars({symbol: 100})
    assert [order.time_in_force.value for order in run.orders] == [expected]
