"""Settings over HTTP: shown with their sources, changed within the same bounds as everywhere, every change kept and told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter

from algotrader.config.schema import all_settings
from algotrader.config.values import ConfigError
from algotrader.core.events import Event, OperatorCommand, RiskChanged
from algotrader.core.reports import WARNING
from algotrader.core.risk import RiskPolicy
from algotrader.errors import UserError, did_you_mean
from algotrader.live.adjusting import Adjusting
from algotrader.live.control import SHUTTING_DOWN, STOPPED, Control
from algotrader.live.settings import risk_policy
from algotrader.server.aside import aside
from algotrader.server.history import History
from algotrader.server.models.settings import Given, SettingApplied, SettingsApplied, SettingsChange, SettingsPage
from algotrader.server.refusal import Refusal
from algotrader.server.setting_items import (
    LOG_LEVEL,
    ON_OFF,
    RISK,
    WATCHLIST,
    effect_of,
    is_editable,
    is_enabled,
    setting_items,
    strategy_names,
    switch_key,
    switched_by,
)
from algotrader.storage.records import ReportRow

if TYPE_CHECKING:
    from algotrader.config.loading import Settings

CHANGED: Final = "settings_changed"
_SAID: Final = "settings_override: "


@dataclass(slots=True)
class _Plan:
    """What a request comes to: the settings afterwards, what to keep of it, what to do, what to tell."""

    settings: Settings
    kept: dict[str, str | None]
    events: list[Event]
    applied: list[SettingApplied]


class SettingsDesk:
    """Shows and changes the settings of a session. Changes are made one after the other.

    Args:
        control: the session.
        history: where changes are kept; None where there is no database, and nothing can be changed.
    """

    def __init__(self, control: Control, history: History | None) -> None:
        self._control: Final = control
        self._history: Final = history
        self._one_at_a_time: Final = asyncio.Lock()

    async def show(self) -> SettingsPage:
        """Every setting with its bounds, its source and when a change would act."""
        adjusting = self._adjusting()
        changed = set(await self._overrides())
        state = self._control.engine.state
        return SettingsPage(items=setting_items(adjusting.settings, state, changed, adjusting.begin_anew is not None))

    async def change(self, request: SettingsChange) -> SettingsApplied:
        """Change settings, all of them or none; what is refused is told with its bounds."""
        adjusting, history = self._adjusting(), self._history
        if history is None:
            raise Refusal(503, "no_history", "this session keeps no record of changes", "start it with a database")
        if self._control.state in (SHUTTING_DOWN, STOPPED):
            raise Refusal(409, "wrong_state", "the session is ending and takes no more changes", "start a session first")
        async with self._one_at_a_time:
            plan = self._plan(request, adjusting, await self._overrides())
            if plan.applied:
                told = self._told(plan, request)
                await aside(history.record_changes, plan.kept, told, self._control.clock.now())
                self._act(plan, adjusting, told, request)
        return SettingsApplied(applied=plan.applied)

    async def switch(self, name: str, enabled: bool, operator: str, reason: str) -> SettingsApplied:
        """Let a strategy enter or not. Without a database it is not kept beside the session's own memory."""
        state = self._control.engine.state
        if name not in strategy_names(state):
            hint = did_you_mean(name, strategy_names(state)) or f"there is {', '.join(strategy_names(state))}"
            raise Refusal(404, "unknown_strategy", f"no strategy {name} runs in this session", hint)
        request = SettingsChange(changes={switch_key(name): enabled}, reason=reason, operator=operator)
        if self._history is not None and self._control.adjusting is not None:
            return await self.change(request)
        if self._control.state in (SHUTTING_DOWN, STOPPED):
            raise Refusal(409, "wrong_state", "the session is ending and takes no more commands", "start a session first")
        was = is_enabled(name, state)
        if was != enabled:
            self._control.put(self._switching(name, enabled, request))
        applied = SettingApplied(key=switch_key(name), old=ON_OFF[was], new=ON_OFF[enabled], effect="at_once")
        return SettingsApplied(applied=[applied] if was != enabled else [])

    # ------------------------------------------------------------------ what a request comes to

    def _plan(self, request: SettingsChange, adjusting: Adjusting, overrides: Mapping[str, str]) -> _Plan:
        before, state = adjusting.settings, self._control.engine.state
        switches: dict[str, bool] = {}
        wanted: dict[str, str | None] = {}
        for key, value in request.changes.items():
            name = switched_by(key, state)
            if name is not None:
                switches[name] = _read_switch(key, value)
            else:
                _check_key(key, strategy_names(state))
                wanted[key] = _text(key, value)
        after = before
        if wanted:
            after = _resolve(adjusting, {k: v for k, v in {**overrides, **wanted}.items() if v is not None}, set(wanted))
        plan = _Plan(after, {}, [], [])
        for key in request.changes:
            self._add(plan, key, request, before, switches, wanted, adjusting)
        limits = _changed_limits(risk_policy(before.config.risk), risk_policy(after.config.risk))
        if limits:
            plan.events.append(RiskChanged(self._control.clock.now(), limits))
        return plan

    def _add(
        self,
        plan: _Plan,
        key: str,
        request: SettingsChange,
        before: Settings,
        switches: Mapping[str, bool],
        wanted: Mapping[str, str | None],
        adjusting: Adjusting,
    ) -> None:
        """Add what one key comes to; nothing where it is so already."""
        name = switched_by(key, self._control.engine.state)
        if name is not None:
            old, new = ON_OFF[is_enabled(name, self._control.engine.state)], ON_OFF[switches[name]]
        else:
            old, new = before.text(key), plan.settings.text(key)
        if old == new:
            return
        plan.kept[key] = None if name is None and wanted[key] is None else new
        plan.applied.append(SettingApplied(key=key, old=old, new=new, effect=effect_of(key, adjusting.begin_anew is not None)))
        if name is not None:
            plan.events.append(self._switching(name, switches[name], request))

    def _switching(self, name: str, enabled: bool, request: SettingsChange) -> OperatorCommand:
        action = "enable" if enabled else "disable"
        return OperatorCommand(self._control.clock.now(), action, request.operator, request.reason, owner=name)

    # ------------------------------------------------------------------ doing it

    def _told(self, plan: _Plan, request: SettingsChange) -> list[ReportRow]:
        now, who = self._control.clock.now(), f"{request.operator}: {request.reason}"
        return [
            ReportRow(now, CHANGED, WARNING, "", "", f"{one.key}: {one.old} -> {one.new} ({who})", "", "") for one in plan.applied
        ]

    def _act(self, plan: _Plan, adjusting: Adjusting, told: list[ReportRow], request: SettingsChange) -> None:
        adjusting.settings = plan.settings
        for event in plan.events:
            self._control.put(event)
        keys = {one.key for one in plan.applied}
        for one, row in zip(plan.applied, told, strict=True):
            adjusting.tell(CHANGED, WARNING, one.key, row.message)
        if LOG_LEVEL in keys:
            adjusting.set_log_level(plan.settings.config.app.log_level)
        if WATCHLIST in keys and adjusting.begin_anew is not None:
            adjusting.begin_anew(f"another watchlist, {request.operator}: {request.reason}")

    def _adjusting(self) -> Adjusting:
        if self._control.adjusting is None:
            raise Refusal(503, "no_settings", "this session was started without settings", "start it with `algo-trader start`")
        return self._control.adjusting

    async def _overrides(self) -> dict[str, str]:
        return {} if self._history is None else await aside(self._history.overrides)


