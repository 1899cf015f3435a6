"""All settings as one tree, and the same as a flat list of names with their variables, bounds and meanings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from algotrader.config.entries import SchedulerSection, Strategies
from algotrader.config.layers import Layer, current_layers, nested
from algotrader.config.sections import (
    AlertsSection,
    AppSection,
    BacktestSection,
    BrokerSection,
    PaperSection,
    ReconciliationSection,
    RiskSection,
    ShadowSection,
    VelezSection,
    WebSection,
)
from algotrader.config.values import NONE, PREFIX

MASK: Final = "********"

WITH_PASSWORD: Final = re.compile(r"(?P<before>\w+://[^:@/\s]*:)(?P<password>[^@/\s]+)@")
"""An address that carries a password."""


class LayerSource(PydanticBaseSettingsSource):
    """What one layer says, as the tree of settings that pydantic-settings puts together."""

    def __init__(self, kind: type[BaseSettings], layer: Layer) -> None:
        super().__init__(kind)
        self._tree: Final = nested(layer)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """What the layer says about one section."""
        return self._tree.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Everything that the layer says."""
        return self._tree


class Config(BaseSettings):
    """Every setting there is. Use ``load_settings``: it knows where values come from."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    data: str = Field(default="", description="folder of the catalogue of market data")
    broker: BrokerSection = BrokerSection()
    risk: RiskSection = RiskSection()
    strategies: Strategies = Field(default=(), description="strategies to run; none: velez on the watchlist, if it is enabled")
    velez: VelezSection = VelezSection()
    app: AppSection = AppSection()
    web: WebSection = WebSection()
    paper: PaperSection = PaperSection()
    reconciliation: ReconciliationSection = ReconciliationSection()
    alerts: AlertsSection = AlertsSection()
    scheduler: SchedulerSection = SchedulerSection()
    shadow: ShadowSection = ShadowSection()
    backtest: BacktestSection = BacktestSection()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The layers of the load that is going on, strongest first; the process's own environment is one of them or is not read."""
        return (init_settings, *(LayerSource(settings_cls, layer) for layer in reversed(current_layers())))


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: ``allowed`` says what it may be, as text; ``is_secret`` that its value is never shown."""

    name: str
    meaning: str
    allowed: str
    default: str
    is_secret: bool

    @property
    def variable(self) -> str:
        """The environment variable: upper case, a double underscore for each level (``ALGO_BACKTEST__CAPITAL``)."""
        return PREFIX + self.name.upper().replace(".", "__")


@cache
def all_settings() -> tuple[Setting, ...]:
    """Every setting, in the order of the sections."""
    return tuple(_settings(Config, ""))


def _settings(kind: type[BaseModel], above: str) -> Iterator[Setting]:
    for name, field in kind.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _settings(inner, f"{above}{name}.")
        else:
            is_secret = inner is SecretStr or SecretStr in get_args(inner)
            yield Setting(above + name, field.description or "", _allowed(field), shown(field.default), is_secret)


def _allowed(field: FieldInfo) -> str:
    inner: Any = field.annotation
    if inner is bool:
        return "true or false"
    choices = get_args(inner) if get_origin(inner) is not tuple and get_origin(inner) is not dict else ()
    if choices:
        return "one of " + ", ".join(str(choice) for choice in choices)
    low = high = ""
    for bound in field.metadata:
        low = next((f"{word} {_plain(getattr(bound, mark))}" for mark, word in _LOW if hasattr(bound, mark)), low)
        high = next((f"{word} {_plain(getattr(bound, mark))}" for mark, word in _HIGH if hasattr(bound, mark)), high)
    return " and ".join(text for text in (low, high) if text)


_LOW: Final = (("ge", "at least"), ("gt", "above"))
_HIGH: Final = (("le", "at most"), ("lt", "below"))


def _plain(value: object) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def shown(value: object) -> str:
    """A value as people read it and would write it; of secrets only that there is one, and of addresses the host."""
    if isinstance(value, SecretStr):
        return _masked(value.get_secret_value())
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return ",".join(f"{name}={shown(item)}" for name, item in value.items()) or NONE
    if isinstance(value, tuple | list):
        return ",".join(shown(item) for item in value) or NONE
    if isinstance(value, BaseModel):
        given = {name: getattr(value, name) for name in type(value).model_fields if name in value.model_fields_set}
        return "{" + ", ".join(f"{name}: {shown(item)}" for name, item in given.items()) + "}"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return WITH_PASSWORD.sub(rf"\g<before>{MASK}@", _plain(value))


def _masked(text: str) -> str:
    if "://" not in text:
        return MASK if text else ""
    scheme, _, rest = text.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    return f"{scheme}://{host}/{MASK}"
