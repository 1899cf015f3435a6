"""Velez: a strong candle out of tight, diverging averages, entered on a stop order, trailed by pullbacks.

The rules are numbered; every one has tests of its own. Comparisons are made on exact integers, so a value that lies exactly on a
threshold is decided as the rule says and not by float noise.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, Final, Self

import numpy as np
from pydantic import Field, model_validator

from algotrader.core.indicators import SMA, Indicator, gap, previous_gap
from algotrader.core.market import Bar
from algotrader.strategies.base import Price, SignalStrategy
from algotrader.strategies.columns import Mask, StrategyColumns
from algotrader.strategies.parameters import Parameters

RULES: Final[dict[str, str]] = {
    "V1": "No signal before the slow average is full on this candle and on the one before.",
    "V2": "Tight: the averages are closer than the threshold, in percent of the close; exactly at the threshold is not tight.",
    "V3": "Diverging: fast minus slow is larger than on the candle before.",
    "V4": "The fast average is above the slow one.",
    "V5": "The candle is green: it closes above its open.",
    "V6": "The candle is strong: its body is at least the threshold share of its range; a candle without range never is.",
    "V7": "The entry is a stop order at exactly the signal candle's high, rounded up to the price increment.",
    "V8": "The initial stop is the low less the larger of a percentage of the low and a minimum, rounded down to the increment.",
    "V9": "An entry that has not filled after the given number of candles is cancelled.",
    "V10": "Watching: a red candle starts a pullback; its low is the pullback's low.",
    "V11": "Pulling back: a further red candle lowers the pullback's low and starts the count of green candles again.",
    "V12": "Pulling back: the second green candle moves the stop to the pullback's low, without a buffer, and starts trailing.",
    "V13": "Trailing: a red candle starts the next pullback itself.",
    "V14": "A doji is neutral for the trail: no transition, no count, no reset.",
    "V15": "A stop never moves against the position.",
    "V16": "A stop that would lie at or beyond the market closes the position instead.",
    "V17": "While trailing, strong candles in a row are counted; at the limit the position is closed at market.",
    "V18": "The candle that starts the trail counts as the first of the run; a weak candle or a doji sets the count to zero.",
    "V19": "When a position is closed, for whatever reason, the pattern starts anew.",
    "V20": "With shorts allowed, everything is mirrored.",
    "V21": "On the candle on which an entry is cancelled no new signal is looked for.",
}
"""What the strategy promises, rule by rule."""

WATCHING: Final = "watching"
PULLING_BACK: Final = "pulling_back"
TRAILING: Final = "trailing"

_E6: Final = 1_000_000
_HAIR: Final = 1e-9


class VelezParameters(Parameters):
    """Bounds as in the table of the strategy's documentation; percentages are percent, not fractions."""

    enabled: bool = Field(True, description="look for entries at all")
    sma_fast: int = Field(20, ge=5, le=50, description="period of the fast average, candles")
    sma_slow: int = Field(200, ge=100, le=500, description="period of the slow average, candles")
    candle_interval_minutes: int = Field(2, description="length of a candle, minutes", json_schema_extra={"allowed": "1, 2, 5, 10"})
    tightness_threshold_pct: Decimal = Field(Decimal("2.0"), ge=Decimal("0.5"), le=5, description="largest gap, % of close")
    strong_candle_body_pct: Decimal = Field(Decimal(50), ge=30, le=80, description="body of a strong candle, % of its range")
    stop_buffer_pct: Decimal = Field(Decimal("0.1"), ge=Decimal("0.05"), le=1, description="stop below the low, % of the low")
    stop_buffer_min: Decimal = Field(Decimal("0.02"), ge=Decimal("0.01"), le=Decimal("0.10"), description="least buffer, dollars")
    buy_stop_expiry_candles: int = Field(1, ge=1, le=5, description="candles an entry may wait")
    max_run_candles: int = Field(3, ge=2, le=10, description="strong candles in a row that end a trail")
    doji_threshold_pct: Decimal = Field(Decimal(10), ge=0, le=30, description="body below this is a doji, % of the range")
    allow_short: bool = Field(False, description="trade the mirror image too")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.candle_interval_minutes not in (1, 2, 5, 10):
            raise ValueError(f"'candle_interval_minutes' must be 1, 2, 5 or 10, not {self.candle_interval_minutes}")
        if self.doji_threshold_pct >= self.strong_candle_body_pct:
            raise ValueError("'doji_threshold_pct' must be below 'strong_candle_body_pct'")
        return self


