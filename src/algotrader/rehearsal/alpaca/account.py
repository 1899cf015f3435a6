"""The account's rules and flags, and its records: account, positions, assets."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from algotrader.core.instruments import AssetClass, Instrument
from algotrader.core.scaled import MONEY_SCALE, from_scaled, power_of_ten
from algotrader.live.paper.records import Holding
from algotrader.rehearsal.alpaca.texts import asset_class, asset_id, decimal_text, exchange_name, joined, money_text, price_text

_RATIO: Final = Decimal("0.000000000001")


@dataclass(slots=True)
class AccountRules:
    """What the account may do. Fields named as the venue's are told under these names.

    Attributes:
        no_shorting: a configuration of the account; ``shorting_enabled`` is the venue's own word.
        unshortable: symbols that cannot be sold short.
        hard_to_borrow: symbols that are not easy to borrow.
        rate_limit: requests a minute; 0 for any number.
        live: the account's number looks like that of real money.
        replace_keeps_fills: a replacement goes on counting what the order before it had filled, and its quantity includes that.
            The venue does not say which it is; otherwise the replacement starts from nothing, which clients once reported.
        replace_seconds: how long a replacement takes to get to the exchange, in seconds of the market; meanwhile the old order may
            be filled, and the new one is rejected.
    """

    trading_blocked: bool = False
    account_blocked: bool = False
    transfers_blocked: bool = False
    trade_suspended_by_user: bool = False
    shorting_enabled: bool = True
    no_shorting: bool = False
    fractional_trading: bool = True
    pattern_day_trader: bool = False
    daytrade_count: int = 0
    status: str = "ACTIVE"
    unshortable: tuple[str, ...] = ()
    hard_to_borrow: tuple[str, ...] = ()
    rate_limit: int = 200
    live: bool = False
    replace_keeps_fills: bool = True
    replace_seconds: float = 0.0

    @property
    def may_short(self) -> bool:
        """Whether positions may go below zero at all."""
        return self.shorting_enabled and not self.no_shorting

    def configuration(self) -> dict[str, Any]:
        """The record of the account's configuration."""
        return {
            "dtbp_check": "entry",
            "trade_confirm_email": "all",
            "suspend_trade": self.trade_suspended_by_user,
            "no_shorting": self.no_shorting,
            "fractional_trading": self.fractional_trading,
            "max_margin_multiplier": "1",
            "max_options_trading_level": None,
            "pdt_check": "entry",
            "ptp_no_exception_entry": False,
            "disable_overnight_trading": False,
        }

    def configure(self, wanted: dict[str, Any]) -> None:
        """Take over what of a configuration is known and set."""
        for name, field in (
            ("suspend_trade", "trade_suspended_by_user"),
            ("no_shorting", "no_shorting"),
            ("fractional_trading", "fractional_trading"),
        ):
            if isinstance(wanted.get(name), bool):
                setattr(self, field, wanted[name])


@dataclass(frozen=True, slots=True)
class Money:
    """What the account is worth, in scaled money."""

    cash: int
    long: int
    short: int
    buying_power: int
    last_equity: int

    @property
    def equity(self) -> int:
        """Cash and all positions."""
        return self.cash + self.long + self.short


