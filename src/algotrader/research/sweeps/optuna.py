"""Combinations proposed by Optuna's tree-structured Parzen estimator, which looks where earlier trials did well."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from algotrader.errors import UserError
from algotrader.research.sweeps.search import Possible, Search
from algotrader.research.sweeps.space import Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial

BATCH: Final = 8
"""Combinations proposed at a time, whatever the number of workers, so that this number changes no result."""

_PATIENCE: Final = 10
"""Useless proposals in a row (impossible or known combinations) after which one is drawn at random instead."""

_DRAWS: Final = 1000
"""Combinations drawn at random before the search gives up finding one that is new and possible."""


class OptunaSearch(Search):
    """Asks Optuna. A combination that it proposes again is answered from memory and does not count as a trial.

    Args:
        space: what there is to try; numbers are searched in their order, other values as categories.
        possible: which of it the strategy allows.
        trials: how many combinations to try.
        seed: of Optuna's sampler.

    Raises:
        UserError: Optuna is not installed.
    """

    def __init__(self, space: Space, possible: Possible, trials: int, seed: int) -> None:
        super().__init__(space, possible)
        try:
            import optuna
        except ImportError:
            raise UserError("Optuna is not installed", "pip install 'algo-trader[sweep]', or use --search random") from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._failed = optuna.trial.TrialState.FAIL
        self._study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed), direction="maximize")
        self._trials = min(trials, space.size)
        self._random = random.Random(seed)
        self._asked = 0
        self._scores: dict[int, float | None] = {}
        self._open: dict[int, Trial] = {}
        self._impossible: set[int] = set()

    @property
    def planned(self) -> int:
        """The trials wanted."""
        return self._trials

    def ask(self) -> list[int]:
        """The next few combinations that have not been tried yet."""
        batch: list[int] = []
        wanted = min(BATCH, self._trials - self._asked)
        useless = 0
        while len(batch) < wanted and self._unseen:
            if useless == _PATIENCE and not self._enqueue_random():
                break
            trial = self._study.ask(self._distributions())
            point = self.space.point(trial.params[axis.name] for axis in self.space.axes)
            if self._known(trial, point):
                useless += 1
                continue
            useless = 0
            self._open[point] = trial
            batch.append(point)
        self._asked += len(batch)
        return batch

    def _enqueue_random(self) -> bool:
        """Make Optuna propose an untried combination next, as it likes to come back to known ones; False if none is found."""
        for _ in range(_DRAWS):
            point = self._random.randrange(self.space.size)
            if point not in self._scores and point not in self._open and self._allowed(point):
                places = self.space.places(point)
                self._study.enqueue_trial({axis.name: place for axis, place in zip(self.space.axes, places, strict=True)})
                return True
        return False

    def tell(self, point: int, score: float | None) -> None:
        """Pass the score on to Optuna."""
        self._scores[point] = score
        self._answer(self._open.pop(point), score)

    @property
    def _unseen(self) -> int:
        return self.space.size - len(self._scores) - len(self._open) - len(self._impossible)

    def _known(self, trial: Trial, point: int) -> bool:
        """Answer at once what needs no run."""
        if not self._allowed(point):
            self._answer(trial, None)
            return True
        if point in self._open or point in self._scores:
            self._answer(trial, self._scores.get(point))
            return True
        return False

    def _allowed(self, point: int) -> bool:
        if point not in self._impossible and not self.possible(point):
            self._impossible.add(point)
            self.skipped = len(self._impossible)
        return point not in self._impossible

    def _answer(self, trial: Trial, score: float | None) -> None:
        if score is None:
            self._study.tell(trial, state=self._failed)
        else:
            self._study.tell(trial, score)

    def _distributions(self) -> dict[str, BaseDistribution]:
        from optuna.distributions import CategoricalDistribution, IntDistribution

        found: dict[str, BaseDistribution] = {}
        for axis in self.space.axes:
            last = len(axis.values) - 1
            found[axis.name] = IntDistribution(0, last) if axis.numeric else CategoricalDistribution(range(last + 1))
        return found