def _check_key(key: str, strategies: list[str]) -> None:
    """Make sure that a key is of a setting that may change.

    Raises:
        Refusal: it is not.
    """
    if is_editable(key) and any(setting.name == key for setting in all_settings()):
        return
    if any(setting.name == key for setting in all_settings()):
        hint = f"what can be changed while it runs: {RISK}*, {WATCHLIST}, {LOG_LEVEL}, strategies.NAME.enabled"
        raise Refusal(400, "not_editable", f"{key} cannot be changed while the session runs", f"{hint}; restart for the rest")
    known = [setting.name for setting in all_settings() if is_editable(setting.name)]
    hint = did_you_mean(key, [*known, *map(switch_key, strategies)]) or "GET /api/settings lists every setting"
    raise Refusal(400, "unknown_setting", f"{key} names no setting", hint)


def _read_switch(key: str, value: Given) -> bool:
    if value is None or (isinstance(value, str) and value.lower() in ON_OFF.values()) or isinstance(value, bool):
        return value is None or str(value).lower() == ON_OFF[True]
    raise Refusal(400, "invalid_setting", f"{key}: {value!r} is neither true nor false", "write true or false")


def _text(key: str, value: Given) -> str | None:
    """A value as it would be written in the environment; None takes a change back."""
    if value is None:
        return None
    if isinstance(value, bool):
        return ON_OFF[value]
    text = ",".join(value) if isinstance(value, list) else str(value)
    if not text.strip():
        raise Refusal(400, "invalid_setting", f"{key} is empty", "null takes a change back")
    return text.upper() if key == WATCHLIST else text


def _resolve(adjusting: Adjusting, overrides: Mapping[str, str], asked: set[str]) -> Settings:
    try:
        return adjusting.resolve(overrides)
    except (UserError, ConfigError) as error:
        named = next((setting for setting in all_settings() if setting.name in asked and setting.name in error.message), None)
        hint = "" if named is None else f"{named.meaning}" + (f" ({named.allowed})" if named.allowed else "")
        raise Refusal(400, "invalid_setting", error.message.removeprefix(_SAID), hint) from None


def _changed_limits(before: RiskPolicy, after: RiskPolicy) -> tuple[tuple[str, str], ...]:
    names = RiskPolicy.__dataclass_fields__
    return tuple((name, _plain(getattr(after, name))) for name in names if getattr(before, name) != getattr(after, name))


def _plain(value: object) -> str:
    return ON_OFF[value] if isinstance(value, bool) else str(value)


def setting_routes(desk: SettingsDesk) -> APIRouter:
    """The calls that show and change settings."""
    router = APIRouter(prefix="/api", tags=["settings"])
    router.add_api_route("/settings", desk.show, methods=["GET"], response_model=SettingsPage)
    router.add_api_route("/settings", desk.change, methods=["PUT"], response_model=SettingsApplied)
    return router