def account_record(account_id: str, rules: AccountRules, money: Money, created: str | None) -> dict[str, Any]:
    """The record of the account."""
    cash, equity, power = money_text(money.cash), money_text(money.equity), money_text(money.buying_power)
    held = money_text(money.long - money.short)
    number = f"{'' if rules.live else 'PA'}{int(account_id[:8], 16) % 10**9:09d}"
    return {
        "id": account_id,
        "admin_configurations": {},
        "user_configurations": None,
        "account_number": number,
        "status": rules.status,
        "crypto_status": "ACTIVE",
        "currency": "USD",
        "buying_power": power,
        "regt_buying_power": power,
        "daytrading_buying_power": "0",
        "effective_buying_power": power,
        "non_marginable_buying_power": power,
        "options_buying_power": power,
        "bod_dtbp": "0",
        "cash": cash,
        "accrued_fees": "0",
        "pending_transfer_in": "0",
        "pending_transfer_out": "0",
        "portfolio_value": equity,
        "pattern_day_trader": rules.pattern_day_trader,
        "trading_blocked": rules.trading_blocked,
        "transfers_blocked": rules.transfers_blocked,
        "account_blocked": rules.account_blocked,
        "created_at": created,
        "trade_suspended_by_user": rules.trade_suspended_by_user,
        "multiplier": "1",
        "shorting_enabled": rules.may_short,
        "equity": equity,
        "last_equity": money_text(money.last_equity),
        "long_market_value": money_text(money.long),
        "short_market_value": money_text(money.short),
        "position_market_value": held,
        "initial_margin": held,
        "maintenance_margin": "0",
        "last_maintenance_margin": "0",
        "sma": "0",
        "daytrade_count": rules.daytrade_count,
        "balance_asof": (created or "")[:10],
        "crypto_tier": 1,
        "intraday_adjustments": "0",
        "pending_reg_taf_fees": "0",
        "options_approved_level": 0,
        "options_trading_level": 0,
    }


def position_record(instrument: Instrument, holding: Holding, available: int, last_raw: int, lastday_raw: int) -> dict[str, Any]:
    """The record of one position that is not flat."""
    quantity = holding.quantity_raw
    cost = instrument.notional(1, holding.value) if holding.value else 0
    value, before = instrument.notional(last_raw, quantity), instrument.notional(lastday_raw, quantity)
    return {
        "asset_id": str(asset_id(instrument.symbol)),
        "symbol": joined(instrument),
        "exchange": exchange_name(instrument),
        "asset_class": asset_class(instrument),
        "asset_marginable": instrument.asset_class is not AssetClass.CRYPTO,
        "qty": decimal_text(instrument.quantity(quantity)),
        "avg_entry_price": price_text(instrument, holding.average_raw),
        "side": "long" if quantity > 0 else "short",
        "market_value": money_text(value),
        "cost_basis": money_text(cost),
        "unrealized_pl": money_text(value - cost),
        "unrealized_plpc": _ratio(value - cost, abs(cost)),
        "unrealized_intraday_pl": money_text(value - before),
        "unrealized_intraday_plpc": _ratio(value - before, abs(before)),
        "current_price": price_text(instrument, last_raw),
        "lastday_price": price_text(instrument, lastday_raw),
        "change_today": _ratio(last_raw - lastday_raw, lastday_raw),
        "qty_available": decimal_text(instrument.quantity(available)),
    }


def _ratio(part: int, whole: int) -> str:
    if not whole:
        return "0"
    return decimal_text((from_scaled(part, MONEY_SCALE) / from_scaled(whole, MONEY_SCALE)).quantize(_RATIO, ROUND_HALF_EVEN))


def asset_record(instrument: Instrument, rules: AccountRules) -> dict[str, Any]:
    """The record of one asset."""
    is_crypto = instrument.asset_class is AssetClass.CRYPTO
    whole = power_of_ten(instrument.quantity_scale)
    record: dict[str, Any] = {
        "id": str(asset_id(instrument.symbol)),
        "class": asset_class(instrument),
        "exchange": exchange_name(instrument),
        "symbol": instrument.symbol,
        "name": f"{instrument.symbol} of the rehearsal",
        "status": "active",
        "tradable": True,
        "marginable": not is_crypto,
        "maintenance_margin_requirement": 100 if is_crypto else 30,
        "margin_requirement_long": "100" if is_crypto else "30",
        "margin_requirement_short": "100" if is_crypto else "30",
        "shortable": not is_crypto and instrument.symbol not in rules.unshortable,
        "easy_to_borrow": not is_crypto and instrument.symbol not in (*rules.unshortable, *rules.hard_to_borrow),
        "fractionable": instrument.quantity_increment < whole,
        "attributes": [],
    }
    if is_crypto:
        record["min_order_size"] = decimal_text(instrument.quantity(instrument.min_quantity))
        record["min_trade_increment"] = decimal_text(instrument.quantity(instrument.quantity_increment))
        record["price_increment"] = decimal_text(instrument.price(instrument.price_increment))
    return record
