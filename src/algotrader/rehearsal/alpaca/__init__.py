"""Alpaca's protocols on the loopback interface: a server that speaks them, with the paper exchange as the venue behind it."""
