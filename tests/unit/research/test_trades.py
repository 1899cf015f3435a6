"""What a run traded: counts, sums and the fingerprint are the same with and without records."""

from __future__ import annotations

import pickle
from decimal import Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algotrader.core.events import OrderFill
from algotrader.core.instruments import Instrument, crypto, equity
from algotrader.core.orders import Side
from algotrader.core.positions import RoundTrip
from algotrader.core.scaled import MONEY_SCALE, from_money, from_scaled
from algotrader.research.records import Records
from algotrader.research.trades import (
    Fills,
    Trips,
    commissions_of,
    durations_of,
    fingerprint_of,
    profits_of,
    short_text,
    total_of,
    traded_by,
)

AAPL, BTC = equity("AAPL"), crypto("BTC/USDT")
MONEY = st.integers(-(10**25), 10**25)
CENTS = st.integers(-(10**6), 10**6).map(lambda cents: cents * 10**16)


@st.composite
def executions(draw: st.DrawFn) -> Fills:
    rows = []
    for number in range(draw(st.integers(0, 8))):
        instrument = draw(st.sampled_from([AAPL, BTC]))
        numbers = st.integers(1, 2**53 - 1) | st.integers(1, 10**6).map(lambda whole: whole * 10**4)
        price, quantity = draw(numbers), draw(numbers)
        side, commission = draw(st.sampled_from(list(Side))), draw(st.integers(0, 10**20) | CENTS)
        symbol = instrument.symbol
        fill = OrderFill(number, f"o{number}", f"f{number}", symbol, side, price, quantity, commission)
        rows.append((fill, None))
    return Fills(rows, {"AAPL": AAPL, "BTC/USDT": BTC})


@st.composite
def round_trips(draw: st.DrawFn) -> Trips:
    times = st.integers(0, 5)
    values = st.integers(1, 10**24)
    found = []
    for number in range(draw(st.integers(0, 8))):
        entry, length = draw(times), draw(times)
        side = draw(st.sampled_from(["long", "short"]))
        found.append(
            RoundTrip(f"t{number}", "", "s", AAPL, side, 10, draw(values), draw(values), draw(values), entry, entry + length)
        )
    return Trips(found)


@given(executions())
def test_fills_tell_the_same_with_and_without_records(fills: Fills) -> None:
    told = len(fills), commissions_of(fills), traded_by(fills), fingerprint_of(fills)
    records = list(fills)
    assert told == (len(records), commissions_of(records), traded_by(records), fingerprint_of(records))


@given(round_trips())
def test_round_trips_tell_the_same_with_and_without_records(trips: Trips) -> None:
    told = len(trips), profits_of(trips), durations_of(trips)
    records = list(trips)
    assert told == (len(records), profits_of(records), durations_of(records))
    assert records == sorted(records, key=lambda trip: (trip.exit_time, trip.entry_time, trip.trip_id))


@given(st.lists(MONEY | CENTS, max_size=9))
def test_a_total_is_written_as_the_sum_of_the_decimals(amounts: list[int]) -> None:
    context, total = Context(prec=80), Decimal(0)
    for amount in amounts:
        total = context.add(total, from_money(amount))
    assert str(total_of(amounts)) == str(total)


@given(st.integers(0, 2**60) | st.integers(0, 10**6).map(lambda whole: whole * 10**9), st.integers(0, 18))
def test_short_text_is_what_decimal_writes(raw: int, scale: int) -> None:
    assert short_text(raw, scale) == str(from_scaled(raw, scale).normalize())


class Letters(Records[str]):
    """Three records that count how often they are made."""

    def __init__(self) -> None:
        super().__init__(3)
        self.times = 0

    def _make(self) -> list[str]:
        self.times += 1
        return ["a", "b", "c"]


def test_records_are_made_when_somebody_looks() -> None:
    letters = Letters()
    assert len(letters) == 3
    assert bool(letters)
    assert letters.times == 0
    assert (letters[0], letters[-1], letters[1:]) == ("a", "c", ["b", "c"])
    assert (list(letters), repr(letters)) == (["a", "b", "c"], "['a', 'b', 'c']")
    assert letters == ["a", "b", "c"] == letters
    assert letters == Letters()
    assert letters != ["a"]
    assert letters.times == 1


def test_records_travel_as_a_list() -> None:
    assert pickle.loads(pickle.dumps(Letters())) == ["a", "b", "c"]


@pytest.mark.parametrize("instrument", [AAPL, BTC])
def test_price_times_quantity_always_fits_into_money(instrument: Instrument) -> None:
    assert instrument.price_scale + instrument.quantity_scale <= MONEY_SCALE
