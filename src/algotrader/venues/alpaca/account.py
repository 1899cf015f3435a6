"""The account's record: its money, and everything that says what it may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from algotrader.venues.alpaca.values import (
    AlpacaRecordFault,
    Record,
    decimal_or_none,
    flag,
    is_missing,
    money_of,
    text,
    text_or_empty,
    time_or_zero,
    whole_or_none,
)
from algotrader.venues.protocols import AccountInfo

ACTIVE: Final = "ACTIVE"
PAPER_PREFIX: Final = "PA"
"""Account numbers for practice begin like this; those with real money are digits alone."""

_READ: Final = frozenset(
    {
        "id",
        "account_number",
        "status",
        "crypto_status",
        "currency",
        "equity",
        "last_equity",
        "cash",
        "cash_withdrawable",
        "cash_transferable",
        "buying_power",
        "regt_buying_power",
        "daytrading_buying_power",
        "non_marginable_buying_power",
        "options_buying_power",
        "initial_margin",
        "maintenance_margin",
        "last_maintenance_margin",
        "long_market_value",
        "short_market_value",
        "portfolio_value",
        "accrued_fees",
        "pending_transfer_in",
        "pending_transfer_out",
        "sma",
        "pattern_day_trader",
        "daytrade_count",
        "trading_blocked",
        "transfers_blocked",
        "account_blocked",
        "trade_suspended_by_user",
        "shorting_enabled",
        "multiplier",
        "options_approved_level",
        "options_trading_level",
        "created_at",
    }
)


@dataclass(frozen=True, slots=True)
class AlpacaAccount:
    """The account as Alpaca describes it.

    Amounts are money (see ``scaled``); those that Alpaca has stopped sending are 0. ``info`` is what the engine compares with.
    ``settled_cash`` is what may be taken out: cash of sales that have not settled yet is not in it; None when the venue does not
    say. ``extra`` keeps the fields that are not known here.
    """

    info: AccountInfo
    account_id: str
    account_number: str
    status: str
    crypto_status: str = ""
    last_equity: int = 0
    settled_cash: int | None = None
    regt_buying_power: int = 0
    daytrading_buying_power: int = 0
    non_marginable_buying_power: int = 0
    options_buying_power: int = 0
    maintenance_margin: int = 0
    last_maintenance_margin: int = 0
    long_market_value: int = 0
    short_market_value: int = 0
    portfolio_value: int = 0
    accrued_fees: int = 0
    pending_transfer_in: int = 0
    pending_transfer_out: int = 0
    special_memorandum: int = 0
    pattern_day_trader: bool = False
    daytrade_count: int = 0
    trading_blocked: bool = False
    transfers_blocked: bool = False
    account_blocked: bool = False
    trade_suspended_by_user: bool = False
    shorting_enabled: bool = False
    multiplier: Decimal = Decimal(1)
    options_approved_level: int | None = None
    options_trading_level: int | None = None
    created_time: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_practice(self) -> bool:
        """Whether the account's own number says that it is one for practice."""
        return self.account_number.startswith(PAPER_PREFIX)

    @property
    def may_trade(self) -> bool:
        """Whether it takes orders at all."""
        return not self.why_not

    @property
    def why_not(self) -> str:
        """Why it takes no orders; empty when it does."""
        if self.status != ACTIVE:
            return f"its status is {self.status}"
        if self.account_blocked:
            return "it is blocked"
        if self.trading_blocked:
            return "trading is blocked"
        return "trading is suspended in its settings" if self.trade_suspended_by_user else ""


def account(record: Record, is_paper: bool = True) -> AlpacaAccount:
    """The account.

    Args:
        record: the answer to ``/v2/account``.
        is_paper: whether it was asked for at the address for practice.

    Raises:
        AlpacaRecordFault: the record cannot be read.
    """
    missing = [name for name in ("equity", "cash", "buying_power") if is_missing(record.get(name))]
    if missing:
        raise AlpacaRecordFault(f"the account lacks {', '.join(missing)}")
    settled = record.get("cash_withdrawable")
    return AlpacaAccount(
        info=AccountInfo(
            equity=_money(record, "equity"),
            cash=_money(record, "cash"),
            buying_power=_money(record, "buying_power"),
            currency=text_or_empty(record, "currency") or "USD",
            margin_used=_money(record, "initial_margin"),
            is_paper=is_paper,
        ),
        account_id=text(record, "id"),
        account_number=text_or_empty(record, "account_number"),
        status=text(record, "status"),
        crypto_status=text_or_empty(record, "crypto_status"),
        last_equity=_money(record, "last_equity"),
        settled_cash=None if is_missing(settled) else _money(record, "cash_withdrawable"),
        regt_buying_power=_money(record, "regt_buying_power"),
        daytrading_buying_power=_money(record, "daytrading_buying_power"),
        non_marginable_buying_power=_money(record, "non_marginable_buying_power"),
        options_buying_power=_money(record, "options_buying_power"),
        maintenance_margin=_money(record, "maintenance_margin"),
        last_maintenance_margin=_money(record, "last_maintenance_margin"),
        long_market_value=_money(record, "long_market_value"),
        short_market_value=_money(record, "short_market_value"),
        portfolio_value=_money(record, "portfolio_value"),
        accrued_fees=_money(record, "accrued_fees"),
        pending_transfer_in=_money(record, "pending_transfer_in"),
        pending_transfer_out=_money(record, "pending_transfer_out"),
        special_memorandum=_money(record, "sma"),
        pattern_day_trader=flag(record, "pattern_day_trader"),
        daytrade_count=whole_or_none(record, "daytrade_count") or 0,
        trading_blocked=flag(record, "trading_blocked"),
        transfers_blocked=flag(record, "transfers_blocked"),
        account_blocked=flag(record, "account_blocked"),
        trade_suspended_by_user=flag(record, "trade_suspended_by_user"),
        shorting_enabled=flag(record, "shorting_enabled"),
        multiplier=decimal_or_none(record, "multiplier") or Decimal(1),
        options_approved_level=whole_or_none(record, "options_approved_level"),
        options_trading_level=whole_or_none(record, "options_trading_level"),
        created_time=time_or_zero(record, "created_at"),
        extra={name: value for name, value in record.items() if name not in _READ},
    )


def _money(record: Record, name: str) -> int:
    return money_of(record.get(name), name)
