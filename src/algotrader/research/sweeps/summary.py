"""A sweep in words and short tables, for the terminal and the report: figures by their kind, and the warning about over-fitting."""

from __future__ import annotations

from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from algotrader.core.market import utc
from algotrader.research.formats import NOTHING, cents_text, duration_text, number_text, percent_text
from algotrader.research.sweeps.overfitting import CONFIDENCE, Deflated
from algotrader.research.sweeps.result import SweepResult, value_of
from algotrader.research.sweeps.trial import Record
from algotrader.research.sweeps.walkforward import Window

SHOWN: Final = ("sharpe", "total_return", "max_drawdown", "profit_factor", "round_trips")
"""Figures that stand beside the one a sweep is ranked by."""

LABELS: Final = {"cagr": "CAGR", "max_drawdown": "Max drawdown", "sharpe": "Sharpe", "average_duration_seconds": "Average duration"}

_PERCENT: Final = frozenset(
    {
        "total_return",
        "cagr",
        "volatility",
        "max_drawdown",
        "best_day",
        "worst_day",
        "benchmark_return",
        "alpha",
        "win_rate",
        "exposure",
    }
)
_MONEY: Final = frozenset(
    {"net_profit", "expectancy", "average_win", "average_loss", "largest_win", "largest_loss", "fees", "final_equity"}
)
_WHOLE: Final = frozenset({"round_trips", "fills", "sessions"})


def label(metric: str) -> str:
    """A figure's name as a heading."""
    return LABELS.get(metric, metric.replace("_", " ").capitalize())


def kind_of(metric: str) -> str:
    """How a figure is written: ``percent``, ``money``, ``whole``, ``seconds`` or ``number``."""
    if metric in _PERCENT:
        return "percent"
    if metric in _MONEY:
        return "money"
    return "whole" if metric in _WHOLE else "seconds" if metric == "average_duration_seconds" else "number"


def figure_text(record: Record, metric: str) -> str:
    """A figure of a run as text."""
    value = value_of(record, metric)
    if value is None:
        return NOTHING
    kind = kind_of(metric)
    if kind == "percent":
        return percent_text(value)
    if kind == "money":
        return cents_text(Decimal(record["metrics"][metric]))
    if kind == "seconds":
        return duration_text(int(value))
    return f"{int(value):,}" if kind == "whole" else number_text(value)


def columns_beside(metric: str) -> list[str]:
    """The figures of a short table, the one ranked by first."""
    return [metric, *(name for name in SHOWN if name != metric)]


def parameters_text(result: SweepResult, record: Record) -> str:
    """The parameters of a run, such as ``fast=10 slow=40``."""
    return " ".join(f"{name}={value}" for name, value in result.parameters(record).items())


def window_days(result: SweepResult, window: Window) -> tuple[str, str, str, str]:
    """First and last day of a window's training and test, as the exchange names its days."""
    zone = ZoneInfo(result.zone)
    moments = (window.train_start, window.train_end - 1, window.train_end, window.test_end - 1)
    first, last, tested, until = (utc(moment).astimezone(zone).date().isoformat() for moment in moments)
    return first, last, tested, until


def counted(result: SweepResult) -> str:
    """How many trials there were, how many combinations were passed over, how many runs failed."""
    trials = len(result.trials)
    parts = [f"{trials:,} trial{'' if trials == 1 else 's'} ({result.search})"]
    if result.windows:
        parts.append(f"in {len(result.windows)} window{'' if len(result.windows) == 1 else 's'}")
    if result.skipped:
        parts.append(f"{result.skipped:,} impossible combination{'' if result.skipped == 1 else 's'} skipped")
    if result.failed:
        parts.append(f"{len(result.failed):,} failed")
    return ", ".join(parts)


def warning(result: SweepResult) -> list[str]:
    """What to think of the best result, in sentences: how many were tried, what luck alone would show, what is left."""
    return _walked(result) if result.windows else _chosen(result)


def _chosen(result: SweepResult) -> list[str]:
    best, verdict = result.best, result.verdict()
    if best is None:
        return [f"No trial has a value for {result.metric}."]
    told = luck_text(verdict, best)
    if verdict.convincing:
        return [told, "The period is still one that the choice has seen: try the best on data that it has not."]
    return [told, f"Below {percent_text(CONFIDENCE, 0)} this is no evidence of skill; expect the best to do worse from now on."]


def luck_text(verdict: Deflated, best: Record) -> str:
    """The deflated Sharpe ratio of a run in a sentence; Sharpe ratios a year."""
    sharpe = best["metrics"]["sharpe"]
    if verdict.probability is None or verdict.threshold is None:
        return f"Best of {verdict.trials:,} trials; its returns are too few or too even to tell skill from luck."
    by_luck = verdict.threshold * float(best["annual_sessions"]) ** 0.5
    return (
        f"Best of {verdict.trials:,} trials, Sharpe {number_text(sharpe)}; the best of so many would show "
        f"{number_text(by_luck)} by luck alone. Deflated Sharpe ratio {percent_text(verdict.probability, 1)}."
    )


def _walked(result: SweepResult) -> list[str]:
    forward = result.forward()
    if forward is None:
        return ["No test of the walk-forward came to its end."]
    chosen = [step.best["metrics"]["sharpe"] for step in result.steps() if step.best is not None and step.test is not None]
    trained = sum(chosen) / len(chosen)
    earned, fall = percent_text(forward.total_return, signed=True), percent_text(forward.max_drawdown)
    return [
        f"Tests of {len(chosen)} windows put together, {forward.days:,} days: return {earned}, "
        f"Sharpe {number_text(forward.sharpe)}, maximum drawdown {fall}.",
        f"In training the chosen trials had a mean Sharpe of {number_text(trained)}; the difference is what choosing made up.",
    ]
