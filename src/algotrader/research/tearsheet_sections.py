"""The parts of a tear sheet that are plain HTML: key figures, tables, lists. Every text from outside is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from html import escape

from algotrader.research import curve
from algotrader.research.formats import NOTHING, cents_text, date_text, duration_text, number_text, percent_text, time_text
from algotrader.research.metrics import Metrics
from algotrader.research.result import BacktestResult

MOST_PROBLEMS = 500
"""Problems listed one by one; the rest is counted."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_OPTIMISTIC = {"fill": "close", "entry_bar_stop": "ignore"}


def is_optimistic(name: str, text: str) -> bool:
    """Tell whether an assumption makes results better than trading would: it says so, or is one of the known options."""
    return "optimistic" in f"{name} {text}".lower() or _OPTIMISTIC.get(name) == text.strip().lower()


def pretty(text: str) -> str:
    """Escape a text for HTML and write a leading minus as the minus sign."""
    safe = escape(text, quote=True)
    return f"\u2212{safe[1:]}" if safe.startswith("-") and safe[1:2].isdigit() else safe


def subtitle(result: BacktestResult) -> str:
    """Symbols, period and capital in one line."""
    shown = ", ".join(result.symbols[:12]) + (f" and {len(result.symbols) - 12} more" if len(result.symbols) > 12 else "")
    period = f"{date_text(result.start)} to {date_text(result.end)}"
    facts = (shown, period, f"bars of {result.interval}", f"capital {cents_text(result.capital)}")
    return "".join(f"<li>{escape(fact)}</li>" for fact in facts)


def tiles(metrics: Metrics) -> str:
    """The figures one looks at first, as tiles: name, value, and a second line that puts it in context."""
    m = metrics
    rows: list[tuple[str, str, str, float]] = [
        ("Total return", percent_text(m.total_return, signed=True), f"net {cents_text(m.net_profit, signed=True)}", m.total_return),
        ("CAGR", percent_text(m.cagr, signed=True), f"volatility {percent_text(m.volatility)}", m.cagr or 0.0),
        ("Sharpe ratio", number_text(m.sharpe), f"Sortino {number_text(m.sortino)}", m.sharpe),
        ("Max drawdown", percent_text(-m.max_drawdown), f"{m.longest_drawdown_days:,.1f} days under water", -m.max_drawdown),
        ("Win rate", percent_text(m.win_rate, 1), f"of {m.round_trips:,} round trips", 0.0),
        ("Profit factor", number_text(m.profit_factor), f"Calmar {number_text(m.calmar)}", 0.0),
        ("Expectancy", cents_text(m.expectancy, signed=True), "per round trip", float(m.expectancy)),
        ("Fees", cents_text(m.fees), f"{m.fills:,} fills", 0.0),
    ]
    if m.benchmark_return is not None:
        second = f"alpha {percent_text(m.alpha, signed=True)}, beta {number_text(m.beta)}"
        rows.append(("Benchmark", percent_text(m.benchmark_return, signed=True), second, m.benchmark_return))
    else:
        rows.append(("Average duration", duration_text(m.average_duration_seconds), f"win {cents_text(m.average_win)}", 0.0))
    rows.append(("Exposure", percent_text(m.exposure, 1), f"turnover {_times(m.turnover)} a year", 0.0))
    return "".join(_tile(*row) for row in rows)


def _times(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.1f}\u00d7"


def _tile(name: str, value: str, second: str, sign: float) -> str:
    kind = "up" if sign > 0 else "down" if sign < 0 else "even"
    return (
        f'<div class="tile"><dt>{escape(name)}</dt><dd class="value {kind}">{pretty(value)}</dd>'
        f'<dd class="second">{pretty(second)}</dd></div>'
    )


def figures(metrics: Metrics) -> str:
    """All figures with their meaning, as table rows."""
    return "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="num">{pretty(value)}</td><td>{escape(meaning)}</td></tr>'
        for name, value, meaning in metrics.as_rows()
    )


def months(result: BacktestResult) -> str:
    """The table of monthly returns: a row a year, the strength of the color by size, the sign always written."""
    table = curve.monthly_returns(result.equity_time, result.equity, result.session_days, float(result.capital))
    if not table:
        return '<p class="empty">No session was traded.</p>'
    values = [value for year in table.values() for month, value in year.items() if month and value is not None]
    largest = max((abs(value) for value in values), default=0.0)
    head = "".join(f'<th scope="col">{name}</th>' for name in (*_MONTHS, "Year"))
    body = "".join(_year(year, table[year], largest) for year in table)
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Monthly returns"><table class="months"><thead>'
        f'<tr><th scope="col"><span class="hidden">Year</span></th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        f"{_month_summary(values)}"
    )


