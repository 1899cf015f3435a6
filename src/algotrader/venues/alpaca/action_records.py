"""Alpaca's corporate actions as it writes them: pages of splits and cash dividends. Numbers stay the text of the answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, NamedTuple

from algotrader.venues.alpaca.history_records import HistoryFault, parse_json, read_number

KINDS: Final = {"forward_split": "forward_splits", "reverse_split": "reverse_splits", "cash_dividend": "cash_dividends"}
"""What is asked for, and the list in the answer that holds it."""


class RawAction(NamedTuple):
    """A corporate action: ``new`` shares for every ``old`` ones, or a dividend with its cash as ``new`` and an empty ``old``."""

    symbol: str
    ex_date: date
    new: str
    old: str


@dataclass(slots=True)
class ActionPage:
    """One answer: actions, the next page's token, and the reasons of what could not be read."""

    actions: list[RawAction] = field(default_factory=list)
    token: str = ""
    faults: Counter[str] = field(default_factory=Counter)


def parse_actions(text: bytes, symbols: frozenset[str]) -> ActionPage:
    """Read one page; an action that cannot be read is left out and counted, one of another symbol is passed over.

    Raises:
        HistoryFault: it is no page.
    """
    found = parse_json(text)
    lists, token = found.get("corporate_actions") or {}, found.get("next_page_token") or ""
    if "corporate_actions" not in found or not isinstance(lists, dict) or not isinstance(token, str):
        raise HistoryFault("the answer has no corporate actions")
    page = ActionPage(token=token)
    for name in KINDS.values():
        rows = lists.get(name) or []
        if not isinstance(rows, list):
            raise HistoryFault(f"the {name} are no list")
        for row in rows:
            _add(page, row, name == "cash_dividends", symbols)
    return page


def _add(page: ActionPage, row: Any, is_cash: bool, symbols: frozenset[str]) -> None:
    if not isinstance(row, dict):
        page.faults["is no object"] += 1
        return
    try:
        symbol, day = row["symbol"], row["ex_date"]
        if symbol not in symbols:
            return
        ex_date = date.fromisoformat(day if isinstance(day, str) else "")
        numbers = (read_number(row["rate"]), "") if is_cash else (read_number(row["new_rate"]), read_number(row["old_rate"]))
        page.actions.append(RawAction(symbol, ex_date, *numbers))
    except KeyError as error:
        page.faults[f"has no {error.args[0]!r}"] += 1
    except (TypeError, ValueError) as error:
        page.faults[str(error)[:80]] += 1
