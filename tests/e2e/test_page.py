"""The page in a real browser before a real paper session: what a person sees, and what a person can do."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from e2e.devtools import chromium
from e2e.page_session import AXE, PageSession, chromium_browser, page_is_built

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(not page_is_built(), reason="the page cannot be built here"),
]

PAGES = ("/", "/symbol/AAPL", "/orders", "/round-trips", "/risk", "/backtests", "/sweeps", "/settings", "/status")
Record = Callable[[str, object], None]

PATIENCE = 60_000
MARKET_PATIENCE = 180_000
"""For what the market must do first: three of its hours."""
SOON = 1_000

# Runs before the page: adds up what moves, notes when the largest thing was painted and when positions came.
WATCH = """
window.moved = 0; window.painted = 0;
new PerformanceObserver((list) => { for (const one of list.getEntries()) if (!one.hadRecentInput) window.moved += one.value; })
  .observe({ type: "layout-shift", buffered: true });
new PerformanceObserver((list) => { for (const one of list.getEntries()) window.painted = one.startTime; })
  .observe({ type: "largest-contentful-paint", buffered: true });
"""

# From the click itself to the moment when the page shows the session's answer, without what driving the browser takes.
TIME_THE_HALT = """() => {
  const top = document.querySelector(".top");
  addEventListener("click", () => { window.clickedAt ??= performance.now(); }, { capture: true });
  new MutationObserver(() => { if (top.textContent.includes("Halted")) window.haltedAt ??= performance.now(); })
    .observe(top, { subtree: true, childList: true, characterData: true });
}"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageSession]:
    found = PageSession(tmp_path_factory.mktemp("page"))
    found.start()
    try:
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = chromium()
    assert program is not None
    with chromium_browser(program) as started:
        yield started


@pytest.fixture
def complaints() -> list[str]:
    """What the page said on the console that it should not have."""
    return []


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1280, "height": 900})
    made.add_init_script(WATCH)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext, session: PageSession, complaints: list[str]) -> Iterator[Page]:
    """A tab that came by the link which the session prints, and is live."""
    opened = listen(context.new_page(), complaints)
    opened.goto(f"{session.base}/#token={session.token}")
    live(opened)
    yield opened
    assert complaints == []


def listen(page: Page, complaints: list[str]) -> Page:
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_default_timeout(PATIENCE)
    return page


def live(page: Page) -> None:
    expect(page.get_by_label("Updates: Live")).to_be_visible(timeout=PATIENCE)


def forget_refusals(complaints: list[str]) -> None:
    """The browser itself notes every call that is refused and every connection that ends; where that is meant it is no fault."""
    noted = re.compile("WebSocket connection|ERR_CONNECTION|Failed to load resource")
    complaints[:] = [said for said in complaints if not noted.search(said)]


def measured(page: Page, name: str) -> float:
    return float(page.evaluate(f"window.{name}"))


def confirm(page: Page, button: str, phrase: str, title: str) -> None:
    """Type what has to be typed before something is done that must not happen by mistake."""
    page.get_by_role("button", name=re.compile(button)).click()
    dialog = page.get_by_role("dialog", name=title)
    done = dialog.get_by_role("button", name=title)
    expect(done).to_be_disabled()
    dialog.get_by_label("Type").fill(phrase)
    dialog.get_by_label("Reason").fill("a drill")
    done.click()
    expect(dialog).to_be_hidden()


def test_the_link_logs_in_and_leaves_no_token_behind(page: Page, session: PageSession) -> None:
    assert session.token not in page.url
    assert page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0
    assert "algo_session" not in page.evaluate("document.cookie")
    assert page.evaluate("fetch('/api/session').then((answer) => answer.json())")["logged_in"] is True


def test_the_first_screen_is_there_in_a_second(
    context: BrowserContext, session: PageSession, complaints: list[str], record_property: Record
) -> None:
    times = []
    for _ in range(5):
        opened = listen(context.new_page(), complaints)
        opened.goto(session.base)
        live(opened)
        expect(opened.get_by_role("heading", name="Overview")).to_be_visible()
        opened.wait_for_function("window.painted > 0")
        times.append(measured(opened, "painted"))
        opened.close()
    record_property("largest_contentful_paint_ms", times)
    assert statistics.median(times) < SOON
    assert complaints == []


