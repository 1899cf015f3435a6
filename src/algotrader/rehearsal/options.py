"""What is rehearsed: whose strategies, on which instruments, at what kind of venue, with which faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from algotrader.core.instruments import ALPACA_LIKE, GENERIC, Instrument, VenueCapabilities, equity
from algotrader.core.risk import RiskPolicy
from algotrader.rehearsal.faults import KINDS, Rates
from algotrader.rehearsal.restless import Restless
from algotrader.strategies.scanners import Route, StaticScanner

VENUES: Final[dict[str, VenueCapabilities]] = {"generic": GENERIC, "alpaca-like": ALPACA_LIKE}
"""One that lets an exit stand beside a resting stop, and one that reserves holdings and refuses opposing orders."""

SYMBOLS: Final = ("AAPL", "TSLA", "AMD")


def _three() -> tuple[Instrument, ...]:
    return tuple(equity(symbol) for symbol in SYMBOLS)


def _restless() -> tuple[Route, ...]:
    return (Route(StaticScanner(), Restless, {}),)


def _patient() -> RiskPolicy:
    # A breaker that trips after three losses would end most rehearsals before ten o'clock.
    return RiskPolicy(consecutive_loss_pause=1_000, max_daily_loss=Decimal("0.5"))


@dataclass(frozen=True, slots=True)
class RehearsalOptions:
    """What all sessions of a rehearsal have in common.

    Attributes:
        routes: strategies with their parameters.
        instruments: what they trade.
        venue: one of ``VENUES``; empty for both in turns.
        faults: which kinds go wrong, see ``faults.KINDS``.
        rates: how often.
        policy: limits of the account.
        capital: with which the account starts, account currency.
        snapshot_seconds: how often the session stores its whole state.
        planted: a fault of our own making, for tests of the rehearsal; see ``planted``.
    """

    routes: tuple[Route, ...] = field(default_factory=_restless)
    instruments: tuple[Instrument, ...] = field(default_factory=_three)
    venue: str = ""
    faults: tuple[str, ...] = KINDS
    rates: Rates = field(default_factory=Rates)
    policy: RiskPolicy = field(default_factory=_patient)
    capital: Decimal = Decimal(100_000)
    snapshot_seconds: float = 1_800.0
    planted: str = ""

    def capabilities(self, seed: int) -> VenueCapabilities:
        """The rules of the venue in the rehearsal of a seed."""
        return VENUES[self.venue] if self.venue else list(VENUES.values())[seed % len(VENUES)]
