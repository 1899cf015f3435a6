"""The end of a backtest in a terminal: what was run, its figures in two columns, and what went wrong on the way."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from itertools import zip_longest
from typing import Final

import click

from algotrader.cli.ui import WIDTH
from algotrader.core import reports
from algotrader.core.market import utc
from algotrader.core.risk import DENIED_SIGNAL
from algotrader.history.catalogue import Catalogue
from algotrader.research.formats import NOTHING, cents_text
from algotrader.research.metrics import Metrics
from algotrader.research.result import BacktestResult

STRATEGY_ERRORS: Final = (reports.STRATEGY_ERROR, reports.STRATEGY_VALUE)
"""Kinds of problems that are the strategy's own mistakes: it raised, or it answered what cannot be used."""

ERRORS_SHOWN: Final = 5
_DATA: Final = "data"
_CODES_SHOWN: Final = 4
_LONGEST_ERROR: Final = 200
_LABEL: Final = 13
_SECOND_COLUMN: Final = "Round trips"
_ACTIVITY: Final = {
    reports.SIGNAL: "signals",
    reports.ORDER_SUBMITTED: "orders",
    reports.ORDER_CANCELED: "orders canceled",
    reports.STOP_MOVED: "stops moved",
}
_PROBLEMS: Final = {
    reports.SIGNAL_DENIED: "entries denied",
    reports.ORDER_DENIED: "orders denied",
    reports.ORDER_REJECTED: "orders rejected",
    reports.BREAKER_TRIPPED: "times the daily breaker tripped",
    reports.DATA_DROPPED: "bars dropped",
    reports.DATA_INCOMPLETE: "bars with minutes missing",
    reports.NOT_FLAT: "positions not flat after the close",
    reports.STOP_FALLBACK: "stops replaced by a sale at market",
    reports.STOP_BREACH: "positions found without a stop",
    reports.LATE_FILL: "late fills",
    reports.UNEXPECTED: "unexpected order events",
    reports.UNKNOWN_ORDER: "fills of unknown orders",
    reports.CORPORATE_ACTION: "splits and dividends",
    reports.STRATEGY_ERROR: "strategy errors",
    reports.STRATEGY_VALUE: "unusable answers of the strategy",
}
_BAR: Final = re.compile(r"\s?\bat Bar\([^)]*\):?")
_CODED: Final = (reports.SIGNAL_DENIED, reports.ORDER_DENIED, reports.ORDER_REJECTED)


def has_strategy_errors(result: BacktestResult) -> bool:
    """Whether the strategy raised or gave an answer that cannot be used."""
    return any(problem.kind in STRATEGY_ERRORS for problem in result.problems)


def note_made_up(result: BacktestResult, catalogue: Catalogue) -> None:
    """Put it among the assumptions, for the tear sheet and the heading, that bars of the generator were traded."""
    made_up = catalogue.made_up()
    if any(symbol in made_up for symbol in result.symbols):
        result.assumptions[_DATA] = "made up by the generator, not a market's"


def print_summary(result: BacktestResult, metrics: Metrics) -> None:
    """Print everything that a reader wants to know at once, within 80 columns."""
    for line in (*heading(result), "", *figures(metrics), "", *notes(result)):
        click.echo(line)


def heading(result: BacktestResult) -> list[str]:
    """What was run: strategy, symbols, bars, days, capital; and whether on made-up data."""
    first, last = f"{utc(result.start):%Y-%m-%d}", f"{utc(result.end - 1):%Y-%m-%d}"
    period = f"{first} to {last}, {result.interval} bars, capital {cents_text(result.capital)}"
    lines = textwrap.wrap(f"{result.strategy} on {', '.join(result.symbols)}", WIDTH, subsequent_indent="  ")
    lines.append(f"{period}, made-up data" if _DATA in result.assumptions else period)
    return lines


def figures(metrics: Metrics) -> list[str]:
    """All figures that are defined, in two columns: the account on the left, round trips and activity on the right."""
    rows = [(name, value) for name, value, _ in metrics.as_rows() if value != NOTHING]
    border = next(place for place, (name, _) in enumerate(rows) if name == _SECOND_COLUMN)
    lines = []
    for left, right in zip_longest(rows[:border], rows[border:], fillvalue=("", "")):
        lines.append(f"{left[0]:<18}{left[1]:>18}    {right[0]:<18}{right[1]:>18}".rstrip())
    return lines


def notes(result: BacktestResult) -> list[str]:
    """What was done, what was denied or went wrong, the assumptions that flatter, and the fingerprint."""
    done = ", ".join(f"{result.counts[kind]:,} {name}" for kind, name in _ACTIVITY.items() if kind in result.counts)
    lines = _labelled("activity", done)
    noted = [f"{result.counts[kind]:,} {name}{_reasons(result, kind)}" for kind, name in _PROBLEMS.items() if kind in result.counts]
    for place, text in enumerate(noted):
        lines += _labelled("" if place else "noted", text)
    lines += _strategy_errors(result)
    flattering = [f"{name}: {text}" for name, text in result.assumptions.items() if "optimistic" in text]
    lines += _labelled("beware", ", ".join(flattering))
    if result.benchmark is not None:
        lines += _labelled("benchmark", f"holding {result.benchmark_symbol}")
    lines += _labelled("engine", result.engine)
    lines += _labelled("fingerprint", result.fingerprint)
    return lines


def _labelled(label: str, text: str) -> list[str]:
    """A label and a text beside it, wrapped; nothing where the text is empty."""
    if not text:
        return []
    wrapped = textwrap.wrap(text, WIDTH - _LABEL, break_long_words=True)
    return [f"{label if not place else '':<{_LABEL}}{line}" for place, line in enumerate(wrapped)]


def _reasons(result: BacktestResult, kind: str) -> str:
    """The codes of denials and rejections, most frequent first; where the strategy's own prices are wrong, an example."""
    if kind not in _CODED:
        return ""
    messages = [problem.message for problem in result.problems if problem.kind == kind]
    codes = Counter(message.partition(":")[0] for message in messages)
    text = ", ".join(code.replace("_", " ") for code, _ in codes.most_common(_CODES_SHOWN))
    example = next((message.partition(": ")[2] for message in messages if message.startswith(DENIED_SIGNAL)), "")
    return f" ({text}{', such as: ' if example else ''}{example})" if text else ""


def _strategy_errors(result: BacktestResult) -> list[str]:
    """A line for every different mistake of the strategy: which symbol, what, how often and when first."""
    found: dict[tuple[str, str], list[int]] = {}
    for problem in result.problems:
        if problem.kind in STRATEGY_ERRORS:
            found.setdefault((problem.symbol, _bare(problem.message)), []).append(problem.time)
    lines = []
    for place, ((symbol, text), times) in enumerate(found.items()):
        if place == ERRORS_SHOWN:
            lines += _labelled("", f"… and {len(found) - ERRORS_SHOWN} more; --json FILE keeps all with their traces")
            break
        often = f"{len(times)} times, first " if len(times) > 1 else ""
        when = f"({often}{utc(times[0]):%Y-%m-%d %H:%M} UTC)"
        lines += _labelled("" if place else "error", f"{symbol} {_shortened(text)} {when}")
    return lines


def _bare(message: str) -> str:
    """The first line of a message, without the bar, whose symbol and time are told apart."""
    return _BAR.sub("", message.splitlines()[0] if message else "").strip()


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_ERROR else f"{text[: _LONGEST_ERROR - 1]}…"
