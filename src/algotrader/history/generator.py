"""Made-up minute bars that behave like a market, the same for a seed on every machine.

Prices walk in small steps whose size follows the time of day (busy at the open and the close) and clusters over half hours, with
trends that last from half an hour to some hours and gaps over night. Random numbers are bits of PCG64 and only + - * / and square
roots follow, which every machine rounds alike: no logarithm, exponential or normal draw that a library may compute differently.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from algotrader.core.instruments import Instrument, crypto, equity
from algotrader.core.market import NS_PER_MINUTE, Session
from algotrader.errors import UserError
from algotrader.history.calendars import ALWAYS_OPEN, day_start, sessions
from algotrader.history.catalogue import Catalogue
from algotrader.history.sessions import Times

Values = npt.NDArray[np.float64]

VERSION: Final = 2
"""Raised whenever the same seed gives other bars."""

DEMO_SYMBOLS: Final = ("AAPL", "TSLA", "AMD", "NVDA", "META")
DEMO_CRYPTO: Final = "BTC/USDT"
DEMO_START: Final = date(2024, 1, 2)
DEMO_END: Final = date(2024, 12, 31)
DEMO_CRYPTO_START: Final = date(2024, 9, 1)
DEMO_SEED: Final = 1

_STEPS: Final = 5
_BLOCK: Final = 30
_TREND_SHARE: Final = 0.6
_TREND_STRENGTH: Final = 0.04
_KEEP_TREND: Final = 0.5
_GAP: Final = 0.5
_NOISE_SHARE: Final = 0.62


@dataclass(frozen=True, slots=True)
class Profile:
    """How a symbol trades: first price, standard deviation of a day's return, quantity a day."""

    price: float
    daily_move: float
    daily_volume: float


_PROFILES: Final = {
    "AAPL": Profile(185.0, 0.014, 50e6),
    "TSLA": Profile(248.0, 0.032, 100e6),
    "AMD": Profile(140.0, 0.028, 60e6),
    "NVDA": Profile(48.0, 0.028, 300e6),
    "META": Profile(350.0, 0.022, 15e6),
    "SPY": Profile(475.0, 0.008, 70e6),
    "BTC/USDT": Profile(58_000.0, 0.025, 20e3),
    "ETH/USDT": Profile(2_400.0, 0.030, 300e3),
}


class Stream:
    """Random numbers of one symbol, from a digest of the seed and the symbol, so that symbols do not disturb each other."""

    def __init__(self, seed: int, symbol: str) -> None:
        digest = hashlib.sha256(f"{seed}:{symbol}".encode()).digest()
        self._bits = np.random.PCG64(int.from_bytes(digest[:16], "little"))

    def uniform(self, count: int) -> Values:
        """Numbers from 0 (included) to 1 (not included)."""
        return np.asarray((self._bits.random_raw(count) >> np.uint64(11)).astype(np.float64) / 2.0**53)

    def bell(self, count: int) -> Values:
        """Numbers with mean 0 and variance 1, nearly normal: each is the sum of four 16-bit integers."""
        quarters = self._bits.random_raw(count).view(np.uint16).reshape(count, 4).astype(np.int64)
        total = quarters[:, 0] + quarters[:, 1] + quarters[:, 2] + quarters[:, 3]
        return np.asarray((total * 2 - 4 * 65_535).astype(np.float64) / (2.0 * math.sqrt((2.0**32 - 1) / 3.0)))


def generate(instrument: Instrument, start: date, end: date, seed: int, *, missing: float = 0.0) -> pl.DataFrame:
    """Make up minute bars for the sessions of an instrument's calendar.

    Args:
        instrument: its calendar, scales and increments are kept to; well-known symbols start at familiar prices.
        start: first day.
        end: last day, included.
        seed: the same seed, symbol and days give the same bars.
        missing: share of minutes without a bar, from 0 to 1, as in thinly traded symbols.

    Returns:
        The catalogue's columns; empty when no session lies in the days.

    Raises:
        UserError: the days are in the wrong order, or the share is impossible.
    """
    if end < start:
        raise UserError(f"the last day {end} is before the first day {start}", "swap --from and --to")
    if not 0.0 <= missing < 1.0:
        raise UserError(f"a share of missing minutes of {missing} is impossible", "give a number from 0 to below 1")
    first, last = day_start(instrument.calendar, start), day_start(instrument.calendar, end, plus_days=1)
    days = [day for day in sessions(instrument.calendar, first, last) if first <= day.open_time < last]
    if not days:
        return pl.DataFrame(schema=dict.fromkeys(("open_time", "close_time", "open", "high", "low", "close", "volume"), pl.Int64))
    stream = Stream(seed, instrument.symbol)
    return _bars(instrument, days, stream, _profile(instrument), missing)


def _profile(instrument: Instrument) -> Profile:
    known = _PROFILES.get(instrument.symbol)
    if known is not None:
        return known
    digest = hashlib.sha256(instrument.symbol.encode()).digest()
    return Profile(20.0 + digest[0], 0.012 + digest[1] / 10_000, 1e6 * (1 + digest[2] % 20))