@pytest.mark.covers("A206", "A207", "A208", "A209", "A210")
def test_a_fill_appears_within_a_second(page: Page, session: PageSession, record_property: Record) -> None:
    """How much later the page shows what the session's own answers say."""
    late = []
    for _ in range(3):
        shown = page.locator(".feed .entry", has_text="Order filled")
        before = len(session.get("/api/activity?kind=order_filled&limit=100")["items"])
        visible = shown.count()
        until = time.monotonic() + MARKET_PATIENCE / 1000
        while len(session.get("/api/activity?kind=order_filled&limit=100")["items"]) == before:
            assert time.monotonic() < until, "nothing was filled"
            page.wait_for_timeout(10)
        told = time.monotonic()
        expect(shown).not_to_have_count(visible, timeout=SOON)
        late.append((time.monotonic() - told) * 1000)
    record_property("fill_shown_ms", late)
    expect(page.locator(".ribbon .tile")).to_have_count(6)
    expect(page.get_by_role("img", name=re.compile("Equity today from"))).to_be_visible()
    expect(page.locator(".strategy")).to_have_count(3)


def test_the_chart_shows_entry_and_stop(page: Page) -> None:
    page.goto(page.url.rstrip("/") + "/symbol/AAPL")
    expect(page.locator(".chart canvas").first).to_be_visible()
    expect(page.locator(".story li", has_text="Entry").first).to_be_visible()
    expect(page.locator(".story li", has_text="Signal").first).to_be_visible()


def test_the_chart_says_which_indicators_cannot_be_drawn(page: Page, session: PageSession) -> None:
    """Only a strategy of somebody else's raises while it is drawn, so the answer gets its sentence on the way."""
    fault = "The indicators of mine cannot be drawn: ValueError: no such column"

    def with_fault(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"faults": [fault]})

    page.route("**/api/bars/**", with_fault)
    page.goto(f"{session.base}/symbol/AAPL")
    expect(page.get_by_role("note")).to_have_text(fault)
    shown, chart = page.get_by_role("note").bounding_box(), page.locator(".chart").bounding_box()
    assert shown is not None
    assert chart is not None
    assert shown["y"] >= chart["y"] + chart["height"]


def test_the_chart_goes_on_with_every_bar(page: Page, session: PageSession) -> None:
    """Nothing else need happen: at sixty times life a bar closes every two seconds."""
    page.goto(f"{session.base}/symbol/MSFT")
    last = page.locator(".reading time")
    for _ in range(2):
        before = last.get_attribute("datetime") or ""
        expect(last).not_to_have_attribute("datetime", before, timeout=10 * SOON)


def test_the_line_of_the_stop_moves(page: Page, session: PageSession, record_property: Record) -> None:
    """Somebody tightens a stop from elsewhere; the chart's line of it, which its description names, is where the venue has it."""
    until = time.monotonic() + MARKET_PATIENCE / 1000
    # A position may be closed while somebody still opens its page.
    while (wanted := tightened_a_stop(page, session)) is None:
        assert time.monotonic() < until, "no position was held for long enough"
    told = time.monotonic()
    chart, symbol = page.locator(".chart"), page.url.rpartition("/")[2]
    # The strategy may tighten it further by itself.
    while not (wanted <= (drawn := drawn_stop(chart)) == stop_of(session, symbol)):
        assert time.monotonic() - told < 5, f"{drawn} is drawn, not {wanted}"
        page.wait_for_timeout(10)
    record_property("stop_moved_ms", (time.monotonic() - told) * 1000)
    expect(page.locator(".story li", has_text="Stop moved").first).to_be_visible()


def tightened_a_stop(page: Page, session: PageSession) -> Decimal | None:
    """Open the chart of a position, and tighten its stop once that is drawn; gives the new one, None when the position is gone."""
    held = wait_for_positions(session)[0]
    page.goto(f"{session.base}/symbol/{held['symbol']}")
    until = time.monotonic() + 5 * SOON / 1000
    while not drawn_stop(page.locator(".chart")):
        if time.monotonic() > until:
            assert stop_of(session, held["symbol"]) < 0, "the stop of a position is not drawn"
            return None
        page.wait_for_timeout(10)
    before, last = Decimal(held["stop_price"]), Decimal(held["current_price"])
    wanted = (before + (last - before) / 10).quantize(Decimal("0.01"))
    answer = session.order("/api/restop", symbol=held["symbol"], owner=held["owner"], stop_price=str(wanted))
    return wanted if answer.is_success else None


