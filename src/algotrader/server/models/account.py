"""The account's money."""

from __future__ import annotations

from pydantic import Field

from algotrader.server.models.base import Exact, Model, Time, example

ACCOUNT = {"equity": "100412.50", "cash": "83912.50", "buying_power": "83912.50", "margin_used": "16500.00"}

PNL = {
    "today_pnl": "412.50",
    "today_pnl_pct": "0.4125",
    "unrealized_pnl": "112.50",
    "realized_pnl": "300.00",
    "total_equity": "100412.50",
    "buying_power": "83912.50",
    "cash": "83912.50",
    "wins_today": 2,
    "trips_today": 3,
}


class Balances(Model):
    """The account's money at the last prices."""

    model_config = example(**ACCOUNT)

    equity: Exact = Field(description="cash and positions at their last prices")
    cash: Exact = Field(description="all cash")
    buying_power: Exact = Field(description="what may still be spent")
    margin_used: Exact = Field(description="positions at their last prices, longs and shorts both counted up")


class Account(Balances):
    """The account as the page shows it."""

    model_config = example(**ACCOUNT, is_paper=True, start_of_day_equity="100000.00")

    is_paper: bool = Field(description="False only for real money")
    start_of_day_equity: Exact | None = Field(description="equity when the trading day began; null before the first one")


class DayProfit(Model):
    """Profit of the trading day, after commission."""

    model_config = example(today_pnl="412.50", realized_pnl="300.00", unrealized_pnl="112.50")

    today_pnl: Exact = Field(description="equity now less equity when the trading day began")
    realized_pnl: Exact = Field(description="of the round trips that ended today")
    unrealized_pnl: Exact = Field(description="of what is open, whenever it was opened")


class Pnl(DayProfit):
    """Profit of the trading day and what it was made with: the data of ``pnl_update``."""

    model_config = example(**PNL)

    today_pnl_pct: Exact = Field(description="today_pnl in percent of the equity when the day began; 0 before the first day")
    total_equity: Exact = Field(description="cash and positions at their last prices")
    buying_power: Exact = Field(description="what may still be spent")
    cash: Exact = Field(description="all cash")
    wins_today: int = Field(description="round trips of today with a profit")
    trips_today: int = Field(description="round trips that ended today")


class EquityThen(Model):
    """Equity at a moment."""

    model_config = example(time="2025-11-26T14:33:00Z", equity="100412.50")

    time: Time = Field(description="when")
    equity: Exact = Field(description="cash and positions at their prices then")


class DayEquity(Model):
    """How equity went since the trading day began."""

    model_config = example(
        start_equity="100000.00",
        points=[
            {"time": "2025-11-26T14:30:00Z", "equity": "100000.00"},
            {"time": "2025-11-26T14:33:00Z", "equity": "100412.50"},
        ],
    )

    start_equity: Exact | None = Field(description="equity when the trading day began; null before the first one")
    points: list[EquityThen] = Field(description="oldest first: about a minute apart, the last one now")