class Velez(SignalStrategy):
    """The Velez strategy on one symbol. See ``RULES``."""

    name: ClassVar[str] = "velez"
    parameters_type: ClassVar[type[Parameters]] = VelezParameters

    def __init__(self, symbol: str, parameters: Parameters | None = None) -> None:
        super().__init__(symbol, parameters)
        p = self.parameters
        self._tight_e6 = int(p.tightness_threshold_pct * _E6)
        self._strong_e6 = int(p.strong_candle_body_pct * _E6)
        self._doji_e6 = int(p.doji_threshold_pct * _E6)
        self._reset()

    def _reset(self) -> None:
        self.trail = WATCHING
        self.pullback_raw = 0
        self.recoveries = 0
        self.run = 0

    def indicators(self) -> dict[str, Indicator]:
        """The two averages of closes."""
        self.fast = SMA(self.parameters.sma_fast)
        self.slow = SMA(self.parameters.sma_slow)
        return {"fast": self.fast, "slow": self.slow}

    @property
    def required_history(self) -> int:
        """V1: the slow average and the one a candle earlier."""
        return int(self.parameters.sma_slow) + 1

    @property
    def interval_minutes(self) -> int | None:
        """Its own candle interval."""
        return int(self.parameters.candle_interval_minutes)

    @property
    def shorts(self) -> bool:
        """V20."""
        return bool(self.parameters.allow_short)

    def candidates(self, columns: StrategyColumns) -> Mask | None:
        """V2 to V6 on whole columns, the percentages a hair wider so that rounding never hides a signal."""
        p: VelezParameters = self.parameters
        gap = columns.gap(p.sma_fast, p.sma_slow)
        if gap is None:
            return None
        widening = gap - columns.earlier(gap)
        body = (columns.close - columns.open).astype(np.float64)
        span = (columns.high - columns.low).astype(np.float64)
        up = (gap > 0) & (widening > 0) & (body > 0)
        if p.allow_short:
            up |= (gap < 0) & (widening < 0) & (body < 0)
        limit = columns.close.astype(np.float64) * (float(p.tightness_threshold_pct) / 100 * p.sma_fast * p.sma_slow * (1 + _HAIR))
        strong = np.abs(body) * 100 >= span * (float(p.strong_candle_body_pct) * (1 - _HAIR))
        return np.asarray(up & (np.abs(gap.astype(np.float64)) <= limit) & strong)

    def should_long(self, bar: Bar, indicators: Any) -> object:
        """V2 to V6."""
        if not self.parameters.enabled or bar.close_raw <= bar.open_raw:
            return False
        now = gap(self.fast, self.slow)
        return now > 0 and now > previous_gap(self.fast, self.slow) and self._tight(bar, now) and self._strong(bar)

    def should_short(self, bar: Bar, indicators: Any) -> object:
        """V20: V2 to V6 mirrored."""
        if not self.parameters.enabled or bar.close_raw >= bar.open_raw:
            return False
        now = gap(self.fast, self.slow)
        return now < 0 and now < previous_gap(self.fast, self.slow) and self._tight(bar, -now) and self._strong(bar)

    def _tight(self, bar: Bar, distance: int) -> bool:
        return distance * 100 * _E6 < self._tight_e6 * bar.close_raw * self.fast.period * self.slow.period

    def _strong(self, bar: Bar) -> bool:
        span = bar.high_raw - bar.low_raw
        return span > 0 and abs(bar.close_raw - bar.open_raw) * 100 * _E6 >= self._strong_e6 * span

    def _doji(self, bar: Bar) -> bool:
        span = bar.high_raw - bar.low_raw
        return abs(bar.close_raw - bar.open_raw) * 100 * _E6 < self._doji_e6 * span if span else self._doji_e6 > 0

    def entry_price(self, bar: Bar, indicators: Any) -> Price:
        """V7."""
        return bar.high if self.direction == "long" else bar.low

    def stop_loss_price(self, bar: Bar, indicators: Any) -> Price:
        """V8."""
        p: VelezParameters = self.parameters
        edge = bar.low if self.direction == "long" else bar.high
        buffer = max(edge * p.stop_buffer_pct / 100, p.stop_buffer_min)
        return edge - buffer if self.direction == "long" else edge + buffer

    def should_cancel_pending(self, bar: Bar, candles_since: int) -> object:
        """V9."""
        return candles_since >= self.parameters.buy_stop_expiry_candles

    def should_update_stop(self, bar: Bar, indicators: Any) -> Price:
        """V10 to V14; the engine keeps V15 and V16."""
        if self._doji(bar):
            return None
        long = self.direction == "long"
        against = bar.close_raw < bar.open_raw if long else bar.close_raw > bar.open_raw
        edge = bar.low_raw if long else bar.high_raw
        if against:
            if self.trail == PULLING_BACK:
                edge = min(self.pullback_raw, edge) if long else max(self.pullback_raw, edge)
            self.pullback_raw = edge
            self.trail = PULLING_BACK
            self.recoveries = 0
            return None
        if self.trail != PULLING_BACK:
            return None
        self.recoveries += 1
        if self.recoveries < 2:
            return None
        self.trail = TRAILING
        self.run = 0
        return bar.instrument.price(self.pullback_raw)

    def should_exit(self, bar: Bar, indicators: Any) -> object:
        """V17 and V18; asked after the stop on the same candle."""
        if self.trail != TRAILING:
            self.run = 0
            return False
        self.run = self.run + 1 if self._strong(bar) and not self._doji(bar) else 0
        return self.run >= self.parameters.max_run_candles

    def on_position_closed(self) -> None:
        """V19."""
        self._reset()
