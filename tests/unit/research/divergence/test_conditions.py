"""What happened around a session, from its events."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from algotrader.core.engine import Engine
from algotrader.core.events import ConnectionChanged, EntryGate, Event, OperatorCommand, RiskChanged, SystemError, TradingStatus
from algotrader.core.instruments import equity
from algotrader.core.market import NS_PER_MINUTE, nanoseconds
from algotrader.research.divergence.conditions import CLOSED, CUT_OFF, DISABLED, DOWN, HALTED, INSTRUMENT, RISK, Conditions

START = nanoseconds(datetime(2024, 3, 4, 14, 0, tzinfo=UTC))


def at(minute: int) -> int:
    return START + minute * NS_PER_MINUTE


def gathered(*events: Event, before: Event | None = None) -> Conditions:
    engine = Engine([equity("AAPL")])
    if before is not None:
        engine.handle(before)
    found = Conditions(engine, START)
    for event in events:
        engine.handle(event)
        found.take(event, event.time, engine)
        found.passed(event.time)
    return found


CASES = [
    (
        HALTED,
        "",
        [OperatorCommand(at(3), "halt", "ann", "news"), OperatorCommand(at(5), "resume", "ann", "over")],
        "halted by a person (news) from 14:03:00 to 14:05:00",
    ),
    (HALTED, "", [OperatorCommand(at(3), "reduce", "ann", "news")], "reducing by a person (news) from 14:03:00 to the end"),
    (HALTED, "", [SystemError(at(3), "Disk", "full", "critical")], "halted after a failure (Disk) from 14:03:00 to the end"),
    (
        DOWN,
        "",
        [
            EntryGate(at(1), open=True, reason="running"),
            EntryGate(at(5), open=False, reason="starting"),
            EntryGate(at(6), open=True),
        ],
        "the session was down from 14:01:00 to 14:06:00",
    ),
    (
        DOWN,
        "",
        [
            EntryGate(at(3), open=False, reason="lunch"),
            EntryGate(at(5), open=False, reason="starting"),
            EntryGate(at(6), open=True),
        ],
        "the session was stopped (lunch) from 14:03:00 to 14:06:00",
    ),
    (
        CUT_OFF,
        "",
        [ConnectionChanged(at(3), "paper", connected=False), ConnectionChanged(at(4), "paper", connected=True)],
        "the order stream was lost from 14:03:00 to 14:04:00",
    ),
    (INSTRUMENT, "AAPL", [TradingStatus(at(3), "AAPL", True, "LULD")], "AAPL was halted at its venue from 14:03:00 to the end"),
    (CLOSED, "AAPL", [OperatorCommand(at(3), "close", "ann", "news", "AAPL")], "closed by a person (news) at 14:03:00"),
    (CLOSED, "AAPL", [OperatorCommand(at(3), "flatten", "shutdown", "stop")], "closed by shutdown (stop) at 14:03:00"),
    (
        CLOSED,
        "AAPL",
        [OperatorCommand(at(3), "reduce_position", "ann", "news", "AAPL", quantity_raw=5)],
        "reduced by a person (news) at 14:03:00",
    ),
    (
        CLOSED,
        "AAPL",
        [OperatorCommand(at(3), "restop", "ann", "news", "AAPL", stop_raw=5)],
        "its stop was moved by a person (news) at 14:03:00",
    ),
    (
        DISABLED,
        "one",
        [OperatorCommand(at(3), "disable", "ann", "odd", owner="one")],
        "one was switched off by a person from 14:03:00 to the end",
    ),
    (RISK, "", [RiskChanged(at(3), (("max_position", "0.1"),))], "limits were changed by a person (max_position 0.1) at 14:03:00"),
]


@pytest.mark.parametrize(("kind", "subject", "events", "words"), CASES)
def test_spells_in_words(kind: str, subject: str, events: list[Event], words: str) -> None:
    found = gathered(*events).find(kind, at(0), at(60), subject)
    assert found is not None
    assert found.text() == words


def test_a_spell_counts_only_at_its_time_and_for_its_subject() -> None:
    found = gathered(TradingStatus(at(3), "AAPL", True, "LULD"), TradingStatus(at(5), "AAPL", False))
    assert found.find(INSTRUMENT, at(0), at(2), "AAPL") is None
    assert found.find(INSTRUMENT, at(6), at(9), "AAPL") is None
    assert found.find(INSTRUMENT, at(5), at(9), "AAPL") is not None
    assert found.find(INSTRUMENT, at(4), at(4), "TSLA") is None


def test_what_lasts_since_before_the_day_is_known() -> None:
    found = gathered(OperatorCommand(at(9), "resume", "ann", "over"), before=OperatorCommand(at(-100), "halt", "ann", "news")).find(
        HALTED, at(1), at(2)
    )
    assert found is not None
    assert found.text() == "halted since before the day to 14:09:00"
