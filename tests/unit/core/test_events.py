"""Events: what each must hold, which lane it goes in, and that nothing changes it afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from algotrader.core import events as e
from algotrader.core.instruments import equity
from algotrader.core.market import BadData, Bar, Quote, Session, TradeTick
from algotrader.core.orders import Side

AAPL = equity("AAPL")
DAY = Session("XNYS", "2025-11-26", 0, 100)
TICK = TradeTick(AAPL, 1, 100, 1)
QUOTE = Quote(AAPL, 1, 100, 101)
BAR = Bar(AAPL, 0, 60, 100, 110, 90, 105, 10)

EXAMPLES: list[tuple[e.Event, int]] = [
    (e.SystemError(1, "feed", "lost", "critical"), 0),
    (e.OperatorCommand(1, "halt", "Ada", "why"), 0),
    (e.ConnectionChanged(1, "SIM", False), 0),
    (e.OrderSubmitted(1, "a1"), 1),
    (e.OrderAccepted(1, "a1", "v1"), 1),
    (e.OrderReject(1, "a1", "no", "halted"), 1),
    (e.SubmitFailed(1, "a1", "no"), 1),
    (e.OrderFateUnknown(1, "a1"), 1),
    (e.OrderFill(1, "a1", "f1", "AAPL", price_raw=1, quantity_raw=1), 1),
    (e.OrderCancel(1, "a1"), 1),
    (e.OrderExpired(1, "a1"), 1),
    (e.OrderTriggered(1, "a1"), 1),
    (e.OrderReplaced(1, "a1", "a1-r1"), 1),
    (e.ReplaceRejected(1, "a1-r1"), 1),
    (e.CancelRejected(1, "a1"), 1),
    (e.FillBusted(1, "a1", "f1"), 1),
    (e.FillCorrected(1, "a1", "f1", 1, 1), 1),
    (e.OrderStillWorks(1, "a1", "v1"), 1),
    (e.EntryGate(1, open=False, reason="starting"), 0),
    (e.RiskChanged(1, (("max_daily_loss", "0.02"),)), 0),
    (e.AccountSnapshot(1, 100, 100, 100), 2),
    (e.ExternalPosition(1, "AAPL", -5, 100), 2),
    (e.PositionGone(1, "AAPL"), 2),
    (e.ForeignOrder(1, "v9", "AAPL", Side.SELL, 5), 2),
    (e.CloseExternal(1, "AAPL", "why"), 2),
    (e.BreakerRestored(1, (-5, 3)), 2),
    (e.Warmup(1), 0),
    (e.CashMovement(1, "fee", "USD", -5), 2),
    (e.Split(1, "AAPL", 2, 1), 2),
    (e.Dividend(1, "AAPL", 5), 2),
    (e.SymbolChange(1, "FB", "META"), 2),
    (e.ScheduledTrigger(1, "session_open", 1, DAY), 3),
    (e.MarketData(1, tick=TICK), 4),
    (e.SliceClosed(1), 4),
    (e.TradingStatus(1, "AAPL", True), 4),
]


@pytest.mark.covers("B5", "B6", "B7", "B8", "B9", "B14")
@pytest.mark.parametrize(("event", "lane"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_every_kind_of_event_has_its_lane(event: e.Event, lane: int) -> None:
    assert event.lane == lane


def test_every_kind_of_event_is_among_the_examples() -> None:
    found = {v for v in vars(e).values() if isinstance(v, type) and issubclass(v, e.Event)} - {e.Event, e.OrderEvent}
    assert found == {type(event) for event, _ in EXAMPLES}


@pytest.mark.covers("B11")
@pytest.mark.parametrize(("event", "lane"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_an_event_cannot_be_changed(event: e.Event, lane: int) -> None:
    """But for those that are made with every execution and session, where checking would cost too much."""
    if not isinstance(event, (e.OrderAccepted, e.OrderFill, e.ScheduledTrigger)):
        with pytest.raises((AttributeError, TypeError)):
            event.time = 2
    assert event.time == 1


def test_events_made_often_compare_and_print_like_the_others() -> None:
    first = e.OrderFill(1, "a1", "x1", "AAPL", Side.BUY, 100, 5)
    assert first == e.OrderFill(1, "a1", "x1", "AAPL", Side.BUY, 100, 5)
    assert first != e.OrderFill(1, "a1", "x1", "AAPL", Side.BUY, 101, 5)
    assert first != e.OrderAccepted(1, "a1", "x1")
    assert repr(e.OrderAccepted(1, "a1", "v1")) == "OrderAccepted(time=1, client_order_id='a1', venue_order_id='v1')"


@pytest.mark.covers("B11", "B5")
@pytest.mark.parametrize(
    ("make", "arguments", "fault"),
    [
        (e.SystemError, {"severity": "bad"}, "severity must be one of warning, error, critical"),
        (e.OperatorCommand, {"action": "panic", "reason": "x"}, "unknown operator action 'panic'"),
        (e.OperatorCommand, {"action": "halt"}, "needs a reason"),
        (e.OperatorCommand, {"action": "close", "reason": "x"}, "close needs a symbol"),
        (e.OperatorCommand, {"action": "release", "reason": "x"}, "release needs a symbol"),
        (e.OperatorCommand, {"action": "disable", "reason": "x"}, "disable needs the name of a strategy"),
        (e.OperatorCommand, {"action": "adopt", "reason": "x", "symbol": "A"}, "adopt needs a mode: protect or manage"),
        (e.OperatorCommand, {"action": "restop", "reason": "x", "stop_raw": 5}, "restop needs a symbol"),
        (e.OperatorCommand, {"action": "restop", "reason": "x", "symbol": "A"}, "restop needs a positive stop price"),
        (e.OperatorCommand, {"action": "reduce_position", "reason": "x", "symbol": "A"}, "needs a positive quantity"),
        (e.OperatorCommand, {"action": "reduce_position", "reason": "x", "symbol": "A", "quantity_raw": -5}, "positive quantity"),
        (e.RiskChanged, {"changes": (("luck", "1"),)}, "there is no limit 'luck'"),
        (e.RiskChanged, {"changes": (("max_daily_loss", "2"),)}, "must lie in 0..1"),
        (e.RiskChanged, {"changes": (("max_open_positions", "few"),)}, "'few' is not a value for max_open_positions"),
        (e.OrderFill, {"price_raw": 1, "quantity_raw": 1}, "needs the venue's execution id"),
        (e.OrderFill, {"fill_id": "f", "price_raw": 0, "quantity_raw": 1}, "must be positive"),
        (e.OrderFill, {"fill_id": "f", "price_raw": 1, "quantity_raw": -1}, "must be positive"),
        (e.FillCorrected, {"fill_id": "f", "price_raw": 1}, "must be positive"),
        (e.CashMovement, {"kind": "gift"}, "unknown cash movement 'gift'"),
        (e.Split, {"numerator": 0}, "ratio must be positive"),
        (e.Dividend, {"amount": 0}, "amount must be positive"),
        (e.ScheduledTrigger, {"trigger_type": "lunch"}, "unknown trigger 'lunch'"),
        (e.ScheduledTrigger, {"trigger_type": "session_open"}, "needs its session"),
        (e.MarketData, {}, "exactly one"),
        (e.MarketData, {"tick": TICK, "quote": QUOTE}, "exactly one"),
        (e.MarketData, {"bar": BAR}, "comes before it closes"),
        (e.MarketData, {"bar": Bar(AAPL, 0, 1, 100, 90, 95, 100, 1)}, "high is below low"),
    ],
)
def test_what_cannot_be_is_refused_when_the_event_is_made(make: Any, arguments: dict[str, Any], fault: str) -> None:
    with pytest.raises(BadData, match=fault):
        make(1, **arguments)


def test_a_bar_is_there_at_its_close() -> None:
    assert e.MarketData(60, BAR).bar is BAR
