"""What must hold for every run: books that agree with the venue, fills inside their bars, no night that was not asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from backtest_kit import OPEN_POLICY, Run, fill_rows, frame_of, instrument_of, made_up
from dice import Dice, DiceAlgorithm, DiceOvernight, DiceUnprotected

from algotrader.core import reports
from algotrader.core.market import NS_PER_MINUTE, BarColumns
from algotrader.core.orders import Order, OrderRole
from algotrader.core.risk import RiskPolicy
from algotrader.core.scaled import money
from algotrader.history.calendars import sessions
from algotrader.history.catalogue import Catalogue
from algotrader.research.backtest import BacktestOptions, backtest
from algotrader.strategies.base import SignalStrategy
from algotrader.strategies.registry import StrategyType

SYMBOLS = ["AAPL", "TSLA", "NVDA"]
POLICY = replace(OPEN_POLICY, max_position=Decimal("0.3"))
STRATEGIES: dict[str, tuple[str | StrategyType, dict[str, Any], str | None]] = {
    "velez": ("velez", {}, None),
    "velez both ways": ("velez", {"allow_short": True, "candle_interval_minutes": 1, "sma_slow": 100, "sma_fast": 10}, None),
    "crossing": ("sma_cross", {"fast": 5, "slow": 20}, None),
    "dice": (Dice, {"seed": 11}, None),
    "dice of five minutes": (Dice, {"seed": 12}, "5m"),
    "dice over night": (DiceOvernight, {"seed": 13}, None),
    "dice without stops": (DiceUnprotected, {"seed": 14}, None),
    "dice of an algorithm": (DiceAlgorithm, {"seed": 15}, None),
}
ASSUMPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "ideal": {"ideal": True},
    "alpaca-like": {"venue": "alpaca-like"},
    "thin": {"volume_limit": Decimal("0.00002"), "slippage": "bps:5"},
    "thin, alpaca-like": {"volume_limit": Decimal("0.00002"), "venue": "alpaca-like"},
    "late": {"latency_ms": 1500.0, "commission": "per-share:0.005:1"},
    "late, alpaca-like": {"latency_ms": 800.0, "venue": "alpaca-like", "entry_bar_stop": "ignore"},
    "costly": {"slippage": "volume-share:0.025:0.1", "commission": "per-dollar:0.0015"},
}


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """Four sessions, the last one short, with a minute missing here and there."""
    return made_up(tmp_path_factory.mktemp("bars"), SYMBOLS, date(2024, 11, 25), date(2024, 11, 29), seed=8, missing=0.01)


def options_of(assumptions: str, **changes: Any) -> BacktestOptions:
    """Options with plenty of capital."""
    given = {"capital": Decimal(1_000_000), "policy": POLICY, "seed": 3, **ASSUMPTIONS[assumptions], **changes}
    return BacktestOptions(**given)


@pytest.fixture(scope="module", params=[(s, a) for s in STRATEGIES for a in ASSUMPTIONS], ids=lambda pair: f"{pair[0]}, {pair[1]}")
def finished(request: pytest.FixtureRequest, bars: Catalogue) -> Run:
    """A run that has been through; the stop guarantee was checked strictly all the way."""
    strategy, parameters, interval = STRATEGIES[request.param[0]]
    return Run(strategy, SYMBOLS, bars, options_of(request.param[1]), parameters=parameters, interval=interval).by_events()


def rows(run: Run) -> Iterator[tuple[BarColumns, int]]:
    """All bars of a run."""
    for chunk in run.chunks():
        for row in range(len(chunk)):
            yield chunk, row


def orders(run: Run) -> list[Order]:
    """Orders of a run, each once."""
    return [order for key, order in run.engine.state.orders.items() if key == order.client_order_id]


@pytest.mark.covers("B189", "A22")
def test_the_books_are_those_of_the_venue(finished: Run) -> None:
    state = finished.engine.state
    assert len(finished.fills) > 0
    assert [state.ledger.net_quantity(symbol) for symbol in SYMBOLS] == finished.venue.positions
    assert sum(state.ledger.cash.values()) == finished.venue.cash["USD"]


@pytest.mark.covers("B189")
def test_cash_and_positions_follow_from_the_fills_alone(finished: Run) -> None:
    cash = money(Decimal(1_000_000))
    held = dict.fromkeys(SYMBOLS, 0)
    for fill in finished.fills:
        sign = 1 if fill.side.value == "buy" else -1
        instrument = finished.engine.state.by_symbol[fill.symbol].instrument
        cash -= sign * instrument.notional(fill.price_raw, fill.quantity_raw) + fill.commission
        held[fill.symbol] += sign * fill.quantity_raw
    assert cash == finished.venue.cash["USD"]
    assert list(held.values()) == finished.venue.positions


def test_every_fill_lies_inside_its_bar(finished: Run) -> None:
    where = {(chunk.instrument[row], chunk.close_time[row]): (chunk, row) for chunk, row in rows(finished)}
    for fill, close_time in zip(finished.fills, finished.fill_slices, strict=True):
        chunk, row = where[finished.engine.state.by_symbol[fill.symbol].index, close_time]
        assert chunk.low[row] <= fill.price_raw <= chunk.high[row]
        assert chunk.open_time[row] <= fill.time <= close_time


def test_an_order_fills_on_a_later_bar_than_the_one_it_came_from(finished: Run) -> None:
    state = finished.engine.state
    for fill, close_time in zip(finished.fills, finished.fill_slices, strict=True):
        order = state.orders[fill.client_order_id]
        assert fill.time >= order.created_time
        if order.role in (OrderRole.ENTRY, OrderRole.PLAIN):
            assert close_time > order.created_time


def test_the_volume_limit_holds_for_all_fills_of_a_bar(finished: Run) -> None:
    limit = finished.venue.settings.volume_limit_ppm
    volumes = {(chunk.instrument[row], chunk.close_time[row]): chunk.volume[row] for chunk, row in rows(finished)}
    taken: dict[tuple[int, int], int] = {}
    for fill, close_time in zip(finished.fills, finished.fill_slices, strict=True):
        key = (finished.engine.state.by_symbol[fill.symbol].index, close_time)
        taken[key] = taken.get(key, 0) + fill.quantity_raw
    for key, quantity in taken.items():
        assert limit == 0 or quantity * 1_000_000 <= volumes[key] * limit


def test_the_equity_curve_follows_from_fills_and_bars(finished: Run) -> None:
    # Worked out again with plain integers: cash and shares after each bar's fills, times the last closes.
    cash, held, last = money(Decimal(1_000_000)), [0] * 3, [0] * 3
    fills = sorted(zip(finished.fill_slices, range(len(finished.fills)), strict=True))
    curve: dict[int, int] = {}
    for chunk, row in rows(finished):
        time = chunk.close_time[row]
        while fills and fills[0][0] <= time:
            fill = finished.fills[fills.pop(0)[1]]
            track = finished.engine.state.by_symbol[fill.symbol]
            sign = 1 if fill.side.value == "buy" else -1
            cash -= sign * track.instrument.notional(fill.price_raw, fill.quantity_raw) + fill.commission
            held[track.index] += sign * fill.quantity_raw
        last[chunk.instrument[row]] = chunk.close[row]
        curve[time] = cash + sum(h * p for h, p in zip(held, last, strict=True)) * finished.instruments[0].money_factor
    assert list(curve.items()) == finished.curve


def test_what_is_held_over_night_was_meant_to_be_or_is_told(finished: Run) -> None:
    closes = [session.close_time for session in sessions("XNYS", finished.start, finished.end)]
    told = {(report.time, report.symbol) for report in finished.told(reports.NOT_FLAT)}
    if not finished.engine.state.slots[0].closes_at_end:
        assert told == set()
        return
    held = dict.fromkeys(SYMBOLS, 0)
    fills = list(zip(finished.fill_slices, finished.fills, strict=True))
    for close in closes:
        while fills and fills[0][0] <= close:
            fill = fills.pop(0)[1]
            held[fill.symbol] += fill.quantity_raw if fill.side.value == "buy" else -fill.quantity_raw
        assert {(close, symbol) for symbol in SYMBOLS if held[symbol]} == {pair for pair in told if pair[0] == close}


def test_nothing_is_left_working_for_a_flat_strategy(finished: Run) -> None:
    for holding in finished.engine.state.holdings.values():
        if holding.quantity_raw == 0:
            for order in (holding.stop_order, holding.take_order, holding.exit_order):
                assert order is None or order.is_final or order.cancel_requested or order.attached


def test_round_trips_add_up(finished: Run) -> None:
    state = finished.engine.state
    trips = sum(trip.profit for trip in state.ledger.trips)
    spent = state.equity() - money(Decimal(1_000_000)) - trips
    opened = [position for position in state.ledger.positions.values() if position.quantity_raw]
    if not opened:
        assert spent == 0
    assert all(trip.exit_time >= trip.entry_time for trip in state.ledger.trips)


def test_nothing_unexpected_was_told(finished: Run) -> None:
    unwanted = (reports.STRATEGY_ERROR, reports.STRATEGY_VALUE, reports.STOP_BREACH, reports.UNEXPECTED, reports.UNKNOWN_ORDER)
    assert [(report.kind, report.message) for report in finished.reports if report.kind in unwanted] == []


# ---------------------------------------------------------------------- days, breakers, hours


@pytest.mark.covers("A153", "A152")
def test_the_breaker_halts_a_day_and_not_the_next(bars: Catalogue) -> None:
    policy = RiskPolicy(max_position=Decimal("0.2"), max_risk_per_trade_abs=Decimal(100_000), consecutive_loss_pause=2)
    run = Run(Dice, SYMBOLS, bars, options_of("defaults", policy=policy), parameters={"seed": 2}).by_events()
    tripped = [report.time for report in run.told(reports.BREAKER_TRIPPED)]
    reset = [report.time for report in run.told(reports.BREAKER_RESET)]
    opens = [session.open_time for session in sessions("XNYS", run.start, run.end)]
    assert len(tripped) >= 3
    assert len(reset) >= 2
    assert set(reset) <= set(opens)
    for time in tripped:
        ending = min([opened for opened in opens if opened > time], default=run.end + 1)
        entries = [order.created_time for order in orders(run) if order.role is OrderRole.ENTRY]
        assert not [created for created in entries if time < created < ending]
    assert {opened for opened in opens if any(o.created_time > opened for o in orders(run))} == set(opens)


def test_after_each_trip_of_the_breaker_two_losses_in_a_row_or_the_days_loss_stand(bars: Catalogue) -> None:
    policy = RiskPolicy(max_position=Decimal("0.2"), max_risk_per_trade_abs=Decimal(100_000), consecutive_loss_pause=2)
    run = Run(Dice, SYMBOLS, bars, options_of("defaults", policy=policy), parameters={"seed": 2}).by_events()
    trips = run.engine.state.ledger.trips
    for session in sessions("XNYS", run.start, run.end):
        today = [trip for trip in trips if session.open_time < trip.exit_time <= session.close_time]
        losses = 0
        reached = None
        for trip in today:
            losses = losses + 1 if trip.profit <= 0 else 0
            if losses == 2 and reached is None:
                reached = trip.exit_time
        told = [report for report in run.told(reports.BREAKER_TRIPPED) if session.open_time < report.time <= session.close_time]
        if reached is not None:
            assert len(told) == 1
            assert told[0].time >= reached - NS_PER_MINUTE


@pytest.mark.covers("A89")
def test_a_short_day_ends_early(bars: Catalogue) -> None:
    run = Run(Dice, ["AAPL"], bars, options_of("ideal"), parameters={"seed": 5}).by_events()
    short = sessions("XNYS", run.start, run.end)[-1]
    assert short.close_time - short.open_time == 210 * NS_PER_MINUTE
    ending = [report.time for report in run.told(reports.EXIT_REQUESTED) if report.message == "end of day"]
    assert [time for time in ending if time > short.open_time] in ([], [short.close_time - NS_PER_MINUTE])
    assert all(order.created_time < short.close_time for order in orders(run))
    assert run.venue.positions == [0]


def test_around_the_clock_nothing_ends(tmp_path_factory: pytest.TempPathFactory) -> None:
    catalogue = made_up(tmp_path_factory.mktemp("clock"), ["BTC/USDT"], date(2024, 11, 29), date(2024, 12, 1), seed=8)
    run = Run(Dice, ["BTC/USDT"], catalogue, options_of("defaults"), parameters={"seed": 6}).by_events()
    assert not [report for report in run.told(reports.EXIT_REQUESTED) if report.message == "end of day"]
    hours = {fill.time // (60 * NS_PER_MINUTE) % 24 for fill in run.fills}
    assert hours == set(range(24))
    assert run.venue.positions == [run.engine.state.ledger.net_quantity("BTC/USDT")]
    assert run.venue.cash["USDT"] == sum(run.engine.state.ledger.cash.values())


class Early(SignalStrategy):
    """Wants the bars before the open and after the close too; always long when flat, out again after three bars."""

    regular_hours = False
    protection = "none"
    sizing = "explicit"
    close_at_session_end = False
    time_stop_bars = 3

    @property
    def required_history(self) -> int:
        """It needs to know nothing."""
        return 1

    def should_long(self, bar: Any, indicators: Any) -> bool:
        """Yes."""
        return True

    def should_cancel_pending(self, bar: Any, candles_since: int) -> bool:
        """Never."""
        return False

    def quantity(self, bar: Any, indicators: Any) -> int:
        """One."""
        return 1


@pytest.mark.covers("A181")
@pytest.mark.parametrize("extended", [False, True])
def test_extended_hours_are_seen_only_when_asked_for(tmp_path_factory: pytest.TempPathFactory, extended: bool) -> None:
    catalogue = Catalogue(tmp_path_factory.mktemp("hours"))
    session = sessions("XNYS", *(t * 10**9 for t in (1_732_492_800, 1_732_579_200)))[0]
    opens = range(session.open_time - 60 * NS_PER_MINUTE, session.close_time + 60 * NS_PER_MINUTE, NS_PER_MINUTE)
    instrument = instrument_of("AAPL")
    catalogue.write_bars(instrument, "1m", frame_of(instrument, [(100, 101, 99, 100)] * len(opens), list(opens)))
    seen: list[int] = []
    kind = type("Seen", (Early,), {"should_long": lambda self, bar, indicators: seen.append(bar.open_time)})
    result = backtest(kind, ["AAPL"], data=catalogue, options=options_of("ideal", extended_hours=extended))
    expected = list(opens) if extended else [time for time in opens if session.contains(time)]
    assert seen == expected
    assert len(result.equity_time) == len(expected)


@pytest.mark.covers("A181")
def test_orders_for_regular_hours_wait_for_the_open(tmp_path_factory: pytest.TempPathFactory) -> None:
    catalogue = Catalogue(tmp_path_factory.mktemp("hours"))
    session = sessions("XNYS", *(t * 10**9 for t in (1_732_492_800, 1_732_579_200)))[0]
    opens = range(session.open_time - 60 * NS_PER_MINUTE, session.open_time + 60 * NS_PER_MINUTE, NS_PER_MINUTE)
    instrument = instrument_of("AAPL")
    catalogue.write_bars(instrument, "1m", frame_of(instrument, [(100, 101, 99, 100)] * len(opens), list(opens)))
    result = backtest(Early, ["AAPL"], data=catalogue, options=options_of("ideal", extended_hours=True))
    assert result.fills[0].time == session.open_time
    assert all(session.open_time <= fill.time < session.close_time for fill in result.fills)


@pytest.mark.covers("B181")
def test_a_thin_market_fills_in_parts(bars: Catalogue) -> None:
    options = options_of("thin")
    result = backtest(DiceOvernight, SYMBOLS, data=bars, parameters={"seed": 13}, options=options)
    parts: dict[str, int] = {}
    for fill in result.fills:
        parts[fill.client_order_id] = parts.get(fill.client_order_id, 0) + 1
    assert max(parts.values()) >= 3
    whole = backtest(DiceOvernight, SYMBOLS, data=bars, parameters={"seed": 13}, options=replace(options, volume_limit=None))
    assert fill_rows(whole.fills) != fill_rows(result.fills)
