"""The tear sheet in a real browser with the network off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from e2e.devtools import Browser, chromium
from sample_results import large_result

from algotrader.research.metrics import compute_metrics
from algotrader.research.result import BacktestResult, PriceSeries
from algotrader.research.tearsheet import write_tearsheet

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine"),
]

EVIL = "<script>window.evil = 1</script><img src=x onerror='window.evil = 1'>"
FIVE_MEGABYTES = 5_000_000


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    result = large_result(sessions=60, symbols=("AAPL", "MSFT"), trips=200)
    return _write(result, tmp_path_factory.mktemp("sheet") / "sheet.html")


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A year of minute bars of five symbols: 98,280 slices, a point of the curve for each symbol's bar, 2,000 round trips."""
    result = large_result(sessions=252, symbols=("AAPL", "MSFT", "NVDA", "AMD", "SPY"), trips=2_000, repeat=5)
    return _write(result, tmp_path_factory.mktemp("year") / "year.html")


@pytest.fixture(autouse=True)
def quiet(browser: Browser) -> Iterator[None]:
    """Whatever a test does on the page, it neither complains on the console nor asks the network for anything."""
    browser.requests.clear()
    browser.complaints.clear()
    yield
    browser.drawn()
    assert browser.complaints == []
    assert [url for url in browser.requests if not url.startswith("file:")] == []
    assert len(set(browser.requests)) <= 1


def _write(result: BacktestResult, path: Path) -> Path:
    return write_tearsheet(result, compute_metrics(result), path)


def _count(browser: Browser, selector: str) -> int:
    return int(browser.evaluate(f"document.querySelectorAll({selector!r}).length"))


def _text(browser: Browser, selector: str) -> str:
    return str(browser.evaluate(f"document.querySelector({selector!r}).textContent"))


def _in_view(browser: Browser) -> str:
    """What is drawn inside the frame of the price chart: it changes when another stretch is shown."""
    return str(browser.evaluate("document.querySelector('#price-chart svg g[clip-path]').innerHTML"))


def _search(browser: Browser, text: str) -> None:
    browser.evaluate("document.querySelector('#find').focus(); document.querySelector('#find').select()")
    browser.call("Input.insertText", {"text": text})
    browser.drawn()


def test_key_elements_are_drawn(browser: Browser, sheet: Path) -> None:
    browser.open(sheet)
    assert _count(browser, ".tile") == 10
    assert _count(browser, "#equity-chart svg .curve") == 1
    assert _count(browser, "#equity-chart svg .fall") == 1
    assert _count(browser, "#days-chart rect.bar-up") > 3
    assert _count(browser, "#price-chart svg .long") == 1
    assert _count(browser, "tr[data-number]") == 200
    assert "optimistic" in _text(browser, "#assumptions")
    assert "Equity" in _text(browser, "#equity-readout")


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_page_never_scrolls_sideways(browser: Browser, sheet: Path, width: int, dark: bool) -> None:
    browser.open(sheet, width=width, dark=dark, touch=width == 360)
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    background = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(13, 18, 24)" if dark else "rgb(244, 246, 249)")


def test_theme_button_overrides_the_system(browser: Browser, sheet: Path) -> None:
    browser.open(sheet)
    browser.evaluate("document.querySelector('#theme').click()")
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 18, 24)"
    browser.evaluate("document.querySelector('#theme').click(); localStorage.clear()")
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(244, 246, 249)"


def test_pointer_and_arrow_keys_read_out_the_curve(browser: Browser, sheet: Path) -> None:
    browser.open(sheet)
    before = _text(browser, "#equity-readout")
    browser.evaluate("document.querySelector('#equity-chart svg').focus()")
    browser.press("Home")
    assert _text(browser, "#equity-readout") != before
    assert "2024-01-02 14:31 UTC" in _text(browser, "#equity-readout")
    box = browser.evaluate("(({x, y}) => [x, y])(document.querySelector('#equity-chart svg').getBoundingClientRect())")
    browser.mouse("mouseMoved", box[0] + 400, box[1] + 100)
    browser.drawn()
    assert "2024-01-02 14:31 UTC" not in _text(browser, "#equity-readout")


def test_clicking_a_row_shows_its_bars_and_keys_step_on(browser: Browser, sheet: Path) -> None:
    browser.open(sheet)
    assert _count(browser, "#price-chart .body-up") == 0  # too many bars for candles
    browser.evaluate("document.querySelector('tr[data-number=\"1\"]').click()")
    browser.drawn()
    assert _count(browser, "#price-chart .body-up") == 1
    assert _count(browser, "#price-chart .spanned") == 1
    assert browser.evaluate("document.querySelector('#symbol').selectedOptions[0].textContent") == "MSFT"
    assert "#2 " in _text(browser, "#price-readout")
    browser.press("ArrowDown")
    assert "#3 " in _text(browser, "#price-readout")
    assert _text(browser, '#trip-table tr[aria-selected="true"] td') == "3"
    browser.evaluate("document.querySelector('#price-chart svg').focus()")
    browser.press("ArrowRight")
    assert "#5 " in _text(browser, "#price-readout")  # the next round trip in the same symbol


