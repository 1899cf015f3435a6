"""Two or more backtests beside each other. Called in threads only."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from algotrader.server.documents import Document

LOWER_IS_BETTER: Final = frozenset({"volatility", "max_drawdown", "longest_drawdown_days", "fees", "turnover"})
_NEITHER: Final = frozenset(
    {"fills", "sessions", "round_trips", "exposure", "beta", "average_duration_seconds", "benchmark_return"}
)
_STANDARD: Final = Decimal(100)


def compare(runs: Sequence[Document]) -> Document:
    """Compare runs; each is a backtest with its result."""
    return {
        "items": [{name: value for name, value in run.items() if name != "result"} for run in runs],
        "figures": _figures(runs),
        "differences": _differences(runs),
        "curves": [{"id": run["id"], "points": _growth(run["result"])} for run in runs],
    }


def _figures(runs: Sequence[Document]) -> list[Document]:
    tables = [{figure["name"]: figure for figure in run["result"]["figures"]} for run in runs]
    heads = {name: figure for table in tables for name, figure in table.items()}
    found = []
    for name, head in heads.items():
        values = [table[name]["value"] if name in table else None for table in tables]
        found.append(
            {
                "name": name,
                "label": head["label"],
                "kind": head["kind"],
                "lower_is_better": name in LOWER_IS_BETTER,
                "values": values,
                "texts": [table[name]["text"] if name in table else "n/a" for table in tables],
                "best": None if name in _NEITHER else _best(values, name in LOWER_IS_BETTER),
            }
        )
    return found


def _best(values: Sequence[str | None], lower: bool) -> int | None:
    """The place of the best value; None where fewer than two are defined or the best is shared."""
    numbers = {place: Decimal(value) for place, value in enumerate(values) if value is not None}
    if len(numbers) < 2:
        return None
    best = (min if lower else max)(numbers.values())
    places = [place for place, value in numbers.items() if value == best]
    return places[0] if len(places) == 1 else None


def _differences(runs: Sequence[Document]) -> list[Document]:
    """What was asked for, where it differs; what is not known of a run is null."""
    flat = [_flat(run["request"]) for run in runs]
    names = dict.fromkeys(name for one in flat for name in one)
    rows = [{"name": name, "values": [one.get(name) for one in flat]} for name in names]
    return [row for row in rows if len(set(row["values"])) > 1]


def _flat(request: Document) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name, value in request.items():
        if isinstance(value, dict):
            found |= {f"{name}.{key}": _text(inner) for key, inner in value.items()}
        else:
            found[name] = _text(value)
    return found


def _text(value: Any) -> str | None:
    return None if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _growth(result: Document) -> list[tuple[str, str]]:
    """The equity as if every run had begun with 100."""
    capital = Decimal(result["capital"])
    return [
        (time, format((Decimal(equity) * _STANDARD / capital).quantize(Decimal("0.0001")), "f"))
        for time, equity in result["equity"]
    ]
