"""The books against sums done by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from algotrader.core.instruments import AssetClass, Instrument, crypto, equity
from algotrader.core.ledger import Booking, Ledger
from algotrader.core.orders import Side
from algotrader.core.positions import RoundTrip
from algotrader.core.scaled import from_money, money

AAPL = equity("AAPL")
MSFT = equity("MSFT")


class Book:
    """A ledger written in words: ``buy 100 @ 10.50 costs 1``."""

    def __init__(self, owner: str = "s", instrument: Instrument = AAPL) -> None:
        self.ledger = Ledger()
        self.owner = owner
        self.instrument = instrument
        self.count = 0

    def do(self, *lines: str, owner: str = "", instrument: Instrument | None = None) -> list[RoundTrip]:
        """Book executions, named f1, f2 and so on; gives the round trips that ended."""
        ended: list[RoundTrip] = []
        thing = instrument or self.instrument
        for line in lines:
            side, quantity, _, price, *rest = line.split()
            self.count += 1
            commission = money(Decimal(rest[1])) if rest else 0
            booking = Booking(
                f"f{self.count}",
                "a1",
                "c1",
                1 if side == "buy" else -1,
                thing.price_raw(Decimal(price)),
                thing.quantity_raw(Decimal(quantity)),
                commission,
                self.count * 10,
                980_000,
                "test",
            )
            ended += self.ledger.book(owner or self.owner, thing, Side(side), booking)
        return ended

    @property
    def cash(self) -> Decimal:
        """All cash."""
        return from_money(sum(self.ledger.cash.values()))

    @property
    def state(self) -> str:
        """Quantity at average, and realised profit less commission."""
        position = self.ledger.position(self.owner, self.instrument)
        return f"{position.quantity} at {position.average_entry_price} made {from_money(position.realized - position.commission)}"


def words(trip: RoundTrip) -> str:
    """A round trip as a line."""
    return f"{trip.side} {trip.quantity} from {trip.entry_price} to {trip.exit_price} made {trip.pnl}"


@pytest.mark.covers("A22", "A30", "C22", "C23", "C47")
@pytest.mark.parametrize(
    ("lines", "state", "cash", "trips"),
    [
        (["buy 100 @ 10"], "100 at 10.00 made 0.00", "-1000", []),
        (["sell 100 @ 10"], "-100 at 10.00 made 0.00", "1000", []),
        # (10 x 100 + 11 x 50) / 150
        (["buy 100 @ 10", "buy 50 @ 11"], "150 at 10.3333333333 made 0.00", "-1550", []),
        (["buy 100 @ 10", "sell 40 @ 12"], "60 at 10.00 made 80.00", "-520", []),
        (["buy 100 @ 10 costs 1", "sell 40 @ 12 costs 0.5"], "60 at 10.00 made 78.50", "-521.50", []),
        # Two exits at 12 and 9 are one round trip: (40 x 12 + 60 x 9) / 100 = 10.2
        (
            ["buy 100 @ 10", "sell 40 @ 12", "sell 60 @ 9"],
            "0 at 0 made 20.00",
            "20",
            ["long 100 from 10.00 to 10.20 made 20.00"],
        ),
        # Scaling in after a part exit belongs to the same round trip.
        (
            ["buy 100 @ 10", "sell 50 @ 11", "buy 50 @ 12", "sell 100 @ 13"],
            "0 at 0 made 250.00",
            "250",
            ["long 150 from 10.6666666667 to 12.3333333333 made 250.00"],
        ),
        (
            ["sell 100 @ 10 costs 1", "buy 100 @ 8 costs 2"],
            "0 at 0 made 197.00",
            "197",
            ["short 100 from 10.00 to 8.00 made 197.00"],
        ),
        # 150 sold against 100: two thirds of the commission close the long, one third opens the short.
        (
            ["buy 100 @ 10 costs 1", "sell 150 @ 12 costs 3"],
            "-50 at 12.00 made 196.00",
            "796",
            ["long 100 from 10.00 to 12.00 made 197.00"],
        ),
        (["buy 100 @ 10", "sell 100 @ 10"], "0 at 0 made 0.00", "0", ["long 100 from 10.00 to 10.00 made 0.00"]),
        (["buy 100 @ 10 costs -0.2"], "100 at 10.00 made 0.20", "-999.80", []),
    ],
)
def test_positions_cash_and_round_trips(lines: list[str], state: str, cash: str, trips: list[str]) -> None:
    book = Book()
    assert [words(trip) for trip in book.do(*lines)] == trips
    assert book.state == state
    assert book.cash == Decimal(cash)


@pytest.mark.covers("A22")
def test_thirds_leave_nothing_behind() -> None:
    book = Book()
    trips = book.do("buy 3 @ 0.3333", "sell 1 @ 0.5001", "sell 1 @ 0.5001", "sell 1 @ 0.5001")
    position = book.ledger.position("s", AAPL)
    assert position.cost == 0
    assert [trip.pnl for trip in trips] == [book.cash] == [Decimal("0.5004")]


@pytest.mark.parametrize(
    ("instrument", "lines", "cash"),
    [
        (crypto("BTC/USDT"), ["buy 0.00000001 @ 97123.45678901", "sell 0.00000001 @ 97123.45678902"], "0.0000000000000001"),
        (Instrument("ESZ5", AssetClass.FUTURE, multiplier=50), ["buy 2 @ 6800.25", "sell 2 @ 6801"], "75"),
    ],
)
def test_other_scales_and_multipliers(instrument: Instrument, lines: list[str], cash: str) -> None:
    book = Book(instrument=instrument)
    assert [trip.pnl for trip in book.do(*lines)] == [book.cash] == [Decimal(cash)]


def test_a_round_trip_knows_its_times_its_stop_and_its_share() -> None:
    trip = Book().do("buy 100 @ 10", "buy 100 @ 10", "sell 200 @ 11 costs 10")[0]
    assert (trip.entry_time, trip.exit_time, trip.duration_ns) == (10, 30, 20)
    assert (trip.stop_raw, trip.correlation_id, trip.owner, trip.reason) == (980_000, "c1", "s", "test")
    assert trip.pnl_fraction == pytest.approx(190 / 2000)
    assert trip.trip_id == "s:AAPL:1"


def test_several_strategies_hold_one_instrument_apart_and_the_venue_sees_the_sum() -> None:
    book = Book()
    book.do("buy 100 @ 10")
    book.do("buy 50 @ 12", owner="t")
    book.do("sell 30 @ 11", owner="t")
    book.do("sell 10 @ 300", instrument=MSFT)
    assert book.ledger.net_quantity("AAPL") == 120
    assert book.ledger.net_quantity("MSFT") == -10
    assert book.ledger.position("t", AAPL).average_entry_price == 12
    assert book.cash == Decimal(-1000 - 600 + 330 + 3000)


@pytest.mark.parametrize(
    ("busted", "state", "cash", "trips"),
    [
        # buy 100 @ 10, buy 50 @ 13, sell 100 @ 12, buy 50 @ 14
        ("f1", "0 at 0", "-150", ["long 50 from 13.00 to 12.00 made -50.00", "short 50 from 12.00 to 14.00 made -100.00"]),
        ("f2", "50 at 14.00", "-500", ["long 100 from 10.00 to 12.00 made 200.00"]),
        ("f3", "200 at 11.75", "-2350", []),
        ("nobody's", "100 at 12.50", "-1150", []),
    ],
)
def test_a_bust_is_as_if_the_execution_had_never_been(busted: str, state: str, cash: str, trips: list[str]) -> None:
    book = Book()
    book.do("buy 100 @ 10", "buy 50 @ 13", "sell 100 @ 12", "buy 50 @ 14")
    book.ledger.bust(busted)
    assert book.state.split(" made")[0] == state
    assert book.cash == Decimal(cash)
    assert [words(trip) for trip in book.ledger.trips] == trips


def test_a_busted_execution_stays_known() -> None:
    book = Book()
    book.do("buy 100 @ 10")
    assert book.ledger.bust("f1") is not None
    assert book.ledger.bust("f1") is None
    assert book.ledger.knows("f1")
    assert not book.ledger.knows("f2")


def test_a_correction_rebooks_what_came_after() -> None:
    book = Book()
    book.do("buy 100 @ 10 costs 1", "sell 100 @ 12")
    book.ledger.correct("f1", 110_000, 100, money(Decimal(2)))
    assert [words(trip) for trip in book.ledger.trips] == ["long 100 from 11.00 to 12.00 made 98.00"]
    assert book.cash == 98


def test_round_trips_keep_the_order_of_their_ends_when_one_is_rebooked() -> None:
    book = Book()
    book.do("buy 10 @ 10", "sell 10 @ 11")
    book.do("buy 10 @ 10", "sell 10 @ 12", owner="t")
    book.do("buy 10 @ 10", "sell 10 @ 13")
    book.ledger.correct("f1", 90_000, 10, 0)
    assert [(trip.owner, trip.pnl) for trip in book.ledger.trips] == [("s", Decimal(20)), ("t", Decimal(20)), ("s", Decimal(30))]


def test_a_real_execution_takes_the_place_of_the_inferred_one() -> None:
    book = Book()
    book.do("buy 100 @ 10", "sell 100 @ 12")
    real = Booking("real", "a1", "c1", 1, 105_000, 60, money(Decimal(1)), 99, 0, "test")
    book.ledger.put_in_place("f1", real)
    assert book.cash == Decimal(1200 - 630 - 400 - 1)
    rest = Booking("rest", "a1", "c1", 1, 106_000, 40, 0, 99, 0, "test")
    book.ledger.put_in_place("f1", rest)
    assert [words(trip) for trip in book.ledger.trips] == ["long 100 from 10.54 to 12.00 made 145.00"]
    assert book.ledger.put_in_place("f1", rest) is None


@pytest.mark.parametrize(
    ("lines", "ratio", "price", "state", "cash"),
    [
        (["buy 100 @ 10"], (2, 1), "5", "200 at 5.00 made 0.00", "-1000"),
        (["sell 100 @ 10"], (2, 1), "5", "-200 at 5.00 made 0.00", "1000"),
        # 15 old shares make 1.5 new ones; the half is paid at 100 and had cost 50.
        (["buy 15 @ 10"], (1, 10), "100", "1 at 100.00 made 0.00", "-100"),
        (["buy 15 @ 8"], (1, 10), "100", "1 at 80.00 made 10.00", "-70"),
        (["sell 15 @ 10"], (1, 10), "90", "-1 at 100.00 made 5.00", "105"),
        (["buy 5 @ 10"], (3, 2), "6.6667", "7 at 6.6666666667 made 0.00", "-46.66665"),
    ],
)
def test_a_split_scales_what_is_held_and_pays_fractions_in_cash(
    lines: list[str], ratio: tuple[int, int], price: str, state: str, cash: str
) -> None:
    book = Book()
    book.do(*lines)
    before = book.cash
    paid = book.ledger.split(AAPL, *ratio, AAPL.price_raw(Decimal(price)), 99)
    assert book.cash == before + from_money(paid) == Decimal(cash)
    assert book.state.split(" made")[0] == state.split(" made")[0]


def test_a_position_of_less_than_a_new_share_is_paid_out_and_ends() -> None:
    book = Book()
    book.do("buy 5 @ 10")
    book.ledger.split(AAPL, 1, 10, 1_100_000, 99)
    assert [words(trip) for trip in book.ledger.trips] == ["long 5 from 10.00 to 11.00 made 5.00"]
    assert book.cash == 5


def test_a_bust_after_a_split_counts_in_the_shares_of_its_time() -> None:
    book = Book()
    book.do("buy 15 @ 10", "buy 10 @ 10")
    book.ledger.split(AAPL, 1, 10, 1_000_000, 99)
    assert (book.state, book.cash) == ("2 at 100.00 made 0.00", Decimal(-200))
    book.ledger.bust("f2")
    assert (book.state, book.cash) == ("1 at 100.00 made 0.00", Decimal(-100))


def test_a_bust_brings_back_a_position_that_was_flat_at_the_split() -> None:
    book = Book()
    book.do("buy 10 @ 10", "sell 10 @ 11")
    book.ledger.split(AAPL, 2, 1, 55_000, 99)
    book.ledger.bust("f2")
    assert book.state == "20 at 5.00 made 0.00"


def test_cash_that_moves_without_a_trade_is_nobodys_profit() -> None:
    book = Book()
    book.do("buy 10 @ 10")
    book.ledger.move_cash("SIM", "USD", money(Decimal("12.34")))
    book.ledger.move_cash("SIM", "EUR", money(Decimal(1)))
    assert book.ledger.cash == {("SIM", "USD"): money(Decimal("-87.66")), ("SIM", "EUR"): money(Decimal(1))}
    assert book.state.endswith("made 0.00")


def test_a_symbol_change_carries_everything_over() -> None:
    book = Book(instrument=equity("FB"))
    book.do("buy 10 @ 10", "sell 10 @ 11", "buy 10 @ 10")
    meta = equity("META")
    book.ledger.rename(equity("FB"), meta)
    assert book.ledger.net_quantity("META") == 10
    assert book.ledger.net_quantity("FB") == 0
    book.ledger.bust("f3")
    assert book.ledger.net_quantity("META") == 0
    assert [trip.pnl for trip in book.ledger.trips] == [Decimal(10)]


@pytest.mark.covers("C23", "C24")
def test_value_and_profit_at_a_price() -> None:
    book = Book()
    book.do("sell 10 @ 10")
    position = book.ledger.position("s", AAPL)
    assert (position.side, from_money(position.market_value(120_000)), from_money(position.unrealized(120_000))) == (
        "short",
        Decimal(-120),
        Decimal(-20),
    )
    assert position.average_raw() == 100_000
