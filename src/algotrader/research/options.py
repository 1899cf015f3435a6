"""What a backtest assumes, as a user sets it, and the simulation settings that follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from algotrader.core.instruments import ALPACA_LIKE, GENERIC, VenueCapabilities
from algotrader.core.risk import RiskPolicy
from algotrader.errors import UserError, did_you_mean
from algotrader.simulation.costs import CommissionModel, SlippageModel, commission_from_text, slippage_from_text
from algotrader.simulation.settings import SimulationSettings

VENUES: Final[dict[str, VenueCapabilities]] = {"generic": GENERIC, "alpaca-like": ALPACA_LIKE}
PPM: Final = 1_000_000


class BacktestError(UserError):
    """A backtest that cannot be run as asked."""


@dataclass(frozen=True, slots=True)
class BacktestOptions:
    """Assumptions of a backtest; ``docs/backtest-assumptions.md`` explains each.

    Attributes:
        capital: cash at the start, account currency.
        slippage: a model, or text such as ``0.01`` (per share), ``bps:5``, ``volume-share:0.025:0.1``, ``none``.
        commission: a model, or text such as ``0.005`` (per share), ``per-share:0.005:1``, ``per-trade:1``, ``none``.
        volume_limit: fraction of a bar's volume that our orders may take together; None for no limit.
        ideal: no costs, no volume limit, no latency; overrides the four above.
        latency_ms: time an order takes to the venue, milliseconds, with a seeded spread of 20 percent.
        fill: ``next_open``, or ``close`` (optimistic).
        entry_bar_stop: ``assume`` that a stop may be hit on its entry's own bar, or ``ignore`` (optimistic).
        seed: of everything drawn at random.
        venue: which capabilities the simulated venue enforces: ``generic`` or ``alpaca-like``.
        extended_hours: keep the bars outside the regular session for strategies that want them.
        benchmark: a symbol of the catalogue; None takes the first symbol traded.
        policy: limits of the account.
        candidates: visit only the bars that can matter, where a strategy says which (the same fills, sooner).
        strict: raise when a position is found without its stop, instead of reporting and mending it.
    """

    capital: Decimal = Decimal(25_000)
    slippage: str | SlippageModel | None = None
    commission: str | CommissionModel | None = None
    volume_limit: Decimal | None = Decimal("0.025")
    ideal: bool = False
    latency_ms: float = 0.0
    fill: str = "next_open"
    entry_bar_stop: str = "assume"
    seed: int = 0
    venue: str = "generic"
    extended_hours: bool = False
    benchmark: str | None = None
    policy: RiskPolicy = field(default_factory=RiskPolicy)
    candidates: bool = True
    strict: bool = True

    @property
    def capabilities(self) -> VenueCapabilities:
        """What the simulated venue allows.

        Raises:
            BacktestError: no such venue.
        """
        found = VENUES.get(self.venue)
        if found is None:
            raise BacktestError(
                f"unknown venue {self.venue!r}", f"{did_you_mean(self.venue, VENUES)} known: {', '.join(VENUES)}".strip()
            )
        return found

    def settings(self, models: dict[str, Any]) -> SimulationSettings:
        """The simulated venue's settings; ``models`` are those a strategy has set for itself, used where the user set none.

        Raises:
            BacktestError: a model's text cannot be read, or a number is out of bounds.
        """
        if self.capital <= 0 or not self.capital.is_finite():
            raise BacktestError(f"capital must be positive, not {self.capital}", "give --capital 25000")
        base = SimulationSettings.ideal() if self.ideal else SimulationSettings.default()
        slippage, commission = base.slippage, base.commission
        try:
            if not self.ideal:
                slippage = _slippage(self.slippage, models.get("slippage"), slippage)
                commission = _commission(self.commission, models.get("commission"), commission)
            return SimulationSettings(
                slippage,
                commission,
                0 if self.ideal or self.volume_limit is None else int(self.volume_limit * PPM),
                0 if self.ideal else int(self.latency_ms * PPM),
                seed=self.seed,
                fill=self.fill,
                entry_bar_stop=self.entry_bar_stop,
            )
        except (ValueError, InvalidOperation) as error:
            raise BacktestError(str(error), "see docs/backtest-assumptions.md for every setting") from None


def _slippage(given: str | SlippageModel | None, own: object, default: SlippageModel) -> SlippageModel:
    if isinstance(given, str):
        return slippage_from_text(given)
    if given is not None:
        return given
    return own if isinstance(own, SlippageModel) else default


def _commission(given: str | CommissionModel | None, own: object, default: CommissionModel) -> CommissionModel:
    if isinstance(given, str):
        return commission_from_text(given)
    if given is not None:
        return given
    return own if isinstance(own, CommissionModel) else default
