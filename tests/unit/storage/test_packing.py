from __future__ import annotations

import logging
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algotrader.storage.packing import CannotSave, Packer
from algotrader.storage.unpacking import CannotRestore, Unpacker


class Colour(Enum):
    RED = 1


class Rank(IntEnum):
    FIRST = 1


@dataclass(slots=True)
class Slotted:
    one: int
    two: object = None


@dataclass(frozen=True)
class Frozen:
    one: float


def carried(value: Any) -> Any:
    """A value written and read again."""
    return Unpacker().unpack(msgspec.msgpack.decode(msgspec.msgpack.encode(Packer().pack(value))))


SIMPLE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.decimals(allow_nan=False),
    st.datetimes(timezones=st.sampled_from([None, UTC, ZoneInfo("America/New_York"), timezone(timedelta(minutes=-150))])),
    st.dates(),
    st.timedeltas(),
    st.sampled_from([Colour.RED, Rank.FIRST]),
)
KEYS = st.one_of(st.text(max_size=3), st.integers(), st.tuples(st.booleans(), st.dates()))
NESTED = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.lists(inner, max_size=3).map(deque),
        st.dictionaries(KEYS, inner, max_size=3),
        st.builds(Slotted, st.integers(), inner),
    ),
    max_leaves=12,
)


@given(value=NESTED)
def test_plain_values_come_back_as_they_were(value: object) -> None:
    back = carried(value)
    assert type(back) is type(value)
    # As text, for a NaN is not equal to itself.
    assert repr(back) == repr(value)


@pytest.mark.parametrize(
    "value",
    [
        {1, 5, 3},
        frozenset({"b", "a"}),
        Counter("abca"),
        OrderedDict([("b", 1), ("a", 2)]),
        Frozen(1.5),
        time(9, 30),
        np.float64(0.1),
        np.int64(2**60),
        Decimal("NaN"),
        deque([1, 2], maxlen=2),
        10**50,
        -(2**63),
        2**64,
        date(2025, 1, 1),
        datetime(2025, 11, 2, 1, 30, fold=1, tzinfo=ZoneInfo("America/New_York")),
        logging.getLogger("a.b"),
        sorted,
        carried,
        Colour,
        float,
    ],
    ids=lambda value: type(value).__name__,
)
def test_rarer_values_too(value: object) -> None:
    back = carried(value)
    assert type(back) is type(value)
    # A set has no order; a NaN is not equal to itself.
    assert back == value or repr(back) == repr(value)
    assert getattr(back, "fold", 0) == getattr(value, "fold", 0)
    assert getattr(back, "maxlen", 0) == getattr(value, "maxlen", 0)


def test_arrays_keep_type_shape_and_bits() -> None:
    for value in (np.array([[1.0, np.nan], [np.inf, -0.0]]), np.zeros((0, 3), dtype=np.int16), np.array(["ab", "c"])):
        back = carried(value)
        assert back.dtype == value.dtype
        assert back.tobytes() == value.tobytes()
        assert back.shape == value.shape
        assert back.flags.writeable


def test_chance_goes_on_where_it_was() -> None:
    source = Random(5)
    source.random()
    assert carried(source).random() == source.random()


def test_a_default_dict_keeps_its_default() -> None:
    value: defaultdict[str, list[int]] = defaultdict(list, {"a": [1]})
    back = carried(value)
    assert back == value
    assert back["new"] == []


def test_one_object_stays_one_and_a_circle_stays_a_circle() -> None:
    shared: list[Any] = [1]
    value: dict[str, Any] = {"a": shared, "b": [shared], "c": Slotted(1, shared)}
    value["self"] = value
    back = carried(value)
    assert back["a"] is back["b"][0] is back["c"].two
    assert back["self"] is back


def test_equal_sets_are_written_alike() -> None:
    one, other = {f"{n}" for n in range(50)}, {f"{49 - n}" for n in range(50)}
    assert Packer().pack(one) == Packer().pack(other)


class Plain:
    """Of a class that nobody knows."""

    def method(self) -> None: ...


@pytest.mark.parametrize(
    "make",
    [
        Plain,
        lambda: Plain().method,
        lambda: lambda: 1,
        lambda: iter((1, 2)),
        lambda: np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        lambda: time(1, tzinfo=UTC),
        lambda: type("Local", (), {}),
        lambda: type("Special", (dict,), {})(),
        Exception,
    ],
)
def test_what_is_not_known_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(CannotSave):
        Packer().pack([make()])


def test_what_has_gone_is_said() -> None:
    with pytest.raises(CannotRestore, match=r"algotrader\.nowhere\.Thing"):
        Unpacker().unpack({"enum": ["algotrader.nowhere", "Thing", "A"]})
    with pytest.raises(CannotRestore, match="no dataclass"):
        Unpacker().unpack({"record": [__name__, "Plain", []]})
    with pytest.raises(CannotRestore, match="does not know"):
        Unpacker().unpack({"riddle": 1})
