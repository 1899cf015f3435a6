"""Named sets of limits. What is set besides a profile wins over it."""

from __future__ import annotations

from typing import Final

NO_PROFILE: Final = "none"

PROFILES: Final[dict[str, dict[str, str]]] = {
    "conservative": {
        "max_risk_per_trade_pct": "0.005",
        "max_risk_per_trade_abs": "250",
        "max_position_pct": "0.03",
        "max_daily_loss_pct": "0.02",
        "max_open_positions": "3",
        "consecutive_loss_pause": "2",
        "emergency_stop_pct": "0.015",
    },
    "moderate": {
        "max_risk_per_trade_pct": "0.01",
        "max_risk_per_trade_abs": "500",
        "max_position_pct": "0.05",
        "max_daily_loss_pct": "0.05",
        "max_open_positions": "5",
        "consecutive_loss_pause": "3",
        "emergency_stop_pct": "0.02",
    },
    "aggressive": {
        "max_risk_per_trade_pct": "0.02",
        "max_risk_per_trade_abs": "1000",
        "max_position_pct": "0.10",
        "max_daily_loss_pct": "0.10",
        "max_open_positions": "10",
        "consecutive_loss_pause": "5",
        "emergency_stop_pct": "0.03",
    },
}
"""Limits by the name of the profile; the keys are those of the section ``risk``."""
