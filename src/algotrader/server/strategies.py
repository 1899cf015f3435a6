"""Strategies over HTTP: which there are, and the switch of those that run."""

from __future__ import annotations

import inspect
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Final, get_args

from fastapi import APIRouter, Path
from pydantic.fields import FieldInfo

from algotrader.server.aside import aside
from algotrader.server.models.settings import SettingsApplied
from algotrader.server.models.strategy_types import ParameterItem, ParameterKind, StrategyType, StrategyTypes
from algotrader.server.models.texts import Reasoned
from algotrader.server.settings import SettingsDesk
from algotrader.strategies.base import SignalStrategy
from algotrader.strategies.parameters import Parameters
from algotrader.strategies.registry import StrategyType as StrategyClass
from algotrader.strategies.registry import UnknownStrategy, load_strategy, strategy_names

Name = Annotated[str, Path(max_length=200, description="of a strategy that runs")]

_BUILT_IN: Final = "algotrader.strategies."
_KINDS: Final[dict[object, ParameterKind]] = {bool: "boolean", int: "integer", float: "number", Decimal: "number"}


@cache
def strategy_types() -> StrategyTypes:
    """Every strategy that can be loaded by its name, read once; files are for the command line alone."""
    found = []
    for name in sorted(strategy_names()):
        try:
            kind = load_strategy(name)
        except UnknownStrategy:
            continue
        found.append(_described(name, kind))
    return StrategyTypes(items=found)


def _described(name: str, kind: StrategyClass) -> StrategyType:
    fields = kind.parameters_type.model_fields if issubclass(kind.parameters_type, Parameters) else {}
    return StrategyType(
        name=name,
        title=name.replace("_", " ").replace("-", " ").capitalize(),
        description=_first_line(kind),
        style="signal" if issubclass(kind, SignalStrategy) else "algorithm",
        parameters=[_parameter(each, field) for each, field in fields.items()],
    )


def _first_line(kind: type) -> str:
    """What a strategy is: a module of ours is about it alone, elsewhere its class says it."""
    module = inspect.getmodule(kind)
    text = module.__doc__ if module is not None and kind.__module__.startswith(_BUILT_IN) else kind.__doc__
    return inspect.cleandoc(text or "").partition("\n")[0].replace("``", "")


def _parameter(name: str, field: FieldInfo) -> ParameterItem:
    choices = _choices(field)
    kind: ParameterKind = "choice" if choices else _KINDS.get(field.annotation, "text")
    return ParameterItem(
        name=name,
        kind=kind,
        default=_text(field.get_default(call_default_factory=True)),
        minimum=_bound(field, "ge", "gt"),
        maximum=_bound(field, "le", "lt"),
        choices=choices,
        help=field.description or "",
    )


def _choices(field: FieldInfo) -> list[str]:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and isinstance(extra.get("allowed"), str):
        return [each.strip() for each in str(extra["allowed"]).split(",")]
    return [str(each) for each in get_args(field.annotation) if isinstance(each, str | int)]


def _bound(field: FieldInfo, *marks: str) -> str | None:
    for constraint in field.metadata:
        for mark in marks:
            value = getattr(constraint, mark, None)
            if value is not None:
                return _text(value)
    return None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def strategy_routes(desk: SettingsDesk) -> APIRouter:
    """The calls about strategies that change or describe them."""
    router = APIRouter(prefix="/api", tags=["strategies"])

    async def types() -> StrategyTypes:
        """Every strategy with its parameters and their bounds."""
        return await aside(strategy_types)

    async def enable(name: Name, request: Reasoned) -> SettingsApplied:
        """Let a strategy enter again."""
        return await desk.switch(name, True, request.operator, request.reason)

    async def disable(name: Name, request: Reasoned) -> SettingsApplied:
        """Let a strategy enter no more; a waiting entry is cancelled, what it holds keeps its stop."""
        return await desk.switch(name, False, request.operator, request.reason)

    router.add_api_route("/strategy-types", types, methods=["GET"], response_model=StrategyTypes)
    for call in (enable, disable):
        path = f"/strategies/{{name}}/{call.__name__}"
        router.add_api_route(path, call, methods=["POST"], status_code=202, response_model=SettingsApplied)
    return router
