"""Parameter sweeps: many backtests of one strategy, what the best of them is worth, and walk-forward analysis."""
