"""Whether an engine traded as ours did, or as far off as its listed convention allows."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

CENT: Final = 0.01
"""How far float noise may put a final equity off."""


@dataclass(frozen=True, slots=True)
class Convention:
    """What an engine does differently.

    Attributes:
        fill: compare with fills at the next ``open``, or at the ``close`` of the same bar.
        fills: how far the number of fills may be off, as a fraction.
        equity_per_fill: how far the final equity may be off, account currency for each fill.
        why: the reason.
    """

    fill: str = "open"
    fills: float = 0.0
    equity_per_fill: float = 0.0
    why: str = ""


RULE: Final = Convention()


def read_conventions(path: Path) -> dict[tuple[str, str], Convention]:
    """Conventions by engine and workload; the workload is empty where one holds for all.

    Raises:
        ValueError: a convention gives no reason, or asks for an unknown fill.
        TypeError: a key is not known.
    """
    found: dict[tuple[str, str], Convention] = {}
    for engine, table in tomllib.loads(path.read_text()).items():
        own = {key: value for key, value in table.items() if not isinstance(value, dict)}
        if own:
            found[engine, ""] = _convention(engine, own)
        for load, inner in table.items():
            if isinstance(inner, dict):
                found[engine, load] = _convention(f"{engine}.{load}", inner)
    return found


def _convention(name: str, given: dict[str, Any]) -> Convention:
    made = Convention(**given)
    if not made.why or made.fill not in ("open", "close"):
        raise ValueError(f"the convention of {name} needs a reason (why), and open or close as its fill")
    return made


def convention_of(conventions: dict[tuple[str, str], Convention], engine: str, load: str) -> Convention:
    """The convention of an engine on a workload; the rule itself where none is listed."""
    return conventions.get((engine, load)) or conventions.get((engine, ""), RULE)


def disagreement(fills: int, equity: float, our_fills: int, our_equity: float, convention: Convention) -> str:
    """What is further off than allowed; empty when nothing is.

    Args:
        fills: of the engine; below 0 where it does not tell.
        equity: its final equity.
        our_fills, our_equity: ours, on the same bars with the same kind of fill.
        convention: what is allowed.
    """
    faults = []
    if fills >= 0 and abs(fills - our_fills) > convention.fills * our_fills:
        faults.append(f"{fills:,} fills and not {our_fills:,}")
    allowed = CENT + convention.equity_per_fill * our_fills
    if abs(equity - our_equity) > allowed:
        faults.append(f"final equity {equity:,.2f} and not {our_equity:,.2f} (at most {allowed:,.2f} off)")
    return "; ".join(faults)
