"""The ``data`` of an algorithm: current prices, history, and whether an asset can be traded now.

One object serves the whole run and reads the engine when asked; nothing is made for a bar. Numbers are floats, times are UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from math import nan
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from algotrader.core.algorithm_style import AlgorithmSlot, Feed
from algotrader.core.market import utc
from algotrader.errors import did_you_mean
from algotrader.strategies.algorithm_assets import Asset, AssetBook
from algotrader.strategies.algorithm_errors import AlgorithmError
from algotrader.strategies.algorithm_windows import HISTORY_FIELDS, Frequencies, Window, align

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Names = Asset | str | Iterable[Asset | str]
"""One asset, or several."""


class _View:
    """One asset's newest bar, with its scales at hand."""

    __slots__ = ("asset", "feed", "price_unit", "quantity_unit", "slot")

    def __init__(self, asset: Asset, feed: Feed, slot: AlgorithmSlot) -> None:
        instrument = asset.instrument
        self.asset: Final = asset
        self.feed: Final = feed
        self.slot: Final = slot
        self.price_unit: Final = float(10**instrument.price_scale)
        self.quantity_unit: Final = float(10**instrument.quantity_scale)

    def price(self) -> float:
        raw = self.feed.track.last_raw
        return raw / self.price_unit if raw else nan

    def open(self) -> float:
        return self.feed.open_raw / self.price_unit if self.is_new() else nan

    def high(self) -> float:
        return self.feed.high_raw / self.price_unit if self.is_new() else nan

    def low(self) -> float:
        return self.feed.low_raw / self.price_unit if self.is_new() else nan

    def close(self) -> float:
        return self.feed.close_raw / self.price_unit if self.is_new() else nan

    def volume(self) -> float:
        return self.feed.volume_raw / self.quantity_unit if self.is_new() else 0.0

    def last_traded(self) -> datetime | None:
        return utc(self.feed.track.last_time) if self.feed.track.last_time else None

    def is_new(self) -> bool:
        """Whether the asset had a bar in this slice."""
        return self.feed.close_time == self.slot.slice_time and self.feed.close_time > 0


_READERS: Final[dict[str, Callable[[_View], Any]]] = {
    "price": _View.price,
    "open": _View.open,
    "high": _View.high,
    "low": _View.low,
    "close": _View.close,
    "volume": _View.volume,
    "last_traded": _View.last_traded,
}


