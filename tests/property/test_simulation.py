"""Whatever orders meet whatever bars, the simulated venue stays inside the bars, the orders and the account."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.simulation.support import AAPL, CAPITAL, SEAL

from algotrader.core.commands import ApprovedOrder, CancelOrder, Command, ReplaceOrder, SubmitOrder
from algotrader.core.events import Event, OrderAccepted, OrderFill, OrderReject
from algotrader.core.instruments import ALPACA_LIKE, GENERIC, VenueCapabilities
from algotrader.core.market import NS_PER_MINUTE
from algotrader.core.orders import OrderRequest, OrderType, Side, TimeInForce
from algotrader.simulation.costs import (
    BasisPointsSlippage,
    FixedSlippage,
    MakerTakerCommission,
    NoSlippage,
    PerShareCommission,
    SlippageModel,
    VolumeShareSlippage,
)
from algotrader.simulation.jitter import Jitter
from algotrader.simulation.settings import SimulationSettings
from algotrader.simulation.venue import SimulatedVenue

TICK = 100
START = 1_000_000
NO_SHORT = replace(GENERIC, short_selling=False)

Prices = tuple[int, int, int, int, int]
Step = tuple[list[Command], Prices]


@st.composite
def bars(draw: st.DrawFn, previous: int) -> Prices:
    """A bar near the previous close: open, high, low, close, volume."""
    open_ = max(previous + draw(st.integers(-8, 8)) * TICK, 50 * TICK)
    close = max(open_ + draw(st.integers(-8, 8)) * TICK, 50 * TICK)
    high = max(open_, close) + draw(st.integers(0, 6)) * TICK
    low = max(min(open_, close) - draw(st.integers(0, 6)) * TICK, TICK)
    return open_, high, low, close, draw(st.integers(0, 400))


@st.composite
def requests(draw: st.DrawFn, number: int, near: int) -> OrderRequest:
    """An order of any kind with prices near the market."""

    def price() -> int:
        return max(near + draw(st.integers(-12, 12)) * TICK, TICK)

    kind = draw(st.sampled_from(OrderType))
    brief = kind in (OrderType.MARKET, OrderType.LIMIT)
    tifs = [TimeInForce.GTC, TimeInForce.DAY] + ([TimeInForce.IOC, TimeInForce.FOK] if brief else [])
    return OrderRequest(
        f"o{number}",
        AAPL,
        draw(st.sampled_from(Side)),
        kind,
        draw(st.integers(1, 60)),
        draw(st.sampled_from(tifs)),
        limit_raw=price() if kind in (OrderType.LIMIT, OrderType.STOP_LIMIT) else 0,
        stop_raw=price() if kind in (OrderType.STOP, OrderType.STOP_LIMIT) else 0,
        trail_raw=draw(st.integers(1, 10)) * TICK if kind is OrderType.TRAILING_STOP else 0,
        reduce_only=draw(st.integers(0, 4)) == 0,
        stop_loss_raw=price() if draw(st.integers(0, 3)) == 0 else 0,
        take_profit_raw=price() if draw(st.integers(0, 3)) == 0 else 0,
        oco_group=draw(st.sampled_from(["", "", "", "g"])),
    )


@st.composite
def scripts(draw: st.DrawFn) -> list[Step]:
    """Bars, each with the commands that are sent before it opens."""
    near, number, steps = START, 0, []
    for _ in range(draw(st.integers(1, 12))):
        commands: list[Command] = []
        for _ in range(draw(st.integers(0, 3))):
            action = draw(st.integers(0, 5))
            if action == 0 and number:
                commands.append(CancelOrder(f"o{draw(st.integers(0, number - 1))}", "AAPL"))
            elif action == 1 and number:
                old, price = draw(st.integers(0, number - 1)), near + draw(st.integers(-9, 9)) * TICK
                commands.append(ReplaceOrder(f"o{old}", "AAPL", f"o{number}", draw(st.integers(1, 80)), price, price))
                number += 1
            else:
                request = draw(requests(number, near))
                commands.append(SubmitOrder(request.client_order_id, ApprovedOrder(request, SEAL)))
                number += 1
        prices = draw(bars(near))
        near = prices[3]
        steps.append((commands, prices))
    return steps


def slippages() -> st.SearchStrategy[SlippageModel]:
    return st.sampled_from(
        [
            NoSlippage(),
            FixedSlippage(Decimal("0.0123")),
            BasisPointsSlippage(Decimal("3.7")),
            VolumeShareSlippage(Decimal("0.2"), Decimal("0.5")),
        ]
    )


SETTINGS = st.builds(
    SimulationSettings,
    slippage=slippages(),
    commission=st.sampled_from(
        [PerShareCommission(Decimal("0.0035"), Decimal("0.35")), MakerTakerCommission(Decimal("0.0001"), Decimal("0.0003"))]
    ),
    volume_limit_ppm=st.sampled_from([0, 25_000, 300_000]),
    latency_ns=st.sampled_from([0, 0, 100_000_000, 90 * 10**9]),
    seed=st.integers(0, 2**40),
    entry_bar_stop=st.sampled_from(["assume", "ignore"]),
)
CAPABILITIES = st.sampled_from([GENERIC, NO_SHORT, ALPACA_LIKE])


class Run:
    """One run of a script: the fills with their bars, all events, and the venue as it ended."""

    def __init__(
        self, steps: list[Step], settings: SimulationSettings, capabilities: VenueCapabilities, *, slowly: bool = False
    ) -> None:
        self.venue = SimulatedVenue([AAPL], capabilities, settings)
        self.venue.deposit("USD", CAPITAL)
        self.events: list[Event] = []
        self.fills: list[list[OrderFill]] = []
        self.requests = {c.client_order_id: c.request for commands, _ in steps for c in commands if isinstance(c, SubmitOrder)}
        if slowly:
            # An order for the closing auction, of which there is none, makes the venue look at every bar closely.
            request = OrderRequest("watch", AAPL, Side.BUY, OrderType.LIMIT, 1, TimeInForce.CLS, limit_raw=TICK)
            self.venue.execute(SubmitOrder("watch", ApprovedOrder(request, SEAL)), 0)
        for number, (commands, (open_, high, low, close, volume)) in enumerate(steps, start=1):
            opens, closes = number * NS_PER_MINUTE, (number + 1) * NS_PER_MINUTE
            for command in commands:
                self.venue.execute(command, opens)
            self._take()
            if self.venue.busy[0]:
                self.venue.match_bar(0, opens, closes, open_, high, low, close, volume)
            fills = self._take()
            self._protect(fills)
            self.venue.match_again(0)
            self.fills.append(fills + self._take())
            self.venue.mark(0, close)

    def _protect(self, fills: list[OrderFill]) -> None:
        """Answer what opened a position with a stop three ticks away, at once, as the engine does."""
        for fill in fills:
            sign = 1 if fill.side is Side.BUY else -1
            if self.venue.positions[0] * sign > 0:
                stop = max(fill.price_raw // TICK - 3 * sign, 1) * TICK
                side = Side.SELL if sign > 0 else Side.BUY
                order_id = f"p{fill.fill_id}"
                request = OrderRequest(order_id, AAPL, side, OrderType.STOP, fill.quantity_raw, TimeInForce.GTC, stop_raw=stop)
                self.requests[order_id] = request
                self.venue.execute(SubmitOrder(order_id, ApprovedOrder(request, SEAL)), fill.time)

    def _take(self) -> list[OrderFill]:
        taken = self.venue.take_events()
        self.events += taken
        return [event for event in taken if isinstance(event, OrderFill)]


@given(scripts(), SETTINGS, CAPABILITIES)
@pytest.mark.covers("B181", "B189")
def test_fills_stay_inside_their_bar_and_its_volume(
    steps: list[Step], settings: SimulationSettings, capabilities: VenueCapabilities
) -> None:
    run = Run(steps, settings, capabilities)
    limit = settings.slippage.volume_limit_ppm() or settings.volume_limit_ppm
    for (_, (_, high, low, _, volume)), fills in zip(steps, run.fills, strict=True):
        assert all(low <= fill.price_raw <= high for fill in fills)
        if limit:
            assert sum(fill.quantity_raw for fill in fills) <= volume * limit // 1_000_000


@given(scripts(), SETTINGS, CAPABILITIES)
@pytest.mark.covers("B189")
def test_cash_positions_and_commissions_add_up_to_the_last_digit(
    steps: list[Step], settings: SimulationSettings, capabilities: VenueCapabilities
) -> None:
    run = Run(steps, settings, capabilities)
    position, spent = 0, 0
    for fill in (fill for fills in run.fills for fill in fills):
        sign = 1 if fill.side is Side.BUY else -1
        position += sign * fill.quantity_raw
        spent += sign * AAPL.notional(fill.price_raw, fill.quantity_raw) + fill.commission
        assert fill.commission >= 0
        assert capabilities.short_selling or position >= 0
    assert run.venue.positions[0] == position
    assert run.venue.cash["USD"] == CAPITAL - spent


@given(scripts(), SETTINGS, CAPABILITIES)
def test_no_order_fills_more_than_was_asked_or_before_it_came(
    steps: list[Step], settings: SimulationSettings, capabilities: VenueCapabilities
) -> None:
    run = Run(steps, settings, capabilities)
    asked = {order_id: request.quantity_raw for order_id, request in run.requests.items()}
    for commands, _ in steps:
        for command in commands:
            if isinstance(command, ReplaceOrder):
                asked[command.new_client_order_id] = command.quantity_raw
                # What hangs on an order that grew fills for the whole of it.
                root = command.client_order_id.split("-")[0]
                asked[root] = max(asked.get(root, 0), command.quantity_raw)
    filled: dict[str, int] = {}
    accepted = {event.client_order_id: event.time for event in run.events if isinstance(event, OrderAccepted)}
    for fill in (fill for fills in run.fills for fill in fills):
        filled[fill.client_order_id] = filled.get(fill.client_order_id, 0) + fill.quantity_raw
        root = fill.client_order_id.split("-")[0]
        assert filled[fill.client_order_id] <= asked[root]
        if fill.client_order_id in accepted:
            assert fill.time >= accepted[fill.client_order_id]
    assert len({fill.fill_id for fills in run.fills for fill in fills}) == sum(len(fills) for fills in run.fills)


@given(scripts(), SETTINGS)
def test_prices_are_never_better_than_the_market_or_beyond_a_limit(steps: list[Step], settings: SimulationSettings) -> None:
    run = Run(steps, settings, GENERIC)
    for number, ((_, (open_, _, _, _, _)), fills) in enumerate(zip(steps, run.fills, strict=True), start=1):
        for fill in fills:
            request = run.requests.get(fill.client_order_id)
            if request is None:
                continue
            sign = 1 if request.side is Side.BUY else -1
            worse = (fill.price_raw - open_) * sign
            at_open = fill.time == number * NS_PER_MINUTE
            if request.limit_raw:
                assert (request.limit_raw - fill.price_raw) * sign >= 0
            elif at_open:
                assert worse >= 0
            if request.order_type is OrderType.STOP and not at_open:
                assert (fill.price_raw - request.stop_raw) * sign >= 0


@given(scripts(), SETTINGS, CAPABILITIES)
def test_same_inputs_say_the_same(steps: list[Step], settings: SimulationSettings, capabilities: VenueCapabilities) -> None:
    assert Run(steps, settings, capabilities).events == Run(steps, settings, capabilities).events


@given(scripts(), SETTINGS)
def test_the_short_cut_over_bars_changes_nothing(steps: list[Step], settings: SimulationSettings) -> None:
    def say(run: Run) -> list[tuple[str, int, str, int]]:
        return [
            (type(e).__name__, e.time, getattr(e, "client_order_id", ""), getattr(e, "price_raw", 0))
            for e in run.events
            if getattr(e, "client_order_id", "") != "watch"
        ]

    without_jitter = replace(settings, latency_jitter_ppm=0)
    assert say(Run(steps, without_jitter, GENERIC)) == say(Run(steps, without_jitter, GENERIC, slowly=True))


@given(scripts(), SETTINGS, CAPABILITIES)
def test_every_order_is_answered_and_what_is_open_is_busy(
    steps: list[Step], settings: SimulationSettings, capabilities: VenueCapabilities
) -> None:
    run = Run(steps, settings, capabilities)
    run.venue.advance(NS_PER_MINUTE * 10_000)
    run.events += run.venue.take_events()
    sent = list(run.requests)
    answered = [
        e.client_order_id for e in run.events if isinstance(e, OrderAccepted | OrderReject) and "-" not in e.client_order_id
    ]
    assert sorted(answered) == sorted(sent)
    assert run.venue.busy[0] == bool(run.venue.open_orders())
    assert run.venue.busy_count == int(run.venue.busy[0])
    assert all(order.quantity_raw - order.filled_raw > 0 for order in run.venue.open_orders())


@pytest.mark.covers("B180")
@given(st.integers(0, 2**64), st.integers(0, 10**12), st.integers(0, 1_000_000))
def test_jitter_is_reproducible_and_bounded(seed: int, value: int, ppm: int) -> None:
    one, two = Jitter(seed), Jitter(seed)
    drawn = [one.spread(value, ppm) for _ in range(5)]
    assert drawn == [two.spread(value, ppm) for _ in range(5)]
    assert all(value * (1_000_000 - ppm) // 1_000_000 <= number <= value * (1_000_000 + ppm) // 1_000_000 for number in drawn)


def test_jitter_keeps_its_sequence_and_is_even() -> None:
    assert [Jitter(7).below(1000) for _ in range(2)] == [Jitter(7).below(1000)] * 2
    jitter = Jitter(7)
    assert [jitter.below(1000) for _ in range(6)] == [920, 783, 963, 211, 6, 908]
    counts = [0] * 10
    for _ in range(10_000):
        counts[jitter.below(10)] += 1
    assert min(counts) > 900
    assert max(counts) < 1100
