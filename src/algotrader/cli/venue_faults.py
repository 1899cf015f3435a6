"""What a venue's last word means to whoever started a session: one line, and what can be done."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from algotrader.errors import UserError
from algotrader.live.launch_settings import ALPACA_VENUE, LaunchSettings

if TYPE_CHECKING:
    from algotrader.venues.protocols import VenueError

_DOCTOR: Final = "`algo-trader doctor` checks keys and connections"
_SHOWN: Final = 48
_SUBSCRIPTION: Final = ("subscription", "data plan")


def venue_mistake(settings: LaunchSettings, error: VenueError) -> UserError:
    """The error that ended a session, or kept it from beginning, as its user can understand it."""
    from algotrader.venues.protocols import NotAllowed, NotSent, Throttled, Unanswered

    if settings.venue != ALPACA_VENUE:
        return UserError(f"{settings.venue}: {error}", _DOCTOR)
    if isinstance(error, NotAllowed):
        return _not_allowed(settings, error)
    said = _short(error)
    if isinstance(error, Throttled):
        return UserError(f"Alpaca wants fewer requests: {said}", "does another program use the same keys? wait a minute")
    if isinstance(error, NotSent):
        return UserError(f"Alpaca cannot be reached: {said}", f"check the network; {_DOCTOR}")
    if isinstance(error, Unanswered):
        return UserError(f"Alpaca gave no answer of use: {said}", "is Alpaca well? status.alpaca.markets tells; start again later")
    return UserError(f"Alpaca: {said}", _DOCTOR)


def _not_allowed(settings: LaunchSettings, error: VenueError) -> UserError:
    said = str(error).lower()
    if any(word in said for word in _SUBSCRIPTION):
        feed = "iex" if settings.config is None else settings.config.broker.feed
        return UserError(
            f"the account has no feed {feed}: {_short(error)}", "ALGO_BROKER__FEED=iex is free; sip needs a subscription"
        )
    paper = settings.config is None or settings.config.broker.paper
    kind = "paper" if paper else "live"
    return UserError(
        f"Alpaca does not take the keys: {_short(error)}", f"the {kind} account has keys of its own; copy both once more"
    )


def _short(error: VenueError) -> str:
    """So much of what was said that one line holds it."""
    return textwrap.shorten(str(error), _SHOWN, placeholder=" …") or type(error).__name__
