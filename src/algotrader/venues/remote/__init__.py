"""The client of a venue that runs as a process of its own and speaks a small JSON protocol over websockets.

One socket carries requests (``{"id", "method", "params"}``) and their answers (``{"id", "result"}`` or ``{"id", "error"}``), one
the events of orders, one market data. The first message of a stream is ``{"ready": true}``: from then on nothing is left out.
"""
