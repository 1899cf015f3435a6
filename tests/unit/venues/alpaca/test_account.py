"""The account, its assets, and the venue's clock and calendar."""

from __future__ import annotations

from decimal import Decimal

import pytest
from alpaca_records import coin, listed_asset, practice_account

from algotrader.core.instruments import AssetClass, Instrument
from algotrader.core.scaled import money
from algotrader.venues.alpaca.account import _READ
from algotrader.venues.alpaca.wire import AlpacaRecordFault, CalendarDay, MarketClock, account, asset, calendar_days, clock
from algotrader.venues.protocols import AccountInfo


def test_the_accounts_money_is_exact_to_the_last_digit() -> None:
    found = account(practice_account())
    assert found.info == AccountInfo(
        equity=money(Decimal("103820.56")),
        cash=money(Decimal("-23140.2")),
        buying_power=money(Decimal("262113.632")),
        currency="USD",
        margin_used=money(Decimal("63480.38")),
        is_paper=True,
    )
    assert found.settled_cash == money(Decimal("10000.01"))
    assert found.maintenance_margin == money(Decimal("38088.228"))


def test_every_flag_and_level_is_taken_over() -> None:
    found = account(practice_account())
    assert (found.status, found.crypto_status, found.pattern_day_trader, found.daytrade_count) == ("ACTIVE", "ACTIVE", True, 3)
    assert (found.shorting_enabled, found.multiplier) == (True, Decimal(4))
    assert (found.options_approved_level, found.options_trading_level) == (2, 1)
    assert (found.trading_blocked, found.transfers_blocked, found.account_blocked, found.trade_suspended_by_user) == (False,) * 4


def test_unknown_fields_are_kept_and_do_no_harm() -> None:
    found = account(practice_account(brand_new={"deep": [1]}))
    assert found.extra["brand_new"] == {"deep": [1]}
    assert found.extra["balance_asof"] == "2026-11-19"
    assert "equity" not in found.extra


def test_fields_that_the_venue_no_longer_sends_are_not_missed() -> None:
    record = practice_account()
    for gone in ("pattern_day_trader", "daytrade_count", "daytrading_buying_power", "cash_withdrawable", "crypto_status"):
        del record[gone]
    found = account(record)
    assert (found.pattern_day_trader, found.daytrade_count, found.daytrading_buying_power, found.settled_cash) == (
        False,
        0,
        0,
        None,
    )


def test_every_field_of_the_venues_own_library_is_known() -> None:
    models = pytest.importorskip("alpaca.trading.models")
    assert set(models.TradeAccount.model_fields) <= _READ


@pytest.mark.parametrize("field", ["equity", "cash", "buying_power", "status", "id"])
def test_an_account_without_what_matters_is_refused(field: str) -> None:
    with pytest.raises(AlpacaRecordFault):
        account(practice_account(**{field: None}))


def test_an_accounts_number_says_whether_it_is_for_practice_whatever_address_it_was_asked_at() -> None:
    assert account(practice_account()).is_practice
    real = account(practice_account(account_number="927721227"), is_paper=True)
    assert (real.info.is_paper, real.is_practice) == (True, False)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"status": "ACCOUNT_CLOSED"}, "its status is ACCOUNT_CLOSED"),
        ({"account_blocked": True}, "it is blocked"),
        ({"trading_blocked": True}, "trading is blocked"),
        ({"trade_suspended_by_user": True}, "trading is suspended in its settings"),
        ({"transfers_blocked": True}, ""),
    ],
)
def test_an_account_says_why_it_takes_no_orders(changes: dict[str, object], why: str) -> None:
    found = account(practice_account(**changes))
    assert (found.may_trade, found.why_not) == (not why, why)


def test_an_equity_is_traded_in_whole_shares_unless_fractions_are_wanted() -> None:
    found = asset(listed_asset())
    assert (found.tradable, found.marginable, found.shortable, found.easy_to_borrow, found.fractionable) == (True,) * 5
    assert found.instrument() == Instrument("AAPL", venue="ALPACA")
    assert found.instrument(fractional=True).quantity_scale == 6
    assert asset(listed_asset(fractionable=False)).instrument(fractional=True).quantity_scale == 0
    assert found.extra == {"margin_requirement_long": "30"}


def test_a_share_that_is_hard_to_borrow_may_not_be_sold_short() -> None:
    assert asset(listed_asset()).may_short
    assert not asset(listed_asset(easy_to_borrow=False)).may_short
    assert not asset(listed_asset(shortable=False)).may_short


def test_a_coins_increments_make_its_instrument() -> None:
    found = asset(coin()).instrument()
    assert (found.symbol, found.asset_class, found.currency, found.calendar) == ("BTC/USD", AssetClass.CRYPTO, "USD", "24/7")
    assert (found.price_scale, found.quantity_scale, found.price_increment, found.quantity_increment) == (9, 9, 1, 1)
    assert found.quantity(found.min_quantity) == Decimal("0.000043")
    coarse = asset(coin(symbol="LTCUSD", min_order_size="0.01", min_trade_increment="0.05", price_increment="0.5")).instrument()
    assert (coarse.symbol, coarse.quantity_scale, coarse.quantity_increment, coarse.price_increment) == ("LTC/USD", 2, 5, 5)


@pytest.mark.parametrize(
    "record",
    [
        listed_asset(**{"class": "us_option"}),
        listed_asset(symbol="ABR.PRD"),
        coin(min_trade_increment="0.000000000000000001"),
        coin(price_increment="-1"),
    ],
)
def test_what_the_engine_cannot_trade_has_no_instrument(record: dict[str, object]) -> None:
    with pytest.raises(AlpacaRecordFault):
        asset(record).instrument()


def test_the_clock_is_read() -> None:
    record = {
        "timestamp": "2026-11-20T09:31:00.123456789-05:00",
        "is_open": True,
        "next_open": "2026-11-23T09:30:00-05:00",
        "next_close": "2026-11-20T16:00:00-05:00",
    }
    assert clock(record) == MarketClock(1_795_185_060_123_456_789, True, 1_795_444_200_000_000_000, 1_795_208_400_000_000_000)
    with pytest.raises(AlpacaRecordFault):
        clock({**record, "next_open": None})


def test_the_calendars_days_are_in_new_yorks_time_in_summer_and_winter() -> None:
    winter = {"date": "2026-11-27", "open": "09:30", "close": "13:00", "session_open": "0400", "session_close": "1700"}
    summer = {"date": "2026-07-01", "open": "09:30", "close": "16:00"}
    assert calendar_days([winter, summer]) == [
        CalendarDay(
            "2026-11-27", 1_795_789_800_000_000_000, 1_795_802_400_000_000_000, 1_795_770_000_000_000_000, 1_795_816_800_000_000_000
        ),
        CalendarDay("2026-07-01", 1_782_912_600_000_000_000, 1_782_936_000_000_000_000),
    ]
    for bad in ({"date": "2026-11-27", "open": "13:00", "close": "09:30"}, {"date": "soon", "open": "09:30", "close": "16:00"}):
        with pytest.raises(AlpacaRecordFault):
            calendar_days([bad])
