"""How much of a best result is luck: the deflated Sharpe ratio.

Whoever tries many parameters and reports the best one reports, in part, the luck of the best. The functions here say how high the
best of so many tries would come out without any skill, and how likely a true Sharpe ratio above zero is after that.

Source: D. H. Bailey and M. López de Prado, "The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest Overfitting and
Non-Normality", Journal of Portfolio Management 40 (5), 2014. Every Sharpe ratio here is that of one period (a day), not annualized.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, variance
from typing import Final

import numpy as np

from algotrader.research.result import Values

CONFIDENCE: Final = 0.95
"""A deflated Sharpe ratio below this is no evidence of skill; the usual level of significance."""

_EULER: Final = 0.5772156649015329
_NORMAL: Final = NormalDist()
_STILL: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Moments:
    """What the deflated Sharpe ratio needs to know of a series of returns.

    ``sharpe`` is mean over sample standard deviation of one period; ``skewness`` and ``kurtosis`` are those of the sample
    (third and fourth central moment over the powers of the second; a normal distribution has 0 and 3).
    """

    count: int
    sharpe: float
    skewness: float
    kurtosis: float


@dataclass(frozen=True, slots=True)
class Deflated:
    """The verdict on the best of several trials.

    ``threshold`` is the Sharpe ratio of one period that the best of ``trials`` would reach by luck alone; ``probability`` is the
    deflated Sharpe ratio, between 0 and 1. Both are None where they cannot be told.
    """

    trials: int
    threshold: float | None
    probability: float | None

    @property
    def convincing(self) -> bool:
        """Whether luck alone is an unlikely explanation."""
        return self.probability is not None and self.probability >= CONFIDENCE


def moments(returns: Values) -> Moments:
    """Measure a series of returns of equal periods; a series that does not move, or is too short, has a Sharpe ratio of 0."""
    count = len(returns)
    if count < 2:
        return Moments(count, 0.0, 0.0, 3.0)
    mean = float(np.mean(returns))
    spread = returns - mean
    second = float(np.mean(spread**2))
    if math.sqrt(second) <= _STILL:
        return Moments(count, 0.0, 0.0, 3.0)
    deviation = math.sqrt(second * count / (count - 1))
    third, fourth = float(np.mean(spread**3)), float(np.mean(spread**4))
    return Moments(count, mean / deviation, third / second**1.5, fourth / second**2)


def expected_best(trials: int, spread: float) -> float:
    """The Sharpe ratio that the best of several trials without skill is expected to show.

    ``√V · ((1 − γ) · Φ⁻¹(1 − 1/N) + γ · Φ⁻¹(1 − 1/(N·e)))`` with Euler's constant γ and the inverse normal distribution Φ⁻¹
    (equation 1 of the source).

    Args:
        trials: how many there were (N); they count as independent, which is strict where neighbours resemble each other.
        spread: variance of the trials' Sharpe ratios (V), of one period.

    Returns:
        0 for a single trial: nothing was chosen.
    """
    if trials < 2:
        return 0.0
    first = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    second = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(spread) * ((1.0 - _EULER) * first + _EULER * second)


def probabilistic_sharpe(found: Moments, threshold: float) -> float | None:
    """The probability that the true Sharpe ratio lies above a threshold, given the length and shape of the returns.

    ``Φ((SR − SR₀) · √(T − 1) / √(1 − skewness · SR + (kurtosis − 1) / 4 · SR²))`` (equation 2 of the source).

    Returns:
        None with fewer than two returns, or where the estimate has no spread.
    """
    inner = 1.0 - found.skewness * found.sharpe + (found.kurtosis - 1.0) / 4.0 * found.sharpe**2
    if found.count < 2 or inner <= _STILL:
        return None
    return _NORMAL.cdf((found.sharpe - threshold) * math.sqrt(found.count - 1) / math.sqrt(inner))


def luck(sharpes: Sequence[float]) -> float:
    """The Sharpe ratio of one period that the best of these trials would show if none had any skill; see ``expected_best``."""
    return expected_best(len(sharpes), variance(sharpes)) if len(sharpes) > 1 else 0.0


def deflated_sharpe(found: Moments, sharpes: Sequence[float]) -> Deflated:
    """Judge one trial in the light of all that were tried.

    Args:
        found: the trial's returns.
        sharpes: the Sharpe ratios of one period of every trial, this one included.
    """
    threshold = luck(sharpes)
    return Deflated(len(sharpes), threshold, probabilistic_sharpe(found, threshold))
