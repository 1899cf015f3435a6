"""The Velez strategy with its orders on one symbol, long only, without costs: from the rules' text, in exact fractions.

It shares nothing with the engine: candles are plain tuples, orders are variables, averages are sums over slices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

Candle = tuple[int, int, int, int]
"""Open, high, low, close as scaled integers (four decimal places)."""


@dataclass
class Rules:
    """Parameters, percentages in percent, prices in units of a ten-thousandth."""

    fast: int = 20
    slow: int = 200
    tightness: Fraction = Fraction(2)
    strong: Fraction = Fraction(50)
    buffer_pct: Fraction = Fraction(1, 10)
    buffer_min: int = 200
    expiry: int = 1
    max_run: int = 3
    doji: Fraction = Fraction(10)
    tick: int = 100


@dataclass
class Account:
    """Capital and limits, in units of a ten-thousandth of the currency."""

    cash: Fraction
    max_risk: Fraction = Fraction(1, 100)
    max_risk_abs: Fraction = Fraction(500 * 10_000)
    max_position: Fraction = Fraction(5, 100)
    losses_allowed: int = 3
    max_day_loss: Fraction = Fraction(3, 100)
    losses: int = 0
    lost: Fraction = Fraction(0)
    start: Fraction = Fraction(0)

    @property
    def tripped(self) -> bool:
        """Whether today's breaker halts entries."""
        return self.losses >= self.losses_allowed or self.lost >= self.start * self.max_day_loss

    def book(self, profit: Fraction) -> None:
        """Count a round trip; nothing is counted any more once the breaker has tripped."""
        if not self.tripped:
            self.losses = self.losses + 1 if profit <= 0 else 0
            self.lost -= profit

    def size(self, entry: int, stop: int) -> int:
        """Shares to buy."""
        risk = min(self.cash * self.max_risk, self.max_risk_abs)
        return min(floor(risk / (entry - stop)), floor(self.cash * self.max_position / entry), floor(self.cash / entry))


def share(candle: Candle) -> Fraction:
    """Body as a percentage of the range; 0 without a range."""
    o, h, low, c = candle
    return Fraction(abs(c - o) * 100, h - low) if h > low else Fraction(0)


def is_signal(candles: Sequence[Candle], rules: Rules) -> bool:
    """Whether the last candle is a long signal."""
    if len(candles) < rules.slow + 1:
        return False
    o, _, _, close = candles[-1]

    def spread(at: int) -> Fraction:
        closes = [c[3] for c in candles[: len(candles) + at]]
        return Fraction(sum(closes[-rules.fast :]), rules.fast) - Fraction(sum(closes[-rules.slow :]), rules.slow)

    if not (close > o and share(candles[-1]) >= rules.strong):
        return False
    now = spread(0)
    return now > 0 and now * 100 / close < rules.tightness and now > spread(-1)


@dataclass
class Trail:
    """The trailing stop's three states and the count of strong candles."""

    state: str = "watching"
    low: int = 0
    greens: int = 0
    run: int = 0

    def stop(self, candle: Candle, rules: Rules) -> int | None:
        """The stop that a candle asks for, if any."""
        if share(candle) < rules.doji:
            return None
        if candle[3] < candle[0]:
            self.low = min(self.low, candle[2]) if self.state == "pulling back" else candle[2]
            self.state, self.greens = "pulling back", 0
        elif self.state == "pulling back":
            self.greens += 1
            if self.greens == 2:
                self.state, self.run = "trailing", 0
                return self.low
        return None

    def leaves(self, candle: Candle, rules: Rules) -> bool:
        """Whether the run of strong candles is over its limit."""
        strong = self.state == "trailing" and share(candle) >= max(rules.strong, rules.doji)
        self.run = self.run + 1 if strong else 0
        return self.run >= rules.max_run


@dataclass
class Simulation:
    """One run over sessions of base bars. Fills are (number of the base bar, side, shares, price)."""

    rules: Rules
    account: Account
    fills: list[tuple[int, str, int, int]] = field(default_factory=list)
    candles: list[Candle] = field(default_factory=list)
    held: int = 0
    paid: int = 0
    stop: int = 0
    leaving: bool = False
    entry: int = 0
    planned: int = 0
    shares: int = 0
    age: int = 0
    trail: Trail = field(default_factory=Trail)

    def run(self, sessions: Sequence[Sequence[Candle]], per_candle: int) -> list[tuple[int, str, int, int]]:
        """Trade all sessions; ``per_candle`` base bars make a candle, each session starts a new one."""
        number = 0
        for bars in sessions:
            self.account.losses, self.account.lost, self.account.start = 0, Fraction(0), self.account.cash
            for place, bar in enumerate(bars):
                self.match(number, bar)
                closing = place >= len(bars) - 2
                if (place + 1) % per_candle == 0 or place == len(bars) - 1:
                    part = bars[place - place % per_candle : place + 1]
                    candle = (part[0][0], max(b[1] for b in part), min(b[2] for b in part), part[-1][3])
                    self.candles.append(candle)
                    if place < len(bars) - 1:
                        self.decide(candle)
                if closing:
                    self.entry, self.leaving = 0, self.held > 0
                number += 1
        return self.fills

    def match(self, number: int, bar: Candle) -> None:
        """What a base bar does to the orders that were there before."""
        o, h, low, _ = bar
        if self.leaving:
            self.sell(number, o)
        elif self.held and low <= self.stop:
            self.sell(number, min(o, self.stop))
        elif self.entry and h >= self.entry:
            self.paid, self.held, self.stop, self.entry = max(o, self.entry), self.shares, self.planned, 0
            self.account.cash -= self.held * self.paid
            self.fills.append((number, "buy", self.held, self.paid))
            if low <= self.stop:
                self.sell(number, min(self.stop, self.paid))

    def sell(self, number: int, price: int) -> None:
        """Close the position."""
        self.fills.append((number, "sell", self.held, price))
        self.account.cash += self.held * price
        self.account.book(Fraction(self.held * (price - self.paid)))
        self.held, self.leaving, self.trail = 0, False, Trail()

    def decide(self, candle: Candle) -> None:
        """What a closed candle leads to."""
        rules = self.rules
        if self.entry:
            self.age += 1
            self.entry = 0 if self.age >= rules.expiry else self.entry
        elif self.held and not self.leaving:
            wanted = self.trail.stop(candle, rules)
            if wanted is not None and wanted > self.stop:
                self.stop, self.leaving = (wanted, False) if wanted < candle[3] else (self.stop, True)
            self.leaving = self.trail.leaves(candle, rules) or self.leaving
        elif not self.held and not self.account.tripped and is_signal(self.candles[-rules.slow - 1 :], rules):
            self.enter(candle)

    def enter(self, candle: Candle) -> None:
        """Place the entry, if its size is at least a share."""
        rules = self.rules
        entry = ceil(Fraction(candle[1], rules.tick)) * rules.tick
        stop = candle[2] - max(candle[2] * rules.buffer_pct / 100, Fraction(rules.buffer_min))
        self.planned = floor(stop / rules.tick) * rules.tick
        self.shares = self.account.size(entry, self.planned)
        if self.shares > 0:
            self.entry, self.age = entry, 0
