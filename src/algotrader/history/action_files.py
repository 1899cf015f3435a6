"""Reading files of splits and dividends: lists of events, and files of cumulative factors as Lean keeps them."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import Final

from algotrader.core.instruments import normal_symbol
from algotrader.errors import UserError
from algotrader.history.calendars import ALWAYS_OPEN, normal_calendar, session_table
from algotrader.history.corporate_actions import Dividend, Split, in_order, simple_ratio
from algotrader.history.reports import BadRow

_EVENT_COLUMNS: Final = ("symbol", "ex_date", "kind", "value")
_FACTOR_HEADER: Final = "last_date"
_EXPECTED: Final = (
    "give a CSV with the columns symbol, ex_date, kind, value, or a factor file with last_date, price_factor, split_factor"
)
_LONGEST_CLOSURE: Final = timedelta(days=10)
_CASH_PLACES: Final = Decimal("0.00001")
_RATIO_PLACES: Final = Decimal("0.000001")


@dataclass(slots=True)
class ActionsRead:
    """Corporate actions of a file by symbol, and the rows that were left out."""

    actions: dict[str, list[Split | Dividend]] = field(default_factory=dict)
    bad: list[BadRow] = field(default_factory=list)


def read_actions(path: str | Path, *, symbol: str | None = None, calendar: str = "XNYS") -> ActionsRead:
    """Read a file of corporate actions.

    Args:
        path: a CSV of events (``symbol,ex_date,kind,value``; kind is ``split`` with new shares for an old one, or ``dividend`` with
            cash per share), or a factor file (``last_date,price_factor,split_factor,reference_close``, header optional).
        symbol: whose factor file it is; None takes the file's name (``AAPL_factors.csv``).
        calendar: tells the session after a factor file's last day, which is the ex-date.

    Raises:
        UserError: the file is neither.
        OSError: it cannot be read.
    """
    file = Path(path)
    try:
        with file.open(encoding="utf-8-sig", newline="") as handle:
            lines = [[cell.strip() for cell in row] for row in csv.reader(handle)]
    except (UnicodeDecodeError, csv.Error):
        raise UserError(f"{file} is not a text file", _EXPECTED) from None
    rows = [(number, row) for number, row in enumerate(lines, start=1) if any(row)]
    if not rows:
        raise UserError(f"{file} is empty", _EXPECTED)
    header = [name.lower() for name in rows[0][1]]
    if set(_EVENT_COLUMNS) <= set(header):
        return _read_events(header, rows[1:])
    if header[0] == _FACTOR_HEADER or (len(header) >= 3 and header[0].isdigit()):
        name = normal_symbol(symbol or file.stem.split("_")[0])
        return _read_factors(name, rows[1:] if header[0] == _FACTOR_HEADER else rows, calendar, file)
    raise UserError(f"{file} is not a file of corporate actions; its columns are {', '.join(header)}", _EXPECTED)


def _read_events(header: list[str], rows: list[tuple[int, list[str]]]) -> ActionsRead:
    result = ActionsRead()
    for number, row in rows:
        cells = dict(zip(header, row, strict=False))
        try:
            action = _event(cells.get("kind", "").lower(), cells.get("ex_date", ""), cells.get("value", ""))
            _check_hole(action.ex_date, cells.get("last_date_before", ""))
        except _BadCell as fault:
            result.bad.append(BadRow(number, fault.column, cells.get(fault.column, ""), fault.reason))
            continue
        result.actions.setdefault(normal_symbol(cells.get("symbol", "")), []).append(action)
    return ActionsRead({name: in_order(actions) for name, actions in result.actions.items()}, result.bad)


class _BadCell(Exception):
    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


def _event(kind: str, day_text: str, value_text: str) -> Split | Dividend:
    if kind not in ("split", "dividend"):
        raise _BadCell("kind", "is neither split nor dividend")
    if not day_text:
        raise _BadCell("ex_date", "the ex-date is missing")
    try:
        day = _read_day(day_text)
    except ValueError:
        raise _BadCell("ex_date", "is not a day") from None
    try:
        value = Decimal(value_text)
    except InvalidOperation:
        raise _BadCell("value", "is not a number") from None
    if not value.is_finite() or value <= 0:
        raise _BadCell("value", "is not a positive number")
    return _split(day, value) if kind == "split" else Dividend(day, value)


def _check_hole(ex_date: date, last_before: str) -> None:
    """Distrust an ex-date that was taken from the next bar of a series with a hole: no market closes for so long."""
    if last_before.isdigit() and ex_date - _read_day(last_before) > _LONGEST_CLOSURE:
        raise _BadCell("ex_date", f"is far from the last day before it, {last_before}: the data have a hole")


def _read_day(text: str) -> date:
    if text.isdigit():
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a day has no time zone
    return date.fromisoformat(text)


def _split(day: date, value: Decimal) -> Split:
    ratio = simple_ratio(value)
    return Split(day, ratio.numerator, ratio.denominator)


def _read_factors(symbol: str, rows: list[tuple[int, list[str]]], calendar: str, file: Path) -> ActionsRead:
    """Turn cumulative factors into events: a row's factors hold up to its day, so what changes in the next row happens after it."""
    try:
        table = [(_read_day(row[0]), Decimal(row[1]), Decimal(row[2]), Decimal(row[3] if len(row) > 3 else "0")) for _, row in rows]
    except (ValueError, IndexError, InvalidOperation) as error:
        raise UserError(f"{file} is not a factor file: {error}", _EXPECTED) from None
    if any(price <= 0 or split <= 0 for _, price, split, _ in table):
        raise UserError(f"{file} is not a factor file: a factor is not positive", _EXPECTED)
    actions: list[Split | Dividend] = []
    for (day, price, split, close), (_, next_price, next_split, _) in pairwise(table):
        ex_date = _next_session(calendar, day)
        if next_split != split:
            actions.append(_split(ex_date, (next_split / split).quantize(_RATIO_PLACES)))
        cash = (close * (1 - price / next_price)).quantize(_CASH_PLACES)
        if cash > 0:
            actions.append(Dividend(ex_date, cash))
    return ActionsRead({symbol: in_order(actions)})


def _next_session(calendar: str, day: date) -> date:
    if normal_calendar(calendar) == ALWAYS_OPEN:
        return day + timedelta(days=1)
    return session_table(calendar).following(day)
