"""The built-in strategies keep the promise they make by offering candidates, on made-up and on recorded bars."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from property.test_candidate_values import Floating

from algotrader.history.catalogue import Catalogue
from algotrader.history.generator import ensure_demo_catalogue
from algotrader.history.importing import import_file
from algotrader.research.backtest import BacktestOptions, verify_candidates

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
OPTIONS = BacktestOptions(capital=Decimal(1_000_000))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return ensure_demo_catalogue(tmp_path_factory.mktemp("demo"))


@pytest.mark.parametrize(
    ("strategy", "symbols", "interval", "parameters"),
    [
        ("velez", ("AAPL", "TSLA", "AMD"), "2m", {}),
        ("velez", ("AAPL",), "1m", {"allow_short": True}),
        ("velez", ("BTC/USDT",), "5m", {}),
        ("sma_cross", ("AAPL", "AMD"), "1m", {"fast": 20, "slow": 200}),
        ("sma_cross", ("AAPL",), "10m", {"fast": 3, "slow": 9}),
        ("sma_cross", ("AAPL", "META"), "1d", {"fast": 5, "slow": 20}),
        ("sma_cross", ("BTC/USDT",), "1m", {"fast": 5, "slow": 8, "quantity": "0.1"}),
        ("buy_and_hold", ("AAPL", "META"), "1m", {}),
    ],
)
def test_made_up_bars(
    demo: Catalogue, strategy: str, symbols: tuple[str, ...], interval: str, parameters: Mapping[str, object]
) -> None:
    told = verify_candidates(
        strategy, symbols, data=demo, interval=interval, parameters=parameters, end="2024-10-31", options=OPTIONS
    )
    assert told == ""


@pytest.mark.parametrize("interval", ["1m", "10m", "1d"])
def test_values_of_a_session_on_made_up_bars(demo: Catalogue, interval: str) -> None:
    kind = type("Timed", (Floating,), {"minutes": {"1m": 1, "10m": 10, "1d": 0}[interval]})
    assert verify_candidates(kind, ["AAPL"], data=demo, interval=interval, end="2024-10-31", options=OPTIONS) == ""


def recorded() -> list[Path]:
    return sorted([*SHARED.glob("*/minute/*_trade.parquet"), *SHARED.glob("*/daily/*.parquet")])


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared market data are not here")
@pytest.mark.parametrize("path", recorded() or [Path("absent")], ids=lambda path: path.stem)
def test_recorded_bars(path: Path, tmp_path: Path) -> None:
    interval = "1d" if path.parent.name == "daily" else "1m"
    symbol = path.stem.removesuffix("_trade").removesuffix("_2020").split("_")[-1]
    catalogue = Catalogue(tmp_path)
    import_file(path, symbol, interval, catalogue)
    stored = next(iter(catalogue.instruments()))
    for fast, slow in ((3, 10), (10, 30)):
        told = verify_candidates(
            "sma_cross", [stored], data=catalogue, interval=interval, parameters={"fast": fast, "slow": slow}, options=OPTIONS
        )
        assert told == ""
    if interval == "1m":
        assert verify_candidates("velez", [stored], data=catalogue, options=OPTIONS) == ""
