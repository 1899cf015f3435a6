"""Run the strategies over recorded market data and compare every run's fills with the ones of the last accepted run.

Every file of minute bars (velez on bars of two minutes) and of daily bars (sma_cross) under ``--data`` is imported into a catalogue
of its own, together with the splits and dividends of its symbol. Exit codes: 0 all fills are as before, or there are no data; 1 a
run's fills differ. ``--update`` accepts what came out.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any

from algotrader.core.instruments import AssetClass
from algotrader.history.action_files import read_actions
from algotrader.history.catalogue import Catalogue
from algotrader.history.importing import import_file
from algotrader.research.backtest import backtest
from algotrader.research.formats import percent_text
from algotrader.research.metrics import compute_metrics
from algotrader.research.result import BacktestResult

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden" / "real_data.json"
EXCHANGES = ("equity_us", "crypto", "crypto_perp")
STAKE = Decimal(5000)
"""What a position of sma_cross costs at the first price, in the currency of the prices."""

DAILY_PARAMETERS = {"fast": 10, "slow": 30}
HEADERS = ("instrument", "bars", "fills", "trips", "return", "drawdown", "fingerprint")
WIDTHS = (24, 7, 6, 6, 10, 9, 16)


@dataclass(frozen=True, slots=True)
class Recording:
    """One file of bars. ``name`` is its path under the folder of data, without the ending."""

    path: Path
    name: str
    symbol: str
    asset_class: str
    interval: str

    @property
    def label(self) -> str:
        """Symbol, and the venue where the file names one."""
        venue, _, pair = self.path.stem.partition("_")
        return (
            f"{self.symbol} {venue}{' perp' if 'perp' in self.name else ''}"
            if self.asset_class == "crypto" and pair
            else self.symbol
        )


def recordings(folder: Path) -> list[Recording]:
    """Find the files of minute and daily bars of trades, in the order of their names."""
    found = []
    for market in EXCHANGES:
        for kind, interval in (("minute", "1m"), ("daily", "1d")):
            for path in sorted((folder / market / kind).glob("*.parquet")):
                if not path.stem.endswith("_quote"):
                    parts = path.stem.removesuffix("_trade").split("_")
                    is_equity = market == "equity_us"
                    symbol, asset_class = (parts[0], "equity") if is_equity else (parts[1], "crypto")
                    found.append(Recording(path, f"{market}/{kind}/{path.stem}", symbol, asset_class, interval))
    return found


def load(recording: Recording, work: Path, actions: dict[str, list[Any]]) -> tuple[Catalogue, str]:
    """Import a file and its corporate actions into a new catalogue; give it and the symbol in its normal form."""
    catalogue = Catalogue(work / recording.name.replace("/", "-"))
    shutil.rmtree(catalogue.path, ignore_errors=True)
    kind = recording.asset_class
    report = import_file(recording.path, recording.symbol, recording.interval, catalogue, asset_class=kind)
    symbol = report.instrument.symbol
    if symbol in actions:
        catalogue.write_actions(symbol, actions[symbol])
    return catalogue, symbol


def quantity_for(catalogue: Catalogue, symbol: str) -> Decimal:
    """How much costs ``STAKE`` at the first close: whole shares, or a hundredth of a coin."""
    instrument = catalogue.instrument(symbol)
    first = catalogue.scan(symbol, "1d", *catalogue.span(symbol, "1d")).select("close").head(1).collect().item()
    step = Decimal(1) if instrument.asset_class is AssetClass.EQUITY else Decimal("0.01")
    return max((STAKE / instrument.price(first)).quantize(step, rounding=ROUND_DOWN), step)


def run(recording: Recording, catalogue: Catalogue, symbol: str) -> BacktestResult:
    """Trade the strategy that goes with the length of the bars."""
    if recording.interval == "1m":
        return backtest("velez", [symbol], data=catalogue, interval="2m")
    parameters = {**DAILY_PARAMETERS, "quantity": quantity_for(catalogue, symbol)}
    return backtest("sma_cross", [symbol], data=catalogue, interval="1d", parameters=parameters)


def row(recording: Recording, bars: int, result: BacktestResult) -> str:
    """A line of the table."""
    metrics = compute_metrics(result)
    figures = (f"{bars:,}", f"{metrics.fills:,}", f"{metrics.round_trips:,}", percent_text(metrics.total_return, signed=True))
    return line(recording.label, *figures, percent_text(metrics.max_drawdown), result.fingerprint)


def line(*cells: str) -> str:
    """Cells under their headers, the first flush left."""
    first, *others = zip(cells, WIDTHS, strict=True)
    return f"{first[0]:<{first[1]}}" + "".join(f"{text:>{width}}" for text, width in others[:-1]) + f"  {others[-1][0]}"


def run_all(folder: Path, work: Path) -> dict[str, dict[str, Any]]:
    """Run every recording and print a table for each strategy; give fills and fingerprint by strategy and file."""
    actions = read_actions(folder / "equity_us" / "corporate_actions" / "events_derived.csv").actions
    found = recordings(folder)
    outcome: dict[str, dict[str, Any]] = {}
    for interval, title in (("1m", "velez, bars of 2 minutes"), ("1d", "sma_cross, daily bars, fast 10, slow 30")):
        print(f"{title}\n{line(*HEADERS)}")
        for recording in (item for item in found if item.interval == interval):
            catalogue, symbol = load(recording, work, actions)
            result = run(recording, catalogue, symbol)
            print(row(recording, catalogue.count(symbol, interval), result))
            runs = outcome.setdefault(result.strategy, {})
            runs[recording.name] = {"fills": len(result.fills), "fingerprint": result.fingerprint}
        print()
    return outcome


def differences(outcome: dict[str, dict[str, Any]], golden: dict[str, dict[str, Any]]) -> list[str]:
    """Say which runs are not as they were, in the order of their names."""
    told = []
    for strategy in sorted(outcome.keys() | golden.keys()):
        now, before = outcome.get(strategy, {}), golden.get(strategy, {})
        for name in sorted(now.keys() | before.keys()):
            if now.get(name) != before.get(name):
                told.append(f"{strategy} on {name}: {_said(before.get(name))} before, {_said(now.get(name))} now")
    return told


def _said(run_record: dict[str, Any] | None) -> str:
    return "no run" if run_record is None else f"{run_record['fills']} fills {run_record['fingerprint']}"


def main(arguments: list[str] | None = None) -> int:
    """Run, compare, tell. Gives the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the recorded data")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "real-data", help="folder for the catalogues")
    parser.add_argument("--golden", type=Path, default=GOLDEN, help="file of the accepted fingerprints")
    parser.add_argument("--update", action="store_true", help="accept the fingerprints of this run")
    given = parser.parse_args(arguments)
    if not recordings(given.data):
        print(f"There are no recorded market data in {given.data}: nothing was run.")
        return 0
    outcome = run_all(given.data, given.work)
    if given.update:
        given.golden.parent.mkdir(parents=True, exist_ok=True)
        given.golden.write_text(json.dumps(outcome, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        print(f"accepted: {given.golden}")
        return 0
    golden = json.loads(given.golden.read_text(encoding="utf-8")) if given.golden.exists() else {}
    told = differences(outcome, golden)
    print("\n".join(told) if told else "All fills are as in the accepted run.")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
