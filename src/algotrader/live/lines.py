"""What the feed knows of each instrument, and which bars it lets pass."""

from __future__ import annotations

from typing import Final

from algotrader.core.instruments import Instrument
from algotrader.core.market import Bar, Quote, fault_in_prices
from algotrader.history.hours import Hours
from algotrader.live.clock import NS_PER_SECOND

SKEW_NS: Final = 2 * NS_PER_SECOND
"""How far the venue's clock may be ahead of ours before its bars count as coming from the future."""


class Line:
    """One instrument in the feed.

    Attributes:
        open_time: of the newest bar that was handed on; 0 for none.
        close_time: of that bar.
        checked: up to here the past has been asked for.
        unverified: the stream was opened since the last bar, so that bars may be missing before the next.
        held: bars that wait until those before them have been fetched; None when none have to.
    """

    def __init__(self, instrument: Instrument, hours: Hours, since: int) -> None:
        self.instrument: Final = instrument
        self.hours: Final = hours
        self.last_bar: Bar | None = None
        self.last_quote: Quote | None = None
        self.open_time = 0
        self.close_time = 0
        self.checked = since
        self.unverified = True
        self.is_slow = False
        self.held: list[Bar] | None = None

    @property
    def known_until(self) -> int:
        """Up to here nothing can be missing any more."""
        return max(self.close_time, self.checked)

    def next_close(self, seconds: int) -> int | None:
        """When the next bar closes by the calendar."""
        return self.hours.first_close(self.known_until, seconds)


def fault_in_bar(bar: Bar, now: int, seconds: int) -> str:
    """What keeps a bar from being handed on, by itself; empty when nothing does.

    Args:
        bar: as it came.
        now: our clock.
        seconds: how long bars are; 0 for whole sessions.
    """
    fault = fault_in_prices(bar.open_raw, bar.high_raw, bar.low_raw, bar.close_raw, bar.volume_raw)
    if fault:
        return fault
    if bar.close_time <= bar.open_time:
        return "it closes before it opens"
    if bar.open_time > now + SKEW_NS:
        return "it comes from the future"
    if bar.close_time > now + SKEW_NS:
        return "it comes before it closes"
    if seconds and bar.close_time - bar.open_time != seconds * NS_PER_SECOND:
        return f"it is not a bar of {seconds} seconds"
    return ""
