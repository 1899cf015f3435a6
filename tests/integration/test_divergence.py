"""A paper day against a backtest of it: without a fault no difference, and for every planted one its cause."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from divergence_kit import BARS, CROSSING, DAY, OPTIONS, ORDERS, VELEZ, Planted, PlantedDay

from algotrader.core.scaled import money
from algotrader.live.launch_settings import StrategyChoice
from algotrader.research.divergence.comparison import Divergence
from algotrader.research.divergence.document import document, roots

ENTRY = ("AAPL", 26)
"""The first entry of the day: the bar that leads to it."""

NEXT = date(2024, 3, 5)
TOMORROW = 24 * 60
"""Minutes from one open to the next."""

EVERY = (CROSSING, VELEZ)


def causes(found: Divergence) -> dict[str, int]:
    """How many differences there are of each cause that there is."""
    return {cause: total.count for cause, total in found.totals.items() if total.count}


def adds_up(found: Divergence) -> bool:
    """Whether the parts are the whole."""
    whole = found.live_profit - found.tested_profit
    return sum(finding.amount for finding in found.findings) == whole == sum(total.amount for total in found.totals.values())


@pytest.mark.covers("A51", "B190")
@pytest.mark.parametrize("venue", ["generic", "alpaca-like"])
@pytest.mark.parametrize("choice", EVERY, ids=[choice.name for choice in EVERY])
def test_a_day_without_faults_has_no_difference(choice: StrategyChoice, venue: str, tmp_path: Path) -> None:
    day = PlantedDay(Planted(), tmp_path, choice, replace(OPTIONS, venue=venue)).trade()
    for found in (day.compared(), day.compared(catalogue=False)):
        assert found.findings == []
        assert len(found.pairs) > 30
        assert found.live_signals == found.tested_signals == found.same_signals > 30
        assert found.live_profit == found.tested_profit != 0


PLANTED = [
    ("a late bar", Planted(late={ENTRY: 4.2}), "timing", "the bar of AAPL that closed at 14:56:00 came 4.2 s late"),
    ("a dropped bar", Planted(dropped=frozenset({ENTRY})), "signal", "the bar of AAPL that closed at 14:56:00 never came"),
    ("a halt", Planted(halts=((24, 28),)), "missing", "halted by a person (looks odd) from 14:54:10 to 14:58:10"),
    ("a manual close", Planted(closes=((29, "AAPL"),)), "extra", "closed by a person (looks odd) at 14:59:10"),
    ("a thin bar", Planted(thin={("AAPL", 27): 0.002}), "partial", "limit of volume: 4 of 10 filled, in the backtest 10 of 10"),
    ("another commission", Planted(costs={"commission": "0.005"}), "fee", "commission higher than in the backtest"),
    ("slippage", Planted(costs={"slippage": "0.03"}), "price", "slippage: 0.02 a unit worse than in the backtest"),
    ("a death", Planted(deaths=((25, 150.0),)), "missing", "the session was down from 14:54:57 to 14:57:30"),
    ("lost orders", Planted(losses=((ORDERS, 25, 120.0),)), "missing", "the order stream was lost from 14:55:10 to 14:57:"),
    ("lost bars", Planted(losses=((BARS, 25, 120.0),)), "timing", "no bars came from 14:55:00 to 14:57:"),
    ("an early end", Planted(ends=25), "missing", "the session was stopped (the day is over) from 14:55:00 to the end"),
]


@pytest.mark.parametrize(("planted", "cause", "words"), [row[1:] for row in PLANTED], ids=[row[0] for row in PLANTED])
def test_a_planted_difference_is_found_and_nothing_else(planted: Planted, cause: str, words: str, tmp_path: Path) -> None:
    found = PlantedDay(planted, tmp_path).trade().compared()
    assert set(causes(found)) == {cause}
    first = roots(found)[0]
    assert first.reason.words.startswith(words)
    assert {finding.root.reason.cause for finding in found.findings} == {cause}
    assert found.unattributed == 0
    assert adds_up(found)
    assert found.difference != 0


def test_what_follows_is_counted_with_what_it_follows_from(tmp_path: Path) -> None:
    """The entry that a halt prevented has an exit in the backtest, which nothing prevented."""
    found = PlantedDay(Planted(halts=((24, 28),)), tmp_path).trade().compared()
    entry, leaving = found.findings
    assert (entry.pair.one.order.role.value, entry.follows) == ("entry", False)
    assert (leaving.pair.one.order.role.value, leaving.follows) == ("exit_market", True)
    assert leaving.pair.opener is entry.pair
    assert leaving.root is entry.root
    assert entry.amount + leaving.amount == entry.root.amount == found.difference
    assert (entry.root.direct, entry.root.followed) == (1, 1)


def test_the_sessions_own_bars_hide_what_never_came(tmp_path: Path) -> None:
    day = PlantedDay(Planted(dropped=frozenset({ENTRY})), tmp_path).trade()
    assert day.compared(catalogue=False).findings == []
    assert causes(day.compared()) == {"signal": 1}


def test_a_size_that_follows_the_account_is_the_consequence_of_what_moved_it(tmp_path: Path) -> None:
    """Velez sizes by equity: a commission that the backtest does not charge makes later positions smaller."""
    day = PlantedDay(Planted(costs={"commission": "0.05"}), tmp_path, VELEZ).trade()
    found = day.compared()
    assert set(causes(found)) == {"fee"}
    sized = [finding for finding in found.findings if finding.follows]
    assert sized
    assert {finding.root.reason.words for finding in sized} == {"commission higher than in the backtest"}
    assert adds_up(found)


def test_a_venue_that_lends_less_than_the_books_say_is_named(tmp_path: Path) -> None:
    found = PlantedDay(Planted(power=Decimal(50_000)), tmp_path, VELEZ).trade().compared()
    first = found.findings[0]
    assert first.root.reason.words == "sized by the buying power that the venue told, less than our books say"
    assert first.root.reason.cause == "signal"
    assert found.unattributed == 0
    assert adds_up(found)


def test_the_profit_is_that_of_the_books(tmp_path: Path) -> None:
    day = PlantedDay(Planted(thin={("AAPL", 27): 0.002}, costs={"commission": "0.005"}), tmp_path).trade()
    found = day.compared()
    assert found.live_profit == day.final_equity() - money(OPTIONS.capital)


def test_a_difference_that_nothing_explains_is_said_to_be_one(tmp_path: Path) -> None:
    """The backtest is of another strategy than the one that traded: no cause of ours fits that."""
    other = replace(CROSSING, parameters=(*CROSSING.parameters, ("quantity", 12)))
    found = PlantedDay(Planted(), tmp_path).trade().compared_with(other)
    assert set(causes(found)) == {"unattributed"}
    assert found.unattributed == len(found.pairs) == len(found.findings)
    assert adds_up(found)


def test_every_pair_is_told_with_both_sides(tmp_path: Path) -> None:
    found = document(PlantedDay(Planted(closes=((29, "AAPL"),)), tmp_path).trade().compared())
    assert found["orders"] == len(found["pairs"]) == found["same"] + 1
    (differing,) = [pair for pair in found["pairs"] if pair["verdict"] == "differs"]
    assert (differing["strategy"], differing["symbol"], differing["role"]) == ("sma_cross", "AAPL", "exit_market")
    assert differing["live"]["reason"] == "close: looks odd"
    assert differing["backtest"]["reason"] == "strategy exit"
    assert differing["attribution"] == [
        {
            "cause": "extra",
            "reason": "closed by a person (looks odd) at 14:59:10",
            "profit": found["profit"]["difference"],
            "follows": False,
        }
    ]


def test_a_session_that_began_at_noon_is_compared_from_there(tmp_path: Path) -> None:
    found = PlantedDay(Planted(begins=150), tmp_path).trade().compared()
    assert found.findings == []
    assert len(found.pairs) > 20


def test_each_day_of_a_long_session_is_compared_by_itself(tmp_path: Path) -> None:
    """What is held over night is there on both sides when the second day begins; the first has a fault, the second none."""
    day = PlantedDay(Planted(halts=((20, 90),), ends=TOMORROW + 392), tmp_path, last=NEXT).trade()
    first, second = day.compared(day=DAY), day.compared(day=NEXT)
    assert set(causes(first)) == {"missing"}
    assert second.findings == []
    assert len(second.pairs) > 30
    assert first.live_profit + second.live_profit != 0
    assert day.compared().live_profit == second.live_profit


def test_a_halt_over_night_is_known_the_next_day(tmp_path: Path) -> None:
    day = PlantedDay(Planted(halts=((380, TOMORROW + 100),), ends=TOMORROW + 145), tmp_path, last=NEXT).trade()
    found = day.compared(day=NEXT, catalogue=False)
    assert set(causes(found)) == {"missing"}
    assert roots(found)[0].reason.words.startswith("halted since before the day to 16:10:10")
    assert adds_up(found)


def test_several_lives_of_a_day_are_one_day(tmp_path: Path) -> None:
    found = PlantedDay(Planted(deaths=((25, 150.0), (200, 90.0))), tmp_path).trade().compared()
    assert set(causes(found)) == {"missing"}
    assert found.unattributed == 0
    assert adds_up(found)
