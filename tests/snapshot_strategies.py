"""What users write: strategies of both styles that keep all kinds of things."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from random import Random
from typing import Any, ClassVar, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from algotrader.core.indicators import ATR, EMA, RSI, SMA, VWAP, BollingerBands, Highest, Indicator
from algotrader.core.market import Bar
from algotrader.core.scaled import div_half_even
from algotrader.strategies.algorithm import TradingAlgorithm
from algotrader.strategies.base import SignalStrategy
from algotrader.strategies.schedule import date_rules, time_rules


class Mood(Enum):
    """An enum of a user's own."""

    CALM = 1
    EAGER = 2


class Level(NamedTuple):
    """A named tuple of a user's own."""

    price: int
    touched: int


@dataclass
class Pattern:
    """A dataclass of a user's own."""

    bars: list[Bar] = field(default_factory=list)
    level: Level = field(default_factory=lambda: Level(0, 0))


class Swing(Indicator):
    """An indicator of a user's own, which tells nothing of itself."""

    def __init__(self) -> None:
        super().__init__(3, 3)
        self.ranges: deque[int] = deque(maxlen=3)

    def update_bar(self, o: int, h: int, l: int, c: int, v: int) -> None:  # noqa: E741
        self.ranges.append(h - l)
        self.publish(sum(self.ranges) / 3 / self.unit)

    def rescale(self, numerator: int, denominator: int) -> None:
        self.ranges = deque([div_half_even(r * numerator, denominator) for r in self.ranges], 3)


class Collector(SignalStrategy):
    """Keeps something of every kind, and lets some of it decide."""

    name: ClassVar[str] = "collector"
    sizing: ClassVar[str] = "explicit"
    protection: ClassVar[str] = "emergency"
    cooldown_bars: ClassVar[int] = 2
    take_profit_pct: ClassVar[float] = 0.4

    def indicators(self) -> dict[str, Indicator]:
        self.mean = SMA(5)
        more = {"ema": EMA(4), "rsi": RSI(5), "atr": ATR(5), "vwap": VWAP(), "bands": BollingerBands(6), "top": Highest(7)}
        return {"mean": self.mean, "swing": Swing(), **more}

    @property
    def required_history(self) -> int:
        return 8

    def __init__(self, symbol: str, parameters: Any = None) -> None:
        super().__init__(symbol, parameters)
        self.random = Random(symbol)
        self.last_bar: Bar | None = None
        self.recent: deque[float] = deque([float("nan"), float("inf")], maxlen=6)
        self.pattern = Pattern()
        self.same_pattern = self.pattern
        self.counts: Counter[str] = Counter()
        self.by_mood: defaultdict[Mood, list[int]] = defaultdict(list)
        self.seen = {"one", "two"}
        self.frozen = frozenset((1, 2))
        self.closes = np.zeros(4)
        self.largest = np.int64(0)
        self.mood = Mood.CALM
        self.money = Decimal("1.10")
        self.huge = 10**40
        self.begun: datetime | None = None
        self.day = date(2025, 1, 1)
        self.local = datetime(2025, 1, 1, tzinfo=ZoneInfo("America/New_York"))
        self.wait = timedelta(minutes=3)
        self.rule = self.eager
        self.nested: dict[object, object] = {(1, "a"): [None, True, b"\x00"], 2: {}}
        self.nested["self"] = self.nested
        self.helper = sorted
        self.known = [self.mean] if hasattr(self, "mean") else []

    def eager(self) -> bool:
        return self.random.random() < 0.2

    def calm(self) -> bool:
        return self.random.random() < 0.1

    def should_long(self, bar: Bar, indicators: Any) -> object:
        self.last_bar = bar
        self.pattern.bars = [*self.pattern.bars[-2:], bar]
        self.pattern.level = Level(bar.close_raw, len(self.recent))
        self.recent.append(float(bar.close))
        self.closes = np.append(self.closes[1:], float(bar.close))
        self.largest = np.int64(max(int(self.largest), bar.high_raw))
        self.begun = self.begun or bar.timestamp.astimezone(UTC)
        self.mood = Mood.EAGER if bar.is_green else Mood.CALM
        self.by_mood[self.mood] = [*self.by_mood[self.mood], bar.close_raw][-3:]
        self.counts[self.mood.name] += 1
        self.known = [self.mean, indicators.swing]
        self.rule = self.calm if self.mood is Mood.EAGER else self.eager
        assert self.same_pattern is self.pattern
        return self.rule() and indicators.swing.value > 0 and not np.isnan(indicators.rsi.value)

    def quantity(self, bar: Bar, indicators: Any) -> object:
        return 1 + self.counts["CALM"] % 7

    def should_exit(self, bar: Bar, indicators: Any) -> object:
        return self.random.random() < 0.1

    def should_update_stop(self, bar: Bar, indicators: Any) -> Any:
        return bar.low - Decimal(str(round(indicators.atr.value, 2)))


class Planner(TradingAlgorithm):
    """An algorithm that keeps things on itself and on its context, schedules and sets stops."""

    name: ClassVar[str] = "planner"
    protection: ClassVar[str] = "planned"

    def initialize(self, context: Any) -> None:
        context.mean = self.indicator(SMA(4), self.assets[0])
        context.favourite = self.assets[0]
        context.wanted = dict.fromkeys(self.assets, 0)
        context.orders = []
        context.trades = []
        self.random = Random(7)
        self.set_max_leverage(3, on_error="log")
        self.schedule_function(self.shuffle, date_rules.every_day(), time_rules.market_open(minutes=5))
        self.schedule_function(
            lambda context, data: self.record(late=1), date_rules.every_day(), time_rules.market_close(minutes=7)
        )

    def shuffle(self, context: Any, data: Any) -> None:
        context.favourite = self.assets[self.random.randrange(len(self.assets))]
        context.wanted[context.favourite] += 10
        if len(context.trades) > 2 and not hasattr(self, "extra"):
            self.extra = True
            self.schedule_function(self.shuffle, date_rules.every_day(), time_rules.market_open(minutes=9))

    def handle_data(self, context: Any, data: Any) -> None:
        for asset, amount in context.wanted.items():
            if self.random.random() < 0.1 and data.can_trade(asset):
                self.set_stop(asset, data.current(asset, "price") * 0.99)
                order_id = self.order_target(asset, amount if self.random.random() < 0.6 else 0)
                if order_id is not None:
                    context.orders = [*context.orders[-3:], self.get_order(order_id)]
        self.record(mean=context.mean.value if context.mean.warm else 0.0)

    def on_order_fill(self, context: Any, order: Any, transaction: Any) -> None:
        context.trades = [*context.trades[-3:], transaction]
        context.position = context.portfolio.positions[order.asset]
