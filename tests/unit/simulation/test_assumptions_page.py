"""The page of assumptions names every setting and every limit of the simulation."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from algotrader.simulation.costs import commission_from_text, slippage_from_text
from algotrader.simulation.settings import SimulationSettings

PAGE = Path(__file__).resolve().parents[3] / "docs" / "backtest-assumptions.md"
TEXT = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""


@pytest.mark.parametrize("name", [field.name for field in fields(SimulationSettings)])
def test_every_setting_is_explained(name: str) -> None:
    assert f"`{name}" in TEXT


@pytest.mark.covers("B191")
@pytest.mark.parametrize("limit", ["market impact", "queue", "adverse selection"])
def test_limits_are_documented(limit: str) -> None:
    assert limit in TEXT.split("## What is not modelled")[1]


def test_models_on_the_page_can_be_read() -> None:
    slippage, commission = TEXT.split("| Slippage")[1].split("| Commission")
    for section, read in ((slippage, slippage_from_text), (commission.split("## Delays")[0], commission_from_text)):
        rows = [line.split("|")[1] for line in section.splitlines()[2:] if line.startswith("| `")]
        assert len(rows) >= 4
        for row in rows:
            for text in row.split("`")[1::2]:
                read(text)
