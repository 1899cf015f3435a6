"""The daily breaker: what trips it, what does not, and that a restart comes to the same."""

from __future__ import annotations

from decimal import Decimal

import pytest
from engine_rig import DAY, Rig
from hypothesis import given
from hypothesis import strategies as st

from algotrader.core.breakers import DailyBreaker
from algotrader.core.risk import RiskPolicy
from algotrader.core.scaled import money


def dollars(*amounts: str) -> list[int]:
    """Amounts of money."""
    return [money(Decimal(amount)) for amount in amounts]


@pytest.mark.covers("A153", "A152")
@pytest.mark.parametrize(
    ("profits", "trips_at", "reason"),
    [
        (["-1", "-1", "-1"], 3, "3 losing round trips in a row"),
        (["-1", "-1", "1", "-1", "-1"], 0, ""),
        (["-1", "-1", "1", "-1", "-1", "-1"], 6, "3 losing"),
        # Breaking even is losing.
        (["-1", "0", "-1"], 3, "3 losing"),
        # 3 % of 10,000 is 300.
        (["-299.99"], 0, ""),
        (["-300"], 1, "the day's loss of 300.00 reached 3 %"),
        (["-200", "50", "-149.99"], 0, ""),
        (["-200", "50", "-150"], 3, "the day's loss of 300.00"),
        (["500", "-799.99"], 0, ""),
        (["-400", "-1", "-1", "1000"], 1, "the day's loss of 400.00"),
    ],
)
def test_what_trips_it(profits: list[str], trips_at: int, reason: str) -> None:
    breaker = DailyBreaker(3, 30_000)
    breaker.reset(money(Decimal(10_000)))
    tripped = [number for number, profit in enumerate(dollars(*profits), start=1) if breaker.record(profit)]
    assert tripped == ([trips_at] if trips_at else [])
    assert breaker.reason.startswith(reason)
    assert breaker.tripped is bool(trips_at)


def test_breaking_even_need_not_count_as_losing() -> None:
    breaker = DailyBreaker(2, 30_000, break_even_is_loss=False)
    breaker.reset(0)
    assert [breaker.record(profit) for profit in dollars("-1", "0", "-1")] == [False, False, False]


def test_without_an_equity_at_the_start_only_the_row_of_losses_counts() -> None:
    breaker = DailyBreaker(3, 30_000)
    breaker.reset(0)
    assert not breaker.record(money(Decimal(-(10**6))))


@pytest.mark.covers("A153")
def test_a_new_day_starts_afresh() -> None:
    breaker = DailyBreaker(1, 30_000)
    breaker.reset(0)
    assert breaker.record(-1)
    breaker.reset(5)
    assert (breaker.tripped, breaker.realized, breaker.losses_in_row, breaker.start_equity) == (False, 0, 0, 5)


@pytest.mark.covers("A154")
@given(st.integers(0, 10_000), st.lists(st.integers(-200, 200), max_size=30), st.booleans(), st.integers(1, 4))
def test_rebuilding_it_comes_to_what_was_running(equity: int, profits: list[int], even: bool, losses: int) -> None:
    running = DailyBreaker(losses, 30_000, even)
    running.reset(equity)
    for profit in profits:
        running.record(profit)
    rebuilt = DailyBreaker(losses, 30_000, even)
    rebuilt.record(-5)
    rebuilt.rebuild(equity, profits)
    for name in ("start_equity", "realized", "losses_in_row", "reason"):
        assert getattr(rebuilt, name) == getattr(running, name)


@pytest.mark.covers("A153", "A154")
def test_the_engine_counts_over_all_strategies_and_starts_anew_at_the_open() -> None:
    rig = Rig(policy=RiskPolicy(consecutive_loss_pause=3, max_position=Decimal("0.05"), max_open_positions=20))
    scripts = {name: rig.strategy(name, risk_sized=True) for name in ("one", "two", "three")}
    rig.phase("session_open")
    for name in scripts:
        scripts[name].entry, scripts[name].stop = "long", 98
        entry = rig.bar("100")[0].split()[0]
        quantity = rig.state.orders[entry].quantity_raw
        rig.ack(entry)
        stop = rig.fill(entry, quantity, "100")[0].split()[0]
        rig.ack(stop)
        rig.fill(stop, quantity, "99.99")
    assert rig.state.breaker.reason == "3 losing round trips in a row"
    today = [trip.profit for trip in rig.state.ledger.trips]
    rebuilt = DailyBreaker(3, 30_000)
    rebuilt.rebuild(rig.state.breaker.start_equity, today)
    assert (rebuilt.realized, rebuilt.losses_in_row, rebuilt.reason) == (
        rig.state.breaker.realized,
        rig.state.breaker.losses_in_row,
        rig.state.breaker.reason,
    )
    scripts["one"].entry = "long"
    assert rig.bar("100") == []
    rig.phase("session_open", DAY)
    assert "new trading day" in rig.told("circuit_breaker_reset")
    scripts["one"].entry = "long"
    assert len(rig.bar("100")) == 1
