"""Signals: what a strategy wants, with its confidence; checked, ranked per slice, conflicts settled."""

from __future__ import annotations

from enum import Enum
from typing import Final, final

from mypy_extensions import mypyc_attr

from algotrader.core.instruments import Instrument
from algotrader.core.market import NS_PER_MINUTE
from algotrader.core.orders import Side
from algotrader.core.records import Record
from algotrader.core.reports import Words

FRESH_NS: Final = 5 * NS_PER_MINUTE
"""A signal older than this is stale and denied."""

DEFAULT_CONFIDENCE: Final = 0.5
"""How sure a strategy is that does not say."""

SANE_FACTOR: Final = 2
"""An entry price beyond twice the last price, or below half of it, is taken for a mistake."""


class SignalKind(Enum):
    """What a signal asks for."""

    BUY = "buy"
    SELL = "sell"
    HOLD = "hold"
    CLOSE = "close"
    SCALE_IN = "scale_in"
    SCALE_OUT = "scale_out"


@mypyc_attr(acyclic=True)
@final
class Signal(Record):
    """A strategy's wish to enter. Prices and quantity are scaled integers; 0 means none (an entry price of 0: at market).

    ``confidence`` lies between 0 and 1. ``number`` is the registration number of the strategy, the tie-breaker.
    """

    def __init__(
        self,
        owner: str,
        number: int,
        instrument: Instrument,
        kind: SignalKind,
        time: int,
        confidence: float = DEFAULT_CONFIDENCE,
        entry_raw: int = 0,
        stop_raw: int = 0,
        take_profit_raw: int = 0,
        quantity_raw: int = 0,
    ) -> None:
        self.owner: Final = owner
        self.number: Final = number
        self.instrument: Final = instrument
        self.kind: Final = kind
        self.time: Final = time
        self.confidence: Final = confidence
        self.entry_raw: Final = entry_raw
        self.stop_raw: Final = stop_raw
        self.take_profit_raw: Final = take_profit_raw
        self.quantity_raw: Final = quantity_raw

    @property
    def side(self) -> Side:
        """The side of the entry order."""
        return Side.BUY if self.kind in (SignalKind.BUY, SignalKind.SCALE_IN) else Side.SELL


@mypyc_attr(acyclic=True)
@final
class SignalWords(Words):
    """A signal in words."""

    def __init__(self, signal: Signal) -> None:
        self.signal: Final = signal

    def text(self) -> str:
        """Such as ``buy at 52.94, stop 52.10, confidence 0.8``."""
        signal = self.signal
        price = signal.instrument.price
        words = [f"{signal.kind.value} at {price(signal.entry_raw) if signal.entry_raw else 'market'}"]
        if signal.stop_raw:
            words.append(f"stop {price(signal.stop_raw)}")
        if signal.take_profit_raw:
            words.append(f"target {price(signal.take_profit_raw)}")
        return ", ".join([*words, f"confidence {signal.confidence:g}"])


def signal_fault(signal: Signal, last_raw: int, now: int) -> str:
    """Name what is wrong with a signal, given the last price and the time, or give an empty text."""
    if not 0.0 <= signal.confidence <= 1.0:
        return f"confidence {signal.confidence} lies outside 0..1"
    if signal.time > now or now - signal.time > FRESH_NS:
        return "the signal is stale"
    if signal.kind not in (SignalKind.BUY, SignalKind.SELL):
        return f"{signal.kind.value} is not an entry"
    if min(signal.entry_raw, signal.stop_raw, signal.take_profit_raw, signal.quantity_raw) < 0:
        return "a price or quantity is negative"
    if last_raw <= 0:
        return "there is no price yet"
    entry = signal.entry_raw or last_raw
    if not last_raw <= entry * SANE_FACTOR <= last_raw * SANE_FACTOR * SANE_FACTOR:
        return f"entry price {signal.instrument.price(entry)} is far from the last price {signal.instrument.price(last_raw)}"
    return _side_fault(signal, entry)


def _side_fault(signal: Signal, entry: int) -> str:
    stop, take = signal.stop_raw, signal.take_profit_raw
    price = signal.instrument.price
    if signal.kind is SignalKind.BUY:
        if stop and stop >= entry:
            return f"the stop {price(stop)} of a long is not below its entry {price(entry)}"
        if take and take <= entry:
            return f"the take profit {price(take)} of a long is not above its entry {price(entry)}"
        return ""
    if stop and stop <= entry:
        return f"the stop {price(stop)} of a short is not above its entry {price(entry)}"
    if take and take >= entry:
        return f"the take profit {price(take)} of a short is not below its entry {price(entry)}"
    return ""


def rank(signals: list[Signal]) -> list[Signal]:
    """Order the signals of one slice: highest confidence first, then lowest registration number."""
    return sorted(signals, key=_rank_key)


def _rank_key(signal: Signal) -> tuple[float, int]:
    return (-signal.confidence, signal.number)


def opposes(first: Signal, second: Signal) -> bool:
    """Whether two signals want opposite sides of one instrument; the netting account can hold only one of them."""
    return first.instrument.symbol == second.instrument.symbol and first.side is not second.side
