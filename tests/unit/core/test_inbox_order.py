"""Which waiting event is handled next."""

from __future__ import annotations

import pytest

from algotrader.core.events import (
    CashMovement,
    ConnectionChanged,
    Event,
    MarketData,
    OperatorCommand,
    OrderAccepted,
    OrderCancel,
    OrderFill,
    ScheduledTrigger,
    SliceClosed,
    SystemError,
)
from algotrader.core.inbox_order import EventQueue
from algotrader.core.instruments import equity
from algotrader.core.market import TradeTick

AAPL = equity("AAPL")


def taken(events: list[Event]) -> list[Event]:
    queue = EventQueue()
    for event in events:
        queue.push(event)
    return [queue.pop().event for _ in events]


@pytest.mark.covers("B10", "B5", "B6", "B7", "B8", "B9")
def test_lower_lanes_go_first_however_old_the_others_are() -> None:
    market = MarketData(1, tick=TradeTick(AAPL, 1, 100, 1))
    timer = ScheduledTrigger(2, "timer", 2)
    cash = CashMovement(3)
    fill = OrderFill(4, "a1", "f1", "AAPL", price_raw=1, quantity_raw=1)
    error = SystemError(5)
    assert taken([market, timer, cash, fill, error]) == [error, fill, cash, timer, market]


@pytest.mark.covers("B10")
def test_within_a_lane_the_older_goes_first_then_the_earlier_arrival() -> None:
    late, early, same = SliceClosed(9), SliceClosed(3), MarketData(3, tick=TradeTick(AAPL, 3, 100, 1))
    assert taken([late, early, same]) == [early, same, late]


@pytest.mark.covers("B10")
def test_order_events_keep_the_order_of_their_arrival_whatever_the_venues_clock_says() -> None:
    events: list[Event] = [
        OrderAccepted(9, "a1"),
        OrderFill(5, "a1", "f1", "AAPL", price_raw=1, quantity_raw=1),
        OrderCancel(1, "a1"),
    ]
    assert taken(events) == events


def test_engine_time_never_goes_back_and_numbers_go_up_by_one() -> None:
    queue = EventQueue(sequence=7, time=100)
    for event in (SliceClosed(90), SliceClosed(120), ConnectionChanged(80)):
        queue.push(event)
    stamps = [queue.pop() for _ in range(3)]
    assert [(s.sequence, s.time, s.event.time) for s in stamps] == [(8, 100, 80), (9, 100, 90), (10, 120, 120)]


def test_the_callers_clock_stands_in_for_the_venues() -> None:
    queue = EventQueue()
    queue.push(OrderAccepted(10**18, "a1"))
    queue.push(OrderAccepted(1, "a2"))
    assert [queue.pop(now).time for now in (50, 40)] == [50, 50]


def test_an_operator_overtakes_a_full_queue() -> None:
    queue = EventQueue()
    for number in range(100):
        queue.push(OrderAccepted(number, f"a{number}"))
    queue.push(OperatorCommand(10**9, "halt", "Ada", "stop it"))
    assert isinstance(queue.pop().event, OperatorCommand)
    assert len(queue) == 100


def test_an_empty_queue_says_so() -> None:
    with pytest.raises(IndexError):
        EventQueue().pop()
