"""What the simulated venue assumes: costs, volume, latency and the two optimistic options."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, final

from algotrader.core.copies import made_from_fields
from algotrader.simulation.costs import CommissionModel, FixedSlippage, NoCommission, NoSlippage, SlippageModel

DEFAULT_SLIPPAGE: Final = Decimal("0.01")
DEFAULT_VOLUME_LIMIT_PPM: Final = 25_000
DEFAULT_JITTER_PPM: Final = 200_000
PAPER_LATENCY_NS: Final = 100_000_000
PAPER_LATENCY_CRYPTO_NS: Final = 50_000_000
NEXT_OPEN: Final = "next_open"
AT_CLOSE: Final = "close"
ASSUME: Final = "assume"
IGNORE: Final = "ignore"
_MILLION: Final = 1_000_000


def _default_slippage() -> SlippageModel:
    return FixedSlippage(DEFAULT_SLIPPAGE)


def _default_commission() -> CommissionModel:
    return NoCommission()


@final
@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """Assumptions of one simulation; ``docs/backtest-assumptions.md`` explains each.

    Attributes:
        slippage: how market and stop orders fill worse than the price they touch.
        commission: what a fill costs.
        volume_limit_ppm: millionths of a bar's volume that all our orders in it may take together; 0 is no limit.
        latency_ns: time a command needs to reach the venue, nanoseconds.
        latency_jitter_ppm: spread of the latency, millionths up and down.
        seed: start of the spread.
        fill: ``next_open``, or ``close`` (optimistic): market orders fill at the close of the bar on which they are placed.
        entry_bar_stop: ``assume``, or ``ignore`` (optimistic): a stop is not live on the bar of its entry.
        check_buying_power: whether the venue refuses buys beyond its cash.
    """

    slippage: SlippageModel = field(default_factory=_default_slippage)
    commission: CommissionModel = field(default_factory=_default_commission)
    volume_limit_ppm: int = DEFAULT_VOLUME_LIMIT_PPM
    latency_ns: int = 0
    latency_jitter_ppm: int = DEFAULT_JITTER_PPM
    seed: int = 0
    fill: str = NEXT_OPEN
    entry_bar_stop: str = ASSUME
    check_buying_power: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.volume_limit_ppm <= _MILLION:
            raise ValueError(f"volume_limit_ppm must lie between 0 and a million, not {self.volume_limit_ppm}")
        if self.latency_ns < 0 or not 0 <= self.latency_jitter_ppm <= _MILLION:
            raise ValueError("latency_ns must not be negative, latency_jitter_ppm must lie between 0 and a million")
        if self.fill not in (NEXT_OPEN, AT_CLOSE):
            raise ValueError(f"fill must be {NEXT_OPEN} or {AT_CLOSE}, not {self.fill!r}")
        if self.entry_bar_stop not in (ASSUME, IGNORE):
            raise ValueError(f"entry_bar_stop must be {ASSUME} or {IGNORE}, not {self.entry_bar_stop!r}")

    @staticmethod
    def ideal() -> SimulationSettings:
        """No slippage, no commission, no volume limit."""
        return SimulationSettings(NoSlippage(), NoCommission(), 0)

    @staticmethod
    def default() -> SimulationSettings:
        """A cent of slippage a share, no commission, 2.5 % of the volume, no latency."""
        return SimulationSettings()

    @property
    def is_optimistic(self) -> bool:
        """Whether an option is on that may show better results than trading would have had."""
        return self.fill == AT_CLOSE or self.entry_bar_stop == IGNORE

    def assumptions(self) -> dict[str, str]:
        """The settings in words, for the tear sheet."""
        limit = f"{Decimal(self.volume_limit_ppm) / 10_000:f} % of a bar" if self.volume_limit_ppm else "none"
        spread = f" ±{Decimal(self.latency_jitter_ppm) / 10_000:f} %" if self.latency_ns else ""
        return {
            "slippage": self.slippage.describe(),
            "commission": self.commission.describe(),
            "volume limit": limit,
            "latency": f"{Decimal(self.latency_ns) / 1_000_000:f} ms{spread}",
            "market orders": "next open" if self.fill == NEXT_OPEN else "close of the same bar (optimistic)",
            "stop on the entry's bar": "assumed live" if self.entry_bar_stop == ASSUME else "ignored (optimistic)",
        }


made_from_fields(SimulationSettings)
