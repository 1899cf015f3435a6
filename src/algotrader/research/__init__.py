"""Backtests, their figures and their reports."""
