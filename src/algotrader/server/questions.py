"""What may be asked for, and what its words stand for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from algotrader.core.market import nanoseconds
from algotrader.core.order_states import FINAL_STATES, OrderState
from algotrader.server.refusal import Refusal

OPEN: Final = "open"
FINAL: Final = "final"
_YEARS: Final = (1900, 2200)
STATES: Final = (OPEN, FINAL, *(state.value for state in OrderState))


def states_of(word: str) -> tuple[str, ...]:
    """The states of orders that a word stands for; none for all."""
    if word in (OPEN, FINAL):
        return tuple(state.value for state in OrderState if (state in FINAL_STATES) == (word == FINAL))
    return (word,) if word else ()


def check_state(word: str) -> None:
    """Make sure that a word stands for states of orders.

    Raises:
        Refusal: it does not.
    """
    if word not in ("", *STATES):
        raise Refusal(422, "invalid_request", f"there is no state {word!r} of orders", f"one of {', '.join(STATES)}")


def read_since(text: str) -> int:
    """A time as nanoseconds UTC: ISO 8601 with its zone, or a day, which begins at midnight UTC; 0 for an empty text.

    Raises:
        Refusal: it is neither.
    """
    if not text:
        return 0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(422, "invalid_request", f"{text!r} is no time", "write it like 2025-11-26T14:30:00Z or 2025-11-26") from None
    if moment.tzinfo is None:
        if len(text) > len("2025-11-26"):
            raise Refusal(422, "invalid_request", f"{text} has no time zone", "write it like 2025-11-26T14:30:00Z")
        moment = moment.replace(tzinfo=UTC)
    if not _YEARS[0] <= moment.year <= _YEARS[1]:
        raise Refusal(422, "invalid_request", f"{text} is no time of ours", f"take one from {_YEARS[0]} to {_YEARS[1]}")
    return nanoseconds(moment)
