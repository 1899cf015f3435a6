"""Commands on their way to a venue: what leaves when, and which events follow from what came back."""

from __future__ import annotations

import asyncio

import pytest
from executor_rig import ExecutorRig, with_rig
from scripted_broker import (
    AAPL,
    ANSWER_LOST,
    BROKEN,
    LOST,
    MUTE,
    MUTE_BUT_DONE,
    NOT_ALLOWED,
    NOT_SENT,
    REFUSED,
    SLOW,
    START,
    THROTTLED,
    ScriptedBroker,
    cancel,
    change,
    stop,
    submit,
)

from algotrader.core.commands import ApprovedOrder, Command, NotApproved, RequestBars, RiskSeal, SubmitOrder
from algotrader.core.events import Event, SystemError
from algotrader.core.orders import OrderRequest, OrderState, OrderType, Side
from algotrader.core.risk import approve
from algotrader.live.clock import SystemClock
from algotrader.live.enquiry import Enquiry
from algotrader.live.executor import Executor
from algotrader.live.kernel import Outgoing
from algotrader.live.rate_limit import RateLimit
from algotrader.live.venue_calls import VenueCalls

SUBMITTED = "OrderSubmitted a1"
ACCEPTED = "OrderAccepted a1 v-a1"


async def _one(rig: ExecutorRig, command: Command, faults: list[str], kind: str = "submit", code: str = "buying_power") -> None:
    rig.broker.script(kind, *faults, code=code)
    rig.take(command)
    await rig.executor.drain(300)


@pytest.mark.covers("A37", "A165", "A166", "A167", "B92", "B93", "B97", "C18", "B23")
@pytest.mark.parametrize(
    ("faults", "events", "times"),
    [
        ([], [SUBMITTED, ACCEPTED], [0]),
        ([NOT_SENT], [SUBMITTED, ACCEPTED], [0, 1]),
        ([NOT_SENT] * 2, [SUBMITTED, ACCEPTED], [0, 1, 2]),
        ([NOT_SENT] * 3, ["SubmitFailed a1"], [0, 1, 2]),
        ([THROTTLED], [SUBMITTED, ACCEPTED], [0, 2]),
        ([THROTTLED] * 2, ["SubmitFailed a1"], [0, 2]),
        ([REFUSED], [SUBMITTED, "OrderReject a1 buying_power"], [0]),
        ([NOT_ALLOWED], ["SystemError venue_not_allowed", SUBMITTED, "OrderReject a1"], [0]),
        ([LOST], [SUBMITTED, "OrderFateUnknown a1"], [0]),
        ([ANSWER_LOST], [SUBMITTED, "OrderFateUnknown a1"], [0]),
        ([NOT_SENT, LOST], [SUBMITTED, "OrderFateUnknown a1"], [0, 1]),
        ([BROKEN], ["SystemError venue_fault", SUBMITTED, "OrderFateUnknown a1"], [0]),
    ],
)
def test_what_follows_from_the_answer_to_a_new_order(faults: list[str], events: list[str], times: list[float]) -> None:
    async def test(rig: ExecutorRig) -> None:
        await _one(rig, submit("a1"), faults)
        assert rig.words()[: len(events)] == events
        assert rig.broker.seconds("submit") == times

    with_rig(test)


@pytest.mark.covers("B97", "A172", "B32")
@pytest.mark.parametrize("fault", [MUTE, MUTE_BUT_DONE])
def test_a_submission_without_an_answer_is_unknown_after_thirty_seconds(fault: str) -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("submit", fault)
        rig.take(submit("a1"))
        await rig.later(0.9)
        assert rig.words() == []
        await rig.later(0.2)
        assert rig.words() == [SUBMITTED]
        await rig.later(28.8)
        assert rig.words() == [SUBMITTED]
        await rig.later(0.2)
        assert rig.words()[:2] == [SUBMITTED, "OrderFateUnknown a1"]

    with_rig(test)


def test_an_order_told_as_submitted_comes_back_to_never_sent_by_way_of_unknown() -> None:
    async def test(rig: ExecutorRig) -> None:
        async def slow_to_fail(command: object) -> None:
            await rig.clock.sleep(5)
            await ScriptedBroker.submit(rig.broker, submit("a1"))

        rig.broker.script("submit", for_ever=NOT_SENT)
        rig.broker.submit = slow_to_fail  # type: ignore[method-assign,assignment]
        rig.take(submit("a1"))
        await rig.executor.drain(60)
        assert rig.words() == [SUBMITTED, "OrderFateUnknown a1", "SubmitFailed a1"]

    with_rig(test)


def test_an_answer_that_tells_of_the_end_is_believed() -> None:
    async def test(rig: ExecutorRig) -> None:
        def ends(*_: object) -> None:
            ScriptedBroker._accept(rig.broker, submit("a1"))
            rig.broker.end("a1", OrderState.EXPIRED)

        rig.broker._accept = ends  # type: ignore[method-assign,assignment]
        rig.take(submit("a1"))
        await rig.executor.drain(60)
        assert rig.words() == [SUBMITTED, "OrderExpired a1"]

    with_rig(test)