class BarData:
    """What every hook but ``initialize`` receives second.

    Args:
        port: the engine's side of the strategy.
        book: its assets.
        restricted: tells for an asset whether the strategy's own restrictions forbid it now.
    """

    def __init__(self, port: AlgorithmSlot, book: AssetBook, restricted: Callable[[Asset], bool]) -> None:
        self._port = port
        self._book = book
        self._restricted = restricted
        self._views: dict[str, _View] = {}
        for asset in book.assets:
            self._views[asset] = _View(asset, port.feed_of(book.track(asset)), port)
        self._frequencies = Frequencies(port)

    def _view(self, asset: Asset | str) -> _View:
        return self._views.get(asset) or self._views[self._book.find(asset)]

    def _several(self, assets: Names) -> list[Asset]:
        return [self._book.find(asset) for asset in assets]

    def current(self, assets: Names, fields: str | Iterable[str]) -> Any:
        """The present values of fields of assets.

        Args:
            assets: one asset (or symbol), or several.
            fields: ``price`` (the last one, however old), ``open``, ``high``, ``low``, ``close`` (NaN when the asset had no bar in
                this slice), ``volume`` (0 then), ``last_traded`` (when its last bar closed, None before any); one or several.

        Returns:
            A number for one asset and one field; a Series for several of either, indexed by those; a DataFrame of assets by
            fields for several of both.

        Raises:
            UnknownAsset: the run does not trade it.
            AlgorithmError: no such field.
        """
        if isinstance(fields, str):
            reader = _reader(fields)
            if isinstance(assets, str):
                return reader(self._view(assets))
            return _series({asset: reader(self._views[asset]) for asset in self._several(assets)})
        readers = {field: _reader(field) for field in fields}
        if isinstance(assets, str):
            view = self._view(assets)
            return _series({field: reader(view) for field, reader in readers.items()})
        import pandas as pd

        names = self._several(assets)
        columns = {field: [reader(self._views[asset]) for asset in names] for field, reader in readers.items()}
        return pd.DataFrame(columns, index=_labels(names))

    def can_trade(self, assets: Names) -> Any:
        """Whether an asset can be traded: it has a price, is neither halted nor restricted, and its market is open now.

        While the strategy's own market is closed, as before the open, all assets of that market count as open. A bool, or a Series
        for several assets.
        """
        if isinstance(assets, str):
            return self._can_trade(self._view(assets))
        return _series({asset: self._can_trade(self._views[asset]) for asset in self._several(assets)})

    def _can_trade(self, view: _View) -> bool:
        track = view.feed.track
        if track.last_raw == 0 or track.halted or self._restricted(view.asset):
            return False
        own = self._port.tracks[0]
        same_market = track.instrument.calendar == own.instrument.calendar
        return self._is_open(view) or (same_market and not self._is_open(self._views[self._book.of_track(own)]))

    def _is_open(self, view: _View) -> bool:
        session = view.feed.track.session
        now = self._port.state.now
        if session is None:
            return True
        return session.open_time <= now <= session.close_time and not any(start < now < end for start, end in session.breaks)

    def is_stale(self, assets: Names) -> Any:
        """Whether an asset has traded before but had no bar in this slice. A bool, or a Series for several assets."""
        if isinstance(assets, str):
            return _is_stale(self._view(assets))
        return _series({asset: _is_stale(self._views[asset]) for asset in self._several(assets)})

    def window(self, asset: Asset | str, field: str, bar_count: int, frequency: str = "") -> Floats:
        """The last values of a field as a plain array, oldest first: the fast way to history.

        Args:
            asset: asset or symbol.
            field: ``open``, ``high``, ``low``, ``close``, ``price`` or ``volume``.
            bar_count: how many bars; fewer come while there are fewer.
            frequency: as in ``history``; left out, the bars of the run.

        Raises:
            AlgorithmError: no such field or frequency, or more bars than the engine keeps.
        """
        view = self._view(asset)
        return self._rows(view, field, bar_count, frequency).values

    def _rows(self, view: _View, field: str, bar_count: int, frequency: str) -> Window:
        if field not in HISTORY_FIELDS:
            raise _no_field(field, HISTORY_FIELDS)
        unit = view.quantity_unit if field == "volume" else view.price_unit
        return self._frequencies.rows(view.feed, field, unit, bar_count, frequency)

    def history(self, assets: Names, fields: str | Iterable[str], bar_count: int, frequency: str) -> Any:
        """The last bars as pandas objects, oldest first.

        Args:
            assets: one asset (or symbol), or several.
            fields: ``open``, ``high``, ``low``, ``close``, ``price`` or ``volume``; one or several.
            bar_count: how many bars; fewer come while there are fewer.
            frequency: ``1m`` for the base bars (or their own name, such as ``5m``), the run's interval, or ``1d`` for sessions; in
                an intraday run the last session is today's so far.

        Returns:
            A Series for one asset and one field; a DataFrame of times by assets (several assets, one field) or by fields (one
            asset, several fields); for several of both a DataFrame of fields, indexed by time and asset. Intraday times are when
            a bar closed, sessions are their date at midnight; UTC. Where assets differ in their times, ``price`` repeats the last
            one, ``volume`` is 0 and the other fields are NaN.

        Raises:
            UnknownAsset: the run does not trade it.
            AlgorithmError: no such field or frequency, or more bars than the engine keeps.
        """
        import pandas as pd

        if isinstance(assets, str):
            view = self._view(assets)
            if isinstance(fields, str):
                rows = self._rows(view, fields, bar_count, frequency)
                return pd.Series(rows.values, index=_times(rows.times), name=view.asset)
            columns = {field: self._rows(view, field, bar_count, frequency) for field in fields}
            times = next(iter(columns.values())).times
            return pd.DataFrame({field: rows.values for field, rows in columns.items()}, index=_times(times))
        names = self._several(assets)
        if isinstance(fields, str):
            return self._across(names, fields, bar_count, frequency)
        frames = {field: self._across(names, field, bar_count, frequency) for field in fields}
        return pd.DataFrame({field: frame.stack(future_stack=True) for field, frame in frames.items()})

    def _across(self, assets: list[Asset], field: str, bar_count: int, frequency: str) -> pd.DataFrame:
        """One field of several assets on their common times."""
        import pandas as pd

        windows = [self._rows(self._views[asset], field, bar_count, frequency) for asset in assets]
        times, columns = align(windows, field, bar_count)
        table = np.column_stack(columns) if columns else np.empty((0, 0))
        return pd.DataFrame(table, index=_times(times), columns=_labels(assets))


def _reader(field: str) -> Callable[[_View], Any]:
    reader = _READERS.get(field)
    if reader is None:
        raise _no_field(field, tuple(_READERS))
    return reader


def _no_field(field: object, known: tuple[str, ...]) -> AlgorithmError:
    near = did_you_mean(str(field), known)
    return AlgorithmError(f"there is no field {field!r} (known: {', '.join(known)})", near)


def _is_stale(view: _View) -> bool:
    return view.feed.track.bars_seen > 0 and not view.is_new()


def _labels(assets: list[Asset]) -> pd.Index[Any]:
    import pandas as pd

    # Kept as objects, so that the labels stay assets.
    labels: pd.Index[Any] = pd.Index(np.array(assets, dtype=object))
    return labels


def _series(values: dict[Any, Any]) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series(list(values.values()), index=_labels(list(values)))


def _times(times: npt.NDArray[np.int64]) -> pd.DatetimeIndex:
    import pandas as pd

    return pd.DatetimeIndex(times.view("datetime64[ns]")).tz_localize("UTC")
