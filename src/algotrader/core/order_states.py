"""The states of an order and which may follow which, as data.

Commands can be illegal and raise; events never are. What a venue reports is booked by its quantities; a report that the table
does not expect is marked so, never dropped.
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class OrderState(Enum):
    """The nine states, and UNKNOWN for an order whose fate nobody has confirmed."""

    PENDING_SUBMIT = "pending_submit"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    SUBMIT_FAILED = "submit_failed"
    UNKNOWN = "unknown"


FINAL_STATES: Final = (
    OrderState.FILLED,
    OrderState.CANCELED,
    OrderState.EXPIRED,
    OrderState.REJECTED,
    OrderState.SUBMIT_FAILED,
)

TRANSITIONS: Final[dict[OrderState, tuple[OrderState, ...]]] = {
    OrderState.PENDING_SUBMIT: (
        OrderState.SUBMITTED,
        OrderState.SUBMIT_FAILED,
        OrderState.UNKNOWN,
        OrderState.ACCEPTED,
        OrderState.PARTIALLY_FILLED,
        OrderState.FILLED,
        OrderState.REJECTED,
    ),
    OrderState.SUBMITTED: (
        OrderState.ACCEPTED,
        OrderState.PARTIALLY_FILLED,
        OrderState.FILLED,
        OrderState.REJECTED,
        OrderState.CANCELED,
        OrderState.EXPIRED,
        OrderState.UNKNOWN,
    ),
    OrderState.ACCEPTED: (
        OrderState.PARTIALLY_FILLED,
        OrderState.FILLED,
        OrderState.CANCELED,
        OrderState.EXPIRED,
        OrderState.REJECTED,
        OrderState.UNKNOWN,
    ),
    OrderState.PARTIALLY_FILLED: (
        OrderState.PARTIALLY_FILLED,
        OrderState.FILLED,
        OrderState.CANCELED,
        OrderState.EXPIRED,
        OrderState.REJECTED,
        OrderState.UNKNOWN,
    ),
    OrderState.UNKNOWN: (
        OrderState.SUBMITTED,
        OrderState.ACCEPTED,
        OrderState.PARTIALLY_FILLED,
        OrderState.FILLED,
        OrderState.CANCELED,
        OrderState.EXPIRED,
        OrderState.REJECTED,
        OrderState.SUBMIT_FAILED,
    ),
    OrderState.FILLED: (),
    OrderState.CANCELED: (),
    OrderState.EXPIRED: (),
    OrderState.REJECTED: (),
    OrderState.SUBMIT_FAILED: (),
}
"""Which state may follow which, as data. Final states have no successor."""


class IllegalTransition(ValueError):
    """A command asked for a change of state that the table does not allow."""


def check_transition(old: OrderState, new: OrderState) -> None:
    """Refuse a change of state that the table does not have.

    Raises:
        IllegalTransition: names both states and what is allowed.
    """
    if new not in TRANSITIONS[old]:
        allowed = ", ".join(state.value for state in TRANSITIONS[old]) or "nothing, it is final"
        raise IllegalTransition(f"an order cannot go from {old.value} to {new.value}; allowed: {allowed}")


def state_from_quantities(state: OrderState, filled_raw: int, quantity_raw: int) -> OrderState:
    """The state that an order's quantities imply, given the state it had.

    A full fill makes it FILLED whatever was believed. A part fill of a final order leaves its end as it was, but a FILLED order
    that lost an execution to a bust is CANCELED for the rest: the venue no longer works it.
    """
    if filled_raw >= quantity_raw:
        return OrderState.FILLED
    if state is OrderState.FILLED:
        return OrderState.CANCELED
    if state in FINAL_STATES:
        return state
    if filled_raw > 0:
        return OrderState.PARTIALLY_FILLED
    return OrderState.ACCEPTED if state is OrderState.PARTIALLY_FILLED else state
