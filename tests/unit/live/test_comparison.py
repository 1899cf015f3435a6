"""Our books against the venue's, case by case: what is found, how bad it is, and which events settle it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from engine_rig import AAPL, DAY, MSFT, START, Rig
from venue_truth import Truth

from algotrader.core.events import OrderEvent, ScheduledTrigger, Split
from algotrader.core.instruments import GENERIC, VenueCapabilities
from algotrader.core.market import NS_PER_SECOND
from algotrader.core.orders import OrderState, Side
from algotrader.core.scaled import money
from algotrader.live.comparison import compare
from algotrader.live.findings import Agreement, Kind, ReconciliationReport, Severity, Strategy, severity_of
from algotrader.venues.protocols import AccountPicture, OrderStatus, VenuePosition

HALF_MINUTE = 30 * NS_PER_SECOND


class Pair:
    """An engine and its venue; everything the engine wants is done there, and told unless a test says otherwise."""

    def __init__(self, capabilities: VenueCapabilities = GENERIC) -> None:
        self.rig = Rig(capabilities, instruments=[AAPL, MSFT])
        self.truth = Truth([AAPL, MSFT])
        self.script = self.rig.strategy()
        self.last: ReconciliationReport | None = None

    def work(self, *, told: bool = True) -> None:
        """Carry out what the engine wants."""
        while commands := self.rig.engine.take_commands():
            for command in commands:
                self.hear(self.truth.carry_out(command), told=told)

    def hear(self, events: list[OrderEvent], *, told: bool = True) -> None:
        self.truth.now = self.rig.now
        if told:
            for event in events:
                self.rig.send(event)
            self.work()

    def enter(self, price: str | None = None, *, told: bool = True) -> None:
        """Let the strategy want in; the venue has the order."""
        self.script.entry, self.script.size, self.script.stop = "long", 100, Decimal(90)
        self.script.price = None if price is None else Decimal(price)
        self.rig.feed("100")
        self.rig.minute += 1
        self.rig.engine.slices.decide()
        self.work(told=told)

    def hold(self) -> None:
        """A position of 100 with its stop, both known to both sides."""
        self.enter()
        self.fill("a1", 100)

    def fill(self, name: str, quantity: int, price: int = 1_000_000, *, told: bool = True, late: bool = False) -> None:
        self.hear(self.truth.fill(self.truth.orders[name], quantity, price, late=late), told=told)

    def end(self, name: str, state: OrderState, *, told: bool = False) -> None:
        self.hear(self.truth.end(self.truth.orders[name], state), told=told)

    def picture(self, after: int = HALF_MINUTE) -> AccountPicture:
        self.rig.now += after
        self.truth.now = self.rig.now
        return self.truth.picture(self.rig.now)

    def look(
        self, agreement: Agreement | None = None, picture: AccountPicture | None = None, *, settle: bool = True
    ) -> ReconciliationReport:
        """Compare, and let the engine have what settles the differences."""
        seen = picture or self.picture()
        waited = self.last.waiting if self.last else {}
        report = compare(self.rig.state, seen, agreement or Agreement(), self.rig.now, waited)
        self.last = report
        if settle:
            for event in sorted(report.events, key=lambda event: event.lane):
                self.rig.send(event)
            self.work()
        return report

    def found(self, agreement: Agreement | None = None) -> list[str]:
        """What one look finds, as words."""
        return [f"{d.severity.name} {d.kind.value} {d.subject}" for d in self.look(agreement).all]

    def settled(self) -> None:
        """Another look finds nothing, and both sides agree."""
        report = self.look()
        assert (report.all, report.events, report.waiting) == ([], [], {})
        for symbol in ("AAPL", "MSFT"):
            assert self.rig.state.ledger.net_quantity(symbol) == self.truth.held.get(symbol, 0)


# Orders

Case = Callable[[Pair], None]


def _lost_fill(pair: Pair) -> None:
    pair.enter()
    pair.fill("a1", 100, told=False)


def _lost_part(pair: Pair) -> None:
    pair.enter()
    pair.fill("a1", 2, told=False)


def _lost_quantity(pair: Pair) -> None:
    pair.enter()
    pair.fill("a1", 100, told=False, late=True)


def _lost_cancel(pair: Pair) -> None:
    pair.enter("99")
    pair.end("a1", OrderState.CANCELED)


def _lost_expiry(pair: Pair) -> None:
    pair.enter("99")
    pair.end("a1", OrderState.EXPIRED)


def _lost_reject(pair: Pair) -> None:
    pair.enter(told=False)
    pair.end("a1", OrderState.REJECTED)


def _lost_answer(pair: Pair) -> None:
    pair.enter("99", told=False)


def _doubt(pair: Pair) -> None:
    pair.enter("99", told=False)
    pair.rig.unknown("a1")


def _part_then_cancel(pair: Pair) -> None:
    pair.enter("99")
    pair.fill("a1", 60, told=False)
    pair.end("a1", OrderState.CANCELED)


def _late_fill(pair: Pair) -> None:
    pair.enter("99")
    pair.fill("a1", 60, told=False)
    pair.end("a1", OrderState.CANCELED, told=True)


def _lost_replacement(pair: Pair) -> None:
    pair.hold()
    pair.script.new_stop = Decimal(95)
    pair.rig.feed("100")
    pair.rig.minute += 1
    pair.work(told=False)


def _lost_cancel_request(pair: Pair) -> None:
    pair.enter("99")
    pair.rig.operator("halt")
    pair.rig.commands()


def _stop_gone(pair: Pair) -> None:
    pair.hold()
    pair.end("a2", OrderState.CANCELED)


ORDER_CASES: list[tuple[Case, str, str]] = [
    (_lost_fill, "CRITICAL status_mismatch a1", "filled 100/100"),
    (_lost_part, "MODERATE status_mismatch a1", "partially_filled 2/100"),
    (_lost_quantity, "CRITICAL status_mismatch a1", "filled 100/100"),
    (_lost_cancel, "MODERATE status_mismatch a1", "canceled 0/100"),
    (_lost_expiry, "MODERATE status_mismatch a1", "expired 0/100"),
    (_lost_reject, "MODERATE status_mismatch a1", "rejected 0/100"),
    (_lost_answer, "MODERATE status_mismatch a1", "accepted 0/100"),
    (_doubt, "MODERATE status_mismatch a1", "accepted 0/100"),
    (_part_then_cancel, "CRITICAL status_mismatch a1;MODERATE status_mismatch a1", "canceled 60/100"),
    (_late_fill, "CRITICAL status_mismatch a1", "canceled 60/100"),
    (_lost_replacement, "MODERATE status_mismatch a2", "filled 100/100"),
    (_lost_cancel_request, "MINOR status_mismatch a1", "canceled 0/100"),
    (_stop_gone, "MODERATE status_mismatch a2", "filled 100/100"),
]


@pytest.mark.covers("A158", "A159", "A151", "B48", "B52", "A141", "A142")
@pytest.mark.parametrize(("case", "found", "order"), ORDER_CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_what_the_venue_did_with_our_orders_is_caught_up_on(case: Case, found: str, order: str) -> None:
    pair = Pair()
    case(pair)
    assert pair.found() == found.split(";")
    assert pair.rig.order("a1") == order
    pair.settled()


@pytest.mark.covers("A163", "A141")
@pytest.mark.parametrize("case", [_lost_fill, _lost_quantity, _stop_gone, _late_fill])
def test_a_position_that_was_caught_up_on_has_its_stop(case: Case) -> None:
    pair = Pair()
    case(pair)
    pair.look()
    stops = [record for record in pair.truth.working() if record.side is Side.SELL and record.stop]
    assert [(record.quantity, record.stop) for record in stops] == [(pair.truth.held["AAPL"], 900_000)]


def test_an_execution_that_was_inferred_gives_way_to_the_real_one() -> None:
    pair = Pair()
    pair.enter()
    pair.fill("a1", 40, 1_010_000, told=True)
    pair.fill("a1", 60, 1_020_000, told=False, late=True)
    pair.look()
    inferred = [fill for fill in pair.rig.state.orders["a1"].fills.values() if fill.provisional]
    assert [(fill.price_raw, fill.quantity_raw) for fill in inferred] == [(1_020_000, 60)]
    pair.truth.list_late()
    report = pair.look()
    assert (report.total_count, len(report.actions)) == (0, 1)
    assert not any(fill.provisional for fill in pair.rig.state.orders["a1"].fills.values())
    assert pair.rig.state.total_cash() == pair.truth.cash
    pair.settled()


def test_a_fill_without_a_price_needs_a_person() -> None:
    pair = Pair()
    pair.enter()
    pair.fill("a1", 100, told=False, late=True)
    seen = pair.picture()
    blind = tuple(replace(status, average_raw=0) for status in seen.recent_orders)
    report = pair.look(picture=replace(seen, recent_orders=blind))
    assert [(found.severity, found.action) for found in report.orders] == [(Severity.CRITICAL, "not booked: it needs a person")]
    assert report.events == []
    assert "AAPL" in report.waiting


@pytest.mark.parametrize("age", [0, 10])
def test_an_order_under_way_is_not_judged(age: int) -> None:
    pair = Pair()
    _lost_answer(pair)
    assert pair.look(picture=pair.picture(age * NS_PER_SECOND)).events == []
    assert pair.look(picture=pair.picture(20 * NS_PER_SECOND)).events != []


def test_what_changed_while_the_venue_was_asked_is_not_judged() -> None:
    pair = Pair()
    pair.enter("99")
    seen = pair.picture()
    pair.rig.now += NS_PER_SECOND
    pair.fill("a1", 100)
    report = pair.look(picture=seen)
    assert (report.events, report.all) == ([], [])
    assert report.waiting == {"AAPL": -100}
    pair.settled()


@pytest.mark.covers("B48", "A160")
def test_absence_is_no_proof() -> None:
    pair = Pair()
    pair.enter("99")
    pair.truth.orders.clear()
    report = pair.look()
    assert [(found.kind, found.severity) for found in report.orders] == [(Kind.ORPHAN_LOCAL, Severity.CRITICAL)]
    assert (pair.rig.order("a1"), report.missing) == ("unknown 0/100", ["a1"])
    again = pair.look()
    assert (again.all, again.events, again.missing) == ([], [], ["a1"])
    assert not pair.rig.state.orders["a1"].is_final


@pytest.mark.parametrize("state", [OrderState.CANCELED, OrderState.EXPIRED])
def test_an_order_at_work_after_its_end_is_called_back(state: OrderState) -> None:
    pair = Pair()
    pair.enter("99")
    pair.end("a1", state, told=True)
    pair.truth.orders["a1"].state = OrderState.ACCEPTED
    assert pair.found() == ["CRITICAL status_mismatch a1"]
    assert not pair.truth.working()
    pair.settled()


def _open(name: str, venue: str = "v9", quantity: int = 30) -> OrderStatus:
    return OrderStatus(name, venue, "AAPL", Side.BUY, quantity, 0, 0, OrderState.ACCEPTED, 950_000)


@pytest.mark.covers("B48", "A161")
@pytest.mark.parametrize(("name", "severity"), [("", "MODERATE"), ("hand", "MODERATE"), ("a77", "CRITICAL"), ("apple", "MODERATE")])
def test_an_order_that_is_not_ours_is_told_once_and_left_alone(name: str, severity: str) -> None:
    pair = Pair()

    def seen(*orders: OrderStatus) -> AccountPicture:
        return replace(pair.picture(), open_orders=orders)

    report = pair.look(picture=seen(_open(name)))
    assert [f"{found.severity.name} {found.kind.value}" for found in report.all] == [f"{severity} orphan_broker"]
    assert list(pair.rig.state.foreign) == ["v9"]
    again = pair.look(picture=seen(_open(name)))
    assert (again.all, again.events) == ([], [])
    smaller = pair.look(picture=seen(_open(name, quantity=10)))
    assert (smaller.all, pair.rig.state.foreign["v9"].quantity_raw) == ([], 10)
    gone = pair.look(picture=seen())
    assert (gone.all, pair.rig.state.foreign) == ([], {})


# Positions


def _hand(pair: Pair, quantity: int, *, listed: bool = False) -> None:
    """A person trades in the account, unheard."""
    side = Side.BUY if quantity > 0 else Side.SELL
    pair.truth.execute("", "", "AAPL", side, abs(quantity), 1_000_000, listed=listed)


@pytest.mark.covers("B46", "B49", "B50", "A161", "A162")
@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize(
    ("holds", "hand", "found", "external", "ours"),
    [
        (True, 50, ["CRITICAL quantity_mismatch AAPL"], 50, 100),
        (True, 4, ["MODERATE quantity_mismatch AAPL"], 4, 100),
        (True, -40, ["CRITICAL quantity_mismatch AAPL"], -40, 100),
        (True, -100, ["CRITICAL missing_broker AAPL"], 0, 0),
        (True, -130, ["CRITICAL side_mismatch AAPL"], -30, 0),
        (False, 50, ["CRITICAL missing_local AAPL"], 50, 0),
        (False, -50, ["CRITICAL missing_local AAPL"], -50, 0),
    ],
)
def test_what_no_execution_of_ours_explains_belongs_to_nobody(
    holds: bool, hand: int, found: list[str], external: int, ours: int, listed: bool
) -> None:
    pair = Pair()
    if holds:
        pair.hold()
    _hand(pair, hand, listed=listed)
    # A working stop may have filled as much as the whole position; then another look decides.
    assert (pair.found() or pair.found()) == found
    assert pair.rig.state.ledger.positions[("external", "AAPL")].quantity_raw == external
    assert pair.rig.holding().quantity_raw == ours
    assert pair.rig.state.by_symbol["AAPL"].external is (external != 0)
    for _ in range(2):
        pair.look()
    pair.settled()


def test_a_difference_that_a_working_order_may_explain_waits_for_one_look() -> None:
    pair = Pair()
    pair.hold()
    _hand(pair, -100)
    first = pair.look()
    assert (first.positions, first.waiting) == ([], {"AAPL": -100})
    assert [found.kind for found in pair.look().positions] == [Kind.MISSING_BROKER]


def test_the_execution_that_explains_it_comes_meanwhile() -> None:
    pair = Pair()
    pair.hold()
    seen = pair.picture()
    pair.fill("a2", 100, 900_000, told=False)
    early = replace(seen, positions=())
    first = pair.look(picture=early)
    assert (first.all, first.waiting) == ([], {"AAPL": -100})
    assert [found.kind for found in pair.look().all] == [Kind.STATUS_MISMATCH]
    assert not pair.rig.state.by_symbol["AAPL"].external
    pair.settled()


def test_strangers_executions_are_booked_at_their_price() -> None:
    pair = Pair()
    _hand(pair, 50, listed=True)
    _hand(pair, -20, listed=True)
    pair.look()
    assert pair.rig.state.total_cash() == pair.truth.cash
    assert pair.rig.state.ledger.positions[("external", "AAPL")].quantity_raw == 30
    pair.settled()


def test_several_strategies_are_never_charged_with_a_difference() -> None:
    pair = Pair()
    pair.hold()
    other = pair.rig.strategy("other")
    other.entry, other.size, other.stop = "long", 40, Decimal(90)
    pair.rig.feed("100")
    pair.rig.minute += 1
    pair.rig.engine.slices.decide()
    pair.work()
    pair.fill("a3", 40)
    _hand(pair, -25)
    pair.look()
    pair.look()
    held = {owner: position.quantity_raw for (owner, _), position in pair.rig.state.ledger.positions.items()}
    assert (held["s"], held["other"], held["external"]) == (100, 40, -25)
    pair.settled()


def test_what_closing_orders_took_from_a_stranger_is_given_back_whoever_looks_meanwhile() -> None:
    pair = Pair()
    pair.hold()
    _hand(pair, 7)
    pair.look()
    pair.look()
    pair.script.leave = True
    pair.rig.feed("100")
    pair.work()
    stop, leaving = pair.truth.orders["a2"], pair.truth.orders["a3"]
    # Both fill in the same bar: the position is closed, and the seven were the stranger's.
    events = [*pair.truth.fill(stop, 100, 900_000), *pair.truth.fill(leaving, 100, 900_000)]
    pair.hear(events)
    assert (pair.rig.holding().quantity_raw, pair.truth.held["AAPL"]) == (-7, 0)
    assert pair.found() == []
    back = pair.truth.orders[pair.truth.working()[-1].name]
    assert (back.side, back.quantity, back.open) == (Side.BUY, 7, True)
    pair.fill(back.name, 7)
    assert (pair.rig.holding().quantity_raw, pair.truth.held["AAPL"]) == (0, 7)
    pair.look()
    pair.settled()


def test_entries_pass_again_once_a_stranger_has_left() -> None:
    pair = Pair()
    _hand(pair, 50)
    pair.look()
    assert pair.rig.state.by_symbol["AAPL"].external
    _hand(pair, -50)
    pair.look()
    assert not pair.rig.state.by_symbol["AAPL"].external
    pair.settled()


def test_what_a_stranger_bought_and_sold_again_blocks_until_the_next_look() -> None:
    pair = Pair()
    for side in (Side.BUY, Side.SELL):
        pair.rig.tell(pair.truth.execute("hand", "", "AAPL", side, 50, 1_000_000))
    assert pair.rig.state.by_symbol["AAPL"].external
    report = pair.look()
    assert (report.all, len(report.actions)) == ([], 1)
    assert not pair.rig.state.by_symbol["AAPL"].external


def test_a_position_in_what_nobody_follows_is_only_noted() -> None:
    pair = Pair()
    seen = replace(pair.picture(), positions=(VenuePosition("XYZ", 5, 100),))
    report = pair.look(picture=seen)
    assert (report.all, report.notes) == ([], ["the venue holds XYZ, which nobody follows"])


# Splits


@pytest.mark.parametrize(("times", "per", "suspected"), [(2, 1, True), (3, 2, True), (1, 10, True), (1, 4, True), (17, 10, False)])
def test_over_night_a_simple_ratio_halts_the_instrument(times: int, per: int, suspected: bool) -> None:
    pair = Pair()
    pair.hold()
    pair.rig.now += 16 * 3600 * NS_PER_SECOND
    pair.truth.held["AAPL"] = 100 * times // per
    report = pair.look()
    if not report.all:
        report = pair.look()
    track = pair.rig.state.by_symbol["AAPL"]
    assert track.halted is suspected
    assert pair.rig.holding().quantity_raw == 100
    if suspected:
        assert (report.has_critical, track.external) == (True, False)
        again = pair.look()
        assert (again.all, again.events, len(again.notes)) == ([], [], 1)
        pair.rig.tell(Split(pair.rig.now, "AAPL", times, per))
        pair.look()
        assert not track.halted


def test_within_the_day_the_same_ratio_is_a_stranger() -> None:
    pair = Pair()
    pair.rig.tell(ScheduledTrigger(START, "session_open", START, DAY))
    pair.hold()
    _hand(pair, 100)
    pair.look()
    assert pair.rig.state.by_symbol["AAPL"].external


def test_whoever_adopts_what_looks_like_a_split_says_that_it_is_none() -> None:
    pair = Pair()
    pair.hold()
    pair.rig.now += 16 * 3600 * NS_PER_SECOND
    pair.truth.held["AAPL"] = 200
    pair.look()
    pair.rig.operator("adopt", "AAPL", mode="protect")
    pair.look()
    assert pair.rig.state.ledger.positions[("external", "AAPL")].quantity_raw == 100
    pair.look()
    assert not pair.rig.state.by_symbol["AAPL"].halted


# Cash


@pytest.mark.covers("B47")
@pytest.mark.parametrize(
    ("off", "tolerance", "found"),
    [
        (0, "0.01", []),
        (9_900, "0.01", []),
        (20_000, "0.01", ["MODERATE cash_mismatch USD"]),
        (-20_000, "0.01", ["MODERATE cash_mismatch USD"]),
        (90_000, "0.01", ["CRITICAL cash_mismatch USD"]),
        (90_000, "0.1", []),
        (100, "0", ["MINOR cash_mismatch USD"]),
    ],
)
def test_cash_may_differ_by_its_tolerance(off: int, tolerance: str, found: list[str]) -> None:
    pair = Pair()
    pair.truth.cash += money(Decimal(off))
    assert pair.found(Agreement(cash_tolerance=Decimal(tolerance))) == found
    assert pair.look(Agreement(cash_tolerance=Decimal(tolerance))).all == []
    if found:
        assert pair.rig.state.total_cash() == pair.truth.cash
        assert [line.split()[0] for line in pair.rig.told("cash_movement")] == ["deposit", "adjustment"]


def test_cash_that_works_orders_may_have_moved_is_looked_at_twice() -> None:
    pair = Pair()
    pair.enter("99")
    pair.truth.cash += money(Decimal(50_000))
    assert (pair.found(), list(pair.last.waiting) if pair.last else []) == ([], ["USD"])
    assert pair.found() == ["MODERATE cash_mismatch USD"]


# What is done about it


def _several(pair: Pair) -> None:
    _lost_fill(pair)
    pair.truth.execute("", "", "MSFT", Side.BUY, 7, 2_000_000, listed=False)


@pytest.mark.covers("B51", "B55")
def test_warnings_change_nothing() -> None:
    pair = Pair()
    _several(pair)
    before = pair.rig.state.ledger.net_quantity("AAPL")
    report = pair.look(Agreement(Strategy.WARN_ONLY))
    assert (report.total_count, report.has_critical, report.events, report.actions) == (2, True, [], [])
    assert pair.rig.state.ledger.net_quantity("AAPL") == before
    assert "2 differences (1 orders, 1 positions, 0 cash), 2 critical; 0 actions" in report.summary


@pytest.mark.covers("B52", "B55", "A164")
def test_by_default_our_books_follow_the_venue() -> None:
    pair = Pair()
    _several(pair)
    report = pair.look()
    assert report.strategy is Strategy.SYNC_TO_BROKER
    assert report.actions == ["a1: it is booked", "MSFT: it belongs to external"]
    pair.settled()


@pytest.mark.covers("B54")
def test_a_halt_books_what_was_executed_and_leaves_the_rest_to_a_person() -> None:
    pair = Pair()
    _several(pair)
    report = pair.look(Agreement(Strategy.HALT_AND_ALERT))
    assert pair.rig.state.trading_state == "halted"
    assert pair.rig.holding().quantity_raw == 100
    assert pair.rig.state.ledger.net_quantity("MSFT") == 0
    assert "entries are halted until a person resumes" in report.actions
    assert pair.look(Agreement(Strategy.HALT_AND_ALERT)).events == []


@pytest.mark.covers("B53")
@pytest.mark.parametrize("hand", [50, -40, -100])
def test_with_consent_the_venue_is_brought_back_to_ours(hand: int) -> None:
    pair = Pair()
    pair.hold()
    _hand(pair, hand)
    agreed = Agreement(Strategy.SYNC_TO_LOCAL, consent=True)
    for _ in range(4):
        pair.look(agreed)
        for record in pair.truth.working():
            if not record.stop:
                pair.fill(record.name, record.quantity)
    assert pair.truth.held["AAPL"] == 100
    assert pair.rig.holding().quantity_raw == 100
    pair.look()
    assert pair.rig.state.ledger.net_quantity("AAPL") == 100


@pytest.mark.covers("B53", "B56")
def test_correcting_orders_need_consent() -> None:
    with pytest.raises(ValueError, match="explicit consent"):
        Agreement(Strategy.SYNC_TO_LOCAL)
    with pytest.raises(ValueError, match="tolerance"):
        Agreement(cash_tolerance=Decimal(2))


@pytest.mark.covers("B49")
@pytest.mark.parametrize(
    ("difference", "reference", "severity"),
    [(0, 0, 1), (9, 1000, 1), (10, 1000, 2), (50, 1000, 2), (51, 1000, 3), (-51, 1000, 3), (1, 0, 3)],
)
def test_severity_goes_by_share(difference: int, reference: int, severity: int) -> None:
    assert severity_of(difference, reference) == severity


@pytest.mark.covers("B57")
@pytest.mark.parametrize(("hand", "alert"), [(0, ""), (4, "warning"), (50, "critical")])
def test_the_alert_goes_by_the_drift(hand: int, alert: str) -> None:
    pair = Pair()
    pair.hold()
    if hand:
        _hand(pair, hand)
    assert pair.look(settle=False).alert == alert
