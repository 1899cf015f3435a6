"""Instruments and corporate actions as JSON: what is kept of each in a catalogue's folder."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from algotrader.core.instruments import AssetClass, Instrument
from algotrader.errors import UserError
from algotrader.history.files import replace_text

FORMAT: Final = 1
"""Version of the catalogue's layout; a newer one is refused rather than misread."""

_FIELDS: Final = tuple(item.name for item in fields(Instrument) if item.init)


def instrument_to_json(instrument: Instrument) -> dict[str, Any]:
    """Everything that defines an instrument, as plain JSON values."""
    values = {name: getattr(instrument, name) for name in _FIELDS}
    values["asset_class"] = instrument.asset_class.value
    return values


def instrument_from_json(values: dict[str, Any]) -> Instrument:
    """The instrument that ``instrument_to_json`` wrote.

    Raises:
        TypeError, ValueError: the values do not define an instrument.
    """
    return Instrument(**{**values, "asset_class": AssetClass(values["asset_class"])})


def read_instruments(path: Path) -> dict[str, Instrument]:
    """Read ``instruments.json``; a file that does not exist gives no instruments.

    Raises:
        UserError: the file is damaged, or of a newer format.
    """
    document = read_document(path)
    try:
        return {symbol: instrument_from_json(values) for symbol, values in document.get("instruments", {}).items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path} is damaged: {error}", "restore it from a copy, or import the data again") from None


def write_instruments(path: Path, instruments: dict[str, Instrument]) -> None:
    """Write ``instruments.json`` in one step."""
    entries = {symbol: instrument_to_json(instruments[symbol]) for symbol in sorted(instruments)}
    write_document(path, {"instruments": entries})


def read_document(path: Path) -> dict[str, Any]:
    """Read a JSON file of the catalogue; one that does not exist reads as empty.

    Raises:
        UserError: the file is damaged, or of a newer format.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}", "restore it from a copy, or import the data again") from None
    if not isinstance(document, dict) or not isinstance(document.get("format"), int):
        raise UserError(f"{path} is not a catalogue file", "give the folder that `data import` or `data generate` wrote")
    if document["format"] > FORMAT:
        raise UserError(f"{path} has catalogue format {document['format']}, this program knows {FORMAT}", "update the program")
    return document


def write_document(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file of the catalogue in one step, with the format's version."""
    replace_text(path, json.dumps({"format": FORMAT, **content}, indent=2) + "\n")
