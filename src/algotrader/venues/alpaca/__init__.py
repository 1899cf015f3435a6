"""Alpaca: trading over REST and a stream of order updates, market data over a stream and REST.

What goes over the wire is read by pure functions (``wire``, ``trade_updates``, ``market_data``, ``errors``); ``broker`` and
``feed`` join them to the sockets. The extra ``alpaca`` has to be installed.
"""
