"""Which of the stored bars a backtest runs on, and the engine that it runs."""

from __future__ import annotations

from collections.abc import Sequence

from algotrader.assembly import Assembly, Plan, interval_minutes, serves
from algotrader.core.instruments import Instrument
from algotrader.history.catalogue import Catalogue
from algotrader.history.intervals import DAILY, INTERVALS
from algotrader.research.options import BacktestError, BacktestOptions


def choose_base(catalogue: Catalogue, symbols: Sequence[str], plans: Sequence[Plan]) -> str:
    """The stored interval to feed: the finest from which every strategy's bars can be made, but daily bars for daily strategies.

    Raises:
        BacktestError: no stored interval serves all symbols and strategies.
    """
    stored = [set(catalogue.intervals(symbol)) for symbol in symbols]
    common = [name for name in INTERVALS if all(name in names for names in stored) and name != "1s"]
    wanted = [plan.minutes for plan in plans]
    if DAILY in common and all(minutes == 0 for minutes in wanted):
        return DAILY
    for name in common:
        minutes = interval_minutes(name)
        if all(serves(minutes, other) for other in wanted):
            return name
    asked = ", ".join(sorted({"any" if m is None else "1d" if m == 0 else f"{m}m" for m in wanted}))
    listed = "; ".join(f"{symbol}: {', '.join(catalogue.intervals(symbol)) or 'none'}" for symbol in symbols)
    raise BacktestError(f"bars of {asked} cannot be made from what is stored", f"stored: {listed}")


def run_setup(instruments: list[Instrument], plans: Sequence[Plan], base: str, options: BacktestOptions) -> Assembly:
    """The engine of a backtest."""
    return Assembly(
        instruments,
        plans,
        base,
        options.policy,
        options.capabilities,
        extended_hours=options.extended_hours,
        strict=options.strict,
    )
