"""Assets: how an algorithm names what it trades."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from algotrader.core.instruments import Instrument, normal_symbol
from algotrader.core.state import Track
from algotrader.errors import did_you_mean
from algotrader.strategies.algorithm_errors import UnknownAsset


class Asset(str):
    """Something the strategy trades. It is its symbol's text and more, so asset and symbol can stand for each other everywhere.

    Made by ``symbol`` and ``symbols``; not meant to be made by hand.
    """

    __slots__ = ("_track",)
    snapshot_arguments: ClassVar[tuple[str, ...]] = ("_track",)
    _track: Track

    def __new__(cls, track: Track) -> Asset:
        """Name the instrument of a track by its present symbol."""
        asset = super().__new__(cls, track.instrument.symbol)
        asset._track = track
        return asset

    @property
    def symbol(self) -> str:
        """The symbol it was looked up by."""
        return str(self)

    @property
    def instrument(self) -> Instrument:
        """Increments, multiplier, currency, venue and calendar, as they are now."""
        return self._track.instrument

    @property
    def exchange(self) -> str:
        """Name of its calendar, such as XNYS or 24/7."""
        return self._track.instrument.calendar

    def __repr__(self) -> str:
        return f"Asset({str(self)!r})"


class AssetBook:
    """The assets of one run, found by asset or symbol.

    Args:
        tracks: what the strategy may trade, in order of registration.
    """

    def __init__(self, tracks: Iterable[Track]) -> None:
        self.assets: Final = [Asset(track) for track in tracks]
        self._by_symbol = {asset.symbol: asset for asset in self.assets}
        self._by_index = {asset._track.index: asset for asset in self.assets}

    def find(self, name: object) -> Asset:
        """The asset of this symbol, however it is written (``btcusdt`` finds ``BTC/USDT``).

        Raises:
            UnknownAsset: the run does not trade it; the message lists what it trades.
        """
        if isinstance(name, str):
            found = self._by_symbol.get(name) or self._by_symbol.get(normal_symbol(name)) or self._renamed(name)
            if found is not None:
                return found
        known = ", ".join(self._by_symbol)
        near = did_you_mean(str(name), self._by_symbol)
        raise UnknownAsset(f"{name!r} is not among the symbols of this run ({known})", near or "add it to the run's symbols")

    def _renamed(self, name: str) -> Asset | None:
        """An instrument that changed its symbol during the run keeps its asset."""
        for asset in self.assets:
            if asset.instrument.symbol == name:
                return asset
        return None

    def track(self, name: object) -> Track:
        """The engine's side of an asset; raises ``UnknownAsset`` like ``find``."""
        return self.find(name)._track

    def of_track(self, track: Track) -> Asset:
        """The asset of one of the strategy's tracks."""
        return self._by_index[track.index]
