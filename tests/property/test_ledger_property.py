"""The ledger under any sequence of executions, busts, corrections, splits and replacements: cash is conserved to the last digit."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algotrader.core.instruments import AssetClass, Instrument, crypto, equity
from algotrader.core.ledger import Booking, Ledger, RoundTrip
from algotrader.core.orders import Side

INSTRUMENTS = [equity("AAPL"), crypto("BTC/USDT"), Instrument("ESZ5", AssetClass.FUTURE, multiplier=50)]
OWNERS = ["one", "two"]

Step = tuple[str, int, int, int, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["fill"] * 6 + ["bust", "correct", "replace", "move"]),
        st.integers(0, 1),
        st.integers(0, 2),
        st.integers(-1000, 1000).filter(bool),
        st.integers(1, 10**7),
        st.integers(-50, 10**6),
    ),
    max_size=40,
)


class Twin:
    """What the ledger should say, kept as plain lists."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.fills: dict[str, tuple[str, Instrument, int, int, int]] = {}
        self.moved = 0
        self.count = 0

    def step(self, step: Step) -> None:
        """Do one thing to both."""
        kind, owner, thing, quantity, price, commission = step
        instrument = INSTRUMENTS[thing]
        names = list(self.fills)
        if kind == "move":
            self.moved += commission
            self.ledger.move_cash(instrument.venue, instrument.currency, commission)
        elif kind == "fill" or not names:
            self.fill(OWNERS[owner], instrument, quantity, price, commission)
        else:
            self.amend(kind, names[quantity % len(names)], abs(quantity), price, commission)

    def fill(self, owner: str, instrument: Instrument, quantity: int, price: int, commission: int) -> None:
        """A new execution; its sign is its side."""
        self.count += 1
        booking = self.booking(f"f{self.count}", quantity, price, commission)
        self.ledger.book(owner, instrument, Side.BUY if quantity > 0 else Side.SELL, booking)
        self.fills[booking.fill_id] = (owner, instrument, quantity, price, commission)

    def amend(self, kind: str, name: str, size: int, price: int, commission: int) -> None:
        """Take an execution out, change it, or put a real one in its place."""
        owner, instrument, quantity, old_price, old_commission = self.fills[name]
        sign = 1 if quantity > 0 else -1
        if kind == "bust":
            self.ledger.bust(name)
            del self.fills[name]
        elif kind == "correct":
            self.ledger.correct(name, price, size, commission)
            self.fills[name] = (owner, instrument, sign * size, price, commission)
        else:
            self.count += 1
            real = self.booking(f"f{self.count}", sign * size, price, commission)
            self.ledger.put_in_place(name, real)
            rest = abs(quantity) - size
            del self.fills[name]
            if rest > 0:
                self.fills[name] = (owner, instrument, sign * rest, old_price, old_commission * rest // abs(quantity))
            self.fills[real.fill_id] = (owner, instrument, sign * size, price, commission)

    def booking(self, name: str, quantity: int, price: int, commission: int) -> Booking:
        """An execution as the ledger takes it."""
        sign = 1 if quantity > 0 else -1
        return Booking(name, "a", "c", sign, price, abs(quantity), commission, self.count, 0, "")

    def check(self) -> None:
        """Hold one against the other."""
        cash = self.moved
        held: dict[tuple[str, str], int] = {}
        for owner, instrument, quantity, price, commission in self.fills.values():
            cash -= quantity * price * instrument.money_factor + commission
            key = (owner, instrument.symbol)
            held[key] = held.get(key, 0) + quantity
        assert sum(self.ledger.cash.values()) == cash
        total = self.moved
        for (owner, symbol), position in self.ledger.positions.items():
            assert position.quantity_raw == held.get((owner, symbol), 0)
            assert position.cost == 0 or position.quantity_raw
            total += position.realized - position.commission - position.cost
            self.check_trips(position.trips, position.realized, position.quantity_raw)
        assert total == cash
        for instrument in INSTRUMENTS:
            mine = sum(quantity for (_, symbol), quantity in held.items() if symbol == instrument.symbol)
            assert self.ledger.net_quantity(instrument.symbol) == mine
        sequences = [trip.sequence for trip in self.ledger.trips]
        assert sequences == sorted(sequences)
        assert len(self.ledger.trips) == sum(len(position.trips) for position in self.ledger.positions.values())

    def check_trips(self, trips: list[RoundTrip], realized: int, quantity: int) -> None:
        """When flat, all that was realised is in the round trips."""
        if quantity == 0:
            assert sum(trip.gross for trip in trips) == realized


@pytest.mark.covers("A22")
@given(STEPS)
def test_nothing_is_ever_lost_or_made(steps: list[Step]) -> None:
    twin = Twin()
    for step in steps:
        twin.step(step)
        twin.check()


@pytest.mark.covers("A22")
@given(STEPS)
def test_busting_everything_leaves_nothing(steps: list[Step]) -> None:
    twin = Twin()
    for step in steps:
        twin.step(step)
    for name in list(twin.fills):
        twin.ledger.bust(name)
    assert sum(twin.ledger.cash.values()) == twin.moved
    assert all(position.quantity_raw == position.cost == position.realized == 0 for position in twin.ledger.positions.values())
    assert twin.ledger.trips == []


@given(STEPS, st.sampled_from([(2, 1), (3, 2), (1, 10), (7, 3)]), st.integers(1, 10**6))
def test_a_split_changes_neither_wealth_nor_profit_by_more_than_the_fraction(
    steps: list[Step], ratio: tuple[int, int], price: int
) -> None:
    twin = Twin()
    for step in steps:
        twin.step(step)
    numerator, denominator = ratio
    instrument = INSTRUMENTS[0]
    before = {key: (p.quantity_raw, p.cost, p.realized) for key, p in twin.ledger.positions.items() if key[1] == "AAPL"}
    cash = sum(twin.ledger.cash.values())
    paid = twin.ledger.split(instrument, numerator, denominator, price, 99)
    assert sum(twin.ledger.cash.values()) == cash + paid
    for key, (quantity, cost, realized) in before.items():
        after = twin.ledger.positions[key]
        exact = Fraction(quantity * numerator, denominator)
        assert abs(after.quantity_raw) == abs(exact).__floor__()
        assert (after.realized - realized) + (cost - after.cost) == after.paid_in_lieu
        fraction = exact - after.quantity_raw
        assert abs(Fraction(after.paid_in_lieu) - fraction * price * instrument.money_factor) < 1
