"""Whole sessions under virtual time with faults on purpose, and servers that speak the venues' protocols."""
