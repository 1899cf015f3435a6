"""``algo-trader journal``: every event that a session has handled, in order."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click

from algotrader.cli.past import stored
from algotrader.cli.place import database_option
from algotrader.cli.ui import WIDTH

if TYPE_CHECKING:
    from algotrader.storage.records import JournalEntry
    from algotrader.storage.sql_store import SqlStore

MARKET: Final = ("MarketData", "SliceClosed")
"""Kinds that come all the time and are left out unless asked for."""

_FOLLOW_SECONDS: Final = 0.5
_WINDOW: Final = 5_000
_UNTOLD: Final = ("time", "v", "version")


@click.command(short_help="Show the events that a session has handled.")
@database_option
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only this kind, such as OrderFill; may be repeated.")
@click.option("--symbol", default="", help="Only what names this symbol.")
@click.option("--all", "with_market", is_flag=True, help="With bars and the ends of their slices.")
@click.option("--after", type=click.IntRange(min=0), default=None, metavar="NUMBER", help="Only events after this one.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="The last so many.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl+C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def journal(
    database: str,
    kinds: tuple[str, ...],
    symbol: str,
    with_market: bool,
    after: int | None,
    limit: int,
    follow: bool,
    as_json: bool,
) -> None:
    """Show events: number, engine time, kind and what they say."""
    chosen = Choice(kinds, symbol.upper(), with_market)
    form = as_line if as_json else as_text
    with stored(database) as store:
        end = store.last_sequence()
        for entry in _newest(store, chosen, limit) if after is None else islice(_chosen(store, after, chosen), limit):
            end = max(end, entry.sequence)
            click.echo(form(entry))
        while follow:
            time.sleep(_FOLLOW_SECONDS)
            for entry in store.journal(end):
                end = entry.sequence
                if chosen.takes(entry):
                    click.echo(form(entry))


@dataclass(frozen=True, slots=True)
class Choice:
    """Which entries are shown."""

    kinds: tuple[str, ...]
    symbol: str
    with_market: bool

    def takes(self, entry: JournalEntry) -> bool:
        """Whether an entry is."""
        if entry.kind not in self.kinds if self.kinds else not self.with_market and entry.kind in MARKET:
            return False
        return not self.symbol or self.symbol in _symbols(content(entry))


def _chosen(store: SqlStore, after: int, chosen: Choice) -> Iterator[JournalEntry]:
    return (entry for entry in store.journal(max(after, _first(store))) if chosen.takes(entry))


def _newest(store: SqlStore, chosen: Choice, limit: int) -> list[JournalEntry]:
    """The last entries that are wanted; a long journal is read from its end, further and further back."""
    first, end, window = _first(store), store.last_sequence(), _WINDOW
    while True:
        after = max(first, end - window)
        found = list(_chosen(store, after, chosen))
        if len(found) >= limit or after == first:
            return found[-limit:]
        window *= 8


def _first(store: SqlStore) -> int:
    """The number of the last entry that is gone."""
    from algotrader.storage.sql_store import pruned_up_to

    with store.database.reading() as connection:
        return pruned_up_to(connection)


def content(entry: JournalEntry) -> dict[str, Any]:
    """What an event says, field by field."""
    import msgspec

    found = msgspec.msgpack.decode(entry.payload)
    return found if isinstance(found, dict) else {"content": found}


def _symbols(value: Any) -> list[str]:
    """Every text in a value: a symbol is among them, whatever its field is called."""
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _symbols(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _symbols(inner)]
    return [value] if isinstance(value, str) else []


def as_line(entry: JournalEntry) -> str:
    """An entry as a line of JSON."""
    from algotrader.core.market import utc

    known = {"sequence": entry.sequence, "time": utc(entry.time).isoformat(), "kind": entry.kind}
    return json.dumps(known | {"content": content(entry)}, ensure_ascii=False, default=str)


def as_text(entry: JournalEntry) -> str:
    """An entry as a line of at most 80 columns."""
    from algotrader.core.market import utc

    told = " ".join(
        f"{name}={value}" for name, value in content(entry).items() if name not in _UNTOLD and value not in ("", None, 0)
    )
    text = f"{entry.sequence:>7} {utc(entry.time):%m-%d %H:%M:%S} {entry.kind:<16} {told}".rstrip()
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
