"""A snapshot as JSON for people: the account in exact decimals first, then everything that is in it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from math import isfinite
from typing import Any, Final

import msgspec

from algotrader.core.instruments import Instrument
from algotrader.core.market import utc
from algotrader.core.order_states import FINAL_STATES
from algotrader.core.scaled import div_half_even, from_money
from algotrader.storage.parts import MADE, TAGS
from algotrader.storage.snapshot_form import opened
from algotrader.storage.snapshot_kept import unpressed
from algotrader.storage.unpacking import CannotRestore, Unpacker, read_array

_MADE: Final = frozenset(kind.__name__ for kind in MADE)
_ENDED: Final = frozenset(state.value for state in FINAL_STATES)


class _Reader(Unpacker):
    """Reads a snapshot as JSON values. Nothing that it names is looked up, so it needs neither engine nor strategies."""

    def __init__(self, content: dict[str, Any]) -> None:
        super().__init__()
        self.columns: Final[dict[str, list[str]]] = content["columns"]
        self.instruments: Final = [Instrument(*super(_Reader, self).many([_enum(v) for v in r])) for r in content["instruments"]]
        self.made: Final[dict[str, list[dict[str, Any]]]] = {kind: [] for kind in sorted(_MADE)}
        self._labels: dict[int, str] = {}
        self._kept: Final[list[Any]] = unpressed(content)
        self._shown: Final[dict[int, str]] = {}
        listed: Callable[[Any], Any] = lambda parts: self.many(parts)  # noqa: E731
        self._ways.update(
            tuple=listed,
            frozenset=listed,
            set=lambda parts: self._within(lambda: self.many(parts)),
            dict=lambda parts: self._within(lambda: self._object(self.many(parts))),
            ordered=lambda parts: self._within(lambda: self._object(self.many(parts))),
            counter=lambda parts: self._within(lambda: self._object(self.many(parts))),
            defaultdict=lambda parts: self._within(lambda: self._object(self.many(parts)[1:])),
            deque=lambda parts: self._within(lambda: self.many(parts[1])),
            decimal=str,
            datetime=lambda parts: parts[0] + ("" if parts[1] is None else f" {_zone(parts[1])}"),
            date=str,
            time=str,
            timedelta=lambda parts: parts,
            zone=_zone,
            array=lambda parts: self.met(read_array(parts)).tolist(),
            number=lambda parts: _shown(read_array([parts[0], [1], parts[1]]).tolist()[0]),
            random=lambda state: self._within(lambda: self.unpack(state)),
            logger=str,
            method=lambda parts: f"{self.unpack(parts[0])}.{parts[1]}",
            enum=lambda parts: f"{parts[1]}.{parts[2]}",
            named=lambda parts: self.many(parts[2]),
            record=lambda parts: self._within(lambda: {"type": parts[1], **self._object(self.many(parts[2]))}),
            made=lambda parts: self._within(lambda: {"type": parts[1], "arguments": self.many(parts[2])}),
            ref=lambda number: f"the same as {self._labels.get(number, number)}",
        )
        self._ways["global"] = lambda parts: ".".join(parts)

    def unpack(self, value: Any) -> Any:
        if type(value) is list:
            return self._within(lambda: self.many(value))
        if type(value) is dict:
            return super().unpack(value)
        return _shown(value)

    def many(self, values: list[Any]) -> list[Any]:
        return [self.unpack(value) for value in values]

    def _within(self, read: Callable[[], Any]) -> Any:
        number = self.reserve()
        return self.settle(number, read())

    def _object(self, flat: list[Any]) -> Any:
        return self._by(flat[::2], flat[1::2])

    def _by(self, keys: list[Any], values: list[Any]) -> Any:
        if all(isinstance(key, str) for key in keys):
            return dict(zip(keys, values, strict=True))
        return [list(pair) for pair in zip(keys, values, strict=True)]

    def _each(self, content: list[Any]) -> list[Any]:
        return [self._from_kept(value) if type(value) is int else self.unpack(value) for value in content]

    def other(self, tag: str, content: Any) -> Any:
        if tag in _MADE:
            return self._build(tag, content)
        if tag == "instrument":
            return self.instruments[content].symbol
        if tag == "kept":
            return self._from_kept(content)
        if tag == "each":
            return self._within(lambda: self._each(content))
        if tag == "by":
            return self._within(lambda: self._by(self.many(content[0]), self._each(content[1])))
        if tag == "fill":
            return f"the same as Fill {content[1]}"
        if tag == "column":
            return memoryview(content).cast("q").tolist()
        return content if tag == "at" or tag in TAGS else super().other(tag, content)

    def _from_kept(self, place: int) -> Any:
        if place in self._shown:
            return f"the same as {self._shown[place]}"
        around, self._labels = self._labels, {}
        made = self.apart(self._kept[place])
        # What is written by itself is the first thing met in it.
        self._shown[place] = self._labels[0]
        self._labels = around
        return made

    def _build(self, tag: str, content: list[Any]) -> Any:
        number = self.reserve()
        made = {"type": tag, **dict(zip(self.columns[tag], self.many(content), strict=True))}
        named = made.get("leg_id") or made.get("fill_id") or made.get("trip_id") or made.get("client_order_id")
        request = made.get("request")
        self._labels[number] = f"{tag} {named or (request['client_order_id'] if isinstance(request, dict) else number)}"
        self.made[tag].append(made)
        return self.settle(number, made)

    def part(self, kind: str, content: Any) -> Any:
        """What is saved of a part, by name of attribute."""
        if kind == "indicator":
            return {"integers": self.many(content[0]), "floats": self.many(content[1]), "own": self._object(self.many(content[2]))}
        if kind == "attributes":
            kept = self._object(self.many(content["kept"]))
            return kept | ({"save_state()": self.unpack(content["state"])} if "state" in content else {})
        return dict(zip(self.columns[f"part {kind}"], self.many(content), strict=True))


def _enum(value: Any) -> Any:
    if isinstance(value, dict):
        ((tag, content),) = value.items()
        return TAGS[tag](content) if tag in TAGS else value
    return value


def _shown(value: Any) -> Any:
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    return value.hex() if isinstance(value, bytes) else value


def _zone(value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"UTC{value[0] * 24 + value[1] / 3600:+g}h" if any(value) else "UTC"


def export_json(payload: bytes) -> str:
    """A snapshot in readable form; exact amounts are decimal texts.

    Raises:
        CannotRestore: the snapshot is damaged or of a later format.
    """
    try:
        content = opened(payload)
        reader = _Reader(content)
        saved = {name: reader.part(kind, values) for name, kind, values in content["parts"]}
        shown = _summary(content, reader, saved) | {"state": saved}
    except (msgspec.MsgspecError, zlib.error, ArithmeticError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, CannotRestore):
            raise
        raise CannotRestore(f"the snapshot is damaged: {type(error).__name__}: {error}") from error
    return json.dumps(shown, indent=2, ensure_ascii=False)


def _summary(content: dict[str, Any], reader: _Reader, saved: dict[str, Any]) -> dict[str, Any]:
    instruments = {instrument.symbol: instrument for instrument in reader.instruments}
    tracks = {track["instrument"]: (name, track) for name, track in saved.items() if name.count("/") == 1 and "last_raw" in track}
    cash = [(" ".join(key), amount) for key, amount in saved["ledger"]["cash"]]
    positions = [position for position in reader.made["Position"] if position["quantity_raw"]]
    value = sum(amount for _, amount in cash)
    shown: list[dict[str, Any]] = []
    for position in positions:
        instrument = instruments[position["instrument"]]
        name, track = tracks[instrument.symbol]
        unit = instrument.money_factor
        value += position["quantity_raw"] * track["last_raw"] * unit
        holding = saved.get(f"holding/{position['owner']}/{name.split('/')[1]}", {})
        average = div_half_even(abs(position["cost"]), abs(position["quantity_raw"]) * unit)
        shown.append(
            {
                "strategy": position["owner"],
                "symbol": instrument.symbol,
                "quantity": str(instrument.quantity(position["quantity_raw"])),
                "average_price": str(instrument.price(average)),
                "last_price": str(instrument.price(track["last_raw"])),
                "stop_price": str(instrument.price(holding["stop_raw"])) if holding.get("stop_raw") else None,
            }
        )
    return {
        "format": content["format"],
        "time": utc(content["time"]).isoformat(),
        "trading_state": saved["state"]["trading_state"],
        "cash": {name: str(from_money(amount)) for name, amount in cash},
        "portfolio_value": str(from_money(value)),
        "positions": shown,
        "pending_orders": [_order(order, instruments) for order in reader.made["Order"] if order["state"] not in _ENDED],
        "strategies": [_strategy(number, slot, saved) for number, slot in enumerate(content["setup"][2])],
    }


def _order(order: dict[str, Any], instruments: dict[str, Instrument]) -> dict[str, Any]:
    request = order["request"]
    instrument = instruments[request["instrument"]]
    prices = {name: order[f"{name}_raw"] for name in ("limit", "stop")}
    return {
        "id": request["client_order_id"],
        "strategy": order["owner"],
        "symbol": instrument.symbol,
        "role": order["role"],
        "side": request["side"],
        "type": request["order_type"],
        "state": order["state"],
        "quantity": str(instrument.quantity(order["quantity_raw"])),
        "filled": str(instrument.quantity(order["filled_raw"])),
    } | {f"{name}_price": str(instrument.price(raw)) for name, raw in prices.items() if raw}


def _strategy(number: int, slot: list[Any], saved: dict[str, Any]) -> dict[str, Any]:
    shown = {"strategy": slot[0], "attributes": saved.get(f"slot/{number}/hooks", {})}
    context = saved.get(f"slot/{number}/context")
    return shown if context is None else shown | {"context": context}
