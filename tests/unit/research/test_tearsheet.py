"""What the tear sheet says, and that nothing in it can run or load."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sample_results import DAY, MINUTE, START, large_result, small_result, trip

from algotrader.research import formats
from algotrader.research.metrics import compute_metrics
from algotrader.research.result import BacktestResult, FillRecord, PriceSeries, ProblemRecord, StopRecord
from algotrader.research.tearsheet import render_tearsheet, write_tearsheet
from algotrader.research.tearsheet_sections import MOST_PROBLEMS, is_optimistic

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


class Page(HTMLParser):
    """The elements of a page, the texts of its scripts and styles, and the text a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self.text = ""
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in self.raw:
            self._inside = tag
            self.raw[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.raw[self._inside][-1] += data
        else:
            self.text += data


def page(result: BacktestResult) -> Page:
    return Page(render_tearsheet(result, compute_metrics(result)))


def data_of(result: BacktestResult) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(page(result).raw["script"][0])
    return data


def evil_result() -> BacktestResult:
    result = small_result((1010.0, 990.0, 1005.0))
    result.strategy = result.engine = result.fingerprint = result.benchmark_symbol = result.interval = EVIL
    result.symbols = (EVIL,)
    result.parameters = {EVIL: EVIL}
    result.assumptions = {EVIL: EVIL + " optimistic"}
    result.counts = {EVIL: 1}
    result.problems = [ProblemRecord(START, EVIL, EVIL, EVIL)]
    result.round_trips = [replace(trip("5", symbol=EVIL), strategy=EVIL, exit_reason=EVIL)]
    result.stops = [StopRecord(START, EVIL, EVIL, Decimal(9))]
    times = np.array([START, START + MINUTE], dtype=np.int64)
    values = np.array([10.0, 10.5])
    result.prices = [PriceSeries(EVIL, times, values, values, values, values, values)]
    return result


def test_no_text_becomes_markup() -> None:
    found, clean = page(evil_result()), page(small_result((1010.0, 990.0, 1005.0)))
    assert [tag for tag, _ in found.tags].count("script") == 2
    assert {tag for tag, _ in found.tags} - {tag for tag, _ in clean.tags} <= {"b", "span", "div", "dl", "dt", "dd"}
    assert not [attributes for _, attributes in found.tags if any(name.startswith("on") for name in attributes)]
    assert found.text.count(EVIL) >= 8
    assert not set("<>&") & set(found.raw["script"][0])
    assert EVIL in data_of(evil_result())["names"]


def test_policy_allows_exactly_the_script_and_style_of_the_page() -> None:
    found = page(small_result((1010.0, 990.0)))
    policy = next(a["content"] for tag, a in found.tags if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    for kind, text in (("script", found.raw["script"][1]), ("style", found.raw["style"][0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_page_refers_to_nothing_outside() -> None:
    found = page(large_result(sessions=3, symbols=("AAPL",), trips=4))
    for tag, attributes in found.tags:
        assert tag not in ("link", "img", "iframe", "object")
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")
        assert "style" not in attributes  # the policy would refuse it
    assert not re.findall(r"url\((?!#)|@import|fetch\(|XMLHttpRequest", "".join(found.raw["script"][1:] + found.raw["style"]))


def test_sections_are_there(tmp_path: Path) -> None:
    result = large_result(sessions=30, symbols=("AAPL", "MSFT"), trips=20)
    path = write_tearsheet(result, compute_metrics(result), tmp_path / "new" / "sheet.html")
    found = Page(path.read_text(encoding="utf-8"))
    ids = {attributes.get("id") for _, attributes in found.tags}
    assert {"equity", "months", "days", "price", "trips", "problems", "assumptions", "parameters", "figures"} <= ids
    for text in ("Velez pullback", "4 minutes without a bar", "9c1f6ab0d5e27734", "algotrader 0.1.0", "0.01 a share", "UTC"):
        assert text in found.text


@pytest.mark.parametrize("closes", [(), (1000.0,), (1000.0, 1000.0), (500.0, -10.0, -10.0)])
def test_degenerate_runs_still_give_a_page(closes: Sequence[float]) -> None:
    assert "Monthly returns" in page(small_result(closes)).text


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("fill", "close", True),
        ("fill", "open of the next bar", False),
        ("entry_bar_stop", "ignore", True),
        ("entry_bar_stop", "hit", False),
        ("anything", "0 slippage (Optimistic)", True),
    ],
)
def test_optimistic_options_are_known(name: str, text: str, expected: bool) -> None:
    assert is_optimistic(name, text) is expected
    result = small_result((1000.0,))
    result.assumptions = {"latency": "0 ms", name: text}
    assert ("Live results will be worse" in page(result).text) is expected


def test_problems_section_only_when_there_are_some() -> None:
    result = small_result((1000.0,))
    assert "problems" not in {attributes.get("id") for _, attributes in page(result).tags}
    result.problems = [ProblemRecord(START, "gap", "AAPL", f"message {i}") for i in range(MOST_PROBLEMS + 3)]
    assert "3 more are not listed" in page(result).text


def test_stored_bars_decode_to_the_prices() -> None:
    result = large_result(sessions=3, symbols=("AAPL",), trips=4)
    chart = data_of(result)["prices"][0]
    unit = 10.0 ** chart["digits"]
    closes = (np.cumsum(np.array(chart["o"]) + np.array(chart["c"]))) / unit
    assert np.allclose(closes, result.prices[0].close, atol=1e-9)
    assert chart["span"] is None
    times = chart["t0"] + np.concatenate(([0], np.cumsum(chart["dt"]))) * chart["unit"]
    assert (times * 1_000_000 == result.prices[0].time).all()


def test_round_trips_keep_exact_amounts_and_their_place() -> None:
    result = small_result((1000.0, 1001.0))
    result.round_trips = [trip("12345678901234.56789"), trip("-0.10", 1, minutes=1)]
    times = START + np.arange(20, dtype=np.int64) * MINUTE
    values = np.linspace(10.0, 11.9, 20)
    result.prices = [PriceSeries("AAPL", times, values, values, values, values, values)]
    result.stops = [StopRecord(START, "AAPL", "Crossing", Decimal("9.50")), StopRecord(START + MINUTE, "AAPL", "Crossing", None)]
    data = data_of(result)
    assert [row[8] for row in data["trips"]] == ["12345678901234.56789", "-0.10"]
    chart = data["prices"][0]
    assert (chart["entry"], chart["exit"], chart["trips"]) == ([0.0, 0.0], [10.0, 1.0], [0, 1])
    assert chart["stops"] == [[data["names"].index("Crossing"), [0.0, 1.0], [9.5, None]]]


def test_fills_of_what_is_still_held_are_marked_as_open() -> None:
    result = small_result((1000.0, 1001.0))
    result.round_trips = [trip("1", minutes=5)]
    times = START + np.arange(20, dtype=np.int64) * MINUTE
    values = np.linspace(10.0, 11.9, 20)
    result.prices = [PriceSeries("AAPL", times, values, values, values, values, values)]
    result.fills = [
        FillRecord(START + minute * MINUTE, "AAPL", side, Decimal(1), Decimal("10.5"), Decimal(0), "id", "Crossing")
        for minute, side in ((0, "buy"), (5, "sell"), (8, "buy"))
    ]
    assert [entry[:3] for entry in data_of(result)["prices"][0]["open"]] == [[8.0, 10.5, 1]]


def test_histogram_counts_every_day_and_never_mixes_gains_and_losses() -> None:
    returns = np.array([0.01, -0.01, 0.02, -0.005, 0.003, 0.004, -0.02])
    histogram = data_of(small_result(tuple(1000 * np.cumprod(1 + returns))))["histogram"]
    assert sum(histogram["counts"]) == len(returns)
    below = sum(count for i, count in enumerate(histogram["counts"]) if histogram["first"] + i < 0)
    assert below == 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1234567.891", "1,234,567.891"),
        ("-1234.5", "-1,234.50"),
        ("0", "0.00"),
        ("-0.000", "0.00"),
        ("12345678901234567890.12", "12,345,678,901,234,567,890.12"),
        ("1E+3", "1,000.00"),
        ("0.000000001", "0.00"),
        ("-0.5", "-0.50"),
    ],
)
def test_money_is_written_exactly(value: str, expected: str) -> None:
    assert formats.money_text(Decimal(value)) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 s"), (59, "59 s"), (3600, "1 h"), (3_661, "1 h 1 min"), (86_400 * 2 + 3_600, "2 d 1 h"), (86_401, "1 d")],
)
def test_durations(seconds: int, expected: str) -> None:
    assert formats.duration_text(seconds) == expected


@pytest.mark.parametrize(
    ("value", "signed", "expected"),
    [(0.0123, True, "+1.23 %"), (-0.5, True, "-50.00 %"), (0.0, True, "0.00 %"), (-1e-9, False, "0.00 %"), (None, True, "n/a")],
)
def test_percentages(value: float | None, signed: bool, expected: str) -> None:
    assert formats.percent_text(value, signed=signed) == expected


def test_times_are_utc() -> None:
    assert (formats.time_text(START), formats.date_text(START + DAY)) == ("2024-01-02 14:30:00", "2024-01-03")


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_texts_have_contrast(theme: int) -> None:
    css = files("algotrader.research").joinpath("assets", "tearsheet.css").read_text(encoding="utf-8")
    colors = {name: pair[theme] for name, *pair in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", css)}
    pairs = [(text, ground) for text in ("ink", "soft", "up", "down", "accent") for ground in ("card", "page", "wash", "grid")]
    pairs += [("heat-ink", f"{side}-{level}") for side in ("up", "down") for level in range(1, 5)] + [
        ("ink", "warn"),
        ("soft", "warn"),
    ]
    for text, ground in pairs:
        light, dark = sorted((luminance(colors[text]), luminance(colors[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)
