"""Records as Alpaca sends them, with every field that its public reference names."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from algotrader.core.commands import ReplaceOrder, SubmitOrder
from algotrader.core.instruments import Instrument, crypto, equity
from algotrader.core.orders import OrderRequest, OrderType, Side, TimeInForce
from algotrader.core.risk import approve

AAPL: Final = equity("AAPL")
CENT: Final = 100
BITCOIN: Final = crypto("BTC/USD", price_scale=9, quantity_scale=9)
TRADED: Final = {"AAPL": AAPL, "BTC/USD": BITCOIN}
NOW: Final = 1_795_000_000_000_000_000

ENTRY: Final = "904837e3-3b76-47ec-b432-046db621571b"
STOP: Final = "61e69015-8549-4bfd-b9c3-01e75843f47d"
TAKE: Final = "5b6bbd2f-94e9-4f0c-a4d1-bb1ea0f7a0b9"
NEXT: Final = "2e4a5b1f-6c0f-4c53-8f6f-1f9a8c6d1e77"
EXECUTION: Final = "2f63ea93-423d-4169-b3f6-3fdafc10c418"
GENERATED: Final = "eb9e2aaa-f71a-4f51-b5b4-52a6c565dad4"


def order(**changes: Any) -> dict[str, Any]:
    """An order's record: 15 AAPL bought at the market, nothing filled yet."""
    return {
        "id": ENTRY,
        "client_order_id": "run-1",
        "created_at": "2026-11-20T14:32:00.123456Z",
        "updated_at": "2026-11-20T14:32:00.223456789Z",
        "submitted_at": "2026-11-20T14:32:00.123456Z",
        "filled_at": None,
        "expired_at": None,
        "canceled_at": None,
        "failed_at": None,
        "replaced_at": None,
        "replaced_by": None,
        "replaces": None,
        "asset_id": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415",
        "symbol": "AAPL",
        "asset_class": "us_equity",
        "notional": None,
        "qty": "15",
        "filled_qty": "0",
        "filled_avg_price": None,
        "order_class": "",
        "order_type": "market",
        "type": "market",
        "side": "buy",
        "position_intent": "buy_to_open",
        "time_in_force": "day",
        "limit_price": None,
        "stop_price": None,
        "status": "new",
        "extended_hours": False,
        "legs": None,
        "trail_percent": None,
        "trail_price": None,
        "hwm": None,
        "subtag": None,
        "source": None,
        "expires_at": "2026-11-20T21:00:00Z",
        **changes,
    }


def leg(kind: str, **changes: Any) -> dict[str, Any]:
    """A leg of a bracket as the venue makes it: under an id of its own, held until the entry is filled."""
    prices = {"stop_price": "145.5"} if kind == "stop" else {"limit_price": "160"}
    return order(
        **{
            "id": STOP if kind == "stop" else TAKE,
            "client_order_id": GENERATED if kind == "stop" else "2fa4f1d2-0d8c-4a76-97d2-76ff6b1a80d1",
            "side": "sell",
            "type": kind,
            "order_type": kind,
            "order_class": "bracket",
            "time_in_force": "gtc",
            "status": "held",
            **prices,
            **changes,
        }
    )


def bracket(**changes: Any) -> dict[str, Any]:
    """An entry with its take profit and its stop."""
    return order(**{"order_class": "bracket", "legs": [leg("limit"), leg("stop")], **changes})


def update(event: str, **changes: Any) -> dict[str, Any]:
    """A message of the trade-updates stream."""
    data = {
        "at": "2026-11-20T14:32:01.0000005Z",
        "event": event,
        "event_id": "01JD4Z8QJ7Y5F6M2R1X0T9S8W7",
        "timestamp": "2026-11-20T14:32:00.999999999Z",
        "order": order(),
        **changes,
    }
    return {"stream": "trade_updates", "data": data}


def execution(event: str = "fill", **changes: Any) -> dict[str, Any]:
    """An execution: 15 at 150.125, of which the order's record tells an average of its own."""
    filled = order(status="filled", filled_qty="15", filled_avg_price="149.999")
    return update(
        event, **{"price": "150.125", "qty": "15", "position_qty": "15", "execution_id": EXECUTION, "order": filled, **changes}
    )


def activity(**changes: Any) -> dict[str, Any]:
    """The same execution in the account's activities."""
    return {
        "id": f"20261120093200999::{EXECUTION}",
        "account_id": "c8f1ef5d-edc0-4f23-9ee4-378f19cb92a4",
        "activity_type": "FILL",
        "transaction_time": "2026-11-20T14:32:00.999999Z",
        "type": "fill",
        "price": "150.125",
        "qty": "15",
        "side": "buy",
        "symbol": "AAPL",
        "leaves_qty": "0",
        "order_id": ENTRY,
        "cum_qty": "15",
        "order_status": "filled",
        **changes,
    }


