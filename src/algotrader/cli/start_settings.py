"""From the options of ``algo-trader start`` to the settings of a session, with every mistake told before anything is touched."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from algotrader.assembly import plan_routes
from algotrader.cli.backtest import read_parameters
from algotrader.cli.consent import ask_consent, check_paper_setting
from algotrader.cli.database import database_errors
from algotrader.cli.mistakes import strategy_mistakes
from algotrader.cli.place import database_name, database_url, files_of
from algotrader.cli.settings import settings_of_process
from algotrader.config import read_capital
from algotrader.config.loading import Settings
from algotrader.config.schema import Config
from algotrader.config.symbols import read_watchlist
from algotrader.errors import UserError, did_you_mean
from algotrader.live.launch_settings import (
    ALPACA_VENUE,
    GENERATED,
    LIVE_MODE,
    PAPER_MODE,
    PAPER_VENUE,
    RECORDED,
    REMOTE_VENUE,
    RULES,
    VENUES,
    LaunchSettings,
    StrategyChoice,
)
from algotrader.live.settings import strategy_choices, strategy_entries
from algotrader.strategies.scanners import Route, StaticScanner, scanner_from_text

T = TypeVar("T")

_LABEL: Final = 11
_WIDTH: Final = 80
_SCHEMES: Final = {REMOTE_VENUE: ("ws",), ALPACA_VENUE: ("http", "ws")}
"""How an address may begin; requests and streams have one address, so either will do."""

_THIS_MACHINE: Final = ("127.0.0.1", "localhost")


def read_settings(given: dict[str, Any]) -> LaunchSettings:
    """Turn options and settings into what a session is to be; an option wins over a setting.

    Raises:
        UserError: an option, a setting, a strategy or a parameter is impossible, or real money is not consented to.
    """
    _one_of("--venue", given["venue"], VENUES)
    _one_of("--rules", given["rules"], RULES)
    settings, database = _settings(given["config"], given["database"])
    config = settings.config
    check_paper_setting(config.broker.paper, settings.source("broker.paper"), given["live"])
    speed = _or(given["speed"], config.paper.speed)
    _check_speed(speed, given["live"])
    strategies = choose_strategies(given, config)
    check_strategies(strategies)
    return LaunchSettings(
        strategies=strategies,
        database=database,
        mode=LIVE_MODE if given["live"] else PAPER_MODE,
        venue=given["venue"],
        venue_address=_address(given["venue"], given["venue_address"]),
        rules=given["rules"],
        market=RECORDED if given["replay"] or given["data"] else GENERATED,
        data=given["data"],
        start_day=_day(given["start_day"]),
        interval=given["interval"],
        capital=_capital(given["capital"]) if given["capital"] else config.paper.capital,
        speed=speed,
        seed=_or(given["seed"], config.paper.seed),
        once_day=given["once_day"],
        flatten=given["flatten"],
        extended_hours=given["extended_hours"] or config.app.extended_hours,
        account=given["account"],
        consent=ask_consent(given["venue"], given["account"], given["consent"]) if given["live"] else "",
        host=given["host"] or config.web.host,
        port=_or(given["port"], config.web.port),
        token_file=files_of(database).token,
        config=config,
        resolve=_resolver(given["config"]),
        renew=_renewer(given) if _follows_watchlist(given, config) else None,
    )


def _follows_watchlist(given: dict[str, Any], config: Config) -> bool:
    """Whether another watchlist in the settings makes another session: nobody has named its symbols."""
    return not given["symbols"] and (bool(given["strategy"]) or any(not entry.symbols for entry in strategy_entries(config)))


def _renewer(given: dict[str, Any]) -> Callable[[], LaunchSettings]:
    """The same options once more; what was consented to is the account, which stays."""
    return lambda: read_settings({**given, "consent": given["consent"] or given["account"]})


def _resolver(file: Path | None) -> Callable[[Mapping[str, str]], Settings]:
    """Settings with other overrides, from the environment as it is now."""
    environ = dict(os.environ)
    return lambda overrides: settings_of_process(environ, file, overrides, strict=True)


def _or(option: T | None, setting: T) -> T:
    return setting if option is None else option


def _settings(file: Path | None, database: str | None) -> tuple[Settings, str]:
    """The settings with what the database overrides, and the URL of that database."""
    settings = settings_of_process(os.environ, file, strict=True)
    url = database_url(database or settings.config.app.database)
    overrides = _overrides(url)
    return (settings_of_process(os.environ, file, overrides, strict=True) if overrides else settings), url


def _overrides(url: str) -> dict[str, str]:
    """Settings that were changed while a session ran; none where the database is still to be made."""
    if url.startswith("sqlite") and not Path(database_name(url)).exists():
        return {}
    from algotrader.storage import queries
    from algotrader.storage.schema import open_database

    with database_errors():
        database = open_database(url, create=True)
        try:
            return {one.key: one.value for one in queries.overrides(database)}
        finally:
            database.close()


def _capital(text: str) -> Decimal:
    try:
        return read_capital(text)
    except ValueError as error:
        raise UserError(f"--capital: {error}", "write it like --capital 25000") from None


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        near = did_you_mean(value, known)
        raise UserError(f"{option} {value} is not known", f"{near} there is {', '.join(known)}".strip())


def _check_speed(speed: float, live: bool) -> None:
    if not 0 < speed <= 1_000_000:
        raise UserError(f"--speed must lie above 0 and not above a million, not {speed:g}", "write it like --speed 60")
    if live and speed != 1:
        raise UserError("real money cannot be traded faster than life", "leave --speed away")


def _address(venue: str, text: str | None) -> str:
    """Host and port of a simulated venue; it trusts whoever connects, so it has to be on this machine."""
    if venue not in (REMOTE_VENUE, ALPACA_VENUE) and text:
        raise UserError(f"--venue-address is for --venue {REMOTE_VENUE} or {ALPACA_VENUE}", "leave one of them away, or give both")
    if venue != REMOTE_VENUE and not text:
        return ""
    schemes = _SCHEMES[venue]
    hint = f"write it like --venue-address {schemes[0]}://127.0.0.1:8100"
    if not text:
        raise UserError(f"--venue {REMOTE_VENUE} needs an address", hint)
    try:
        found = urlsplit(text if "//" in text else f"{schemes[0]}://{text}")
        host, port = found.hostname or "", found.port
    except ValueError:
        host, port = "", None
    if not port or not host or found.scheme not in schemes:
        raise UserError(f"--venue-address {text} is no address", hint)
    if host not in _THIS_MACHINE:
        raise UserError(f"--venue-address {text} is not on this machine", hint)
    return f"{host}:{port}"


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise UserError(f"--from {text} is no day", "write it like --from 2024-01-02") from None


def choose_strategies(given: dict[str, Any], config: Config) -> tuple[StrategyChoice, ...]:
    """What trades on what: by the options, else by the settings.

    Raises:
        UserError: a parameter says not which strategy it is for or is not of the form NAME=VALUE, or no strategy is enabled.
    """
    params = given["params"]
    symbols = _symbols(given["symbols"]) if given["symbols"] else ()
    if given["strategy"]:
        found = [StrategyChoice(name, symbols or config.app.watchlist) for name in given["strategy"]]
    else:
        found = [replace(choice, symbols=symbols or choice.symbols) for choice in strategy_choices(config)]
    if not found:
        raise UserError("no strategy is enabled", "name one with --strategy, or enable one in the settings")
    return tuple(_with_options(choice, len(found) == 1, params, given["interval"]) for choice in _all_named(found, params))


def _symbols(text: str) -> tuple[str, ...]:
    try:
        return read_watchlist(text.upper())
    except ValueError as error:
        raise UserError(f"--symbols: {error}", "write it like --symbols AAPL,TSLA,BTC/USDT") from None


def _all_named(choices: list[StrategyChoice], params: tuple[str, ...]) -> list[StrategyChoice]:
    """The choices, once every parameter says which of several it is for."""
    for text in params if len(choices) > 1 else ():
        if not any(text.startswith(f"{choice.name}.") for choice in choices):
            hint = f"write it like --param {choices[0].name}.NAME=VALUE"
            raise UserError(f"--param {text} says not which strategy it is for", hint)
    return choices


def _with_options(choice: StrategyChoice, alone: bool, params: tuple[str, ...], interval: str) -> StrategyChoice:
    own = params if alone else tuple(t.removeprefix(f"{choice.name}.") for t in params if t.startswith(f"{choice.name}."))
    changed = tuple({**dict(choice.parameters), **read_parameters(own)}.items())
    return replace(choice, parameters=changed, interval=interval or choice.interval)


def check_strategies(choices: tuple[StrategyChoice, ...]) -> None:
    """Load every strategy and check its parameters before anything else is touched.

    Raises:
        UserError: one cannot be found or set up.
    """
    for choice in choices:
        with strategy_mistakes(choice.name):
            scanner = scanner_from_text(choice.scanner) if choice.scanner else StaticScanner()
            plan_routes([Route(scanner, choice.name, dict(choice.parameters))], choice.symbols, choice.interval or None)


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
