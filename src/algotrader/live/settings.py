"""From the configuration to what the engine is made of: limits, strategies with their symbols and parameters, schedules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from algotrader.assembly import Plan, plan_routes
from algotrader.core.risk import RiskPolicy
from algotrader.errors import UserError
from algotrader.history.calendars import normal_calendar
from algotrader.live.findings import Agreement, Strategy
from algotrader.live.launch_settings import StrategyChoice
from algotrader.live.triggers import Interval, MarketEvent, Once, Trigger, exchange_cron
from algotrader.live.venue_calls import CallSettings, Uses
from algotrader.monitoring.logs import LogSettings
from algotrader.strategies.scanners import Route, StaticScanner, scanner_from_text

if TYPE_CHECKING:
    from algotrader.config.entries import StrategyEntry, TriggerEntry
    from algotrader.config.schema import Config
    from algotrader.config.sections import AppSection, BrokerSection, ReconciliationSection, RiskSection
    from algotrader.core.signal_hooks import Scanner

VELEZ: Final = "velez"
"""The strategy that has a section of its own."""

NO_FILE: Final = "none"
"""Written instead of a file's name where there is to be none."""

_MEGABYTE: Final = 1_000_000
_MARKET_EVENTS: Final = {"market_open": "open", "market_close": "close", "pre_market": "pre_market", "after_market": "after_hours"}


def risk_policy(risk: RiskSection) -> RiskPolicy:
    """The limits of the account."""
    return RiskPolicy(
        max_risk_per_trade=risk.max_risk_per_trade_pct,
        max_risk_per_trade_abs=risk.max_risk_per_trade_abs,
        max_position=risk.max_position_pct,
        max_daily_loss=risk.max_daily_loss_pct,
        max_open_positions=risk.max_open_positions,
        consecutive_loss_pause=risk.consecutive_loss_pause,
        break_even_is_loss=risk.break_even_is_loss,
        emergency_stop=risk.emergency_stop_pct,
        max_leverage=risk.max_leverage,
        breaker_for_all=risk.breaker_for_all,
    )


def agreement(section: ReconciliationSection) -> Agreement:
    """How differences from the venue's books are settled."""
    return Agreement(
        Strategy(section.strategy),
        consent=section.sync_to_local_consent,
        moderate_from=section.warn_pct,
        critical_above=section.critical_pct,
    )


def call_settings(broker: BrokerSection) -> CallSettings:
    """Everything about requests to the venue: none takes longer than the broker's timeout allows."""
    uses = Uses()
    limited = {
        use.name: replace(getattr(uses, use.name), timeout=min(getattr(uses, use.name).timeout, broker.timeout))
        for use in fields(uses)
    }
    return CallSettings(uses=replace(uses, **limited))


def log_settings(app: AppSection, secrets: tuple[str, ...]) -> LogSettings:
    """How to log. Where a file takes everything, the terminal gets what is worth a look only."""
    file = Path(app.log_file) if app.log_file not in ("", NO_FILE) else None
    return LogSettings(
        level=app.log_level,
        form=app.log_format,
        file=file,
        stream_level="" if file is None else "warning",
        max_bytes=app.log_max_mb * _MEGABYTE,
        keep=app.log_files,
        secrets=secrets,
    )


def strategy_entries(config: Config) -> tuple[StrategyEntry, ...]:
    """The strategies to run, none for a session without any: those that are configured and enabled, else velez unless it is off."""
    from algotrader.config.entries import StrategyEntry

    entries = config.strategies or (StrategyEntry(strategy=VELEZ),)
    return tuple(entry for entry in entries if entry.enabled and (entry.strategy != VELEZ or config.velez.enabled))


def strategy_choices(config: Config) -> tuple[StrategyChoice, ...]:
    """The strategies to run, each with its symbols and parameters."""
    return tuple(
        StrategyChoice(
            entry.strategy, symbols_of(entry, config), tuple(parameters_of(entry, config).items()), entry.interval, entry.scanner
        )
        for entry in strategy_entries(config)
    )


def symbols_of(entry: StrategyEntry, config: Config) -> tuple[str, ...]:
    """A strategy's own symbols, or the whole watchlist."""
    return entry.symbols or config.app.watchlist


def parameters_of(entry: StrategyEntry, config: Config) -> dict[str, Any]:
    """A strategy's parameters; those of velez are what its section sets, unless the entry has its own."""
    section = {name: getattr(config.velez, name) for name in config.velez.model_fields_set} if entry.strategy == VELEZ else {}
    return {**section, **entry.parameters}


def plan_strategies(config: Config) -> list[Plan]:
    """Load every strategy and check its parameters.

    Raises:
        UnknownStrategy, ParameterError: a strategy or a parameter is not known.
        UserError: an interval is none, or a strategy cannot run on it.
    """
    plans: list[Plan] = []
    for entry in strategy_entries(config):
        route = Route(_scanner(entry), entry.strategy, parameters_of(entry, config))
        (plan,) = plan_routes([route], symbols_of(entry, config), entry.interval or None)
        plan.owner = _own_name(plan.owner, plans)
        plans.append(plan)
    return plans


def _scanner(entry: StrategyEntry) -> Scanner:
    return scanner_from_text(entry.scanner) if entry.scanner else StaticScanner()


def _own_name(name: str, plans: Sequence[Plan]) -> str:
    """The same strategy a second time gets a number."""
    same = sum(1 for plan in plans if plan.kind.strategy_name() == name)
    return name if same == 0 else f"{name}-{same + 1}"


def watched_symbols(config: Config) -> tuple[str, ...]:
    """Every symbol that is to be followed, in the order of first mention; the watchlist where no strategy runs."""
    wanted = [symbol for entry in strategy_entries(config) for symbol in symbols_of(entry, config)]
    return tuple(dict.fromkeys(wanted)) or config.app.watchlist


def schedules(config: Config) -> list[tuple[str, Trigger]]:
    """The enabled schedules by name.

    Raises:
        UserError: one is impossible; the message names it.
    """
    found: list[tuple[str, Trigger]] = []
    for entry in config.scheduler.triggers:
        if any(name == entry.name for name, _ in found):
            raise UserError(f"scheduler.triggers: {entry.name} is there twice", "give every schedule a name of its own")
        if entry.enabled:
            try:
                found.append((entry.name, _trigger(entry, config.scheduler.calendar)))
            except UserError as error:
                raise UserError(f"scheduler.triggers: {entry.name}: {error.message}", error.hint) from None
    return found


def _trigger(entry: TriggerEntry, calendar: str) -> Trigger:
    calendar = normal_calendar(calendar)
    if entry.trigger == "interval":
        return Interval(seconds=entry.every_seconds)
    if entry.trigger == "cron":
        return exchange_cron(entry.cron, calendar)
    if entry.trigger == "date":
        try:
            return Once(datetime.fromisoformat(entry.at))
        except ValueError:
            raise UserError(f"{entry.at!r} is no moment", "write it like 2025-11-26T15:00:00-05:00") from None
    return MarketEvent(_MARKET_EVENTS[entry.trigger], calendar, entry.offset_minutes or None)
