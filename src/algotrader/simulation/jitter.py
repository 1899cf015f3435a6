"""Pseudo-random numbers from a seed, for the spread of latencies: the same on every machine and Python version."""

from __future__ import annotations

from typing import Final, final

_MULTIPLIER: Final = 25_214_903_917
_INCREMENT: Final = 11
_MASK: Final = 2**48 - 1
_LOW_BITS: Final = 17
_MILLION: Final = 1_000_000


@final
class Jitter:
    """A linear congruential generator of 48 bits (the constants of POSIX drand48), of which the upper 31 bits are used."""

    def __init__(self, seed: int) -> None:
        self._state: int = (seed * 2 + 1) * _MULTIPLIER & _MASK

    def below(self, bound: int) -> int:
        """Give a number from 0 to ``bound`` - 1; ``bound`` is at most 2^31."""
        self._state = (self._state * _MULTIPLIER + _INCREMENT) & _MASK
        return (self._state >> _LOW_BITS) % bound

    def spread(self, value: int, ppm: int) -> int:
        """Give ``value`` changed by up to ``ppm`` millionths up or down, evenly spread."""
        if ppm == 0:
            return value
        return value * (_MILLION - ppm + self.below(2 * ppm + 1)) // _MILLION