def drawn_stop(chart: Locator) -> Decimal:
    """Where the chart draws the line of a stop."""
    found = re.search(r"stop at ([\d,.]*\d)", chart.get_attribute("aria-label") or "")
    return Decimal(found[1].replace(",", "")) if found else Decimal(0)


def stop_of(session: PageSession, symbol: str) -> Decimal:
    """Where the session has the stop of a position."""
    return next(
        (Decimal(one["stop_price"]) for one in session.get("/api/positions")["items"] if one["symbol"] == symbol), Decimal(-1)
    )


def wait_for_positions(session: PageSession) -> list[dict[str, Any]]:
    """What is held, as soon as something is."""
    until = time.monotonic() + MARKET_PATIENCE / 1000
    while not (found := session.get("/api/positions")["items"]):
        assert time.monotonic() < until, "nothing was bought"
        time.sleep(0.05)
    return list(found)


@pytest.mark.covers("A211")
def test_the_settings_page_refuses_with_the_bound(page: Page, complaints: list[str]) -> None:
    page.get_by_role("link", name="Settings").click()
    field = page.get_by_label("Max risk per trade pct")
    field.fill("0.1")
    page.get_by_label("Reason").fill("a drill")
    page.get_by_role("button", name="Save").click()
    refusal = page.get_by_role("alert").filter(has_text="out of bounds")
    expect(refusal).to_contain_text("0.05")
    assert refusal.evaluate("(told) => told.closest('.setting').querySelector('code').textContent") == "risk.max_risk_per_trade_pct"
    forget_refusals(complaints)


def test_one_click_halts_and_a_typed_phrase_resumes(page: Page, session: PageSession, record_property: Record) -> None:
    page.evaluate(TIME_THE_HALT)
    page.get_by_role("button", name="Halt").first.click()
    expect(page.get_by_role("banner").get_by_text("Halted")).to_be_visible()
    took = measured(page, "haltedAt - window.clickedAt")
    record_property("halt_shown_ms", took)
    assert took < SOON
    assert session.get("/api/status")["trading_state"] == "halted"
    expect(page.get_by_text("Trading is halted.", exact=True)).to_be_visible()
    until = time.monotonic() + SOON / 1000
    while any(order["order_role"] == "entry" for order in session.get("/api/orders?state=open")["items"]):
        assert time.monotonic() < until, "an entry still waits"
    asked = last_entry(session)
    page.wait_for_timeout(5 * SOON)
    assert last_entry(session) == asked
    page.get_by_role("link", name="Resume").click()
    confirm(page, "Resume", "Resume  trading", "Resume trading")
    expect(page.get_by_role("banner").get_by_role("button", name="Halt")).to_be_visible()
    assert session.get("/api/status")["trading_state"] == "active"


def last_entry(session: PageSession) -> object:
    """The newest order that opens a position."""
    return next((one["local_id"] for one in session.get("/api/orders")["items"] if one["order_role"] == "entry"), None)


def test_a_backtest_ends_with_its_tear_sheet(page: Page) -> None:
    page.get_by_role("link", name="Backtests").click()
    page.get_by_label("Symbols", exact=True).fill("AAPL")
    page.get_by_label("From", exact=True).fill("2024-03-04")
    page.get_by_label("To", exact=True).fill("2024-03-08")
    page.get_by_role("button", name="Start the backtest").click()
    expect(page.locator("tbody").get_by_text("Done").first).to_be_visible(timeout=2 * PATIENCE)
    run = page.locator("tbody").get_by_role("link", name="velez")
    expect(run).to_have_count(1)
    run.click()
    sheet = page.frame_locator("iframe.tearsheet")
    expect(sheet.locator(".tile")).to_have_count(10)
    expect(page.get_by_role("heading", name="Figures")).to_be_visible()


def test_a_walk_forward_ends_with_its_windows_and_its_heat_map(page: Page) -> None:
    page.get_by_role("link", name="Sweeps").click()
    page.get_by_label("Strategy", exact=True).select_option("sma_cross")
    page.get_by_label("Symbols", exact=True).fill("AAPL")
    page.get_by_label("From", exact=True).fill("2024-03-04")
    page.get_by_label("To", exact=True).fill("2024-03-08")
    page.get_by_label("Periods", exact=True).select_option("rolling")
    page.get_by_label("Train on", exact=True).fill("2sessions")
    page.get_by_label("Then test on", exact=True).fill("1sessions")
    page.get_by_label("Fast", exact=True).fill("5, 10")
    page.get_by_label("Slow", exact=True).fill("20, 30")
    page.get_by_role("button", name="Start the sweep").click()
    expect(page.locator("tbody").get_by_text("Done").first).to_be_visible(timeout=2 * PATIENCE)
    page.locator("tbody").get_by_role("link", name="sma_cross").first.click()
    expect(page.get_by_role("region", name="Windows of the walk-forward").locator("tbody tr")).to_have_count(3)
    expect(page.locator("table.heat tbody td").first).to_be_visible()


