"""Unknown fates: what is asked when, what is sent again, and what counts as proof."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from executor_rig import ExecutorRig, with_rig
from scripted_broker import (
    ANSWER_LOST,
    ARRIVES_LATE,
    LOST,
    NOT_SENT,
    REFUSED,
    START,
    cancel,
    change,
    stop,
    submit,
)

from algotrader.core.commands import Command, ReplaceOrder, RequestBars
from algotrader.core.market import NS_PER_SECOND
from algotrader.core.orders import Leg, Order, OrderRole, OrderState
from algotrader.live.enquiry import ABOUT_ORDER, Question
from algotrader.storage.records import OutboxEntry

FATE = ["OrderSubmitted a1", "OrderFateUnknown a1"]


@pytest.mark.covers("A40", "A160", "C20")
@pytest.mark.parametrize(
    ("filled", "state", "events"),
    [
        (0, OrderState.ACCEPTED, ["OrderAccepted a1 v-a1"]),
        (0, OrderState.SUBMITTED, ["OrderAccepted a1 v-a1"]),
        (40, OrderState.PARTIALLY_FILLED, ["OrderFill a1 f1 40", "OrderAccepted a1 v-a1"]),
        (100, OrderState.FILLED, ["OrderFill a1 f1 100"]),
        (40, OrderState.CANCELED, ["OrderFill a1 f1 40", "OrderCancel a1"]),
        (0, OrderState.CANCELED, ["OrderCancel a1"]),
        (0, OrderState.EXPIRED, ["OrderExpired a1"]),
        (0, OrderState.REJECTED, ["OrderReject a1"]),
    ],
)
def test_a_positive_answer_becomes_the_events_that_say_so(filled: int, state: OrderState, events: list[str]) -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("submit", ANSWER_LOST)
        rig.broker.script("order", LOST, for_ever="fine")
        rig.take(submit("a1"))
        await rig.later(0.05)
        assert rig.enquiry.open == ["a1"]
        assert rig.answered == []
        if filled:
            rig.broker.fill("a1", filled)
        if state is not OrderState.FILLED:
            rig.broker.end("a1", state)
        await rig.later(0.2)
        assert rig.words() == [*FATE, *events]
        assert (rig.enquiry.open, rig.answered) == ([], [(1, 0)])
        assert rig.broker.requests("submit") == ["a1"]

    with_rig(test)


@pytest.mark.covers("A165", "A160")
def test_absence_is_proven_by_two_denials_ten_seconds_apart() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("submit", LOST)
        rig.take(submit("a1"))
        await rig.later(9.9)
        assert rig.words() == FATE
        await rig.later(0.2)
        assert rig.words() == [*FATE, "SubmitFailed a1"]
        assert rig.broker.seconds("order") == [0, 10]
        assert rig.answered == [(1, 0)]
        assert rig.broker.requests("submit") == ["a1"]

    with_rig(test)


def test_denials_that_follow_each_other_quickly_are_one() -> None:
    async def test(rig: ExecutorRig) -> None:
        question = Question(ABOUT_ORDER, "a1", "AAPL", START)
        proven = []
        for pause in (0, 5, 4.9, 0.1):
            await rig.later(pause)
            proven.append(await rig.enquiry._round(question))
        assert proven == [False, False, False, True]

    with_rig(test)


def test_an_order_that_arrives_between_two_denials_is_found() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("submit", ARRIVES_LATE, seconds=8)
        rig.take(submit("a1"))
        await rig.later(11)
        assert rig.words() == [*FATE, "OrderAccepted a1 v-a1"]

    with_rig(test)


@pytest.mark.parametrize(("down", "back", "after"), [(5.0, 7.0, 20.0), (5.0, 0.0, 0.0), (-1.0, 3.0, 13.0)])
def test_denials_count_only_while_the_stream_is_healthy(down: float, back: float, after: float) -> None:
    """The stream breaks and comes back at these seconds; absence is proven not before the last."""

    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("submit", LOST)
        if down < 0:
            rig.healthy = 0
        rig.take(submit("a1"))
        await rig.later(max(down, 0))
        rig.healthy = 0
        if back:
            await rig.later(back - rig.seconds)
            rig.healthy = rig.clock.now()
        await rig.later((after or 300) - rig.seconds - 0.1)
        assert rig.words() == FATE
        if after:
            await rig.later(8)
            assert rig.words() == [*FATE, "SubmitFailed a1"]

    with_rig(test)


def test_a_fill_in_the_records_outweighs_a_denial() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("submit", ANSWER_LOST)
        rig.broker.fills_at_once = 100
        rig.take(submit("a1"))
        await rig.later(0)
        kept = rig.broker.orders.pop("a1")
        await rig.later(60)
        assert rig.words() == [*FATE, "OrderFill a1 f1 100"]
        assert rig.enquiry.open == ["a1"]
        rig.broker.orders["a1"] = kept
        await rig.later(60)
        assert rig.enquiry.open == []
        assert rig.words() == [*FATE, "OrderFill a1 f1 100"]

    with_rig(test)


def test_questions_go_on_with_longer_and_longer_waits() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("submit", ANSWER_LOST)
        rig.broker.script("order", for_ever=NOT_SENT)
        rig.take(submit("a1"))
        await rig.later(600)
        times = rig.broker.seconds("order")
        assert [round(b - a, 1) for a, b in pairwise(times)][:12] == [
            0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0, 30.0,
        ]  # fmt: skip
        rig.broker.script("order")
        await rig.later(30)
        assert rig.words()[-1] == "OrderAccepted a1 v-a1"

    with_rig(test)


@pytest.mark.parametrize(
    ("make", "faults", "events", "sendings"),
    [
        (stop, [LOST], ["OrderAccepted a1 v-a1"], 2),
        (stop, [ANSWER_LOST], ["OrderAccepted a1 v-a1"], 2),
        (stop, [LOST, LOST, LOST], ["OrderAccepted a1 v-a1"], 4),
        (stop, [LOST, REFUSED], ["OrderAccepted a1 v-a1"], 3),
        (stop, [LOST, ANSWER_LOST], ["OrderAccepted a1 v-a1"], 2),
        (stop, [ARRIVES_LATE], ["OrderAccepted a1 v-a1"], 2),
        (submit, [LOST], [], 1),
    ],
)
def test_protection_is_sent_again_at_once_where_ids_are_unique(
    make: Callable[[str], Command], faults: list[str], events: list[str], sendings: int
) -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("submit", *faults)
        rig.take(make("a1"))
        await rig.later(4)
        assert rig.words() == [*FATE, *events]
        assert rig.broker.requests("submit") == ["a1"] * sendings
        assert rig.broker.worked == ["a1"] * len(events)

    with_rig(test)


def test_protection_is_not_sent_again_where_ids_are_not_unique() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("submit", LOST)
        rig.take(stop("a1"))
        await rig.later(11)
        assert rig.words() == [*FATE, "SubmitFailed a1"]
        assert rig.broker.requests("submit") == ["a1"]

    with_rig(test, unique=False)


def test_an_old_protective_order_is_not_sent_again() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("submit", for_ever=LOST)
        rig.broker.script("order", for_ever=LOST)
        rig.take(stop("a1"))
        await rig.later(61)
        before = len(rig.broker.requests("submit"))
        rig.broker.script("submit")
        rig.broker.script("order")
        await rig.later(90)
        assert len(rig.broker.requests("submit")) == before
        assert rig.words()[-1] == "SubmitFailed a1"

    with_rig(test)


def test_a_refusal_as_duplicate_asks_what_the_first_sending_came_to() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker._accept(submit("a1"))
        rig.take(submit("a1"))
        await rig.later(1)
        assert rig.words() == [*FATE, "OrderAccepted a1 v-a1"]

    with_rig(test)


def test_an_order_whose_executions_are_not_listed_yet_ends_after_them() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("submit", ANSWER_LOST)
        rig.broker.hidden_fills = 2
        rig.take(submit("a1"))
        rig.broker._accept(submit("a1"))
        rig.broker.worked.clear()
        rig.broker.fill("a1", 30)
        rig.broker.fill("a1", 10)
        rig.broker.end("a1", OrderState.CANCELED)
        await rig.later(5)
        assert rig.words() == [*FATE, "OrderFill a1 f1 30", "OrderFill a1 f2 10", "OrderCancel a1"]

    with_rig(test)


def test_an_end_is_told_at_last_though_an_execution_stays_hidden() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.broker.script("submit", ANSWER_LOST)
        rig.broker.hidden_fills = 1_000
        rig.broker.fills_at_once = 10
        rig.take(submit("a1"))
        await rig.later(0)
        rig.broker.end("a1", OrderState.CANCELED)
        await rig.later(60)
        assert rig.words() == [*FATE, "OrderCancel a1"]

    with_rig(test)


@pytest.mark.covers("A168")
@pytest.mark.parametrize(
    ("prepare", "events"),
    [
        (lambda rig: None, ["OrderAccepted a1 v-a1"]),
        (lambda rig: rig.broker.end("a1", OrderState.CANCELED), ["OrderCancel a1"]),
        (lambda rig: rig.broker.fill("a1", 100), ["OrderFill a1 f1 100"]),
        (lambda rig: rig.broker._replace(change("a1", "a1-r1")), ["OrderReplaced a1 a1-r1", "OrderAccepted a1-r1 v-a1-r1"]),
        (lambda rig: rig.broker.orders.clear(), ["OrderCancel a1"]),
    ],
)
def test_a_cancel_of_unknown_fate(prepare: Callable[[ExecutorRig], None], events: list[str]) -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.take(submit("a1"))
        await rig.later(1)
        rig.told.clear()
        prepare(rig)
        rig.broker.script("cancel", for_ever=LOST)
        rig.take(cancel("a1"))
        await rig.later(15)
        assert rig.words() == ["OrderFateUnknown a1", *events]
        assert rig.answered[-1] == (2, 0)

    with_rig(test)


REPLACED = "OrderReplaced a1 a1-r1"


@pytest.mark.covers("A44")
@pytest.mark.parametrize(
    ("fault", "prepare", "events"),
    [
        (ANSWER_LOST, lambda rig: None, [REPLACED, "OrderAccepted a1-r1 v-a1-r1"]),
        (ANSWER_LOST, lambda rig: rig.broker.fill("a1-r1", 100), [REPLACED, "OrderFill a1-r1 f1 100"]),
        (ANSWER_LOST, lambda rig: rig.broker.end("a1-r1", OrderState.EXPIRED), [REPLACED, "OrderExpired a1-r1"]),
        (ANSWER_LOST, lambda rig: rig.broker.end("a1-r1", OrderState.REJECTED), ["ReplaceRejected a1-r1"]),
        (LOST, lambda rig: None, ["ReplaceRejected a1-r1"]),
        (LOST, lambda rig: rig.broker.fill("a1", 100), ["OrderFill a1 f1 100", "ReplaceRejected a1-r1"]),
        (LOST, lambda rig: rig.broker.end("a1", OrderState.EXPIRED), ["OrderExpired a1", "ReplaceRejected a1-r1"]),
        (LOST, lambda rig: rig.broker.orders.clear(), ["ReplaceRejected a1-r1", "OrderCancel a1"]),
        (ARRIVES_LATE, lambda rig: None, [REPLACED, "OrderAccepted a1-r1 v-a1-r1"]),
    ],
)
def test_a_replacement_of_unknown_fate(fault: str, prepare: Callable[[ExecutorRig], None], events: list[str]) -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.take(stop("a1"))
        await rig.later(1)
        rig.told.clear()
        rig.broker.script("replace", fault)
        rig.broker.script("order", LOST)
        rig.take(change("a1", "a1-r1"))
        await rig.later(0.05)
        prepare(rig)
        await rig.later(25)
        assert rig.words() == ["OrderFateUnknown a1-r1", *events]
        assert rig.broker.requests("replace") == ["a1-r1"]
        assert rig.answered[-1] == (2, 0)

    with_rig(test)


def test_a_replacement_that_the_venue_only_looks_at_is_asked_about_later() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.take(stop("a1"))
        await rig.later(1)
        rig.told.clear()
        make = rig.broker._replace

        def looks(command: ReplaceOrder) -> None:
            make(command)
            rig.broker.end("a1-r1", OrderState.SUBMITTED)

        rig.broker._replace = looks  # type: ignore[method-assign]
        rig.take(change("a1", "a1-r1"))
        await rig.later(7)
        assert rig.words() == []
        rig.broker.end("a1-r1", OrderState.ACCEPTED)
        await rig.later(7)
        assert rig.words() == [REPLACED, "OrderAccepted a1-r1 v-a1-r1"]

    with_rig(test)


# after a restart


def _entry(number: int, command: Command, *, sent: int = 0) -> OutboxEntry:
    return OutboxEntry(number, 0, str(number), command.client_order_id, b"", START - NS_PER_SECOND, sent)


@pytest.mark.covers("A160")
@pytest.mark.parametrize("sent", [0, START])
@pytest.mark.parametrize(
    ("make", "there", "events", "sendings"),
    [
        (submit, True, ["OrderAccepted a1 v-a1"], 0),
        (submit, False, ["SubmitFailed a1"], 0),
        (stop, True, ["OrderAccepted a1 v-a1"], 0),
        (stop, False, ["OrderAccepted a1 v-a1"], 1),
        (cancel, True, ["OrderAccepted a1 v-a1"], 0),
        (cancel, False, ["OrderCancel a1"], 0),
    ],
)
def test_after_a_restart_the_question_comes_before_any_sending(
    make: Callable[[str], Command], there: bool, events: list[str], sendings: int, sent: int
) -> None:
    async def test(rig: ExecutorRig) -> None:
        if there:
            rig.broker._accept(submit("a1"))
        command = make("a1")
        rig.enquiry.recover([_entry(7, command, sent=sent)], lambda kind, payload: command, rig.bars.append)
        await rig.later(15)
        assert rig.words() == ["OrderFateUnknown a1", *events]
        assert rig.broker.log[0][1] == "order"
        assert len(rig.broker.requests("submit")) == sendings
        assert rig.answered == [(7, 0)]

    with_rig(test)


def test_after_a_restart_bars_are_wished_for_again() -> None:
    async def test(rig: ExecutorRig) -> None:
        wish = RequestBars("", "AAPL", START, START + 60)
        rig.enquiry.recover([_entry(7, wish)], lambda kind, payload: wish, rig.bars.append)
        assert (rig.bars, rig.answered, rig.broker.log) == ([wish], [(7, 0)], [])

    with_rig(test)


def test_every_unknown_order_is_asked_about_whoever_made_it_so() -> None:
    async def test(rig: ExecutorRig) -> None:
        orders = [Order(stop(name).request, "s", OrderRole.STOP_LOSS, "c", START) for name in ("a1", "a2", "a3", "a4")]
        for order in orders[:3]:
            order.set_state(OrderState.ACCEPTED)
            order.set_state(OrderState.UNKNOWN)
        orders[1].cancel_leg = "a2"
        orders[2].pending_leg = Leg("a3-r1", 100, 0, 990_000)
        rig.broker._accept(stop("a1"))
        rig.broker._accept(stop("a3"))
        rig.enquiry.sweep(orders)
        rig.enquiry.sweep(orders)
        assert rig.enquiry.open == ["a1", "a2", "a3-r1"]
        await rig.later(15)
        assert sorted(rig.words()) == ["OrderAccepted a1 v-a1", "OrderCancel a2", "ReplaceRejected a3-r1"]
        assert rig.enquiry.open == []

    with_rig(test)


def test_closing_names_what_is_not_settled() -> None:
    async def test(rig: ExecutorRig) -> None:
        rig.enquiry.ask(Question(ABOUT_ORDER, "a1", "AAPL", START))
        await rig.later(1)
        assert await rig.executor.close(1) == ["a1"]
        await rig.later(60)
        assert rig.words() == []

    with_rig(test)