def _bars(instrument: Instrument, days: list[Session], stream: Stream, profile: Profile, missing: float) -> pl.DataFrame:
    minutes = [_minutes(day) for day in days]
    opens = np.concatenate(minutes)
    lengths = np.array([len(day) for day in minutes])
    firsts = np.cumsum(lengths) - lengths
    continuous = instrument.calendar == ALWAYS_OPEN
    shape = np.concatenate([_time_of_day(len(day), continuous) for day in minutes])
    # Trends and gaps widen a day beyond its noise, so the noise alone gets less than the whole daily move.
    move = profile.daily_move * _NOISE_SHARE / math.sqrt(lengths.max()) * shape * _clusters(len(opens), stream)
    steps = stream.bell(len(opens) * _STEPS).reshape(-1, _STEPS) * (move / math.sqrt(_STEPS))[:, None]
    steps += (_trends(len(opens), stream) * move / _STEPS)[:, None]
    if not continuous:
        steps[firsts, 0] += stream.bell(len(days)) * (profile.daily_move * _GAP)
    path = np.cumprod(1.0 + steps.ravel()) * profile.price
    ticks = np.maximum(np.rint(path * (10.0**instrument.price_scale / _tick(instrument))), 1).astype(np.int64).reshape(-1, _STEPS)
    prices = ticks * _tick(instrument)
    high, low = prices.max(axis=1), prices.min(axis=1)
    activity = 0.4 + (high - low) / (prices[:, 0] * move)
    days_volume = np.repeat(0.6 + 0.8 * stream.uniform(len(days)), lengths)
    volume = profile.daily_volume / lengths.max() * shape * activity * days_volume * (0.25 + 0.5 * stream.uniform(len(opens)))
    bars = pl.DataFrame(
        {
            "open_time": opens,
            "close_time": opens + NS_PER_MINUTE,
            "open": prices[:, 0],
            "high": high,
            "low": low,
            "close": prices[:, -1],
            "volume": _whole_lots(instrument, volume),
        }
    )
    return bars.filter(pl.Series(stream.uniform(len(opens)) >= missing)) if missing else bars


def _minutes(session: Session) -> Times:
    times = np.arange(session.open_time, session.close_time, NS_PER_MINUTE, dtype=np.int64)
    for start, end in session.breaks:
        times = times[(times < start) | (times >= end)]
    return times


def _tick(instrument: Instrument) -> int:
    """Step of made-up prices: the venue's, but never below a cent, as pairs are quoted in practice."""
    cent: int = 10 ** max(instrument.price_scale - 2, 0)
    return max(instrument.price_increment, cent)


def _whole_lots(instrument: Instrument, volume: Values) -> Times:
    places = min(instrument.quantity_scale, 5)
    lots = np.maximum(np.rint(volume * 10.0**places), 1).astype(np.int64)
    return np.asarray(lots * 10 ** (instrument.quantity_scale - places))


def _time_of_day(count: int, continuous: bool) -> Values:
    """Busy at the open and the close, quiet at noon; flatter in markets that never close. The mean is about 1."""
    place = (np.arange(count) + 0.5) * (2.0 / count) - 1.0
    depth = 0.3 if continuous else 1.2
    return np.asarray(1.0 - depth / 3.0 + depth * place * place)


def _clusters(count: int, stream: Stream) -> Values:
    """Restless and quiet half hours: GARCH(1,1) over blocks, as a factor on the move of each minute."""
    blocks = -(-count // _BLOCK)
    shocks = stream.bell(blocks)
    variance, factors = 1.0, []
    for shock in shocks.tolist():
        factors.append(math.sqrt(variance))
        variance = 0.06 + (0.12 * shock * shock + 0.82) * variance
    return np.repeat(np.array(factors), _BLOCK)[:count]


def _trends(count: int, stream: Stream) -> Values:
    """Direction of each minute, in shares of its usual move: half of the half hours keep the direction of the one before."""
    blocks = -(-count // _BLOCK)
    keep, choose = stream.uniform(blocks).tolist(), stream.uniform(blocks).tolist()
    direction, directions = 0.0, []
    for kept, choice in zip(keep, choose, strict=True):
        if kept >= _KEEP_TREND:
            direction = 0.0 if choice >= _TREND_SHARE else _TREND_STRENGTH if choice < _TREND_SHARE / 2 else -_TREND_STRENGTH
        directions.append(direction)
    return np.repeat(np.array(directions), _BLOCK)[:count]


def fingerprint(bars: pl.DataFrame) -> str:
    """A digest of all values of a frame of bars, the same on every machine."""
    digest = hashlib.sha256()
    for name in bars.columns:
        digest.update(bars[name].to_numpy().astype("<i8").tobytes())
    return digest.hexdigest()


def ensure_demo_catalogue(path: str | Path) -> Catalogue:
    """Give the catalogue of made-up bars that serves where no data were given, and write it first where it is missing.

    It holds a year of minute bars of five symbols and four months of BTC/USDT, all made up.

    Raises:
        OSError: the folder cannot be written.
    """
    catalogue = Catalogue(path)
    wanted: list[tuple[Instrument, date]] = [(equity(symbol), DEMO_START) for symbol in DEMO_SYMBOLS]
    wanted.append((crypto(DEMO_CRYPTO), DEMO_CRYPTO_START))
    done = catalogue.made_up()
    for instrument, start in wanted:
        if done.get(instrument.symbol) != f"demo {VERSION}":
            catalogue.write_bars(instrument, "1m", generate(instrument, start, DEMO_END, DEMO_SEED))
            catalogue.mark_made_up(instrument.symbol, f"demo {VERSION}")
    return catalogue