def test_zooming_and_panning_change_what_is_shown(browser: Browser, sheet: Path) -> None:
    browser.open(sheet)
    browser.evaluate("document.querySelector('#price').scrollIntoView({behavior: 'instant'})")
    seen = [_in_view(browser)]
    x, y = browser.evaluate("(({x, y}) => [x, y])(document.querySelector('#price-chart svg').getBoundingClientRect())")
    browser.mouse("mouseWheel", x + 300, y + 100, deltaX=0, deltaY=-100, modifiers=2)
    browser.drawn()
    seen.append(_in_view(browser))
    browser.mouse("mousePressed", x + 600, y + 60, button="left", buttons=1)
    browser.mouse("mouseMoved", x + 300, y + 60, button="left", buttons=1)
    browser.mouse("mouseReleased", x + 300, y + 60, button="left")
    browser.drawn()
    seen.append(_in_view(browser))
    browser.evaluate("document.querySelector('#price-chart svg').focus()")
    for key, shift in (("ArrowLeft", True), ("+", False), ("-", False)):
        browser.press(key, shift=shift)
        seen.append(_in_view(browser))
    assert all(one != other for one, other in pairwise(seen))
    browser.press("0")
    assert _in_view(browser) == seen[0]


def test_sorting_and_filtering(browser: Browser, sheet: Path) -> None:
    browser.open(sheet)
    browser.evaluate("document.querySelector('th[data-key=pnl] button').click()")
    assert browser.evaluate("document.querySelector('th[data-key=pnl]').getAttribute('aria-sort')") == "descending"
    shown = browser.evaluate("[...document.querySelectorAll('tr[data-number]')].map((row) => row.children[8].textContent)")
    values = [float(text.replace("\u2212", "-").replace(",", "")) for text in shown]
    assert values == sorted(values, reverse=True)
    assert len(values) == 200
    _search(browser, "msft")
    assert _count(browser, "tr[data-number]") == 100
    assert _text(browser, "#trip-sum").startswith("100 of 200")
    _search(browser, "nothing")
    assert "No round trip fits" in _text(browser, "#trip-table")


def test_texts_with_markup_stay_texts(browser: Browser, tmp_path: Path) -> None:
    result = large_result(sessions=3, symbols=("AAPL",), trips=4)
    result.strategy = result.benchmark_symbol = EVIL
    result.symbols = (EVIL,)
    result.round_trips = [replace(trip, symbol=EVIL, strategy=EVIL, exit_reason=EVIL) for trip in result.round_trips]
    result.prices = [PriceSeries(EVIL, one.time, one.open, one.high, one.low, one.close, one.volume) for one in result.prices]
    result.problems = [replace(problem, message=EVIL) for problem in result.problems]
    browser.open(_write(result, tmp_path / "evil.html"))
    browser.evaluate("document.querySelector('tr[data-number]').click()")
    browser.drawn()
    assert browser.evaluate("window.evil === undefined") is True
    assert _count(browser, "img") == 0
    assert _text(browser, "h1") == EVIL
    assert EVIL in _text(browser, "#trip-table")


def test_run_without_anything_opens(browser: Browser, tmp_path: Path) -> None:
    result = large_result(sessions=3, symbols=("AAPL",), trips=1)
    result.round_trips, result.fills, result.stops, result.prices = [], [], [], []
    result.equity_time, result.session_days = result.equity_time[:0], result.session_days[:0]
    result.equity, result.benchmark = result.equity[:0], None
    browser.open(_write(result, tmp_path / "nothing.html"))
    assert "no equity curve" in _text(browser, "#equity-chart")
    assert "kept no prices" in _text(browser, "#price-chart")
    assert browser.evaluate("document.querySelector('#price .tools').offsetParent === null") is True


def test_a_year_of_minutes_stays_small_and_makes_rows_as_one_scrolls(browser: Browser, year: Path) -> None:
    assert year.stat().st_size < FIVE_MEGABYTES
    browser.open(year)
    assert _count(browser, "tr[data-number]") == 200
    browser.evaluate("document.querySelector('#trip-scroll').scrollTop = 1e9")
    browser.drawn()
    assert _count(browser, "tr[data-number]") == 400
    browser.evaluate("document.querySelector('tr[data-number=\"399\"]').click()")
    browser.drawn()
    assert _count(browser, "#price-chart .body-up:not(.coarse), #price-chart .body-down:not(.coarse)") > 0
