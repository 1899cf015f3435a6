"""What can be traded at Alpaca: an asset's record, and the instrument that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from algotrader.core.instruments import AssetClass, Instrument
from algotrader.venues.alpaca.symbols import CRYPTO, US_EQUITY, VENUE, our_symbol
from algotrader.venues.alpaca.values import AlpacaRecordFault, Record, decimal_or_none, decimal_to_raw, flag, text, text_or_empty

_READ: Final = frozenset(
    {
        "id",
        "class",
        "asset_class",
        "exchange",
        "symbol",
        "name",
        "status",
        "tradable",
        "marginable",
        "shortable",
        "easy_to_borrow",
        "fractionable",
        "min_order_size",
        "min_trade_increment",
        "price_increment",
        "maintenance_margin_requirement",
        "attributes",
    }
)
_FRACTION_PLACES: Final = 6
_MOST_PLACES: Final = 9


@dataclass(frozen=True, slots=True)
class AlpacaAsset:
    """One asset. Sizes and increments are None where Alpaca has none of its own (equities); ``extra`` keeps unknown fields."""

    asset_id: str
    symbol: str
    asset_class: str
    name: str = ""
    exchange: str = ""
    status: str = ""
    tradable: bool = False
    marginable: bool = False
    shortable: bool = False
    easy_to_borrow: bool = False
    fractionable: bool = False
    min_order_size: Decimal | None = None
    min_trade_increment: Decimal | None = None
    price_increment: Decimal | None = None
    maintenance_margin: Decimal | None = None
    attributes: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def may_short(self) -> bool:
        """Whether it can be sold short without a search for shares to borrow."""
        return self.shortable and self.easy_to_borrow

    def instrument(self, *, calendar: str = "XNYS", fractional: bool = False) -> Instrument:
        """The instrument that the engine trades.

        Args:
            calendar: of an equity's exchange.
            fractional: fractions of a share are wanted; without effect where the asset has none.

        Raises:
            AlpacaRecordFault: the engine knows no instrument of this kind.
        """
        try:
            if self.asset_class == CRYPTO:
                return self._crypto()
            if self.asset_class == US_EQUITY:
                places = _FRACTION_PLACES if fractional and self.fractionable else 0
                return Instrument(self.symbol, AssetClass.EQUITY, venue=VENUE, quantity_scale=places, calendar=calendar)
        except ValueError as error:
            raise AlpacaRecordFault(f"{self.symbol}: {error}") from None
        raise AlpacaRecordFault(f"{self.symbol}: assets of class {self.asset_class!r} are not traded here")

    def _crypto(self) -> Instrument:
        quantity_step = self.min_trade_increment or Decimal(1).scaleb(-_MOST_PLACES)
        price_step = self.price_increment or Decimal(1).scaleb(-_MOST_PLACES)
        quantity_scale = max(_places(quantity_step), _places(self.min_order_size or quantity_step))
        price_scale = _places(price_step)
        return Instrument(
            self.symbol,
            AssetClass.CRYPTO,
            currency=self.symbol.rpartition("/")[2],
            venue=VENUE,
            price_scale=price_scale,
            quantity_scale=quantity_scale,
            price_increment=decimal_to_raw(price_step, price_scale, "price_increment"),
            quantity_increment=decimal_to_raw(quantity_step, quantity_scale, "min_trade_increment"),
            min_quantity=decimal_to_raw(self.min_order_size or quantity_step, quantity_scale, "min_order_size"),
            calendar="24/7",
        )


def asset(record: Record) -> AlpacaAsset:
    """An asset.

    Raises:
        AlpacaRecordFault: the record cannot be read.
    """
    asset_class = text_or_empty(record, "class") or text(record, "asset_class")
    attributes = record.get("attributes") or []
    if not isinstance(attributes, list):
        raise AlpacaRecordFault("attributes is not a list")
    return AlpacaAsset(
        asset_id=text(record, "id"),
        symbol=our_symbol(text(record, "symbol"), asset_class),
        asset_class=asset_class,
        name=text_or_empty(record, "name"),
        exchange=text_or_empty(record, "exchange"),
        status=text_or_empty(record, "status"),
        tradable=flag(record, "tradable"),
        marginable=flag(record, "marginable"),
        shortable=flag(record, "shortable"),
        easy_to_borrow=flag(record, "easy_to_borrow"),
        fractionable=flag(record, "fractionable"),
        min_order_size=decimal_or_none(record, "min_order_size"),
        min_trade_increment=decimal_or_none(record, "min_trade_increment"),
        price_increment=decimal_or_none(record, "price_increment"),
        maintenance_margin=decimal_or_none(record, "maintenance_margin_requirement"),
        attributes=tuple(item for item in attributes if isinstance(item, str)),
        extra={name: value for name, value in record.items() if name not in _READ},
    )


def _places(step: Decimal) -> int:
    """Decimal places of an increment."""
    exponent = step.normalize().as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0
