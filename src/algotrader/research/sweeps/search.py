"""Which combinations a sweep tries, and in what order: all of them, some drawn at random, or those that Optuna proposes.

A search gives its proposals in batches and hears the scores of a batch before the next. Batches do not depend on the number of
workers, so the same seed tries the same combinations on one core and on many, and a sweep that was interrupted goes on as if
nothing had happened.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

from algotrader.errors import UserError, did_you_mean
from algotrader.research.sweeps.space import Space

KINDS: Final = ("grid", "random", "optuna")
MOST_TRIALS: Final = 1_000_000
"""Trials of one sweep; more would not fit the tables."""

DEFAULT_TRIALS: Final = 100
"""Trials of a random or Optuna search when nobody said how many."""

_DRAWS: Final = 50
"""Combinations drawn for each trial wanted before a random search gives up finding possible ones."""

Possible = Callable[[int], bool]
"""Tells whether the strategy allows the combination of a number."""


class Search:
    """Proposes combinations by number.

    Args:
        space: what there is to try.
        possible: which of it the strategy allows.
    """

    def __init__(self, space: Space, possible: Possible) -> None:
        self.space: Final = space
        self.possible: Final = possible
        self.skipped = 0
        """Combinations met so far that the strategy does not allow."""

    @property
    def planned(self) -> int:
        """How many trials there will be at most."""
        raise NotImplementedError

    def ask(self) -> list[int]:
        """The next batch of combinations; empty when the search is over."""
        raise NotImplementedError

    def tell(self, point: int, score: float | None) -> None:
        """Hear how a combination did: the higher the better, None where it has no score."""


class ListSearch(Search):
    """Tries a list of combinations that is known from the start, in one batch."""

    def __init__(self, space: Space, possible: Possible, order: Sequence[int], trials: int) -> None:
        super().__init__(space, possible)
        self._batch: list[int] = []
        for point in order:
            if len(self._batch) == trials:
                break
            if possible(point):
                self._batch.append(point)
            else:
                self.skipped += 1
        self._count = len(self._batch)

    @property
    def planned(self) -> int:
        """The length of the list."""
        return self._count

    def ask(self) -> list[int]:
        """Everything, once."""
        batch, self._batch = self._batch, []
        return batch


def grid_search(space: Space, possible: Possible) -> Search:
    """Try every combination, in the order of the axes.

    Raises:
        UserError: there are more than anybody could want to wait for.
    """
    if space.size > MOST_TRIALS:
        raise UserError(
            f"the grid has {space.size:,} combinations", "choose larger steps, or --search random --trials 1000 to try some of them"
        )
    return ListSearch(space, possible, range(space.size), space.size)


def random_search(space: Space, possible: Possible, trials: int, seed: int) -> Search:
    """Try combinations drawn at random, none of them twice."""
    order = random.Random(seed).sample(range(space.size), min(space.size, trials * _DRAWS))
    return ListSearch(space, possible, order, trials)


def make_search(kind: str, space: Space, possible: Possible, trials: int | None, seed: int) -> Search:
    """Build a search by name.

    Args:
        kind: one of ``KINDS``.
        space: what there is to try.
        possible: which of it the strategy allows.
        trials: how many to try; None for all of a grid, or ``DEFAULT_TRIALS`` of the others.
        seed: of what is drawn at random.

    Raises:
        UserError: no such search, an impossible number of trials, or Optuna is not installed.
    """
    if kind not in KINDS:
        raise UserError(f"{kind!r} is not a search", f"{did_you_mean(kind, KINDS)} known: {', '.join(KINDS)}".strip())
    if trials is not None and not 1 <= trials <= MOST_TRIALS:
        raise UserError(f"{trials} trials are impossible", f"give a number from 1 to {MOST_TRIALS:,}")
    if kind == "grid":
        if trials is not None:
            raise UserError("a grid tries every combination", "leave --trials out, or add --search random to try some of them")
        return grid_search(space, possible)
    if kind == "random":
        return random_search(space, possible, trials or DEFAULT_TRIALS, seed)
    from algotrader.research.sweeps.optuna import OptunaSearch

    return OptunaSearch(space, possible, trials or DEFAULT_TRIALS, seed)
