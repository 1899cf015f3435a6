"""The units in which a database counts an instrument: they are fixed with the first session that traded it.

Prices and quantities are kept as integers. Read in other units, ten shares would be ten millionths of a share, and every order,
position and comparison would be wrong by that factor.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from algotrader.core.instruments import Instrument
from algotrader.live.setup import stretches
from algotrader.storage.records import StoreFailed
from algotrader.storage.sql_store import SqlStore

_UNITS: Final = {
    "price_scale": "decimals of the price",
    "quantity_scale": "decimals of the quantity",
    "currency": "currency",
}


def check_units(old: Instrument, new: Instrument) -> None:
    """Make sure that an instrument is counted as it was.

    Raises:
        StoreFailed: it is not.
    """
    for name, what in _UNITS.items():
        before, now = getattr(old, name), getattr(new, name)
        if before != now:
            raise StoreFailed(
                f"this database counts {old.symbol} otherwise ({what}: {before}, now {now}); use another database, "
                "or undo what was changed since, such as broker.fractional"
            )


def check_all_units(store: SqlStore, instruments: Iterable[Instrument]) -> None:
    """Make sure that instruments are counted as in every session of a database so far.

    Raises:
        StoreFailed: one is not, or what the sessions were made of cannot be read.
    """
    wanted = {instrument.symbol: instrument for instrument in instruments}
    for stretch in stretches(store):
        for old in stretch.setup.instruments:
            if old.symbol in wanted:
                check_units(old, wanted[old.symbol])
