"""Sizing step by step, and every reason for which an entry is denied."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from engine_rig import AAPL, WIDE, Rig

from algotrader.core.events import TradingStatus
from algotrader.core.instruments import Instrument, VenueCapabilities, crypto
from algotrader.core.risk import EntryCheck, RiskPolicy, entry_denial, ppm, size_by_risk
from algotrader.core.scaled import money

OPEN = RiskPolicy(max_position=Decimal(1), max_risk_per_trade_abs=Decimal(10**9), max_leverage=Decimal(100))


def size(
    equity: str, power: str, entry: str, stop: str, policy: RiskPolicy = OPEN, instrument: Instrument = AAPL
) -> tuple[int, str]:
    """Quantity and reason."""
    raw = instrument.price_raw
    sized = size_by_risk(money(Decimal(equity)), money(Decimal(power)), instrument, raw(Decimal(entry)), raw(Decimal(stop)), policy)
    return sized.quantity_raw, sized.reason


@pytest.mark.covers("A155")
@pytest.mark.parametrize(
    ("equity", "entry", "stop", "policy", "quantity", "reason"),
    [
        # 1 % of 25,000 is 250; at 0.50 a share that is 500 shares, before any cap.
        ("25000", "10", "9.50", {}, 500, "risk budget"),
        ("25000", "9.50", "10", {}, 500, "risk budget"),
        ("25000", "10", "9.30", {}, 357, "risk budget"),
        # The absolute limit of risk, 100: 200 shares.
        ("25000", "10", "9.50", {"max_risk_per_trade_abs": Decimal(100)}, 200, "risk budget"),
        # 5 % of 25,000 is 1,250: 125 shares at 10, and 8 at 155.20.
        ("25000", "10", "9.50", {"max_position": Decimal("0.05")}, 125, "position cap"),
        ("25000", "155.20", "154.70", {"max_position": Decimal("0.05")}, 8, "position cap"),
        ("25000", "2.50", "2", {"max_position": Decimal("0.05")}, 500, "risk budget"),
        ("25000", "1300", "1299", {"max_position": Decimal("0.05")}, 0, "position cap 1250.00 is below one unit at 1300.0000"),
        ("25000", "1000", "740", {}, 0, "risk budget 250.00 is too small for a stop distance of 260.0000"),
        ("25000", "10", "10", {}, 0, "the stop is at the entry price"),
        ("25000", "0", "9", {}, 0, "invalid entry price"),
        ("-5", "10", "9", {}, 0, "risk budget 0.00 is too small"),
    ],
)
def test_each_step_of_sizing(equity: str, entry: str, stop: str, policy: dict[str, Decimal], quantity: int, reason: str) -> None:
    limits = {"max_position": Decimal(1), "max_risk_per_trade_abs": Decimal(10**9)} | policy
    got, why = size(equity, "1000000", entry, stop, RiskPolicy(**limits))  # type: ignore[arg-type]
    assert got == quantity
    assert why.startswith(reason)


@pytest.mark.covers("A155")
@pytest.mark.parametrize(
    ("power", "quantity", "reason"),
    [("1000", 100, "buying power"), ("9.99", 0, "buying power 9.99 is below one unit"), ("-50", 0, "buying power -50.00")],
)
def test_sizing_spends_no_more_than_there_is(power: str, quantity: int, reason: str) -> None:
    got, why = size("25000", power, "10", "9.50")
    assert got == quantity
    assert why.startswith(reason)


def test_sizes_are_rounded_down_to_what_the_venue_trades() -> None:
    assert size("1000", "100000", "97000", "96000", instrument=crypto("BTC/USDT"))[0] == 1_000_000
    lots = Instrument("AAPL", quantity_increment=100, min_quantity=100)
    assert size("25000", "100000", "10", "9.30", instrument=lots)[0] == 300
    assert size("5000", "100000", "10", "9.30", instrument=lots)[0] == 0


def test_a_sizing_carries_the_numbers_it_came_from() -> None:
    sized = size_by_risk(money(Decimal(25000)), money(Decimal(10**6)), AAPL, 100_000, 95_000, OPEN)
    assert (sized.risk_amount, sized.position_value) == (money(Decimal(250)), money(Decimal(5_000)))
    assert sized.stop_distance_raw == 5_000


@pytest.mark.parametrize(
    "change",
    [
        {"max_risk_per_trade": Decimal(0)},
        {"max_risk_per_trade": Decimal(2)},
        {"max_position": Decimal("-0.1")},
        {"max_daily_loss": Decimal("1.01")},
        {"emergency_stop": Decimal(0)},
        {"max_risk_per_trade_abs": Decimal(0)},
        {"max_leverage": Decimal(0)},
        {"max_open_positions": 0},
        {"consecutive_loss_pause": 0},
    ],
)
def test_limits_that_make_no_sense_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        RiskPolicy(**change)


def test_fractions_in_millionths() -> None:
    assert (ppm(Decimal("0.01")), ppm(Decimal(1)), ppm(Decimal("0.000001"))) == (10_000, 1_000_000, 1)


@pytest.mark.covers("A152", "C17", "A127", "C41")
@pytest.mark.parametrize(
    ("facts", "code", "words"),
    [
        ({}, "", ""),
        ({"trading_state": "halted"}, "halted", "trading is halted"),
        ({"trading_state": "reducing"}, "reducing", "only exits pass"),
        ({"breaker_reason": "3 losing round trips"}, "daily_breaker", "3 losing round trips"),
        ({"connected": False}, "disconnected", "SIM is down"),
        ({"halted": True}, "instrument_halted", "AAPL is halted"),
        ({"unknown_orders": 2}, "order_unknown", "2 order(s)"),
        ({"external": True}, "external_position", "adopt it first"),
        ({"others_sign": -1}, "opposing_position", "other direction"),
        ({"others_sign": 1}, "", ""),
        ({"opens_short": True, "short_allowed": False}, "short_not_allowed", "not allowed"),
        ({"opens_short": True}, "", ""),
        ({"open_positions": 5}, "max_open_positions", "the limit is 5"),
        ({"open_positions": 4}, "", ""),
        ({"open_positions": 9, "count_limited": False}, "", ""),
        ({"trading_state": "halted", "open_positions": 9, "connected": False}, "halted", ""),
    ],
)
def test_an_entry_is_judged_and_told_why(facts: dict[str, Any], code: str, words: str) -> None:
    check = EntryCheck(AAPL, 1)
    for name, value in facts.items():
        assert hasattr(check, name)
        setattr(check, name, value)
    denial = entry_denial(check, RiskPolicy())
    assert (denial.code if denial else "") == code
    assert words in (denial.message if denial else "")


def trip_the_breaker(rig: Rig) -> None:
    rig.state.breaker.reset(0)
    for _ in range(3):
        rig.state.breaker.record(-1)


@pytest.mark.covers("A152", "C17", "C21")
@pytest.mark.parametrize(
    ("block", "code"),
    [
        (lambda rig: rig.operator("halt"), "halted"),
        (lambda rig: rig.operator("reduce"), "reducing"),
        (trip_the_breaker, "daily_breaker"),
        (lambda rig: rig.connected(False), "disconnected"),
        (lambda rig: rig.tell(TradingStatus(rig.now, "AAPL", True, "news")), "instrument_halted"),
        (lambda rig: rig.fill("a person's", 5, "100"), "external_position"),
    ],
)
def test_what_blocks_entries_blocks_them_in_the_engine_and_leaves_positions_alone(block: Any, code: str) -> None:
    policy = RiskPolicy(max_position=Decimal("0.05"), max_open_positions=20)
    rig = Rig(policy=policy)
    held, script = rig.strategy("held", risk_sized=True), rig.strategy("new", risk_sized=True)
    held.entry, held.stop = "long", 98
    entry = rig.bar("100")[0].split()[0]
    rig.ack(entry)
    quantity = rig.state.orders[entry].quantity_raw
    rig.fill(entry, quantity, "100")
    rig.ack("a2")
    block(rig)
    script.entry, script.stop = "long", 98
    assert rig.bar("100") == []
    assert rig.denials() == [code]
    assert rig.holding("held").quantity_raw == quantity
    assert rig.order("a2") == f"accepted 0/{quantity}"


def test_an_entry_waits_for_an_order_of_unknown_fate() -> None:
    rig = Rig()
    one, two = rig.strategy("one"), rig.strategy("two")
    rig.enter(one)
    rig.unknown("a1")
    two.entry, two.size, two.stop = "long", 10, 98
    assert rig.bar("100") == []
    assert rig.denials() == ["order_unknown"]
    rig.ack("a1")
    two.entry = "long"
    assert rig.bar("100") == ["a2 entry buy 10 market"]


@pytest.mark.covers("A127")
def test_positions_and_pending_entries_count_against_the_limit() -> None:
    rig = Rig(policy=RiskPolicy(max_open_positions=2))
    scripts = [rig.strategy(f"s{n}", risk_sized=True) for n in range(3)]
    for script in scripts:
        script.entry, script.stop = "long", 98
    assert len(rig.bar("100")) == 2
    assert rig.denials() == ["max_open_positions"]
    rig.fill("a1", rig.state.orders["a1"].quantity_raw, "100")
    scripts[2].entry = "long"
    rig.bar("100")
    assert rig.denials() == ["max_open_positions"] * 2


def test_pending_entries_are_taken_off_the_buying_power() -> None:
    rig = Rig(cash=10_000, policy=RiskPolicy(max_position=Decimal(1)))
    one, two = rig.strategy("one"), rig.strategy("two")
    for script, quantity in ((one, 60), (two, 41)):
        script.entry, script.size, script.stop = "long", quantity, 98
    assert rig.bar("100") == ["a1 entry buy 60 market"]
    assert rig.denials() == ["buying_power"]
    two.entry, two.size = "long", 40
    assert rig.bar("100") == ["a2 entry buy 40 market"]


def test_a_short_is_denied_where_the_venue_sells_none() -> None:
    rig = Rig(VenueCapabilities(short_selling=False), WIDE)
    assert rig.enter(rig.strategy(), "short", 10, "102") == []
    assert rig.denials() == ["short_not_allowed"]
