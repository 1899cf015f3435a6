from __future__ import annotations

import ast
import inspect
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_rig import AAPL, MSFT, Rig
from hypothesis import given, settings
from hypothesis import strategies as st
from snapshot_kit import differences
from snapshot_runs import assembled

import algotrader
from algotrader.core.engine import Engine
from algotrader.core.events import SymbolChange
from algotrader.core.instruments import equity
from algotrader.core.orders import Order
from algotrader.storage.parts import FIXED, MADE
from algotrader.storage.shapes import arguments_of
from algotrader.storage.snapshot_form import Seal, opened
from algotrader.storage.snapshots import CannotRestore, CannotSave, freeze, restore
from algotrader.strategies.algorithm import TradingAlgorithm
from algotrader.strategies.base import SignalStrategy

SOURCES = Path(algotrader.__file__).parent


class Keeper(SignalStrategy):
    """Keeps what a test gives it."""

    name = "keeper"
    sizing = "explicit"
    protection = "none"


class Careful(Keeper):
    """Says itself what to keep."""

    def __init__(self, symbol: str, parameters: Any = None) -> None:
        super().__init__(symbol, parameters)
        self.lock = threading.Lock()
        self.count = 0

    def save_state(self) -> dict[str, object]:
        return {"count": self.count}

    def load_state(self, state: dict[str, int]) -> None:
        self.count = state["count"]


class Idle(TradingAlgorithm):
    """Keeps what a test gives it, on its context too."""

    name = "idle"

    def initialize(self, context: Any) -> None:
        context.count = 1

    def handle_data(self, context: Any, data: Any) -> None:
        pass


class CarefulIdle(Idle):
    """Says itself what to keep of its context."""

    def save_state(self) -> int:
        return int(self.context.count)

    def load_state(self, state: int) -> None:
        self.context.count = state + 100


def sealed(content: dict[str, Any]) -> bytes:
    """A snapshot of such a content."""
    seal = Seal(len(content))
    for name, value in content.items():
        seal.entry(name, value)
    return seal.closed()


def _hooks(engine: Engine, number: int = 0) -> Any:
    slot: Any = engine.state.slots[number]
    return slot.hooks


def _carried(engine: Engine, fresh: Engine) -> Engine:
    restore(fresh, freeze(engine))
    return fresh


# what cannot be saved


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (lambda: object(), "builtins.object"),
        (lambda: threading.Lock(), "lock"),
        (lambda: lambda: 1, "a lambda"),
        (lambda: iter([]), "list_iterator"),
        (lambda: [1, {"deep": object()}], "builtins.object"),
        (lambda: np.array([object()]), "numpy array of object"),
        (lambda: memoryview(b"abc"), "memoryview"),
        (lambda: Keeper, ""),
    ],
)
def test_what_cannot_be_saved_is_named_with_its_strategy_and_attribute(thing: Callable[[], object], words: str) -> None:
    engine = assembled(Keeper, {}, ("AAPL",))
    _hooks(engine).thing = thing()
    if not words:
        assert _hooks(_carried(engine, assembled(Keeper, {}, ("AAPL",)))).thing is Keeper
        return
    with pytest.raises(CannotSave, match=words) as told:
        freeze(engine)
    assert "keeper on AAPL: self.thing" in str(told.value)
    assert "save_state()" in str(told.value)


def test_a_context_is_checked_too() -> None:
    engine = assembled(Idle, {}, ("AAPL",))
    _hooks(engine).context.odd = object()
    with pytest.raises(CannotSave, match=r"strategy idle: context\.odd"):
        freeze(engine)


def test_what_save_state_gives_is_checked_too() -> None:
    engine = assembled(Careful, {}, ("AAPL",))
    _hooks(engine).count = object()
    with pytest.raises(CannotSave, match=r"save_state\(\) holds"):
        freeze(engine)


def test_a_strategy_may_say_itself_what_to_keep() -> None:
    engine = assembled(Careful, {}, ("AAPL",))
    _hooks(engine).count = 7
    fresh = _carried(engine, assembled(Careful, {}, ("AAPL",)))
    assert _hooks(fresh).count == 7
    assert _hooks(fresh).lock is not _hooks(engine).lock
    idle = assembled(CarefulIdle, {}, ("AAPL",))
    _hooks(idle).context.count = 5
    _hooks(idle).context.odd = object()
    assert _hooks(_carried(idle, assembled(CarefulIdle, {}, ("AAPL",)))).context.count == 105


