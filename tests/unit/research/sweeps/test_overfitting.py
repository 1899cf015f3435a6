"""The deflated Sharpe ratio against cases worked by hand and against the example of its authors."""

from __future__ import annotations

import math
from statistics import variance

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algotrader.research.sweeps.overfitting import (
    Moments,
    deflated_sharpe,
    expected_best,
    luck,
    moments,
    probabilistic_sharpe,
)

# Five years of 250 days, 100 trials whose annual Sharpe ratios have a variance of 1/2; the best shows 2.5 a year.
DAYS = 1250
BEST = 2.5 / math.sqrt(250)
SPREAD = 0.5 / 250


def test_moments_by_hand() -> None:
    """Returns 1, 2, 6 %: mean 3, deviations -2, -1, 3; sums of squares 14, of cubes 18, of fourth powers 98."""
    found = moments(np.array([0.01, 0.02, 0.06]))
    assert found.count == 3
    assert found.sharpe == pytest.approx(3 / math.sqrt(14 / 2))
    assert found.skewness == pytest.approx((18 / 3) / (14 / 3) ** 1.5)
    assert found.kurtosis == pytest.approx((98 / 3) / (14 / 3) ** 2)


@pytest.mark.parametrize("returns", [[], [0.01], [0.0, 0.0, 0.0], [0.002] * 20])
def test_returns_that_do_not_move_have_no_sharpe(returns: list[float]) -> None:
    assert moments(np.array(returns)).sharpe == 0.0


def test_expected_best_by_hand() -> None:
    """Two trials: the quantile of 1/2 is 0, that of 1 - 1/(2e) = 0.81606 is 0.90045; weighted with Euler's constant 0.57722."""
    assert expected_best(2, 4.0) == pytest.approx(2.0 * 0.5772157 * 0.9004526, rel=1e-6)


def test_a_single_trial_needs_no_luck() -> None:
    """0.1 · √100 / √1.005 is 0.99751, of which the normal distribution is 0.84074."""
    assert expected_best(1, 4.0) == 0.0
    verdict = deflated_sharpe(Moments(101, 0.1, 0.0, 3.0), [0.1])
    assert (verdict.trials, verdict.threshold) == (1, 0.0)
    assert verdict.probability == pytest.approx(0.84074, abs=5e-6)


def test_the_authors_example() -> None:
    """Skewness -3, kurtosis 10: the paper gives 0.1132 for luck and 0.9004 for the ratio."""
    threshold = expected_best(100, SPREAD)
    assert threshold == pytest.approx(0.1132, abs=5e-5)
    assert probabilistic_sharpe(Moments(DAYS, BEST, -3.0, 10.0), threshold) == pytest.approx(0.9004, abs=5e-5)


@pytest.mark.parametrize(("trials", "skewness", "kurtosis"), [(46, -3.0, 10.0), (88, 0.0, 3.0)])
def test_how_many_trials_the_example_bears(trials: int, skewness: float, kurtosis: float) -> None:
    """The paper: 46 trials leave 95 % with its fat tails, 88 with normal returns."""
    found = probabilistic_sharpe(Moments(DAYS, BEST, skewness, kurtosis), expected_best(trials, SPREAD))
    assert found == pytest.approx(0.9505, abs=5e-5)


def test_a_whole_case_by_hand() -> None:
    """Three trials, 101 days, normal shape. Everything is worked out from tables of the normal distribution."""
    sharpes = [0.05, 0.10, 0.30]
    spread = (0.01 + 0.0025 + 0.0225) / 2  # mean 0.15, deviations -0.10, -0.05, 0.15
    assert variance(sharpes) == pytest.approx(spread)
    threshold = math.sqrt(spread) * (0.4227843 * 0.4307273 + 0.5772157 * 1.1619569)
    score = (0.30 - threshold) * 10 / math.sqrt(1 + 0.5 * 0.09)
    probability = 0.5 * (1 + math.erf(score / math.sqrt(2)))
    verdict = deflated_sharpe(Moments(101, 0.30, 0.0, 3.0), sharpes)
    assert verdict.trials == 3
    assert verdict.threshold == pytest.approx(threshold, rel=1e-6)
    assert verdict.probability == pytest.approx(probability, rel=1e-6)
    assert verdict.convincing


@pytest.mark.parametrize(("count", "skewness", "kurtosis"), [(1, 0.0, 3.0), (50, 1.0, 1.0)])
def test_what_cannot_be_told_is_none(count: int, skewness: float, kurtosis: float) -> None:
    assert probabilistic_sharpe(Moments(count, 1.0, skewness, kurtosis), 0.0) is None


@given(st.integers(2, 5000), st.floats(1e-6, 1.0))
def test_more_trials_need_more(trials: int, spread: float) -> None:
    assert expected_best(trials + 1, spread) > expected_best(trials, spread)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=30), st.floats(-0.5, 0.5))
def test_the_ratio_is_a_probability_and_never_above_the_undeflated(sharpes: list[float], sharpe: float) -> None:
    found = Moments(250, sharpe, 0.0, 3.0)
    deflated, plain = probabilistic_sharpe(found, luck(sharpes)), probabilistic_sharpe(found, 0.0)
    assert deflated is not None
    assert plain is not None
    assert 0.0 <= deflated <= plain <= 1.0
