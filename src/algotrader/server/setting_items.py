"""Settings put into words and numbers for the page: which there are, and which may change while a session runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from algotrader.config.layers import OVERRIDE, SWITCH
from algotrader.config.shapes import BOOLEAN, INTEGER, LIST, Shape, shapes
from algotrader.config.values import DEFAULT, NONE
from algotrader.core.state import EngineState
from algotrader.server.models.settings import Effect, SettingItem, Shown

if TYPE_CHECKING:
    from algotrader.config.loading import Settings, Value

RISK: Final = "risk."
WATCHLIST: Final = "app.watchlist"
LOG_LEVEL: Final = "app.log_level"
ON_OFF: Final = {True: "true", False: "false"}


def is_editable(key: str) -> bool:
    """Whether a setting may change while a session runs: limits, the watchlist and the log's level."""
    return key.startswith(RISK) or key in (WATCHLIST, LOG_LEVEL)


def switch_key(name: str) -> str:
    """The key of a strategy's switch."""
    return f"strategies.{name}.enabled"


def switched_by(key: str, state: EngineState) -> str | None:
    """The strategy whose switch a key is; None where it is none of a strategy that runs."""
    found = SWITCH.fullmatch(key)
    return found["name"] if found is not None and found["name"] in strategy_names(state) else None


def strategy_names(state: EngineState) -> list[str]:
    """The strategies of a session, each once, in the order of their registration."""
    return list(dict.fromkeys(slot.owner for slot in state.slots))


def is_enabled(name: str, state: EngineState) -> bool:
    """Whether a strategy may enter."""
    return any(slot.enabled for slot in state.slots if slot.owner == name)


def effect_of(key: str, follows_watchlist: bool) -> Effect:
    """When a change of a setting acts."""
    if key.startswith(RISK):
        return "next_signal"
    if key == LOG_LEVEL or (key == WATCHLIST and follows_watchlist) or SWITCH.fullmatch(key):
        return "at_once"
    return "restart"


def setting_items(settings: Settings, state: EngineState, changed: set[str], follows_watchlist: bool) -> list[SettingItem]:
    """Every setting, and a switch for every strategy.

    Args:
        settings: as they are now.
        state: of the engine, for its strategies.
        changed: keys that the database has an override of.
        follows_watchlist: the session takes over another watchlist by itself.
    """
    found = [_item(value, follows_watchlist) for value in settings.values]
    if not follows_watchlist:
        # Who started the session has named its instruments.
        traded = {"value": [track.instrument.symbol for track in state.tracks], "source": "the command line"}
        found = [one.model_copy(update=traded) if one.key == WATCHLIST and state.tracks else one for one in found]
    return found + [_switch(name, state, changed) for name in strategy_names(state)]


def _item(value: Value, follows_watchlist: bool) -> SettingItem:
    setting = value.setting
    shape = shapes()[setting.name]
    return SettingItem(
        key=setting.name,
        title=setting.name.rpartition(".")[2].replace("_", " "),
        help=setting.meaning,
        kind=shape.kind,  # type: ignore[arg-type]
        value=_shown(value.text, shape),
        default=_shown(setting.default, shape),
        source=value.source,
        editable=is_editable(setting.name),
        minimum=shape.minimum,
        maximum=shape.maximum,
        choices=list(shape.choices),
        unit=shape.unit,
        effect=effect_of(setting.name, follows_watchlist),
        secret=setting.is_secret,
    )


def _shown(text: str, shape: Shape) -> Shown:
    if shape.kind == BOOLEAN:
        return text == ON_OFF[True]
    if shape.kind == INTEGER:
        return int(text)
    if shape.kind == LIST:
        return [] if text in ("", NONE) else text.split(",")
    return text


def _switch(name: str, state: EngineState, changed: set[str]) -> SettingItem:
    key = switch_key(name)
    return SettingItem(
        key=key,
        title=f"{name} enabled",
        help=f"whether {name} may enter; what it holds keeps its stop",
        kind="boolean",
        value=is_enabled(name, state),
        default=True,
        source=OVERRIDE if key in changed else DEFAULT,
        editable=True,
        minimum=None,
        maximum=None,
        choices=[],
        unit="",
        effect="at_once",
        secret=False,
    )