def test_nothing_is_frozen_while_commands_wait() -> None:
    rig = Rig()
    script = rig.strategy()
    script.entry, script.size, script.stop = "long", 5, 98
    rig.feed("100")
    assert freeze(rig.engine)
    rig.engine.handle(SymbolChange(rig.now, "AAPL", "APPL"))
    with pytest.raises(CannotSave, match="wait"):
        freeze(rig.engine)


def test_an_attribute_that_is_gone_stays_gone() -> None:
    engine, fresh = assembled(Idle, {}, ("AAPL",)), assembled(Idle, {}, ("AAPL",))
    del _hooks(engine).context.count
    _hooks(fresh).stale = 1
    _carried(engine, fresh)
    assert not hasattr(_hooks(fresh), "stale")
    assert not hasattr(_hooks(fresh).context, "count")


# what a crash must not lose


@pytest.mark.covers("A98", "B42")
def test_a_fill_after_a_restart_gets_the_stop_that_the_strategy_had_planned() -> None:
    rig = Rig()
    entry = rig.enter(rig.strategy(), quantity=100, stop="97.50")[0].split()[0]
    rig.ack(entry)
    payload = freeze(rig.engine)
    after = Rig(cash=0)
    after.strategy()
    restore(after.engine, payload)
    after.now = rig.now
    assert after.order(entry) == "accepted 0/100"
    assert after.fill(entry, 100, "100") == ["a2 stop_loss sell 100 stop 97.50"]


def test_an_instrument_keeps_its_new_symbol() -> None:
    rig = Rig()
    rig.hold(rig.strategy())
    rig.tell(SymbolChange(rig.now, "AAPL", "APPL"))
    payload = freeze(rig.engine)
    for first in ("AAPL", "APPL"):
        after = Rig(instruments=[equity(first), MSFT], cash=0)
        after.strategy(symbol=first)
        restore(after.engine, payload)
        assert list(after.state.by_symbol) == list(rig.state.by_symbol) == ["MSFT", "APPL"]
        assert after.holding().instrument.symbol == "APPL"
        after.state.tracks[0].last_raw = rig.state.tracks[0].last_raw
        assert after.state.equity() == rig.state.equity()


# what does not fit


def _rig(symbol: str = "AAPL", owner: str = "s", instruments: Any = None) -> Engine:
    rig = Rig(instruments=instruments, cash=0)
    rig.strategy(owner, symbol)
    return rig.engine


@pytest.mark.parametrize(
    "made",
    [
        lambda: _rig("MSFT"),
        lambda: _rig(owner="t"),
        lambda: Rig().engine,
        lambda: _rig(instruments=[MSFT, AAPL]),
        lambda: _rig(instruments=[AAPL]),
        lambda: _rig(instruments=[AAPL, MSFT, equity("NVDA")]),
        lambda: Engine([AAPL, MSFT], 60, id_prefix="b"),
        lambda: Engine([AAPL, MSFT], 300),
    ],
)
def test_an_engine_that_was_set_up_differently_is_refused(made: Callable[[], Engine]) -> None:
    payload = freeze(_rig())
    restore(_rig(), payload)
    with pytest.raises(CannotRestore, match=r"set up|snapshot is of"):
        restore(made(), payload)


@settings(max_examples=150)
@given(at=st.integers(0, 10**6), change=st.integers(1, 255), cut=st.booleans())
def test_any_damage_is_found(at: int, change: int, cut: bool) -> None:
    rig = Rig()
    rig.hold(rig.strategy())
    payload = freeze(rig.engine)
    place = at % len(payload)
    damaged = payload[:place] if cut else payload[:place] + bytes([payload[place] ^ change]) + payload[place + 1 :]
    with pytest.raises(CannotRestore, match="the snapshot is damaged"):
        restore(_rig(), damaged)


