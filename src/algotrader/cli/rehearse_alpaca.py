"""What ``algo-trader rehearse --venue alpaca`` asks for, and how long its streams took to come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from algotrader.cli.backtest import read_parameters, read_symbols
from algotrader.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from algotrader.rehearsal.alpaca.play import AlpacaOptions
    from algotrader.rehearsal.outcome import Outcome


def alpaca_options(strategy: str, symbols: str, params: Sequence[str], faults: str) -> AlpacaOptions:
    """The options of runs at Alpaca's server; without a strategy a restless one trades.

    Raises:
        UserError: a package is missing, or an option is impossible.
    """
    from algotrader.live.alpaca import need_extra

    need_extra()
    from algotrader.cli.start_settings import check_strategies
    from algotrader.live.launch_settings import StrategyChoice
    from algotrader.rehearsal.alpaca.play import AlpacaOptions
    from algotrader.rehearsal.alpaca.runner import restless_choice

    traded, given = tuple(read_symbols(symbols)), tuple(read_parameters(tuple(params)).items())
    if any("/" in symbol for symbol in traded):
        raise UserError("--symbols: runs at Alpaca's server trade stocks", "write them like AAPL,TSLA")
    choice = StrategyChoice(strategy, traded, given, "1m") if strategy else restless_choice(traded, given)
    check_strategies((choice,))
    return AlpacaOptions((choice,), read_alpaca_faults(faults))


def read_alpaca_faults(text: str) -> tuple[str, ...]:
    """Read kinds of faults with their places, such as ``rest:throttle``; a place alone stands for all of its kinds.

    Raises:
        UserError: there is no such kind.
    """
    from algotrader.rehearsal.alpaca.faults import KINDS
    from algotrader.rehearsal.alpaca.plans import FAULT_KINDS

    if text in ("all", "none"):
        return FAULT_KINDS if text == "all" else ()
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    for name in wanted:
        if name not in FAULT_KINDS and name not in KINDS:
            near = did_you_mean(name, FAULT_KINDS)
            places = "; ".join(f"{where}: {', '.join(kinds)}" for where, kinds in KINDS.items())
            raise UserError(f"there is no fault {name!r}", f"{near} faults are PLACE:KIND, all or none; {places}".strip())
    return tuple(kind for kind in FAULT_KINDS if kind in wanted or kind.partition(":")[0] in wanted)


def print_reconnects(outcomes: Sequence[Outcome]) -> None:
    """How long streams took to come back, by what broke them."""
    from algotrader.cli.ui import plain_table, print_table
    from algotrader.rehearsal.alpaca.play import AlpacaOutcome

    found: dict[str, list[float]] = {}
    for outcome in outcomes:
        for kind, seconds in outcome.reconnects.items() if isinstance(outcome, AlpacaOutcome) else ():
            found.setdefault(kind, []).extend(seconds)
    if not found:
        return
    table = plain_table("stream that broke", "times", "longest, s", right=("times", "longest, s"))
    for kind, seconds in sorted(found.items()):
        table.add_row(kind, str(len(seconds)), f"{max(seconds):.2f}")
    click.echo()
    print_table(table)
