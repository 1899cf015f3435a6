"""What can be wrong in an algorithm-style strategy; every message says what to do instead."""

from __future__ import annotations

from algotrader.errors import UserError


class AlgorithmError(UserError, ValueError):
    """A mistake in how a strategy uses its functions. Read as text it is the message and the hint."""

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class NotAllowedNow(AlgorithmError):
    """A function was called at a time when it cannot work, such as an order in ``initialize``."""


class NotSupported(AlgorithmError):
    """A function of Zipline that this engine does not have; the hint says what to use instead."""


class UnknownAsset(AlgorithmError):
    """A symbol that the run does not trade."""


class NoPrice(AlgorithmError):
    """An order by value for something that has no price yet."""


class TradingControlViolation(AlgorithmError):
    """An order or the account broke a limit that the strategy set itself with ``on_error='fail'``."""