def test_what_cannot_be_is_refused_even_with_the_right_sum() -> None:
    content = opened(freeze(_rig()))
    for name in ("parts", "columns", "setup", "instruments"):
        with pytest.raises(CannotRestore, match="snapshot"):
            restore(_rig(), sealed(content | {name: [[1]]}))
    content["parts"].append(["slot/9", "SignalSlot", []])
    with pytest.raises(CannotRestore, match="slot/9, which this engine does not have"):
        restore(_rig(), sealed(content))


def test_a_later_format_is_refused() -> None:
    content = opened(freeze(_rig()))
    content["format"] += 1
    with pytest.raises(CannotRestore, match="format 2"):
        restore(_rig(), sealed(content))


def test_what_a_later_version_saved_is_ignored_and_what_it_did_not_is_left_alone() -> None:
    rig = Rig()
    rig.hold(rig.strategy())
    content = opened(freeze(rig.engine))
    columns = content["columns"]["part EngineState"]
    state = next(saved for name, _, saved in content["parts"] if name == "state")
    columns.append("mood")
    state.append("good")
    place = columns.index("order_count")
    del columns[place], state[place]
    fresh = _rig()
    restore(fresh, sealed(content))
    assert fresh.state.order_count == 0
    assert not hasattr(fresh.state, "mood")
    assert fresh.state.holdings[("s", 0)].quantity_raw == 100


def test_an_order_as_an_earlier_version_saved_it_is_read() -> None:
    """That version knew that a cancel was in flight, not of which leg: it is asked for again."""
    rig = Rig()
    rig.hold(rig.strategy())
    content = opened(freeze(rig.engine))
    names = content["columns"]["Order"]
    names[names.index("cancel_leg")] = "cancel_sent"
    fresh = _rig()
    restore(fresh, sealed(content))
    assert [order.cancel_leg for order in fresh.state.orders.values()] == ["", ""]
    assert fresh.state.holdings[("s", 0)].quantity_raw == 100


# nothing is forgotten


def _assigned(kind: type) -> tuple[set[str], set[str]]:
    """The attributes that a class's constructor or body declares, all of them and those that are final."""
    path = SOURCES.joinpath(*kind.__module__.split(".")[1:]).with_suffix(".py")
    body = next(n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ClassDef) and n.name == kind.__name__)
    init = [n for n in body.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
    names: set[str] = set()
    final: set[str] = set()
    for node in ast.walk(init[0]) if init else []:
        targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets if isinstance(node, ast.Assign) else []
        for target in targets:
            if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
                names.add(target.attr)
                if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation).startswith("Final"):
                    final.add(target.attr)
    return names, final


@pytest.mark.covers("C25")
@pytest.mark.parametrize("kind", FIXED, ids=lambda kind: kind.__name__)
def test_every_part_is_saved_whole(kind: type) -> None:
    names, final = _assigned(kind)
    inherited = set().union(*[_assigned(base)[0] for base in kind.__mro__[1:] if base.__module__.startswith("algotrader")])
    assert final <= set(FIXED[kind]), "setting up an engine gives these, and nothing can change them: name them in FIXED"
    assert set(FIXED[kind]) <= names | inherited, "FIXED names what is not there any more"


@pytest.mark.parametrize("kind", MADE, ids=lambda kind: kind.__name__)
def test_every_object_is_made_again_whole(kind: type) -> None:
    names, final = _assigned(kind)
    assert final <= {*arguments_of(kind), *MADE[kind]}, "the constructor does not take these: name in MADE what follows from others"
    assert set(MADE[kind]) <= names


def test_the_attributes_of_the_base_classes_are_known() -> None:
    algorithm = _hooks(assembled(Idle, {}, ("AAPL",)))
    assert set(vars(algorithm)) == {*TradingAlgorithm.snapshot_base, *TradingAlgorithm.snapshot_fixed}
    plain = set(vars(_hooks(assembled(Keeper, {}, ("AAPL",)))))
    assert plain | {"direction"} == {*SignalStrategy.snapshot_base, *SignalStrategy.snapshot_fixed}


def test_a_new_attribute_would_be_seen() -> None:
    first, second = _rig(), _rig()
    assert differences(first, second) == []
    second.state.tracks[1].dropped_bars = 3
    assert "dropped_bars" in differences(first, second)[0]
    assert inspect.isclass(Order)