def held_position(**changes: Any) -> dict[str, Any]:
    """A position's record."""
    return {
        "asset_id": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415",
        "symbol": "AAPL",
        "exchange": "NASDAQ",
        "asset_class": "us_equity",
        "asset_marginable": True,
        "qty": "15",
        "avg_entry_price": "150.12506",
        "side": "long",
        "market_value": "2254.5",
        "cost_basis": "2251.8759",
        "unrealized_pl": "2.6241",
        "unrealized_plpc": "0.0011652950",
        "unrealized_intraday_pl": "2.6241",
        "unrealized_intraday_plpc": "0.0011652950",
        "current_price": "150.3",
        "lastday_price": "149.1",
        "change_today": "0.00804828974",
        "qty_available": "0",
        **changes,
    }


def practice_account(**changes: Any) -> dict[str, Any]:
    """An account's record."""
    return {
        "id": "e6fe16f3-64a4-4921-8928-cadf02f92f98",
        "account_number": "PA3XY9ZZ1234",
        "status": "ACTIVE",
        "crypto_status": "ACTIVE",
        "currency": "USD",
        "buying_power": "262113.632",
        "regt_buying_power": "262113.632",
        "daytrading_buying_power": "262113.632",
        "non_marginable_buying_power": "121113.63",
        "options_buying_power": "121113.63",
        "effective_buying_power": "262113.632",
        "cash": "-23140.2",
        "cash_withdrawable": "10000.01",
        "accrued_fees": "0",
        "pending_transfer_in": "0",
        "pending_transfer_out": "0",
        "portfolio_value": "103820.56",
        "pattern_day_trader": True,
        "trading_blocked": False,
        "transfers_blocked": False,
        "account_blocked": False,
        "created_at": "2026-06-12T22:47:07.99658Z",
        "trade_suspended_by_user": False,
        "multiplier": "4",
        "shorting_enabled": True,
        "equity": "103820.56",
        "last_equity": "103529.24",
        "long_market_value": "126960.76",
        "short_market_value": "0",
        "initial_margin": "63480.38",
        "maintenance_margin": "38088.228",
        "last_maintenance_margin": "38042.29",
        "sma": "0",
        "daytrade_count": 3,
        "options_approved_level": 2,
        "options_trading_level": 1,
        "balance_asof": "2026-11-19",
        "crypto_tier": 0,
        "intraday_adjustments": "0",
        "user_configurations": None,
        **changes,
    }


def listed_asset(**changes: Any) -> dict[str, Any]:
    """An asset's record."""
    return {
        "id": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415",
        "class": "us_equity",
        "exchange": "NASDAQ",
        "symbol": "AAPL",
        "name": "Apple Inc. Common Stock",
        "status": "active",
        "tradable": True,
        "marginable": True,
        "maintenance_margin_requirement": 30,
        "margin_requirement_long": "30",
        "shortable": True,
        "easy_to_borrow": True,
        "fractionable": True,
        "attributes": ["options_enabled"],
        **changes,
    }


def coin(**changes: Any) -> dict[str, Any]:
    """The record of a pair of crypto."""
    return listed_asset(
        **{
            "class": "crypto",
            "exchange": "CRYPTO",
            "symbol": "BTC/USD",
            "name": "Bitcoin / US Dollar",
            "shortable": False,
            "easy_to_borrow": False,
            "min_order_size": "0.000043",
            "min_trade_increment": "0.000000001",
            "price_increment": "0.000000001",
            **changes,
        }
    )


def submit(
    quantity: str = "15",
    kind: OrderType = OrderType.MARKET,
    prices: str = "",
    *,
    instrument: Instrument = AAPL,
    side: Side = Side.BUY,
    time_in_force: TimeInForce = TimeInForce.DAY,
    name: str = "run-1",
    extended_hours: bool = False,
    oco_group: str = "",
) -> SubmitOrder:
    """A command for an order; its prices in words: ``limit 150.1 stop 149``, also ``trail``, ``stop_loss`` and ``take_profit``."""
    words = prices.split()
    raw = {word: instrument.price_raw(Decimal(value)) for word, value in zip(words[::2], words[1::2], strict=True)}
    request = OrderRequest(
        name,
        instrument,
        side,
        kind,
        instrument.quantity_raw(Decimal(quantity)),
        time_in_force,
        limit_raw=raw.pop("limit", 0),
        stop_raw=raw.pop("stop", 0),
        trail_raw=raw.pop("trail", 0),
        extended_hours=extended_hours,
        stop_loss_raw=raw.pop("stop_loss", 0),
        take_profit_raw=raw.pop("take_profit", 0),
        oco_group=oco_group,
    )
    assert not raw, f"unknown words: {raw}"
    return SubmitOrder(name, approve(request))


def replace(quantity: int, limit: str = "0", stop: str = "0") -> ReplaceOrder:
    """A command for a change of an order in AAPL."""
    return ReplaceOrder("run-1", "AAPL", "run-1-r1", quantity, AAPL.price_raw(Decimal(limit)), AAPL.price_raw(Decimal(stop)))
