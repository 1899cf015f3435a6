"""What is found before a session at Alpaca."""

from __future__ import annotations

from typing import Any

import pytest

from algotrader.core.market import NS_PER_SECOND, Session
from algotrader.live.alpaca_checks import (
    look_at_account,
    look_at_assets,
    look_at_clock,
    look_at_session,
    may_short,
    new_york_day,
)
from algotrader.live.checkup import FAULT, OK, WARNING
from algotrader.venues.alpaca.wire import CalendarDay, account, asset

ACCOUNT = {
    "id": "x",
    "account_number": "PA123",
    "status": "ACTIVE",
    "equity": "30000",
    "cash": "30000",
    "buying_power": "60000",
    "multiplier": "2",
    "shorting_enabled": True,
}
POOR = {"equity": "20000", "cash": "20000"}
OPEN, CLOSE = 1_709_649_000 * NS_PER_SECOND, 1_709_672_400 * NS_PER_SECOND


def findings(changes: dict[str, Any], rules: dict[str, Any] | None = None, wanted: str = "") -> list[tuple[str, str]]:
    found = look_at_account(account({**ACCOUNT, **changes}), rules or {}, wanted)
    return [(finding.name, finding.level) for finding in found]


@pytest.mark.parametrize(
    ("changes", "rules", "expected"),
    [
        ({}, {}, [("account", OK)]),
        ({"trading_blocked": True}, {}, [("account", FAULT)]),
        ({"account_blocked": True}, {}, [("account", FAULT)]),
        ({"trade_suspended_by_user": True}, {}, [("account", FAULT)]),
        ({"status": "ACCOUNT_CLOSED"}, {}, [("account", FAULT)]),
        ({"pattern_day_trader": True}, {}, [("account", OK)]),
        ({**POOR, "pattern_day_trader": True}, {}, [("account", OK), ("day trades", WARNING)]),
        ({**POOR, "daytrade_count": 2}, {}, [("account", OK)]),
        ({**POOR, "daytrade_count": 3}, {}, [("account", OK), ("day trades", WARNING)]),
        ({**POOR, "daytrade_count": 3, "multiplier": "1"}, {}, [("account", OK)]),
        ({}, {"no_shorting": True}, [("account", OK), ("shorts", OK)]),
        ({"shorting_enabled": False}, {}, [("account", OK), ("shorts", OK)]),
        ({"multiplier": "1", "cash_withdrawable": "100"}, {}, [("account", OK), ("account", WARNING)]),
        ({"multiplier": "1", "cash_withdrawable": "30000"}, {}, [("account", OK)]),
    ],
)
def test_the_account(changes: dict[str, Any], rules: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert findings(changes, rules) == expected


def test_the_live_account_has_to_be_the_one_that_was_named() -> None:
    assert findings({}, {}, "PA123") == [("account", OK)]
    assert findings({}, {}, "987654")[0] == ("account", FAULT)


def test_shorts_need_the_right_and_no_wish_against_them() -> None:
    assert may_short(account(ACCOUNT), {"no_shorting": False})
    assert not may_short(account(ACCOUNT), {"no_shorting": True})
    assert not may_short(account({**ACCOUNT, "shorting_enabled": False}), {})


@pytest.mark.parametrize(
    ("changes", "shorts", "levels"),
    [
        ({}, True, []),
        ({"tradable": False}, True, [FAULT]),
        ({"status": "inactive"}, True, [FAULT]),
        ({"shortable": False}, True, [WARNING]),
        ({"easy_to_borrow": False}, True, [WARNING]),
        ({"shortable": False}, False, []),
    ],
)
def test_assets(changes: dict[str, Any], shorts: bool, levels: list[str]) -> None:
    record = {"id": "x", "symbol": "AAPL", "class": "us_equity", "status": "active", "tradable": True}
    found = asset({**record, "shortable": True, "easy_to_borrow": True, **changes})
    assert [finding.level for finding in look_at_assets([found], shorts)] == levels


def test_sessions_have_to_agree() -> None:
    ours = Session("XNYS", "2024-03-05", OPEN, CLOSE)
    same, early = CalendarDay("2024-03-05", OPEN, CLOSE), CalendarDay("2024-03-05", OPEN, CLOSE - 3600 * NS_PER_SECOND)
    assert look_at_session("2024-03-05", ours, same).level == OK
    assert look_at_session("2024-03-05", None, None).level == OK
    for mine, theirs in ((ours, early), (ours, None), (None, same)):
        assert look_at_session("2024-03-05", mine, theirs).level == FAULT


@pytest.mark.parametrize(
    ("theirs", "level", "word"),
    [(100, OK, "within"), (101, OK, "within"), (103.5, WARNING, "behind"), (98.5, WARNING, "ahead of"), (99.5, OK, "within")],
)
def test_clocks_may_differ_by_a_second_and_what_the_question_took(theirs: float, level: str, word: str) -> None:
    found = look_at_clock(int(theirs * NS_PER_SECOND), 100 * NS_PER_SECOND, 102 * NS_PER_SECOND)
    assert found.level == level
    assert word in found.message


def test_the_day_is_new_york_s() -> None:
    assert new_york_day(OPEN) == "2024-03-05"
    assert new_york_day(OPEN + 15 * 3600 * NS_PER_SECOND) == "2024-03-06"
    assert new_york_day(OPEN - 11 * 3600 * NS_PER_SECOND) == "2024-03-04"
