"""``algo-trader demo``: a day of paper trading, or a whole backtest, on made-up data and from nothing to a tear sheet."""

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


@click.command(short_help="Trade a made-up day on paper, in a minute.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("out/tearsheet.html"),
    show_default=True,
    help="Where to write the tear sheet.",
)
@click.option("--backtest", "as_backtest", is_flag=True, help="Run a backtest over half a year instead.")
@click.option("--speed", type=click.FloatRange(1, 10_000), default=400.0, show_default=True, help="How much faster than life.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Where the session listens; any free port by default.")
@click.option("--open", "open_page", is_flag=True, help="Show the page in your browser.")
def demo(out: Path, as_backtest: bool, speed: float, port: int, open_page: bool) -> None:
    """Trade a made-up day on paper and write the tear sheet.

    It is a session like those of `algo-trader start`, with a database of its own in your cache folder, new every time. It takes
    about a minute; Ctrl+C ends it sooner.
    """
    from algotrader.cli.outputs import check_writable

    check_writable(out)
    if as_backtest:
        _backtest(out)
        return
    from algotrader.cli.demo_session import trade_a_day

    trade_a_day(out, speed, port, open_page=open_page)


def _backtest(out: Path) -> None:
    from algotrader.cli.summary import note_made_up, print_summary
    from algotrader.cli.ui import progress
    from algotrader.history.generator import DEMO_SYMBOLS, ensure_demo_catalogue
    from algotrader.research.backtest import BacktestOptions
    from algotrader.research.backtest import backtest as simulate
    from algotrader.research.collect import load_prices
    from algotrader.research.metrics import compute_metrics
    from algotrader.research.tearsheet import write_tearsheet

    began = time.perf_counter()
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