@pytest.mark.covers("A38")
def test_an_entry_and_its_stop_are_one_request() -> None:
    async def test(rig: ExecutorRig) -> None:
        request = OrderRequest("a1", AAPL, Side.BUY, OrderType.MARKET, 100, stop_loss_raw=980_000)
        rig.take(SubmitOrder("a1", approve(request)))
        await rig.executor.drain(5)
        assert [(kind, name) for _, kind, name in rig.broker.log] == [("submit", "a1")]
        assert rig.broker.asked["a1"] is request

    with_rig(test)


@pytest.mark.covers("A39", "A168")
@pytest.mark.parametrize(
    ("faults", "code", "events", "tries"),
    [
        ([], "", [], 1),
        ([NOT_SENT] * 3, "", [], 4),
        ([NOT_SENT] * 4, "", ["CancelRejected a1"], 4),
        ([LOST, LOST], "", [], 3),
        ([LOST] * 4, "", ["OrderFateUnknown a1"], 4),
        ([LOST, NOT_SENT, NOT_SENT, NOT_SENT], "", ["OrderFateUnknown a1"], 4),
        ([REFUSED], "halted", ["CancelRejected a1"], 1),
    ],
)
def test_what_follows_from_the_answer_to_a_cancel(faults: list[str], code: str, events: list[str], tries: int) -> None:
    async def test(rig: ExecutorRig) -> None:
        await _one(rig, submit("a1"), [])
        rig.told.clear()
        await _one(rig, cancel("a1"), faults, "cancel", code)
        assert rig.words()[: len(events)] == events
        assert len(rig.words()) == len(events) or "Unknown" in rig.words()[0]
        assert len(rig.broker.requests("cancel")) == tries

    with_rig(test)


@pytest.mark.covers("A168")
@pytest.mark.parametrize(
    ("filled", "state", "events"),
    [
        (0, OrderState.CANCELED, ["OrderCancel a1"]),
        (100, OrderState.FILLED, ["OrderFill a1 f1 100"]),
        (40, OrderState.CANCELED, ["OrderFill a1 f1 40", "OrderCancel a1"]),
    ],
)
def test_a_refused_cancel_looks_how_the_order_stands(filled: int, state: OrderState, events: list[str]) -> None:
    async def test(rig: ExecutorRig) -> None:
        await _one(rig, submit("a1"), [])
        rig.told.clear()
        if filled:
            rig.broker.fill("a1", filled)
        if state is not OrderState.FILLED:
            rig.broker.end("a1", state)
        rig.take(cancel("a1"))
        await rig.executor.drain(60)
        assert rig.words() == events
        assert rig.answered == [(1, 0), (2, 0)]

    with_rig(test)


@pytest.mark.covers("A44")
@pytest.mark.parametrize(
    ("faults", "code", "events"),
    [
        ([], "", ["OrderReplaced a1 a1-r1"]),
        ([NOT_SENT], "", ["OrderReplaced a1 a1-r1"]),
        ([NOT_SENT] * 3, "", ["ReplaceRejected a1-r1"]),
        ([REFUSED], "through_market", ["ReplaceRejected a1-r1 through_market"]),
        ([LOST], "", ["OrderFateUnknown a1-r1"]),
    ],
)
def test_what_follows_from_the_answer_to_a_replacement(faults: list[str], code: str, events: list[str]) -> None:
    async def test(rig: ExecutorRig) -> None:
        await _one(rig, stop("a1"), [])
        rig.told.clear()
        await _one(rig, change("a1", "a1-r1"), faults, "replace", code)
        assert rig.words()[:1] == events

    with_rig(test)


def test_requests_about_one_order_stay_in_order_and_others_do_not_wait() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("submit", NOT_SENT, NOT_SENT)
        rig.take(submit("a1"), change("a1", "a1-r1"), cancel("a1-r1"), submit("a2"))
        await rig.executor.drain(60)
        assert [(kind, name) for _, kind, name in rig.broker.log] == [
            ("submit", "a1"),
            ("submit", "a2"),
            ("submit", "a1"),
            ("submit", "a2"),
            ("replace", "a1-r1"),
            ("cancel", "a1-r1"),
        ]

    with_rig(test)


def test_a_late_answer_holds_up_the_next_request_for_two_seconds_only() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("submit", MUTE_BUT_DONE)
        rig.take(stop("a1"))
        await rig.later(5)
        rig.take(change("a1", "a1-r1"))
        await rig.later(3)
        assert rig.broker.seconds("replace") == [7]
        await rig.later(60)
        assert rig.broker.requests("submit")[0] == "a1"

    with_rig(test)


def test_the_stream_may_be_faster_than_the_answer() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("submit", MUTE_BUT_DONE)
        rig.take(submit("a1"))
        await rig.later(5)
        rig.settled.append("a1")
        await rig.later(60)
        assert rig.words() == [SUBMITTED]
        assert rig.answered == [(1, 0)]

    with_rig(test)


