"""Candles and indicators of the chart are those of the engine, whichever bars are missing."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algotrader.core.engine import Engine
from algotrader.core.events import MarketData, ScheduledTrigger
from algotrader.core.indicator_base import Indicator
from algotrader.core.instruments import GENERIC, equity
from algotrader.core.market import NS_PER_MINUTE, Bar, nanoseconds
from algotrader.core.risk import RiskPolicy
from algotrader.core.signal_style import SignalSlot
from algotrader.history.hours import Hours
from algotrader.server.candles import Candles, indicator_values, join
from algotrader.server.chart import drawn
from algotrader.strategies.sma_cross import SmaCross

AAPL = equity("AAPL")
OPEN = nanoseconds(datetime(2024, 3, 5, 14, 30, tzinfo=UTC))
HOURS = Hours("XNYS")


def bar(number: int, price: int) -> Bar:
    opens = OPEN + number * NS_PER_MINUTE
    return Bar(AAPL, opens, opens + NS_PER_MINUTE, price, price + 300, price - 200, price + 100, 10 + number)


def engine(minutes: int) -> tuple[Engine, SignalSlot]:
    made = Engine([AAPL], 60, RiskPolicy(), GENERIC)
    hooks = SmaCross.create("AAPL", {"fast": 3, "slow": 5})
    slot = made.add_signal_strategy("sma_cross", hooks, hooks.settings(minutes), hooks.indicators(), "AAPL")
    session = HOURS.session_at(OPEN)
    made.handle(ScheduledTrigger(OPEN, "session_open", session=session))
    return made, slot


@settings(max_examples=25, deadline=None)
@given(
    minutes=st.sampled_from([1, 2, 5]),
    steps=st.lists(st.tuples(st.integers(0, 3), st.integers(900_000, 1_100_000)), min_size=1, max_size=60),
)
def test_the_last_value_is_the_engines(minutes: int, steps: list[tuple[int, int]]) -> None:
    made, slot = engine(minutes)
    base, number = [], -1
    for skipped, price in steps:
        number += 1 + skipped
        base.append(bar(number, price))
        made.handle(MarketData(base[-1].close_time, base[-1]))
    candles = join(AAPL, base, minutes, HOURS, True)
    assert candles.complete == slot.bars
    assert sum(one.volume_raw for one in candles.bars) == sum(one.volume_raw for one in base)
    found = indicator_values(slot, candles)
    for name, indicator in zip(found, slot.indicators, strict=True):
        if math.isnan(indicator.value):
            assert found[name] == []
        else:
            assert found[name][-1] == (candles.bars[candles.complete - 1].open_time, indicator.value)


def test_the_strategy_that_trades_is_left_alone() -> None:
    made, slot = engine(1)
    base = [bar(number, 1_000_000 + number * 100) for number in range(10)]
    for one in base:
        made.handle(MarketData(one.close_time, one))
    before = [(indicator, indicator.state()) for indicator in slot.indicators]
    indicator_values(slot, join(AAPL, base[:7], 1, HOURS, True))
    assert [(indicator, indicator.state()) for indicator in slot.indicators] == before
    assert isinstance(slot.hooks, SmaCross)
    assert slot.hooks.fast is slot.indicators[0]


class Broken(SmaCross):
    """A stranger's strategy whose second one fails."""

    made = False

    def indicators(self) -> dict[str, Indicator]:
        if self.made:
            raise ZeroDivisionError("no such average")
        return super().indicators()


def test_what_cannot_be_drawn_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    made, good = engine(1)
    hooks = Broken.create("AAPL", {"fast": 3, "slow": 5})
    settings_, indicators = hooks.settings(1), hooks.indicators()
    monkeypatch.setattr(Broken, "made", True)
    broken = made.add_signal_strategy("broken", hooks, settings_, indicators, "AAPL")
    candles = join(AAPL, [bar(number, 1_000_000) for number in range(10)], 1, HOURS, True)
    found, faults = drawn([broken, good], candles, (0, 2**62))
    assert [(line.strategy, line.name) for line in found] == [("sma_cross", "fast"), ("sma_cross", "slow")]
    assert faults == ["The indicators of broken cannot be drawn: ZeroDivisionError: no such average"]


@pytest.mark.parametrize(("count", "complete", "total"), [(4, 0, 1), (5, 1, 1), (6, 1, 2)])
def test_the_candle_in_the_making_is_the_last(count: int, complete: int, total: int) -> None:
    found = join(AAPL, [bar(number, 1_000_000) for number in range(count)], 5, HOURS, True)
    assert (found.complete, len(found.bars), found.openings[0]) == (complete, total, 1)


def test_bars_outside_the_session_are_left_out_where_only_the_session_counts() -> None:
    base = [bar(number, 1_000_000) for number in range(-3, 2)]
    assert [len(join(AAPL, base, 1, HOURS, regular).bars) for regular in (True, False)] == [2, 5]
    assert join(AAPL, [], 1, HOURS, True) == Candles([], b"", 0)


def test_whole_sessions() -> None:
    base = [bar(number, 1_000_000 + number) for number in (0, 1, 389)]
    found = join(AAPL, base, 0, HOURS, True)
    assert [(one.open_raw, one.close_raw) for one in found.bars] == [(1_000_000, 1_000_489)]
    assert found.complete == 1
