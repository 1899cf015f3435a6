"""Every rule of Velez at its edges: the strategy alone where it decides, through the engine where the engine does.

Prices of the tables are cents unless said otherwise; a raw unit is a ten-thousandth.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest
from backtest_kit import Row, Run, catalogue_of, ideal, minutes_of_sessions

from algotrader.core.instruments import equity
from algotrader.core.market import NS_PER_MINUTE, Bar
from algotrader.core.orders import Order, OrderRole, OrderState, OrderType, Side, TimeInForce
from algotrader.research.backtest import backtest
from algotrader.research.result import BacktestResult
from algotrader.strategies.velez import PULLING_BACK, RULES, TRAILING, WATCHING, Velez, VelezParameters

F = TypeVar("F", bound=Callable[..., None])

TESTED: dict[str, list[str]] = {}
AAPL = equity("AAPL")
SMALL: dict[str, Any] = {"sma_fast": 5, "sma_slow": 100, "candle_interval_minutes": 1}
QUIET: Row = (100, 100.05, 99.95, 100)
SIGNAL: Row = (100, 100.25, 99.98, 100.20)
FILLS: Row = (100.20, 100.30, 100.18, 100.28)
"""Reaches the entry at 100.25 and stays above the stop at 99.88; strong and green, which means nothing while watching."""
REACHES: Row = (100.10, 100.30, 100.00, 100.12)
"""Likewise, but too weak to be a signal itself."""


def rule(*numbers: str) -> Callable[[F], F]:
    """Note which rules a test shows."""

    def note(test: F) -> F:
        for number in numbers:
            TESTED.setdefault(number, []).append(test.__name__)
        return test

    return note


# ---------------------------------------------------------------------- the strategy alone


class Alone:
    """A strategy whose averages are fed by hand."""

    def __init__(self, **parameters: Any) -> None:
        self.velez = Velez("AAPL", VelezParameters(**{**SMALL, **parameters}))
        self.indicators = self.velez.indicators()
        self.minute = 0

    def feed(self, *closes: int) -> None:
        """Closes as raw prices."""
        for close in closes:
            for indicator in self.indicators.values():
                indicator.update_bar(close, close, close, close, 0)

    def bar(self, o: int, h: int, low: int, c: int) -> Bar:
        """The next candle, raw prices."""
        self.minute += 1
        return Bar(AAPL, self.minute * NS_PER_MINUTE, (self.minute + 1) * NS_PER_MINUTE, o, h, low, c, 1000)

    def long_on(self, o: int, h: int, low: int, c: int) -> bool:
        """Whether a candle is a long signal after its close has entered the averages."""
        self.feed(c)
        return bool(self.velez.should_long(self.bar(o, h, low, c), None))

    def short_on(self, o: int, h: int, low: int, c: int) -> bool:
        """Whether a candle is a short signal."""
        self.feed(c)
        return bool(self.velez.should_short(self.bar(o, h, low, c), None))

    def held(self, o: int, h: int, low: int, c: int) -> tuple[Decimal | None, bool]:
        """Stop and exit asked for on a candle while a position is open; prices in cents."""
        bar = self.bar(o * 100, h * 100, low * 100, c * 100)
        stop: Any = self.velez.should_update_stop(bar, None)
        return stop, bool(self.velez.should_exit(bar, None))


@rule("V2")
@pytest.mark.covers("A78")
@pytest.mark.parametrize(
    ("close", "is_tight"),
    [(379_999, True), (380_000, False), (380_001, False)],
    ids=["a unit below the threshold", "exactly at it", "a unit above"],
)
def test_tight_is_strictly_below_the_threshold(close: int, is_tight: bool) -> None:
    # After 99 closes at 37, a close at X spreads the averages by 0.19 (X - 37): half a percent of X at exactly 38.
    alone = Alone(tightness_threshold_pct="0.5")
    alone.feed(*[370_000] * 100)
    assert alone.long_on(370_000, close, 370_000, close) is is_tight


@rule("V3")
@pytest.mark.covers("A78")
@pytest.mark.parametrize(("beyond", "widens"), [(-1, False), (0, False), (1, True)])
def test_the_gap_must_be_larger_than_on_the_candle_before(beyond: int, widens: bool) -> None:
    # On a straight line the gap of two averages stays what it is.
    alone = Alone()
    alone.feed(*[1_000_000 + 10 * i for i in range(100)])
    close = 1_000_000 + 1000 + beyond
    assert alone.long_on(close - 8, close, close - 8, close) is widens


@rule("V4")
@pytest.mark.covers("A78")
@pytest.mark.parametrize(("beyond", "above"), [(-1, False), (0, False), (1, True)])
def test_fast_must_be_strictly_above_slow(beyond: int, above: bool) -> None:
    # A drop by 950 and a rise by as much bring the sums to a tie; the gap was negative, so it widens in each case.
    alone = Alone()
    alone.feed(*[1_000_000] * 99, 1_000_000 - 950)
    close = 1_000_000 + 950 + beyond
    assert alone.long_on(close - 8, close, close - 8, close) is above


@rule("V5")
@pytest.mark.covers("A78")
@pytest.mark.parametrize(("body", "green"), [(-1, False), (0, False), (1, True)])
def test_the_candle_must_be_green(body: int, green: bool) -> None:
    alone = Alone()
    alone.feed(*[1_000_000] * 100)
    low, high = min(1_001_000 - body, 1_001_000), max(1_001_000 - body, 1_001_000)
    assert alone.long_on(1_001_000 - body, high, low, 1_001_000) is green


@rule("V6")
@pytest.mark.covers("A78")
@pytest.mark.parametrize(
    ("percent", "body", "span", "strong"),
    [
        (50, 100, 200, True),
        (50, 99, 200, False),
        (50, 100, 201, False),
        (30, 30, 100, True),
        (30, 29, 100, False),
        (80, 80, 100, True),
    ],
)
def test_strong_is_at_least_the_threshold_share(percent: int, body: int, span: int, strong: bool) -> None:
    alone = Alone(strong_candle_body_pct=percent)
    alone.feed(*[1_000_000] * 100)
    assert alone.long_on(1_001_000 - body, 1_001_000, 1_001_000 - span, 1_001_000) is strong


@rule("V6")
@pytest.mark.covers("A78")
def test_a_candle_without_range_is_neither_a_signal_nor_part_of_a_run() -> None:
    alone = Alone(max_run_candles=2)
    alone.feed(*[1_000_000] * 100)
    assert not alone.long_on(1_001_000, 1_001_000, 1_001_000, 1_001_000)
    assert exits(alone, "RGGZG") == []
    assert exits(Alone(max_run_candles=2, doji_threshold_pct=0), "RGGZG") == []


def test_a_strategy_that_is_switched_off_signals_nothing() -> None:
    alone = Alone(enabled=False, allow_short=True)
    alone.feed(*[1_000_000] * 100)
    assert not alone.long_on(1_000_900, 1_001_000, 1_000_900, 1_001_000)
    assert not alone.short_on(1_000_000, 1_000_000, 990_000, 990_000)


CANDLES = {
    "R": (8, 9, 0, 1),
    "G": (1, 9, 0, 8),
    "W": (3, 10, 0, 6),
    "H": (2, 10, 0, 7),
    "D": (5, 10, 0, 5),
    "Z": (5, 5, 5, 5),
    "r": (60, 100, 0, 51),
    "t": (60, 100, 0, 50),
    "E": (5, 6, 5, 5),
}
"""Offsets from the low: strong red and green, weak green, green of exactly half, doji, no range, red of 9 % and of exactly 10 %,
open equal to close."""


def stops(alone: Alone, candles: str, lows: list[int] | None = None) -> list[tuple[int, Decimal]]:
    """Numbers of the candles (from 1) on which a stop is asked for, and the stops."""
    found = []
    for number, kind in enumerate(candles, 1):
        low = 10_000 if lows is None else lows[number - 1]
        stop, _ = alone.held(*(low + offset for offset in CANDLES[kind]))
        if stop is not None:
            found.append((number, stop))
    return found


def exits(alone: Alone, candles: str) -> list[int]:
    """Numbers of the candles on which the position is to be closed."""
    found = []
    for number, kind in enumerate(candles, 1):
        _, leaves = alone.held(*(10_000 + offset for offset in CANDLES[kind]))
        if leaves:
            found.append(number)
    return found


@rule("V10")
@pytest.mark.covers("A81")
def test_watching_only_a_red_candle_starts_a_pullback() -> None:
    alone = Alone()
    assert stops(alone, "GGGWDGG") == []
    assert alone.velez.trail == WATCHING
    assert stops(alone, "R", [9_990]) == []
    assert (alone.velez.trail, alone.velez.pullback_raw) == (PULLING_BACK, 999_000)


@rule("V11", "V12")
@pytest.mark.covers("A81", "A82")
@pytest.mark.parametrize(
    ("candles", "lows", "asked"),
    [
        ("RGG", [9_990, 9_995, 10_000], [(3, "99.90")]),
        ("RWW", [9_990, 9_995, 10_000], [(3, "99.90")]),
        ("RG", [9_990, 9_995], []),
        ("RRGG", [9_990, 9_980, 9_995, 10_000], [(4, "99.80")]),
        ("RRGG", [9_980, 9_990, 9_995, 10_000], [(4, "99.80")]),
        ("RGRGG", [9_990, 9_995, 9_985, 10_000, 10_005], [(5, "99.85")]),
        ("RGRG", [9_990, 9_995, 9_985, 10_000], []),
        ("RGG", [9_990, 9_950, 9_960], [(3, "99.90")]),
        ("RGGGG", [9_990, 9_995, 10_000, 10_005, 10_010], [(3, "99.90")]),
    ],
    ids=[
        "red, two greens",
        "weak greens count too",
        "one green is not enough",
        "second red lower",
        "second red higher",
        "red between greens starts the count anew",
        "and one green after it is not enough",
        "lows of green candles do not matter",
        "trailing, further greens ask for nothing",
    ],
)
def test_two_greens_after_a_pullback_move_the_stop_to_its_low(candles: str, lows: list[int], asked: list[tuple[int, str]]) -> None:
    alone = Alone()
    assert [(number, str(stop.quantize(Decimal("0.01")))) for number, stop in stops(alone, candles, lows)] == asked
    assert alone.velez.trail == (TRAILING if asked else PULLING_BACK)


@rule("V13")
@pytest.mark.covers("A82")
def test_the_red_candle_that_ends_a_trail_starts_the_next_pullback() -> None:
    alone = Alone()
    found = stops(alone, "RGGRGG", [9_990, 9_995, 10_000, 10_003, 10_005, 10_010])
    assert [(number, int(stop * 100)) for number, stop in found] == [(3, 9_990), (6, 10_003)]


@rule("V13")
def test_the_low_of_an_earlier_pullback_is_forgotten() -> None:
    found = stops(Alone(), "RGGRGG", [9_900, 9_995, 10_000, 10_020, 10_005, 10_010])
    assert int(found[-1][1] * 100) == 10_020


@rule("V14")
@pytest.mark.covers("A82")
@pytest.mark.parametrize("neutral", ["D", "Z", "r"], ids=["open near close", "no range", "red below the threshold"])
def test_a_doji_is_neutral_in_every_state(neutral: str) -> None:
    alone = Alone()
    assert stops(alone, neutral) == []
    assert alone.velez.trail == WATCHING
    found = stops(alone, f"R{neutral}G{neutral}G", [9_990, 9_000, 9_995, 9_000, 10_000])
    assert [(number, int(stop * 100)) for number, stop in found] == [(5, 9_990)]
    assert stops(alone, neutral) == []
    assert alone.velez.trail == TRAILING


@rule("V14")
@pytest.mark.covers("A82")
def test_a_body_of_exactly_the_threshold_is_no_doji() -> None:
    alone = Alone()
    stops(alone, "t", [9_990])
    assert (alone.velez.trail, alone.velez.pullback_raw) == (PULLING_BACK, 999_000)


@rule("V14")
def test_with_a_threshold_of_zero_nothing_is_a_doji() -> None:
    # Open equal to close is then not red, so it counts like a green candle.
    found = stops(Alone(doji_threshold_pct=0), "RED", [9_990, 9_995, 10_000])
    assert [(number, int(stop * 100)) for number, stop in found] == [(3, 9_990)]


@rule("V17", "V18")
@pytest.mark.covers("A84")
@pytest.mark.parametrize(
    ("limit", "candles", "left"),
    [
        (3, "GGGGGG", []),
        (3, "RGG", []),
        (3, "RGGG", []),
        (3, "RGGGG", [5]),
        (3, "RGHHH", [5]),
        (2, "RGGG", [4]),
        (3, "RGWGGG", [6]),
        (3, "RGGGWGGG", [8]),
        (3, "RGGGDGGG", [8]),
        (3, "RGGGZGGG", [8]),
        (3, "RGGGrGGG", [8]),
        (3, "RGGGRGG", []),
        (3, "RGGGRGGGG", [9]),
        (10, "RGGGGGGGGGGG", [12]),
    ],
    ids=[
        "no trail, no run",
        "the candle that starts the trail is the first",
        "the second",
        "the third ends it",
        "a body of exactly the threshold is strong",
        "a limit of two",
        "a weak candle may start the trail and counts zero",
        "a weak candle sets to zero",
        "a doji sets to zero",
        "a candle without range too",
        "a small red one too",
        "a red one ends the trail",
        "and the next trail counts anew",
        "a limit of ten",
    ],
)
def test_a_run_of_strong_candles_closes_the_position(limit: int, candles: str, left: list[int]) -> None:
    assert exits(Alone(max_run_candles=limit), candles) == left


@rule("V19")
def test_a_closed_position_starts_the_pattern_anew() -> None:
    alone = Alone()
    exits(alone, "RGGG")
    assert (alone.velez.trail, alone.velez.run) == (TRAILING, 2)
    alone.velez.on_position_closed()
    fresh = Velez("AAPL")
    names = ("trail", "pullback_raw", "recoveries", "run")
    assert [getattr(alone.velez, name) for name in names] == [getattr(fresh, name) for name in names]


@rule("V20")
@pytest.mark.parametrize(("close", "is_tight"), [(380_001, True), (380_000, False), (379_999, False)])
def test_the_threshold_of_a_short_is_strict_too(close: int, is_tight: bool) -> None:
    alone = Alone(allow_short=True, tightness_threshold_pct="0.5")
    alone.feed(*[390_000] * 100)
    assert alone.short_on(390_000, 390_000, close, close) is is_tight


@rule("V20")
def test_signal_and_trail_of_a_short_are_the_mirror() -> None:
    alone = Alone(allow_short=True)
    alone.feed(*[1_000_000] * 100)
    assert alone.velez.shorts
    assert alone.short_on(1_000_000, 1_000_200, 997_500, 998_000)
    assert not Alone().velez.shorts
    alone.velez.direction = "short"
    mirrored = {kind: tuple(20 - offset for offset in (o, low, h, c)) for kind, (o, h, low, c) in CANDLES.items()}
    asked = [alone.held(*(10_000 + price for price in mirrored[kind])) for kind in "RGGGG"]
    assert [(stop is None or int(stop * 100), leaves) for stop, leaves in asked] == [
        (True, False),
        (True, False),
        (10_020, False),
        (True, False),
        (True, True),
    ]


# ---------------------------------------------------------------------- through the engine


def trade(path: Path, rows: list[Row], *, kind: type[Velez] = Velez, **parameters: Any) -> BacktestResult:
    """A backtest over quiet candles, a signal on the next, and the given rows after it."""
    catalogue = catalogue_of(path, {"AAPL": [QUIET] * 100 + [SIGNAL, *rows]})
    return backtest(kind, ["AAPL"], data=catalogue, parameters={**SMALL, **parameters}, options=ideal())


def orders(path: Path, rows: list[Row], *, kind: type[Velez] = Velez, **parameters: Any) -> list[Order]:
    """All orders of such a run."""
    run = run_of(path, rows, kind=kind, **parameters)
    return [order for key, order in run.engine.state.orders.items() if key == order.client_order_id]


def run_of(path: Path, rows: list[Row], *, kind: type[Velez] = Velez, **parameters: Any) -> Run:
    """Such a run with engine and venue."""
    catalogue = catalogue_of(path, {"AAPL": [QUIET] * 100 + [SIGNAL, *rows]})
    return Run(kind, ["AAPL"], catalogue, ideal(), parameters={**SMALL, **parameters}).in_batches()


def entry_bars(found: list[Order]) -> list[int]:
    """Numbers of the candles, the first is 1, at whose close entries were made."""
    start = minutes_of_sessions("XNYS", 1)[0]
    return [(order.created_time - start) // NS_PER_MINUTE for order in found if order.role is OrderRole.ENTRY]


@rule("V1")
@pytest.mark.covers("A78")
@pytest.mark.parametrize("slow", [100, 200])
@pytest.mark.parametrize(("missing", "entries"), [(1, 0), (0, 1)])
def test_no_signal_before_the_slow_average_was_full_a_candle_earlier(tmp_path: Path, slow: int, missing: int, entries: int) -> None:
    # The candle is large: a missing close in the average before must not pass for a wide gap.
    large: Row = (100, 107.2, 99.9, 107)
    catalogue = catalogue_of(tmp_path, {"AAPL": [QUIET] * (slow - missing) + [large, QUIET, QUIET]})
    parameters = {**SMALL, "sma_slow": slow, "tightness_threshold_pct": 5}
    result = backtest("velez", ["AAPL"], data=catalogue, parameters=parameters, options=ideal())
    assert result.counts.get("signal_detected", 0) == entries


@rule("V7", "V8")
@pytest.mark.covers("A79")
def test_entry_and_initial_stop(tmp_path: Path) -> None:
    entry, stop = orders(tmp_path, [FILLS, QUIET])[:2]
    assert (entry.role, entry.side, entry.order_type, entry.request.time_in_force) == (
        OrderRole.ENTRY,
        Side.BUY,
        OrderType.STOP,
        TimeInForce.DAY,
    )
    assert entry.instrument.price(entry.stop_raw) == Decimal("100.25")
    assert (stop.role, stop.side, stop.order_type, stop.request.time_in_force) == (
        OrderRole.STOP_LOSS,
        Side.SELL,
        OrderType.STOP,
        TimeInForce.GTC,
    )
    # 99.98 less 0.09998 is 99.88002: rounded down, away from the entry.
    assert stop.instrument.price(stop.stop_raw) == Decimal("99.88")
    assert entry.planned_stop_raw == stop.stop_raw


@rule("V7")
@pytest.mark.covers("A79")
@pytest.mark.parametrize(("high", "entry"), [("100.2500", "100.25"), ("100.2501", "100.26"), ("100.2599", "100.26")])
def test_the_entry_is_rounded_up_to_the_increment(tmp_path: Path, high: str, entry: str) -> None:
    catalogue = catalogue_of(tmp_path, {"AAPL": [QUIET] * 100 + [(100, high, 99.98, 100.20), QUIET]})
    run = Run("velez", ["AAPL"], catalogue, ideal(), parameters=SMALL).in_batches()
    (order,) = run.engine.state.orders.values()
    assert order.instrument.price(order.stop_raw) == Decimal(entry)


@rule("V8")
@pytest.mark.covers("A79")
@pytest.mark.parametrize(
    ("low", "options", "stop"),
    [
        ("10", {}, "9.98"),
        ("19.99", {}, "19.97"),
        ("20", {}, "19.98"),
        ("20.01", {}, "19.98999"),
        ("155.2", {}, "155.0448"),
        ("155.2", {"stop_buffer_pct": 1}, "153.648"),
        ("10", {"stop_buffer_min": "0.10"}, "9.90"),
    ],
)
def test_the_buffer_is_the_larger_of_percentage_and_minimum(low: str, options: dict[str, Any], stop: str) -> None:
    alone = Alone(**options)
    raw = int(Decimal(low) * 10_000)
    bar = alone.bar(raw, raw + 100, raw, raw + 100)
    assert alone.velez.stop_loss_price(bar, None) == Decimal(stop)


@rule("V9")
@pytest.mark.covers("A80")
@pytest.mark.parametrize("expiry", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("late", [0, 1], ids=["on the last candle", "one candle later"])
def test_an_entry_lives_for_so_many_candles(tmp_path: Path, expiry: int, late: int) -> None:
    found = orders(tmp_path, [QUIET] * (expiry - 1 + late) + [REACHES, QUIET], buy_stop_expiry_candles=expiry)
    assert entry_bars(found) == [101]
    assert found[0].state is (OrderState.CANCELED if late else OrderState.FILLED)


PULLBACK: Row = (100.28, 100.30, 100.10, 100.12)
FIRST: Row = (100.12, 100.24, 100.11, 100.22)
SECOND: Row = (100.22, 100.34, 100.20, 100.32)
ABOVE: Row = (100.32, 100.36, 100.28, 100.30)
"""Not strong, and above the trailed stop."""
STRONG: list[Row] = [(100.32, 100.43, 100.31, 100.42), (100.42, 100.53, 100.41, 100.52)]


@rule("V12")
@pytest.mark.covers("A81")
def test_the_trailed_stop_works_at_the_venue(tmp_path: Path) -> None:
    result = trade(tmp_path, [FILLS, PULLBACK, FIRST, SECOND, ABOVE, (100.30, 100.31, 100.05, 100.06), QUIET])
    assert [stop.price for stop in result.stops] == [Decimal("99.88"), Decimal("100.10"), None]
    assert [(fill.side, fill.price, fill.role) for fill in result.fills] == [
        ("buy", Decimal("100.25"), "entry"),
        ("sell", Decimal("100.10"), "stop_loss"),
    ]


class Loosens(Velez):
    """Asks for a lower stop on every candle."""

    def should_update_stop(self, bar: Bar, indicators: Any) -> Any:
        """A dollar below."""
        return bar.low - 1


@rule("V15")
@pytest.mark.covers("A83")
def test_a_stop_is_never_lowered(tmp_path: Path) -> None:
    result = trade(tmp_path, [FILLS, ABOVE, ABOVE, (100.30, 100.31, 99.87, 99.87), QUIET], kind=Loosens)
    assert [stop.price for stop in result.stops] == [Decimal("99.88"), None]
    assert result.fills[-1].price == Decimal("99.88")


class Repeats(Velez):
    """Asks for given stops, candle by candle."""

    asked = ("99.88", "99.89", "99.89", "99.88", "99.90")

    def should_update_stop(self, bar: Bar, indicators: Any) -> Any:
        """The next one."""
        self.run += 1
        return Decimal(self.asked[min(self.run, len(self.asked)) - 1])

    def should_exit(self, bar: Bar, indicators: Any) -> bool:
        """Never."""
        return False


@rule("V15")
@pytest.mark.covers("A83")
def test_only_a_higher_stop_is_sent(tmp_path: Path) -> None:
    result = trade(tmp_path, [FILLS, *[ABOVE] * 5], kind=Repeats)
    assert [str(stop.price) for stop in result.stops] == ["99.8800", "99.8900", "99.9000"]


@rule("V16")
@pytest.mark.parametrize(
    ("close", "leaves"),
    [(100.09, True), (100.10, True), (100.11, False)],
    ids=["above the market", "at it", "a cent below"],
)
def test_a_trail_at_or_above_the_market_closes_the_position(tmp_path: Path, close: float, leaves: bool) -> None:
    dip: Row = (99.95, 100.00, 99.94, 99.99)
    rise: Row = (99.99, 100.12, 99.98, close)
    result = trade(tmp_path, [FILLS, PULLBACK, dip, rise, (100.20, 100.22, 100.18, 100.21), ABOVE])
    assert ([fill.role for fill in result.fills] == ["entry", "exit_market"]) is leaves
    assert (Decimal("100.10") in [stop.price for stop in result.stops]) is not leaves
    if leaves:
        assert result.fills[-1].price == Decimal("100.20")
        assert result.round_trips[0].exit_reason == "stop at the market"


@rule("V17")
@pytest.mark.covers("A84")
def test_a_run_leaves_at_the_next_open(tmp_path: Path) -> None:
    result = trade(tmp_path, [FILLS, PULLBACK, FIRST, SECOND, *STRONG, (100.55, 100.60, 100.50, 100.58)])
    assert [(fill.side, fill.price, fill.role) for fill in result.fills][1:] == [("sell", Decimal("100.55"), "exit_market")]
    assert result.round_trips[0].exit_reason == "strategy exit"


@rule("V10")
@pytest.mark.covers("A81")
def test_the_candle_of_the_fill_takes_part_in_the_trail(tmp_path: Path) -> None:
    filled_red: Row = (100.28, 100.30, 100.10, 100.12)
    result = trade(tmp_path, [filled_red, FIRST, SECOND, ABOVE])
    assert [stop.price for stop in result.stops] == [Decimal("99.88"), Decimal("100.10")]


@rule("V19")
@pytest.mark.parametrize("ending", ["stop", "exit", "end of day"])
def test_the_pattern_starts_anew_however_the_position_closed(tmp_path: Path, ending: str) -> None:
    rows: dict[str, list[Row]] = {
        "stop": [(100.30, 100.31, 99.00, 99.05)],
        "exit": [*STRONG, (100.55, 100.60, 100.50, 100.50)],
        "end of day": [ABOVE] * (390 - 105),
    }
    run = run_of(tmp_path, [FILLS, PULLBACK, FIRST, SECOND, *rows[ending]])
    hooks: Any = run.engine.state.slots[0]
    velez = hooks.hooks
    assert len(run.fills) == 2
    assert (velez.trail, velez.pullback_raw, velez.recoveries, velez.run) == (WATCHING, 0, 0, 0)


@rule("V20")
def test_a_mirrored_market_gives_mirrored_fills(tmp_path: Path) -> None:
    rows = [FILLS, PULLBACK, FIRST, SECOND, ABOVE, (100.30, 100.31, 100.05, 100.06), QUIET]
    up = trade(tmp_path / "up", rows, allow_short=True)
    down = catalogue_of(tmp_path / "down", {"AAPL": [mirror(row) for row in [QUIET] * 100 + [SIGNAL, *rows]]})
    parameters = {**SMALL, "allow_short": True}
    found = backtest("velez", ["AAPL"], data=down, parameters=parameters, options=ideal())
    assert [(fill.time, fill.side, 200 - fill.price) for fill in found.fills] == [
        (fill.time, "sell" if fill.side == "buy" else "buy", fill.price) for fill in up.fills
    ]
    # 100.02 and a tenth of a percent is 100.12002: rounded up, away from the entry at 99.75.
    assert [stop.price for stop in found.stops] == [Decimal("100.13"), Decimal("99.90"), None]
    assert found.round_trips[0].side == "short"
    assert backtest("velez", ["AAPL"], data=down, parameters=SMALL, options=ideal()).fills == []


def mirror(row: Row) -> Row:
    """Prices mirrored at 100."""
    o, h, low, c = (Decimal(str(price)) for price in row)
    return (str(200 - o), str(200 - low), str(200 - h), str(200 - c))


@rule("V21")
@pytest.mark.covers("A80")
def test_no_signal_is_looked_for_on_the_candle_of_a_cancel(tmp_path: Path) -> None:
    # Each of these candles is a signal of its own and stays below the high of the one before.
    again: list[Row] = [(100.10, 100.24, 100.05, 100.22), (100.12, 100.23, 100.06, 100.22)]
    alone = Alone()
    alone.feed(*[1_000_000] * 100)
    assert all(alone.long_on(*(int(Decimal(str(p)) * 10_000) for p in row)) for row in [SIGNAL, *again])
    found = orders(tmp_path, [*again, QUIET, QUIET])
    assert entry_bars(found) == [101, 103]
    assert [order.state for order in found] == [OrderState.CANCELED, OrderState.CANCELED]


@rule("V21")
def test_the_candle_after_a_loss_may_signal_again(tmp_path: Path) -> None:
    stopped: Row = (100.30, 100.31, 99.80, 99.85)
    found = orders(tmp_path, [FILLS, stopped, QUIET, QUIET, (100.00, 100.25, 99.98, 100.24), QUIET])
    assert entry_bars(found) == [101, 106]


def test_every_rule_has_a_test() -> None:
    assert sorted(set(RULES) - set(TESTED)) == []
    assert sorted(set(TESTED) - set(RULES)) == []
