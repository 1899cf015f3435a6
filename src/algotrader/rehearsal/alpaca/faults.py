"""What can be made to go wrong between a client and the server: on command, each so many times or by chance from a seed."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from random import Random
from typing import Any, Final

DROP: Final = "drop"
LOSE: Final = "lose"
MUTE: Final = "mute"
DELAY: Final = "delay"
DUPLICATE: Final = "duplicate"
REORDER: Final = "reorder"
THROTTLE: Final = "throttle"
ERROR: Final = "error"
LOST_ANSWER: Final = "lost_answer"
DROP_ANSWER: Final = "drop_answer"
HALF_OPEN: Final = "half_open"
GARBAGE: Final = "garbage"
SLOW_CLOSE: Final = "slow_close"

REST: Final = "rest"
ORDERS: Final = "orders"
DATA: Final = "data"
CONNECT: Final = ".connect"

REQUEST_KINDS: Final = (DROP, DROP_ANSWER, MUTE, DELAY, THROTTLE, ERROR, LOST_ANSWER, HALF_OPEN, GARBAGE)
STREAM_KINDS: Final = (DROP, LOSE, MUTE, DELAY, DUPLICATE, REORDER, HALF_OPEN, GARBAGE, SLOW_CLOSE)
CONNECT_KINDS: Final = (DROP, THROTTLE, ERROR, MUTE)
KINDS: Final = {
    REST: REQUEST_KINDS,
    ORDERS: STREAM_KINDS,
    DATA: STREAM_KINDS,
    ORDERS + CONNECT: CONNECT_KINDS,
    DATA + CONNECT: CONNECT_KINDS,
}


@dataclass(slots=True)
class Fault:
    """One thing to go wrong.

    Attributes:
        kind: what. On requests: ``drop`` (the connection breaks before anything is done), ``drop_answer`` (after it is done),
            ``mute`` and ``half_open`` (no answer), ``delay``, ``throttle`` (429), ``error`` (500), ``lost_answer`` (504 after it is
            done), ``garbage`` (an answer that is not JSON). On streams, at the next message: ``drop`` (the connection breaks),
            ``lose`` (the message alone is lost), ``mute`` (silence for ``seconds``, for good when 0), ``delay``, ``duplicate``,
            ``reorder`` (behind the next one), ``half_open``, ``garbage`` (a broken frame), ``slow_close``. On new connections:
            ``drop``, ``throttle``, ``error``, ``mute``.
        where: ``rest``, ``orders``, ``data``, ``orders.connect`` or ``data.connect``.
        name: regular expression for what it hits: ``POST /v2/orders`` and the like, a trade update's event, a market record's type.
        count: how many times it strikes.
        probability: of each occasion, from 0 to 1.
        seconds: how long, or after how long.
    """

    kind: str
    where: str = REST
    name: str = ""
    count: int = 1
    probability: float = 1.0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS.get(self.where, ()):
            raise ValueError(f"there is no fault {self.kind!r} at {self.where!r}")
        re.compile(self.name)


def read_fault(found: Any) -> Fault:
    """A fault from JSON.

    Raises:
        ValueError: it is none.
    """
    known = {field.name for field in fields(Fault)}
    if not isinstance(found, dict) or "kind" not in found or set(found) - known:
        raise ValueError(f"a fault has a kind and any of {', '.join(sorted(known))}")
    kind, where, name = (str(found.get(key, default)) for key, default in (("kind", ""), ("where", REST), ("name", "")))
    return Fault(
        kind, where, name, int(found.get("count", 1)), float(found.get("probability", 1.0)), float(found.get("seconds", 0.0))
    )


class FaultPlan:
    """The faults that are still to come.

    Args:
        seed: of the chance that faults with a probability depend on.

    Attributes:
        struck: what has gone wrong so far: the kind, and what it hit.
    """

    def __init__(self, seed: int = 0) -> None:
        self._random: Final = Random(seed)
        self._waiting: list[Fault] = []
        self.struck: Final[list[tuple[str, str]]] = []

    def add(self, fault: Fault) -> None:
        """Plan a fault."""
        self._waiting.append(fault)

    def clear(self) -> None:
        """Let nothing more go wrong."""
        self._waiting = []

    def waiting(self) -> list[dict[str, Any]]:
        """The plan as plain objects."""
        return [asdict(fault) for fault in self._waiting]

    def take(self, where: str, name: str) -> Fault | None:
        """The fault that strikes on an occasion, if any does; at most one."""
        for fault in self._waiting:
            if fault.where != where or re.search(fault.name, name) is None:
                continue
            if fault.probability < 1.0 and self._random.random() >= fault.probability:
                continue
            fault.count -= 1
            if fault.count <= 0:
                self._waiting.remove(fault)
            self.struck.append((fault.kind, name))
            return fault
        return None
