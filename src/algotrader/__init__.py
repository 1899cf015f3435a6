"""algo-trader: one trading engine for backtest, paper, shadow, live and replay."""

from __future__ import annotations

__version__ = "0.1.0"
