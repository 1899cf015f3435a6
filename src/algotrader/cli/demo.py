"""``algo-trader demo``: a whole backtest on made-up data, from nothing to a tear sheet."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

import click

from algotrader.config import cache_folder

STRATEGY: Final = "velez"
FIRST_DAY: Final = "2024-01-02"
LAST_DAY: Final = "2024-06-28"


@click.command(short_help="Run a whole backtest on made-up data.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("out/tearsheet.html"),
    show_default=True,
    help="Where to write the tear sheet.",
)
def demo(out: Path) -> None:
    """Make up market data, run a strategy on it and write the tear sheet.

    The data are kept in your cache folder, so that the next call need not make them again.
    """
    from algotrader.cli.outputs import check_writable
    from algotrader.cli.summary import note_made_up, print_summary
    from algotrader.cli.ui import progress
    from algotrader.history.generator import DEMO_SYMBOLS, ensure_demo_catalogue
    from algotrader.research.backtest import BacktestOptions
    from algotrader.research.backtest import backtest as simulate
    from algotrader.research.collect import load_prices
    from algotrader.research.metrics import compute_metrics
    from algotrader.research.tearsheet import write_tearsheet

    began = time.perf_counter()
    check_writable(out)
    catalogue = ensure_demo_catalogue(cache_folder(os.environ) / "demo-data")
    with progress(f"{STRATEGY}, {len(DEMO_SYMBOLS)} symbols") as report:
        result = simulate(
            STRATEGY,
            DEMO_SYMBOLS,
            data=catalogue,
            start=FIRST_DAY,
            end=LAST_DAY,
            options=BacktestOptions(strict=False),
            progress=report,
        )
    metrics = compute_metrics(result)
    note_made_up(result, catalogue)
    print_summary(result, metrics)
    load_prices(result, catalogue)
    write_tearsheet(result, metrics, out)
    click.echo(f"tear sheet   {out}")
    click.echo(f"done         in {time.perf_counter() - began:.1f} s; open the tear sheet in a browser")
