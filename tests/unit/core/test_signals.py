"""Signals: what is refused, in which order the rest is served, who is in whose way."""

from __future__ import annotations

from typing import Any

import pytest
from engine_rig import Rig

from algotrader.core.instruments import equity
from algotrader.core.market import NS_PER_MINUTE
from algotrader.core.orders import Side
from algotrader.core.signals import Signal, SignalKind, SignalWords, opposes, rank, signal_fault

AAPL = equity("AAPL")
NOW = 100 * NS_PER_MINUTE


def replace(signal: Signal, **changed: Any) -> Signal:
    return Signal(**{**signal.values(), **changed})


LONG = Signal("s", 0, AAPL, SignalKind.BUY, NOW, 0.5, 1_000_000, 980_000, 1_050_000, 10)
SHORT = replace(LONG, kind=SignalKind.SELL, stop_raw=1_020_000, take_profit_raw=950_000)


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        (LONG, "buy at 100.0000, stop 98.0000, target 105.0000, confidence 0.5"),
        (replace(SHORT, take_profit_raw=0, confidence=0.75), "sell at 100.0000, stop 102.0000, confidence 0.75"),
        (replace(LONG, entry_raw=0, stop_raw=0, take_profit_raw=0, confidence=1.0), "buy at market, confidence 1"),
    ],
)
def test_a_signal_is_told_with_its_prices(signal: Signal, words: str) -> None:
    assert SignalWords(signal).text() == words


@pytest.mark.covers("C15", "C16")
@pytest.mark.parametrize(
    ("signal", "fault"),
    [
        (LONG, ""),
        (SHORT, ""),
        (replace(LONG, entry_raw=0), ""),
        (replace(LONG, stop_raw=0, take_profit_raw=0, quantity_raw=0), ""),
        (replace(LONG, confidence=0.0), ""),
        (replace(LONG, confidence=1.0), ""),
        (replace(LONG, confidence=-0.01), "confidence -0.01 lies outside"),
        (replace(LONG, confidence=1.01), "confidence 1.01 lies outside"),
        (replace(LONG, confidence=float("nan")), "confidence nan lies outside"),
        (replace(LONG, time=NOW - 5 * NS_PER_MINUTE), ""),
        (replace(LONG, time=NOW - 5 * NS_PER_MINUTE - 1), "stale"),
        (replace(LONG, time=NOW + 1), "stale"),
        (replace(LONG, kind=SignalKind.HOLD), "hold is not an entry"),
        (replace(LONG, kind=SignalKind.CLOSE), "close is not an entry"),
        (replace(LONG, entry_raw=-1), "negative"),
        (replace(LONG, quantity_raw=-1), "negative"),
        (replace(LONG, entry_raw=2_000_000, take_profit_raw=0), ""),
        (replace(LONG, entry_raw=2_000_100, take_profit_raw=0), "far from the last price"),
        (replace(LONG, entry_raw=500_000, stop_raw=490_000), ""),
        (replace(LONG, entry_raw=499_900, stop_raw=490_000), "far from the last price"),
        (replace(LONG, stop_raw=1_000_000), "stop 100.0000 of a long is not below its entry"),
        (replace(LONG, take_profit_raw=1_000_000), "take profit 100.0000 of a long is not above"),
        (replace(SHORT, stop_raw=1_000_000), "stop 100.0000 of a short is not above"),
        (replace(SHORT, take_profit_raw=1_000_000), "take profit 100.0000 of a short is not below"),
        (replace(LONG, entry_raw=0, stop_raw=1_000_100), "of a long is not below its entry 100.0000"),
    ],
)
def test_a_signal_is_judged(signal: Signal, fault: str) -> None:
    assert fault in signal_fault(signal, 1_000_000, NOW)
    assert bool(fault) is bool(signal_fault(signal, 1_000_000, NOW))


@pytest.mark.covers("C15")
def test_without_a_price_no_signal_passes() -> None:
    assert signal_fault(LONG, 0, NOW) == "there is no price yet"


@pytest.mark.covers("C16")
def test_the_surest_goes_first_and_registration_breaks_ties() -> None:
    signals = [replace(LONG, number=n, confidence=c) for n, c in [(3, 0.5), (1, 0.2), (2, 0.9), (0, 0.5)]]
    assert [signal.number for signal in rank(signals)] == [2, 0, 3, 1]


