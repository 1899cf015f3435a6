"""The line that a session shows of itself while it runs: always fresh in a terminal, now and then elsewhere."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from algotrader.core.market import utc
from algotrader.core.scaled import from_money
from algotrader.live.control import RUNNING, STOPPED, Control
from algotrader.server.status import problems

if TYPE_CHECKING:
    from rich.live import Live

FRESH_SECONDS: Final = 0.25
"""How often a terminal gets a new line."""

LOOK_SECONDS: Final = 1.0
"""How often a change is looked for where there is no terminal."""

EVERY_SECONDS: Final = 60.0
"""How often a line is written there when nothing changes."""


def line(control: Control) -> str:
    """The session in at most 80 columns: its time, state, money, what is held, what has been done."""
    state = control.engine.state
    held = sum(1 for holding in state.holdings.values() if holding.quantity_raw)
    equity, start = state.equity(), state.breaker.start_equity
    today = f" ({from_money(equity - start):+,.2f})" if start else ""
    return (
        f"{utc(control.clock.now()):%Y-%m-%d %H:%M:%S}  {mood(control)}  {from_money(equity):,.2f}{today}"
        f"  {held} held  {len(state.live_orders)} orders  {len(state.ledger.trips)} trips"
    )


def mood(control: Control) -> str:
    """The state of a session in a word; while it runs, whether it may trade."""
    if control.state != RUNNING:
        return control.state.replace("_", " ")
    trading = control.engine.state.trading_state
    return ("running" if trading == "active" else trading) + (" (!)" if problems(control) else "")


def _news(control: Control) -> tuple[Any, ...]:
    """What makes a new line worth writing."""
    state = control.engine.state
    held = tuple(holding.instrument.symbol for holding in state.holdings.values() if holding.quantity_raw)
    return mood(control), held, len(state.ledger.trips)


async def watch(control: Control) -> None:
    """Show the line until the session has stopped, or until cancelled."""
    if sys.stdout.isatty():
        await _fresh(control)
    else:
        await _now_and_then(control, click.echo)


async def _fresh(control: Control) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(highlight=False)
    live: Live
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while control.state != STOPPED:
            live.update(Text(line(control), no_wrap=True, overflow="ellipsis"), refresh=True)
            await asyncio.sleep(FRESH_SECONDS)


async def _now_and_then(
    control: Control, write: Callable[[str], None], look: float = LOOK_SECONDS, every: float = EVERY_SECONDS
) -> None:
    told: tuple[Any, ...] = ()
    waited = every
    while control.state != STOPPED:
        news = _news(control)
        if news != told or waited >= every:
            write(line(control))
            told, waited = news, 0.0
        await asyncio.sleep(look)
        waited += look
