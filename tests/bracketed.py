"""A strategy whose entries bring a stop and a target along: at Alpaca a bracket."""

from __future__ import annotations

from typing import Any, ClassVar

from algotrader.core.market import Bar
from algotrader.rehearsal.restless import Restless


class Bracketed(Restless):
    """As Restless, at market, with a target as far away as its stop."""

    name: ClassVar[str] = "bracketed"

    def entry_price(self, bar: Bar, indicators: Any) -> Any:
        """At market."""
        return None

    def take_profit_price(self, bar: Bar, indicators: Any) -> Any:
        """Above the bar's high."""
        return bar.high * (1 + self.parameters.stop_pct / 100)
