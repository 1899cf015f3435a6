"""Combinations proposed by Optuna's tree-structured Parzen estimator, which looks where earlier trials did well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from algotrader.errors import UserError
from algotrader.research.sweep_search import Possible, Search
from algotrader.research.sweep_space import Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial

BATCH: Final = 8
"""Combinations proposed at a time, whatever the number of workers, so that this number changes no result."""

_PATIENCE: Final = 20
"""Proposals for each trial wanted; the search ends when it keeps proposing what is impossible or known."""


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
        self._asked = 0
        self._proposals = 0
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
        while len(batch) < wanted and self._proposals < self._trials * _PATIENCE and self._unseen:
            self._proposals += 1
            trial = self._study.ask(self._distributions())
            point = self.space.point(trial.params[axis.name] for axis in self.space.axes)
            if not self._known(trial, point):
                self._open[point] = trial
                batch.append(point)
        self._asked += len(batch)
        return batch

    def tell(self, point: int, score: float | None) -> None:
        """Pass the score on to Optuna."""
        self._scores[point] = score
        self._answer(self._open.pop(point), score)

    @property
    def _unseen(self) -> int:
        return self.space.size - len(self._scores) - len(self._open) - len(self._impossible)

    def _known(self, trial: Trial, point: int) -> bool:
        """Answer at once what needs no run."""
        if point in self._impossible or not self.possible(point):
            self._impossible.add(point)
            self.skipped = len(self._impossible)
            self._answer(trial, None)
            return True
        if point in self._open or point in self._scores:
            self._answer(trial, self._scores.get(point))
            return True
        return False

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