@pytest.mark.covers("A172")
def test_a_command_is_marked_as_sent_when_it_leaves_and_as_answered_after_its_events() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("submit", SLOW, seconds=4)
        rig.take(submit("a1"), submit("a2"))
        assert (rig.sent, rig.broker.log) == ([], [])
        await rig.later(1)
        assert (rig.sent, rig.answered) == ([(1, 0), (2, 0)], [(2, 0)])
        await rig.later(4)
        assert rig.answered == [(2, 0), (1, 0)]

    with_rig(test)


def test_wishes_for_bars_go_to_the_feed() -> None:
    async def test(rig: ExecutorRig) -> None:
        wish = RequestBars("", "AAPL", START, START + 60)
        rig.take(wish)
        assert rig.bars == [wish]
        assert (rig.sent, rig.answered, len(rig.executor)) == ([(1, 0)], [(1, 0)], 0)

    with_rig(test)


@pytest.mark.covers("A172")
def test_only_so_many_requests_are_out_at_once_and_a_part_is_kept_for_exits() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("submit", for_ever=SLOW, seconds=10)
        rig.take(*[submit(f"a{i}") for i in range(6)], stop("s1"))
        await rig.later(1)
        assert rig.broker.requests("submit") == ["a0", "a1", "a2", "s1"]
        rig.take(cancel("a0"))
        await rig.later(60)
        assert rig.broker.log[4][1:] == ("cancel", "a0")
        assert rig.broker.most_at_once == 4
        assert len(rig.broker.worked) == 7

    with_rig(test, limit=RateLimit(at_once=4, kept=0.25))


@pytest.mark.covers("A109")
def test_what_is_on_its_way_is_waited_for_and_then_named() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("submit", SLOW, MUTE, seconds=3)
        rig.take(submit("a1"), submit("a2"))
        assert await rig.executor.drain(5) == ["a2"]
        assert rig.seconds == 5
        assert await rig.executor.close(1) == ["a2"]
        assert rig.answered == [(1, 0)]
        with pytest.raises(RuntimeError, match="closed"):
            rig.take(submit("a3"))

    with_rig(test)


def test_cancelling_whoever_gave_the_command_or_waits_for_it_does_not_touch_it() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("submit", SLOW, seconds=3)

        async def consumer() -> None:
            rig.take(submit("a1"))
            await rig.executor.drain(60)

        task = asyncio.create_task(consumer())
        await rig.later(1)
        task.cancel()
        await rig.later(3)
        assert rig.words() == [SUBMITTED, ACCEPTED]

    with_rig(test)


@pytest.mark.covers("B95", "B96", "B98", "C39", "C40")
def test_a_failing_venue_gets_no_entries_but_exits_and_cancels() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.take(stop("s0"))
        rig.broker.script("submit", for_ever=NOT_SENT)
        rig.take(submit("a1"), submit("a2"))
        await rig.later(5)
        told = [event.message for event in rig.told if isinstance(event, SystemError)]
        assert told == ["the venue guard is open"]
        rig.told.clear()
        rig.broker.script("submit")
        rig.take(submit("a3"), stop("s1"), cancel("s0"))
        await rig.executor.drain(5)
        assert rig.words()[0] == "SubmitFailed a3"
        assert "guard" in getattr(rig.told[0], "reason", "")
        assert rig.broker.requests("submit")[-1] == "s1"
        assert rig.broker.requests("cancel") == ["s0"]
        await rig.later(60)
        rig.take(submit("a4"), submit("a5"))
        await rig.executor.drain(5)
        assert rig.broker.worked[-2:] == ["a4", "a5"]
        assert rig.calls.guard.state == "closed"

    with_rig(test)


@pytest.mark.covers("C18", "C41")
def test_only_risk_control_makes_what_the_executor_takes() -> None:
    request = submit("a1").request
    with pytest.raises(NotApproved):
        ApprovedOrder(request, RiskSeal("somebody"))


def test_a_mistake_of_ours_is_told() -> None:
    async def test(rig: ExecutorRig) -> None:
        def breaks(command: object) -> bool:
            raise ZeroDivisionError("a mistake")

        rig.executor._opens = breaks  # type: ignore[misc]
        rig.take(submit("a1"))
        await rig.executor.drain(5)
        assert rig.words() == ["SystemError task_fault"]

    with_rig(test)


@pytest.mark.covers("C51")
def test_a_command_is_at_the_broker_within_milliseconds() -> None:
    async def main() -> list[float]:
        clock, events = SystemClock(), list[Event]()
        broker = ScriptedBroker(clock)
        calls = VenueCalls(clock, events.append)

        def mark(key: tuple[int, int], time: int) -> None:
            return

        enquiry = Enquiry(broker, clock, events.append, mark, calls=calls, healthy_since=clock.now)
        executor = Executor(broker, clock, events.append, mark, mark, calls=calls, enquiry=enquiry, request_bars=lambda wish: None)
        waited = []
        for i in range(300):
            taken = clock.now()
            executor.take(Outgoing(i, 0, submit(f"a{i}")))
            await executor.drain(5)
            waited.append((broker.log[-1][0] - taken) / 1e6)
        return sorted(waited)

    waited = asyncio.run(main())
    assert waited[len(waited) * 99 // 100] < 50
