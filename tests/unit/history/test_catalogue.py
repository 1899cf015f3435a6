"""The catalogue: what is written comes back, overlaps are replaced, files are never half written, errors tell what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from algotrader.core.instruments import AssetClass, Instrument, crypto, equity
from algotrader.core.market import NS_PER_DAY, NS_PER_MINUTE, BadData
from algotrader.errors import UserError
from algotrader.history.catalogue import Catalogue
from algotrader.history.corporate_actions import Dividend, Split
from algotrader.history.files import replace_file
from algotrader.history.intervals import day_ns
from algotrader.history.partitions import Written

Bars = Callable[..., pl.DataFrame]
START = day_ns(date(2024, 1, 31)) + 23 * 60 * NS_PER_MINUTE
EVER = (0, 2**62)


def test_bars_come_back_as_they_were(catalogue: Catalogue, minute_bars: Bars) -> None:
    bars = minute_bars(START, 120)
    assert catalogue.write_bars(crypto("BTC/USDT"), "1m", bars) == Written(120, 0, 0)
    assert catalogue.scan("btcusdt", "1m", *EVER).collect().equals(bars)
    assert catalogue.count("BTC/USDT", "1m") == 120
    assert catalogue.span("BTC/USDT", "1m") == (START, START + 120 * NS_PER_MINUTE)
    assert catalogue.intervals("BTC/USDT") == ["1m"]


def test_minutes_are_kept_by_month_of_their_close_and_days_by_year(catalogue: Catalogue, minute_bars: Bars) -> None:
    catalogue.write_bars(crypto("BTC/USDT"), "1m", minute_bars(START, 61))
    catalogue.write_bars(crypto("BTC/USDT"), "1d", minute_bars(day_ns(date(2023, 12, 31)), 2, step_ns=NS_PER_DAY))
    folder = catalogue.path / "bars" / "BTC-USDT"
    assert sorted(path.name for path in (folder / "1m").glob("*.parquet")) == ["2024-01.parquet", "2024-02.parquet"]
    assert pl.read_parquet(folder / "1m" / "2024-01.parquet").height == 60
    assert sorted(path.name for path in (folder / "1d").glob("*.parquet")) == ["2023.parquet", "2024.parquet"]


def test_scan_reads_only_bars_within_the_span(catalogue: Catalogue, minute_bars: Bars) -> None:
    catalogue.write_bars(equity("AAPL"), "1m", minute_bars(START, 10))
    found = catalogue.scan("AAPL", "1m", START + NS_PER_MINUTE, START + 4 * NS_PER_MINUTE).collect()
    assert found["open_time"].to_list() == [START + k * NS_PER_MINUTE for k in (1, 2, 3)]
    assert catalogue.scan("AAPL", "1m", 0, 1).collect().height == 0


def test_overlapping_bars_are_replaced(catalogue: Catalogue, minute_bars: Bars) -> None:
    catalogue.write_bars(equity("AAPL"), "1m", minute_bars(START, 10))
    written = catalogue.write_bars(equity("AAPL"), "1m", minute_bars(START + 8 * NS_PER_MINUTE, 4, price=2_000_000))
    assert written == Written(2, 2, 0)
    closes = catalogue.scan("AAPL", "1m", *EVER).collect()["close"].to_list()
    assert closes == [1_000_000] * 8 + [2_000_000] * 4
    assert catalogue.write_bars(equity("AAPL"), "1m", minute_bars(START, 3)) == Written(0, 0, 3)


def test_rows_in_any_order_are_stored_in_order_of_time(catalogue: Catalogue, minute_bars: Bars) -> None:
    bars = minute_bars(START, 50)
    catalogue.write_bars(equity("AAPL"), "1m", bars.sample(fraction=1.0, shuffle=True, seed=1))
    assert catalogue.scan("AAPL", "1m", *EVER).collect().equals(bars)


INSTRUMENTS = [
    equity("BRK.B"),
    crypto("BTC/USDT", price_scale=2, quantity_scale=6),
    Instrument("ESZ5", AssetClass.FUTURE, multiplier=50, price_increment=2500, calendar="CMES"),
    Instrument("AAPL  260116C00150000", AssetClass.OPTION, multiplier=100, min_quantity=1, min_notional=5),
    Instrument("EUR.USD", AssetClass.FOREX, price_scale=6, price_increment=10, calendar="24/5", venue="IDEALPRO"),
]


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda item: item.symbol)
def test_definitions_come_back_whole(catalogue: Catalogue, minute_bars: Bars, instrument: Instrument) -> None:
    catalogue.write_bars(instrument, "1m", minute_bars(START, 1))
    assert Catalogue(catalogue.path).instruments() == {instrument.symbol: instrument}


def test_a_stored_definition_may_not_change(catalogue: Catalogue, minute_bars: Bars) -> None:
    catalogue.write_bars(crypto("BTC/USDT"), "1m", minute_bars(START, 1))
    with pytest.raises(UserError, match="BTC/USDT is stored with price_scale 8, not 2"):
        catalogue.write_bars(crypto("BTC/USDT", price_scale=2), "1m", minute_bars(START, 1))


BAD_BARS = [
    pytest.param({"high": 999_999}, "high is below low", id="high below low"),
    pytest.param({"open": 2_000_000}, "open lies outside low..high", id="open above high"),
    pytest.param({"close": 1}, "close lies outside low..high", id="close below low"),
    pytest.param({"open": 0, "low": 0}, "zero or negative", id="price of zero"),
    pytest.param({"volume": -1}, "volume is negative", id="negative volume"),
    pytest.param({"volume": 2**53}, "too large", id="volume that a float cannot hold"),
    pytest.param({"close_time": START}, "closes before it opens", id="no duration"),
    pytest.param({"close": None}, "a value is missing", id="missing value"),
    pytest.param({"close": 1.5}, "are not integers", id="floats"),
]


@pytest.mark.parametrize(("change", "reason"), BAD_BARS)
def test_impossible_bars_are_refused(catalogue: Catalogue, minute_bars: Bars, change: dict[str, object], reason: str) -> None:
    bars = minute_bars(START, 3).with_columns(
        pl.lit(value, pl.Int64 if value is None else None).alias(name) for name, value in change.items()
    )
    with pytest.raises(BadData, match=reason):
        catalogue.write_bars(equity("AAPL"), "1m", bars)


def test_missing_columns_are_named(catalogue: Catalogue, minute_bars: Bars) -> None:
    with pytest.raises(BadData, match="without the columns close, volume"):
        catalogue.write_bars(equity("AAPL"), "1m", minute_bars(START, 3).drop("close", "volume"))


def test_unknown_symbols_get_a_suggestion(catalogue: Catalogue, minute_bars: Bars) -> None:
    with pytest.raises(UserError, match="AAPL is not in the catalogue") as caught:
        catalogue.instrument("AAPL")
    assert "the catalogue is empty" in caught.value.hint
    catalogue.write_bars(equity("AAPL"), "1m", minute_bars(START, 1))
    with pytest.raises(UserError) as caught:
        catalogue.columns(["APPL"], "1m", *EVER, regular_only=False)
    assert "did you mean AAPL?" in caught.value.hint


def test_missing_intervals_tell_what_there_is(catalogue: Catalogue, minute_bars: Bars) -> None:
    catalogue.write_bars(equity("AAPL"), "1m", minute_bars(START, 1))
    with pytest.raises(UserError, match="no 5m bars of AAPL") as caught:
        catalogue.count("AAPL", "5m")
    assert caught.value.hint == "intervals stored: 1m"


DAMAGE = [
    pytest.param("{", "is damaged", id="cut off"),
    pytest.param("[]", "is not a catalogue file", id="something else"),
    pytest.param('{"format": 99}', "has catalogue format 99", id="of a newer program"),
    pytest.param('{"format": 1, "instruments": {"AAPL": {"symbol": "AAPL"}}}', "is damaged", id="without the asset class"),
]


@pytest.mark.parametrize(("text", "reason"), DAMAGE)
def test_damaged_definitions_are_refused(catalogue: Catalogue, text: str, reason: str) -> None:
    catalogue.path.mkdir()
    (catalogue.path / "instruments.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=reason):
        catalogue.instruments()


def test_damaged_bars_name_their_file(catalogue: Catalogue, minute_bars: Bars) -> None:
    catalogue.write_bars(equity("AAPL"), "1m", minute_bars(START, 1))
    (file,) = (catalogue.path / "bars" / "AAPL" / "1m").glob("*.parquet")
    file.write_bytes(b"PAR1 this is no table")
    with pytest.raises(UserError, match=r"2024-01\.parquet cannot be read"):
        catalogue.span("AAPL", "1m")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old", encoding="utf-8")

    def fail(path: Path) -> None:
        path.write_text("half", encoding="utf-8")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match=r"No space left on device.*file\.txt"):
        replace_file(target, fail)
    assert target.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_damaged_disk_in_the_words_of_polars_is_an_os_error(tmp_path: Path) -> None:
    def fail(_: Path) -> None:
        raise pl.exceptions.ComputeError("parquet: underlying IO error: No space left on device (os error 28)")

    with pytest.raises(OSError, match="No space left on device") as caught:
        replace_file(tmp_path / "x.parquet", fail)
    assert caught.value.errno == 28


def test_corporate_actions_are_kept_and_replaced_by_day(catalogue: Catalogue) -> None:
    split = Split(date(2014, 6, 9), 7)
    regular, special = Dividend(date(2014, 5, 8), Decimal("3.29")), Dividend(date(2014, 5, 8), Decimal("1.00"))
    assert catalogue.write_actions("aapl", [split, regular, special]) == 3
    assert catalogue.actions("AAPL") == [regular, special, split]
    corrected = replace(regular, cash=Decimal("3.30"))
    assert catalogue.write_actions("AAPL", [corrected]) == 2
    assert catalogue.actions("AAPL") == [corrected, split]
    assert catalogue.action_symbols() == ["AAPL"]
    assert catalogue.actions("IBM") == []


def test_damaged_actions_are_refused(catalogue: Catalogue) -> None:
    catalogue.write_actions("AAPL", [Split(date(2014, 6, 9), 7)])
    path = catalogue.path / "actions" / "AAPL.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["actions"][0]["numerator"] = "seven"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(UserError, match=r"AAPL\.json is damaged"):
        catalogue.actions("AAPL")
