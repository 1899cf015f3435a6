"""Axes, combinations, and which of them a strategy allows."""

from __future__ import annotations

from decimal import Decimal
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, model_validator

from algotrader.errors import UserError
from algotrader.research.sweeps.search import make_search
from algotrader.research.sweeps.space import Axis, Space, axes_of, is_possible, read_axis, why_impossible
from algotrader.strategies.parameters import ParameterError, Parameters


class Pair(Parameters):
    """Two numbers, the first below the second."""

    fast: int = Field(5, ge=1)
    slow: int = Field(50, ge=2)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.fast >= self.slow:
            raise ValueError("'fast' must be below 'slow'")
        return self


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("x=5:50:15", (5, 20, 35, 50)),
        ("x=5:52:15", (5, 20, 35, 50)),
        ("x=0.1:0.5:0.1", tuple(Decimal(text) for text in ("0.1", "0.2", "0.3", "0.4", "0.5"))),
        ("x=-2:2:2", (-2, 0, 2)),
        ("x=7:7:1", (7,)),
        ("x= 1, 2 ,5", ("1", "2", "5")),
        ("x=10", ("10",)),
        ("x=09:30", ("09:30",)),
        ("x=low,high", ("low", "high")),
    ],
)
def test_axes_are_read(text: str, values: tuple[object, ...]) -> None:
    assert read_axis(text) == Axis("x", values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "not of the form NAME=VALUES"),
        ("=5", "not of the form NAME=VALUES"),
        ("x=", "not of the form NAME=VALUES"),
        ("x=5:1:1", "has no values"),
        ("x=1:5:0", "has no values"),
        ("x=1:5:-1", "has no values"),
        ("x=0:1:0.000001", "has 1,000,001 values"),
        ("x=1,,2", "empty place"),
        ("x=1,2,1", "the value 1 twice"),
    ],
)
def test_axes_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_axis(text)


@given(st.integers(-(10**6), 10**6), st.integers(1, 10**4), st.integers(0, 200), st.integers(0, 6))
def test_ranges_are_exact_and_include_both_ends(first: int, step: int, count: int, places: int) -> None:
    unit = Decimal(1).scaleb(-places)
    texts = [f"{number * unit:f}" for number in (first, first + step * count, step)]
    values = [Decimal(str(value)) for value in read_axis("x=" + ":".join(texts)).values]
    assert values == [(first + step * k) * unit for k in range(count + 1)]


def test_a_mapping_takes_sequences_values_and_texts() -> None:
    axes = axes_of({"a": range(3), "b": [True, False], "c": 5, "d": "1:3:1", "e": "x"})
    assert [axis.values for axis in axes] == [(0, 1, 2), (True, False), (5,), (1, 2, 3), ("x",)]
    assert [axis.numeric for axis in axes] == [True, False, True, True, False]


def test_an_empty_mapping_is_told() -> None:
    with pytest.raises(UserError, match="nothing to sweep"):
        axes_of({})


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_every_combination_has_one_number(sizes: list[int]) -> None:
    space = Space([Axis(f"p{place}", tuple(range(size))) for place, size in enumerate(sizes)])
    seen = [tuple(space.at(point).values()) for point in range(space.size)]
    assert seen == sorted(set(seen))
    assert [space.point(space.places(point)) for point in range(space.size)] == list(range(space.size))


@pytest.mark.parametrize(("given_", "possible"), [({"fast": 5, "slow": 9}, True), ({"fast": "9", "slow": "9"}, False)])
def test_rules_between_parameters_only_skip(given_: dict[str, object], possible: bool) -> None:
    assert is_possible(Pair, given_, "pair") is possible
    assert bool(why_impossible(Pair, given_, "pair")) is not possible


@pytest.mark.parametrize(
    ("given_", "message"),
    [({"fast": 0}, "greater than or equal to 1"), ({"fast": "x"}, "valid integer"), ({"fsat": 5}, "did you mean 'fast'")],
)
def test_what_is_wrong_by_itself_is_told(given_: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        is_possible(Pair, given_, "pair")


def _space(fast: int, slow: int) -> Space:
    return Space([Axis("fast", tuple(range(fast))), Axis("slow", tuple(range(slow)))])


def _below(space: Space, point: int) -> bool:
    fast, slow = space.places(point)
    return fast < slow


def test_a_grid_tries_everything_possible_in_order() -> None:
    space = _space(3, 3)
    search = make_search("grid", space, lambda point: _below(space, point), None, 0)
    assert [tuple(space.places(point)) for point in search.ask()] == [(0, 1), (0, 2), (1, 2)]
    assert (search.planned, search.skipped, search.ask()) == (3, 6, [])


def test_random_tries_as_many_as_wanted_and_none_twice() -> None:
    space = _space(40, 40)
    first, again, other = (make_search("random", space, lambda p: _below(space, p), 50, seed).ask() for seed in (1, 1, 2))
    assert len(set(first)) == 50
    assert all(_below(space, point) for point in first)
    assert first == again
    assert first != other


def test_random_ends_when_there_is_no_more() -> None:
    space = _space(3, 3)
    search = make_search("random", space, lambda point: _below(space, point), 50, 1)
    assert sorted(search.ask()) == [1, 2, 5]
    assert search.skipped == 6


def _course(seed: int, trials: int) -> list[int]:
    """What Optuna proposes when the score falls with the distance from (30, 35)."""
    space = _space(40, 40)
    search = make_search("optuna", space, lambda point: _below(space, point), trials, seed)
    course: list[int] = []
    while batch := search.ask():
        for point in batch:
            fast, slow = space.places(point)
            search.tell(point, -float((fast - 30) ** 2 + (slow - 35) ** 2))
        course += batch
    return course


def test_optuna_proposes_alike_for_a_seed_and_comes_near() -> None:
    pytest.importorskip("optuna")
    course = _course(3, 60)
    assert course == _course(3, 60)
    assert course != _course(4, 60)
    assert len(set(course)) == 60
    space = _space(40, 40)
    assert min(abs(space.places(point)[0] - 30) + abs(space.places(point)[1] - 35) for point in course) <= 3


def test_optuna_ends_when_everything_was_tried() -> None:
    pytest.importorskip("optuna")
    space = Space([Axis("kind", ("a", "b")), Axis("n", (1, 2))])
    search = make_search("optuna", space, lambda point: point != 2, 100, 0)
    seen: list[int] = []
    while batch := search.ask():
        seen += batch
        for point in batch:
            search.tell(point, None)
    assert sorted(seen) == [0, 1, 3]
    assert search.skipped <= 1


@pytest.mark.parametrize(
    ("kind", "trials", "message"),
    [
        ("gird", None, "'gird' is not a search"),
        ("random", 0, "0 trials are impossible"),
        ("grid", 5, "a grid tries every combination"),
    ],
)
def test_searches_that_cannot_be(kind: str, trials: int | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make_search(kind, _space(2, 2), lambda _: True, trials, 0)


def test_a_grid_without_end_is_refused() -> None:
    with pytest.raises(UserError, match="1,002,001 combinations") as caught:
        make_search("grid", _space(1001, 1001), lambda _: True, None, 0)
    assert "--search random" in caught.value.hint
