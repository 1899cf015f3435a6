"""Writes velez_500.csv: 500 made-up two-minute candles, on which the defaults of Velez trade in all the ways they can.

Whole cents from a small generator of whole numbers, so that every machine and every Python writes the same file. With ``--accept``
the fills of a backtest over them are written to velez_500.json, as the ones that are right.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from algotrader.history.catalogue import Catalogue
from algotrader.history.importing import import_file
from algotrader.research.backtest import backtest
from algotrader.research.result import BacktestResult

FOLDER = Path(__file__).parent
CANDLES = FOLDER / "velez_500.csv"
FILLS = FOLDER / "velez_500.json"
COUNT = 500
SEED = 103
PER_SESSION = 195
SESSIONS = (
    datetime(2024, 3, 5, 14, 30, tzinfo=UTC),
    datetime(2024, 3, 6, 14, 30, tzinfo=UTC),
    datetime(2024, 3, 7, 14, 30, tzinfo=UTC),
)


def numbers(seed: int) -> Iterator[int]:
    """Whole numbers from 0 to 32,767: the upper bits of x -> 1103515245 x + 12345 modulo 2^31."""
    state = seed
    while True:
        state = (state * 1103515245 + 12345) % 2**31
        yield state >> 16


def candles() -> list[tuple[int, int, int, int, int]]:
    """Open, high, low, close in cents, and volume. Directions last for a few candles, and one open in six leaves a gap."""
    draw = numbers(SEED)
    rows = []
    price, drift = 10_000, 0
    for _ in range(COUNT):
        if next(draw) % 7 == 0:
            drift = next(draw) % 13 - 6
        gap = next(draw) % 25 - 12 if next(draw) % 6 == 0 else 0
        start = price + gap
        end = start + drift + next(draw) % 17 - 8
        high = max(start, end) + next(draw) % 5
        low = min(start, end) - next(draw) % 5
        rows.append((start, high, low, end, 10_000 + next(draw)))
        # Prices are drawn back to where they began, so that the averages meet again and again.
        price = end - (end - 10_000) // 64
    return rows


def write_candles(path: Path) -> None:
    """Write the candles as a table that an import can read."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("time", "open", "high", "low", "close", "volume"))
        for number, (*prices, volume) in enumerate(candles()):
            session, place = divmod(number, PER_SESSION)
            time = int(SESSIONS[session].timestamp()) + 120 * place
            stamp = datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            writer.writerow([stamp, *(f"{price // 100}.{price % 100:02d}" for price in prices), volume])


def run(folder: Path) -> BacktestResult:
    """Trade the stored candles with the defaults, in a catalogue in a folder."""
    catalogue = Catalogue(folder)
    import_file(CANDLES, "AAPL", "2m", catalogue)
    return backtest("velez", ["AAPL"], data=catalogue)


def described(result: BacktestResult) -> dict[str, Any]:
    """Every fill in full, and what the round trips ended by."""
    fields = ("time", "side", "quantity", "price", "commission", "client_order_id", "role")
    fills = [{name: getattr(fill, name) for name in fields} for fill in result.fills]
    text = [{name: value if isinstance(value, int) else str(value) for name, value in fill.items()} for fill in fills]
    reasons = [trip.exit_reason for trip in result.round_trips]
    return {"fingerprint": result.fingerprint, "final_equity": str(result.final_equity), "reasons": reasons, "fills": text}


def main() -> None:
    """Write the candles, or the fills."""
    if sys.argv[1:] == ["--accept"]:
        with tempfile.TemporaryDirectory() as folder:
            text = json.dumps(described(run(Path(folder))), indent=1)
        FILLS.write_text(text + "\n", encoding="utf-8")
    else:
        write_candles(CANDLES)


if __name__ == "__main__":
    main()
