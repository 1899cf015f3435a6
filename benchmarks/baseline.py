"""How fast a backtest is here: bars per second for one and for fifty instruments, and Velez on five, through public functions.

Run it with ``make bench-baseline``. The time is that of the whole ``backtest`` call, reading the bars included.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl

from algotrader.core.instruments import crypto
from algotrader.core.market import NS_PER_MINUTE
from algotrader.history.catalogue import Catalogue
from algotrader.history.generator import DEMO_SYMBOLS, ensure_demo_catalogue
from algotrader.research.backtest import BacktestOptions, backtest

START = 1_704_067_200 * 10**9
OPTIONS = BacktestOptions(capital=Decimal(100_000_000), ideal=True)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXY"


def walk(seed: int, count: int) -> pl.DataFrame:
    """A random walk of minute bars on integer ticks."""
    steps = np.random.Generator(np.random.PCG64(seed)).integers(-5, 6, count) * 100
    close = np.maximum(1_000_000 + np.cumsum(steps), 10_000)
    opened = np.concatenate([close[:1], close[:-1]])
    open_time = START + np.arange(count, dtype=np.int64) * NS_PER_MINUTE
    return pl.DataFrame(
        {
            "open_time": open_time,
            "close_time": open_time + NS_PER_MINUTE,
            "open": opened,
            "high": np.maximum(opened, close) + 100,
            "low": np.minimum(opened, close) - 100,
            "close": close,
            "volume": np.full(count, 100_000, dtype=np.int64),
        }
    )


def store(folder: Path, symbols: list[str], count: int) -> Catalogue:
    """A catalogue of random walks."""
    catalogue = Catalogue(folder)
    for seed, symbol in enumerate(symbols):
        catalogue.write_bars(crypto(symbol, price_scale=4, quantity_scale=0), "1m", walk(seed, count))
    return catalogue


def report(title: str, strategy: str, symbols: list[str], catalogue: Catalogue, bars: int, **options: object) -> None:
    """Run a backtest three times and print the median."""
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        result = backtest(strategy, symbols, data=catalogue, options=OPTIONS, parameters=options)
        seconds.append(time.perf_counter() - begun)
    median = sorted(seconds)[1]
    print(f"{title:<34} {bars / median:>12,.0f} bars/s {median:>8.2f} s {len(result.fills):>8,} fills  {result.engine}")


def main() -> None:
    """Print the table."""
    many = [f"{first}{second}X/USD" for first in LETTERS[:5] for second in LETTERS[:10]]
    with tempfile.TemporaryDirectory() as folder:
        one = store(Path(folder) / "one", ["AAX/USD"], 500_000)
        fifty = store(Path(folder) / "fifty", many, 20_000)
        demo = ensure_demo_catalogue(Path(folder) / "demo")
        report("sma_cross 20/200, 1 instrument", "sma_cross", ["AAX/USD"], one, 500_000)
        report("sma_cross 20/200, 50 instruments", "sma_cross", many, fifty, 1_000_000)
        count = sum(demo.count(symbol, "1m") for symbol in DEMO_SYMBOLS)
        report("velez, 5 instruments, a year", "velez", list(DEMO_SYMBOLS), demo, count)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MB, Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