@pytest.mark.parametrize(
    ("kind", "side"),
    [("BUY", Side.BUY), ("SCALE_IN", Side.BUY), ("SELL", Side.SELL), ("SCALE_OUT", Side.SELL), ("CLOSE", Side.SELL)],
)
def test_the_side_of_a_signal(kind: str, side: Side) -> None:
    assert replace(LONG, kind=SignalKind[kind]).side is side


def test_opposite_sides_of_one_instrument_oppose_each_other() -> None:
    assert opposes(LONG, SHORT)
    assert not opposes(LONG, LONG)
    assert not opposes(LONG, replace(SHORT, instrument=equity("MSFT")))


@pytest.mark.covers("C16", "C17")
def test_the_surest_strategy_gets_the_capital() -> None:
    rig = Rig(cash=10_000)
    rig.bar("100", "MSFT")
    faint, sure = rig.strategy("faint", "AAPL"), rig.strategy("sure", "MSFT")
    for script, confidence in ((faint, 0.4), (sure, 0.8)):
        script.entry, script.size, script.stop, script.sure = "long", 300, 98, confidence
    rig.feed("100", "AAPL")
    assert rig.bar("100", "MSFT") == ["a1 entry buy 300 MSFT market"]
    assert rig.denials() == ["buying_power"]


@pytest.mark.covers("C17")
@pytest.mark.parametrize(
    ("first", "second", "passes"), [("long", "long", True), ("long", "short", False), ("short", "long", False)]
)
def test_two_strategies_hold_one_instrument_in_one_direction_only(first: str, second: str, passes: bool) -> None:
    rig = Rig()
    one, two = rig.strategy("one"), rig.strategy("two")
    for script, side, confidence in ((one, first, 0.9), (two, second, 0.1)):
        script.entry, script.size, script.sure = side, 10, confidence
        script.stop = 98 if side == "long" else 102
    commands = rig.bar("100")
    assert len(commands) == (2 if passes else 1)
    assert rig.denials() == ([] if passes else ["opposing_position"])


@pytest.mark.covers("C15", "C17")
@pytest.mark.parametrize(
    ("answers", "denial"),
    [
        ({"stop": None}, "invalid_signal"),
        ({"stop": 101}, "invalid_signal"),
        ({"price": 300, "stop": 290}, "invalid_signal"),
        ({"take": 99}, "invalid_signal"),
        ({"size": 0}, "buying_power"),
        ({"size": 10**8}, "buying_power"),
    ],
)
def test_a_signal_that_is_denied_never_becomes_an_order(answers: dict[str, object], denial: str) -> None:
    rig = Rig()
    script = rig.strategy()
    script.entry, script.size, script.stop = "long", 10, 98
    for name, value in answers.items():
        setattr(script, name, value)
    assert rig.bar("100") == []
    assert rig.denials() == [denial]
    assert rig.state.orders == {}


@pytest.mark.parametrize(
    ("side", "price", "command"),
    [
        ("long", None, "a1 entry buy 10 market"),
        ("long", 101, "a1 entry buy 10 stop 101.00"),
        ("long", 99.5, "a1 entry buy 10 limit at 99.50"),
        ("short", 99.5, "a1 entry sell 10 stop 99.50"),
        ("short", 101, "a1 entry sell 10 limit at 101.00"),
    ],
)
def test_the_price_of_a_signal_says_what_kind_of_order_it_takes(side: str, price: float | None, command: str) -> None:
    rig = Rig()
    script = rig.strategy()
    script.entry, script.size, script.price = side, 10, price
    script.stop = 98 if side == "long" else 102
    assert rig.bar("100") == [command]


def test_a_strategy_that_answers_nonsense_is_told_and_left_out() -> None:
    rig = Rig()
    script, other = rig.strategy("bad"), rig.strategy("good")
    for each in (script, other):
        each.entry, each.size, each.stop = "long", 10, 98
    script.stop = float("nan")
    assert rig.bar("100") == ["a1 entry buy 10 market"]
    assert "stop_loss_price is NaN" in rig.told("strategy_value_refused")[0]
