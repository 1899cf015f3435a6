"""What halts new entries for reasons of risk. Exits, protective stops and cancels always pass.

The daily breaker counts realised profit and losing round trips of the trading day, over the whole account.
"""

from __future__ import annotations

from typing import final

from algotrader.core.scaled import from_money

PPM = 1_000_000


@final
class DailyBreaker:
    """Trips after too many losing round trips in a row or too large a realised loss; resets at the next session's open.

    Args:
        max_losses: losing round trips in a row that trip it.
        max_loss_ppm: day's loss in millionths of the equity at the day's start.
        break_even_is_loss: whether a round trip of exactly 0 counts as a loss in the row.
    """

    def __init__(self, max_losses: int, max_loss_ppm: int, break_even_is_loss: bool = True) -> None:
        self.max_losses = max_losses
        self.max_loss_ppm = max_loss_ppm
        self.break_even_is_loss = break_even_is_loss
        self.start_equity = 0
        self.realized = 0
        self.losses_in_row = 0
        self.reason = ""

    @property
    def tripped(self) -> bool:
        """Whether new entries are halted."""
        return bool(self.reason)

    def reset(self, equity: int) -> None:
        """Start a trading day with this equity (money)."""
        self.start_equity = equity
        self.realized = 0
        self.losses_in_row = 0
        self.reason = ""

    def record(self, profit: int) -> bool:
        """Count a round trip's profit (money); tells whether the breaker trips with it. The first reason of a day sticks."""
        self.realized += profit
        if profit < 0 or (profit == 0 and self.break_even_is_loss):
            self.losses_in_row += 1
        else:
            self.losses_in_row = 0
        return self._judge()

    def _judge(self) -> bool:
        """Trip when a limit is reached and none was before; tells whether it did."""
        if self.reason:
            return False
        if self.losses_in_row >= self.max_losses:
            self.reason = f"{self.losses_in_row} losing round trips in a row"
        elif self.start_equity > 0 and -self.realized * PPM >= self.start_equity * self.max_loss_ppm:
            share = f"{self.max_loss_ppm / 10_000:g} %"
            self.reason = f"the day's loss of {from_money(-self.realized)} reached {share} of the equity at its start"
        return bool(self.reason)

    def limit(self, max_losses: int, max_loss_ppm: int, break_even_is_loss: bool) -> bool:
        """Take over new limits; tells whether the day so far trips one of them. What has tripped stays so until the next day."""
        self.max_losses = max_losses
        self.max_loss_ppm = max_loss_ppm
        self.break_even_is_loss = break_even_is_loss
        return self.losses_in_row > 0 and self._judge()

    def rebuild(self, equity: int, profits: list[int]) -> None:
        """Set the state that today's round trips, in the order of their exits, lead to; used once at a restart."""
        self.reset(equity)
        for profit in profits:
            self.record(profit)
