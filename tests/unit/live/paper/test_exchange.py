"""Orders at the paper venue from their arrival to their end, told by what a client hears and by what the venue knows afterwards."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from paper_rig import AAPL, CAPITAL, CLOSE, LEVEL, NO_LATENCY, OPEN, Desk, at_desk, bar, minute, parse, raw, refusal, submit
from unit.simulation.support import MSFT

from algotrader.core.instruments import ALPACA_LIKE, GENERIC, VenueCapabilities
from algotrader.core.market import NS_PER_SECOND, Bar
from algotrader.live.paper.exchange import PaperTiming
from algotrader.live.paper.faults import Faults
from algotrader.simulation.costs import PerShareCommission
from algotrader.simulation.settings import SimulationSettings

FALL = ("100", "100", "95", "96")
RISE = ("100", "105", "100", "104")

# (name, orders with the minute they are sent at, bars from number 0 on, what is heard, what is known at the end)
LIVES = [
    ("market", [(0, "a buy 10 market day")], [LEVEL], ["a accepted", "a buy 10 @ 100.00"], ["a 10/10 @ 100.00 filled"]),
    (
        "market after a gap",
        [(1, "a buy 10 market day")],
        [LEVEL, RISE],
        ["a accepted", "a buy 10 @ 100.00"],
        ["a 10/10 @ 100.00 filled"],
    ),
    (
        "market in the middle of a bar fills at its close",
        [(0.5, "a buy 10 market day")],
        [RISE],
        ["a accepted", "a buy 10 @ 104.00"],
        ["a 10/10 @ 104.00 filled"],
    ),
    (
        "limit rests until the price crosses",
        [(0, "a buy 10 limit 96.00 day")],
        [RISE, FALL],
        ["a accepted", "a buy 10 @ 96.00"],
        ["a 10/10 @ 96.00 filled"],
    ),
    (
        "marketable limit",
        [(0, "a buy 10 limit 101 day")],
        [LEVEL],
        ["a accepted", "a buy 10 @ 100.00"],
        ["a 10/10 @ 100.00 filled"],
    ),
    (
        "limit in the middle of a bar waits for the next one",
        [(0.5, "a buy 10 limit 96.00 day")],
        [FALL, FALL],
        ["a accepted", "a buy 10 @ 96.00"],
        ["a 10/10 @ 96.00 filled"],
    ),
    ("stop", [(0, "a buy 10 stop 103 day")], [LEVEL, RISE], ["a accepted", "a buy 10 @ 103.00"], ["a 10/10 @ 103.00 filled"]),
    (
        "stop-limit",
        [(0, "a buy 10 stop_limit 103 102 day")],
        [RISE, LEVEL],
        ["a accepted", "a triggered", "a buy 10 @ 100.00"],
        ["a 10/10 @ 100.00 filled"],
    ),
    ("immediate or cancel", [(0, "a buy 10 limit 90 ioc")], [LEVEL], ["a accepted", "a cancelled"], ["a 0/10 canceled"]),
]


@pytest.mark.covers("A51", "B29", "B177", "B178", "B179", "A37", "A42", "A43", "B19", "B21", "B23")
@pytest.mark.parametrize("capabilities", [GENERIC, ALPACA_LIKE], ids=["generic", "alpaca-like"])
@pytest.mark.parametrize(("orders", "bars", "heard", "known"), [life[1:] for life in LIVES], ids=[life[0] for life in LIVES])
def test_an_order_lives(
    orders: list[tuple[float, str]],
    bars: list[tuple[str, ...]],
    heard: list[str],
    known: list[str],
    capabilities: VenueCapabilities,
) -> None:
    async def script(desk: Desk) -> None:
        for at, text in orders:
            await desk.at(at)
            await desk.send(text)
        await desk.at(len(bars) + 0.5)
        assert desk.said == heard
        assert await desk.known() == known
        assert await desk.broker.open_orders() == []

    at_desk(script, [bar(number, prices) for number, prices in enumerate(bars)], capabilities=capabilities)


@pytest.mark.covers("A38")
@pytest.mark.parametrize("capabilities", [GENERIC, ALPACA_LIKE], ids=["generic", "alpaca-like"])
def test_what_is_attached_waits_for_the_entry_and_one_cancels_the_other(capabilities: VenueCapabilities) -> None:
    async def script(desk: Desk) -> None:
        await desk.send("a buy 10 limit 99 day", stop_loss="96", take_profit="104")
        assert await desk.known() == ["a 0/10 accepted", "a-sl 0/10 accepted", "a-tp 0/10 accepted"]
        held = await desk.broker.order("a-sl", "AAPL")
        assert held is not None
        assert (held.attached_to, held.stop_raw, held.venue_order_id) == ("a", raw("96"), "")
        await desk.at(3.5)
        assert desk.said == [
            "a accepted",
            "a buy 10 @ 99.00",
            "a-sl accepted",
            "a-tp accepted",
            "a-tp sell 10 @ 104.00",
            "a-sl cancelled",
        ]
        assert await desk.known() == ["a 10/10 @ 99.00 filled", "a-sl 0/10 canceled", "a-tp 10/10 @ 104.00 filled"]
        assert await desk.broker.positions() == []

    at_desk(script, [bar(0), bar(1, ("99", "99", "99", "99")), bar(2, RISE)], capabilities=capabilities)


def test_an_attached_stop_is_live_on_the_bar_of_its_entry() -> None:
    async def script(desk: Desk) -> None:
        await desk.send("a buy 10 market day", stop_loss="96")
        await desk.at(1.5)
        assert desk.said == ["a accepted", "a buy 10 @ 100.00", "a-sl accepted", "a-sl sell 10 @ 96.00"]

    at_desk(script, [bar(0, FALL)], capabilities=ALPACA_LIKE)


# (seconds after the entry's fill at which the stop is sent, bar on which it is hit)
@pytest.mark.parametrize(("after", "hit"), [(0.0, 1), (0.2, 1), (0.6, 2)])
def test_a_stop_sent_at_once_counts_for_the_bar_of_its_entry(after: float, hit: int) -> None:
    async def script(desk: Desk) -> None:
        await desk.send("a buy 10 market day")
        await desk.clock.sleep_until(minute(1))
        await desk.clock.sleep(after)
        await desk.send("s sell 10 stop 96 gtc")
        await desk.at(hit + 0.1)
        assert desk.said[-1] == "s sell 10 @ 96.00"
        assert desk.heard[-1].time == minute(hit) + (NS_PER_SECOND // 2 if hit == 1 else 0)

    at_desk(script, [bar(0, FALL), bar(1, ("97", "97", "95", "96"))])


def test_orders_for_the_day_expire_at_the_close_and_later_ones_belong_to_the_next_session() -> None:
    last = (CLOSE - OPEN) // (60 * NS_PER_SECOND)

    async def script(desk: Desk) -> None:
        await desk.send("a buy 10 limit 90 day")
        await desk.send("b buy 10 limit 90 gtc")
        await desk.at(last + 0.001)
        await desk.send("c buy 10 limit 90 day")
        await desk.at(last + 0.5)
        assert desk.said == ["a accepted", "b accepted", "c accepted", "a expired"]
        assert await desk.known() == ["a 0/10 expired", "b 0/10 accepted", "c 0/10 accepted"]

    at_desk(script, [bar(last - 1)])


@pytest.mark.covers("B31")
def test_a_replacement_takes_over_and_goes_on_counting() -> None:
    async def script(desk: Desk) -> None:
        await desk.send("a buy 30000 limit 100 day")
        await desk.at(1.2)
        assert await desk.known() == ["a 25000/30000 @ 100.00 partially_filled"]
        leg = await desk.replace("a", "a-r1", 40000, limit="101")
        assert (leg.quantity_raw, leg.filled_raw, leg.limit_raw) == (40000, 25000, raw("101"))
        await desk.at(2.2)
        assert desk.said == ["a accepted", "a buy 25000 @ 100.00", "a replaced by a-r1", "a-r1 buy 15000 @ 101.00"]
        assert await desk.known() == ["a 25000/30000 @ 100.00 canceled -> a-r1", "a-r1 40000/40000 @ 100.38 filled"]

    settings = replace(SimulationSettings.ideal(), volume_limit_ppm=25_000)
    at_desk(script, [bar(0), bar(1, ("102", "102", "101", "101"))], settings=settings)


@pytest.mark.covers("A39")
def test_a_cancel_is_confirmed_by_an_event_and_refused_when_it_comes_too_late() -> None:
    async def script(desk: Desk) -> None:
        await desk.send("a buy 10 limit 90 gtc")
        await desk.broker.cancel("a", "", "AAPL")
        await desk.clock.sleep(1)
        assert desk.said == ["a accepted", "a cancelled"]
        assert await refusal(desk.broker.cancel("a", "", "AAPL")) == "too_late"
        assert await refusal(desk.broker.cancel("b", "", "AAPL")) == "not_found"
        assert await refusal(desk.replace("a", "a-r1", 5, limit="91")) == "too_late"
        assert await refusal(desk.replace("b", "b-r1", 5, limit="91")) == "not_found"
        assert await desk.known() == ["a 0/10 canceled"]

    at_desk(script, [bar(0)])


def test_an_id_is_refused_for_ever_and_one_that_never_came_is_denied() -> None:
    async def script(desk: Desk) -> None:
        await desk.send("a buy 10 market day")
        await desk.send("b buy 10 limit 90 gtc", stop_loss="80")
        await desk.broker.cancel("b", "", "AAPL")
        await desk.at(1.5)
        assert await refusal(desk.send("d sell 10 stop 105 gtc")) == "through_market"
        for used in ("a", "b", "b-sl", "d"):
            assert await refusal(desk.send(f"{used} buy 5 market day")) == "duplicate_id"
        kept = await desk.broker.order("a", "AAPL")
        assert kept is not None
        assert kept.filled_raw == kept.quantity_raw == 10
        assert await desk.broker.order("x", "AAPL") is None
        assert await refusal(desk.broker.submit(submit("m buy 1 market day", MSFT))) == "unsupported"

    at_desk(script, [bar(0)])


@pytest.mark.parametrize(
    ("capabilities", "second", "code"),
    [
        (ALPACA_LIKE, "b sell 10 market day", "insufficient_quantity"),
        (ALPACA_LIKE, "b buy 10 limit 90 day", "opposing_order"),
        (GENERIC, "b sell 10 market day", "not refused"),
        (GENERIC, "b buy 10 limit 90 day", "not refused"),
    ],
)
def test_the_venue_enforces_what_it_is(capabilities: VenueCapabilities, second: str, code: str) -> None:
    async def script(desk: Desk) -> None:
        await desk.send("a buy 10 market day")
        await desk.at(1.2)
        await desk.send("s sell 10 stop 90 gtc")
        assert await refusal(desk.send(second)) == code
        found = await desk.broker.order("b", "AAPL")
        assert found is not None
        assert (found.state.value == "rejected") is (code != "not refused")

    at_desk(script, [bar(0), bar(1)], capabilities=capabilities)


@pytest.mark.covers("A41", "B189", "A32", "B19", "B24")
def test_positions_money_and_fills_are_kept() -> None:
    async def script(desk: Desk) -> None:
        broker = desk.broker
        await desk.send("a buy 10 market day")
        await desk.at(1.2)
        await desk.send("b buy 30 market day")
        await desk.at(2.2)
        (position,) = await broker.positions()
        assert (position.symbol, position.quantity_raw, position.average_raw) == ("AAPL", 40, raw("103"))
        money = await broker.account()
        spent = AAPL.notional(raw("103"), 40) + 40 * 10**16
        assert (CAPITAL - money.cash, money.currency, money.is_paper) == (spent, "USD", True)
        assert money.equity == money.cash + AAPL.notional(raw("104"), 40)
        assert money.buying_power == money.cash
        await desk.send("c buy 5 limit 90 day")
        assert (await broker.account()).buying_power == money.cash - AAPL.notional(raw("90"), 5)
        await desk.send("d sell 50 market day")
        await desk.at(3.2)
        (position,) = await broker.positions()
        assert (position.quantity_raw, position.average_raw) == (-10, raw("100"))
        fills = await broker.fills(0)
        assert [(fill.fill_id, fill.client_order_id, fill.quantity_raw) for fill in fills] == [
            ("x1", "a", 10),
            ("x2", "b", 30),
            ("x3", "d", 50),
        ]
        assert await broker.fills(minute(2)) == fills[1:]
        assert [status.client_order_id for status in await broker.recent_orders(minute(2))] == ["b", "c", "d"]

    settings = replace(SimulationSettings.ideal(), commission=PerShareCommission(Decimal("0.01")))
    at_desk(script, [bar(0), bar(1, ("104", "104", "104", "104")), bar(2)], settings=settings)


@pytest.mark.covers("B181", "B31")
def test_a_large_order_is_filled_in_parts() -> None:
    class Thin(Faults):
        async def volume(self, bar: Bar) -> int:
            return 400

    async def script(desk: Desk) -> None:
        await desk.send("a buy 25 market day")
        await desk.at(3.5)
        assert desk.said == ["a accepted", "a buy 10 @ 100.00", "a buy 10 @ 100.00", "a buy 5 @ 100.00"]

    settings = replace(SimulationSettings.ideal(), volume_limit_ppm=25_000)
    at_desk(script, [bar(0), bar(1), bar(2)], settings=settings, faults=Thin())


def test_a_person_trades_and_pays_in() -> None:
    async def script(desk: Desk) -> None:
        before = await desk.broker.account()
        desk.exchange.person_order(parse("by-hand buy 10 market day", AAPL))
        desk.exchange.deposit(10**18)
        await desk.at(1.2)
        assert desk.said == ["by-hand accepted", "by-hand buy 10 @ 100.00"]
        assert [position.quantity_raw for position in await desk.broker.positions()] == [10]
        assert (await desk.broker.account()).equity - before.equity == 10**18

    at_desk(script, [bar(0)])


def test_a_halted_instrument_takes_orders_and_fills_none() -> None:
    async def script(desk: Desk) -> None:
        desk.exchange.set_halted("AAPL", True)
        await desk.send("a buy 10 market day")
        await desk.at(1.2)
        assert desk.said == ["a accepted"]
        desk.exchange.set_halted("AAPL", False)
        await desk.at(2.2)
        assert desk.said == ["a accepted", "a buy 10 @ 100.00"]

    at_desk(script, [bar(0), bar(1)])


@pytest.mark.parametrize(("grace", "price"), [(2.0, "100.00"), (1.5, "104.00")])
def test_what_comes_right_after_the_open_counts_as_there(grace: float, price: str) -> None:
    async def script(desk: Desk) -> None:
        await desk.clock.sleep(2)
        await desk.send("a buy 10 market day")
        await desk.at(1.2)
        assert desk.said[-1] == f"a buy 10 @ {price}"

    at_desk(script, [bar(0, RISE)], latency=NO_LATENCY, timing=PaperTiming(grace=grace))


def test_a_trailing_stop_shows_where_it_is() -> None:
    async def script(desk: Desk) -> None:
        await desk.send("a buy 10 market day")
        await desk.at(1.01)
        await desk.send("t sell 10 trailing_stop 2 gtc")
        await desk.at(2.2)
        (trail,) = await desk.broker.open_orders()
        assert trail.stop_raw == raw("103")

    at_desk(script, [bar(0), bar(1, RISE)])


def test_what_reduces_a_position_leaves_its_average() -> None:
    async def script(desk: Desk) -> None:
        await desk.send("a sell 40 market day")
        await desk.at(1.01)
        await desk.send("b sell 20 market day")
        await desk.at(2.01)
        await desk.send("c buy 30 market day")
        await desk.at(3.2)
        (position,) = await desk.broker.positions()
        assert (position.quantity_raw, position.average_raw) == (-30, raw("102"))

    at_desk(script, [bar(0), bar(1, ("106", "106", "106", "106")), bar(2, ("90", "90", "90", "90"))])


def test_prices_of_quiet_instruments_are_known_too() -> None:
    """A stop is judged by the last price, also where nothing was traded before."""

    async def script(desk: Desk) -> None:
        await desk.at(1.2)
        assert await refusal(desk.send("s sell 10 stop 98 gtc")) == "through_market"

    at_desk(script, [bar(0, FALL)])


@pytest.mark.parametrize(("speed", "grace"), [(1.0, 1.5), (60.0, 2.3), (390.0, 12.2), (10_000.0, 45.0)])
def test_clients_of_a_fast_venue_get_time_to_answer(speed: float, grace: float) -> None:
    assert PaperTiming.at_speed(speed).grace == pytest.approx(grace)
