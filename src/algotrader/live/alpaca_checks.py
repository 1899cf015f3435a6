"""What is looked at before a session at Alpaca: the account and its rules, what is to be traded, calendar and clock. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from algotrader.core.market import NS_PER_SECOND, Session, utc
from algotrader.core.scaled import from_money, money
from algotrader.live.checkup import FAULT, OK, WARNING, Finding
from algotrader.venues.alpaca.wire import AlpacaAccount, AlpacaAsset, CalendarDay

DAY_TRADER_EQUITY: Final = money(Decimal(25_000))
"""Below this much equity a margin account may make so many day trades in five days only."""

DAY_TRADES: Final = 3

_NEW_YORK: Final = ZoneInfo("America/New_York")


def new_york_day(moment: int) -> str:
    """The date in New York at a moment (nanoseconds UTC), such as 2026-11-20."""
    return datetime.fromtimestamp(moment // NS_PER_SECOND, UTC).astimezone(_NEW_YORK).date().isoformat()


def look_at_account(account: AlpacaAccount, rules: Mapping[str, Any], wanted: str) -> Iterator[Finding]:
    """The account.

    Args:
        account: as Alpaca describes it.
        rules: its settings, the answer to ``/v2/account/configurations``.
        wanted: the number of the live account that is meant; empty on paper.
    """
    number = account.account_number or "without a number"
    if wanted and wanted != account.account_number:
        yield Finding("account", FAULT, f"the keys open the account {number}, not {wanted}", "check --account and the keys")
    if account.why_not:
        yield Finding("account", FAULT, f"account {number} takes no orders: {account.why_not}", "see to it at alpaca.markets")
    else:
        kind = "for practice" if account.info.is_paper else "with REAL MONEY"
        yield Finding("account", OK, f"account {number} {kind}: {from_money(account.info.equity)} {account.info.currency}")
    yield from _day_trades(account)
    yield from _shorts(account, rules)
    if account.multiplier <= 1 and account.settled_cash is not None and account.settled_cash < account.info.cash:
        settled, cash = from_money(account.settled_cash), from_money(account.info.cash)
        text = f"a cash account: {settled} of {cash} {account.info.currency} is settled"
        yield Finding("account", WARNING, text, "broker.settled_cash keeps orders within what is settled")


def _day_trades(account: AlpacaAccount) -> Iterator[Finding]:
    if account.info.equity >= DAY_TRADER_EQUITY or account.multiplier <= 1:
        return
    text = f"equity is below 25,000 and {account.daytrade_count} of {DAY_TRADES} day trades in five days are used"
    advice = "positions that are opened today may have to be kept overnight"
    if account.pattern_day_trader:
        yield Finding("day trades", WARNING, f"a pattern day trader whose {text}: day trades will be refused", advice)
    elif account.daytrade_count >= DAY_TRADES:
        yield Finding("day trades", WARNING, f"{text}: another one makes it a pattern day trader", advice)


def _shorts(account: AlpacaAccount, rules: Mapping[str, Any]) -> Iterator[Finding]:
    if not may_short(account, rules):
        why = "no_shorting is set" if rules.get("no_shorting") is True else "the account has no right to it"
        yield Finding("shorts", OK, f"nothing is sold short: {why}")


def may_short(account: AlpacaAccount, rules: Mapping[str, Any]) -> bool:
    """Whether the account may sell short at all."""
    return account.shorting_enabled and rules.get("no_shorting") is not True


def look_at_assets(assets: Sequence[AlpacaAsset], shorts: bool) -> Iterator[Finding]:
    """What is to be traded."""
    for asset in assets:
        if not asset.tradable or asset.status != "active":
            why = "not tradable" if asset.status == "active" else f"{asset.status or 'without a status'}"
            yield Finding("asset", FAULT, f"{asset.symbol} is {why} at Alpaca", "take it off the list of symbols")
        elif shorts and asset.asset_class == "us_equity" and not asset.may_short:
            why = "not shortable" if not asset.shortable else "not easy to borrow"
            yield Finding("asset", WARNING, f"{asset.symbol} is {why}: it will not be sold short")


def look_at_session(day: str, ours: Session | None, theirs: CalendarDay | None) -> Finding:
    """Today's session by our calendar and by Alpaca's; an earlier close than we know of would catch us with positions."""
    mine = "closed" if ours is None else _hours(ours.open_time, ours.close_time)
    other = "closed" if theirs is None else _hours(theirs.open_time, theirs.close_time)
    if mine == other:
        return Finding("calendar", OK, f"{day}: {mine}")
    return Finding("calendar", FAULT, f"{day}: we have {mine}, Alpaca has {other}", "bring exchange-calendars up to date")


def _hours(opens: int, closes: int) -> str:
    return f"{utc(opens):%H:%M} to {utc(closes):%H:%M} UTC"


def look_at_clock(theirs: int, before: int, after: int, patience: float = 1.0) -> Finding:
    """Our clock and Alpaca's (nanoseconds UTC all).

    Args:
        theirs: what the venue's shows.
        before: ours when the question was asked.
        after: ours when the answer was there.
        patience: seconds that they may differ besides.
    """
    off = max(before - theirs, theirs - after, 0)
    ours = "behind" if theirs > after else "ahead of"
    if off > patience * NS_PER_SECOND:
        text = f"our clock is {off / NS_PER_SECOND:.1f} s {ours} Alpaca's"
        return Finding("clock", WARNING, text, "let a time service (NTP) set this machine's clock")
    return Finding("clock", OK, "our clock is within a second of Alpaca's")
