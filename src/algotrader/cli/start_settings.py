"""From the options of ``algo-trader start`` to the settings of a session, with every mistake told before anything is touched."""

from __future__ import annotations

import os
import textwrap
from datetime import date
from typing import Any, Final

from algotrader.assembly import plan_routes
from algotrader.cli.backtest import read_parameters, read_symbols
from algotrader.cli.consent import ask_consent, check_paper_setting
from algotrader.cli.mistakes import strategy_mistakes
from algotrader.cli.place import database_name, files_of
from algotrader.config import read_capital
from algotrader.errors import UserError, did_you_mean
from algotrader.live.launch_settings import (
    GENERATED,
    LIVE_MODE,
    PAPER_MODE,
    PAPER_VENUE,
    RECORDED,
    RULES,
    VENUES,
    LaunchSettings,
    StrategyChoice,
)
from algotrader.strategies.scanners import Route, StaticScanner

DEFAULT_STRATEGY: Final = "velez"

_LABEL: Final = 11
_WIDTH: Final = 80


def read_settings(given: dict[str, Any]) -> LaunchSettings:
    """Turn options into the settings of a session.

    Raises:
        UserError: an option, a strategy or a parameter is impossible, or real money is not consented to.
    """
    _one_of("--venue", given["venue"], VENUES)
    _one_of("--rules", given["rules"], RULES)
    check_paper_setting(os.environ, given["live"])
    _check_speed(given["speed"], given["live"])
    strategies = read_strategies(given["strategy"] or (DEFAULT_STRATEGY,), given["symbols"], given["params"])
    check_strategies(strategies, given["interval"])
    try:
        capital = read_capital(given["capital"] or "25000")
    except ValueError as error:
        raise UserError(f"--capital: {error}", "write it like --capital 25000") from None
    consent = ask_consent(given["venue"], given["account"], given["consent"]) if given["live"] else ""
    same = ("database", "venue", "rules", "data", "interval", "speed", "seed", "once_day", "flatten", "extended_hours", "account")
    return LaunchSettings(
        strategies=strategies,
        mode=LIVE_MODE if given["live"] else PAPER_MODE,
        market=RECORDED if given["replay"] or given["data"] else GENERATED,
        start_day=_day(given["start_day"]),
        capital=capital,
        consent=consent,
        host=given["host"],
        port=given["port"],
        token_file=files_of(given["database"]).token,
        config=given["config"],
        **{name: given[name] for name in same},
    )


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        near = did_you_mean(value, known)
        raise UserError(f"{option} {value} is not known", f"{near} there is {', '.join(known)}".strip())


def _check_speed(speed: float, live: bool) -> None:
    if not 0 < speed <= 1_000_000:
        raise UserError(f"--speed must lie above 0 and not above a million, not {speed:g}", "write it like --speed 60")
    if live and speed != 1:
        raise UserError("real money cannot be traded faster than life", "leave --speed away")


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise UserError(f"--from {text} is no day", "write it like --from 2024-01-02") from None


def read_strategies(names: tuple[str, ...], symbols: str, params: tuple[str, ...]) -> tuple[StrategyChoice, ...]:
    """Read what trades on what.

    Raises:
        UserError: a parameter says not which strategy it is for, or is not of the form NAME=VALUE.
    """
    wanted = tuple(read_symbols(symbols.upper()))
    if len(names) == 1:
        return (StrategyChoice(names[0], wanted, tuple(read_parameters(params).items())),)
    found: dict[str, list[str]] = {name: [] for name in names}
    for text in params:
        owner = next((name for name in names if text.startswith(f"{name}.")), None)
        if owner is None:
            raise UserError(f"--param {text} says not which strategy it is for", f"write it like --param {names[0]}.NAME=VALUE")
        found[owner].append(text.removeprefix(f"{owner}."))
    return tuple(StrategyChoice(name, wanted, tuple(read_parameters(tuple(own)).items())) for name, own in found.items())


def check_strategies(choices: tuple[StrategyChoice, ...], interval: str) -> None:
    """Load every strategy and check its parameters before anything else is touched.

    Raises:
        UserError: one cannot be found or set up.
    """
    for choice in choices:
        with strategy_mistakes(choice.name):
            plan_routes([Route(StaticScanner(), choice.name, dict(choice.parameters))], choice.symbols, interval or None)


def heading(settings: LaunchSettings) -> list[str]:
    """What a session is, in lines of at most 80 columns."""
    facts = [
        ("mode", settings.mode + ("" if settings.mode == LIVE_MODE else ", no real money")),
        ("venue", settings.venue + (_market(settings) if settings.venue == PAPER_VENUE else "")),
        ("watchlist", ", ".join(settings.symbols)),
        *(("strategy", _strategy(choice)) for choice in settings.strategies),
        ("database", database_name(settings.database)),
    ]
    return [text for label, value in facts for text in _wrapped(label, value)]


def _wrapped(label: str, value: str) -> list[str]:
    return textwrap.wrap(value, _WIDTH, initial_indent=f"{label:<{_LABEL}}", subsequent_indent=" " * _LABEL)


def _market(settings: LaunchSettings) -> str:
    speed = "" if settings.speed == 1 else f", {settings.speed:g} times as fast"
    return f", {settings.rules} rules, {settings.market} market{speed}"


def _strategy(choice: StrategyChoice) -> str:
    changed = ", ".join(f"{name}={value}" for name, value in choice.parameters)
    return f"{choice.name} ({changed})" if changed else choice.name