@pytest.fixture(scope="module")
def inner_pages(session: PageSession) -> list[str]:
    """Pages about one thing: a backtest, two compared, a sweep, an order."""
    wait_for_positions(session)
    first, second = (session.job("backtests", strategy=name) for name in ("velez", "sma_cross"))
    sweep = session.job("sweeps", strategy="sma_cross", grid={"fast": [5, 10], "slow": [20, 30]})
    order = session.get("/api/orders")["items"][0]["local_id"]
    return [f"/backtests/{first}", f"/backtests/compare?ids={first},{second}", f"/sweeps/{sweep}", f"/orders/{order}"]


def test_its_programs_are_small() -> None:
    """What a browser is sent of JavaScript, every page of it together."""
    from algotrader.server.page import read_page

    assert sum(len(file.packed or file.content) for name, file in read_page().items() if name.endswith(".js")) < 300_000


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_moves_scrolls_sideways_or_shuts_anybody_out(
    browser: Browser, session: PageSession, inner_pages: list[str], complaints: list[str], width: int, dark: bool
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light")
    context.add_init_script(WATCH)
    page = listen(context.new_page(), complaints)
    try:
        page.goto(f"{session.base}/#token={session.token}")
        live(page)
        for path in (*PAGES, *inner_pages):
            page.goto(session.base + path)
            live(page)
            page.wait_for_load_state("networkidle")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert measured(page, "moved") < 0.01, path
            assert faults(page) == [], path
        page.goto(session.base + "/risk")
        page.get_by_role("button", name=re.compile("Flatten")).click()
        assert faults(page) == [], "a dialog"
    finally:
        context.close()
    assert complaints == []


def faults(page: Page) -> list[str]:
    """What axe finds serious."""
    assert AXE.is_file(), "axe-core is not there; `make page` brings it"
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"] if one["impact"] in ("serious", "critical")
    ]


def test_flattening_leaves_a_round_trip_and_a_note_survives_a_restart(
    page: Page, session: PageSession, complaints: list[str]
) -> None:
    """The page stays open while the session is gone, says so, and comes back by itself."""
    page.get_by_role("link", name="Risk").click()
    confirm(page, "Flatten", "flatten", "Close every position")
    until = time.monotonic() + PATIENCE / 1000
    while session.get("/api/positions")["items"]:
        assert time.monotonic() < until, "something is still held"
        page.wait_for_timeout(50)
    page.goto(f"{session.base}/round-trips")
    page.get_by_title("Its orders").first.click()
    rows = page.get_by_role("region", name="Orders").get_by_role("row")
    expect(rows.filter(has_text="Entry")).to_have_count(1)
    expect(rows.filter(has_text="Stop loss")).not_to_have_count(0)
    page.go_back()
    page.get_by_role("button", name="Notes on").first.click()
    page.get_by_label("Note", exact=True).fill("left in a drill")
    page.get_by_role("button", name="Add the note").click()
    expect(page.get_by_role("dialog").get_by_text("left in a drill")).to_be_visible()
    page.keyboard.press("Escape")

    session.stop()
    expect(page.get_by_text("Not live.")).to_be_visible(timeout=PATIENCE)
    session.start()
    live(page)
    page.get_by_role("button", name="Notes on").first.click()
    expect(page.get_by_role("dialog").get_by_text("left in a drill")).to_be_visible()
    forget_refusals(complaints)


def test_without_the_link_the_page_shows_but_asks_before_it_acts(
    context: BrowserContext, session: PageSession, complaints: list[str]
) -> None:
    page = listen(context.new_page(), complaints)
    page.goto(session.base)
    live(page)
    page.get_by_role("button", name="Halt").first.click()
    dialog = page.get_by_role("dialog", name="Log in")
    dialog.get_by_label("Token").fill("wrong")
    dialog.get_by_role("button", name="Log in").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    assert session.get("/api/status")["trading_state"] == "active"
    dialog.get_by_label("Token").fill(session.token)
    dialog.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("banner").get_by_text("Halted")).to_be_visible()
    forget_refusals(complaints)
    assert complaints == []