def _month_summary(values: Sequence[float]) -> str:
    if not values:
        return ""
    gained = sum(value > 0 for value in values)
    facts = (
        ("Best month", percent_text(max(values), 1, signed=True)),
        ("Worst month", percent_text(min(values), 1, signed=True)),
        ("Months with a gain", f"{gained:,} of {len(values):,}"),
    )
    listed = "".join(f"<span>{name} <b>{pretty(value)}</b></span>" for name, value in facts)
    return f'<p class="readout">{listed}</p>'


def _year(year: int, values: dict[int, float | None], largest: float) -> str:
    cells = "".join(_month(values, month, largest) for month in range(1, 13))
    total = values.get(0)
    text = "\u2013" if total is None else pretty(_tenths(total))
    return f'<tr><th scope="row">{year}</th>{cells}<td class="total {_kind(total)}">{text}</td></tr>'


def _month(values: dict[int, float | None], month: int, largest: float) -> str:
    if month not in values:
        return "<td></td>"
    value = values[month]
    if value is None:
        return "<td>\u2013</td>"
    text = _tenths(value)
    level = 0 if text == "0.0" else min(int(abs(value) / largest * 4) + 1, 4)
    heat = f"heat-{_kind(value)}-{level}" if level else "heat-none"
    return f'<td class="{heat}">{pretty(text)}</td>'


def _tenths(value: float) -> str:
    return percent_text(value, 1, signed=True).removesuffix(" %")


def _kind(value: float | None) -> str:
    return "even" if not value else "up" if value > 0 else "down"


def assumptions(result: BacktestResult) -> str:
    """What was assumed about fills and costs; options that flatter the result come first and are marked."""
    if not result.assumptions:
        return '<p class="empty">The run recorded no assumptions.</p>'
    flagged = [(name, text, is_optimistic(name, text)) for name, text in result.assumptions.items()]
    flagged.sort(key=lambda row: not row[2])
    return f"<dl class='pairs'>{''.join(_assumption(*row) for row in flagged)}</dl>"


def _assumption(name: str, text: str, optimistic: bool) -> str:
    mark = '<span class="badge"><span aria-hidden="true">\u26a0</span> optimistic</span> ' if optimistic else ""
    kind = ' class="optimistic"' if optimistic else ""
    return f"<div{kind}><dt>{escape(name)}</dt><dd>{mark}{escape(text)}</dd></div>"


def optimism_banner(result: BacktestResult) -> str:
    """A warning at the top when an option flatters the result; empty otherwise."""
    names = [name for name, text in result.assumptions.items() if is_optimistic(name, text)]
    if not names:
        return ""
    listed = ", ".join(f"<b>{escape(name)}</b>" for name in names)
    text = f"Optimistic assumptions are on: {listed}. Live results will be worse."
    return f'<p class="banner" role="note"><span aria-hidden="true">\u26a0</span> <span>{text}</span></p>'


def pairs(values: Iterable[tuple[str, object]], empty: str) -> str:
    """Names and values as a definition list; ``empty`` is what to say when there are none."""
    rows = [f"<div><dt>{escape(name)}</dt><dd>{pretty(_plain(value))}</dd></div>" for name, value in values]
    return f'<dl class="pairs">{"".join(rows)}</dl>' if rows else f'<p class="empty">{escape(empty)}</p>'


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() else str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def problems(result: BacktestResult) -> str:
    """The section of problems, or nothing when the run had none."""
    if not result.problems:
        return ""
    shown = result.problems[:MOST_PROBLEMS]
    rest = len(result.problems) - len(shown)
    rows = _cells((time_text(item.time), item.kind, item.symbol, item.message) for item in shown)
    more = f'<p class="note">{rest:,} more are not listed.</p>' if rest else ""
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Time (UTC)", "Kind", "Symbol", "Message"))
    return (
        f'<section id="problems"><h2>Problems <span class="count">{len(result.problems):,}</span></h2>'
        '<div class="scroll tall" tabindex="0" role="region" aria-label="Problems"><table class="list"><thead>'
        f"<tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{more}</section>"
    )


def _cells(rows: Iterable[Sequence[str]]) -> str:
    return "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)


def footer(result: BacktestResult) -> str:
    """What made the numbers: the engine and the fingerprint of every fill."""
    engine, mark = escape(result.engine or "not recorded"), escape(result.fingerprint or "not recorded")
    return f"<p>Engine <code>{engine}</code></p><p>Fingerprint <code>{mark}</code></p>"
