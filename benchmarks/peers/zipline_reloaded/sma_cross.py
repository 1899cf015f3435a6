"""W1, W2 and W5 by zipline-reloaded: ``initialize`` and ``handle_data`` on minute bars of the New York calendar.

The averages come from ``data.history``, as in its documentation. Its own slippage models fill at the next bar's close; the one here
fills at the open, so that results can be compared. Bars are ingested as a bundle beforehand.
"""

# mypy: disable-error-code="import-not-found,misc"
from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.protocol import read_task, report, timed

TASK = read_task()
ROOT = TASK.folder.resolve().parent / f"zipline-{TASK.rows}"
os.environ["ZIPLINE_ROOT"] = str(ROOT)

from zipline import run_algorithm  # noqa: E402
from zipline.api import order, set_commission, set_slippage, symbol  # noqa: E402
from zipline.data import bundles  # noqa: E402
from zipline.data.bcolz_minute_bars import BcolzMinuteBarWriter  # noqa: E402
from zipline.finance import commission, slippage  # noqa: E402
from zipline.utils.calendar_utils import get_calendar  # noqa: E402

BUNDLE = "bench"
CALENDAR = get_calendar("XNYS")


class NextOpen(slippage.SlippageModel):
    """Fills in full at the open of the bar after the order."""

    def process_order(self, data: Any, order: Any) -> tuple[float, float]:
        """Price and quantity of the fill."""
        return data.current(order.asset, "open"), order.amount


def initialize(context: Any) -> None:
    """Costs and assets."""
    set_commission(commission.PerShare(cost=TASK.commission, min_trade_cost=0.0))
    set_slippage(NextOpen())
    context.assets = [symbol(name) for name in TASK.symbols]
    context.bars = 0


def handle_data(context: Any, data: Any) -> None:
    """Buy on the cross above, sell on the cross below."""
    context.bars += 1
    if context.bars <= TASK.slow:
        return
    positions = context.portfolio.positions
    window = data.history(context.assets, "price", TASK.slow + 1, "1m").to_numpy()
    before = window[-TASK.fast - 1 : -1].mean(axis=0) - window[:-1].mean(axis=0)
    now = window[-TASK.fast :].mean(axis=0) - window[1:].mean(axis=0)
    for number, asset in enumerate(context.assets):
        held = positions[asset].amount if asset in positions else 0
        if not held:
            if before[number] <= 0 < now[number]:
                order(asset, TASK.quantity)
        elif now[number] < 0 <= before[number]:
            order(asset, -held)


def minutes(name: str) -> pd.DataFrame:
    """The bars as zipline stores them: labelled by their end.

    It cuts off what its integers do not hold, so a price that is a hair below its decimal form would lose a step: a tenth of a step
    is added.
    """
    columns = TASK.columns(name)
    prices = {"open": columns.open, "high": columns.high, "low": columns.low, "close": columns.close}
    nudged = {field: values + 0.00001 for field, values in prices.items()}
    return pd.DataFrame({**nudged, "volume": columns.volume}, index=pd.DatetimeIndex(columns.time + 60 * 10**9, tz="UTC"))


def ingest(
    environ: Any,
    asset_db_writer: Any,
    minute_bar_writer: Any,
    daily_bar_writer: Any,
    adjustment_writer: Any,
    calendar: Any,
    start_session: Any,
    end_session: Any,
    cache: Any,
    show_progress: Any,
    output_dir: Any,
) -> None:
    """Write assets and minute bars; daily bars are made of those."""
    frames = {number: minutes(name) for number, name in enumerate(TASK.symbols)}
    first, last = sessions()
    assets = pd.DataFrame(
        {
            "start_date": first,
            "end_date": last,
            "auto_close_date": last + pd.Timedelta(days=1),
            "symbol": TASK.symbols,
            "exchange": "NYSE",
        }
    )
    asset_db_writer.write(equities=assets)
    # By default it keeps three decimals of a price; these bars have four.
    folder = Path(minute_bar_writer.sidpath(0)).parents[2]
    writer = BcolzMinuteBarWriter(str(folder), calendar, first, last, 390, default_ohlc_ratio=10_000)
    writer.write(iter(frames.items()), show_progress=False)
    rules = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    days = CALENDAR.sessions_in_range(first, last)
    daily = ((sid, frame.groupby(local_days(frame)).agg(rules).set_axis(days)) for sid, frame in frames.items())
    daily_bar_writer.write(daily, show_progress=False)
    adjustment_writer.write()


def local_days(frame: pd.DataFrame) -> Any:
    """The exchange's date of every bar."""
    return pd.DatetimeIndex(frame.index).tz_convert(CALENDAR.tz).date


def sessions() -> tuple[Any, Any]:
    """First and last session of the bars."""
    times = np.load(TASK.folder / "time.npy")[: TASK.rows]
    first, last = (CALENDAR.minute_to_session(pd.Timestamp(time, tz="UTC")) for time in (int(times[0]), int(times[-1])))
    return first, last


def main() -> None:
    """Run the task once."""
    warnings.simplefilter("ignore")
    first, last = sessions()
    bundles.register(
        BUNDLE, ingest, calendar_name="XNYS", start_session=first, end_session=last, minutes_per_day=390, create_writers=True
    )
    if not (ROOT / "data" / BUNDLE).is_dir():
        bundles.ingest(BUNDLE, show_progress=False)
    flat = pd.Series(0.0, index=CALENDAR.sessions_in_range(first, last))
    perf, seconds = timed(
        lambda: run_algorithm(
            start=first,
            end=last,
            initialize=initialize,
            handle_data=handle_data,
            capital_base=TASK.capital,
            data_frequency="minute",
            bundle=BUNDLE,
            benchmark_returns=flat,
            trading_calendar=CALENDAR,
        )
    )
    fills = int(sum(len(day) for day in perf["transactions"]))
    report(seconds, TASK.bars, fills, float(perf["portfolio_value"].iloc[-1]))


if __name__ == "__main__":
    main()
