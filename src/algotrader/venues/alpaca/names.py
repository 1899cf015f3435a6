"""Which of our ids belongs to which of the venue's orders.

Alpaca names an order's legs, and the order that replaced another, by ids of its own; the engine knows them as ``<id>-sl``,
``<id>-tp`` and ``<id>-r1``. Whoever reads a record with all of them learns the names here, so that a later record with the venue's
id alone can be told in ours.
"""

from __future__ import annotations

import re
from typing import Final

from algotrader.venues.alpaca.values import AlpacaRecordFault, Record, record_of, text, text_or_empty

STOP_SUFFIX: Final = "-sl"
TAKE_SUFFIX: Final = "-tp"
REPLACED: Final = "replaced"
_STOP_TYPES: Final = ("stop", "stop_limit", "trailing_stop")
_LEG: Final = re.compile(r"(-r[0-9]+)+$")
_GENERATED: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_WITH_LEGS: Final = ("bracket", "oco", "oto")


def legs_of(record: Record) -> list[Record]:
    """The legs that are nested in an order's record."""
    legs = record.get("legs")
    if legs is None:
        return []
    if not isinstance(legs, list):
        raise AlpacaRecordFault("legs is not a list")
    return [record_of(leg, "a leg") for leg in legs]


def child_name(parent_name: str, leg: Record) -> str:
    """Our id of a leg: that of its parent and what the leg is for, unless we have named it ourselves in a replacement."""
    base = _LEG.sub("", parent_name)
    own = text_or_empty(leg, "client_order_id")
    if own.startswith(f"{base}-") or (own and text_or_empty(leg, "replaces")):
        return own
    kind = text_or_empty(leg, "type") or text_or_empty(leg, "order_type")
    return base + (STOP_SUFFIX if kind in _STOP_TYPES else TAKE_SUFFIX)


class OrderNames:
    """The names learned so far."""

    def __init__(self) -> None:
        self._ours: Final[dict[str, str]] = {}
        self._parents: Final[dict[str, str]] = {}
        self._expected: Final[dict[str, str]] = {}
        self._took_over: Final[dict[str, None]] = {}
        self._corrected: Final[dict[str, str]] = {}

    def learn(self, record: Record) -> None:
        """Learn from an order's record, its nested legs included; a leg whose parent is not known yet is left open."""
        venue_id = text(record, "id")
        if not self.is_open(record):
            self._keep(venue_id, self.name(record), self.parent(record))
        name = self._ours.get(venue_id, "")
        self._see_end(record)
        for leg in legs_of(record):
            self._see_end(leg)
            self._keep(text(leg, "id"), child_name(name, leg), name)
            # A leg of a leg (the stop of a bracket's take profit) belongs to the same entry.
            for below in legs_of(leg):
                self._keep(text(below, "id"), child_name(name, below), name)

    def accept(self, record: Record) -> None:
        """Nobody knows a parent of this leg: it goes by the name that it has."""
        self._keep(text(record, "id"), text_or_empty(record, "client_order_id"), "")

    def expect(self, venue_order_id: str, new_client_order_id: str) -> None:
        """A request to replace an order is about to leave: its successor will have this name."""
        self._expected[venue_order_id] = new_client_order_id

    def expect_no_more(self, venue_order_id: str) -> None:
        """The request to replace an order came to nothing."""
        self._expected.pop(venue_order_id, None)

    def correct(self, execution_id: str, booked_id: str) -> None:
        """A correction gave an execution a new id: the venue's records may know it by that one only."""
        if execution_id and execution_id != booked_id:
            self._corrected[execution_id] = booked_id

    def booked(self, execution_id: str) -> str:
        """The id under which an execution was booked, however often it was corrected since."""
        return self._corrected.get(execution_id, execution_id)

    def name(self, record: Record) -> str:
        """Our id of an order."""
        known = self._ours.get(text(record, "id"))
        return known if known is not None else text_or_empty(record, "client_order_id")

    def parent(self, record: Record) -> str:
        """Our id of the entry that an order came with; empty when it came alone."""
        known = self._parents.get(text(record, "id"), "")
        return known or self._parents.get(text_or_empty(record, "replaces"), "")

    def named(self, venue_order_id: str) -> str:
        """Our id of the order with an id of the venue's; empty when nobody has told."""
        return self._ours.get(venue_order_id, "")

    def successor(self, record: Record) -> str:
        """Our id of the order that took this one's place, or is to take it; empty when nobody has told."""
        named = self.named(text_or_empty(record, "replaced_by"))
        return named or self._expected.get(text(record, "id"), "")

    def has_taken_over(self, record: Record) -> bool:
        """Whether the order whose place this one was to take was seen to have given it up."""
        return text(record, "id") in self._took_over

    def is_open(self, record: Record) -> bool:
        """Whether an order may be a leg whose name only its parent's record tells."""
        if text(record, "id") in self._ours or legs_of(record) or text_or_empty(record, "replaces"):
            return False
        own = text_or_empty(record, "client_order_id")
        return text_or_empty(record, "order_class") in _WITH_LEGS and _GENERATED.fullmatch(own) is not None

    def _see_end(self, record: Record) -> None:
        successor = text_or_empty(record, "replaced_by")
        if successor and text_or_empty(record, "status") == REPLACED:
            self._took_over[successor] = None

    def _keep(self, venue_id: str, name: str, parent: str) -> None:
        self._ours[venue_id] = name
        if parent:
            self._parents[venue_id] = parent
