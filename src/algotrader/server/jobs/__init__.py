"""Backtests and sweeps that are started from the page: each in a process of its own, never in the session's."""
