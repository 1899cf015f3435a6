"""The venues that a session can be started on, by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from algotrader.live.alpaca import alpaca_venue
from algotrader.live.launch_settings import ALPACA_VENUE, PAPER_VENUE, REMOTE_VENUE, LaunchSettings
from algotrader.live.paper.setup import paper_venue
from algotrader.live.remote import remote_venue
from algotrader.live.venue import Venue
from algotrader.storage.sql_store import SqlStore

Opener = Callable[[LaunchSettings, SqlStore], Awaitable[Venue]]
"""Makes a venue for a session and its account's database.

Raises:
    UserError: it cannot be had as it is wanted.
    VenueError: it cannot be reached.
"""


OPENERS: Final[dict[str, Opener]] = {PAPER_VENUE: paper_venue, REMOTE_VENUE: remote_venue, ALPACA_VENUE: alpaca_venue}
