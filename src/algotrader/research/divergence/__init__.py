"""A session compared with a backtest of the same day: every difference in fills, and what it came from."""
