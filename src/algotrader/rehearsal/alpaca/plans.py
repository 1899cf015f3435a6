"""What goes wrong in a rehearsal at Alpaca's server, and when: each kind of fault alone, then pairs, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from algotrader.rehearsal.alpaca import faults
from algotrader.rehearsal.alpaca.faults import CONNECT, KINDS, ORDERS, REST, Fault

FAULT_KINDS: Final = tuple(f"{where}:{kind}" for where, kinds in KINDS.items() for kind in kinds)
"""Every kind with its place, such as ``rest:throttle``."""

BREAKING: Final = (faults.DROP, faults.MUTE, faults.HALF_OPEN, faults.GARBAGE, faults.SLOW_CLOSE)
"""What a stream does not survive: the client has to open another one."""

_REQUESTS: Final = ("POST /v2/orders", "DELETE /v2/orders", "PATCH /v2/orders", "GET /v2/", "/v2/")
_UPDATES: Final = ("", "new", "fill", "canceled", "replaced")
_STRIKES: Final = 3
_WITHIN: Final = 0.75
"""Nothing new goes wrong in the last part of a run: there has to be time to see what came of it."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault, and after which part of the run it is planned.

    Attributes:
        at: part of the run, from 0 to 1.
        at_once: it strikes the open connections then; else the next occasion.
    """

    at: float
    fault: Fault
    at_once: bool = False


def kinds_of(seed: int, wanted: tuple[str, ...] = FAULT_KINDS) -> tuple[str, ...]:
    """The kinds of the run of a seed: one alone for the first seeds, two for all others."""
    if not wanted:
        return ()
    if seed < len(wanted):
        return (wanted[seed],)
    dice = Random(f"kinds {seed}")
    return tuple(sorted(dice.sample(wanted, min(2, len(wanted)))))


def plan_of(seed: int, kinds: tuple[str, ...]) -> list[Planned]:
    """What goes wrong in a run, in order of time."""
    dice = Random(f"plan {seed}")
    found = [planned for kind in kinds for planned in _strikes(dice, *kind.split(":"))]
    return sorted(found, key=lambda planned: planned.at)


def _strikes(dice: Random, where: str, kind: str) -> list[Planned]:
    moments = sorted(dice.uniform(0.02, _WITHIN) for _ in range(_STRIKES))
    found: list[Planned] = []
    for moment in moments:
        if where.endswith(CONNECT):
            # Only a client without a connection opens one.
            found.append(Planned(moment, Fault(kind, where, count=dice.randint(1, 3), seconds=1.0)))
            found.append(Planned(moment, Fault(faults.DROP, where.removesuffix(CONNECT)), at_once=True))
        elif where == REST:
            count = dice.randint(1, 4)
            found.append(Planned(moment, Fault(kind, where, dice.choice(_REQUESTS), count, seconds=dice.uniform(0.02, 0.5))))
        else:
            found.append(_on_stream(dice, moment, where, kind))
    return found


def _on_stream(dice: Random, moment: float, where: str, kind: str) -> Planned:
    """A stream that breaks does so at once or at a message; what befalls a message waits for one."""
    name = dice.choice(_UPDATES) if where == ORDERS else "b"
    seconds = 0.0 if kind in (faults.MUTE, faults.HALF_OPEN) else dice.uniform(0.02, 0.3)
    fault = Fault(kind, where, name, 1 if kind in BREAKING else dice.randint(1, 3), seconds=seconds)
    at_once = kind in BREAKING and dice.random() < 0.5
    return Planned(moment, fault, at_once)
