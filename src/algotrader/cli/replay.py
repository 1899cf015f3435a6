"""``algo-trader replay``: a journal once more, offline; the same commands, or the first difference."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import click

from algotrader.cli.place import database_option

if TYPE_CHECKING:
    from algotrader.live.replaying import Replay

EXIT_DIFFERENT: Final = 1
"""Exit code of ``replay`` where a command differs."""

_EVERY: Final = 500
"""Events between two looks of the progress bar."""


@click.command(short_help="Run a journal again and compare the commands.")
@database_option
@click.option("--from", "first", type=click.IntRange(min=1), default=1, metavar="N", help="Compare from this event on.")
@click.option("--until", type=click.IntRange(min=1), default=None, metavar="N", help="Stop after this event, and show the state.")
@click.option("--state", "with_state", is_flag=True, help="Show the state at the end.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def replay(database: str, first: int, until: int | None, with_state: bool, as_json: bool) -> None:
    """Run the journal of an account through a fresh engine, offline, and compare what it commands with what was commanded.

    Nothing is sent and nothing is written. Exit codes: 0 the same commands; 1 a difference; 2 it cannot be replayed.
    """
    from algotrader.cli.past import stored

    with stored(database) as store:
        found = run(store, first, until)
    shown = document(found)
    if with_state or until is not None:
        shown["state"] = None if found.assembly is None else state_of(found)
    if as_json:
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False, default=str))
    else:
        for line in sentences(found):
            click.echo(line)
        if shown.get("state"):
            _show_state(shown["state"])
    if found.verdict.difference is not None:
        raise click.exceptions.Exit(EXIT_DIFFERENT)


def run(store: Any, first: int, until: int | None) -> Replay:
    """Replay, with a progress bar where somebody looks on.

    Raises:
        UserError: the journal, or what its engines were made of, is not there or does not fit.
    """
    from algotrader.cli.ui import progress
    from algotrader.errors import UserError
    from algotrader.live.replaying import Replay
    from algotrader.storage.snapshots import CannotRestore
    from algotrader.strategies.parameters import ParameterError
    from algotrader.strategies.registry import UnknownStrategy

    _check_range(store, first, until)
    found = Replay(store, first, until)
    try:
        with progress("replay") as report:
            for step in found.steps():
                if report is not None and step.entry.sequence % _EVERY == 0:
                    report(step.entry.sequence / found.last, f"replay, event {step.entry.sequence:,}")
    except CannotRestore as error:
        raise UserError(f"a snapshot does not fit: {error}", "replay from the beginning, without --from") from None
    except (UnknownStrategy, ParameterError) as error:
        raise UserError(str(error), "a replay needs the strategies that the session had") from None
    return found


def _check_range(store: Any, first: int, until: int | None) -> None:
    from algotrader.errors import UserError

    end = store.last_sequence()
    if end == 0:
        raise UserError("the journal is empty", "`algo-trader start` begins one")
    if first > end or (until is not None and until > end):
        raise UserError(f"the journal ends at event {end}", "`algo-trader journal` shows its events")
    if until is not None and until < first:
        raise UserError(f"--until {until} lies before --from {first}", "give an event after it")


def document(found: Replay) -> dict[str, Any]:
    """The verdict as plain values."""
    from algotrader.core.market import utc

    difference = found.verdict.difference
    told = None
    if difference is not None:
        entry = difference.entry
        told = {
            "sequence": entry.sequence,
            "time": utc(entry.time).isoformat(),
            "kind": entry.kind,
            "stored": list(difference.stored),
            "replayed": list(difference.replayed),
        }
    return {
        "events": found.verdict.events,
        "commands": found.verdict.commands,
        "same": difference is None,
        "difference": told,
        "same_code": same_code(found),
    }


def same_code(found: Replay) -> bool | None:
    """Whether code, parameters and strategies are those of the session; None where nothing was replayed."""
    stretch, assembly = found.stretch, found.assembly
    return None if stretch is None or assembly is None else stretch.setup.build(assembly) == stretch.build


def sentences(found: Replay) -> list[str]:
    """The verdict for people."""
    from algotrader.core.market import utc

    verdict, difference = found.verdict, found.verdict.difference
    if difference is None:
        return [f"{verdict.events:,} events, the same {verdict.commands:,} commands"]
    entry = difference.entry
    lines = [
        f"{verdict.events:,} events, then a difference",
        f"event      {entry.sequence} at {utc(entry.time):%Y-%m-%d %H:%M:%S.%f} UTC, {entry.kind}",
        *(f"session    {text}" for text in difference.stored or ("nothing",)),
        *(f"replay     {text}" for text in difference.replayed or ("nothing",)),
    ]
    if not same_code(found):
        lines.append("note       code or strategies are not those of the session any more")
    return lines


def state_of(found: Replay) -> dict[str, Any]:
    """The engine's whole state as it stands, as plain values."""
    from algotrader.core.signal_style import SignalSlot
    from algotrader.server import status
    from algotrader.server.documents import iso, order_document

    assert found.assembly is not None
    state = found.assembly.engine.state
    strategies = []
    for slot in state.slots:
        told = status.strategy(slot)
        if isinstance(slot, SignalSlot):
            told["bars"] = slot.bars
            told["indicators"] = {name: _number(each.value) for name, each in vars(slot.indicator_set).items()}
        strategies.append(told)
    return {
        "time": iso(state.now),
        "trading_state": state.trading_state,
        "entries_open": state.gate_open,
        "breaker": {"tripped": state.breaker.tripped, "reason": state.breaker.reason},
        "account": status.account(state),
        "pnl": status.pnl(state),
        "positions": status.open_positions(state),
        "orders": [order_document(order) for order in state.live_orders.values()],
        "strategies": strategies,
    }


def _number(value: float) -> float | None:
    """A value for JSON, which has no NaN."""
    return value if value == value else None


def _show_state(state: dict[str, Any]) -> None:
    from algotrader.cli.lists import POSITIONS, Column, quantity, short_number, show, words

    columns: tuple[Column, ...] = (
        ("id", "local_id", str),
        ("symbol", "symbol", str),
        ("side", "side", str),
        ("role", "order_role", words),
        ("qty", "qty_requested", quantity),
        ("filled", "qty_filled", quantity),
        ("limit", "limit_price", short_number),
        ("stop", "stop_price", short_number),
        ("state", "state", words),
    )

    breaker = state["breaker"]
    tripped = f"tripped: {breaker['reason']}" if breaker["tripped"] else "not tripped"
    click.echo()
    click.echo(f"time       {state['time']}")
    click.echo(f"trading    {state['trading_state']}, entries {'open' if state['entries_open'] else 'closed'}; breaker {tripped}")
    click.echo(f"equity     {short_number(state['account']['equity'])}, cash {short_number(state['account']['cash'])}")
    for one in state["strategies"]:
        values = ", ".join(f"{name} {'-' if v is None else f'{v:.4f}'}" for name, v in one.get("indicators", {}).items())
        click.echo(f"strategy   {one['name']} on {', '.join(one['symbols'])}{': ' if values else ''}{values}")
    click.echo(f"P&L        today {short_number(state['pnl']['today_pnl'])}, open {short_number(state['pnl']['unrealized_pnl'])}")
    click.echo()
    show(state["positions"], POSITIONS, False, False, "no positions")
    show(state["orders"], columns, False, False, "no open orders")
