"""What an engine was made of, written down at every start of a session, so that it can be made again for a replay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from algotrader.assembly import Assembly, Plan, plan_routes
from algotrader.core.instruments import Instrument, VenueCapabilities
from algotrader.core.risk import RiskPolicy
from algotrader.history.definitions import instrument_from_json, instrument_to_json
from algotrader.live.launch_settings import StrategyChoice
from algotrader.storage.build_id import build_id
from algotrader.storage.records import StoreFailed
from algotrader.storage.sql_store import SqlStore
from algotrader.strategies.scanners import Route, StaticScanner, scanner_from_text

SETUPS_FACT: Final = "session_setups"
BASE: Final = "1m"


@dataclass(frozen=True, slots=True)
class SessionSetup:
    """Everything besides the code that decides what an engine does with its events.

    Attributes:
        strategies: in order of registration; a file is named by its full path.
        interval: of the bars that every strategy sees; empty for each one's own.
        instruments: what is traded, in order of registration.
        policy: limits of the account when it started.
        capabilities: what the venue allows.
        extended_hours: bars outside the regular session go to strategies too.
        id_prefix: start of every order id.
    """

    strategies: tuple[StrategyChoice, ...]
    interval: str
    instruments: tuple[Instrument, ...]
    policy: RiskPolicy
    capabilities: VenueCapabilities
    extended_hours: bool
    id_prefix: str

    def assemble(self) -> Assembly:
        """A fresh engine with its strategies.

        Raises:
            UserError, UnknownStrategy, ParameterError: a strategy cannot be had any more, or not like this.
        """
        return Assembly(
            list(self.instruments),
            plan_choices(self.strategies, self.interval),
            BASE,
            self.policy,
            self.capabilities,
            extended_hours=self.extended_hours,
            id_prefix=self.id_prefix,
        )

    def build(self, assembly: Assembly) -> str:
        """Name code and parameters of an engine of this setup.

        Raises:
            NoSources: the sources cannot be read.
        """
        symbols = [instrument.symbol for instrument in self.instruments]
        limits = {f"risk.{field.name}": getattr(self.policy, field.name) for field in fields(RiskPolicy)}
        return build_id(
            [(plan.kind, plan.parameters) for plan in assembly.plans],
            {"symbols": symbols, "interval": self.interval, "rules": self.capabilities.name, **limits},
        )


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the journal that one setup has made: the events after ``after``, up to the next stretch."""

    after: int
    build: str
    setup: SessionSetup


def plan_choices(choices: Sequence[StrategyChoice], interval: str) -> list[Plan]:
    """Every strategy on its own symbols; two of the same name are told apart by a number, in the order in which they were given."""
    plans: list[Plan] = []
    for choice in choices:
        scanner = scanner_from_text(choice.scanner) if choice.scanner else StaticScanner()
        wanted = choice.interval or interval or None
        for plan in plan_routes([Route(scanner, choice.name, dict(choice.parameters))], choice.symbols, wanted):
            same = sum(1 for other in plans if other.owner.split("-")[0] == plan.owner)
            plan.owner = plan.owner if not same else f"{plan.owner}-{same + 1}"
            plans.append(plan)
    return plans


def remember(store: SqlStore, setup: SessionSetup, build: str) -> None:
    """Write a setup down: it holds from the journal's end on. One that has not changed is not written again."""
    known = _written(store)
    entry = {"after": store.last_sequence(), "build": build, **_to_json(setup)}
    if known and {**known[-1], "after": 0} == {**entry, "after": 0}:
        return
    kept = [other for other in known if other["after"] < entry["after"]]
    store.set_fact(SETUPS_FACT, json.dumps([*kept, entry]))


def stretches(store: SqlStore) -> list[Stretch]:
    """The setups of an account from the first to the last; none where no session has run since they are written down.

    Raises:
        StoreFailed: they cannot be read.
    """
    try:
        return [Stretch(entry["after"], entry["build"], _from_json(entry)) for entry in _written(store)]
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        raise StoreFailed(f"what the sessions were made of cannot be read: {type(error).__name__}: {error}") from error


def _written(store: SqlStore) -> list[dict[str, Any]]:
    text = store.fact(SETUPS_FACT)
    found: list[dict[str, Any]] = [] if text is None else json.loads(text)
    return found


def _to_json(setup: SessionSetup) -> dict[str, Any]:
    values: dict[str, Any] = {
        "strategies": [asdict(replace(choice, name=_full(choice.name))) for choice in setup.strategies],
        "interval": setup.interval,
        "instruments": [instrument_to_json(instrument) for instrument in setup.instruments],
        "policy": {field.name: getattr(setup.policy, field.name) for field in fields(RiskPolicy)},
        "capabilities": {field.name: getattr(setup.capabilities, field.name) for field in fields(VenueCapabilities)},
        "extended_hours": setup.extended_hours,
        "id_prefix": setup.id_prefix,
    }
    # Once through JSON: what is written and what is read again compare equal.
    plain: dict[str, Any] = json.loads(json.dumps(values, default=str))
    return plain


def _from_json(entry: dict[str, Any]) -> SessionSetup:
    return SessionSetup(
        tuple(_choice(values) for values in entry["strategies"]),
        entry["interval"],
        tuple(instrument_from_json(values) for values in entry["instruments"]),
        _policy(entry["policy"]),
        _capabilities(entry["capabilities"]),
        entry["extended_hours"],
        entry["id_prefix"],
    )


def _choice(values: dict[str, Any]) -> StrategyChoice:
    parameters = tuple((name, value) for name, value in values["parameters"])
    return StrategyChoice(values["name"], tuple(values["symbols"]), parameters, values["interval"], values["scanner"])


def _capabilities(values: dict[str, Any]) -> VenueCapabilities:
    """What the venue allows: what is a tuple was written as a list."""
    plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return VenueCapabilities(**plain)


def _policy(values: dict[str, Any]) -> RiskPolicy:
    """Limits: an exact number was written as text."""
    plain: dict[str, Any] = {name: Decimal(value) if isinstance(value, str) else value for name, value in values.items()}
    return RiskPolicy(**plain)


def _full(name: str) -> str:
    """A strategy's name such that it means the same from every folder."""
    file, colon, kind = (name, "", "") if name.endswith(".py") else name.rpartition(":")
    return f"{Path(file).absolute()}{colon}{kind}" if file.endswith(".py") else name
