"""The report of a sweep: one HTML file with the warning, a heat map and all trials, which asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, Final

from algotrader.research.formats import NOTHING, percent_text
from algotrader.research.sweeps.result import LOWER_IS_BETTER, Step, SweepResult, ranked, value_of
from algotrader.research.sweeps.summary import (
    columns_beside,
    counted,
    figure_text,
    kind_of,
    label,
    parameters_text,
    warning,
    window_days,
)
from algotrader.research.sweeps.trial import Record
from algotrader.research.tearsheet_data import script_safe

MOST_ROWS: Final = 20_000
"""Trials in a report; of more the best are kept, and the rest is in the table only."""

FIGURES: Final = ("cagr", "sortino", "calmar", "win_rate", "expectancy", "fees", "turnover", "exposure", "net_profit")
"""Figures of the report beside those of the short tables."""

_SCRIPTS: Final = ("base.js", "sweep-figures.js", "sweep-heat.js", "sweep-table.js", "sweep-start.js")
_DIGITS: Final = 6
_TILES: Final = 4


def write_report(result: SweepResult, path: Path) -> Path:
    """Write the report of a sweep.

    Args:
        result: the sweep.
        path: the file to write; its folder is made when missing, an older file is replaced.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_report(result), encoding="utf-8", newline="\n")
    return path


def render_report(result: SweepResult) -> str:
    """Give the report as HTML text.

    Every text from outside is escaped, and the content security policy allows this one script and style sheet only.
    """
    script = '"use strict";\n(() => {\n' + "\n".join(_asset(name) for name in _SCRIPTS) + "\n})();\n"
    style = _asset("tearsheet.css") + _asset("sweep.css")
    return Template(_asset("sweep.html")).substitute(
        policy=f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
        title=escape(f"{result.strategy} on {', '.join(result.symbols[:3])}"),
        strategy=escape(result.strategy),
        facts="".join(f"<li>{escape(fact)}</li>" for fact in _facts(result)),
        warning="".join(f"<p>{escape(sentence)}</p>" for sentence in warning(result)),
        best=_best(result),
        steps=_steps(result),
        data=payload(result),
    )


def _asset(name: str) -> str:
    return files("algotrader.research").joinpath("assets", name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _facts(result: SweepResult) -> list[str]:
    shown = ", ".join(result.symbols[:12]) + (f" and {len(result.symbols) - 12} more" if len(result.symbols) > 12 else "")
    return [shown, counted(result), f"ranked by {label(result.metric)}"]


def payload(result: SweepResult) -> str:
    """Everything that the page's script draws, as JSON that is safe inside a script element."""
    metrics = [*columns_beside(result.metric), *(name for name in FIGURES if name != result.metric)]
    kept = ranked(result.trials, result.metric)[:MOST_ROWS]
    data = {
        "axes": [
            {"name": axis.name, "values": [str(value) for value in axis.values], "numeric": axis.numeric}
            for axis in result.space.axes
        ],
        "metrics": [{"label": label(name), "kind": kind_of(name), "lower": name in LOWER_IS_BETTER} for name in metrics],
        "metric": 0,
        "windows": [f"Window {window.number}" for window in result.windows] or ["All"],
        "numbers": [window.number for window in result.windows] or [0],
        "rows": [_row(record, metrics) for record in kept],
        "left": len(result.trials) - len(kept),
    }
    return script_safe(json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False))


def _row(record: Record, metrics: Sequence[str]) -> list[Any]:
    values = [value_of(record, name) for name in metrics]
    return [record["window"], record["trial"], record["point"], *(None if v is None else round(v, _DIGITS) for v in values)]


def _best(result: SweepResult) -> str:
    """The best trial as tiles."""
    best = result.best
    if best is None:
        return ""
    tiles = [("Best trial", f"{best['trial']}", parameters_text(result, best))]
    tiles += [(label(name), figure_text(best, name), "") for name in columns_beside(result.metric)[:_TILES]]
    cells = (_tile(*tile) for tile in tiles)
    return f'<dl class="tiles">{"".join(cells)}</dl>'


def _tile(name: str, value: str, second: str) -> str:
    told = f'<dd class="second">{escape(second)}</dd>' if second else ""
    return f'<div class="tile"><dt>{escape(name)}</dt><dd class="value">{escape(value)}</dd>{told}</div>'


def _steps(result: SweepResult) -> str:
    """The windows of a walk-forward as a table."""
    if not result.windows:
        return ""
    name = label(result.metric)
    heads = ("Window", "Training", "Test", "Chosen", f"{name} in training", "Deflated Sharpe", f"{name} in test", "Return in test")
    rows = "".join(_cells("td", _step(result, step)) for step in result.steps())
    return (
        '<section id="steps"><h2>Walk-forward</h2><div class="scroll" tabindex="0" role="region" aria-label="Walk-forward">'
        f'<table class="list"><thead>{_cells("th", heads)}</thead><tbody>{rows}</tbody></table></div></section>'
    )


def _step(result: SweepResult, step: Step) -> list[str]:
    best, test = step.best, step.test
    first, last, tested, until = window_days(result, step.window)
    probability = step.verdict.probability
    return [
        str(step.window.number),
        f"{first} to {last}",
        f"{tested} to {until}",
        "none" if best is None else parameters_text(result, best),
        "" if best is None else figure_text(best, result.metric),
        NOTHING if probability is None else percent_text(probability, 1),
        NOTHING if test is None else figure_text(test, result.metric),
        NOTHING if test is None else figure_text(test, "total_return"),
    ]


def _cells(tag: str, texts: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(text)}</{tag}>' for text in texts)}</tr>"
