"""A strategy for sessions that are killed: orders all the time, of a fixed size, so that no breaker stops it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from pydantic import Field

from algotrader.core.market import Bar
from algotrader.rehearsal.restless import Restless, RestlessParameters
from algotrader.strategies.parameters import Parameters


class FidgetParameters(RestlessParameters):
    """Of Restless, and how much money goes into an entry."""

    amount: Decimal = Field(Decimal(2_000), gt=0, description="money for an entry")


class Fidget(Restless):
    """As Restless, with quantities of its own."""

    name: ClassVar[str] = "fidget"
    sizing: ClassVar[str] = "explicit"
    parameters_type: ClassVar[type[Parameters]] = FidgetParameters

    def quantity(self, bar: Bar, indicators: Any) -> object:
        """So many as the amount buys."""
        step = Decimal(1) if bar.instrument.calendar != "24/7" else Decimal("0.0001")
        return (self.parameters.amount / bar.close // step) * step
