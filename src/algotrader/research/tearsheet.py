"""Write the tear sheet: one HTML file with everything in it, which opens anywhere and asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from algotrader.research import tearsheet_sections as sections
from algotrader.research.metrics import Metrics
from algotrader.research.result import BacktestResult
from algotrader.research.tearsheet_data import payload

_SCRIPTS = ("base.js", "axes.js", "equity.js", "histogram.js", "candles.js", "price.js", "pointer.js", "trips.js", "start.js")


def write_tearsheet(result: BacktestResult, metrics: Metrics, path: Path) -> Path:
    """Write the tear sheet of a backtest.

    Args:
        result: the record of the run.
        metrics: its figures, from ``compute_metrics``.
        path: the file to write; its folder is made when missing, an older file is replaced.

    Returns:
        The path written.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_tearsheet(result, metrics), encoding="utf-8", newline="\n")
    return path


def render_tearsheet(result: BacktestResult, metrics: Metrics) -> str:
    """Give the tear sheet as HTML text.

    The content security policy allows this one script and this one style sheet, by their hashes, and nothing else; so even a text
    that slipped through escaping could not run.
    """
    script = '"use strict";\n(() => {\n' + "\n".join(_asset(name) for name in _SCRIPTS) + "\n})();\n"
    style = _asset("tearsheet.css")
    return Template(_asset("tearsheet.html")).substitute(
        policy=f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
        data=payload(result),
        title=escape(f"{result.strategy} on {', '.join(result.symbols[:3])}{' …' if len(result.symbols) > 3 else ''}"),
        strategy=escape(result.strategy),
        kind=escape(result.kind),
        **_sections(result, metrics),
    )


def _sections(result: BacktestResult, metrics: Metrics) -> dict[str, str]:
    return {
        "subtitle": sections.subtitle(result),
        "banner": sections.optimism_banner(result),
        "tiles": sections.tiles(metrics),
        "figures": sections.figures(metrics),
        "months": sections.months(result),
        "assumptions": sections.assumptions(result),
        "parameters": sections.pairs(result.parameters.items(), "The strategy has no parameters."),
        "counts": sections.pairs(result.counts.items(), "Nothing was counted."),
        "problems": sections.problems(result),
        "footer": sections.footer(result),
    }


def _asset(name: str) -> str:
    return files("algotrader.research").joinpath("assets", name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
