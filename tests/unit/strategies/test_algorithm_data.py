"""What ``data`` shows: present values, history in every shape, whether an asset can be traded; indicators."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isnan
from typing import Any

import numpy as np
import pandas as pd
import pytest
from algorithm_run import OPEN, AlgorithmRun, Script, session_of, utc_day

from algotrader.core.events import Split, SymbolChange, TradingStatus
from algotrader.core.indicators import SMA, VWAP
from algotrader.core.instruments import equity
from algotrader.core.market import NS_PER_MINUTE, Session, utc
from algotrader.strategies.algorithm_assets import Asset
from algotrader.strategies.algorithm_errors import AlgorithmError, NotAllowedNow, UnknownAsset

BAR = (100.0, 102.0, 99.0, 101.0, 500)


def two_assets() -> AlgorithmRun:
    """AAPL has three bars, MSFT only the second of those slices."""
    run = AlgorithmRun(Script(), ("AAPL", "MSFT"))
    run.open()
    run.bars({"AAPL": BAR})
    run.bars({"AAPL": 102, "MSFT": 50})
    run.bars({"AAPL": 103})
    return run


@pytest.mark.covers("B173")
@pytest.mark.parametrize(
    ("field", "value"), [("price", 101.0), ("open", 100.0), ("high", 102.0), ("low", 99.0), ("close", 101.0), ("volume", 500.0)]
)
def test_current_value_of_a_field(field: str, value: float) -> None:
    run = AlgorithmRun(Script())
    run.open()
    run.bars({"AAPL": BAR})
    found = run.algorithm.data.current("AAPL", field)
    assert (found, type(found)) == (value, float)


@pytest.mark.covers("B173")
@pytest.mark.parametrize("field", ["open", "high", "low", "close"])
def test_without_a_bar_there_is_a_price_but_nothing_else(field: str) -> None:
    data = two_assets().algorithm.data
    assert data.current("MSFT", "price") == 50.0
    assert data.current("MSFT", "volume") == 0.0
    assert isnan(data.current("MSFT", field))


def test_before_any_bar_there_is_no_price() -> None:
    data = AlgorithmRun(Script()).algorithm.data
    assert isnan(data.current("AAPL", "price"))
    assert data.current("AAPL", "last_traded") is None


def test_last_traded_is_the_close_of_the_last_bar() -> None:
    data = two_assets().algorithm.data
    assert data.current("MSFT", "last_traded") == utc(OPEN + 2 * NS_PER_MINUTE)
    assert data.current("AAPL", "last_traded") == utc(OPEN + 3 * NS_PER_MINUTE)


@pytest.mark.covers("B173")
def test_several_assets_or_fields_come_as_pandas_objects() -> None:
    run = two_assets()
    data = run.algorithm.data
    assets = run.algorithm.symbols("AAPL", "MSFT")
    prices = data.current(assets, "price")
    assert isinstance(prices, pd.Series)
    assert prices["MSFT"] == 50.0
    assert prices[assets[0]] == 103.0
    assert isinstance(prices.index[0], Asset)
    fields = data.current("AAPL", ["price", "volume"])
    assert dict(fields) == {"price": 103.0, "volume": 1000.0}
    table = data.current(assets, ["price", "volume"])
    assert table.loc["MSFT", "volume"] == 0.0
    assert list(table.columns) == ["price", "volume"]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda data: data.current("AAPL", "clsoe"), "no field 'clsoe'.*did you mean close"),
        (lambda data: data.history("AAPL", "last_traded", 1, "1m"), "no field 'last_traded'"),
        (lambda data: data.history("AAPL", "close", 0, "1m"), "bar_count must be a whole number from 1 to 5000, not 0"),
        (lambda data: data.history("AAPL", "close", 5001, "1m"), "bar_count must be"),
        (lambda data: data.history("AAPL", "close", 2.5, "1m"), "bar_count must be"),
        (lambda data: data.window("AAPL", "close", 5, "1w"), "no bars of '1w' in this run; it has 1m, 1d"),
    ],
)
def test_impossible_questions_get_an_answer_that_helps(ask: Any, message: str) -> None:
    with pytest.raises(AlgorithmError, match=message):
        ask(two_assets().algorithm.data)


def test_a_symbol_of_no_run_is_unknown_to_data() -> None:
    data = two_assets().algorithm.data
    with pytest.raises(UnknownAsset, match="did you mean AAPL"):
        data.current("AAPLE", "price")


@pytest.mark.covers("B173")
def test_history_of_one_asset() -> None:
    data = two_assets().algorithm.data
    closes = data.history("AAPL", "close", 2, "1m")
    assert closes.tolist() == [102.0, 103.0]
    assert closes.index[-1] == utc(OPEN + 3 * NS_PER_MINUTE)
    assert str(closes.index.tz) == "UTC"
    table = data.history("AAPL", ["open", "volume"], 3, "1m")
    assert table["open"].tolist() == [100.0, 102.0, 103.0]
    assert table["volume"].tolist() == [500.0, 1000.0, 1000.0]


@pytest.mark.covers("B173")
@pytest.mark.parametrize(
    ("field", "msft"),
    [("price", [None, 50.0, 50.0]), ("close", [None, 50.0, None]), ("volume", [0.0, 1000.0, 0.0])],
)
def test_history_of_several_assets_is_on_common_times(field: str, msft: list[float | None]) -> None:
    run = two_assets()
    table = run.algorithm.data.history(run.algorithm.assets, field, 3, "1m")
    assert [None if isnan(value) else value for value in table["MSFT"]] == msft
    assert not table["AAPL"].isna().any()
    assert list(table.columns) == ["AAPL", "MSFT"]


def test_a_price_is_carried_into_the_window_from_before_it() -> None:
    run = two_assets()
    assert run.algorithm.data.history(run.algorithm.assets, "price", 1, "1m")["MSFT"].tolist() == [50.0]


def test_history_of_several_assets_and_fields_is_indexed_by_time_and_asset() -> None:
    run = two_assets()
    table = run.algorithm.data.history(["AAPL", "MSFT"], ["price", "volume"], 2, "1m")
    last = utc(OPEN + 3 * NS_PER_MINUTE)
    assert table.loc[(last, "MSFT"), "price"] == 50.0
    assert table.loc[(last, "AAPL"), "volume"] == 1000.0
    assert len(table) == 4


def test_history_before_there_is_enough_is_shorter() -> None:
    data = two_assets().algorithm.data
    assert len(data.history("AAPL", "close", 20, "1m")) == 3
    assert len(data.window("AAPL", "close", 20)) == 3


def test_nothing_traded_gives_an_empty_history() -> None:
    run = AlgorithmRun(Script(), ("AAPL", "MSFT"))
    data = run.algorithm.data
    assert len(data.history("AAPL", "close", 5, "1m")) == 0
    assert len(data.history("AAPL", "close", 5, "1d")) == 0
    assert data.history(["AAPL", "MSFT"], "price", 5, "1m").empty


def test_a_window_is_a_plain_array() -> None:
    window = two_assets().algorithm.data.window("AAPL", "close", 2)
    assert isinstance(window, np.ndarray)
    assert window.dtype == np.float64
    assert window.tolist() == [102.0, 103.0]


@pytest.mark.covers("B173")
def test_daily_history_ends_with_today_so_far() -> None:
    run = AlgorithmRun(Script())
    run.open(0)
    run.bars(100)
    run.bars((101, 105, 95, 103, 10))
    run.close()
    run.open(1)
    run.bars((110, 112, 109, 111, 7))
    table = run.algorithm.data.history("AAPL", ["open", "high", "low", "close", "volume"], 5, "1d")
    assert table.to_numpy().tolist() == [[100, 105, 95, 103, 1010], [110, 112, 109, 111, 7]]
    assert [day.isoformat() for day in table.index] == ["2024-01-02T00:00:00+00:00", "2024-01-03T00:00:00+00:00"]
    assert run.algorithm.data.history("AAPL", "close", 1, "1d").tolist() == [111.0]


def test_daily_bars_are_their_own_history() -> None:
    run = AlgorithmRun(Script(), daily=True)
    for day, price in enumerate((100, 101, 102)):
        run.open(day)
        run.bars(price)
        run.close()
    data = run.algorithm.data
    assert data.history("AAPL", "close", 2, "1d").tolist() == [101.0, 102.0]
    assert data.window("AAPL", "close", 2).tolist() == [101.0, 102.0]
    assert data.current("AAPL", "close") == 102.0
    with pytest.raises(AlgorithmError, match="no bars of '1m' in this run; it has 1d"):
        data.history("AAPL", "close", 2, "1m")


def test_a_strategy_on_longer_bars_sees_those_and_the_base_bars() -> None:
    seen: list[float] = []

    def step(self: Script, context: Any, data: Any) -> None:
        seen.extend((data.current("AAPL", "open"), data.current("AAPL", "high"), data.current("AAPL", "volume")))

    run = AlgorithmRun(Script(step=step), minutes=5)
    run.open()
    for price in range(100, 110):
        run.bars(price)
    data = run.algorithm.data
    assert seen == [100.0, 104.0, 5000.0, 105.0, 109.0, 5000.0]
    assert data.window("AAPL", "close", 5).tolist() == [104.0, 109.0]
    assert data.window("AAPL", "close", 2, "5m").tolist() == [104.0, 109.0]
    assert data.window("AAPL", "close", 2, "1m").tolist() == [108.0, 109.0]
    assert data.history("AAPL", "close", 1, "5m").index[0] == utc(run.now)


def test_bars_outside_the_session_are_not_seen() -> None:
    run = AlgorithmRun(Script())
    run.open()
    run.now -= 2 * NS_PER_MINUTE
    run.bars(90)
    assert len(run.algorithm.data.window("AAPL", "close", 5)) == 0
    assert "handle_data" not in run.algorithm.calls
    run.now = OPEN
    run.bars(100)
    assert run.algorithm.data.window("AAPL", "close", 5).tolist() == [100.0]


@pytest.mark.covers("B173")
def test_an_asset_can_be_traded_with_a_price_in_its_open_market() -> None:
    run = AlgorithmRun(Script(setup=lambda self, context: self.set_asset_restrictions(["TSLA"], "log")), ("AAPL", "MSFT", "TSLA"))
    run.open()
    run.bars({"AAPL": 100, "TSLA": 200})
    data = run.algorithm.data
    assert dict(data.can_trade(run.algorithm.assets)) == {"AAPL": True, "MSFT": False, "TSLA": False}
    run.engine.handle(TradingStatus(run.now, "AAPL", True, "news"))
    assert data.can_trade("AAPL") is False


def test_another_market_is_traded_only_while_it_is_open() -> None:
    run = AlgorithmRun(Script(), ("BTC/USD", "AAPL"))
    run.phase("session_open", utc_day(0))
    run.open()
    run.bars({"BTC/USD": 40000, "AAPL": 100})
    data = run.algorithm.data
    assert data.can_trade("AAPL") is True
    run.close()
    run.now = run.session.close_time + 60 * NS_PER_MINUTE
    run.bars({"BTC/USD": 40000})
    assert data.can_trade("AAPL") is False
    assert data.can_trade("BTC/USD") is True


def test_before_the_open_an_asset_counts_as_tradable() -> None:
    seen: list[bool] = []

    class Early(Script):
        def before_trading_start(self, context: Any, data: Any) -> None:
            seen.append(data.can_trade("AAPL"))

    run = AlgorithmRun(Early())
    run.open(0)
    run.bars(100)
    run.close()
    run.phase("pre_open", session_of(1))
    assert seen == [True]


def test_before_the_open_another_market_has_to_be_open_already() -> None:
    seen: list[bool] = []

    class Early(Script):
        def before_trading_start(self, context: Any, data: Any) -> None:
            seen.append(data.can_trade("VOD"))

    run = AlgorithmRun(Early(), instruments=[equity("AAPL"), equity("VOD", calendar="XLON")])
    london = Session("XLON", "day 0", OPEN - 6 * 60 * NS_PER_MINUTE, OPEN + 120 * NS_PER_MINUTE)
    run.phase("session_open", london)
    run.bars({"VOD": 100})
    run.phase("pre_open", session_of(0))
    run.open(0)
    run.phase("session_close", london)
    run.close()
    run.phase("pre_open", session_of(1))
    assert seen == [True, False]


@pytest.mark.covers("B173")
def test_stale_is_what_traded_before_but_not_now() -> None:
    run = AlgorithmRun(Script(), ("AAPL", "MSFT", "TSLA"))
    run.open()
    run.bars({"AAPL": 100, "MSFT": 50})
    run.bars({"AAPL": 100})
    assert dict(run.algorithm.data.is_stale(run.algorithm.assets)) == {"AAPL": False, "MSFT": True, "TSLA": False}


def test_indicators_are_updated_before_the_strategy_is_called() -> None:
    seen: list[float] = []

    def setup(self: Script, context: Any) -> None:
        context.sma = self.indicator(SMA(2), "AAPL")

    run = AlgorithmRun(Script(setup, lambda self, context, data: seen.append(context.sma.value)))
    run.open()
    for price in (100, 102, 104):
        run.bars(price)
    assert isnan(seen[0])
    assert seen[1:] == [101.0, 103.0]
    with pytest.raises(NotAllowedNow, match=r"indicator\(\) works only in initialize"):
        run.algorithm.indicator(SMA(2), "AAPL")


def test_indicators_follow_the_bars_of_the_run() -> None:
    def setup(self: Script, context: Any) -> None:
        context.sma = self.indicator(SMA(2), "AAPL")

    run = AlgorithmRun(Script(setup), minutes=5)
    run.open()
    for price in range(100, 110):
        run.bars(price)
    assert run.algorithm.context.sma.value == (104 + 109) / 2


def test_indicators_of_the_session_start_anew_with_it() -> None:
    def setup(self: Script, context: Any) -> None:
        context.vwap = self.indicator(VWAP(), "AAPL")

    run = AlgorithmRun(Script(setup))
    run.open(0)
    run.bars(100, count=3)
    run.close()
    run.open(1)
    run.bars(200)
    assert run.algorithm.context.vwap.value == 200.0


def test_a_split_restates_what_a_strategy_looks_back_on() -> None:
    def setup(self: Script, context: Any) -> None:
        context.sma = self.indicator(SMA(2), "AAPL")

    run = AlgorithmRun(Script(setup), minutes=5)
    run.open()
    run.bars(100, count=10)
    run.engine.handle(Split(run.now, "AAPL", 4, 1))
    data = run.algorithm.data
    assert data.window("AAPL", "close", 2).tolist() == [25.0, 25.0]
    assert data.window("AAPL", "close", 2, "1m").tolist() == [25.0, 25.0]
    assert data.current("AAPL", "close") == 25.0
    assert run.algorithm.context.sma.value == 25.0


def test_an_asset_outlives_a_change_of_its_symbol() -> None:
    run = AlgorithmRun(Script(), ("FB",))
    run.open()
    run.bars(100)
    run.engine.handle(SymbolChange(run.now, "FB", "META"))
    run.bars({"META": 101})
    algorithm = run.algorithm
    assert algorithm.symbol("META") == algorithm.symbol("FB")
    assert algorithm.symbol("FB").instrument.symbol == "META"
    assert algorithm.data.current("FB", "price") == 101.0
    assert algorithm.data.current("META", "price") == 101.0


@pytest.mark.parametrize(
    ("opens", "date"),
    [(datetime(2024, 1, 2, 23, tzinfo=UTC), "2024-01-03"), (datetime(2024, 1, 2, 14, 30, tzinfo=UTC), "2024-01-02")],
)
def test_a_session_that_opens_in_the_evening_belongs_to_the_next_day(opens: datetime, date: str) -> None:
    run = AlgorithmRun(Script())
    run.open()
    run.bars(100)
    day = run.engine.state.tracks[0].day
    assert day is not None
    day.open_time = int(opens.timestamp()) * 10**9
    assert str(run.algorithm.data.history("AAPL", "close", 1, "1d").index[0].date()) == date
