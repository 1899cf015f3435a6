"""Importing files: every way in which one can be wrong gets a clear answer, and what is right comes in exactly."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from algotrader.core.instruments import AssetClass, Instrument
from algotrader.core.market import NS_PER_MINUTE, utc
from algotrader.errors import UserError
from algotrader.history.catalogue import Catalogue
from algotrader.history.importing import import_file
from algotrader.history.reports import ImportReport
from algotrader.history.resolve import default_instrument, read_symbol

Csv = Callable[..., Path]
HEAD = "timestamp,open,high,low,close,volume"
EVER = (0, 2**62)


def row(minute: int, prices: str = "10,11,9,10,100") -> str:
    """A good row at a minute of the first half hour of a session."""
    return f"2024-07-01T13:{30 + minute:02d}:00Z,{prices}"


GOOD = [row(minute) for minute in range(6)]


def times(catalogue: Catalogue, symbol: str, interval: str = "1m") -> list[str]:
    """Starts of all stored bars as UTC text."""
    return [f"{utc(time):%Y-%m-%d %H:%M:%S}" for time in catalogue.scan(symbol, interval, *EVER).collect()["open_time"]]


BAD_ROWS = [
    pytest.param(row(6, "nan,11,9,10,100"), "open", "open is not a number", id="NaN"),
    pytest.param(row(6, "inf,11,9,10,100"), "open", "open is not a number", id="infinity"),
    pytest.param(row(6, ",11,9,10,100"), "open", "a value is missing", id="empty price"),
    pytest.param(row(6, "10,11,9,10"), "volume", "a value is missing", id="too few values"),
    pytest.param(row(6, "10,11,9,10,100,5"), "time", "the line has more values than the header has names", id="too many values"),
    pytest.param(row(6, "-10,11,-12,10,100"), "open", "a price is zero or negative", id="negative price"),
    pytest.param(row(6, "10,11,0,10,100"), "low", "a price is zero or negative", id="price of zero"),
    pytest.param(row(6, "10,9,11,10,100"), "high", "high is below low", id="high below low"),
    pytest.param(row(6, "12,11,9,10,100"), "open", "open lies outside low..high", id="open above high"),
    pytest.param(row(6, "10,11,9,8,100"), "close", "close lies outside low..high", id="close below low"),
    pytest.param(row(6, "10,11,9,10,-1"), "volume", "volume is negative", id="negative volume"),
    pytest.param(row(6, "10,11,9,10,1.5"), "volume", "volume has more than 0 decimal places", id="fraction of a share"),
    pytest.param(row(6, "10.00001,11,9,10,100"), "open", "open has more than 4 decimal places", id="too many decimals"),
    pytest.param(row(6, "1e30,1e30,9,10,100"), "open", "a number is too large for the instrument's scale", id="too large a number"),
    pytest.param(row(6, f"{'9' * 25},11,9,10,100"), "open", "a number is too large for the instrument's scale", id="25 digits"),
    pytest.param(row(6, '"1,000",1100,9,10,100'), "open", "open is not a number", id="thousands separator"),
    pytest.param(row(6, "ten,11,9,10,100"), "open", "open is not a number", id="words"),
    pytest.param("yesterday,10,11,9,10,100", "time", "time is not a time", id="time that is none"),
    pytest.param(",10,11,9,10,100", "time", "a value is missing", id="empty time"),
    pytest.param(row(5), "time", "a bar with this time is there already", id="duplicate time"),
    pytest.param("2024-07-01T13:36:30Z,10,11,9,10,100", "time", "time is not on a whole minute", id="between two minutes"),
]


@pytest.mark.parametrize(("line", "column", "reason"), BAD_ROWS)
def test_a_bad_row_is_left_out_and_reported(catalogue: Catalogue, csv_file: Csv, line: str, column: str, reason: str) -> None:
    report = import_file(csv_file(HEAD, *GOOD, line, row(8)), "AAPL", "1m", catalogue)
    assert (report.rows, report.good_rows, report.bad_rows) == (8, 7, 1)
    assert report.reasons == {reason: 1}
    assert (report.bad[0].line, report.bad[0].column) == (8, column)
    assert catalogue.count("AAPL", "1m") == 7


@pytest.mark.parametrize(("line", "column", "reason"), BAD_ROWS)
def test_strict_refuses_the_whole_file(catalogue: Catalogue, csv_file: Csv, line: str, column: str, reason: str) -> None:
    with pytest.raises(UserError, match="1 of 8 rows are bad, nothing was imported") as caught:
        import_file(csv_file(HEAD, *GOOD, line, row(8)), "AAPL", "1m", catalogue, strict=True)
    assert "line 8" in caught.value.message
    assert catalogue.instruments() == {}


def test_one_wrong_time_far_ahead_costs_one_row(catalogue: Catalogue, csv_file: Csv) -> None:
    lines = [row(0), row(1), row(2).replace("2024", "2042"), *[row(minute) for minute in range(3, 8)]]
    report = import_file(csv_file(HEAD, *lines), "AAPL", "1m", catalogue)
    assert report.reasons == {"the time is ahead of the rows that follow": 1}
    assert report.bad[0].line == 4


def test_a_time_that_goes_back_is_a_bad_row(catalogue: Catalogue, csv_file: Csv) -> None:
    lines = [row(0), row(2), row(1), *[row(minute) for minute in range(3, 8)]]
    report = import_file(csv_file(HEAD, *lines), "AAPL", "1m", catalogue)
    assert sum(report.reasons.values()) == 1
    assert catalogue.count("AAPL", "1m") == 7


def test_bars_that_overlap_the_one_before_are_left_out(catalogue: Catalogue, csv_file: Csv) -> None:
    lines = [f"2024-07-01T13:{minute:02d}:00Z,10,11,9,10,100" for minute in (0, 5, 10, 12, 15, 20, 25)]
    report = import_file(csv_file(HEAD, *lines), "AAPL", "5m", catalogue)
    assert report.reasons == {"the bar starts before the bar before it ends": 1}
    assert report.bad[0].line == 5
    assert catalogue.count("AAPL", "5m") == 6


def test_only_the_first_bad_rows_are_shown_and_all_are_counted(catalogue: Catalogue, csv_file: Csv) -> None:
    bad = [row(minute, "0,11,9,10,100") for minute in range(6, 29)] + ["bad,10,11,9,10,1"] * 2
    report = import_file(csv_file(HEAD, *GOOD, *bad), "AAPL", "1m", catalogue)
    assert report.reasons == {"a price is zero or negative": 23, "time is not a time": 2}
    assert len(report.bad) == 20
    assert str(report.bad[0]) == "line 8: open '0': a price is zero or negative"


def five_minutes(count: int) -> list[str]:
    """Rows five minutes apart."""
    return [f"2024-07-01T{13 + k // 12}:{k % 12 * 5:02d}:00Z,10,11,9,10,100" for k in range(count)]


DAYS = [f"2024-07-{day:02d},10,11,9,10,100" for day in (1, 2, 3, 5, 8, 9)]
WEEKS = [f"2024-0{month}-{day:02d},10,11,9,10,100" for month, day in ((7, 1), (7, 8), (7, 15), (7, 22), (7, 29), (8, 5))]

BAD_FILES = [
    pytest.param(
        [HEAD.replace("volume", "turnover"), *GOOD], {}, "no column for volume", "--column volume=NAME", id="missing column"
    ),
    pytest.param(["timestamp,bid,ask", "2024-07-01T13:30:00Z,1,2"], {}, "no column for open, high", "--column open", id="quotes"),
    pytest.param([HEAD], {}, "has a header but no rows", "header line", id="header only"),
    pytest.param(GOOD, {}, "has no column|no column for", "--column", id="no header but times"),
    pytest.param(["1,2,3,4,5,6", "1,2,3,4,5,6"], {}, "has no header line", "first line like", id="only numbers"),
    pytest.param(["just one line of prose"], {}, "is not a table", "CSV", id="prose"),
    pytest.param([HEAD, *five_minutes(9)], {}, "most bars of the file are 5m apart, not 1m", "--interval 5m", id="longer interval"),
    pytest.param(
        [HEAD, *GOOD], {"interval": "5m"}, "most bars of the file are 1m apart, not 5m", "--interval 1m", id="shorter interval"
    ),
    pytest.param([HEAD, *GOOD], {"interval": "1d"}, "several bars a day", "--interval", id="minutes as days"),
    pytest.param([HEAD, *DAYS], {}, "the times are days only", "--interval 1d", id="days as minutes"),
    pytest.param([HEAD, *WEEKS], {"interval": "1d"}, "604800 s apart, not 1d", "--interval", id="weeks as days"),
    pytest.param([HEAD, *GOOD], {"interval": "3m"}, "'3m' is not an interval", "1s, 1m", id="no such interval"),
    pytest.param([HEAD, *GOOD], {"symbol": "not a symbol"}, "is not a symbol", "--symbol", id="no symbol"),
    pytest.param([HEAD, *GOOD], {"timezone": "America/NewYork"}, "is not a time zone", "America/New_York?", id="no such zone"),
    pytest.param([HEAD, *GOOD], {"calendar": "NYES"}, "is not a calendar", "did you mean", id="no such calendar"),
    pytest.param([HEAD, *GOOD], {"label": "middle"}, "label 'middle'", "start or their end", id="no such label"),
    pytest.param(
        [HEAD, *GOOD], {"columns": {"open": "Opne"}}, "has no column 'Opne'", "did you mean open?", id="told column missing"
    ),
    pytest.param(
        [HEAD, *GOOD], {"columns": {"opening": "open"}}, "'opening' is not a column", "time, open", id="told unknown name"
    ),
    pytest.param([HEAD, *GOOD], {"date_format": "%d/%m/%Y"}, "no time is written like", "--date-format", id="wrong date format"),
    pytest.param([HEAD, *GOOD], {"asset_class": "crypto"}, "not a symbol of asset class crypto", "--asset-class", id="wrong class"),
    pytest.param([HEAD, *GOOD], {"asset_class": "bond"}, "'bond' is not an asset class", "equity", id="no such class"),
    pytest.param([HEAD, *GOOD], {"price_scale": 19}, "price scale", "at most 18", id="impossible scale"),
    pytest.param(
        [HEAD, "01/02/2024 09:30,1,1,1,1,1", "01/03/2024 09:30,1,1,1,1,1"],
        {},
        "day/month or month/day",
        "%d/%m",
        id="ambiguous days",
    ),
    pytest.param(
        [HEAD, *[row(k, "10.123456,11,9,10,1") for k in range(5)]],
        {},
        "no row can be used.*4 decimal",
        "--round",
        id="all too exact",
    ),
    pytest.param(
        [HEAD, "2024-07-04,1,1,1,1,1", "2024-07-06,1,1,1,1,1"], {"interval": "1d"}, "XNYS has no session", "24/7", id="closed days"
    ),
    pytest.param([HEAD, *[row(k) for k in (9, 2, 7, 1, 8, 0, 6, 3)]], {}, "not in order of time", "sort", id="shuffled"),
]


@pytest.mark.parametrize(("lines", "options", "message", "hint"), BAD_FILES)
def test_an_impossible_file_gets_one_clear_error(
    catalogue: Catalogue, csv_file: Csv, lines: list[str], options: dict[str, Any], message: str, hint: str
) -> None:
    settings = {"symbol": "AAPL", "interval": "1m", **options}
    with pytest.raises(UserError, match=message) as caught:
        import_file(csv_file(*lines), settings.pop("symbol"), settings.pop("interval"), catalogue, **settings)
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message
    assert catalogue.instruments() == {}


BROKEN = [
    pytest.param(b"", "is empty", id="empty"),
    pytest.param(b" \n\n", "is empty", id="blank"),
    pytest.param(b"PK\x03\x04\x00\x00binary,stuff\x00\n", "binary data", id="archive"),
    pytest.param(b"PAR1 not really parquet", "is not a table", id="broken parquet"),
    pytest.param("timestamp,öpen,high\n1,ü,3\n".encode("latin-1"), "is not a table|no column for", id="not UTF-8"),
]


@pytest.mark.parametrize(("content", "message"), BROKEN)
def test_what_is_no_table_is_refused(catalogue: Catalogue, tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        import_file(path, "AAPL", "1m", catalogue)


@pytest.mark.parametrize("surplus", ["", ",7"])
def test_gzipped_files_are_read(catalogue: Catalogue, tmp_path: Path, surplus: str) -> None:
    path = tmp_path / "bars.csv.gz"
    path.write_bytes(gzip.compress("\n".join([HEAD, *GOOD[:5], GOOD[5] + surplus]).encode()))
    report = import_file(path, "AAPL", "1m", catalogue)
    assert (report.good_rows, report.bad_rows) == ((5, 1) if surplus else (6, 0))


def test_a_damaged_archive_is_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    path = tmp_path / "bars.csv.gz"
    path.write_bytes(gzip.compress(b"timestamp,open")[:15])
    with pytest.raises(UserError, match="is a damaged archive"):
        import_file(path, "AAPL", "1m", catalogue)


def test_a_missing_file_is_the_systems_error_and_a_folder_is_no_file(catalogue: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        import_file(tmp_path / "none.csv", "AAPL", "1m", catalogue)
    with pytest.raises(UserError, match="is a folder"):
        import_file(tmp_path, "AAPL", "1m", catalogue)


STAMPS = [
    pytest.param(["2024-07-01T13:30:00Z", "2024-07-01T13:31:00Z"], {}, id="ISO with Z"),
    pytest.param(["2024-07-01T09:30:00-04:00", "2024-07-01 13:31:00+0000"], {}, id="mixed offsets"),
    pytest.param(["2024-07-01 13:30:00 UTC", "2024-07-01 13:31:00 UTC"], {}, id="UTC in words"),
    pytest.param(["2024-07-01 13:30", "2024-07-01 13:31"], {}, id="no zone is UTC"),
    pytest.param(["2024-07-01 13:30:00.000", "2024-07-01 13:31:00"], {}, id="fractions of seconds"),
    pytest.param(["2024-07-01 09:30:00", "2024-07-01 09:31:00"], {"timezone": "America/New_York"}, id="New York"),
    pytest.param(["20240701 13:30:00", "20240701 13:31:00"], {}, id="compact day"),
    pytest.param(["202407011330", "202407011331"], {}, id="compact to the minute"),
    pytest.param(["20240701133000", "20240701133100"], {}, id="compact to the second"),
    pytest.param(["1719840600", "1719840660"], {}, id="epoch seconds"),
    pytest.param(["1719840600.0", "1719840660.0"], {}, id="epoch seconds as floats"),
    pytest.param(["1719840600000", "1719840660000"], {}, id="epoch milliseconds"),
    pytest.param(["1719840600000000", "1719840660000000"], {}, id="epoch microseconds"),
    pytest.param(["1719840600000000000", "1719840660000000000"], {}, id="epoch nanoseconds"),
    pytest.param(["07/01/2024 13:30", "07/31/2024 13:31"], {}, id="month first, by a day above 12"),
    pytest.param(["1.7.2024 13.30", "1.7.2024 13.31"], {"date_format": "%d.%m.%Y %H.%M"}, id="told format"),
    pytest.param(["7/1/2024 1:30 PM", "7/31/2024 1:31 PM"], {}, id="twelve hours"),
    pytest.param(["2024-07-01T13:31:00Z", "2024-07-01T13:32:00Z"], {"label": "end"}, id="labelled by the end"),
]


@pytest.mark.parametrize(("stamps", "options"), STAMPS)
def test_times_in_many_writings(catalogue: Catalogue, csv_file: Csv, stamps: list[str], options: dict[str, Any]) -> None:
    report = import_file(csv_file(HEAD, *[f"{stamp},10,11,9,10,1" for stamp in stamps]), "AAPL", "1m", catalogue, **options)
    assert times(catalogue, "AAPL")[0] == "2024-07-01 13:30:00"
    assert f"{utc(report.first + NS_PER_MINUTE):%H:%M}" == times(catalogue, "AAPL")[1][11:16]


@pytest.mark.parametrize(
    ("stamp", "timezone", "told"), [("13:30:00", None, True), ("13:30:00", "UTC", False), ("13:30:00Z", None, False)]
)
def test_a_guessed_time_zone_is_told(catalogue: Catalogue, csv_file: Csv, stamp: str, timezone: str | None, told: bool) -> None:
    report = import_file(csv_file(HEAD, f"2024-07-01 {stamp},10,11,9,10,1"), "AAPL", "1m", catalogue, timezone=timezone)
    assert any("taken as UTC" in note for note in report.notes) == told


HEADERS = [
    "Timestamp,Open,High,Low,Close,Volume",
    "date,o,h,l,c,v",
    "Datetime,Open Price,High Price,Low Price,Close Price,Vol",
    "open_time,open,high,low,close,volume",
    "TIME,OPEN,HIGH,LOW,LAST,SIZE",
    "unix,1. open,2. high,3. low,4. close,5. volume",
]


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_usual_headers_and_separators(catalogue: Catalogue, csv_file: Csv, header: str, separator: str) -> None:
    lines = [line.replace(",", separator) for line in (header, *GOOD)]
    import_file(csv_file(*lines), "AAPL", "1m", catalogue)
    first = catalogue.scan("AAPL", "1m", *EVER).collect().row(0)
    assert first[2:] == (100_000, 110_000, 90_000, 100_000, 100)


def test_columns_can_be_told(catalogue: Catalogue, csv_file: Csv) -> None:
    path = csv_file("when,first,high,low,close,shares", *GOOD)
    import_file(path, "AAPL", "1m", catalogue, columns={"timestamp": "when", "open": "first", "volume": "shares"})
    assert catalogue.count("AAPL", "1m") == 6


@pytest.mark.parametrize("clock", ["093000", "930", "09:30:00", "9:30"])
def test_day_and_time_of_day_in_two_columns(catalogue: Catalogue, csv_file: Csv, clock: str) -> None:
    path = csv_file("Date,Time,Open,High,Low,Close,Volume", f"2024-07-01,{clock},10,11,9,10,1")
    import_file(path, "AAPL", "1m", catalogue, timezone="America/New_York")
    assert times(catalogue, "AAPL") == ["2024-07-01 13:30:00"]


def test_a_file_that_is_newest_first_is_turned_round(catalogue: Catalogue, csv_file: Csv) -> None:
    report = import_file(csv_file(HEAD, *reversed(GOOD)), "AAPL", "1m", catalogue)
    assert report.notes[0] == "the file is newest first; it was turned round"
    assert (report.good_rows, times(catalogue, "AAPL")[0]) == (6, "2024-07-01 13:30:00")


def test_blank_lines_and_a_byte_order_mark_do_no_harm(catalogue: Catalogue, csv_file: Csv) -> None:
    report = import_file(csv_file("\ufeff" + HEAD, *GOOD[:3], "", *GOOD[3:], "", "bad,1,1,1,1,1", ""), "AAPL", "1m", catalogue)
    assert (report.good_rows, report.bad[0].line) == (6, 10)


def test_clocks_that_go_back_repeat_an_hour_in_order(catalogue: Catalogue, csv_file: Csv) -> None:
    stamps = ["00:59", "01:00", "01:30", "01:59", "01:00", "01:30", "01:59", "02:00"]
    lines = [f"2024-11-03 {stamp},10,11,9,10,1" for stamp in stamps]
    report = import_file(csv_file(HEAD, *lines), "BTC/USD", "1m", catalogue, timezone="America/New_York")
    assert report.bad_rows == 0
    assert [time[11:16] for time in times(catalogue, "BTC/USD")] == [
        *("04:59", "05:00", "05:30", "05:59"),
        *("06:00", "06:30", "06:59", "07:00"),
    ]


def test_a_local_time_that_clocks_skipped_is_a_bad_row(catalogue: Catalogue, csv_file: Csv) -> None:
    lines = [f"2024-03-10 {stamp},10,11,9,10,1" for stamp in ("01:58", "01:59", "02:30", "03:00", "03:01")]
    report = import_file(csv_file(HEAD, *lines), "BTC/USD", "1m", catalogue, timezone="America/New_York")
    assert report.reasons == {"this local time does not exist (clocks went forward)": 1}
    assert [time[11:16] for time in times(catalogue, "BTC/USD")] == ["06:58", "06:59", "07:00", "07:01"]


DAY_STAMPS = [
    pytest.param("2024-07-03", "", id="day"),
    pytest.param("20240703", "", id="compact day"),
    pytest.param("2024-07-03 00:00:00", "", id="midnight without a zone"),
    pytest.param("2024-07-03T00:00:00Z", "", id="midnight UTC"),
    pytest.param("2024-07-03T04:00:00Z", "", id="midnight in New York"),
    pytest.param("2024-07-03 00:00:00-04:00", "", id="midnight with an offset"),
    pytest.param("2024-07-03T17:00:00Z", "", id="close of the session"),
    pytest.param("2024-07-04 00:00:00", "end", id="midnight that ends the day"),
    pytest.param("1719964800", "", id="epoch"),
]


@pytest.mark.parametrize(("stamp", "label"), DAY_STAMPS)
def test_daily_bars_stand_for_their_session(catalogue: Catalogue, csv_file: Csv, stamp: str, label: str) -> None:
    import_file(csv_file(HEAD, f"{stamp},10,11,9,10,1"), "AAPL", "1d", catalogue, label=label or "start")
    bars = catalogue.scan("AAPL", "1d", *EVER).collect()
    assert [str(utc(bars[name][0])) for name in ("open_time", "close_time")] == [
        "2024-07-03 13:30:00+00:00",
        "2024-07-03 17:00:00+00:00",
    ]


def test_daily_bars_go_by_their_date_where_both_are_given(catalogue: Catalogue, csv_file: Csv) -> None:
    path = csv_file("timestamp,date,open,high,low,close,volume", "2024-07-05T03:59:59Z,2024-07-05,10,11,9,10,1")
    import_file(path, "AAPL", "1d", catalogue)
    assert times(catalogue, "AAPL", "1d") == ["2024-07-05 13:30:00"]


def test_days_without_a_session_are_bad_rows(catalogue: Catalogue, csv_file: Csv) -> None:
    report = import_file(csv_file(HEAD, *DAYS, "2024-07-13,10,11,9,10,1"), "AAPL", "1d", catalogue)
    assert (report.good_rows, report.reasons) == (6, {"XNYS has no session on this day": 1})


def test_daily_bars_of_crypto_are_utc_days(catalogue: Catalogue, csv_file: Csv) -> None:
    import_file(csv_file(HEAD, "2024-07-06,10,11,9,10,0.5"), "btcusdt", "1d", catalogue)
    assert times(catalogue, "BTC/USDT", "1d") == ["2024-07-06 00:00:00"]


NUMBERS = [
    pytest.param("0.1", 10_000_000, id="a tenth"),
    pytest.param("1e-05", 1_000, id="exponent"),
    pytest.param("+12.50", 1_250_000_000, id="sign and trailing zero"),
    pytest.param(".5", 50_000_000, id="no leading zero"),
    pytest.param("00012.", 1_200_000_000, id="leading zeros, trailing point"),
    pytest.param("17212.12345678", 1_721_212_345_678, id="eight decimals"),
]


@pytest.mark.parametrize(("text", "scaled"), NUMBERS)
def test_text_is_read_exactly(catalogue: Catalogue, csv_file: Csv, text: str, scaled: int) -> None:
    import_file(csv_file(HEAD, f"2024-07-01T13:30:00Z,{text},{text},{text},{text},{text}"), "BTC/USDT", "1m", catalogue)
    assert set(catalogue.scan("BTC/USDT", "1m", *EVER).collect().row(0)[2:]) == {scaled}


def write_parquet(path: Path, columns: dict[str, Any]) -> Path:
    """A Parquet file of two minutes, with the given columns in place of plain ones."""
    stamps = pl.Series(["2024-07-01T13:30:00", "2024-07-01T13:31:00"]).str.to_datetime().dt.replace_time_zone("UTC")
    plain = {"timestamp": stamps, "open": [10.0, 10.0], "high": [11.0, 11.0], "low": [9.0, 9.0], "close": [10.0, 10.0]}
    pl.DataFrame({**plain, "volume": [100.0, 200.0], **columns}).write_parquet(path)
    return path


def test_floats_are_rounded_half_even_to_the_scale(catalogue: Catalogue, tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "x.parquet", {"close": [10.12345, 9.00003125], "open": [10.1, 9.7]})
    report = import_file(path, "AAPL", "1m", catalogue)
    bars = catalogue.scan("AAPL", "1m", *EVER).collect()
    assert bars["close"].to_list() == [101_234, 90_000]
    assert bars["open"].to_list() == [101_000, 97_000]
    assert bars["volume"].to_list() == [100, 200]
    assert "prices of 2 rows were rounded to 4 decimals" in report.notes


FLOAT_FAULTS = [
    pytest.param("AAPL", {"volume": [100.5, 200.0]}, "volume has more than 0 decimal places", id="fraction of a share"),
    pytest.param("BTC/USDT", {"close": [float("nan"), 10.0]}, "close is not a number", id="NaN"),
    pytest.param("BTC/USDT", {"close": [None, 10.0]}, "a value is missing", id="null"),
    pytest.param("BTC/USDT", {"volume": [float("inf"), 10.0]}, "volume is not a number", id="infinity"),
]


@pytest.mark.parametrize(("symbol", "columns", "reason"), FLOAT_FAULTS)
def test_bad_floats_are_bad_rows(catalogue: Catalogue, tmp_path: Path, symbol: str, columns: dict[str, Any], reason: str) -> None:
    report = import_file(write_parquet(tmp_path / "x.parquet", columns), symbol, "1m", catalogue)
    assert report.reasons == {reason: 1}
    assert report.bad[0].line == 1


def test_volumes_of_crypto_may_be_fractions(catalogue: Catalogue, tmp_path: Path) -> None:
    import_file(write_parquet(tmp_path / "x.parquet", {"volume": [0.00000001, 3.5]}), "BTC/USDT", "1m", catalogue)
    assert catalogue.scan("BTC/USDT", "1m", *EVER).collect()["volume"].to_list() == [1, 350_000_000]


@pytest.mark.parametrize("kind", [pl.String, pl.Decimal(18, 4), pl.Float32, pl.Int64])
def test_other_kinds_of_columns(catalogue: Catalogue, tmp_path: Path, kind: pl.DataType) -> None:
    whole = pl.Series([10, 10]).cast(kind)
    import_file(write_parquet(tmp_path / "x.parquet", {"open": whole, "close": whole}), "AAPL", "1m", catalogue)
    assert catalogue.scan("AAPL", "1m", *EVER).collect()["open"].to_list() == [100_000, 100_000]


def test_columns_without_numbers_are_named(catalogue: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the column 'open' holds Boolean, not numbers"):
        import_file(write_parquet(tmp_path / "x.parquet", {"open": [True, False]}), "AAPL", "1m", catalogue)


def test_rounding_takes_numbers_that_are_too_exact(catalogue: Catalogue, csv_file: Csv) -> None:
    path = csv_file(HEAD, row(0, "10.00005,11,9,10.00015,99.5"))
    report = import_file(path, "AAPL", "1m", catalogue, rounding=True)
    assert catalogue.scan("AAPL", "1m", *EVER).collect().row(0)[2:] == (100_000, 110_000, 90_000, 100_002, 100)
    assert len(report.notes) == 2


def test_huge_volumes_of_a_pair_get_fewer_decimals(catalogue: Catalogue, csv_file: Csv) -> None:
    path = csv_file(HEAD, row(0, "0.00001234,0.00001240,0.00001230,0.00001235,987654321012.123456"))
    report = import_file(path, "SHIB/USDT", "1m", catalogue)
    instrument = catalogue.instrument("SHIB/USDT")
    assert (instrument.price_scale, instrument.quantity_scale) == (8, 3)
    assert catalogue.scan("SHIB/USDT", "1m", *EVER).collect()["volume"].to_list() == [987_654_321_012_123]
    assert any("quantities are kept with 3 decimals" in note for note in report.notes)


def test_tiny_prices_of_a_pair_get_more_decimals(catalogue: Catalogue, csv_file: Csv) -> None:
    path = csv_file(HEAD, row(0, "0.0000012345,0.0000012346,0.0000012344,0.0000012345,5.5"))
    report = import_file(path, "PEPE/USDT", "1m", catalogue)
    assert catalogue.instrument("PEPE/USDT").price_scale == 10
    assert catalogue.scan("PEPE/USDT", "1m", *EVER).collect()["close"].to_list() == [12_345]
    assert any("prices are kept with 10 decimals" in note for note in report.notes)


def test_scales_can_be_told(catalogue: Catalogue, csv_file: Csv) -> None:
    import_file(csv_file(HEAD, row(0, "10.123456,11,9,10,1.5")), "AAPL", "1m", catalogue, price_scale=6, quantity_scale=2)
    instrument = catalogue.instrument("AAPL")
    assert (instrument.price_scale, instrument.quantity_scale, instrument.price_increment) == (6, 2, 10_000)


def test_a_stored_instrument_is_used_and_may_not_be_contradicted(catalogue: Catalogue, csv_file: Csv) -> None:
    path = csv_file(HEAD, *GOOD)
    import_file(path, "VOD", "1m", catalogue, calendar="XLON")
    again = import_file(path, "VOD", "1m", catalogue)
    assert (again.instrument.calendar, again.unchanged) == ("XLON", 6)
    with pytest.raises(UserError, match="VOD is in the catalogue with calendar XLON, not XNYS"):
        import_file(path, "VOD", "1m", catalogue, calendar="NYSE")


def test_importing_again_replaces_what_changed(catalogue: Catalogue, csv_file: Csv) -> None:
    import_file(csv_file(HEAD, *GOOD), "AAPL", "1m", catalogue)
    changed = [row(5, "10,11,9,11,100"), row(6), row(7)]
    report = import_file(csv_file(HEAD, *changed, name="more.csv"), "AAPL", "1m", catalogue)
    assert (report.added, report.replaced, report.unchanged) == (2, 1, 0)
    assert catalogue.count("AAPL", "1m") == 8


def test_local_times_taken_for_utc_are_noticed(catalogue: Catalogue, csv_file: Csv) -> None:
    lines = [f"2024-07-01 {9 + k // 60:02d}:{k % 60:02d},10,11,9,10,1" for k in range(30, 200)]
    report: ImportReport = import_file(csv_file(HEAD, *lines), "AAPL", "1m", catalogue)
    assert "almost none: is the time zone right? (--timezone)" in report.notes


SYMBOLS = [
    ("aapl", None, "AAPL", AssetClass.EQUITY, "XNYS"),
    ("btc-usdt", None, "BTC/USDT", AssetClass.CRYPTO, "24/7"),
    ("EUR.USD", "forex", "EUR.USD", AssetClass.FOREX, "24/5"),
    ("ESZ5", "future", "ESZ5", AssetClass.FUTURE, "CMES"),
    ("AAPL260116C00150000", "option", "AAPL260116C00150000", AssetClass.OPTION, "XNYS"),
]


@pytest.mark.parametrize(("text", "asset_class", "symbol", "kind", "calendar"), SYMBOLS)
def test_symbols_and_the_defaults_of_their_class(
    text: str, asset_class: str | None, symbol: str, kind: AssetClass, calendar: str
) -> None:
    name, found = read_symbol(text, asset_class)
    instrument: Instrument = default_instrument(name, found)
    assert (name, found, instrument.calendar, instrument.asset_class) == (symbol, kind, calendar, kind)
