"""``algo-trader status``: how the running session is."""

from __future__ import annotations

import json
from typing import Any, Final

import click

from algotrader.cli.place import database_option

EXIT_UNHEALTHY: Final = 1
"""Exit code of ``status`` for a session that runs but is not well."""


@click.command(short_help="Show how the running session is.")
@database_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def status(database: str, as_json: bool) -> None:
    """Show state, money, positions and strategies of the running session.

    Exit codes: 0 it is well; 1 it runs but is not well; 2 none runs.
    """
    from algotrader.cli.client import SessionClient

    with SessionClient(database) as session:
        found = session.get("/api/status")
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        for line in lines(found):
            click.echo(line)
        _positions(found)
    if found["health"]["problems"]:
        raise click.exceptions.Exit(EXIT_UNHEALTHY)


def lines(found: dict[str, Any]) -> list[str]:
    """The picture as lines of at most 80 columns."""
    from algotrader.cli.lists import short_number, when

    health, account, pnl = found["health"], found["account"], found["pnl"]
    told = [
        ("session", f"{health['status']}, {health['state'].replace('_', ' ')}, {health['mode']}"),
        ("trading", _trading(found)),
        ("time", f"{when(health['time'])} UTC, up {_span(health['uptime_seconds'])}"),
        ("equity", f"{short_number(account['equity'])}, cash {short_number(account['cash'])}"),
        ("P&L", f"today {short_number(pnl['today_pnl'])}, open {short_number(pnl['unrealized_pnl'])}"),
        ("streams", f"bars {health['streams']['bars']}, orders {health['streams']['orders']}"),
        ("last", _ages(health)),
        ("counts", f"{found['open_orders']} open orders, {found['round_trips']} round trips, {found['counts']['events']} events"),
    ]
    text = [f"{label:<9}{value}" for label, value in told]
    for fault in health["problems"]:
        text.append(f"problem  {fault}")
    for one in found["strategies"]:
        off = "" if one["enabled"] else ", off"
        wrong = f", {one['errors']} errors" if one["errors"] else ""
        text.append(f"strategy {one['name']} on {', '.join(one['symbols'])}{off}{wrong}")
    return text


def _trading(found: dict[str, Any]) -> str:
    stopped = ", emergency stop" if found["emergency_stop"] else ""
    tripped = f"; breaker: {found['breaker']['reason']}" if found["breaker"]["tripped"] else ""
    return f"{found['trading_state']}{stopped}{tripped}"


def _ages(health: dict[str, Any]) -> str:
    parts = (("bar", "last_bar"), ("commit", "last_commit"), ("reconciliation", "last_reconciliation"))
    return ", ".join(f"{name} {_ago(health[f'{key}_age_seconds'])}" for name, key in parts)


def _ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{_span(seconds)} ago"


def _span(seconds: float | None) -> str:
    whole = int(seconds or 0)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def _positions(found: dict[str, Any]) -> None:
    from algotrader.cli.lists import POSITIONS, show

    if found["positions"]:
        click.echo()
        show(found["positions"], POSITIONS, False, False, "")
